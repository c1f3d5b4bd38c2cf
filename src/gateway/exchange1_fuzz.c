// SPDX-License-Identifier: Apache-2.0
/*
 * Input: what the program and the server say in turn. An octet says whose turn it is (its lowest bit),
 * whether that one then ends, and how long the piece is; the last octet of the input holds the verdicts, the
 * one before it the caps of bodies.
 * Properties: before a verdict nothing of its request goes out; what goes out is exactly the requests
 * that were asked about and allowed, as our own parser reads them; every request that was allowed ends
 * once; nothing is kept beyond the bounds. With secrets, which the last verdict decides on, no placeholder
 * goes out; no body goes out that is longer than its cap.
 */
#include "gateway/exchange1_test_priv.h"
#include "wire/http1_fuzz.h"
#include "wire/http1_path.h"

enum { TURNS = 3, PIECE_MASK = 63, LEFT_MAX = 48 * 1024 };

#define PLACEHOLDER "IMMURE_SECRET_aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbb"

static struct bench b;
static uint8_t verdicts;

static const struct http1_limits limits = { .head_octets_max = 1 << 17,
					    .target_octets_max = 1 << 15,
					    .fields_max = HTTP1_FIELDS_MAX,
					    .trailer_octets_max = 1 << 14,
					    .body_octets_max = INT64_MAX };

static unsigned lines(const struct bench_text *text, const char *with)
{
	unsigned count = 0;

	for (const char *at = text->at; (at = strstr(at, with)) != NULL; at++)
		count++;
	return count;
}

static void settle(void)
{
	bench_spin(&b, TURNS);
	must(buf_len(&b.x.left[0]) <= LEFT_MAX && buf_len(&b.x.left[1]) <= LEFT_MAX);
	while (b.asking && !b.over) {
		size_t before = b.to_server.len;
		bool deny = (verdicts & 1) != 0;

		bench_spin(&b, 1);
		must(b.to_server.len == before || b.over);
		verdicts = (uint8_t)(verdicts >> 1 | verdicts << 7);
		bench_verdict(&b, deny ? 403 : 0);
		if (deny)
			must(b.to_server.len == before);
		bench_spin(&b, TURNS);
	}
}

static void drop_body(struct span *rest, const struct http1_request *request, bool *ret_whole)
{
	static struct http1_fields trailers;
	struct http1_body body;
	struct span data = { 0 };
	enum http1_step step = HTTP1_DATA;
	uint64_t octets = 0;

	http1_body_begin(&body, request->framing, request->length, &trailers, &limits);
	while ((step = http1_body_next(&body, &data, rest)) == HTTP1_DATA)
		octets += data.len;
	must(b.caps.octets[TLS_INSIDE] == 0 || octets <= b.caps.octets[TLS_INSIDE]);
	must(step == HTTP1_DONE || step == HTTP1_MORE);
	*ret_whole = step == HTTP1_DONE;
}

/* must_be_asked() - all that reached the server is requests that were asked about, in their order */
static void must_be_asked(bool tunnel)
{
	static struct http1_request request;
	struct span rest = { b.to_server.at, b.to_server.len };
	const char *asked = b.asked.at;
	bool whole = true;

	while (rest.len > 0 && whole) {
		struct http1_scan scan = { 0 };
		char want[BENCH_TEXT_OCTETS];

		must(http1_request_read(&request, &scan, rest, &limits) == HTTP1_DONE);
		must(request.authority.kind != HTTP1_HOST_ABSENT &&
		     strcmp(request.authority.host, "lab.test") == 0);
		snprintf(want, sizeof(want), "%.*s %.*s", (int)request.method_text.len,
			 request.method_text.ptr,
			 (int)(request.target.len < 150 ? request.target.len : 150),
			 request.target.ptr);
		asked = strstr(asked, want); /* those before it were denied */
		must(asked != NULL || b.asked.len > BENCH_TEXT_OCTETS - 256);
		if (asked == NULL)
			return;
		asked++;
		rest = span_drop(rest, request.head_octets);
		if (request.websocket && tunnel)
			return;
		drop_body(&rest, &request, &whole);
	}
	must(rest.len == 0 || !whole);
}

/* give_secret() - which may stand in fields and bodies */
static void give_secret(void)
{
	static const struct substitutions list = { 1,
						   { { 9, SPAN(PLACEHOLDER), SPAN("va:lue") } } };
	static char data[128];
	size_t len = 0;

	must(substitutions_encode(&len, data, sizeof(data), &list) == 0);
	b.secrets = (struct span){ data, len };
	b.x.secrets = true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct exchange1_host host = { "lab.test", 80, false };

	if (size < 3 || size > 8192)
		return 0;
	verdicts = data[--size];
	uint8_t caps = data[--size];
	b.caps.octets[TLS_INSIDE] = caps & 15;
	b.caps.octets[TLS_UPSTREAM] = caps >> 4;
	bench_begin(&b, &host, false);
	b.secrets = (struct span){ 0 };
	bool secret = verdicts >> 7 != 0;
	if (secret)
		give_secret();
	while (size > 0) {
		const uint8_t turn = *data++;
		size_t len = turn >> 2 & PIECE_MASK;
		int fd = (turn & 1) != 0 ? b.server : b.program;

		size--;
		len = len == PIECE_MASK ? size : len < size ? len : size;
		bench_send(fd, (struct span){ (const char *)data, len });
		data += len;
		size -= len;
		if ((turn & 2) != 0)
			(void)shutdown(fd, SHUT_WR);
		settle();
	}
	bool tunnel = b.x.up == UP_TUNNEL || strstr(b.told.at, "101 ") != NULL;
	bench_end(&b);
	must_be_asked(tunnel);
	must(!secret || tunnel ||
	     memmem(b.to_server.at, b.to_server.len, PLACEHOLDER, sizeof(PLACEHOLDER) - 1) == NULL);
	must(lines(&b.told, " clean ") + lines(&b.told, " broken ") <= lines(&b.asked, "\n"));
	return 0;
}
