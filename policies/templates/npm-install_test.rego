package immure_test

import data.immure

question(action, resource) := {
	"version": 1, "mode": "enforce", "timestamp": "2024-01-15T10:30:00.000000000Z",
	"request_summary": {"action": action, "resource": object.union({"is_address": false}, resource)},
	"caller_identity": {"app": "agent", "sandbox": "vm-00000000", "process": {}},
	"workspace_root": "/tmp/workspace", "caps": {}, "time_window": {},
}

test_package if {
	immure.decision.verdict == "allow" with input as question("http.request", {
		"websocket": false,
		"scheme": "https",
		"host": "registry.npmjs.org",
		"port": 443,
		"method": "GET",
		"path": "/left-pad",
	})
}

test_audit if {
	immure.decision.verdict == "allow" with input as question("http.request", {
		"websocket": false,
		"scheme": "https",
		"host": "registry.npmjs.org",
		"port": 443,
		"method": "POST",
		"path": "/-/npm/v1/security/advisories/bulk",
	})
}

test_publish if {
	immure.decision.verdict == "deny" with input as question("http.request", {
		"websocket": false,
		"scheme": "https",
		"host": "registry.npmjs.org",
		"port": 443,
		"method": "PUT",
		"path": "/left-pad",
	})
}

test_headers if {
	immure.decision.verdict == "allow" with input as question("http.request", {
		"websocket": false,
		"scheme": "https",
		"host": "nodejs.org",
		"port": 443,
		"method": "GET",
		"path": "/download/release/v20.0.0/x.tar.gz",
	})
}

test_site if {
	immure.decision.verdict == "deny" with input as question("http.request", {
		"websocket": false,
		"scheme": "https",
		"host": "nodejs.org",
		"port": 443,
		"method": "GET",
		"path": "/en",
	})
}

test_script if {
	immure.decision.verdict == "deny" with input as question("dns.query", {"host": "downloads.evil.example"})
}
