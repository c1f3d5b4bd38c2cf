// SPDX-License-Identifier: Apache-2.0
/* The schema: every key and every kind of refusal, as a table of texts. What a struct holds:
 * config_full_test.c. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/test.h"
#include "config/config_priv.h"

/* ADR-0001, "RPC Methods", params of `create`, with the network section taken out of the middle. */
#define PIN64 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define PIN   "'sha256/" PIN64 "'"
#define ADR_HEAD                         \
	"{\n"                            \
	"    \"image\": \"standard\",\n" \
	"    \"resources\": {\"cpus\": 2, \"memory_mb\": 1024, \"timeout_seconds\": 300},\n"
#define ADR_NETWORK                                                             \
	"    \"network\": {\n"                                                  \
	"      \"allowed_hosts\": [\"api.openai.com\", \"*.amazonaws.com\"],\n" \
	"      \"block_private_ips\": true,\n"                                  \
	"      \"secrets\": {\n"                                                \
	"        \"OPENAI_API_KEY\": {\n"                                       \
	"          \"value\": \"sk-...\",\n"                                    \
	"          \"hosts\": [\"api.openai.com\"]\n"                           \
	"        }\n"                                                           \
	"      },\n"                                                            \
	"      \"policy_script\": \"def is_allowed(host): return True\"\n"      \
	"    },\n"
#define ADR_TAIL                                                                           \
	"    \"vfs\": {\n"                                                                 \
	"      \"direct_mounts\": {\n"                                                     \
	"        \"/mnt/data\": {\"host_path\": \"/host/data\", \"readonly\": true}\n"     \
	"      },\n"                                                                       \
	"      \"mounts\": {\n"                                                            \
	"        \"/workspace\": {\"type\": \"memory\"},\n"                                \
	"        \"/config\": {\"type\": \"real_fs\", \"host_path\": \"/etc/app\", "       \
	"\"readonly\": true},\n"                                                           \
	"        \"/output\": {\"type\": \"overlay\", \"upper\": {\"type\": \"memory\"}, " \
	"\"lower\": {\"type\": \"real_fs\", \"host_path\": \"/base\"}}\n"                  \
	"      }\n"                                                                        \
	"    },\n"                                                                         \
	"    \"env\": {\"OPENAI_API_KEY\": \"${OPENAI_API_KEY}\"}\n"                       \
	"  }\n"

/* ADR-0001, "Client Libraries", Python usage, without its network section. */
#define ADR_PYTHON                                                  \
	"{'image': 'standard',\n"                                   \
	" 'vfs': {'mounts': {'/workspace': {'type': 'memory'}}},\n" \
	" 'env': {'OPENAI_API_KEY': '${OPENAI_API_KEY}'}}\n"

#define LATER  (-ENOTSUP)
#define BAD    (-EINVAL)
#define MEM(x) "{type: overlay, upper: {type: memory}, lower: " x "}"

struct row {
	const char *yaml;
	int want;
	const char *why; /* how the reason begins; the line is in it */
};

