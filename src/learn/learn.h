/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learn - what was recorded, as distinct calls: the model from which a policy is suggested and against which one is
 * replayed. Nothing here asks or grants anything.
 *
 * Hosts, methods and paths were chosen by programs in sandboxes. What is not of the form that the gateway lets
 * through is counted and left out, and all tables have bounds: what does not fit is counted as well.
 */
#ifndef LEARN_LEARN_H
#define LEARN_LEARN_H

#include "audit/entry.h"
#include "policy/input.h"

enum {
	LEARN_REFS = 3,     /* entries that are named for a call: the first ones */
	LEARN_EXAMPLES = 3, /* paths that are kept for a template */
	LEARN_CALLS_MAX = 65536,
	LEARN_EXACT_CALLS_MAX = 262144,
	LEARN_OCTETS_MAX = 64 * 1024 * 1024, /* of all texts */
	LEARN_LOGS_MAX = 65536,
	LEARN_METHOD_OCTETS_MAX = 32,
	LEARN_PATH_OCTETS_MAX = 2000, /* the log cuts what is as long: nobody knows its end */
};

/* Where an entry is. */
struct learn_ref {
	uint32_t log; /* of learn->logs */
	uint64_t seq;
};

/* What is left of a sandbox's log. */
struct learn_log {
	char name[AUDIT_LOG_NAME_OCTETS];
};

/* Whatever differs in nothing but the numbers, UUIDs and hashes of its path. Texts belong to the model. What was let
 * through and what was denied are two calls, unless the model is exact: a denial widens nothing. */
struct learn_call {
	enum policy_action action;
	uint16_t port; /* 0: of a query for a name */
	bool is_address, websocket, https;
	bool through;                   /* it was let through; unused if the model is exact */
	struct span host, method, path; /* path: the first of examples */
	uint64_t varied;                /* the segments whose numbers differed, by bit */
	uint64_t allowed, denied;       /* entries */
	struct span examples[LEARN_EXAMPLES];
	size_t examples_len;
	uint64_t hash; /* of its key */
	bool more;     /* paths than examples */
	struct learn_ref refs[LEARN_REFS];
	size_t refs_len;
};

struct learn {
	bool exact;               /* paths are taken as they are */
	struct learn_call *calls; /* owned; in the order in which they were first seen */
	size_t calls_len, calls_size;
	uint64_t secret;  /* of their hashes; 0: none yet */
	uint32_t *places; /* owned; by hash: number + 1 of the call, 0: free */
	size_t places_len;
	struct learn_log *logs; /* owned */
	size_t logs_len, logs_size;
	struct learn_chunk *chunks; /* owned; the texts */
	size_t octets;              /* of them */

	int64_t first_ns, last_ns;
	uint64_t entries;     /* that were looked at: of the app, with a decision */
	uint64_t other;       /* of actions that are not asked about */
	uint64_t odd;         /* of no form that could be granted */
	uint64_t lost;        /* for which there was no room */
	uint64_t lost_denied; /* of these; what they would have narrowed nobody knows */
	char why_odd[80];     /* of the first */
	struct learn_ref odd_ref;
};

/* learn_free() - all of it, leaving an empty model */
void learn_free(struct learn *learn);

/* learn_log() - the number of the log @name. Return: 0; -ENOSPC; -ENOMEM */
MUST_USE int learn_log(uint32_t *ret, struct learn *learn, const char *name);

/**
 * learn_add() - count an entry
 * @entry:	unescaped, of which the texts are copied; what is no effect with a decision is passed over
 *
 * A denial is one in every mode; "ask" counts as allowed where the mode lets it through, "audit".
 * Return: 0; -ENOMEM.
 */
MUST_USE int learn_add(struct learn *learn, const struct audit_entry *entry, uint32_t log);

/* learn_resource() - of @call, with the path @path, as a question has it. Borrows. */
struct policy_resource learn_resource(const struct learn_call *call, struct span path);

#endif
