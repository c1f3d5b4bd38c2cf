/* SPDX-License-Identifier: Apache-2.0 */
/* source - fills the model from the audit logs themselves; that they are as they were written, `immure audit verify`
 * says. */
#ifndef LEARN_SOURCE_H
#define LEARN_SOURCE_H

#include "learn/learn.h"

/* What is read; NULL and 0: all. */
struct learn_filter {
	const char *app;     /* of the entry, else of its log, as the ledger says */
	const char *sandbox; /* the name of its log */
	int64_t since_ns;
};

/**
 * learn_read() - add what @filter lets through
 * @folder:	of the logs
 * @ret_bad:	logs that do not read to their end
 *
 * With both @app and @sandbox, entries of which nobody says whose they are count as the app's.
 * Return: 0; -errno and *diag.
 */
MUST_USE int learn_read(unsigned *ret_bad, struct learn *learn, int folder,
			const struct learn_filter *filter, struct diag *diag);

#endif
