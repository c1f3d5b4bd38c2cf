/* SPDX-License-Identifier: Apache-2.0 */
/*
 * input - the question to a policy as one JSON document: PolicyInput version 1, docs/schemas/policy-input.v1.json.
 *
 * Texts may come from the sandbox and hold any octets: what is no UTF-8 becomes U+FFFD, one for each octet.
 * Nothing is cut, since a policy could be led astray by half a path: what does not fit is refused, and
 * whoever asks denies.
 */
#ifndef POLICY_INPUT_H
#define POLICY_INPUT_H

#include "base/base.h"
#include "base/buf.h"

enum {
	POLICY_INPUT_VERSION = 1,
	POLICY_INPUT_OCTETS_MAX = 256 * 1024, /* a target of 64 KiB, escaped, and room to spare */
};

enum policy_action {
	POLICY_ACTION_NONE = 0, /* no question */
	POLICY_ACTION_DNS_QUERY,
	POLICY_ACTION_NET_CONNECT,
	POLICY_ACTION_HTTP_REQUEST,
	POLICY_ACTION_PORT_PUBLISH,
	POLICY_ACTION_EXEC,
	POLICY_ACTION_FS_OPEN,
	POLICY_ACTION_FS_WRITE,
	POLICY_ACTION_DATA_READ,
	POLICY_ACTIONS,
};

enum policy_mode { POLICY_MODE_ENFORCE = 0, POLICY_MODE_ASK, POLICY_MODE_AUDIT };

/* What is asked for; each action has some of these. All is borrowed. A text whose ptr is NULL is left out. */
struct policy_resource {
	/* dns.query, net.connect, http.request, port.publish: */
	struct span host; /* canonical, as net_name has it */
	bool is_address;  /* said wherever there is a host */
	uint16_t port;    /* 0: none is known */
	/* http.request: */
	bool websocket;
	struct span scheme, method; /* "http" or "https" */
	struct span target;         /* becomes `path` and, if there is a "?", `query` */
	/* exec: */
	struct span program;
	const struct span *arguments;
	size_t arguments_len;
	/* fs.open, fs.write, data.read: */
	struct span file;
	const char *const *flags; /* "read", "write", "create" ... */
	size_t flags_len;
};

struct policy_input {
	struct span request_id, policy_hash; /* visible ASCII */
	int64_t timestamp_ns;                /* Unix time */
	int64_t started_ns;                  /* likewise, when the sandbox was */
	enum policy_mode mode;
	/* whose request it is */
	struct span app, sandbox; /* its name or "", its id */
	uint32_t pid;             /* 0: not known */
	struct span program;      /* likewise NULL; hostile */
	struct span workspace_root;

	enum policy_action action;
	struct policy_resource resource;
};

/**
 * policy_input_put() - append the document to @buf, without a newline
 *
 * Return: 0; -EINVAL: there is no such action; -ENOBUFS: it does not fit into @buf; -ENOMEM. On failure
 * a part of it may be there.
 */
MUST_USE int policy_input_put(struct buf *buf, const struct policy_input *input);

/* policy_action_name() - "net.connect": static; NULL: there is none */
const char *policy_action_name(enum policy_action action);

/* policy_action_find() - POLICY_ACTION_NONE: there is none of that name */
enum policy_action policy_action_find(struct span name);

/* policy_mode_name() - "enforce": static */
const char *policy_mode_name(enum policy_mode mode);

/* policy_mode_find() - POLICY_MODE_ENFORCE: there is none of that name; NULL is fine */
enum policy_mode policy_mode_find(const char *name);

enum { POLICY_STAMP_OCTETS = 30 };

/* policy_stamp() - RFC 3339 with nanoseconds, "2024-01-15T10:30:00.000000000Z", NUL-terminated; such texts
 * order as their times do. Before 1970 is 1970. */
void policy_stamp(char ret[POLICY_STAMP_OCTETS + 1], int64_t time_ns);

#endif
