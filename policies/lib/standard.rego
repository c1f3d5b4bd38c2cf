# The owner's settings (`allowed_hosts`, `rules`) and consent, as a decision. It is the whole of the default
# policy; a policy of one's own may end with `else := standard.decision`.
#
# data.immure.settings and data.consent are described in src/policy/settings.h. Each question runs through
# this: values are handed from function to function, as a reference to a rule or to data costs more.
package immure.standard

decision := result if {
	summary := input.request_summary
	found := found_by(summary.action, summary.resource, data.immure.settings)
	result := settled(found, consent_to(summary.action, summary.resource), summary)
}

# What the settings say: [kind, decision, obligations if consent allows it]. Of what is "open" no rule speaks;
# consent changes that, and what is "refused" by a rule; what is "allowed" it can only deny; "final" is final.

found_by(action, resource, settings) := ["open", denied("no network is allowed to this sandbox"), {}] if {
	settings.empty
} else := by_request(resource, settings) if {
	action == "http.request"
} else := by_flow(resource, object.get(resource, "port", 0), settings) if {
	action == "net.connect"
} else := by_name(resource, settings) if {
	action == "dns.query"
} else := ["open", denied("no rule speaks of such a thing"), {}]

# --- names

by_name(resource, settings) := ["allowed", allowed(rule, sprintf("%s is an allowed host", [resource.host]), {}), {}] if {
	not resource.is_address # which needs no query
	entries := entries_of(resource, ["?"], settings)
	rule := first_of(numbers_of(entries), entries)
} else := [kind, denied(sprintf("%s is not among the allowed hosts", [resource.host])), {}] if {
	kind := {true: "final", false: "open"}[resource.is_address]
}

# --- flows

by_flow(resource, port, settings) := result if {
	port > 0
	entries := entries_of(resource, [format_int(port, 10), "*"], settings)
	numbers := numbers_of(entries)
	rule := first_of(numbers, entries)
	result := flow_by(resource, rule, flow_obligations(numbers, entries, settings))
} else := [kind, denied(sprintf("%s port %d is not among the allowed hosts", [resource.host, port])), {}] if {
	kind := {true: "open", false: "final"}[port > 0]
}

# to hold a flow to a part of its pins would be another rule than the one given
flow_by(resource, rule, obligations) := ["final", refused(rule, reason), {}] if {
	count(obligations.pins) > 32
	reason := sprintf("more than 32 pins hold for %s port %d", [resource.host, resource.port])
} else := ["allowed", allowed(rule, reason, obligations), {}] if {
	reason := sprintf("%s port %d is an allowed host", [resource.host, resource.port])
}

is_ported(entries) if {
	some entry in entries
	entry.ported
}

