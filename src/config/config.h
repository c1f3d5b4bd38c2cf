/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config - what a sandbox is to be: one schema for flags, immure.yaml and the RPC's `create`
 * params.
 *
 * Everything becomes one JSON tree first (YAML is converted, flags are laid over it), and one table
 * of keys (config_schema.c) judges that tree: an unknown key, a duplicate one, a wrong type and an
 * impossible value are errors with file, line, key and reason. Keys of later work are known and
 * refused with "not supported yet". Field names are those of ADR-0001 (create), plus our additions.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <jansson.h>

#include "base/base.h"
#include "net/address.h"

enum {
	CONFIG_FILE_OCTETS_MAX = 1024 * 1024,
	CONFIG_MOUNTS_MAX = 64, /* direct_mounts and mounts together */
	CONFIG_ENV_MAX = 1024,  /* variables */
	CONFIG_DEGRADED_MAX = 32,
	CONFIG_HOSTS_MAX =
	    4096, /* of allowed_hosts, allow_private, hosts: net/pattern.h PATTERN_SET_MAX */
	CONFIG_RULES_MAX = 1024, /* policy/policy.h POLICY_RULES_MAX */
	CONFIG_RULE_METHODS_MAX = 16,
	CONFIG_RULE_PATHS_MAX = 64,
	CONFIG_SECRETS_MAX = 32,
	CONFIG_SECRET_HOSTS_MAX = 64,
	CONFIG_SECRET_WHERE_MAX = 4,
	CONFIG_SECRET_OCTETS_MAX = 8192, /* wire/substitution.h SUBSTITUTION_VALUE_OCTETS_MAX */
	CONFIG_RULE_PINS_MAX = 16,
	CONFIG_PIN_OCTETS = 32,
	CONFIG_DNS_SERVERS_MAX = 8, /* glibc asks 3 at most, resolv.conf(5) MAXNS */
	CONFIG_DNS_PORT = 53,
	CONFIG_PUBLISH_MAX = 64, /* ports; each is a listening socket */
};

#define CONFIG_PUBLISH_AUTO "auto" /* in place of a port of network.publish */
/* The value of network.proxy that turns off what the environment says. */
#define CONFIG_PROXY_NONE "none"

enum config_mount_type {
	CONFIG_MOUNT_DIRECT = 1, /* vfs.direct_mounts: a bind of host_path */
	CONFIG_MOUNT_MEMORY,     /* vfs.mounts, type memory: a tmpfs */
};

struct config_mount {
	enum config_mount_type type;
	const char *path; /* inside; absolute, normalised, not "/", not at or below /proc, /sys,
			     /dev, /usr (but below /usr/local), /bin, /sbin, /lib*, /etc; no two
			     are the same */
	const char *host_path; /* direct: absolute (a relative one is resolved against the caller's
				  working directory when it is read); ".." is left to the kernel */
	bool readonly;
	uint64_t size_mb; /* memory: limit in MiB; 0: the default */
};

struct config_env {
	const char *name;
	const char *value;
};

struct config_texts {
	const char **items; /* owned; the texts are borrowed */
	size_t len;
};

struct config_host {
	const char *name;    /* canonical, as net/name.h has it; no address */
	const char *address; /* as net_address_parse() reads it */
};

/* Limits; 0: none. */
struct config_caps {
	uint64_t request_bytes, response_bytes; /* of one body */
	uint64_t requests_per_minute, concurrency;
	uint64_t idle_s;                             /* of its flows */
	uint64_t message_bytes, messages_per_minute; /* of WebSocket */
};

struct config_rule {
	const char *host;            /* as pattern_parse() reads it */
	struct config_texts methods; /* "GET", or "WEBSOCKET"; empty: any */
	struct config_texts paths;   /* globs (net/glob.h) in the form of paths; empty: any */
	struct config_caps caps;
	uint8_t (*pins)[CONFIG_PIN_OCTETS]; /* owned: SHA-256 of public keys; NULL: none */
	size_t pins_len;
	bool
	    passthrough; /* TLS is not opened; never with methods, paths, limits of bytes or messages, pins */
	bool raw_given, raw; /* may it carry what is no HTTP? Likewise. */
};