static const struct row rows[] = {
	{ "{}", 0, "" },
	{ ADR_HEAD ADR_NETWORK ADR_TAIL, LATER,
	  "i.yaml:13: network.policy_script: not supported yet: " },
	{ ADR_HEAD ADR_TAIL, LATER,
	  "i.yaml:10: vfs.mounts./config: real_fs not supported yet: use vfs.direct_mounts" },
	{ ADR_PYTHON, 0, "" },

	/* the root and what is unknown */
	{ "[]", BAD, "i.yaml:1: must be a map (KEY: VALUE), not a list" },
	{ "text", BAD, "i.yaml:1: must be a map (KEY: VALUE), not text" },
	{ "user: 1\n\nimgae: x", BAD, "i.yaml:3: imgae: unknown key; did you mean \"image\"?" },
	{ "resources:\n  cpu: 1", BAD,
	  "i.yaml:2: resources.cpu: unknown key; did you mean \"cpus\"?" },
	{ "cpus: 1", BAD, "i.yaml:1: cpus: unknown key; did you mean \"resources.cpus\"?" },
	{ "policy_script: x", BAD,
	  "i.yaml:1: policy_script: unknown key; did you mean \"network.policy_script\"?" },
	{ "xyzzy: 1", BAD, "i.yaml:1: xyzzy: unknown key" },
	{ "PATH: 1", BAD, "i.yaml:1: PATH: unknown key" },
	{ "NAME: {}", BAD, "i.yaml:1: NAME: unknown key" },
	{ "Image: standard", BAD, "i.yaml:1: Image: unknown key; did you mean \"image\"?" },
	{ "resources.cpus: 1", BAD, "i.yaml:1: resources.cpus: unknown key" },
	{ "'': 1", BAD, "i.yaml:1: a key is missing" },
	{ "\"a\\e[2J\": 1", BAD, "i.yaml:1: a\\x1b[2J: unknown key" },

	/* image, rootfs */
	{ "image: standard", 0, "" },
	{ "image: minimal", LATER, "i.yaml:1: image: not supported yet: only \"standard\"" },
	{ "image: docker.io/library/alpine:3", LATER, "i.yaml:1: image: not supported yet" },
	{ "image: ''", BAD, "i.yaml:1: image: \"\" is impossible: it is empty" },
	{ "image: a b", BAD, "i.yaml:1: image: \"a b\" is impossible: it holds a blank" },
	{ "image:", BAD, "i.yaml:1: image: has no value" },
	{ "image: 1", BAD, "i.yaml:1: image: must be text, not a number: put it in quotes" },
	{ "image: true", BAD, "i.yaml:1: image: must be text, not true: put it in quotes" },
	{ "image: [a]", BAD, "i.yaml:1: image: must be text, not a list" },
	{ "image: {a: 1}", BAD, "i.yaml:1: image: must be text, not a map" },
	{ "rootfs: /srv/root", 0, "" },
	{ "rootfs: root", 0, "" },
	{ "rootfs: ~/root", BAD,
	  "i.yaml:1: rootfs: \"~/root\" is impossible: \"~\" is not expanded" },
	{ "rootfs: ''", BAD, "i.yaml:1: rootfs: \"\" is impossible: the path is empty" },
	{ "rootfs: 1", BAD, "i.yaml:1: rootfs: must be a path, not a number" },
	{ "image: standard\nrootfs: /x", BAD, "i.yaml:2: rootfs: the root is given twice" },
	{ "image: a\nrootfs: /x", BAD, "i.yaml:2: rootfs: the root is given twice" },

	/* working_dir, hostname, user, allow_degraded */
	{ "working_dir: /a", 0, "" },
	{ "working_dir: /", 0, "" },
	{ "working_dir: a", BAD,
	  "i.yaml:1: working_dir: \"a\" is impossible: the path must start with \"/\"" },
	{ "working_dir: /a/..", BAD, "i.yaml:1: working_dir: \"/a/..\" is impossible: \"..\"" },
	{ "working_dir: \"/a\\n\"", BAD,
	  "i.yaml:1: working_dir: \"/a\\x0a\" is impossible: the path holds a control character" },
	{ "hostname: a-1.example", 0, "" },
	{ "hostname: a_b", BAD, "i.yaml:1: hostname: \"a_b\" is impossible: " },
	{ "hostname: 7", BAD, "i.yaml:1: hostname: must be text, not a number" },
	{ "user: 0", 0, "" },
	{ "user: 4294967294", 0, "" },
	{ "user: 4294967295", BAD,
	  "i.yaml:1: user: 4294967295 is impossible: must be 0 to 4294967294" },
	{ "user: -1", BAD, "i.yaml:1: user: -1 is impossible: must be 0 to 4294967294" },
	{ "user: 1.0", BAD, "i.yaml:1: user: must be a whole number, not a fraction" },
	{ "user: root", BAD, "i.yaml:1: user: must be a whole number, not the text \"root\"" },
	{ "user: 010", BAD, "i.yaml:1: user: must be a whole number, not the text \"010\"" },
	{ "user: '0'", BAD, "i.yaml:1: user: must be a whole number, not the text \"0\"" },
	{ "allow_degraded: []", 0, "" },
	{ "allow_degraded: [landlock, seccomp]", 0, "" },
	{ "allow_degraded: landlock", BAD, "i.yaml:1: allow_degraded: must be a list, not text" },
	{ "allow_degraded:\n- a\n- ''", BAD, "i.yaml:3: allow_degraded[1]: \"\" is impossible" },
	{ "allow_degraded: [1]", BAD, "i.yaml:1: allow_degraded[0]: must be text, not a number" },
	{ "allow_degraded: [a, ]", 0, "" },
	{ "allow_degraded: [a, ~]", BAD, "i.yaml:1: allow_degraded[1]: has no value" },
	{ "allow_degraded: [a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a]",
	  BAD, "i.yaml:1: allow_degraded: more than 32 items" },

	/* resources */
	{ "resources: {}", 0, "" },
	{ "resources:", BAD, "i.yaml:1: resources: has no value: leave the key out" },
	{ "resources: 2", BAD, "i.yaml:1: resources: must be a map (KEY: VALUE), not a number" },
	{ "user: 1\nresources:\n  cpus:\n    0", BAD,
	  "i.yaml:4: resources.cpus: 0 is impossible: must be more than 0 and at most 4096" },
	{ "resources: {cpus: 0.5}", 0, "" },
	{ "resources: {cpus: 4096}", 0, "" },
	{ "resources: {cpus: 4096.5}", BAD, "i.yaml:1: resources.cpus: 4096.5 is impossible" },
	{ "resources: {cpus: -0.0}", BAD, "i.yaml:1: resources.cpus: -0 is impossible" },
	{ "resources: {cpus: two}", BAD,
	  "i.yaml:1: resources.cpus: must be a number, not the text \"two\"" },
	{ "resources: {cpus: .nan}", BAD,
	  "i.yaml:1: resources.cpus: must be a number, not the text" },
	{ "resources: {cpus: true}", BAD, "i.yaml:1: resources.cpus: must be a number, not true" },
	{ "resources: {memory_mb: 4}", 0, "" },
	{ "resources: {memory_mb: 3}", BAD,
	  "i.yaml:1: resources.memory_mb: 3 is impossible: must be 4 to 1073741824" },
	{ "resources: {memory_mb: 1073741824}", 0, "" },
	{ "resources: {memory_mb: 1073741825}", BAD,
	  "i.yaml:1: resources.memory_mb: 1073741825 is" },
	{ "resources: {memory_mb: 1G}", BAD,
	  "i.yaml:1: resources.memory_mb: must be a whole number, not the text \"1G\"" },
	{ "resources: {timeout_seconds: 1}", 0, "" },
	{ "resources: {timeout_seconds: 0}", BAD, "i.yaml:1: resources.timeout_seconds: 0 is" },
	{ "resources: {timeout_seconds: 1000000000}", 0, "" },
	{ "resources: {timeout_seconds: 1000000001}", BAD,
	  "i.yaml:1: resources.timeout_seconds: 1" },
	{ "remove: false", 0, "" },
	{ "remove: 1", BAD, "i.yaml:1: remove: must be true or false, not a number" },
	{ "resources: {processes: 1}", 0, "" },
	{ "resources: {processes: 0}", BAD, "i.yaml:1: resources.processes: 0 is impossible" },
	{ "resources: {processes: 4194304}", 0, "" },
	{ "resources: {processes: 4194305}", BAD, "i.yaml:1: resources.processes: 4194305 is" },
	{ "resources: {disk_mb: 1}", 0, "" },
	{ "resources: {disk_mb: 0}", BAD, "i.yaml:1: resources.disk_mb: 0 is impossible" },
	{ "resources: {disk_mb: -9223372036854775808}", BAD, "i.yaml:1: resources.disk_mb: -9223" },

	/* network: what is of later work is judged in full; a fault anywhere comes first */
	{ "network: {}", 0, "" },
	{ "network: {allowed_hosts: [], block_private_ips: true}", 0, "" },
	{ "network: {secrets: {}, hosts: {}, dns_servers: [], allow_private: [], publish: []}", 0,
	  "" },
	{ "network: []", BAD, "i.yaml:1: network: must be a map" },
	{ "network: {allowed_host: []}", BAD,
	  "i.yaml:1: network.allowed_host: unknown key; did you mean \"allowed_hosts\"?" },
	{ "network: {allowed_hosts: ['*', a.b, '*.c:443', '[::1]:1', 10.0.0.0/8]}", 0, "" },
	{ "network:\n  allowed_hosts:\n    - a.b\n    - a*.b", BAD,
	  "i.yaml:4: network.allowed_hosts[1]: \"a*.b\" is impossible: \"*\" may only stand" },
	{ "network: {allowed_hosts: [127.1]}", BAD, "i.yaml:1: network.allowed_hosts[0]: must be" },
	{ "network: {allowed_hosts: ['127.1']}", BAD,
	  "i.yaml:1: network.allowed_hosts[0]: \"127.1\" is impossible: it ends in a number" },
	{ "network: {allowed_hosts: x.com}", BAD,
	  "i.yaml:1: network.allowed_hosts: must be a list" },
	{ "network: {allowed_hosts: ['https://x']}", BAD,
	  "i.yaml:1: network.allowed_hosts[0]: \"htt" },
	{ "network: {rules: []}", 0, "" },
	{ "network: {rules: [{host: a.b}]}", 0, "" },
	{ "network: {rules: [{host: a.b, methods: [GET, WEBSOCKET, M-SEARCH], paths: [/v1/**, "
	  "'/a/*/b', /%C3%BC]}]}",
	  0, "" },
	{ "network: {rules: [{host: 'a.b:1', methods: [GET], raw: false, tls: intercept}]}", 0,
	  "" },
	{ "network: {rules: [{host: a.b, tls: passthrough, raw: true}]}", 0, "" },
	{ "network: {rules: {host: a.b}}", BAD, "i.yaml:1: network.rules: must be a list, not a" },
	{ "network: {rules: [a.b]}", BAD,
	  "i.yaml:1: network.rules[0]: must be a map (KEY: VALUE), not text" },
	{ "network: {rules: [null]}", BAD, "i.yaml:1: network.rules[0]: has no value" },
	{ "network:\n  rules:\n    - host: a.b\n    - methods: [GET]", BAD,
	  "i.yaml:4: network.rules[1]: host is missing" },
	{ "network:\n  rules:\n    - host: a*.b", BAD,
	  "i.yaml:3: network.rules[0].host: \"a*.b\" is impossible: \"*\" may only stand" },
	{ "network:\n  rules:\n    - host: a.b\n      method: [GET]", BAD,
	  "i.yaml:4: network.rules[0].method: unknown key; did you mean \"methods\"?" },
	{ "network: {rules: [{host: a.b, methods: GET}]}", BAD,
	  "i.yaml:1: network.rules[0].methods: must be a list" },
	{ "network: {rules: [{host: a.b, methods: []}]}", BAD,
	  "i.yaml:1: network.rules[0].methods: is empty: leave it out" },
	{ "network: {rules: [{host: a.b, paths: []}]}", BAD,
	  "i.yaml:1: network.rules[0].paths: is empty: leave it out" },
	{ "network: {rules: [{host: a.b, methods: [get]}]}", BAD,
	  "i.yaml:1: network.rules[0].methods[0]: \"get\" is impossible: it is not a method" },
	{ "network: {rules: [{host: a.b, methods: ['GET,POST']}]}", BAD,
	  "i.yaml:1: network.rules[0].methods[0]: \"GET,POST\" is impossible" },
	{ "network: {rules: [{host: a.b, methods: ['']}]}", BAD,
	  "i.yaml:1: network.rules[0].methods[0]: \"\" is impossible" },
	{ "network: {rules: [{host: a.b, methods: [GET, TRACE]}]}", BAD,
	  "i.yaml:1: network.rules[0].methods[1]: \"TRACE\" is impossible: no request of this" },
	{ "network: {rules: [{host: a.b, methods: "
	  "[A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A]}]}",
	  BAD, "i.yaml:1: network.rules[0].methods: more than 16 items" },
	{ "network: {rules: [{host: a.b, paths: [v1]}]}", BAD,
	  "i.yaml:1: network.rules[0].paths[0]: \"v1\" is impossible: it does not begin" },
	{ "network: {rules: [{host: a.b, paths: ['/a?b']}]}", BAD,
	  "i.yaml:1: network.rules[0].paths[0]: \"/a?b\" is impossible: it is matched" },
	{ "network: {rules: [{host: a.b, paths: [/a/../b]}]}", BAD,
	  "i.yaml:1: network.rules[0].paths[0]: \"/a/../b\" is impossible: write it" },
	{ "network: {rules: [{host: a.b, paths: [/%7Ea]}]}", BAD,
	  "i.yaml:1: network.rules[0].paths[0]: \"/%7Ea\" is impossible: write it" },
	{ "network: {rules: [{host: a.b, paths: [//a]}]}", BAD,
	  "i.yaml:1: network.rules[0].paths[0]: \"//a\" is impossible: no path" },
	{ "network: {rules: [{host: a.b, paths: [/a%2Fb]}]}", BAD,
	  "i.yaml:1: network.rules[0].paths[0]: \"/a%2Fb\" is impossible: no path" },
	{ "network: {rules: [{host: a.b, tls: terminate}]}", BAD,
	  "i.yaml:1: network.rules[0].tls: \"terminate\" is not one of intercept, passthrough" },
	{ "network: {rules: [{host: a.b, raw: 1}]}", BAD,
	  "i.yaml:1: network.rules[0].raw: must be true or false" },
	{ "network:\n  rules:\n    - host: a.b\n      paths: [/]\n      raw: true", BAD,
	  "i.yaml:5: network.rules[0].raw: would go round the methods and paths" },
	{ "network:\n  rules:\n    - host: a.b\n      methods: [GET]\n      tls: passthrough", BAD,
	  "i.yaml:5: network.rules[0].tls: would go round the methods and paths" },
	{ "network: {rules: [{host: a.b, caps: {}}]}", 0, "" },
	{ "network: {rules: [{host: 'a.b:1', caps: {request_bytes: 1, response_bytes: 1T, "
	  "requests_per_minute: 1000000, concurrency: 32768, idle: 30d, message_bytes: 1024T, "
	  "messages_per_minute: 1000000}}]}",
	  0, "" },
	{ "network: {rules: [{host: a.b, tls: passthrough, raw: true, caps: {concurrency: 1, idle: "
	  "1}}]}",
	  0, "" },
	{ "network: {rules: [{host: a.b, raw: true, pins: [" PIN "]}]}", 0, "" },
	{ "network: {rules: [{host: a.b, caps: 1M}]}", BAD,
	  "i.yaml:1: network.rules[0].caps: must be a map" },
	{ "network: {rules: [{host: a.b, caps: {request_byte: 1}}]}", BAD,
	  "i.yaml:1: network.rules[0].caps.request_byte: unknown key; did you mean "
	  "\"request_bytes\"?" },
	{ "network: {rules: [{host: a.b, caps: {request_bytes: 0}}]}", BAD,
	  "i.yaml:1: network.rules[0].caps.request_bytes: 0 is impossible: must be 1 to 1P" },
	{ "network: {rules: [{host: a.b, caps: {response_bytes: 0k}}]}", BAD,
	  "i.yaml:1: network.rules[0].caps.response_bytes: \"0k\" is impossible: must be 1 to" },
	{ "network: {rules: [{host: a.b, caps: {response_bytes: 1025T}}]}", BAD,
	  "i.yaml:1: network.rules[0].caps.response_bytes: \"1025T\" is impossible" },
	{ "network: {rules: [{host: a.b, caps: {response_bytes: -1}}]}", BAD,
	  "i.yaml:1: network.rules[0].caps.response_bytes: -1 is impossible" },
	{ "network: {rules: [{host: a.b, caps: {response_bytes: 1.5}}]}", BAD,
	  "i.yaml:1: network.rules[0].caps.response_bytes: must be a number, perhaps with a unit, "
	  "not a fraction" },
	{ "network: {rules: [{host: a.b, caps: {response_bytes: \"1\\0k\"}}]}", BAD, "i.yaml:1: " },
	{ "network: {rules: [{host: a.b, caps: {requests_per_minute: 0}}]}", BAD,
	  "i.yaml:1: network.rules[0].caps.requests_per_minute: 0 is impossible" },
	{ "network: {rules: [{host: a.b, caps: {concurrency: 32769}}]}", BAD,
	  "i.yaml:1: network.rules[0].caps.concurrency: 32769 is impossible" },
	{ "network: {rules: [{host: a.b, caps: {concurrency: 1k}}]}", BAD,
	  "i.yaml:1: network.rules[0].caps.concurrency: must be a whole number" },
	{ "network: {rules: [{host: a.b, caps: {idle: 31d}}]}", BAD,
	  "i.yaml:1: network.rules[0].caps.idle: \"31d\" is impossible: must be 1s to 30d" },
	{ "network: {rules: [{host: a.b, caps: {idle: 1ms}}]}", BAD,
	  "i.yaml:1: network.rules[0].caps.idle: \"1ms\" is impossible" },
	{ "network: {rules: [{host: a.b, caps: {message_bytes: 0}}]}", BAD,
	  "i.yaml:1: network.rules[0].caps.message_bytes: 0 is impossible: must be 1 to 1P" },
	{ "network: {rules: [{host: a.b, caps: {messages_per_minute: 1000001}}]}", BAD,
	  "i.yaml:1: network.rules[0].caps.messages_per_minute: 1000001 is impossible" },
	{ "network: {rules: [{host: a.b, raw: true, caps: {message_bytes: 1}}]}", BAD,
	  "i.yaml:1: network.rules[0].raw: would go round message_bytes" },
	{ "network: {rules: [{host: a.b, tls: passthrough, caps: {messages_per_minute: 1}}]}", BAD,
	  "i.yaml:1: network.rules[0].tls: would go round message_bytes" },
	{ "network:\n  rules:\n    - host: a.b\n      raw: true\n      caps: {request_bytes: 1}",
	  BAD, "i.yaml:4: network.rules[0].raw: would go round request_bytes" },
	{ "network: {rules: [{host: a.b, tls: passthrough, caps: {response_bytes: 1}}]}", BAD,
	  "i.yaml:1: network.rules[0].tls: would go round request_bytes" },
	{ "network: {rules: [{host: a.b, tls: passthrough, pins: [" PIN "]}]}", BAD,
	  "i.yaml:1: network.rules[0].tls: shows no certificate" },
	{ "network: {rules: [{host: a.b, pins: []}]}", BAD,
	  "i.yaml:1: network.rules[0].pins: is empty: leave it out" },
	{ "network: {rules: [{host: a.b, pins: " PIN "}]}", BAD,
	  "i.yaml:1: network.rules[0].pins: must be a list" },
	{ "network: {rules: [{host: a.b, pins: [" PIN ", sha256/AAAA]}]}", BAD,
	  "i.yaml:1: network.rules[0].pins[1]: \"sha256/AAAA\" is impossible: it is not sha256/" },
	{ "network: {rules: [{host: a.b, pins: ['sha1/" PIN64 "']}]}", BAD,
	  "i.yaml:1: network.rules[0].pins[0]: \"sha1/" },
	{ "network: {rules: [{host: a.b, pins: ['sha256/"
	  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA_']}]}",
	  BAD, "i.yaml:1: network.rules[0].pins[0]: \"sha256/AAA" },
	{ "network: {rules: [{host: a.b, pins: [" PIN ", " PIN ", " PIN ", " PIN ", " PIN ", " PIN
	  ", " PIN ", " PIN ", " PIN ", " PIN ", " PIN ", " PIN ", " PIN ", " PIN ", " PIN ", " PIN
	  ", " PIN "]}]}",
	  BAD, "i.yaml:1: network.rules[0].pins: more than 16 items" },
	{ "network: {block_private_ips: false}", 0, "" },
	{ "network: {block_private_ips: yes}", BAD,
	  "i.yaml:1: network.block_private_ips: must be true or false, not the text \"yes\"" },
	{ "network: {block_private_ips: 1}", BAD,
	  "i.yaml:1: network.block_private_ips: must be true or false, not a number" },
	{ "network: {policy_script: 'x'}", LATER,
	  "i.yaml:1: network.policy_script: not supported" },
	{ "network: {policy_script: ''}", LATER, "i.yaml:1: network.policy_script: not supported" },
	{ "network: {policy_script: [x]}", BAD, "i.yaml:1: network.policy_script: must be text" },
	{ "network: {hosts: {db: 10.0.0.1, x.y: '::1'}}", 0, "" },
	{ "network: {hosts: {DB: 10.0.0.1}}", BAD,
	  "i.yaml:1: network.hosts.DB: write it in lower case" },
	{ "network: {hosts: {10.0.0.2: 10.0.0.1}}", BAD,
	  "i.yaml:1: network.hosts.10.0.0.2: an address stands for itself" },
	{ "network: {hosts: {db: nowhere}}", BAD,
	  "i.yaml:1: network.hosts.db: \"nowhere\" is impossible: it is not an IPv4 or IPv6" },
	{ "network: {hosts: {a/b: 10.0.0.1}}", BAD,
	  "i.yaml:1: network.hosts.a/b: it holds a \"/\"" },
	{ "network: {dns_servers: [9.9.9.9, '9.9.9.9:53', '::1', '[::1]:53']}", 0, "" },
	{ "network: {dns_servers: [a, a, a, a, a, a, a, a, a]}", BAD,
	  "i.yaml:1: network.dns_servers: more than 8 items" },
	{ "network: {dns_servers: [9.9.9]}", BAD,
	  "i.yaml:1: network.dns_servers[0]: \"9.9.9\" is" },
	{ "network: {dns_servers: [9.9]}", BAD,
	  "i.yaml:1: network.dns_servers[0]: must be text, not" },
	{ "network: {ca_file: /etc/ca.pem}", 0, "" },
	{ "network: {ca_file: [ca.pem]}", BAD, "i.yaml:1: network.ca_file: must be" },
	{ "network: {ca_file: ''}", BAD, "i.yaml:1: network.ca_file: \"\" is impossible" },
	{ "network: {allow_private: [10.0.0.0/8, 169.254.169.254, db.lan, '*.corp']}", 0, "" },
	{ "network: {allow_private: ['*']}", BAD,
	  "i.yaml:1: network.allow_private[0]: \"*\" is impossible: name the hosts" },
	{ "network: {allow_private: ['a.b:80']}", BAD,
	  "i.yaml:1: network.allow_private[0]: \"a.b:80\" is impossible: a port" },
	{ "network: {allow_private: [10.0.0.0/40]}", BAD, "i.yaml:1: network.allow_private[0]: " },
	{ "network: {proxy: 'http://ann:s3cret@proxy.corp:3128'}", 0, "" },
	{ "network: {proxy: none}", 0, "" },
	{ "network: {proxy: 'ann:s3cret@[::1]:8080/'}", 0, "" },
	{ "network: {proxy: ''}", BAD, "i.yaml:1: network.proxy: impossible value: it names no" },
	{ "network: {proxy: 'http://ann:s3cret@p'}", BAD,
	  "i.yaml:1: network.proxy: impossible value: it needs a port" },
	{ "network: {proxy: 'socks5://ann:s3cret@p:1'}", BAD,
	  "i.yaml:1: network.proxy: impossible value: only proxies of http://" },
	{ "network: {proxy: \"p:1\\0\"}", BAD, "i.yaml:1: network.proxy: holds a NUL" },
	{ "network: {proxy: {host: p}}", BAD, "i.yaml:1: network.proxy: must be text" },
	{ "network: {publish: ['8080:80', '0:81', '::1:9:9', '80']}", 0, "" },
	{ "network: {publish: [8080]}", BAD, "i.yaml:1: network.publish[0]: must be" },
	{ "network: {publish: [x]}", BAD, "i.yaml:1: network.publish[0]: \"x\" is impossible" },
	{ "network: {secrets: {K: {value: vvvv, hosts: [a.b]}}, allowed_hosts: [a.b]}", 0, "" },
	{ "network: {secrets: {K: {env: E, hosts: [a.b]}}, rules: [{host: a.b}]}", 0, "" },
	{ "network: {secrets: {K: {file: f, hosts: ['*.b', a.c.b]}}, allowed_hosts: ['*.c.b']}", 0,
	  "" },
	{ "network: {secrets: {K: {command: c, hosts: ['a.b:1'],"
	  " where: [header, query, basic, body]}}, allowed_hosts: ['*']}",
	  0, "" },
	{ "network: {secrets: {K: {env: E, hosts: [10.1.0.0/16]}}, allowed_hosts: [10.0.0.0/8]}", 0,
	  "" },
	{ "network: {secrets: {K: {env: E, hosts: [a.b]}}}", BAD,
	  "i.yaml:1: network.secrets.K.hosts[0]: \"a.b\" may not be reached: add it to" },
	{ "network: {secrets: {K: {env: E, hosts: [b]}}, allowed_hosts: ['*.b', c]}", BAD,
	  "i.yaml:1: network.secrets.K.hosts[0]: \"b\" may not be reached" },
	{ "network: {secrets: {K: {env: E, hosts: ['*.b']}}, allowed_hosts: [b, a.bb]}", BAD,
	  "i.yaml:1: network.secrets.K.hosts[0]: \"*.b\" may not be reached" },
	{ "network: {secrets: {K: {env: E, hosts: [a.b, 'a.b:1']}}, allowed_hosts: ['a.b:2']}", BAD,
	  "i.yaml:1: network.secrets.K.hosts[1]: \"a.b:1\" may not be reached" },
	{ "network: {secrets: {K: {env: E, hosts: [10.1.0.0/16]}}, allowed_hosts: [10.2.0.0/16]}",
	  BAD, "i.yaml:1: network.secrets.K.hosts[0]: \"10.1.0.0/16\" may not be reached" },
	{ "network: {secrets: {K: {env: E, hosts: ['*']}}, allowed_hosts: ['*']}", BAD,
	  "i.yaml:1: network.secrets.K.hosts[0]: \"*\" is impossible: a secret for every" },
	{ "network: {secrets: {K: {env: E, hosts: []}}}", BAD,
	  "i.yaml:1: network.secrets.K.hosts: is empty" },
	{ "network: {secrets: {K: {env: E, hosts: [a], where: []}}}", BAD,
	  "i.yaml:1: network.secrets.K.where: is empty" },
	{ "network: {secrets: {K: {env: E, hosts: [a], where: [path]}}}", BAD,
	  "i.yaml:1: network.secrets.K.where[0]: \"path\" is impossible: it is not one of" },
	{ "network: {secrets: {K: {env: E, hosts: [a]}}, allowed_hosts: [a]}\nenv: {K: sk}", BAD,
	  "i.yaml:2: env.K: is a secret, whose placeholder this variable holds" },
	{ "network: {secrets: {K: {env: E, hosts: [a]}}, allowed_hosts: [a]}\n"
	  "env: {K: '${K}', L: '${K}'}",
	  0, "" },
	{ "network: {secrets: {K: {value: abc, hosts: [a.b]}}}", BAD,
	  "i.yaml:1: network.secrets.K.value: impossible value: it is shorter than 4" },
	{ "network: {secrets: {K: {value: \"ab\\tc\", hosts: [a.b]}}}", BAD,
	  "i.yaml:1: network.secrets.K.value: impossible value: it holds a control" },
	{ "network: {secrets: {K: {value: \"abcd\\0\", hosts: [a.b]}}}", BAD,
	  "i.yaml:1: network.secrets.K.value: " },
	{ "network: {secrets: {K: {value: vvvv, env: E, hosts: [a.b]}}}", BAD,
	  "i.yaml:1: network.secrets.K: needs exactly one of value, env, file, command; it has 2" },
	{ "network: {secrets: {K: {hosts: [a.b]}}}", BAD,
	  "i.yaml:1: network.secrets.K: needs exactly one of value, env, file, command; it has 0" },
	{ "network: {secrets: {K: {value: vvvv}}}", BAD,
	  "i.yaml:1: network.secrets.K: hosts is missing" },
	{ "network:\n  secrets:\n    K:\n      vaule: v", BAD,
	  "i.yaml:4: network.secrets.K.vaule: unknown key; did you mean \"value\"?" },
	{ "network: {secrets: {K-1: {value: v, hosts: [a.b]}}}", BAD,
	  "i.yaml:1: network.secrets.K-1: a name holds only letters, digits and \"_\"" },
	{ "network: {secrets: {K: {value: \"sk\\r\\n\", hosts: [a.b]}}}", BAD,
	  "i.yaml:1: network.secrets.K.value: impossible value: it holds a line break" },
	{ "network: {secrets: {K: {value: 1234, hosts: [a.b]}}}", BAD,
	  "i.yaml:1: network.secrets.K.value: must be text, not a number: put it in quotes" },
	{ "network: {secrets: {K: {value: vvvv, hosts: ['a b']}}}", BAD,
	  "i.yaml:1: network.secrets.K.hosts[0]: \"a b\" is impossible" },
	{ "network: {secrets: {K: {env: 'E=', hosts: [a.b]}}}", BAD,
	  "i.yaml:1: network.secrets.K.env: \"E=\" is impossible" },
	{ "network: {secrets: {K: v}}", BAD, "i.yaml:1: network.secrets.K: must be a map" },
	{ "network: {secrets: [K]}", BAD,
	  "i.yaml:1: network.secrets: must be a map (NAME: VALUE)" },
	{ "image: alpine\nnetwork: {policy_script: x}\nuser: x", BAD, "i.yaml:3: user: must be" },
	{ "network: {policy_script: x}\nimage: alpine", LATER, "i.yaml:1: network.policy_script" },

	/* vfs.direct_mounts */
	{ "vfs: {}", 0, "" },
	{ "vfs: {mount: {}}", BAD, "i.yaml:1: vfs.mount: unknown key; did you mean \"mounts\"?" },
	{ "vfs: {direct_mounts: {}, mounts: {}}", 0, "" },
	{ "vfs: {direct_mounts: {/data: {host_path: /x}}}", 0, "" },
	{ "vfs: {direct_mounts: {/data: {host_path: ../x, readonly: false}}}", 0, "" },
	{ "vfs: {direct_mounts: {/data: /x}}", BAD,
	  "i.yaml:1: vfs.direct_mounts./data: must be a map (KEY: VALUE), not text" },
	{ "vfs: {direct_mounts: {/data: {}}}", BAD,
	  "i.yaml:1: vfs.direct_mounts./data: host_path is missing" },
	{ "vfs: {direct_mounts: {/data: {host_path: 1}}}", BAD,
	  "i.yaml:1: vfs.direct_mounts./data.host_path: must be a path, not a number" },
	{ "vfs: {direct_mounts: {/data: {host_path: /x, readonly: ro}}}", BAD,
	  "i.yaml:1: vfs.direct_mounts./data.readonly: must be true or false, not the text "
	  "\"ro\"" },
	{ "vfs: {direct_mounts: {/data: {host_path: /x, read_only: true}}}", BAD,
	  "i.yaml:1: vfs.direct_mounts./data.read_only: unknown key; did you mean \"readonly\"?" },
	{ "vfs: {direct_mounts: {data: {host_path: /x}}}", BAD,
	  "i.yaml:1: vfs.direct_mounts.data: the path must start with \"/\"" },
	{ "vfs: {direct_mounts: {/: {host_path: /x}}}", BAD,
	  "i.yaml:1: vfs.direct_mounts./: the root cannot be replaced" },
	{ "vfs: {direct_mounts: {//./: {host_path: /x}}}", BAD,
	  "i.yaml:1: vfs.direct_mounts.//./: the root cannot be replaced" },
	{ "vfs: {direct_mounts: {//proc/: {host_path: /x}}}", BAD,
	  "i.yaml:1: vfs.direct_mounts.//proc/: the kernel's own folders cannot be replaced" },
	{ "vfs: {direct_mounts: {/etc/x: {host_path: /x}}}", BAD,
	  "i.yaml:1: vfs.direct_mounts./etc/x: the system's own folders cannot be replaced" },
	{ "vfs: {direct_mounts: {/data/../etc: {host_path: /x}}}", BAD,
	  "i.yaml:1: vfs.direct_mounts./data/../etc: \"..\" is not allowed" },
	{ "vfs:\n  direct_mounts:\n    /data: {host_path: /x}\n    /data/: {host_path: /y}", BAD,
	  "i.yaml:4: vfs.direct_mounts./data/: the same path as vfs.direct_mounts./data on line "
	  "3" },
	{ "vfs:\n  direct_mounts:\n    /a: {host_path: /x}\n  mounts:\n    //a: {type: memory}",
	  BAD, "i.yaml:5: vfs.mounts.//a: the same path as vfs.direct_mounts./a on line 3" },

	/* vfs.mounts */
	{ "vfs: {mounts: {/tmp/workspace: {type: memory}, /workspace: {type: memory}}}", 0, "" },
	{ "vfs: {mounts: {/data: {type: memory, size_mb: 1, readonly: true}}}", 0, "" },
	{ "vfs:\n  mounts:\n    /data:\n      type: memroy", BAD,
	  "i.yaml:4: vfs.mounts./data.type: \"memroy\" is not one of memory, real_fs, overlay" },
	{ "vfs: {mounts: {/data: {type: ''}}}", BAD,
	  "i.yaml:1: vfs.mounts./data.type: \"\" is not one" },
	{ "vfs: {mounts: {/data: {type: 'memory, real_fs'}}}", BAD,
	  "i.yaml:1: vfs.mounts./data.type: \"memory, real_fs\" is not one of" },
	{ "vfs: {mounts: {/data: {}}}", BAD, "i.yaml:1: vfs.mounts./data: type is missing" },
	{ "vfs: {mounts: {/data: {size_mb: 1}}}", BAD,
	  "i.yaml:1: vfs.mounts./data: type is missing" },
	{ "vfs: {mounts: {/data: {type: memory, size_mb: 0}}}", BAD,
	  "i.yaml:1: vfs.mounts./data.size_mb: 0 is impossible: must be 1 to 1073741824" },
	{ "vfs: {mounts: {/data: {type: memory, host_path: /x}}}", BAD,
	  "i.yaml:1: vfs.mounts./data.host_path: only a mount of type real_fs has it; this is "
	  "memory" },
	{ "vfs: {mounts: {/data: {type: memory, upper: {type: memory}}}}", BAD,
	  "i.yaml:1: vfs.mounts./data.upper: only a mount of type overlay has it; this is memory" },
	{ "vfs: {mounts: {/data: {type: real_fs, host_path: x}}}", LATER,
	  "i.yaml:1: vfs.mounts./data: real_fs not supported yet" },
	{ "vfs: {mounts: {/data: {type: real_fs}}}", BAD,
	  "i.yaml:1: vfs.mounts./data: host_path is missing" },
	{ "vfs: {mounts: {/data: {type: real_fs, host_path: x, size_mb: 1}}}", BAD,
	  "i.yaml:1: vfs.mounts./data.size_mb: only a mount of type memory has it" },
	{ "vfs: {mounts: {/data: {type: overlay}}}", BAD,
	  "i.yaml:1: vfs.mounts./data: upper is missing" },
	{ "vfs: {mounts: {/data: {type: overlay, upper: {type: memory}}}}", BAD,
	  "i.yaml:1: vfs.mounts./data: lower is missing" },
	{ "vfs: {mounts: {/data: " MEM("{type: real_fs, host_path: /b}") "}}", LATER,
	  "i.yaml:1: vfs.mounts./data: overlay not supported yet" },
	{ "vfs: {mounts: {/data: " MEM("{type: real_fs}") "}}", BAD,
	  "i.yaml:1: vfs.mounts./data.lower: host_path is missing" },
	{ "vfs: {mounts: {/data: " MEM("{type: disk}") "}}", BAD,
	  "i.yaml:1: vfs.mounts./data.lower.type: \"disk\" is not one of" },
	{ "vfs: {mounts: {/data: " MEM("{type: memory, x: 1}") "}}", BAD,
	  "i.yaml:1: vfs.mounts./data.lower.x: unknown key" },
	{ "vfs: {mounts: {/data: " MEM("memory") "}}", BAD,
	  "i.yaml:1: vfs.mounts./data.lower: must be a map" },
	{ "vfs: {mounts: {/data: " MEM(MEM(MEM(MEM("{type: memory}")))) "}}", LATER,
	  "i.yaml:1: vfs" },
	{ "vfs: {mounts: {/a: " MEM(MEM(MEM(MEM(MEM(MEM(MEM("{type: memory}"))))))) "}}", LATER,
	  "i.yaml:1: vfs.mounts./a: overlay not supported yet" },
	{ "vfs: {mounts: {/a: " MEM(MEM(MEM(MEM(MEM(MEM(MEM(MEM(MEM("{type: x}"))))))))) "}}", BAD,
	  "i.yaml:1: vfs.mounts./a.lower.lower.lower.lower.lower.lower.lower.lower.upper: overlays "
	  "nested more than 8 deep" },

	/* env */
	{ "env: {}", 0, "" },
	{ "env: {A: '', _b1: x, PATH: /bin, NAME: n}", 0, "" },
	{ "env: {A: \"x\\ny\"}", 0, "" },
	{ "env: [A=1]", BAD, "i.yaml:1: env: must be a map (NAME: VALUE), not a list" },
	{ "env:\n  PORT: 8080", BAD,
	  "i.yaml:2: env.PORT: must be text, not a number: put it in quotes" },
	{ "env: {A: true}", BAD, "i.yaml:1: env.A: must be text, not true: put it in quotes" },
	{ "env: {A: }", BAD, "i.yaml:1: env.A: has no value" },
	{ "env: {A: [x]}", BAD, "i.yaml:1: env.A: must be text, not a list" },
	{ "env: {1A: x}", BAD, "i.yaml:1: env.1A: a name must start with a letter or \"_\"" },
	{ "env: {A.B: x}", BAD, "i.yaml:1: env.A.B: a name holds only" },
	{ "env: {A=B: x}", BAD, "i.yaml:1: env.A=B: a name holds only" },
};

