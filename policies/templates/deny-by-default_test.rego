package immure_test

import data.immure

question(action, resource) := {
	"version": 1, "mode": "enforce", "timestamp": "2024-01-15T10:30:00.000000000Z",
	"request_summary": {"action": action, "resource": object.union({"is_address": false}, resource)},
	"caller_identity": {"app": "agent", "sandbox": "vm-00000000", "process": {}},
	"workspace_root": "/tmp/workspace", "caps": {}, "time_window": {},
}

test_hosts if {
	immure.decision.verdict == "allow" with input as question("net.connect", {"host": "api.example.com", "port": 22})
}

test_below if {
	immure.decision.verdict == "allow" with input as question("http.request", {
		"websocket": false,
		"scheme": "https",
		"host": "a.example.org",
		"port": 443,
		"method": "POST",
		"path": "/",
	})
}

test_port if {
	immure.decision.verdict == "deny" with input as question("net.connect", {"host": "a.example.org", "port": 80})
}

test_reading if {
	immure.decision.verdict == "allow" with input as question("http.request", {
		"websocket": false,
		"scheme": "https",
		"host": "docs.example.com",
		"port": 443,
		"method": "GET",
		"path": "/",
	})
}

test_writing if {
	immure.decision.verdict == "deny" with input as question("http.request", {
		"websocket": false,
		"scheme": "https",
		"host": "docs.example.com",
		"port": 443,
		"method": "PUT",
		"path": "/",
	})
}

test_other_name if {
	immure.decision.verdict == "deny" with input as question("dns.query", {"host": "evil.example"})
}

test_file if {
	immure.decision.verdict == "deny" with input as question("fs.open", {"file": "/etc/shadow", "flags": []})
}
