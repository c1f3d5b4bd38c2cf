package immure_test

import data.immure

question(action, resource) := {
	"version": 1, "mode": "enforce", "timestamp": "2024-01-15T10:30:00.000000000Z",
	"request_summary": {"action": action, "resource": object.union({"is_address": false}, resource)},
	"caller_identity": {"app": "agent", "sandbox": "vm-00000000", "process": {}},
	"workspace_root": "/tmp/workspace", "caps": {}, "time_window": {},
}

test_name if {
	immure.decision.verdict == "allow" with input as question("dns.query", {"host": "example.com"})
}

test_read if {
	immure.decision.verdict == "allow" with input as question("http.request", {
		"websocket": false,
		"scheme": "https",
		"host": "example.com",
		"port": 443,
		"method": "GET",
		"path": "/",
	})
}

test_send if {
	immure.decision.verdict == "ask" with input as question("http.request", {
		"websocket": false,
		"scheme": "https",
		"host": "example.com",
		"port": 443,
		"method": "POST",
		"path": "/form",
	})
}

test_trusted if {
	immure.decision.verdict == "allow" with input as question("http.request", {
		"websocket": false,
		"scheme": "https",
		"host": "duckduckgo.com",
		"port": 443,
		"method": "POST",
		"path": "/html",
	})
}

test_websocket if {
	immure.decision.verdict == "ask" with input as question("http.request", {
		"websocket": true,
		"scheme": "https",
		"host": "example.com",
		"port": 443,
		"method": "GET",
		"path": "/",
	})
}

test_number if {
	immure.decision.verdict == "deny" with input as question("net.connect", {"host": "192.168.1.1", "port": 80, "is_address": true})
}

test_ssh if {
	immure.decision.verdict == "deny" with input as question("net.connect", {"host": "example.com", "port": 22})
}
