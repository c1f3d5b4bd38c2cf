package immure_test

import data.immure

settings := {
	"empty": false, "narrow": true, "depths": [], "prefixes": {},
	"rules": [{"name": "rules[0]", "methods": {"GET": true}, "methods_text": "GET", "any_path": true, "request": {}, "flow": {}}],
	"by_host": {"a.test": {"alone": true, "*": entry, "?": entry}},
	"only": {},
}

entry := {"name": "rules[0]", "rules": [0]}

question(action, resource, mode) := {
	"version": 1, "mode": mode, "timestamp": "2024-01-15T10:30:00.000000000Z",
	"request_summary": {"action": action, "resource": object.union({"is_address": false}, resource)},
	"caller_identity": {"app": "agent", "sandbox": "vm-00000000", "process": {}},
	"workspace_root": "/tmp/workspace", "caps": {}, "time_window": {},
}

request(method, mode) := question("http.request", {"host": "a.test", "port": 443, "method": method, "path": "/", "websocket": false}, mode)

flow(host, mode) := question("net.connect", {"host": host, "port": 443}, mode)

consent(grant) := {"hosts": {"a.test": {"443": [grant], "?": [grant]}, "b.test": {"443": [grant], "?": [grant]}}}

decided(asked, grant) := decision if {
	decision := immure.decision with input as asked
		with data.immure.settings as settings
		with data.consent as consent(grant)
}

other := {"action": "net.connect", "effect": "allow", "app": "another"}

yes := {"action": "net.connect", "effect": "allow", "app": "agent"}

no := {"action": "net.connect", "effect": "deny"}

requests_no := {"action": "http.request", "effect": "deny"}

requests_yes := {"action": "http.request", "effect": "allow"}

names_yes := {"action": "dns.query", "effect": "allow"}

test_rule if decided(request("GET", "enforce"), other).rule == "rules[0]"

test_refused_by_rule if decided(request("PUT", "ask"), other).verdict == "deny"

test_unspoken if decided(flow("b.test", "enforce"), other).verdict == "deny"

test_unspoken_is_asked if decided(flow("b.test", "ask"), other).verdict == "ask"

test_unspoken_name_is_answered if decided(question("dns.query", {"host": "b.test"}, "ask"), other).verdict == "allow"

test_number_needs_no_query if {
	decided(question("dns.query", {"host": "192.0.2.1", "is_address": true}, "ask"), other).verdict == "deny"
}

test_audit_judges_as_enforce if decided(flow("b.test", "audit"), other).verdict == "deny"

test_consent if decided(flow("b.test", "enforce"), yes) == {
	"verdict": "allow", "rule": "consent", "reasons": ["there is consent to b.test port 443"], "obligations": {},
}

test_consent_to_a_flow_is_one_to_its_name if {
	decided(question("dns.query", {"host": "b.test"}, "enforce"), yes).verdict == "allow"
}

# nobody was asked about that
test_no_consent_over_a_rule if decided(request("PUT", "enforce"), yes).rule == "rules[0]"

test_consent_of_a_method if {
	grant := {"action": "http.request", "effect": "deny", "method": "PUT"}
	decided(request("GET", "enforce"), grant).rule == "rules[0]"
}

test_consent_is_of_a_port if {
	decided(question("net.connect", {"host": "b.test", "port": 22}, "enforce"), yes).verdict == "deny"
}

test_consent_to_a_name_only if decided(flow("b.test", "enforce"), names_yes).verdict == "deny"

test_consent_to_requests if decided(flow("b.test", "enforce"), requests_yes).verdict == "allow"

test_refusal if decided(request("GET", "enforce"), no).rule == "consent"

test_refusal_of_requests if decided(request("GET", "enforce"), requests_no).verdict == "deny"

test_refusal_of_requests_is_none_of_flows if decided(flow("a.test", "enforce"), requests_no).verdict == "allow"

test_other_actions if decided(question("exec", {"program": "/bin/sh"}, "enforce"), other).verdict == "deny"
