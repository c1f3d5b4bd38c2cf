/* SPDX-License-Identifier: Apache-2.0 */
/*
 * texts - the files of policies/, in the executable: what every policy may use ("lib/..."), the default policy
 * ("default.rego"), templates ("templates/NAME.rego") and the tests of all these ("..._test.rego").
 */
#ifndef POLICY_TEXTS_H
#define POLICY_TEXTS_H

#include "base/base.h"

struct policy_text {
	const char *name; /* under policies/ */
	const char *text; /* ASCII, NUL-terminated */
	size_t octets;    /* without the NUL */
};

extern const struct policy_text policy_texts[]; /* in the order of their names, the library first */
extern const size_t policy_texts_len;

#define POLICY_TEXT_DEFAULT "default.rego"

/* policy_text_find() - NULL: there is none of that name */
const struct policy_text *policy_text_find(const char *name);

/* policy_text_is_library() - is it one that every engine gets, beside the policy? */
bool policy_text_is_library(const struct policy_text *text);

/* policy_text_is_test() - "..._test.rego" */
bool policy_text_is_test(const struct policy_text *text);

#endif
