/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reply - what the gateway itself answers over HTTP: an ErrorEnvelope, which says what was refused,
 * why, and what to do.
 */
#ifndef GATEWAY_REPLY_H
#define GATEWAY_REPLY_H

#include "base/buf.h"

enum { REPLY_OCTETS_MAX = 8 * 1024 };

struct reply {
	unsigned status;
	const char *code;    /* error_code: "policy_denied" */
	const char *message; /* one sentence */
	struct span why;     /* policy_explanation: text for people; any octets */
	bool retryable;
	unsigned retry_after_s;  /* 0: nobody knows */
	const char *proxy_error; /* for Proxy-Status (RFC 9209 section 2.3) */
	uint32_t id;             /* of the ask; request_id is made of it */
};

/* reply_body() - the envelope as JSON. Return: 0 or -ENOMEM. */
MUST_USE int reply_body(struct buf *to, const struct reply *reply);

/* reply_http1() - a whole HTTP/1.1 response. @head: to a HEAD, so without its body; @close: the
 * connection ends with it. Return: 0 or -ENOMEM. */
MUST_USE int reply_http1(struct buf *to, const struct reply *reply, bool head, bool close);

/* reply_of_status() - code and message for a status that the gateway gives; retryable, too */
struct reply reply_of_status(unsigned status, struct span why, uint32_t id);

/* reply_of_cap() - the same where a body is longer than the policy allows: 413, or 502 for the server's */
struct reply reply_of_cap(unsigned status, struct span why, uint32_t id);

#endif
