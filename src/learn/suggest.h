/* SPDX-License-Identifier: Apache-2.0 */
/* suggest - grants as a policy in Rego, its tests, and a table for people. */
#ifndef LEARN_SUGGEST_H
#define LEARN_SUGGEST_H

#include "learn/grants.h"
#include "learn/text.h"

/* suggest_policy() - `package immure` with `decision`; numbers the rules of @grants. Return: 0; -ENOBUFS; -ENOMEM */
MUST_USE int suggest_policy(struct text *ret, struct grants *grants, const char *app);

/* suggest_tests() - every call of the recording is allowed, and none with another host, method, path or port;
 * after suggest_policy(). Return: likewise */
MUST_USE int suggest_tests(struct text *ret, const struct grants *grants);

/* suggest_table() - a line for each grant: what, how often, by which entries. Return: likewise */
MUST_USE int suggest_table(struct text *ret, const struct grants *grants);

/* suggest_rule_name() - of the rule that @grant belongs to: "flow 2"; NUL-terminated */
enum { SUGGEST_NAME_OCTETS = 32 };
void suggest_rule_name(char ret[SUGGEST_NAME_OCTETS], const struct grant *grant);

/* suggest_refs() - " vm-a1b2c3d4:17 vm-a1b2c3d4:21 ...": the entries behind a call */
void suggest_refs(struct text *text, const struct learn *learn, const struct learn_call *call);

#endif
