# The smallest policy: what is not in these lists is denied, or asked for in mode "ask". Copy it and fill them.
package immure

import data.immure.lib

# all of it: any request, any path
hosts := ["api.example.com", "*.example.org:443"]

# GET, HEAD and OPTIONS alone
hosts_to_read := ["docs.example.com"]

decision := lib.allow("hosts", "it is among the hosts") if {
	lib.host_in(hosts)
} else := lib.allow("hosts_to_read", "it is among the hosts to read from") if {
	lib.flow_to(hosts_to_read)
} else := lib.allow("hosts_to_read", "it only reads from a host to read from") if {
	lib.request_to(hosts_to_read)
	lib.read_only
} else := lib.otherwise
