# A coding agent in Node.js: its model, packages from npm, repositories to read. It cannot publish or push.
package immure

import data.immure.lib

llm := ["api.anthropic.com:443", "api.openai.com:443"]

to_read := [
	"registry.npmjs.org:443", "nodejs.org:443",
	"github.com:443", "codeload.github.com:443", "raw.githubusercontent.com:443", "objects.githubusercontent.com:443",
]

decision := lib.allow("llm", "the agent's model") if {
	lib.host_in(llm)
} else := lib.allow("to_read", "packages and repositories") if {
	lib.flow_to(to_read)
} else := lib.deny("to_read", "nothing is pushed or published") if {
	lib.request_to(to_read)
	contains(object.get(lib.resource, "query", ""), "git-receive-pack")
} else := lib.allow("to_read", "it reads packages or repositories") if {
	lib.request_to(to_read)
	lib.read_only
} else := lib.allow("to_read", "it fetches from a repository, or asks for advisories") if {
	lib.request_to(["github.com:443", "registry.npmjs.org:443"])
	lib.resource.method == "POST"
	lib.path_in(["/*/*/git-upload-pack", "/-/npm/v1/security/**"])
} else := lib.otherwise