static void test_rows(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(config_source_freep) struct config_source *source = NULL;
		CLEANUP(config_freep) struct config *config = NULL;
		CLEANUP(json_decrefp) json_t *tree = NULL;
		struct diag diag = { 0 };
		int r = config_load_yaml(&tree, &source, span_of(rows[i].yaml), "i.yaml", &diag);

		if (r == 0)
			r = config_read(&config, tree, source, &diag);
		CHECK(r == rows[i].want, "row %zu: %d: %s", i, r, rows[i].yaml);
		CHECK(strncmp(diag.why, rows[i].why, strlen(rows[i].why)) == 0, "row %zu: %s", i,
		      diag.why);
		CHECK(r == 0 ? config != NULL : config == NULL, "row %zu", i);
		CHECK((diag.line > 0) == (r < 0), "row %zu: line %u", i, diag.line);
	}
}

/* Without a source an error is the same, but for the place in a file. */
static void test_no_source(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(config_source_freep) struct config_source *source = NULL;
		CLEANUP(config_freep) struct config *config = NULL;
		CLEANUP(json_decrefp) json_t *tree = NULL;
		struct diag diag = { 0 };
		const char *want = strstr(rows[i].why, ": ");

		if (config_load_yaml(&tree, &source, span_of(rows[i].yaml), "i.yaml", &diag) < 0)
			continue;
		int r = config_read(&config, tree, NULL, &diag);
		CHECK(r == rows[i].want && diag.line == 0, "row %zu: %d %u", i, r, diag.line);
		size_t len = want != NULL ? strcspn(want + 2, " ") : 0;
		CHECK(want == NULL || strncmp(diag.why, want + 2, len) == 0, "row %zu: %s", i,
		      diag.why);
		CHECK(strstr(diag.why, "on line") == NULL, "row %zu: %s", i, diag.why);
	}
}

