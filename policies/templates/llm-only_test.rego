package immure_test

import data.immure

question(action, resource) := {
	"version": 1, "mode": "enforce", "timestamp": "2024-01-15T10:30:00.000000000Z",
	"request_summary": {"action": action, "resource": object.union({"is_address": false}, resource)},
	"caller_identity": {"app": "agent", "sandbox": "vm-00000000", "process": {}},
	"workspace_root": "/tmp/workspace", "caps": {}, "time_window": {},
}

test_flow if {
	immure.decision.verdict == "allow" with input as question("net.connect", {"host": "api.openai.com", "port": 443})
}

test_no_tls if {
	immure.decision.verdict == "deny" with input as question("net.connect", {"host": "api.openai.com", "port": 80})
}

test_message if {
	immure.decision.verdict == "allow" with input as question("http.request", {
		"websocket": false,
		"scheme": "https",
		"host": "api.anthropic.com",
		"port": 443,
		"method": "POST",
		"path": "/v1/messages",
	})
}

test_other_path if {
	immure.decision.verdict == "deny" with input as question("http.request", {
		"websocket": false,
		"scheme": "https",
		"host": "api.anthropic.com",
		"port": 443,
		"method": "POST",
		"path": "/v1/files",
	})
}

test_other_method if {
	immure.decision.verdict == "deny" with input as question("http.request", {
		"websocket": false,
		"scheme": "https",
		"host": "api.openai.com",
		"port": 443,
		"method": "DELETE",
		"path": "/v1/models/x",
	})
}

test_other_host if {
	immure.decision.verdict == "deny" with input as question("net.connect", {"host": "pastebin.com", "port": 443})
}
