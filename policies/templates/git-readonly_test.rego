package immure_test

import data.immure

question(action, resource) := {
	"version": 1, "mode": "enforce", "timestamp": "2024-01-15T10:30:00.000000000Z",
	"request_summary": {"action": action, "resource": object.union({"is_address": false}, resource)},
	"caller_identity": {"app": "agent", "sandbox": "vm-00000000", "process": {}},
	"workspace_root": "/tmp/workspace", "caps": {}, "time_window": {},
}

test_refs if {
	immure.decision.verdict == "allow" with input as question("http.request", {
		"websocket": false,
		"scheme": "https",
		"host": "github.com",
		"port": 443,
		"method": "GET",
		"path": "/a/b.git/info/refs",
		"query": "service=git-upload-pack",
	})
}

test_fetch if {
	immure.decision.verdict == "allow" with input as question("http.request", {
		"websocket": false,
		"scheme": "https",
		"host": "gitlab.com",
		"port": 443,
		"method": "POST",
		"path": "/g/s/b.git/git-upload-pack",
	})
}

test_push_refs if {
	immure.decision.verdict == "deny" with input as question("http.request", {
		"websocket": false,
		"scheme": "https",
		"host": "github.com",
		"port": 443,
		"method": "GET",
		"path": "/a/b.git/info/refs",
		"query": "service=git-receive-pack",
	})
}

test_push if {
	immure.decision.verdict == "deny" with input as question("http.request", {
		"websocket": false,
		"scheme": "https",
		"host": "github.com",
		"port": 443,
		"method": "POST",
		"path": "/a/b.git/git-receive-pack",
	})
}

test_page if {
	immure.decision.verdict == "deny" with input as question("http.request", {
		"websocket": false,
		"scheme": "https",
		"host": "github.com",
		"port": 443,
		"method": "GET",
		"path": "/a/b",
	})
}

test_ssh if {
	immure.decision.verdict == "deny" with input as question("net.connect", {"host": "github.com", "port": 22})
}
