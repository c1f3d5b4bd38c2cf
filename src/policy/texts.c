// SPDX-License-Identifier: Apache-2.0
#include "policy/texts.h"

static bool ends_in(const char *name, const char *tail)
{
	size_t len = strlen(name), tail_len = strlen(tail);

	return len >= tail_len && strcmp(name + len - tail_len, tail) == 0;
}

const struct policy_text *policy_text_find(const char *name)
{
	for (size_t i = 0; i < policy_texts_len; i++)
		if (strcmp(policy_texts[i].name, name) == 0)
			return &policy_texts[i];
	return NULL;
}

bool policy_text_is_test(const struct policy_text *text)
{
	return ends_in(text->name, "_test.rego");
}

bool policy_text_is_library(const struct policy_text *text)
{
	return strncmp(text->name, "lib/", 4) == 0 && !policy_text_is_test(text);
}
