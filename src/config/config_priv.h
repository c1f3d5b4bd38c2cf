/* SPDX-License-Identifier: Apache-2.0 */
/* config_priv - what the files of config/ share: places in a tree, the table's rows, text checks.
 */
#ifndef CONFIG_CONFIG_PRIV_H
#define CONFIG_CONFIG_PRIV_H

#include <limits.h>

#include "config/config.h"

enum {
	CONFIG_DEPTH_MAX = 32,     /* of a file; the schema itself needs 11 */
	CONFIG_NODES_MAX = 100000, /* values in a file */
	CONFIG_OVERLAYS_MAX = 8,   /* overlays within overlays */
	CONFIG_SHOWN_OCTETS = 64,  /* of a key or value within an error */
	CONFIG_PLACE_OCTETS = 160, /* of a dotted key within an error */
};

/* Where in a tree: a chain from a value up to the root, on the stack of whoever walks. */
struct config_at {
	const struct config_at *up; /* NULL: the root */
	json_t *parent;             /* the container; NULL: the root */
	const char *key;            /* in an object; NULL: an item of a list, or the root */
	size_t index;               /* in a list */
};

/* config_source.c */

/* config_source_new() - @name is copied, with what would upset a terminal escaped */
MUST_USE int config_source_new(struct config_source **ret, const char *name);

/* config_source_mark() - remember the lines of what is at @at. Return: 0; -E2BIG; -ENOMEM. */
MUST_USE int config_source_mark(struct config_source *source, const struct config_at *at,
				json_t *value, unsigned key_line, unsigned value_line);

/* config_refuse() - "NAME:LINE: a.b.c: why"; @source may be NULL, line 0. Return: @error. */
int config_refuse(struct diag *diag, int error, const struct config_source *source, unsigned line,
		  const struct config_at *at, const char *format, ...) PRINTF(6, 7);

enum config_spot { CONFIG_SPOT_KEY, CONFIG_SPOT_VALUE };

/* config_place() - "a.b[2].c" into @ret, escaped and cut. Return: octets without the NUL. */
size_t config_place(char *ret, size_t size, const struct config_at *at);

/* config_line() - of what is at @at; 0 if it did not come from the file (a flag laid over it) */
MUST_USE unsigned config_line(const struct config_source *source, const struct config_at *at,
			      enum config_spot spot);

/* config_load_json() - config_load_yaml() for JSON */
MUST_USE int config_load_json(json_t **ret_tree, struct config_source **ret_source,
			      struct span text, const char *name, struct diag *diag);

/* config_schema.c */

enum config_kind {
	CONFIG_TEXT = 1,
	CONFIG_WORD,   /* one of those that row->limits lists, ", " between them */
	CONFIG_INSIDE, /* a path in the sandbox */
	CONFIG_HOST,   /* a path on the host */
	CONFIG_BOOL,
	CONFIG_WHOLE,   /* a whole number */
	CONFIG_NUMBER,  /* more than 0 */
	CONFIG_MEASURE, /* a whole number, or text that row->measure makes one of */
	CONFIG_LIST,    /* of texts */
	CONFIG_ITEMS,   /* a list; each item follows the row below it */
	CONFIG_MAP,     /* the user chooses its keys; each value follows the row below it */
	CONFIG_OBJECT,  /* only the rows below it are its keys */
};

struct config_judge;

struct config_row {
	const char *key; /* dotted; a part in capitals stands for any key of a map */
	enum config_kind kind;
	const char *limits; /* in words, as "must be ..." goes on; "" if the kind says it all */
	int64_t min, max;   /* whole: bounds; number: max; text, list: most octets, most items */
	size_t offset;      /* of the member of struct config to store it in; 0: none */
	const char *(*fault)(const char *text); /* what is wrong with this text or item, or NULL */
	const char *(*key_fault)(const char *text); /* the same for the key chosen by the user */
	int (*measure)(uint64_t *ret, struct span text);
	/* what the table cannot say; runs after the rows below it. Return: 0 or -errno as refused
	 */
	int (*also)(struct config_judge *judge, const struct config_at *at, json_t *value);
	bool is_mount;     /* the key chosen by the user is a path to mount at */
	const char *like;  /* its keys are those of this row */
	const char *only;  /* only beside "type": this */
	const char *later; /* known but not supported yet: what holds until then; NULL: supported */
	bool required;
	bool secret;      /* never shown, never copied into config.tree */
	const char *text; /* one line for people */
};

extern const struct config_row config_rows[];
extern const size_t config_rows_len;

extern const struct config_row config_root; /* what the table's first parts are below */

/* config_row_is_below() - is @row directly below @above? */
MUST_USE bool config_row_is_below(const struct config_row *row, const struct config_row *above);

/* config_row_below() - the row of key @name below @row, or NULL; for a map or items, that of all of them */
MUST_USE const struct config_row *config_row_below(const struct config_row *row, const char *name);

/* config_row_name() - the last part of its key */
MUST_USE const char *config_row_name(const struct config_row *row);

/* config_row_meant() - the key the user may have meant by @name, dotted from @row on; NULL: no idea
 */
MUST_USE const char *config_row_meant(const struct config_row *row, const char *name);

/* config_judge.c */

