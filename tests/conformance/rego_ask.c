/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rego_ask - questions to the Rego engine over a pipe, each answered by a new engine
 *
 * A question is a row of items on stdin: a letter, a length, a newline and so many octets.
 *   m  a module   d  the data   i  the input   s  strict (length 0)   q  the query, which ends the row
 * The answer on stdout is the result: "r LENGTH\n" and JSON, or "f ERRNO LENGTH\n" and the reason.
 */
#include "rego/rego.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ITEM_OCTETS_MAX = 16 << 20, EVAL_MS = 5000 };

/* What one item says, to the engine that the row is for. */
static int take(struct rego *rego, char kind, const char *octets, size_t len, unsigned number,
		struct rego_error *error)
{
	char name[32];

	switch (kind) {
	case 'm':
		snprintf(name, sizeof(name), "test-%u.rego", number);
		return rego_add_module(rego, name, strlen(name), octets, len, error);
	case 'd':
		return rego_set_data(rego, octets, len, error);
	case 'i':
		return rego_set_input(rego, octets, len, error);
	case 's':
		return rego_set_strict(rego, true, error);
	default:
		return -EINVAL;
	}
}

static void answer(int result, const struct rego_text *text, const struct rego_error *error)
{
	if (result == 0) {
		printf("r %zu\n", text->octets);
		fwrite(text->ptr, 1, text->octets, stdout);
	} else {
		printf("f %d %zu\n%s", -result, strlen(error->why), error->why);
	}
	fflush(stdout);
}

static struct rego *fresh(void)
{
	struct rego_limits limits;
	struct rego *rego = NULL;

	rego_limits_default(&limits);
	limits.eval_ms = EVAL_MS;
	if (rego_new(&rego, &limits) < 0)
		exit(EXIT_FAILURE);
	return rego;
}

/* Reads one row and answers it; false at the end of input. */
static bool one(char *octets)
{
	struct rego *rego = fresh();
	struct rego_error error = { 0 };
	struct rego_text text = { 0 };
	unsigned number = 0;
	int result = 0;
	char head[32];

	while (fgets(head, sizeof(head), stdin) != NULL) {
		char kind = head[0];
		size_t len = strtoul(head + 1, NULL, 10);

		if (len > ITEM_OCTETS_MAX || fread(octets, 1, len, stdin) != len)
			break;
		if (kind == 'q') {
			if (result == 0)
				result = rego_eval_query(&text, rego, octets, len, &error);
			answer(result, &text, &error);
			rego_text_free(&text);
			rego_free(rego);
			return true;
		}
		if (result == 0)
			result = take(rego, kind, octets, len, number++, &error);
	}
	rego_free(rego);
	return false;
}

int main(void)
{
	char *octets = malloc(ITEM_OCTETS_MAX);

	if (octets == NULL)
		return EXIT_FAILURE;
	while (one(octets))
		;
	free(octets);
	return EXIT_SUCCESS;
}
