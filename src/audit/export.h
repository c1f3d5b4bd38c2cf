/* SPDX-License-Identifier: Apache-2.0 */
/* export - found effects in the forms that other programs read. */
#ifndef AUDIT_EXPORT_H
#define AUDIT_EXPORT_H

#include "audit/index.h"
#include "base/buf.h"

/* What a found effect comes to, its end taken in. */
const struct audit_entry *audit_outcome(const struct audit_found *found);

/* audit_export_jsonl() - the lines as they stand in the log. Return: 0; -ENOBUFS; -ENOMEM. */
MUST_USE int audit_export_jsonl(struct buf *ret, const struct audit_found *found);

/* audit_export_csv() - a record of RFC 4180; NULL: the names of the columns. No cell begins as a
 * formula of a spreadsheet does. Return: as above. */
MUST_USE int audit_export_csv(struct buf *ret, const struct audit_found *found);

/* audit_export_ocsf() - an event of https://schema.ocsf.io/1.3.0, JSON in a line. Return: as above. */
MUST_USE int audit_export_ocsf(struct buf *ret, const struct audit_found *found);

#endif
