# The owner's settings (`allowed_hosts`, `rules`) and consent, as a decision. It is the whole of the default
# policy; a policy of one's own may end with `else := standard.decision`.
#
# data.immure.settings and data.consent are described in src/policy/settings.h. Each question runs through
# this, and a call costs more than anything else here. So what is common comes first, and without calls: a host
# of which one entry speaks, whatever the port, that is allowed, and of which no consent speaks.
package immure.standard

decision := {"verdict": "allow", "rule": entry.name, "reasons": [reason], "obligations": obligations} if {
	summary := input.request_summary
	resource := summary.resource
	entry := data.immure.settings.only[resource.host]
	obligations := entry[summary.action]
	not data.consent.hosts[resource.host]
	not resource.method == ""
	not resource.path == ""
	reason := sprintf("%s port %d is an allowed host", [resource.host, resource.port])
} else := {"verdict": "allow", "rule": rule.name, "reasons": [reason], "obligations": rule.request} if {
	input.request_summary.action == "http.request"
	resource := input.request_summary.resource
	settings := data.immure.settings
	rule := settings.rules[settings.only[resource.host].rules[0]]
	resource.method != ""
	resource.path != ""
	not resource.websocket
	judged(rule, resource.method, resource.path) == "allows"
	not data.consent.hosts[resource.host]
	reason := sprintf("%s port %d is an allowed host", [resource.host, resource.port])
} else := {"verdict": "allow", "rule": entry.name, "reasons": [reason], "obligations": {}} if {
	input.request_summary.action == "dns.query"
	resource := input.request_summary.resource
	entry := data.immure.settings.only[resource.host]
	entry.name
	not resource.is_address
	not data.consent.hosts[resource.host]
	reason := sprintf("%s is an allowed host", [resource.host])
} else := result if {
	summary := input.request_summary
	resource := summary.resource
	settings := data.immure.settings
	entry := entry_of(resource, settings, port_of(summary.action, resource))
	result := settled(found_by(summary.action, resource, settings, entry), summary)
}

port_of(action, resource) := "?" if { # a query has none
	action == "dns.query"
} else := format_int(resource.port, 10) if {
	resource.port
} else := "none"

# What the settings say: [kind, decision, obligations if consent allows it]. Of what is "open" no rule speaks;
# consent changes that; what is "allowed" it can only deny; what is "refused" by a rule stays so; "final" is final.

found_by(action, resource, settings, entry) := ["allowed", decision, {}] if {
	action == "http.request"
	is_request(resource)
	method := {true: "WEBSOCKET", false: resource.method}[resource.websocket]
	rule := [each |
		some number in entry.rules
		each := settings.rules[number]
		judged(each, method, resource.path) == "allows"
	][0]
	reason := sprintf("%s port %d is an allowed host", [resource.host, resource.port])
	decision := {"verdict": "allow", "rule": rule.name, "reasons": [reason], "obligations": rule.request}
} else := ["allowed", decision, {}] if {
	action == "net.connect"
	entry.name
	obligations := flow_obligations(entry, settings)
	count(object.get(obligations, "pins", [])) <= 32
	reason := sprintf("%s port %d is an allowed host", [resource.host, resource.port])
	decision := {"verdict": "allow", "rule": entry.name, "reasons": [reason], "obligations": obligations}
} else := ["allowed", decision, {}] if {
	action == "dns.query"
	not resource.is_address # which needs no query
	entry.name
	reason := sprintf("%s is an allowed host", [resource.host])
	decision := {"verdict": "allow", "rule": entry.name, "reasons": [reason], "obligations": {}}
} else := ["open", denied("no network is allowed to this sandbox"), {}] if {
	settings.empty
} else := request_not_by_rule(resource, settings, entry) if {
	action == "http.request"
} else := flow_refused(resource, entry) if {
	action == "net.connect"
} else := [kind, denied(sprintf("%s is not among the allowed hosts", [resource.host])), {}] if {
	action == "dns.query"
	kind := {true: "final", false: "open"}[resource.is_address]
} else := ["open", denied("no rule speaks of such a thing"), {}]

# --- flows

# to hold a flow to a part of its pins would be another rule than the one given
flow_refused(resource, entry) := ["final", refused(entry.name, reason), {}] if {
	entry.name
	reason := sprintf("more than 32 pins hold for %s port %d", [resource.host, resource.port])
} else := ["open", denied(sprintf("%s port %d is not among the allowed hosts", [resource.host, resource.port])), {}] if {
	resource.port
} else := ["final", denied(sprintf("%s port 0 is not among the allowed hosts", [resource.host])), {}]