/* A TCP port of the sandbox that is reachable from outside. */
struct config_publish {
	struct net_address address; /* of this machine, to listen on */
	uint16_t host_port;         /* 0: any that is free */
	uint16_t port;              /* inside */
};

/* Where the value of a secret is. */
enum config_secret_kind {
	CONFIG_SECRET_VALUE = 1,
	CONFIG_SECRET_ENV,
	CONFIG_SECRET_FILE,
	CONFIG_SECRET_COMMAND,
};

struct config_secret {
	const char *name; /* of the variable inside */
	enum config_secret_kind kind;
	const char *origin;        /* name of a variable, absolute path, command; VALUE: NULL */
	char *value;               /* owned, wiped when freed; VALUE only */
	struct config_texts hosts; /* each as pattern_parse() reads it */
	unsigned where;            /* enum substitution_where of wire/substitution.h */
};

/* What may be reached. Nothing, when all is empty. */
struct config_network {
	struct config_rule *rules; /* owned */
	size_t rules_len;
	struct config_texts allowed_hosts; /* each as pattern_parse() reads it */
	struct config_texts allow_private; /* the same, but never "*", and without ports */
	struct config_texts dns_servers;   /* each as config_parse_server() reads it */
	struct config_host *hosts;         /* owned; names with fixed addresses, none twice */
	size_t hosts_len;
	struct config_publish *publish; /* owned; in the order given */
	size_t publish_len;
	struct config_secret *secrets; /* owned */
	size_t secrets_len;
	bool publish_auto;   /* and whatever port a program listens at, while it does */
	const char *ca_file; /* absolute path of further roots for upstream servers; NULL: none */
	char *
	    proxy; /* owned, wiped when freed: as proxy_parse() reads it; "none"; NULL: not given */
	bool block_private_ips; /* default true */
	bool judged;            /* config.policy says what may be reached, these are data for it */
};

/* config_network_allows() - is there anything that may be reached? */
MUST_USE bool config_network_allows(const struct config_network *network);

struct config {
	json_t *tree; /* owned; the settings as given, paths made whole, without the defaults: what
			 config.json shows. Strings below borrow from it. Values of secrets are
			 never in it. */
	char *file;   /* owned: the file that the settings came from; NULL: none */
	const char *image;  /* "standard": the host's own system folders, unless rootfs is given */
	const char *rootfs; /* a folder that is the root, absolute; NULL: what image says */
	const char *working_dir; /* inside; default /tmp/workspace */
	const char *hostname;    /* default "immure" */
	int64_t user;       /* uid the program sees itself as: 1000 (default) or 0, or any other */
	double cpus;        /* 0: not limited */
	uint64_t memory_mb; /* MiB; 0: not limited */
	uint64_t timeout_seconds; /* 0: none */
	uint64_t processes;       /* default 4096 */
	bool remove;              /* its record is removed at its end, unless it crashed */
	const char *mode;         /* "enforce", "ask" or "audit" */
	const char *app;          /* name of the app it is; NULL: none is given */
	const char *
	    policy; /* absolute path of a module, folder or bundle; NULL: the settings are all there is */
	uint64_t disk_mb; /* scratch space (workspace, /tmp, home) in MiB; 0: the default */
	size_t mounts_len, env_len, degraded_len;
	struct config_mount mounts[CONFIG_MOUNTS_MAX]; /* by path: a parent before its child */
	struct config_env env[CONFIG_ENV_MAX];         /* in the order given; no name twice */
	const char *degraded[CONFIG_DEGRADED_MAX];     /* names for --allow-degraded */
	struct config_network network;
};

/*
 * Where a tree came from, for its errors: file name and the line of every key and value. It knows
 * its values by address, so what a flag put in their place is not blamed on the file.
 */
struct config_source;

/**
 * config_load_file() - read immure.yaml (or .json, by its name) into a tree
 * @ret_tree:	owned by the caller (json_decref)
 * @ret_source:	owned by the caller
 *
 * Return: 0; -EINVAL: refused, *diag says where ("immure.yaml:7: ...") and why; another -errno with
 * *diag set (not there, too large, no permission).
 */
