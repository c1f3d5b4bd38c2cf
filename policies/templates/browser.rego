# The web to read: any name on the usual ports. What sends something is asked for, unless the host is trusted with it;
# addresses by number are denied, as pages can name what stands behind a firewall.
package immure

import data.immure.lib

may_send_to := ["duckduckgo.com:443"]

decision := lib.deny("numbers", "a page is reached by a name, not by a number") if {
	lib.resource.is_address
} else := lib.allow("web", "any site may be read") if {
	lib.flow_to(["*:80", "*:443"])
} else := lib.allow("web", "it only reads") if {
	lib.request_to(["*:80", "*:443"])
	lib.read_only
} else := lib.allow("may_send_to", "the host is trusted with what is sent") if {
	lib.request_to(may_send_to)
} else := lib.ask("web", sprintf("%s %s sends something to %s", [lib.resource.method, lib.resource.path, lib.resource.host])) if {
	lib.request_to(["*:80", "*:443"])
} else := lib.otherwise
