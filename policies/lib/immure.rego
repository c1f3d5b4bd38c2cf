# What policies are made of: `import data.immure.lib`, then lib.host_in([...]), lib.allow("rule", "reason") ...
package immure.lib

# --- the question

action := input.request_summary.action

resource := input.request_summary.resource

app := input.caller_identity.app

# --- hosts: "example.com", "*.example.com" (all below it, not itself), "*", "192.0.2.1", "10.0.0.0/8",
# "2001:db8::/32", each with ":443" for that port alone ("[2001:db8::/32]:443"). Addresses match flows to that
# number, never a name. A query for a name has no port yet: any fits.

# Does one of the patterns mean the host of this question?
host_in(patterns) if {
	some pattern in patterns
	matches_host(pattern, resource.host, resource.is_address, object.get(resource, "port", 0))
}

# Is this the way to one of these hosts: their name, or a flow to them? What flows there is asked separately.
flow_to(patterns) if {
	action in ["dns.query", "net.connect"]
	host_in(patterns)
}

# Is this a request to one of them?
request_to(patterns) if {
	action == "http.request"
	host_in(patterns)
}

# port 0: not known
matches_host(pattern, host, is_address, port) if {
	[wanted, wanted_port] := host_and_port(pattern)
	fits_port(wanted_port, port)
	means(wanted, host, is_address)
}

fits_port(null, _) := true

fits_port(wanted, port) if {
	wanted >= 1
	wanted <= 65535
	wanted == floor(wanted)
	port in [wanted, 0]
}

# port null: any
host_and_port(pattern) := [trim_left(part[0], "["), to_number(part[1])] if {
	startswith(pattern, "[")
	part := split(pattern, "]:")
	count(part) == 2
} else := [trim(pattern, "[]"), null] if {
	startswith(pattern, "[")
} else := [part[0], to_number(part[1])] if {
	part := split(pattern, ":")
	count(part) == 2
} else := [pattern, null]

means("*", _, _) := true

means(wanted, host, false) if {
	startswith(wanted, "*.")
	endswith(host, lower(substring(wanted, 1, -1)))
}

means(wanted, host, false) if host == lower(trim_suffix(wanted, "."))

means(wanted, host, true) if {
	regex.match(`^[0-9.]+(/[0-9]+)?$|:`, wanted)
	net.cidr_contains(as_prefix(wanted), host)
}

as_prefix(wanted) := wanted if {
	contains(wanted, "/")
} else := sprintf("%s/128", [wanted]) if {
	contains(wanted, ":")
} else := sprintf("%s/32", [wanted])

# --- paths: "*" is any part of one segment, "**" anything at all; nothing is escaped

# Does one of the globs match the path of this request? Its query does not count.
path_in(globs) if {
	some glob in globs
	matches_glob(glob, resource.path)
}

matches_glob(glob, path) if {
	not contains(glob, "*")
	glob == path
} else if {
	regex.match(glob_regex(glob), path)
}

glob_regex(glob) := sprintf("^(?s:%s)$", [concat(".*", parts)]) if {
	parts := [concat("[^/]*", pieces) |
		some part in split(glob, "**")
		pieces := [literal(piece) | some piece in split(part, "*")]
	]
}

literal(text) := regex.replace(text, `[\\.+?()|\[\]{}^$]`, `\${0}`)

# --- requests

# Does it only read, as far as its method says? WebSocket begins as a GET, but anything may follow.
read_only if {
	resource.method in ["GET", "HEAD", "OPTIONS"]
	not resource.websocket
}

# --- files

# Is the file the workspace, or below it? Of no workspace nothing is.
inside_workspace(file) if {
	input.workspace_root != ""
	file == input.workspace_root
} else if {
	input.workspace_root != ""
	startswith(file, sprintf("%s/", [trim_suffix(input.workspace_root, "/")]))
	not ".." in split(file, "/")
}

# --- decisions. `rule` names what decided, up to 31 characters; `reason` is for people

allow(rule, reason) := {"verdict": "allow", "rule": rule, "reasons": [reason], "obligations": {}}

# such as {"response_bytes": 1000000, "quotas": [{"rule": "mine", "requests_per_minute": 60}]}
allow_with(rule, reason, obligations) := {"verdict": "allow", "rule": rule, "reasons": [reason], "obligations": obligations}

deny(rule, reason) := {"verdict": "deny", "rule": rule, "reasons": [reason], "obligations": {}}

ask(rule, reason) := {"verdict": "ask", "rule": rule, "reasons": [reason], "obligations": {}}

# The end of most policies: what nothing above speaks of is denied, or asked for in mode "ask".
otherwise := ask("default", reason) if {
	input.mode == "ask"
	reason := sprintf("nothing speaks of %s %s", [action, shown])
} else := deny("default", reason) if {
	reason := sprintf("nothing allows %s %s", [action, shown])
}

# What the question is about, for people.
shown := sprintf("%s port %d", [resource.host, resource.port]) if {
	resource.port
} else := resource.host if {
	resource.host
} else := resource.file if {
	resource.file
} else := resource.program if {
	resource.program
} else := "of nothing"
