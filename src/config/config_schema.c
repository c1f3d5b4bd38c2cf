// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: every key there is, as one table. config_judge.c walks a tree by it, the man
 * page and --help are made from it, and struct config is filled from it. The three functions above
 * it say what a row cannot.
 */
#include <ctype.h>
#include <stdlib.h>

#include "base/spelling.h"
#include "config/config_priv.h"

#define NOT_YET    "in this version flows pass unchanged or not at all"
#define MEMBER(m)  offsetof(struct config, m)
#define OCTETS_MAX (INT64_C(1) << 50) /* a PiB: more is a mistake */

enum {
	MIB_MAX = 1 << 30, /* a PiB: more is a mistake, and octets still fit 63 bits */
	SECONDS_MAX = 1000000000,
	MINUTELY_MAX = 1000000,
	AT_ONCE_MAX = 32768, /* requests of a sandbox under way: warden/egress_priv.h */
	IDLE_SECONDS_MAX = 30 * 86400,
	SCRIPT_OCTETS_MAX = 256 * 1024,
	ITEMS_MAX = 4096,             /* of a list or map; as CONFIG_HOSTS_MAX */
	VARIABLE_OCTETS_MAX = 131072, /* "NAME=value" and its NUL: linux/binfmts.h MAX_ARG_STRLEN */
};

static int image_also(struct config_judge *judge, const struct config_at *at, json_t *value)
{
	if (strcmp(json_string_value(value), "standard") != 0)
		config_judge_later(
		    judge, at, "",
		    "only \"standard\", the host's own system folders; or give rootfs");
	return 0;
}

static int root_also(struct config_judge *judge, const struct config_at *at, json_t *value)
{
	struct config_at rootfs = { .up = at, .parent = value, .key = "rootfs" };

	if (json_object_get(value, "rootfs") == NULL || json_object_get(value, "image") == NULL)
		return config_env_also(judge, at, value);
	return config_judge_refuse(judge, &rootfs, CONFIG_SPOT_KEY,
				   "the root is given twice: leave out either image or rootfs");
}

static int variable_also(struct config_judge *judge, const struct config_at *at, json_t *value)
{
	if (strlen(at->key) + 1 + json_string_length(value) + 1 <= VARIABLE_OCTETS_MAX)
		return 0;
	return config_judge_refuse(judge, at, CONFIG_SPOT_VALUE,
				   "longer than the 128 KiB Linux allows a variable");
}

/* Of overlays only the outermost is noted: what is inside is part of it. */
static int mount_also(struct config_judge *judge, const struct config_at *at, json_t *value)
{
	const char *type = json_string_value(json_object_get(value, "type"));

	if (strcmp(type, "real_fs") == 0)
		config_judge_later(judge, at, "real_fs ", "use vfs.direct_mounts");
	else if (strcmp(type, "overlay") == 0)
		config_judge_later(judge, at, "overlay ", "only memory");
	return 0;
}

const struct config_row config_root = { .key = "", .kind = CONFIG_OBJECT, .also = root_also };