# One rule's own are ready. Of several the pins join, the first idle time counts, and the first rule by which
# the flow may pass in a way unread is the one it counts with.
flow_obligations(entry, settings) := settings.rules[entry.rules[0]].flow if {
	count(entry.rules) == 1
	not entry.ported
} else := {} if {
	count(entry.rules) == 0
	not entry.ported
} else := joined(rules, count([1 | entry.ported])) if {
	rules := [settings.rules[number] | some number in entry.rules]
}

joined(rules, ported) := {name: value | some name, value in all; not value in [false, null, []]} if {
	pins := joined_pins([pin | some rule in rules; some pin in rule.pins])
	through := passthrough(rules, pins)
	raw := [rule | some rule in rules; rule.raw]
	all := {
		"raw": count(raw) + ported > 0,
		"passthrough": through,
		"idle_ms": first_or_null([rule.idle_ms | some rule in rules]),
		"pins": pins,
		"quotas": joined_quotas(first_quota([rules[0] | through]), first_quota(raw)),
	}
}

# what is not opened shows no certificate
passthrough(rules, pins) if {
	rules[0].passthrough
	count(pins) == 0
} else := false

# each once, in the order of the rules
joined_pins(all) := [] if {
	count(all) == 0
} else := [pin | some [_, pin] in sort(firsts)] if {
	distinct := {any | some any in all}
	firsts := [[at, one] |
		some one in distinct
		at := [i | some i, other in all; other == one][0]
	]
}

first_or_null(list) := list[0] if {
	count(list) > 0
} else := null

first_quota(rules) := quota if {
	quota := rules[0].quota
} else := null

joined_quotas(through, raw) := null if {
	through == null
	raw == null
} else := [through, null] if {
	through == raw
} else := [through, raw]

# --- requests

judged(rule, method, path) := "method" if {
	not rule.any_method
	not rule.methods[method]
} else := "allows" if {
	rule.any_path
} else := "allows" if {
	rule.paths.exact[path]
} else := "allows" if {
	some begin in rule.paths.below
	startswith(path, begin)
} else := "allows" if {
	some begin in rule.paths.level
	startswith(path, begin)
	not contains(substring(path, count(begin), -1), "/")
} else := "allows" if {
	some pattern in rule.paths.regex
	regex.match(pattern, path)
} else := "path"

# No rule allows it: perhaps an allowed host does. Else it is refused by the first rule whose path did not fit,
# or the first whose method did not. A request for WebSocket begins as a GET, but what follows may say anything.
request_not_by_rule(resource, settings, entry) := ["final", denied("that is no request"), {}] if {
	not is_request(resource)
} else := ["allowed", allowed(sprintf("allowed_hosts[%d]", [entry.allowed]), reason, {}), {}] if {
	entry.allowed >= 0
	reason := sprintf("%s port %d is an allowed host", [resource.host, resource.port])
} else := ["open", denied(sprintf("%s port %d is not among the allowed hosts", [resource.host, resource.port])), {}] if {
	not entry.name
} else := ["refused", refused(rule.name, reason), rule.request] if {
	method := {true: "WEBSOCKET", false: resource.method}[resource.websocket]
	rules := [settings.rules[number] | some number in entry.rules]
	rule := [each | some each in rules; judged(each, method, resource.path) == "path"][0]
	reason := sprintf("%s does not allow %s on the path %s", [
		resource.host, substring(method, 0, 32),
		substring(target_of(resource), 0, 160),
	])
} else := ["refused", refused(rule.name, reason), rule.request] if {
	method := {true: "WEBSOCKET", false: resource.method}[resource.websocket]
	rule := settings.rules[entry.rules[0]]
	reason := sprintf("%s allows %s only, not %s", [resource.host, rule.methods_text, substring(method, 0, 32)])
}

is_request(resource) if {
	resource.port > 0
	resource.method != ""
	target_of(resource) != ""
}

target_of(resource) := sprintf("%s?%s", [resource.path, resource.query]) if {
	resource.query
} else := resource.path

# --- the index

# what matches the host and port; without a name if nothing does
entry_of(resource, settings, port) := object.get(at, port, at["*"]) if {
	at := settings.by_host[resource.host]
	at.alone
} else := {"rules": []} if {
	settings.narrow
} else := merged(entries) if {
	wider := wider_than(resource, settings)
	entries := [entry |
		some key in wider
		at := settings.by_host[key]
		entry := object.get(at, port, at["*"])
		entry.name
	]
}

