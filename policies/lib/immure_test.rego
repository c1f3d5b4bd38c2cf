package immure.lib_test

import data.immure.lib

test_hosts if {
	lib.matches_host("a.test", "a.test", false, 1)
	lib.matches_host("A.Test.", "a.test", false, 1)
	lib.matches_host("a.test:1", "a.test", false, 1)
	lib.matches_host("a.test:1", "a.test", false, 0)
	lib.matches_host("*.test", "b.a.test", false, 1)
	lib.matches_host("*", "192.0.2.1", true, 1)
	lib.matches_host("10.0.0.0/8:5432", "10.1.2.3", true, 5432)
	lib.matches_host("[2001:db8::/32]:443", "2001:db8::1", true, 443)
	lib.matches_host("2001:db8::1", "2001:db8::1", true, 443)
	lib.matches_host("a.test:65535", "a.test", false, 65535)
	lib.matches_host("[2001:db8::1]", "2001:db8::1", true, 443)
}

test_other_hosts if {
	not lib.matches_host("a.test:1", "a.test", false, 2)
	not lib.matches_host("*.test", "test", false, 1)
	not lib.matches_host("*.a.test", "ba.test", false, 1)
	not lib.matches_host("10.0.0.0/8", "11.0.0.1", true, 1)
	not lib.matches_host("192.0.2.1", "2001:db8::1", true, 1)
	not lib.matches_host("a.test", "192.0.2.1", true, 1)
}

# no port is called so: the pattern means nothing, rather than any port
test_no_ports if {
	matched := {[pattern, port] |
		some pattern in ["a.test:0", "a.test:00", "a.test:65536", "a.test:-1", "a.test:1.5", "a.test:", "a.test:x"]
		some port in [0, 1, 443, 65535, 65536]
		lib.matches_host(pattern, "a.test", false, port)
	}
	count(matched) == 0
	not lib.matches_host("[2001:db8::1]:0", "2001:db8::1", true, 443)
	not lib.matches_host("10.0.0.0/8:0", "10.1.2.3", true, 443)
}

test_globs if {
	lib.matches_glob("/v1/*", "/v1/x")
	lib.matches_glob("/v1/**", "/v1/x/y")
	lib.matches_glob("/**/y", "/a/b/y")
	lib.matches_glob("/a.b", "/a.b")
	not lib.matches_glob("/v1/*", "/v1/x/y")
	not lib.matches_glob("/a.*", "/axb")
	not lib.matches_glob("/v1", "/v1/")
}

test_workspace if {
	lib.inside_workspace("/w/a") with input.workspace_root as "/w"
	lib.inside_workspace("/w") with input.workspace_root as "/w"
	not lib.inside_workspace("/wa") with input.workspace_root as "/w"
	not lib.inside_workspace("/w/../etc") with input.workspace_root as "/w"
}

test_no_workspace if {
	not lib.inside_workspace("") with input.workspace_root as ""
	not lib.inside_workspace("/") with input.workspace_root as ""
	not lib.inside_workspace("/etc/passwd") with input.workspace_root as ""
	not lib.inside_workspace("/etc") with input as {}
	lib.inside_workspace("/etc") with input.workspace_root as "/"
}

test_read_only if {
	lib.read_only with input.request_summary.resource as {"method": "GET", "websocket": false}
	not lib.read_only with input.request_summary.resource as {"method": "GET", "websocket": true}
	not lib.read_only with input.request_summary.resource as {"method": "POST", "websocket": false}
}