const struct config_row config_rows[] = {
	{ "image", CONFIG_TEXT, .fault = config_text_fault, .also = image_also,
	  .offset = MEMBER(image),
	  .text = "what the root is; \"standard\" (default): the host's own system folders, "
		  "read-only" },
	{ "rootfs", CONFIG_HOST, .offset = MEMBER(rootfs),
	  .text = "a folder on the host that is the root, read-only, in place of an image" },
	{ "working_dir", CONFIG_INSIDE, .offset = MEMBER(working_dir),
	  .text = "folder in which programs start; default /tmp/workspace" },
	{ "hostname", CONFIG_TEXT, .fault = config_hostname_fault, .offset = MEMBER(hostname),
	  .text = "name the sandbox gives itself; default immure" },
	{ "user", CONFIG_WHOLE, "0 to 4294967294", 0, 4294967294, MEMBER(user),
	  .text = "user id programs see themselves as, without power over the host; default 1000" },
	{ "app", CONFIG_TEXT, .fault = config_app_fault, .offset = MEMBER(app),
	  .text = "name of the app it is, for its policy and its entries in the audit log" },
	{ "mode", CONFIG_WORD, "enforce, ask, audit", .offset = MEMBER(mode),
	  .text = "enforce (default): what is not allowed is denied; ask: what no rule speaks of "
		  "waits for a yes or no; audit: all is allowed and recorded, but for addresses "
		  "that are not public" },
	{ "policy", CONFIG_HOST, .offset = MEMBER(policy),
	  .text = "policy in Rego that decides what it may do: a file, a folder of them or a "
		  "bundle (.tar.gz); without it, the settings of network do" },
	{ "remove", CONFIG_BOOL, .offset = MEMBER(remove),
	  .text =
	      "remove its record and logs when it has ended, unless it crashed; default false" },
	{ "allow_degraded", CONFIG_LIST, .max = CONFIG_DEGRADED_MAX, .fault = config_text_fault,
	  .text = "walls that may be missing where the kernel lacks them; see immure doctor" },

	{ "resources", CONFIG_OBJECT, .text = "limits of all programs of the sandbox together" },
	{ "resources.cpus", CONFIG_NUMBER, "more than 0 and at most 4096", 0, 4096, MEMBER(cpus),
	  .text =
	      "processors' worth of time, fractions allowed; refused where no cgroup can hold it; "
	      "default: no limit" },
	{ "resources.memory_mb", CONFIG_WHOLE, "4 to 1073741824", 4, MIB_MAX, MEMBER(memory_mb),
	  .text = "memory in MiB; refused where no cgroup can hold it; default: no limit" },
	{ "resources.timeout_seconds", CONFIG_WHOLE, "1 to 1000000000", 1, SECONDS_MAX,
	  MEMBER(timeout_seconds), .text = "seconds after which all is ended; default: no limit" },
	{ "resources.processes", CONFIG_WHOLE, "1 to 4194304", 1, 4194304, MEMBER(processes),
	  .text = "processes and threads at one time; default 4096" },
	{ "resources.disk_mb", CONFIG_WHOLE, "1 to 1073741824", 1, MIB_MAX, MEMBER(disk_mb),
	  .text = "scratch space (workspace, /tmp, home) in MiB; default: half of the memory" },

	{ "network", CONFIG_OBJECT, .also = config_network_also,
	  .text = "what may be reached; without it, nothing" },
	{ "network.allowed_hosts", CONFIG_LIST, .max = CONFIG_HOSTS_MAX,
	  .fault = config_pattern_fault,
	  .text = "hosts that may be reached: names, *.example.com for all below it, addresses, "
		  "prefixes, each perhaps with :PORT" },
	{ "network.rules", CONFIG_ITEMS, .max = CONFIG_RULES_MAX,
	  .text =
	      "hosts that may be reached, with limits; the first rule that matches host, method "
	      "and path allows; allowed_hosts come after them" },
	{ "network.rules.RULE", CONFIG_OBJECT, .also = config_rule_also, .text = "one rule" },
	{ "network.rules.RULE.host", CONFIG_TEXT, .fault = config_pattern_fault, .required = true,
	  .text = "which host, as in allowed_hosts" },
	{ "network.rules.RULE.methods", CONFIG_LIST, .max = CONFIG_RULE_METHODS_MAX,
	  .fault = config_method_fault,
	  .text = "methods of HTTP that it allows, GET and the like, WEBSOCKET for that; default: "
		  "any" },
	{ "network.rules.RULE.paths", CONFIG_LIST, .max = CONFIG_RULE_PATHS_MAX,
	  .fault = config_glob_fault,
	  .text =
	      "paths that it allows, without their queries: * stands for a part of one segment, "
	      "** for anything; default: any" },
	{ "network.rules.RULE.tls", CONFIG_WORD, "intercept, passthrough",
	  .text = "passthrough: TLS is carried unopened, so requests are neither judged nor "
		  "recorded; not with methods, paths, limits of bytes or messages, or pins; "
		  "default intercept" },
	{ "network.rules.RULE.raw", CONFIG_BOOL,
	  .text =
	      "allow what is neither TLS nor HTTP; not with methods, paths or limits of bytes or "
	      "messages; "
	      "default: true if host names a port" },
	{ "network.rules.RULE.caps", CONFIG_OBJECT,
	  .text = "limits of the requests that this rule allows" },
	{ "network.rules.RULE.caps.request_bytes", CONFIG_MEASURE,
	  "1 to 1P, in bytes or with k, M, G, T", 1, OCTETS_MAX, .measure = config_parse_octets,
	  .text =
	      "longest body of a request; longer ones are refused (413) or broken off; not with "
	      "raw or passthrough; default: any" },
	{ "network.rules.RULE.caps.response_bytes", CONFIG_MEASURE,
	  "1 to 1P, in bytes or with k, M, G, T", 1, OCTETS_MAX, .measure = config_parse_octets,
	  .text = "longest body of a response; longer ones are refused (502) or broken off; "
		  "likewise" },
	{ "network.rules.RULE.caps.requests_per_minute", CONFIG_WHOLE, "1 to 1000000", 1,
	  MINUTELY_MAX,
	  .text = "requests in a minute, all of them at once if need be; more are refused for now "
		  "(429); flows, where they pass unread; default: any" },
	{ "network.rules.RULE.caps.concurrency", CONFIG_WHOLE, "1 to 32768", 1, AT_ONCE_MAX,
	  .text = "requests under way at once; likewise" },
	{ "network.rules.RULE.caps.idle", CONFIG_MEASURE,
	  "1s to 30d, in seconds or with s, m, h, d", 1, IDLE_SECONDS_MAX,
	  .measure = config_parse_duration_s,
	  .text = "time after which a flow is reset on which nothing moves; the first rule of its "
		  "host that has one says it; default 1h" },
	{ "network.rules.RULE.caps.message_bytes", CONFIG_MEASURE,
	  "1 to 1P, in bytes or with k, M, G, T", 1, OCTETS_MAX, .measure = config_parse_octets,
	  .text = "longest message of WebSocket, either way; a longer one ends the connection; not "
		  "with raw or passthrough; default: any" },
	{ "network.rules.RULE.caps.messages_per_minute", CONFIG_WHOLE, "1 to 1000000", 1,
	  MINUTELY_MAX,
	  .text = "messages, pings and pongs of WebSocket that the program begins in a minute, all "
		  "of them at once if need be; one more ends the connection; likewise" },
	{ "network.rules.RULE.pins", CONFIG_LIST, .max = CONFIG_RULE_PINS_MAX,
	  .fault = config_pin_fault,
	  .text = "public keys, sha256/BASE64 (RFC 7469), one of which must be in the chain of the "
		  "server's certificate; of all rules for its host together; not with passthrough; "
		  "default: any that is trusted" },
	{ "network.block_private_ips", CONFIG_BOOL, .offset = MEMBER(network.block_private_ips),
	  .text = "refuse private addresses even of allowed names; default true; this machine and "
		  "metadata services stay refused without it" },
	{ "network.allow_private", CONFIG_LIST, .max = CONFIG_HOSTS_MAX,
	  .fault = config_private_fault,
	  .text = "allowed hosts whose addresses may be private, and addresses or prefixes that "
		  "may be reached all the same; this machine only by address, a metadata service "
		  "only by exactly its address" },
	{ "network.secrets", CONFIG_MAP, .max = CONFIG_SECRETS_MAX,
	  .text = "secrets the program uses without seeing them: its variable NAME holds a "
		  "placeholder, in whose place the secret is sent, over TLS only" },
	{ "network.secrets.NAME", CONFIG_OBJECT, .key_fault = config_env_name_fault,
	  .also = config_secret_also,
	  .text = "one secret; exactly one of value, env, file and command" },
	{ "network.secrets.NAME.value", CONFIG_TEXT, .max = CONFIG_SECRET_OCTETS_MAX,
	  .secret = true, .fault = config_secret_fault, .text = "the secret itself" },
	{ "network.secrets.NAME.env", CONFIG_TEXT, .fault = config_env_name_fault,
	  .text = "variable of immure's environment that holds it" },
	{ "network.secrets.NAME.file", CONFIG_HOST, .text = "file on the host that holds it" },
	{ "network.secrets.NAME.command", CONFIG_TEXT, .fault = config_command_fault,
	  .text = "command on the host that prints it" },
	{ "network.secrets.NAME.hosts", CONFIG_LIST, .max = CONFIG_SECRET_HOSTS_MAX,
	  .fault = config_secret_host_fault, .required = true,
	  .text = "hosts it may be sent to, as in allowed_hosts, where they must be allowed, too" },
	{ "network.secrets.NAME.where", CONFIG_LIST, .max = CONFIG_SECRET_WHERE_MAX,
	  .fault = config_where_fault,
	  .text = "parts of a request it may stand in: header, query, basic (user or password of "
		  "Authorization: Basic), body; default header" },
	{ "network.policy_script", CONFIG_TEXT, .max = SCRIPT_OCTETS_MAX, .later = NOT_YET,
	  .text = "Starlark functions that judge and change requests" },
	{ "network.hosts", CONFIG_MAP, .max = CONFIG_HOSTS_MAX,
	  .text = "names with fixed addresses, for which no resolver is asked" },
	{ "network.hosts.NAME", CONFIG_TEXT, .key_fault = config_name_fault,
	  .fault = config_address_fault, .text = "the address of that name" },
	{ "network.dns_servers", CONFIG_LIST, .max = CONFIG_DNS_SERVERS_MAX,
	  .fault = config_server_fault,
	  .text = "resolvers to ask in place of the host's, ADDRESS or ADDRESS:PORT" },
	{ "network.ca_file", CONFIG_HOST, .offset = MEMBER(network.ca_file),
	  .text =
	      "PEM file of further certificates by which servers are judged, beside the host's" },
	{ "network.proxy", CONFIG_TEXT, .secret = true, .fault = config_proxy_fault,
	  .text =
	      "proxy by which all that is allowed is reached, http://[USER:PASSWORD@]HOST:PORT, or "
	      "none; default: as HTTPS_PROXY or ALL_PROXY of immure's environment says. But for "
	      "hosts in its NO_PROXY" },
	{ "network.publish", CONFIG_LIST, .max = CONFIG_PUBLISH_MAX, .fault = config_publish_fault,
	  .text = "TCP ports of its programs that are reachable from outside: PORT, HOST_PORT:PORT "
		  "or ADDRESS:HOST_PORT:PORT; ADDRESS is 127.0.0.1 if not given, HOST_PORT 0 any "
		  "that is free; or auto: those at which they listen" },

	{ "vfs", CONFIG_OBJECT, .text = "folders of the sandbox beside its root" },
	{ "vfs.direct_mounts", CONFIG_MAP, .max = CONFIG_MOUNTS_MAX,
	  .text = "folders of the host, shared at full speed" },
	{ "vfs.direct_mounts.PATH", CONFIG_OBJECT, .is_mount = true,
	  .text = "where it is in the sandbox" },
	{ "vfs.direct_mounts.PATH.host_path", CONFIG_HOST, .required = true,
	  .text =
	      "the folder or file on the host; a relative path starts from the current folder" },
	{ "vfs.direct_mounts.PATH.readonly", CONFIG_BOOL, .text = "refuse writes; default false" },
	{ "vfs.mounts", CONFIG_MAP, .max = CONFIG_MOUNTS_MAX, .text = "folders served by immure" },
	{ "vfs.mounts.PATH", CONFIG_OBJECT, .is_mount = true, .also = mount_also,
	  .text = "where it is in the sandbox" },
	{ "vfs.mounts.PATH.type", CONFIG_WORD, "memory, real_fs, overlay", .required = true,
	  .text = "memory: empty, and gone at the end; real_fs, overlay: not supported yet" },
	{ "vfs.mounts.PATH.size_mb", CONFIG_WHOLE, "1 to 1073741824", 1, MIB_MAX, .only = "memory",
	  .text = "limit in MiB; default: half of the memory" },
	{ "vfs.mounts.PATH.host_path", CONFIG_HOST, .only = "real_fs", .required = true,
	  .text = "the folder on the host" },
	{ "vfs.mounts.PATH.readonly", CONFIG_BOOL, .text = "refuse writes; default false" },
	{ "vfs.mounts.PATH.upper", CONFIG_OBJECT, .only = "overlay", .required = true,
	  .like = "vfs.mounts.PATH", .text = "a mount as above that takes the writes" },
	{ "vfs.mounts.PATH.lower", CONFIG_OBJECT, .only = "overlay", .required = true,
	  .like = "vfs.mounts.PATH", .text = "a mount as above that is only read" },

	{ "env", CONFIG_MAP, .max = CONFIG_ENV_MAX,
	  .text = "variables of every program's environment" },
	{ "env.NAME", CONFIG_TEXT, .max = VARIABLE_OCTETS_MAX, .key_fault = config_env_name_fault,
	  .secret = false, .also = variable_also,
	  .text = "a text; \"${NAME}\" and nothing else stands for the secret NAME" },
};
const size_t config_rows_len = ARRAY_SIZE(config_rows);