# One rule's own are ready. Of several the pins join, the first idle time counts, and the first rule by which
# the flow may pass in a way unread is the one it counts with.
flow_obligations(numbers, entries, settings) := settings.rules[numbers[0]].flow if {
	count(numbers) == 1
	not is_ported(entries)
} else := {} if {
	count(numbers) == 0
	not is_ported(entries)
} else := joined(rules, count([1 | is_ported(entries)])) if {
	rules := [settings.rules[number] | some number in numbers]
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

by_request(resource, settings) := result if {
	is_request(resource)
	entries := entries_of(resource, [format_int(resource.port, 10), "*"], settings)
	says := [[number, judged(settings.rules[number], resource)] | some number in numbers_of(entries)]
	result := request_by(resource, says, entries, settings)
} else := ["final", denied("that is no request"), {}]

is_request(resource) if {
	resource.port > 0
	resource.method != ""
	target_of(resource) != ""
}

judged(rule, resource) := "method" if {
	rule.methods
	not rule.methods[method_of(resource)]
} else := "path" if {
	rule.paths
	not has_path(rule.paths, resource.path)
} else := "allows"

# it begins as a GET, but what follows may say anything to the server
method_of(resource) := "WEBSOCKET" if {
	resource.websocket
} else := resource.method

has_path(paths, path) if {
	paths.exact[path]
} else if {
	some begin in paths.below
	startswith(path, begin)
} else if {
	some begin in paths.level
	startswith(path, begin)
	not contains(substring(path, count(begin), -1), "/")
} else if {
	some pattern in paths.regex
	regex.match(pattern, path)
}

# The first rule that allows; else an allowed host; else the first whose path did not fit, else whose method.
request_by(resource, says, entries, settings) := ["allowed", decision, {}] if {
	number := first_that(says, "allows")
	reason := sprintf("%s port %d is an allowed host", [resource.host, resource.port])
	decision := allowed(sprintf("rules[%d]", [number]), reason, settings.rules[number].request)
} else := ["allowed", allowed(rule, reason, {}), {}] if {
	rule := first_of([], entries)
	reason := sprintf("%s port %d is an allowed host", [resource.host, resource.port])
} else := ["refused", refused(sprintf("rules[%d]", [number]), reason), settings.rules[number].request] if {
	number := first_that(says, "path")
	reason := sprintf("%s does not allow %s on the path %s", [
		resource.host, substring(method_of(resource), 0, 32),
		substring(target_of(resource), 0, 160),
	])
} else := ["refused", refused(sprintf("rules[%d]", [number]), reason), settings.rules[number].request] if {
	number := says[0][0]
	reason := sprintf("%s allows %s only, not %s", [
		resource.host, settings.rules[number].methods_text,
		substring(method_of(resource), 0, 32),
	])
} else := ["open", denied(reason), {}] if {
	reason := sprintf("%s port %d is not among the allowed hosts", [resource.host, resource.port])
}

first_that(says, what) := [number | some [number, said] in says; said == what][0]

target_of(resource) := sprintf("%s?%s", [resource.path, resource.query]) if {
	resource.query
} else := resource.path

# --- the index

# what is kept under the host, its suffixes and "*", each at these ports
entries_of(resource, ports, settings) := [entry |
	some key in keys_of(resource, settings)
	at := settings.by_host[key]
	some port in ports
	entry := at[port]
]

keys_of(resource, settings) := array.concat([resource.host, "*"], suffixes(resource.host, settings.depths)) if {
	not resource.is_address
} else := array.concat([resource.host, "*"], prefixes(resource.host, settings.prefixes))

suffixes(host, depths) := [] if {
	count(depths) == 0
} else := found if {
	labels := split(host, ".")
	all := count(labels)
	found := [sprintf("*.%s", [concat(".", array.slice(labels, all - depth, all))]) |
		some depth in depths
		depth < all
	]
}

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

numbers_of(entries) := sort([number | some entry in entries; some number in entry.rules])

first_of(numbers, entries) := sprintf("rules[%d]", [number]) if {
	number := numbers[0]
} else := sprintf("allowed_hosts[%d]", [number]) if {
	number := min([entry.allowed | some entry in entries])
}

# --- consent

# "deny", "allow" or "none"
consent_to(action, resource) := effect_of(grants) if {
	at := data.consent.hosts[resource.host]
	grants := [grant |
		some port in grant_ports(action, resource)
		some grant in at[port]
		holds(grant, action)
	]
} else := "none"

grant_ports(action, resource) := ["?"] if {
	action == "dns.query"
} else := [format_int(resource.port, 10), "*"]

holds(grant, action) if {
	covers(grant, action)
	app := input.caller_identity.app
	object.get(grant, "app", app) == app
	object.get(grant, "expires", "~") > input.timestamp # "~" is behind all digits
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

# A name that may be asked about is answered: no query leaves the host, and the flow to it is what is asked.
settled(found, effect, summary) := found[1] if {
	effect == "none"
	found[0] in ["allowed", "refused", "final"]
} else := refused("consent", sprintf("consent to %s was refused", [shown(summary.resource)])) if {
	effect == "deny"
	found[0] != "final"
} else := allowed("consent", sprintf("there is consent to %s", [shown(summary.resource)]), found[2]) if {
	effect == "allow"
	found[0] in ["open", "refused"]
} else := object.union(found[1], {"verdict": "ask"}) if {
	found[0] == "open"
	input.mode == "ask"
	summary.action != "dns.query"
} else := allowed("default", sprintf("%s may be asked for", [summary.resource.host]), {}) if {
	found[0] == "open"
	input.mode == "ask"
} else := found[1]

shown(resource) := sprintf("%s port %d", [resource.host, resource.port]) if {
	resource.port
} else := resource.host

# --- decisions

allowed(rule, reason, obligations) := {"verdict": "allow", "rule": rule, "reasons": [reason], "obligations": obligations}

refused(rule, reason) := {"verdict": "deny", "rule": rule, "reasons": [reason], "obligations": {}}

denied(reason) := {"verdict": "deny", "rule": "default", "reasons": [reason], "obligations": {}}
