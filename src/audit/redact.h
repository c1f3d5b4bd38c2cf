/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redact - what must not get into the log, by rule:
 *
 *	header:NAME	the value of a header; case does not matter
 *	query:KEY	the value of a key of a URL's query
 *	json:/a/0/b	a value of a JSON body, by its pointer (RFC 6901)
 *
 * What takes its place is "[redacted]". Who writes an entry says in its `redactions` by which rules.
 */
#ifndef AUDIT_REDACT_H
#define AUDIT_REDACT_H

#include <jansson.h>

#include "audit/entry.h"
#include "base/buf.h"

#define AUDIT_REDACTED "[redacted]"

enum audit_redact_kind { AUDIT_REDACT_HEADER, AUDIT_REDACT_QUERY, AUDIT_REDACT_JSON };

struct audit_redact {
	enum audit_redact_kind kind;
	struct span what;
	struct span rule; /* all of it, as it goes into an entry */
};

/* What is in force if no settings say otherwise: credentials. */
extern const struct audit_redact audit_redact_default[];
extern const size_t audit_redact_default_len;

/* audit_redact_parse() - *@ret borrows from @rule. Return: 0; -EINVAL and *diag. */
MUST_USE int audit_redact_parse(struct audit_redact *ret, struct span rule, struct diag *diag);

/* audit_redact_header() - the rule by which the value of the header @name stays out; NULL: none */
const struct audit_redact *audit_redact_header(const struct audit_redact *rules, size_t len,
					       struct span name);

/**
 * audit_redact_url() - @url without a user's name and password, and without what @rules say
 * @ret:	it is appended to
 * @used:	of an entry: the rules that were used are added, each once; they borrow from @rules
 *
 * Keys are compared as a server would read them, "%74oken" is "token". Return: 0; -ENOBUFS; -ENOMEM.
 */
MUST_USE int audit_redact_url(struct buf *ret, struct audit_list *used, struct span url,
			      const struct audit_redact *rules, size_t len);

/* audit_redact_json() - in place. Return: 0; -ENOMEM: a value may still be there. */
MUST_USE int audit_redact_json(json_t *body, struct audit_list *used,
			       const struct audit_redact *rules, size_t len);

#endif
