// SPDX-License-Identifier: Apache-2.0
/*
 * Input: lines; the first is "HOST PORT", the others are patterns. Property: a pattern's canonical
 * text reads back as the same; the set answers what a naive search gives, with a matcher written
 * anew here on the texts.
 */
#include <stdint.h>
#include <stdlib.h>

#include "net/pattern.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* must() - end the program, and the fuzzer with it, unless the property holds */
static void must(bool holds)
{
	if (!holds)
		abort();
}

static bool ends_in(const char *text, const char *end)
{
	size_t a = strlen(text), b = strlen(end);

	return a > b && strcmp(text + a - b, end) == 0;
}

/* bits_agree() - one by one */
static bool bits_agree(const struct net_address *a, const struct net_address *b, unsigned bits)
{
	for (unsigned i = 0; i < bits; i++)
		if (((a->octets[i / 8] ^ b->octets[i / 8]) >> (7 - i % 8) & 1) != 0)
			return false;
	return a->family == b->family;
}

static bool naive_match(const struct pattern *pattern, const struct net_name *name, unsigned port)
{
	char text[PATTERN_TEXT_OCTETS];
	struct pattern bare = *pattern;

	if (pattern->port != 0 && port != PATTERN_PORT_UNKNOWN && port != pattern->port)
		return false;
	if (pattern->kind == PATTERN_PREFIX)
		return name->kind == NET_NAME_ADDRESS &&
		       bits_agree(&pattern->prefix.address, &name->address, pattern->prefix.bits);
	bare.port = 0;
	pattern_format(text, &bare);
	if (strcmp(text, "*") == 0)
		return true;
	if (text[0] == '*')
		return name->kind == NET_NAME_DNS && ends_in(name->text, text + 1);
	return strcmp(text, name->text) == 0;
}

static void check_text(const struct pattern *pattern)
{
	char text[PATTERN_TEXT_OCTETS];
	struct pattern again;
	size_t len = pattern_format(text, pattern);

	must(len > 0 && len < sizeof(text) && strlen(text) == len);
	must(pattern_parse(&again, (struct span){ text, len }) == NULL);
	must(again.kind == pattern->kind && again.port == pattern->port);
	must(again.len == pattern->len && strcmp(again.name, pattern->name) == 0);
	must(again.prefix.bits == pattern->prefix.bits &&
	     net_address_equal(&again.prefix.address, &pattern->prefix.address));
}

/* port_of() - the number in @text modulo what a match takes */
static unsigned port_of(struct span text)
{
	unsigned port = 0;

	for (size_t i = 0; i < text.len && i < 6; i++)
		port = 10 * port + (unsigned)(text.ptr[i] & 0xf);
	return port % (PATTERN_PORT_UNKNOWN + 1);
}

static void check_set(const struct net_name *name, unsigned port, struct span rest)
{
	struct pattern_set set = { 0 };
	int want = -1;

	while (rest.ptr != NULL && set.count < PATTERN_SET_MAX) {
		struct pattern pattern;

		if (pattern_parse(&pattern, span_cut(&rest, '\n')) != NULL)
			continue;
		check_text(&pattern);
		bool matches = naive_match(&pattern, name, port);
		must(pattern_match(&pattern, name, port) == matches);
		if (matches && want < 0)
			want = (int)set.count;
		must(pattern_set_add(&set, &pattern) == 0);
	}
	must(pattern_set_match(&set, name, port) == want);
	pattern_set_free(&set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = { (const char *)data, size };
	struct span head = span_cut(&rest, '\n');
	struct net_name name = { 0 };

	if (net_name_parse(&name, span_cut(&head, ' ')) == NULL)
		check_set(&name, port_of(head), rest);
	return 0;
}
