/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge - what the warden asks of immure-judge, which holds the policy: one message a SOCK_SEQPACKET packet.
 * A question is the text of a PolicyInput (policy/input.h) and has one answer, in the order of the questions.
 * Numbers are little-endian:
 *
 *	answer	u16 version	JUDGE_VERSION
 *		u16 verdict	enum judge_verdict
 *		u16 flags	enum judge_flag
 *		u16 reads	enum judge_read: what of the question the policy may look at
 *		u16 rule_len, why_len, quota_lens[2]
 *		u16 pins	how many
 *		u16		0
 *		u64 request_octets, response_octets, idle_ms, message_octets	0: any
 *		u32 per_minute[2], at_once[2]	of the quotas; 0: any
 *		u32 messages_per_minute	likewise, counted with @rule
 *		u8  pins[pins][32], rule[rule_len], quotas[0][quota_lens[0]], quotas[1][...], why[why_len]
 *
 * All text is UTF-8 without NUL. What holds, it is told at its start, by a file (JUDGE_FD_LOAD) of parts:
 *
 *	part	u32 kind	enum judge_part
 *		u32 name_len, octets
 *		name, octets
 *
 * Started with the role JUDGE_CHECK it only says whether that can be loaded: an empty packet's worth of
 * nothing and status 0, or why not, for people, and status 1.
 */
#ifndef WIRE_JUDGE_H
#define WIRE_JUDGE_H

#include "base/base.h"

#define JUDGE_PROGRAM "immure-judge" /* see warden/sibling.h */
#define JUDGE_SERVE   "serve"
#define JUDGE_CHECK   "check"

enum {
	JUDGE_VERSION = 2,
	JUDGE_FD_LOAD = 4, /* beside the channel: base/worker.h */
	JUDGE_QUESTION_OCTETS_MAX = 64 * 1024,
	JUDGE_RULE_OCTETS_MAX = 64, /* of a rule's name */
	JUDGE_WHY_OCTETS_MAX = 1024,
	JUDGE_PINS_MAX = 32,
	JUDGE_PIN_OCTETS = 32,
	JUDGE_QUOTAS = 2,
	JUDGE_HEAD_OCTETS = 10 * 2 + 4 * 8 + (2 * JUDGE_QUOTAS + 1) * 4,
	JUDGE_ANSWER_OCTETS_MAX = JUDGE_HEAD_OCTETS + JUDGE_PINS_MAX * JUDGE_PIN_OCTETS +
				  (1 + JUDGE_QUOTAS) * JUDGE_RULE_OCTETS_MAX + JUDGE_WHY_OCTETS_MAX,
	JUDGE_PART_NAME_OCTETS_MAX = 4096,
	JUDGE_PART_OCTETS_MAX = 64 * 1024 * 1024,
	JUDGE_PART_HEAD_OCTETS = 12,
	JUDGE_LOAD_OCTETS_MAX = 128 * 1024 * 1024,
};

enum judge_verdict { JUDGE_DENY = 0, JUDGE_ALLOW, JUDGE_ASK };

enum judge_flag { JUDGE_RAW = 1, JUDGE_PASSTHROUGH = 2 };

/* Beside action, host, port, scheme, app, mode and sandbox, by which every answer is kept. */
enum judge_read {
	JUDGE_READS_METHOD = 1, /* and whether it is WebSocket */
	JUDGE_READS_PATH = 2,
	JUDGE_READS_QUERY = 4,
	JUDGE_READS_PROGRAM = 8,
	JUDGE_READS_PID = 16,
	JUDGE_READS_ELSE = 32, /* time, chance, the question as a whole: no answer may be kept */
	JUDGE_READS_ALL = 63,
};

struct judge_answer {
	enum judge_verdict verdict;
	uint16_t flags, reads;
	uint64_t request_octets, response_octets, idle_ms;
	uint64_t message_octets;      /* of WebSocket */
	uint32_t messages_per_minute; /* likewise */
	struct {
		struct span rule; /* with whom it counts; empty: with nobody */
		uint32_t per_minute, at_once;
	} quotas[JUDGE_QUOTAS];
	struct span rule, why; /* borrowed; decoded: from the packet, as are: */
	const uint8_t *pins;   /* JUDGE_PIN_OCTETS each */
	size_t pins_len;
};

/**
 * judge_answer_encode() - make a packet of it
 * @ret:	room for JUDGE_ANSWER_OCTETS_MAX
 *
 * Return: 0; -EINVAL: not as the table says.
 */
MUST_USE int judge_answer_encode(size_t *ret_len, char *ret, const struct judge_answer *answer);

/* judge_answer_decode() - Return: 0; -EPROTO: not an answer */
MUST_USE int judge_answer_decode(struct judge_answer *ret, struct span packet);

enum judge_part_kind {
	JUDGE_MODULE = 1, /* text in Rego; its name is that of the file */
	JUDGE_DATA,       /* a JSON object to merge into the data */
	JUDGE_BUNDLE,     /* OPA's, .tar.gz */
};

struct judge_part {
	enum judge_part_kind kind;
	struct span name, octets; /* borrowed */
};

/* judge_part_head() - what stands before name and octets. @ret: room for JUDGE_PART_HEAD_OCTETS. Return: 0;
 * -EINVAL: too long. */
MUST_USE int judge_part_head(char *ret, const struct judge_part *part);

/* judge_part_take() - the first of @load, which is left with those behind it. Return: 0; -EPROTO. */
MUST_USE int judge_part_take(struct judge_part *ret, struct span *load);

#endif