/* What one reading knows. The rows' hooks get it only to refuse and to put off. */
struct config_judge {
	const struct config_source *source; /* NULL: none */
	struct diag *diag;
	json_t *mounted;    /* owned: mount path -> where it was given */
	struct diag later;  /* the first setting that is not supported yet; "": none */
	char cwd[PATH_MAX]; /* "": not asked for yet */
};

/* config_judge_tree() - @ret: owned; @tree as the schema wants it, paths normalised. As
 * config_read. */
MUST_USE int config_judge_tree(json_t **ret, json_t *tree, const struct config_source *source,
			       struct diag *diag);

/* config_judge_refuse() - Return: -EINVAL */
int config_judge_refuse(struct config_judge *judge, const struct config_at *at,
			enum config_spot spot, const char *format, ...) PRINTF(4, 5);

/* config_judge_later() - note that @what at @at is not supported yet; the rest is judged all the
 * same */
void config_judge_later(struct config_judge *judge, const struct config_at *at, const char *what,
			const char *until);

/* config_text.c */

/* A cut and escaped copy of hostile text, to be shown within an error. */
struct config_shown {
	char text[CONFIG_SHOWN_OCTETS];
};

MUST_USE struct config_shown config_show(const char *text);

/* config_escape() - the same into @ret of @size octets. Return: octets written without the NUL. */
size_t config_escape(char *ret, size_t size, struct span text);

/**
 * config_fold_path() - make @path absolute: fold "//", "." and a "/" at the end
 * @ret:	room for PATH_MAX
 * @base:	what a relative path starts from; NULL: it must be absolute, and ".." is refused
 *
 * Return: NULL, or what is wrong.
 */
MUST_USE const char *config_fold_path(char *ret, const char *base, const char *path);

/* Each says what is wrong with its text, or NULL. */
const char *config_text_fault(const char *text);     /* a short printable text, not empty */
const char *config_mount_fault(const char *path);    /* a folded path to mount at */
const char *config_env_name_fault(const char *text); /* [A-Za-z_][A-Za-z0-9_]* */
const char *config_hostname_fault(const char *text); /* RFC 1123, at most 64 octets */
const char *config_publish_fault(const char *text);  /* config_parse_publish() reads it */
const char *config_command_fault(const char *text);  /* not empty, one line */

/* config_network.c: the same */
const char *config_pattern_fault(const char *text); /* net/pattern.h: a host, "*.x", 10.0.0.0/8 */
const char *config_private_fault(const char *text); /* the same, without "*" and ports */
const char *config_method_fault(const char *text);  /* of HTTP, in capitals */
const char *config_glob_fault(const char *text);    /* net/glob.h, and in the one form of paths */
const char *config_name_fault(const char *text);    /* a DNS name in its canonical form */
const char *config_address_fault(const char *text); /* an IPv4 or IPv6 address */
const char *config_server_fault(const char *text);  /* the same, and maybe a port */

/* config_secret.c: the same */
const char *config_secret_fault(const char *text); /* 4 octets to 8 KiB that a header can hold */
const char *config_secret_host_fault(const char *text); /* a pattern, but not "*" */
const char *config_where_fault(const char *text);

/* config_secret_also(), config_network_also(), config_env_also() - what the table cannot say of one of
 * network.secrets; of "network"; of all settings: a variable that would show a secret */
int config_secret_also(struct config_judge *judge, const struct config_at *at, json_t *value);
int config_env_also(struct config_judge *judge, const struct config_at *at, json_t *value);
int config_network_also(struct config_judge *judge, const struct config_at *at, json_t *value);

/* config_secrets_fill() - lay out "secrets" of @given and of @tree, the same judged: values are in the
 * first only. Return: 0; -ENOMEM. */
MUST_USE int config_secrets_fill(struct config_network *network, json_t *given, json_t *tree);
void config_secrets_free(struct config_network *network);

/* config_proxy.c: the same */
const char *config_proxy_fault(const char *text); /* net/proxy.h, or "none" */

/* config_proxy_fill() - keep the proxy @given, perhaps NULL, and put what may be shown of it into @tree, of the
 * key "network". Return: 0; -ENOMEM. */
MUST_USE int config_proxy_fill(struct config_network *network, const json_t *given, json_t *tree);
void config_proxy_free(struct config_network *network);

/* config_rule_also() - what the table cannot say of one of network.rules */
int config_rule_also(struct config_judge *judge, const struct config_at *at, json_t *value);

/* config_caps.c: what is wrong with a pin; what the table cannot say of caps and pins of a rule; @caps as
 * they are, @tree may be NULL; the same of pins. Return: 0; -ENOMEM */
const char *config_pin_fault(const char *text);
int config_caps_also(struct config_judge *judge, const struct config_at *at, json_t *value);
void config_caps_fill(struct config_caps *caps, const json_t *tree);
MUST_USE int config_pins_fill(struct config_rule *rule, const json_t *list);

/* config_network_fill() - lay out @tree, of the key "network", judged; NULL: nothing. Release it with
 * config_network_free() even then. Return: 0; -ENOMEM. */
MUST_USE int config_network_fill(struct config_network *network, json_t *tree);
void config_network_free(struct config_network *network);

#endif