MUST_USE int config_load_file(json_t **ret_tree, struct config_source **ret_source,
			      const char *path, struct diag *diag);

/* config_load_yaml() - the same for YAML in memory, named @name in errors */
MUST_USE int config_load_yaml(json_t **ret_tree, struct config_source **ret_source,
			      struct span text, const char *name, struct diag *diag);

void config_source_free(struct config_source *source); /* NULL is fine */
DEFINE_FREEP(struct config_source, config_source_free)

/**
 * config_set() - lay one flag over a tree
 * @key:	dotted, as "resources.memory_mb"; a key of a map (a mount's path) follows as @name
 * @name:	NULL, or the key in the map that @key names ("vfs.direct_mounts" and "/data")
 * @value:	consumed, also on failure
 *
 * Return: 0; -ENOMEM; -EINVAL if the tree holds something else than an object on the way there.
 */
MUST_USE int config_set(json_t *tree, const char *key, const char *name, json_t *value);

/**
 * config_read() - judge a whole tree by the schema
 * @ret:	owned by the caller, with every default filled in
 * @tree:	borrowed, not changed; NULL or {} is all defaults
 * @source:	borrowed; NULL: errors name only the key ("resources.cpus: ...")
 *
 * Return: 0; -EINVAL: refused, *diag says which key and why; -ENOTSUP: a setting of later work,
 * *diag says "KEY: not supported yet: ..."; -ENOMEM. A tree with a fault is -EINVAL even if it also
 * holds a setting of later work. Of such a setting, what asks only for what holds already is fine:
 * empty lists and maps.
 */
MUST_USE int config_read(struct config **ret, json_t *tree, const struct config_source *source,
			 struct diag *diag);

void config_free(struct config *config); /* NULL is fine */
DEFINE_FREEP(struct config, config_free)

/* What people are told of a key. */
struct config_key_doc {
	const char *key;    /* dotted; a part in capitals (NAME, PATH) stands for any */
	const char *type;   /* "text", "whole number", ... */
	const char *limits; /* "1 to 4194304", "memory, real_fs, overlay"; "": only the type's */
	const char *text;   /* one line, no full stop */
	bool later;         /* refused with "not supported yet" */
};

/* config_key_docs() - every key, in the order to show them: static, never freed */
const struct config_key_doc *config_key_docs(size_t *len);

/**
 * config_parse_size_mb() - "512M", "1G", "1.5g", "1024" (MiB), "1048576k" as whole MiB, rounded up
 *
 * Return: 0; -EINVAL. Zero is a size: whether it is possible is for the schema to say.
 */
MUST_USE int config_parse_size_mb(uint64_t *ret, struct span text);

/* config_parse_octets() - the same in octets, a bare number, too. Return: 0; -EINVAL. */
MUST_USE int config_parse_octets(uint64_t *ret, struct span text);

/* config_parse_pin() - "sha256/" and base64, as curl has it. Return: 0; -EINVAL. */
MUST_USE int config_parse_pin(uint8_t ret[CONFIG_PIN_OCTETS], struct span text);

/**
 * config_parse_duration_s() - "90", "90s", "5m", "2h", "1d" as whole seconds, at least 1
 *
 * Return: 0; -EINVAL.
 */
MUST_USE int config_parse_duration_s(uint64_t *ret, struct span text);

/* config_app_fault() - Return: NULL: it may be the name of an app; else why not, static */
MUST_USE const char *config_app_fault(const char *text);

/**
 * config_parse_server() - "192.0.2.1", "192.0.2.1:53", "2001:db8::1", "[2001:db8::1]:53"
 * @ret_port:	53 when none is given
 *
 * Return: 0; -EINVAL.
 */
MUST_USE int config_parse_server(struct net_address *ret, uint16_t *ret_port, struct span text);

/**
 * config_parse_publish() - "80" (the same port outside), "8080:80", "192.0.2.1:8080:80",
 * "[::1]:0:80", "::1:0:80"
 *
 * Return: 0; -EINVAL.
 */
MUST_USE int config_parse_publish(struct config_publish *ret, struct span text);

#endif