/* build() - {"outer": {"inner": {NAME0: value, NAME1: value, ...}}} */
static json_t *build(const char *key, const char *name_format, size_t count, const char *value)
{
	json_t *tree = json_object();

	for (size_t i = 0; i < count; i++) {
		char name[32];

		snprintf(name, sizeof(name), "%s%zu", name_format, i);
		CHECK(config_set(tree, key, name, json_loads(value, JSON_DECODE_ANY, NULL)) == 0,
		      "%s", name);
	}
	return tree;
}

static void test_counts(void)
{
	const struct {
		const char *key, *name, *value;
		size_t max;
		const char *why;
	} limits[] = {
		{ "env", "A", "\"x\"", CONFIG_ENV_MAX, "env: more than 1024 of them" },
		{ "vfs.mounts", "/m", "{\"type\": \"memory\"}", CONFIG_MOUNTS_MAX,
		  "vfs.mounts: more than 64 of them" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		for (size_t over = 0; over <= 1; over++) {
			CLEANUP(config_freep) struct config *config = NULL;
			CLEANUP(json_decrefp)
			json_t *tree = build(limits[i].key, limits[i].name, limits[i].max + over,
					     limits[i].value);
			struct diag diag = { 0 };
			int r = config_read(&config, tree, NULL, &diag);

			CHECK(r == (over ? -EINVAL : 0), "%s: %s", limits[i].key, diag.why);
			CHECK(!over || strcmp(diag.why, limits[i].why) == 0, "%s", diag.why);
		}
	}

	CLEANUP(config_freep) struct config *config = NULL;
	CLEANUP(json_decrefp)
	json_t *tree = build("vfs.mounts", "/m", CONFIG_MOUNTS_MAX, "{\"type\": \"memory\"}");
	struct diag diag = { 0 };
	CHECK(config_set(tree, "vfs.direct_mounts", "/d", json_pack("{s:s}", "host_path", "/")) ==
		  0,
	      "set");
	CHECK(config_read(&config, tree, NULL, &diag) == -EINVAL, "65 mounts");
	CHECK(strcmp(diag.why, "vfs.direct_mounts./d: more than 64 mounts") == 0, "%s", diag.why);
}

/* A variable is at most 128 KiB with its name, "=" and NUL; execve() refuses more. */
static void test_long_texts(void)
{
	const size_t fits = 128UL * 1024 - sizeof("A=");
	char *text = malloc(fits + 2);

	for (size_t over = 0; over <= 1; over++) {
		CLEANUP(config_freep) struct config *config = NULL;
		CLEANUP(json_decrefp) json_t *tree = json_object();
		struct diag diag = { 0 };

		memset(text, 'x', fits + over);
		text[fits + over] = '\0';
		CHECK(config_set(tree, "env", "A", json_string(text)) == 0, "set");
		int r = config_read(&config, tree, NULL, &diag);
		CHECK(r == (over ? -EINVAL : 0), "%zu: %s", over, diag.why);
	}
	free(text);
}

/* What only a tree that came not from a file can hold. */
static void test_nul(void)
{
	CLEANUP(config_freep) struct config *config = NULL;
	CLEANUP(json_decrefp) json_t *tree = json_object();
	struct diag diag = { 0 };

	CHECK(config_set(tree, "env", "A", json_stringn("a\0b", 3)) == 0, "set");
	CHECK(config_read(&config, tree, NULL, &diag) == -EINVAL, "NUL");
	CHECK(strcmp(diag.why, "env.A: holds a NUL character") == 0, "%s", diag.why);
}

/* No refusal shows the value of a secret. */
static void test_secret_stays_hidden(void)
{
	static const char *const texts[] = {
		"network: {secrets: {K: {value: sk-live, vaule: sk-live, hosts: [a.b]}}}",
		"network: {secrets: {K: {value: \"sk-live\\n\", hosts: [a.b]}}}",
		"network: {secrets: {K: {value: [sk-live], hosts: [a.b]}}}",
		"network: {secrets: {K: {value: sk-live, hosts: [a.b]}}}",
		"network: {secrets: {K: {value: sk-live}}}",
		"env: {A: [sk-live]}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		CLEANUP(config_source_freep) struct config_source *source = NULL;
		CLEANUP(config_freep) struct config *config = NULL;
		CLEANUP(json_decrefp) json_t *tree = NULL;
		struct diag diag = { 0 };
		int r = config_load_yaml(&tree, &source, span_of(texts[i]), "i.yaml", &diag);

		CHECK(r == 0 && config_read(&config, tree, source, &diag) < 0, "row %zu", i);
		CHECK(strstr(diag.why, "sk-live") == NULL, "row %zu: %s", i, diag.why);
	}
}

static void test_docs(void)
{
	size_t len = 0, later = 0;
	const struct config_key_doc *docs = config_key_docs(&len);

	CHECK(len == config_rows_len, "%zu", len);
	for (size_t i = 0; i < len; i++) {
		const struct config_row *row = &config_rows[i];
		char min[32], max[32];

		CHECK(docs[i].type != NULL && docs[i].type[0] != '\0', "%s", docs[i].key);
		CHECK(strchr(docs[i].text, '\n') == NULL, "%s", docs[i].key);
		CHECK(docs[i].text[strlen(docs[i].text) - 1] != '.', "%s", docs[i].key);
		later += docs[i].later;
		for (size_t j = 0; j < i; j++)
			CHECK(strcmp(docs[i].key, docs[j].key) != 0, "%s", docs[i].key);
		if (row->kind != CONFIG_WHOLE && row->kind != CONFIG_NUMBER)
			continue;
		snprintf(min, sizeof(min), "%lld", (long long)row->min);
		snprintf(max, sizeof(max), "%lld", (long long)row->max);
		CHECK(strstr(docs[i].limits, min) != NULL, "%s: %s", docs[i].key, docs[i].limits);
		CHECK(strstr(docs[i].limits, max) != NULL, "%s: %s", docs[i].key, docs[i].limits);
	}
	CHECK(later == 1, "%zu settings of later work", later);
}

int main(void)
{
	test_rows();
	test_no_source();
	test_counts();
	test_long_texts();
	test_nul();
	test_secret_stays_hidden();
	test_docs();
	return test_failures > 0;
}