const char *config_row_name(const struct config_row *row)
{
	const char *dot = strrchr(row->key, '.');

	return dot != NULL ? dot + 1 : row->key;
}

bool config_row_is_below(const struct config_row *row, const struct config_row *above)
{
	const char *prefix = above->like != NULL ? above->like : above->key;
	size_t len = strlen(prefix);

	if (len == 0)
		return strchr(row->key, '.') == NULL;
	return strncmp(row->key, prefix, len) == 0 && row->key[len] == '.' &&
	       strchr(row->key + len + 1, '.') == NULL;
}

const struct config_row *config_row_below(const struct config_row *row, const char *name)
{
	for (size_t i = 0; i < config_rows_len; i++) {
		const struct config_row *below = &config_rows[i];

		if (config_row_is_below(below, row) &&
		    (row->kind == CONFIG_MAP || row->kind == CONFIG_ITEMS ||
		     strcmp(config_row_name(below), name) == 0))
			return below;
	}
	return NULL;
}

enum { GUESS_EDITS_MAX = 2 }; /* more is another word */

const char *config_row_meant(const struct config_row *row, const char *name)
{
	size_t best = GUESS_EDITS_MAX + 1;
	const char *meant = NULL;

	for (size_t i = 0; i < config_rows_len; i++) {
		const char *here = config_row_name(&config_rows[i]);
		size_t count = spelling_distance(name, here);

		if (!config_row_is_below(&config_rows[i], row) || count >= best ||
		    count >= strlen(here))
			continue;
		best = count;
		meant = here;
	}
	/* the right key in the wrong place, or of a place the user left out */
	for (size_t i = 0; meant == NULL && i < config_rows_len; i++)
		if (strcmp(config_row_name(&config_rows[i]), name) == 0)
			meant = config_rows[i].key;
	return meant;
}

const struct config_key_doc *config_key_docs(size_t *len)
{
	static const char *const types[] = {
		[CONFIG_TEXT] = "text",
		[CONFIG_WORD] = "one of",
		[CONFIG_INSIDE] = "path inside",
		[CONFIG_HOST] = "path on the host",
		[CONFIG_BOOL] = "true or false",
		[CONFIG_WHOLE] = "whole number",
		[CONFIG_MEASURE] = "number, perhaps with a unit",
		[CONFIG_NUMBER] = "number",
		[CONFIG_LIST] = "list of texts",
		[CONFIG_ITEMS] = "list",
		[CONFIG_MAP] = "map",
		[CONFIG_OBJECT] = "keys",
	};
	static struct config_key_doc docs[ARRAY_SIZE(config_rows)]; /* the same at every call */

	for (size_t i = 0; i < ARRAY_SIZE(config_rows); i++) {
		const struct config_row *row = &config_rows[i];

		docs[i] = (struct config_key_doc){
			.key = row->key,
			.type = types[row->kind],
			.limits = row->limits != NULL ? row->limits : "",
			.text = row->text,
			.later = row->later != NULL,
		};
	}
	*len = ARRAY_SIZE(docs);
	return docs;
}
