// SPDX-License-Identifier: Apache-2.0
/*
 * Input: one octet that says how to cut, then a flow. Property: the verdict is the same however the
 * flow comes in, and once given stays; what is found lies inside; the same message in other records
 * is the same hello. Each piece is copied to memory of its exact size, so that a sanitizer sees any
 * octet read beyond.
 */
#include <stdint.h>
#include <stdlib.h>

#include "wire/tls_hello.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* must() - end the program, and the fuzzer with it, unless the property holds */
static void must(bool holds)
{
	if (!holds)
		abort();
}

struct parsed {
	struct tls_hello hello;
	enum tls_hello_verdict verdict;
	char *flow; /* owned; the hello's spans lie in it, or in room */
	const char *room;
	size_t len;
};

static struct parsed parse(struct span flow, char room[TLS_HELLO_OCTETS_MAX])
{
	struct parsed p = { .flow = malloc(flow.len), .room = room, .len = flow.len };

	must(p.flow != NULL);
	memcpy(p.flow, flow.ptr, flow.len);
	p.verdict = tls_hello_parse(&p.hello, (struct span){ p.flow, flow.len }, room,
				    TLS_HELLO_OCTETS_MAX);
	return p;
}

static bool same_span(struct span a, struct span b)
{
	return a.len == b.len && (a.ptr == NULL) == (b.ptr == NULL) &&
	       (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static void must_be_same(const struct parsed *a, const struct parsed *b)
{
	const struct tls_hello *x = &a->hello, *y = &b->hello;

	must(a->verdict == b->verdict);
	if (a->verdict == TLS_HELLO_MALFORMED)
		must(strcmp(x->fault, y->fault) == 0);
	if (a->verdict != TLS_HELLO_WHOLE)
		return;
	must(x->legacy_version == y->legacy_version && x->version == y->version);
	must(x->ech == y->ech && x->alpn_count == y->alpn_count);
	must(same_span(x->host_name, y->host_name));
	for (size_t i = 0; i < x->alpn_count; i++)
		must(same_span(x->alpn[i], y->alpn[i]));
}

static bool lies_in(struct span s, const char *ptr, size_t len)
{
	return s.ptr >= ptr && s.ptr + s.len <= ptr + len;
}

static void check_inside(const struct parsed *p)
{
	const struct tls_hello *hello = &p->hello;

	must(hello->flow_octets <= p->len && hello->alpn_count <= TLS_HELLO_ALPN_MAX);
	must(hello->flow_octets <= TLS_HELLO_FLOW_OCTETS_MAX);
	must(hello->host_name.ptr == NULL ||
	     (hello->host_name.len > 0 &&
	      (lies_in(hello->host_name, p->flow, p->len) ||
	       lies_in(hello->host_name, p->room, TLS_HELLO_OCTETS_MAX))));
	for (size_t i = 0; i < hello->alpn_count; i++)
		must(hello->alpn[i].len > 0 &&
		     (lies_in(hello->alpn[i], p->flow, p->len) ||
		      lies_in(hello->alpn[i], p->room, TLS_HELLO_OCTETS_MAX)));
}

/* check_prefixes() - all cuts of a short flow, some of a long one, the first of them at @start */
static void check_prefixes(const struct parsed *whole, struct span flow, size_t start)
{
	static char room[TLS_HELLO_OCTETS_MAX];
	size_t step = flow.len / 64 + 1;

	for (size_t len = start % step; len < flow.len; len += step) {
		struct parsed part = parse((struct span){ flow.ptr, len }, room);

		if (part.verdict != TLS_HELLO_MORE)
			must_be_same(&part, whole);
		must(whole->verdict != TLS_HELLO_WHOLE ||
		     (part.verdict == TLS_HELLO_MORE) == (len < whole->hello.flow_octets));
		free(part.flow);
	}
}

/* check_records() - the message of a sound hello, cut into records of @octets */
static void check_records(const struct parsed *whole, struct span flow, size_t octets)
{
	static char room[TLS_HELLO_OCTETS_MAX], message[TLS_HELLO_OCTETS_MAX],
	    again[4 * TLS_HELLO_OCTETS_MAX];
	size_t len = 0, at = 0;

	for (flow.len = whole->hello.flow_octets; flow.len > 0;) {
		size_t part = (size_t)(uint8_t)flow.ptr[3] << 8 | (uint8_t)flow.ptr[4];

		must(part + 5 <= flow.len && part <= sizeof(message) - len);
		memcpy(message + len, flow.ptr + 5, part);
		len += part;
		flow = span_drop(flow, 5 + part);
	}
	if (octets < len / TLS_HELLO_RECORDS_MAX + 1)
		octets = len / TLS_HELLO_RECORDS_MAX + 1;
	for (size_t taken = 0; taken < len; taken += octets) {
		size_t part = len - taken < octets ? len - taken : octets;
		const char header[] = { 0x16, 3, 3, (char)(part >> 8), (char)(part & 0xff) };

		memcpy(again + at, header, sizeof(header));
		memcpy(again + at + 5, message + taken, part);
		at += 5 + part;
	}
	struct parsed other = parse((struct span){ again, at }, room);
	must_be_same(whole, &other);
	must(other.hello.flow_octets == at);
	free(other.flow);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char room[TLS_HELLO_OCTETS_MAX];

	if (size < 1)
		return 0;
	struct span flow = { (const char *)data + 1, size - 1 };
	struct parsed whole = parse(flow, room);

	check_prefixes(&whole, flow, data[0]);
	if (whole.verdict == TLS_HELLO_WHOLE) {
		check_inside(&whole);
		check_records(&whole, flow, (size_t)data[0] + 1);
	}
	free(whole.flow);
	return 0;
}
