# An agent that talks to a model and to nothing else. Keys are secrets of the sandbox, not of this file.
package immure

import data.immure.lib

apis := {
	"api.anthropic.com": ["/v1/messages", "/v1/messages/*", "/v1/models", "/v1/models/*"],
	"api.openai.com": ["/v1/chat/completions", "/v1/responses", "/v1/responses/*", "/v1/models", "/v1/models/*"],
	"generativelanguage.googleapis.com": ["/v1/models/*", "/v1beta/models", "/v1beta/models/*"],
}

hosts := [sprintf("%s:443", [host]) | some host, _ in apis]

# whoever sends more than this sends something else than a conversation
obligations := {
	"request_bytes": 20000000,
	"quotas": [{"rule": "llm", "requests_per_minute": 120, "concurrency": 8}],
}

decision := lib.allow("llm", "a model's API lives there") if {
	lib.flow_to(hosts)
} else := lib.allow_with("llm", "it is a call of a model's API", obligations) if {
	lib.request_to(hosts)
	lib.resource.method in ["GET", "POST"]
	lib.path_in(apis[lib.resource.host])
} else := lib.otherwise
