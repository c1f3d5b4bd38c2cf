/* SPDX-License-Identifier: Apache-2.0 */
/* verify_priv - one chain, line by line. */
#ifndef AUDIT_VERIFY_PRIV_H
#define AUDIT_VERIFY_PRIV_H

#include "audit/verify.h"

/* A line of the ledger about a log. */
struct known {
	char log[AUDIT_LOG_NAME_OCTETS];
	size_t order; /* in the ledger */
	bool is_closed;
	uint64_t entries;                /* of one that is closed: how many lines it had */
	uint8_t last[AUDIT_HASH_OCTETS]; /* and which was the last */
};

struct chain {
	struct audit_verdict *verdict; /* borrowed */
	const uint8_t *key;            /* borrowed */
	const char *log;               /* borrowed */
	char file[AUDIT_FILE_NAME_OCTETS];
	uint64_t line; /* in the file */
	bool is_ledger;
	bool is_begun;                   /* seq and hash are known */
	bool is_broken;                  /* a fault was found: what follows says nothing more */
	uint64_t seq;                    /* of the next line */
	uint8_t hash[AUDIT_HASH_OCTETS]; /* of the last */
	uint64_t since;                  /* the last checkpoint */
	off_t torn;
	const struct known *closed; /* borrowed: what is known of this log, in order ... */
	size_t closed_len, passed;  /* ... and how many of these the chain has come to */
	/* called for each good line of the ledger. Return: 0 or -errno. */
	int (*seen)(struct chain *chain, const struct audit_entry *entry);
};

void fault(struct chain *chain, uint64_t line, const char *format, ...) PRINTF(3, 4);

/* chain_pass() - the chain is where its log was closed: is it the line with which it was? Called before
 * the first line, and behind each. */
void chain_pass(struct chain *chain);

/* chain_file() - verify chain->file, behind what was verified before. Return: 0, also if it is
 * broken or cannot be read; -ENOENT; another -errno: this process lacks something. */
MUST_USE int chain_file(struct chain *chain, int folder);

/* chain_fd() - the same, of the open file @fd; a negative one is what audit_file_open() said */
MUST_USE int chain_fd(struct chain *chain, int fd);

#endif
