/* SPDX-License-Identifier: Apache-2.0 */
/*
 * entry - one line of the audit log: a struct from or to JSON in one canonical spelling.
 *
 * Fields stand in the order of the table in entry.c, absent ones are left out, nothing else is there:
 * no blanks, no other escapes than these. So a line has one spelling, and what is parsed encodes to
 * the same octets. Text is ASCII: what is not visible ASCII is \uXXXX, and an octet that is no UTF-8
 * is the four characters \xNN. Nothing here allocates. docs/audit.md says what each field means.
 */
#ifndef AUDIT_ENTRY_H
#define AUDIT_ENTRY_H

#include "audit/sha256.h"
#include "base/base.h"

enum {
	AUDIT_LIST_MAX = 8,                /* texts in a list; more are cut */
	AUDIT_LINE_OCTETS_MAX = 96 * 1024, /* with its newline; entry_test.c proves that all fit */
	AUDIT_KEY_OCTETS = 32,
	AUDIT_SIGNATURE_OCTETS = 64,
	AUDIT_LOG_NAME_OCTETS = 64, /* with its NUL */
};

enum audit_phase { AUDIT_PHASE_NONE, AUDIT_BEGIN, AUDIT_END, AUDIT_EVENT };
enum audit_decision { AUDIT_DECISION_NONE, AUDIT_DENY, AUDIT_ALLOW, AUDIT_ASK };
enum audit_mode { AUDIT_MODE_NONE, AUDIT_MODE_AUDIT, AUDIT_MODE_ASK, AUDIT_MODE_ENFORCE };
enum audit_seen_by {
	AUDIT_SEEN_NONE,
	AUDIT_SEEN_GATEWAY,
	AUDIT_SEEN_WARDEN,
	AUDIT_SEEN_EBPF,
	AUDIT_SEEN_SECCOMP,
	AUDIT_SEEN_VFS,
	AUDIT_SEEN_OVERLAY,
};

/* A number that may be absent; zeroed memory is. */
struct audit_number {
	bool is_set;
	uint64_t value; /* below 10^18 */
};

#define AUDIT_NUMBER(n) ((struct audit_number){ true, (n) })

struct audit_list {
	struct span items[AUDIT_LIST_MAX];
	size_t len;
};

/*
 * A line. Texts are borrowed; ptr NULL means absent. In what audit_parse() gives they are as they
 * stand in the line, escaped; audit_unescape() makes the text of them.
 */
struct audit_entry {
	/* of the chain: the writer sets these */
	uint64_t seq;                    /* from 0 */
	uint8_t prev[AUDIT_HASH_OCTETS]; /* SHA-256 of the line before; zeros in the first */
	int64_t time_ns;                 /* Unix time */

	/* AuditEntry; phase NONE and request_id NULL: no entry, but one of the lines below */
	struct span request_id;
	enum audit_phase
	    phase;          /* begin: before the effect; end: after it; event: there is no end */
	struct span action; /* net.connect, http.request, dns.query, fs.write, exec ... */
	struct {
		struct span app, sandbox, program;
		struct audit_number pid;
	} actor;
	struct {
		struct span host, method, url, path, protocol;
		struct audit_number port;
	} resource;
	enum audit_decision decision;
	struct span decision_id, rule, policy_hash;
	struct audit_list reasons;
	enum audit_mode mode;
	enum audit_seen_by seen_by;
	struct {
		struct span request, response; /* "sha256:..." */
	} digests;
	struct audit_list redactions;
	struct audit_number latency_us; /* written as latency_ms, with three decimals */
	struct span error_code;
	struct audit_number request_bytes, response_bytes, status_code;

	/* a checkpoint: all before it is vouched for */
	struct {
		struct span log; /* name of the chain */
	} checkpoint;

	/* a line of the ledger */
	struct {
		struct span event, log, app; /* event: opened or closed */
		struct audit_number entries; /* lines of the closed log, in all its files */
		struct span last;            /* hash of its last line, in hex */
	} ledger;

	/* of checkpoints and the ledger: over all of the line that stands before "signature" */
	struct span key, signature; /* in hex */
};

/**
 * audit_encode() - the line of @entry with a newline
 * @ret:	room for AUDIT_LINE_OCTETS_MAX
 *
 * Too long texts are cut, ending in "...". Return: its length.
 */
MUST_USE size_t audit_encode(char *ret, const struct audit_entry *entry);

/* audit_parse() - @line without its newline. *@ret borrows from it. Return: 0; -EINVAL: it is not
 * what audit_encode() writes, and diag->why says where. */
MUST_USE int audit_parse(struct audit_entry *ret, struct span line, struct diag *diag);

/* audit_unescape() - the texts of a parsed entry as they were. @room: as much as the line has. */
void audit_unescape(struct audit_entry *entry, char *room);

/* audit_is_entry() - is it an AuditEntry, not a line about the chain? */
static inline bool audit_is_entry(const struct audit_entry *entry)
{
	return entry->request_id.ptr != NULL;
}

/* audit_hex() - lower case, 2 @len octets and no NUL */
void audit_hex(char *ret, const uint8_t *octets, size_t len);

/* audit_unhex() - Return: is @text exactly @len octets in lower-case hex? */
MUST_USE bool audit_unhex(uint8_t *ret, size_t len, struct span text);

/* audit_line_bound() - the longest that a line can be, from the table */
MUST_USE size_t audit_line_bound(void);

extern const char *const audit_phases[4], *const audit_decisions[4], *const audit_modes[4],
									 *const audit_sights[7];

#endif
