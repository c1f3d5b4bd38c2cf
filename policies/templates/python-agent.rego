# A coding agent in Python: its model, packages from PyPI, repositories to read. It cannot upload or push.
package immure

import data.immure.lib

llm := ["api.anthropic.com:443", "api.openai.com:443"]

to_read := [
	"pypi.org:443", "files.pythonhosted.org:443",
	"github.com:443", "codeload.github.com:443", "raw.githubusercontent.com:443", "objects.githubusercontent.com:443",
]

decision := lib.allow("llm", "the agent's model") if {
	lib.host_in(llm)
} else := lib.allow("to_read", "packages and repositories") if {
	lib.flow_to(to_read)
} else := lib.deny("to_read", "nothing is pushed") if {
	lib.request_to(to_read)
	contains(object.get(lib.resource, "query", ""), "git-receive-pack")
} else := lib.allow("to_read", "it reads packages or repositories") if {
	lib.request_to(to_read)
	lib.read_only
} else := lib.allow("to_read", "it fetches from a repository") if {
	lib.request_to(["github.com:443"])
	lib.resource.method == "POST"
	lib.path_in(["/*/*/git-upload-pack"])
} else := lib.otherwise