# of several that match: all rules in their order, and the first allowed host
merged(entries) := {"rules": []} if {
	count(entries) == 0
} else := entries[0] if {
	count(entries) == 1
} else := {"name": sprintf("rules[%d]", [rules[0]]), "rules": rules, "allowed": allowed_host, "ported": ported} if {
	rules := sort([number | some entry in entries; some number in entry.rules])
	count(rules) > 0
	allowed_host := lowest([entry.allowed | some entry in entries])
	ported := count([1 | some entry in entries; entry.ported]) > 0
} else := {"name": sprintf("allowed_hosts[%d]", [allowed_host]), "rules": [], "allowed": allowed_host, "ported": ported} if {
	allowed_host := min([entry.allowed | some entry in entries])
	ported := count([1 | some entry in entries; entry.ported]) > 0
}

lowest(numbers) := min(numbers) if {
	count(numbers) > 0
} else := -1

# the host itself and what may mean it as well
wider_than(resource, settings) := array.concat(found, [resource.host, "*"]) if {
	not resource.is_address
	dots := indexof_n(resource.host, ".")
	all := count(dots)
	found := [substring(resource.host, dots[all - depth], -1) | some depth in settings.depths; depth <= all]
} else := array.concat(prefixes(resource.host, settings.prefixes), [resource.host, "*"])

prefixes(host, known) := [] if {
	count(known) == 0
} else := found if {
	found := [prefix |
		some begin in beginnings(host)
		some prefix in known[begin]
		net.cidr_contains(prefix, host)
	]
}

beginnings(host) := ["", one, two] if {
	not contains(host, ":")
	part := split(host, ".")
	one := sprintf("%s.", [part[0]])
	two := sprintf("%s.%s.", [part[0], part[1]])
} else := ["", one, two] if {
	part := split(host, ":")
	one := sprintf("%s:", [group(part[0])])
	two := sprintf("%s:%s:", [group(part[0]), group(part[1])])
}

group(text) := "0" if { # of a row of zeros that is left out
	text == ""
} else := text

# --- consent

settled(found, summary) := found[1] if {
	found[0] != "open"
	not data.consent.hosts[summary.resource.host]
} else := settled_with(found, effect_of(grants), summary) if {
	grants := [grant |
		some port in [port_of(summary.action, summary.resource), "*"]
		some grant in data.consent.hosts[summary.resource.host][port]
		holds(grant, summary.action)
	]
}

# A name that may be asked about is answered: no query leaves the host, and the flow to it is what is asked.
settled_with(found, effect, summary) := refused("consent", sprintf("consent to %s was refused", [shown(summary)])) if {
	effect == "deny"
	found[0] != "final"
} else := allowed("consent", sprintf("there is consent to %s", [shown(summary)]), found[2]) if {
	effect == "allow"
	found[0] == "open" # what a rule refuses stays refused: nobody was asked about that
} else := found[1] if {
	found[0] != "open"
} else := found[1] if {
	input.mode != "ask"
} else := allowed("default", sprintf("%s may be asked for", [shown(summary)]), {}) if {
	summary.action == "dns.query"
} else := object.union(found[1], {"verdict": "ask"})

shown(summary) := sprintf("%s port %d", [summary.resource.host, summary.resource.port]) if {
	summary.action != "dns.query"
	summary.resource.port
} else := summary.resource.host

holds(grant, action) if {
	covers(grant, action)
	app := input.caller_identity.app
	object.get(grant, "app", app) == app
	resource := input.request_summary.resource
	method := object.get(resource, "method", "")
	object.get(grant, "method", method) == method
	path := object.get(resource, "path", "")
	object.get(grant, "path", path) == path
}

# Who may connect may know the name and send requests; who may send requests, what it takes to.
covers(grant, action) if {
	grant.action == action
} else if {
	grant.action == "net.connect"
	action in ["dns.query", "http.request"]
} else if {
	grant.action == "http.request"
	grant.effect == "allow"
	action in ["dns.query", "net.connect"]
}

effect_of(grants) := "deny" if {
	some grant in grants
	grant.effect != "allow"
} else := "allow" if {
	count(grants) > 0
} else := "none"

# --- decisions

allowed(rule, reason, obligations) := {"verdict": "allow", "rule": rule, "reasons": [reason], "obligations": obligations}

refused(rule, reason) := {"verdict": "deny", "rule": rule, "reasons": [reason], "obligations": {}}

denied(reason) := {"verdict": "deny", "rule": "default", "reasons": [reason], "obligations": {}}
