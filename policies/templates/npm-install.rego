# `npm install` and `npm audit`: packages are read, nothing is published. Downloads of install scripts from elsewhere
# (node-gyp's headers excepted) are denied: see what is missing with `immure audit --denied`.
package immure

import data.immure.lib

registry := ["registry.npmjs.org:443"]

headers := ["nodejs.org:443"]

decision := lib.allow("registry", "npm's registry, or the headers that node-gyp needs") if {
	lib.flow_to(array.concat(registry, headers))
} else := lib.allow("registry", "a package is read") if {
	lib.request_to(registry)
	lib.read_only
} else := lib.allow("audit", "npm asks for advisories") if {
	lib.request_to(registry)
	lib.resource.method == "POST"
	lib.path_in(["/-/npm/v1/security/**"])
} else := lib.allow("headers", "the headers that node-gyp needs") if {
	lib.request_to(headers)
	lib.read_only
	lib.path_in(["/download/release/**", "/dist/**"])
} else := lib.otherwise
