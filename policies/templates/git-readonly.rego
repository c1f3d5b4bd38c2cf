# git clone and fetch over HTTPS: a push is denied before it begins, as it asks for another service. SSH is denied:
# what passes there cannot be read.
package immure

import data.immure.lib

hosts := ["github.com:443", "gitlab.com:443", "codeberg.org:443", "bitbucket.org:443"]

decision := lib.allow("git", "a host of repositories") if {
	lib.flow_to(hosts)
} else := lib.allow("git", "it asks what there is to fetch") if {
	lib.request_to(hosts)
	lib.resource.method == "GET"
	lib.path_in(["/**/info/refs"])
	lib.resource.query == "service=git-upload-pack"
} else := lib.allow("git", "it fetches") if {
	lib.request_to(hosts)
	lib.resource.method == "POST"
	lib.path_in(["/**/git-upload-pack"])
} else := lib.deny("git", "only clone and fetch are allowed") if {
	lib.request_to(hosts)
} else := lib.otherwise
