/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decision - what a policy decided, as data.immure.decision has it:
 *
 *	{"verdict": "allow" | "deny" | "ask", "rule": text, "reasons": [text ...], "obligations": {
 *		"request_bytes": n, "response_bytes": n,	of one body
 *		"message_bytes": n, "messages_per_minute": n,	of WebSocket, counted with the rule
 *		"idle_ms": n,
 *		"raw": bool, "passthrough": bool,
 *		"pins": ["sha256/BASE64" ...],
 *		"quotas": [{"rule": text, "requests_per_minute": n, "concurrency": n} or null, at most two]}}
 *
 * All but the verdict may be left out. Anything else in it is a fault: who reads an obligation that he does
 * not know cannot hold the program to it.
 */
#ifndef JUDGE_DECISION_H
#define JUDGE_DECISION_H

#include <jansson.h>

#include "wire/judge.h"

enum {
	DECISION_OCTETS_MAX = 64 * 1024,
	DECISION_FAULT_OCTETS = 256,
};

/* What the texts of an answer are kept in. */
struct decision {
	json_t *tree; /* owned */
	uint8_t pins[JUDGE_PINS_MAX * JUDGE_PIN_OCTETS];
	char why[JUDGE_WHY_OCTETS_MAX];
	char fault[DECISION_FAULT_OCTETS];
};

/**
 * decision_read() - the answer that @json is
 * @ret:	borrows from @decision; a fault is an answer, too: a denial that says so
 * @decision:	zeroed before the first use; used again and again
 */
void decision_read(struct judge_answer *ret, struct decision *decision, struct span json);

/* decision_deny() - a denial for @why, which is borrowed */
void decision_deny(struct judge_answer *ret, const char *why);

void decision_free(struct decision *decision);

#endif
