/* SPDX-License-Identifier: Apache-2.0 */
/* verify - is what the folder of logs holds what was written? Needs no secret. */
#ifndef AUDIT_VERIFY_H
#define AUDIT_VERIFY_H

#include "audit/entry.h"
#include "audit/files.h"

enum { AUDIT_FAULTS_MAX = 100 }; /* more are counted */

/* Something that is not as it was written. */
struct audit_fault {
	char file[AUDIT_FILE_NAME_OCTETS];
	uint64_t line; /* from 1; 0: the file as a whole */
	char why[160];
};

struct audit_verdict {
	uint8_t key[AUDIT_KEY_OCTETS]; /* by which it was judged */
	uint64_t logs, files, lines, octets, checkpoints;
	uint64_t
	    unsigned_lines;   /* behind the last checkpoint of their log: chained, but not signed */
	uint64_t torn_octets; /* of unfinished lines at the end of logs that were not closed */
	uint64_t repairs;     /* times that such a line was cut, of logs and of the ledger */
	uint64_t faults_all;
	size_t faults_len; /* of those kept */
	struct audit_fault faults[AUDIT_FAULTS_MAX];
};

/* audit_verify() - all logs of @folder and the ledger. Return: 0, @ret says what of it; -errno and
 * *diag: it could not be looked at. */
MUST_USE int audit_verify(struct audit_verdict *ret, int folder, struct diag *diag);

/**
 * audit_verify_file() - one file by itself
 * @folder:	where it is
 * @name:	of a file of a log, or the ledger's
 *
 * What it continues is taken as given; whether it is whole at its end only the ledger can say.
 */
MUST_USE int audit_verify_file(struct audit_verdict *ret, int folder, const char *name,
			       const uint8_t key[AUDIT_KEY_OCTETS], struct diag *diag);

#endif
