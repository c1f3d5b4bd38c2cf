// SPDX-License-Identifier: Apache-2.0
/*
 * Input: octets of how to split, then a text. Properties: a body comes out the same however it is split;
 * what goes out holds no placeholder; what comes in holds no value; without either it is as it came. What is
 * only looked at is refused if it holds a placeholder, and else not, however it is split.
 */
#include <stdint.h>
#include <stdlib.h>

#include "gateway/inject.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXT_OCTETS_MAX = 2000, OUT_OCTETS = 64 * 1024 };

#define VALUE "aab/a"

static void must(bool holds)
{
	if (!holds)
		abort();
}

static struct inject *make(void)
{
	const struct substitutions list = {
		1, { { 15, SPAN("IMMURE_SECRET_aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbb"), SPAN(VALUE) } }
	};
	struct inject *inject = NULL;
	char data[128];
	size_t len = 0;

	must(substitutions_encode(&len, data, sizeof(data), &list) == 0);
	must(inject_new(&inject, (struct span){ data, len }) == 0);
	return inject;
}

/* carry() - Return: octets in @out; SIZE_MAX: refused */
static size_t carry(char *out, struct inject_body *body, struct span text, const uint8_t *cuts,
		    size_t cuts_len)
{
	struct inject_room room = { .ptr = out, .size = OUT_OCTETS };
	size_t done = 0, seen = 0;

	for (size_t i = 0; seen < text.len || i == 0; i++) {
		size_t more = i < cuts_len ? cuts[i] : text.len;

		seen = more < text.len - seen ? seen + more : text.len;
		done += inject_body(body, &room, (struct span){ text.ptr + done, seen - done },
				    seen == text.len);
		if (body->why != NULL)
			return SIZE_MAX;
	}
	must(done == text.len && !body->full);
	return room.used;
}

static void look(struct inject *inject, struct span text, const uint8_t *cuts, size_t cuts_len)
{
	struct inject_scan scan = { .inject = inject };
	struct span rest = text;
	bool passed = true;

	for (size_t i = 0; passed && rest.len > 0; i++) {
		size_t len = i < cuts_len && cuts[i] < rest.len ? cuts[i] : rest.len;

		passed = inject_scan(&scan, (struct span){ rest.ptr, len });
		rest = span_drop(rest, len);
	}
	must(passed == !inject_finds(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char whole[OUT_OCTETS], split[OUT_OCTETS];
	size_t cuts = size > 8 ? 8 : size;
	struct span text = { (const char *)data + cuts, size - cuts };

	if (text.len > TEXT_OCTETS_MAX)
		return 0;
	struct inject *inject = make();
	for (int hide = 0; hide < 2; hide++) {
		struct inject_body a = { .inject = inject, .hide = hide }, b = a;
		size_t len = carry(whole, &a, text, data, 0);

		must(carry(split, &b, text, data, cuts) == len);
		if (len == SIZE_MAX) {
			must(hide == 0 && inject_finds(text));
			continue;
		}
		must(memcmp(whole, split, len) == 0);
		if (hide != 0)
			must(memmem(whole, len, VALUE, sizeof(VALUE) - 1) == NULL);
		else if (!inject_finds(text))
			must(len == text.len && memcmp(whole, text.ptr, len) == 0);
	}
	look(inject, text, data, cuts);
	inject_free(inject);
	return 0;
}
