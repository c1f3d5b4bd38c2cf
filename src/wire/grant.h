/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grant - consent that lasts, between the warden and immure-consent, which keeps it (consent/store.h): one
 * message a SOCK_SEQPACKET packet. Numbers are little-endian, all text is visible ASCII:
 *
 *	packet	u16 version	GRANT_VERSION
 *		u16 kind	enum grant_packet_kind
 *		of GRANT_ONE	u16 action, flags, port
 *			u16 app_len, host_len, method_len, target_len, by_len
 *			u32 uid
 *			i64 id, created, expires
 *			app, host, method, target, by
 *		of GRANT_LIST	the name of an app
 *		of GRANT_FAILED	why, for people; with blanks
 *
 * It is started with one of two roles. GRANT_ROLE_LIST takes a GRANT_LIST and answers a GRANT_ONE for each,
 * then GRANT_END; GRANT_ROLE_ADD takes a GRANT_ONE and answers GRANT_END. Either may answer GRANT_FAILED.
 */
#ifndef WIRE_GRANT_H
#define WIRE_GRANT_H

#include "base/base.h"

#define GRANT_PROGRAM   "immure-consent" /* see warden/sibling.h */
#define GRANT_ROLE_LIST "list"
#define GRANT_ROLE_ADD  "add"
#define GRANT_FILE      "consent.db" /* in the state folder, which it gets beside its channel */

enum {
	GRANT_VERSION = 1,
	GRANT_APP_OCTETS_MAX = 64,
	GRANT_HOST_OCTETS_MAX = 253, /* RFC 1035 section 2.3.4 */
	GRANT_METHOD_OCTETS_MAX = 32,
	GRANT_TARGET_OCTETS_MAX = 16 * 1024,
	GRANT_BY_OCTETS_MAX = 32,
	GRANT_WHY_OCTETS_MAX = DIAG_OCTETS,
	GRANT_HEAD_OCTETS = 4,
	GRANT_ONE_OCTETS = GRANT_HEAD_OCTETS + 8 * 2 + 4 + 3 * 8, /* without its texts */
	GRANT_PACKET_OCTETS_MAX = GRANT_ONE_OCTETS + GRANT_APP_OCTETS_MAX + GRANT_HOST_OCTETS_MAX +
				  GRANT_METHOD_OCTETS_MAX + GRANT_TARGET_OCTETS_MAX +
				  GRANT_BY_OCTETS_MAX,
	GRANT_APP_MAX = 1024, /* of one app */
};

enum grant_action {
	GRANT_NET_CONNECT = 1,
	GRANT_HTTP_REQUEST,
	GRANT_ACTIONS,
};

enum grant_flag {
	GRANT_DENY = 1,
	GRANT_HTTPS = 2,     /* of GRANT_HTTP_REQUEST, as is: */
	GRANT_WEBSOCKET = 4, /* it asks for WebSocket */
};

/* What an app may do, or may not. The scope is all of it but deny, created, expires, by and uid. */
struct grant {
	int64_t id;      /* from 1; 0: not kept yet */
	struct span app; /* never empty; borrowed, as are all */
	enum grant_action action;
	unsigned flags;
	struct span host; /* canonical name or address */
	uint16_t port;
	struct span method, target; /* of GRANT_HTTP_REQUEST: path and query, exactly; else empty */
	int64_t created, expires;   /* Unix seconds; expires 0: never */
	struct span by;             /* "terminal", "rpc", "cli" */
	uint32_t uid;               /* of whom */
};

enum grant_packet_kind {
	GRANT_ONE = 1,
	GRANT_END,
	GRANT_FAILED,
	GRANT_LIST,
};

struct grant_packet {
	enum grant_packet_kind kind;
	struct grant grant; /* GRANT_ONE */
	struct span text;   /* GRANT_FAILED: why; GRANT_LIST: the app */
};

/* grant_fault() - Return: NULL; else what about it is not as the table says, static */
MUST_USE const char *grant_fault(const struct grant *grant);

/* grant_encode() - @ret: room for GRANT_PACKET_OCTETS_MAX. Return: 0; -EINVAL: not as the table says. */
MUST_USE int grant_encode(size_t *ret_len, char *ret, const struct grant_packet *packet);

/* grant_decode() - *@ret borrows from @octets. Return: 0; -EPROTO. */
MUST_USE int grant_decode(struct grant_packet *ret, struct span octets);

/* grant_action_name() - "net.connect": static */
const char *grant_action_name(enum grant_action action);

#endif
