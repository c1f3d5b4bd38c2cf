// SPDX-License-Identifier: Apache-2.0
#include "wire/tls_hello.h"

#include "base/test.h"

#define R16    "0123456789abcdef"
#define RANDOM R16 R16

enum {
	FLOW_OCTETS = 2 * TLS_HELLO_FLOW_OCTETS_MAX,
};

/* What a hello is built from. NULL spans have their plain default. */
struct parts {
	struct span version, session, ciphers, compressions; /* with their lengths */
	struct span extensions;                              /* without */
	const char *why; /* part of the fault; NULL: it is sound */
};

struct flow {
	size_t len;
	char octets[FLOW_OCTETS];
};

static void put(struct flow *flow, struct span s)
{
	CHECK(s.len <= sizeof(flow->octets) - flow->len, "room");
	if (s.len > 0)
		memcpy(flow->octets + flow->len, s.ptr, s.len);
	flow->len += s.len;
}

static void put_number(struct flow *flow, size_t number, size_t width)
{
	while (width-- > 0) {
		char octet = (char)(number >> 8 * width & 0xff);

		put(flow, (struct span){ &octet, 1 });
	}
}

static struct span part(struct span given, struct span plain)
{
	return given.ptr != NULL ? given : plain;
}

/* build_message() - a ClientHello without any record */
static void build_message(struct flow *flow, const struct parts *parts)
{
	static struct flow body;

	body.len = 0;
	put(&body, part(parts->version, SPAN("\3\3")));
	put(&body, SPAN(RANDOM));
	put(&body, part(parts->session, SPAN("\0")));
	put(&body, part(parts->ciphers, SPAN("\0\2\x13\1")));
	put(&body, part(parts->compressions, SPAN("\1\0")));
	if (parts->extensions.ptr != NULL) {
		put_number(&body, parts->extensions.len, 2);
		put(&body, parts->extensions);
	}
	flow->len = 0;
	put(flow, SPAN("\1"));
	put_number(flow, body.len, 3);
	put(flow, (struct span){ body.octets, body.len });
}

static void put_record(struct flow *flow, struct span fragment)
{
	put(flow, SPAN("\x16\3\1"));
	put_number(flow, fragment.len, 2);
	put(flow, fragment);
}

/* put_records() - cut @message into records of @octets */
static void put_records(struct flow *flow, struct span message, size_t octets)
{
	flow->len = 0;
	while (message.len > 0) {
		size_t len = message.len < octets ? message.len : octets;

		put_record(flow, (struct span){ message.ptr, len });
		message = span_drop(message, len);
	}
}

static enum tls_hello_verdict parse(struct tls_hello *ret, const struct flow *flow)
{
	static char room[TLS_HELLO_OCTETS_MAX];

	return tls_hello_parse(ret, (struct span){ flow->octets, flow->len }, room, sizeof(room));
}

static enum tls_hello_verdict parse_parts(struct tls_hello *ret, const struct parts *parts)
{
	static struct flow message, flow;

	build_message(&message, parts);
	put_records(&flow, (struct span){ message.octets, message.len }, 16384);
	return parse(ret, &flow);
}

#define SNI_A "\0\0\0\6\0\4\0\0\1a"

static void test_bodies(void)
{
	const struct parts rows[] = {
		{ .why = NULL },
		{ .extensions = SPAN("") },
		{ .extensions = SPAN(SNI_A) },
		{ .version = SPAN("\3\0") },
		{ .version = SPAN("\2\0"), .why = "version" },
		{ .version = SPAN("\xfe\xfd"), .why = "version" },
		{ .session = SPAN("\x20" RANDOM) },
		{ .session = SPAN("\x21" RANDOM "x"), .why = "session" },
		{ .session = SPAN("\xff"), .why = "session" },
		{ .ciphers = SPAN("\0\0"), .why = "cipher" },
		{ .ciphers = SPAN("\0\3abc"), .why = "cipher" },
		{ .ciphers = SPAN("\xff\xff"), .why = "cipher" },
		{ .compressions = SPAN("\0"), .why = "compressions" },
		{ .compressions = SPAN("\1\1"), .why = "compressions" },
		{ .compressions = SPAN("\2\1\0") },
		{ .compressions = SPAN("\7\0"), .why = "compressions" },
		{ .compressions = SPAN("\1\0x"), .why = "do not fill" },
		{ .compressions = SPAN("\1\0\0\0x"), .why = "do not fill" },
		{ .compressions = SPAN("\1\0\0\1"), .why = "do not fill" },

		{ .extensions = SPAN("\0"), .why = "cut short" },
		{ .extensions = SPAN("\0\0\0"), .why = "cut short" },
		{ .extensions = SPAN("\x12\x34\0\1"), .why = "cut short" },
		{ .extensions = SPAN("\x12\x34\0\0") },
		{ .extensions = SPAN("\x12\x34\0\0\x12\x34\0\0"), .why = "twice" },
		{ .extensions = SPAN(SNI_A SNI_A), .why = "twice" },
		{ .extensions = SPAN("\x0a\x0a\0\0\x1a\x1a\0\0") }, /* GREASE */
		{ .extensions = SPAN("\0\x29\0\0") },
		{ .extensions = SPAN("\0\x29\0\0" SNI_A), .why = "not the last" },

		/* server_name */
		{ .extensions = SPAN("\0\0\0\0"), .why = "server_name: not a list" },
		{ .extensions = SPAN("\0\0\0\2\0\0"), .why = "server_name: not a list" },
		{ .extensions = SPAN("\0\0\0\6\0\3\0\0\1a"), .why = "server_name: not a list" },
		{ .extensions = SPAN("\0\0\0\6\0\5\0\0\1a"), .why = "server_name: not a list" },
		{ .extensions = SPAN("\0\0\0\6\0\4\1\0\1a"), .why = "not a host name" },
		{ .extensions = SPAN("\0\0\0\6\0\4\0\0\2a"), .why = "server_name: cut short" },
		{ .extensions = SPAN("\0\0\0\4\0\2\0\0"), .why = "server_name: cut short" },
		{ .extensions = SPAN("\0\0\0\5\0\3\0\0\0"), .why = "server_name: empty" },
		{ .extensions = SPAN("\0\0\0\x0a\0\x08\0\0\1a\0\0\1b"), .why = "more than one" },
		{ .extensions = SPAN("\0\0\0\7\0\5\0\0\1ax"), .why = "more than one" },

		/* ALPN */
		{ .extensions = SPAN("\0\x10\0\5\0\3\2h2") },
		{ .extensions = SPAN("\0\x10\0\0"), .why = "ALPN: not a list" },
		{ .extensions = SPAN("\0\x10\0\2\0\0"), .why = "ALPN: not a list" },
		{ .extensions = SPAN("\0\x10\0\5\0\2\2h2"), .why = "ALPN: not a list" },
		{ .extensions = SPAN("\0\x10\0\5\0\3\3h2"), .why = "ALPN: cut short" },
		{ .extensions = SPAN("\0\x10\0\6\0\4\2h2\0"), .why = "ALPN: an empty name" },
		{ .extensions = SPAN("\0\x10\0\x22\0\x20"
				     "\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a") },
		{ .extensions = SPAN("\0\x10\0\x24\0\x22"
				     "\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a"),
		  .why = "more than 16" },

		/* supported_versions */
		{ .extensions = SPAN("\0\x2b\0\3\2\3\4") },
		{ .extensions = SPAN("\0\x2b\0\0"), .why = "supported_versions" },
		{ .extensions = SPAN("\0\x2b\0\1\0"), .why = "supported_versions" },
		{ .extensions = SPAN("\0\x2b\0\2\1\3"), .why = "supported_versions" },
		{ .extensions = SPAN("\0\x2b\0\4\3\3\4\3"), .why = "supported_versions" },
		{ .extensions = SPAN("\0\x2b\0\3\4\3\4"), .why = "supported_versions" },
		{ .extensions = SPAN("\0\x2b\0\4\2\3\4x"), .why = "supported_versions" },

		/* encrypted_client_hello */
		{ .extensions = SPAN("\xfe\x0d\0\x0b\0\0\1\0\1\7\0\0\0\1x") },
		{ .extensions = SPAN("\xfe\x0d\0\1\1") },
		{ .extensions = SPAN("\xfe\x0d\0\0"), .why = "encrypted_client_hello" },
		{ .extensions = SPAN("\xfe\x0d\0\1\0"), .why = "encrypted_client_hello" },
		{ .extensions = SPAN("\xfe\x0d\0\1\2"), .why = "encrypted_client_hello" },
		{ .extensions = SPAN("\xfe\x0d\0\2\1\1"), .why = "encrypted_client_hello" },
		{ .extensions = SPAN("\xfe\x0d\0\x0a\0\0\1\0\1\7\0\0\0\0"),
		  .why = "encrypted_client_hello" },
		{ .extensions = SPAN("\xfe\x0d\0\x0b\0\0\1\0\1\7\0\2\0\1x"),
		  .why = "encrypted_client_hello" },
		{ .extensions = SPAN("\xfe\x0d\0\x0c\0\0\1\0\1\7\0\0\0\1xx"),
		  .why = "encrypted_client_hello" },
		{ .extensions = SPAN("\xff\xce\0\1x") },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct tls_hello hello = { .fault = "untouched" };
		enum tls_hello_verdict verdict = parse_parts(&hello, &rows[i]);

		CHECK(verdict == (rows[i].why == NULL ? TLS_HELLO_WHOLE : TLS_HELLO_MALFORMED),
		      "row %zu: %d %s", i, (int)verdict, hello.fault);
		CHECK((hello.fault == NULL) == (rows[i].why == NULL), "row %zu: %s", i,
		      hello.fault);
		if (rows[i].why == NULL || hello.fault == NULL)
			continue;
		CHECK(strstr(hello.fault, rows[i].why) != NULL, "row %zu: %s", i, hello.fault);
		CHECK(hello.host_name.ptr == NULL && hello.alpn_count == 0, "row %zu: set", i);
	}
}

/* The message's own length: nothing in it, or too little of it. */
static void test_short_bodies(void)
{
	static const char whole[] = "\3\3" RANDOM "\0\0\2\x13\1\1\0";

	for (size_t len = 0; len < sizeof(whole) - 1; len++) {
		static struct flow flow;
		struct tls_hello hello;

		flow.len = 0;
		put(&flow, SPAN("\x16\3\1"));
		put_number(&flow, len + 4, 2);
		put(&flow, SPAN("\1"));
		put_number(&flow, len, 3);
		put(&flow, (struct span){ whole, len });
		CHECK(parse(&hello, &flow) == TLS_HELLO_MALFORMED, "%zu octets", len);
	}
}

static void test_contents(void)
{
	struct parts parts = { .version = SPAN("\3\4"),
			       .extensions = SPAN("\x0a\x0a\0\0\0\0\0\x10\0\x0e\0\0\x0b"
						  "Www.Example"
						  "\0\x10\0\x0e\0\x0c\2h2\x08http/1.1"
						  "\0\x2b\0\7\6\x7a\x7a\3\4\3\3"
						  "\xff\xce\0\0\xfe\x0d\0\1\1") };
	struct tls_hello hello;

	CHECK(parse_parts(&hello, &parts) == TLS_HELLO_WHOLE, "%s", hello.fault);
	CHECK(span_is(hello.host_name, "Www.Example"), "%zu", hello.host_name.len);
	CHECK(hello.alpn_count == 2 && span_is(hello.alpn[0], "h2") &&
		  span_is(hello.alpn[1], "http/1.1"),
	      "%zu", hello.alpn_count);
	CHECK(hello.legacy_version == 0x0304 && hello.version == 0x0304, "%x %x",
	      hello.legacy_version, hello.version);
	CHECK(hello.ech == TLS_ECH_INNER, "%d", (int)hello.ech);

	parts.extensions = SPAN("\xfe\x0d\0\x0b\0\0\1\0\1\7\0\0\0\1x\xff\xce\0\0");
	CHECK(parse_parts(&hello, &parts) == TLS_HELLO_WHOLE, "%s", hello.fault);
	CHECK(hello.ech == TLS_ECH_OUTER, "a draft does not hide the real one: %d", (int)hello.ech);
	CHECK(hello.version == 0x0303, "1.3 needs supported_versions: %x", hello.version);
	CHECK(hello.host_name.ptr == NULL && hello.alpn_count == 0, "neither");

	parts.extensions = SPAN("\xfe\x0a\0\0\0\x2b\0\3\2\x2a\x2a");
	CHECK(parse_parts(&hello, &parts) == TLS_HELLO_WHOLE, "%s", hello.fault);
	CHECK(hello.ech == TLS_ECH_DRAFT && hello.version == 0, "%d %x", (int)hello.ech,
	      hello.version);
	parts = (struct parts){ .version = SPAN("\3\1") };
	CHECK(parse_parts(&hello, &parts) == TLS_HELLO_WHOLE && hello.version == 0x0301 &&
		  hello.ech == TLS_ECH_NONE,
	      "%x", hello.version);
}

/* What no hello of a single record shows. */
static void test_flows(void)
{
#define HELLO "\1\0\0\x2b\3\3" RANDOM "\0\0\2\x13\1\1\0\0\0" /* 47 octets */
	const struct {
		struct span flow;
		enum tls_hello_verdict want;
		const char *why;
	} rows[] = {
		{ SPAN(""), TLS_HELLO_MORE, "" },
		{ SPAN("\x16"), TLS_HELLO_MORE, "" },
		{ SPAN("\x16\3"), TLS_HELLO_MORE, "" },
		{ SPAN("\x16\2"), TLS_HELLO_NOT_TLS, "" },
		{ SPAN("\x16\xfe\xfd"), TLS_HELLO_NOT_TLS, "" }, /* DTLS */
		{ SPAN("\x15\3\1\0\2\1\0"), TLS_HELLO_NOT_TLS, "" },
		{ SPAN("\x17\3\3\0\1x"), TLS_HELLO_NOT_TLS, "" },
		{ SPAN("GET / HTTP/1.1\r\n"), TLS_HELLO_NOT_TLS, "" },
		{ SPAN("SSH-2.0-x\r\n"), TLS_HELLO_NOT_TLS, "" },
		{ SPAN("\0\0\0\x08\4\xd2\x16\x2f"), TLS_HELLO_NOT_TLS, "" }, /* PostgreSQL */

		{ SPAN("\x80"), TLS_HELLO_MORE, "" },
		{ SPAN("\x80\x2e\1\0"), TLS_HELLO_MORE, "" },
		{ SPAN("\x80\x2e\1\0\2"), TLS_HELLO_SSL2, "" },
		{ SPAN("\x80\x2e\1\3\1\0\x15\0\0\0\x10"), TLS_HELLO_SSL2, "" },
		{ SPAN("\x80\x2e\1\0\3"), TLS_HELLO_NOT_TLS, "" },
		{ SPAN("\x80\x2e\2"), TLS_HELLO_NOT_TLS, "" },

		{ SPAN("\x16\3\1\0\x2f" HELLO), TLS_HELLO_WHOLE, "" },
		{ SPAN("\x16\3\x7f\0\x2f" HELLO), TLS_HELLO_WHOLE, "" }, /* section 5.1: ignored */
		{ SPAN("\x16\3\1\0\x2f" HELLO "\x14\3\3\0\1\1"), TLS_HELLO_WHOLE, "" },
		{ SPAN("\x16\3\1\0\0"), TLS_HELLO_MALFORMED, "empty" },
		{ SPAN("\x16\3\1\x40\1"), TLS_HELLO_MALFORMED, "a record is too long" },
		{ SPAN("\x16\3\1\x40\0"), TLS_HELLO_MORE, "" },
		{ SPAN("\x16\3\1\0\4\2"), TLS_HELLO_MALFORMED, "not a ClientHello" },
		{ SPAN("\x16\3\1\0\4\0\0\0\0"), TLS_HELLO_MALFORMED, "not a ClientHello" },
		{ SPAN("\x16\3\1\0\4\1\0\x40\1"), TLS_HELLO_MALFORMED, "the hello is too long" },
		{ SPAN("\x16\3\1\0\4\1\xff\xff\xff"), TLS_HELLO_MALFORMED,
		  "the hello is too long" },
		{ SPAN("\x16\3\1\0\4\1\0\x40\0"), TLS_HELLO_MORE, "" },
		{ SPAN("\x16\3\1\0\x30" HELLO), TLS_HELLO_MALFORMED, "last record" },
		{ SPAN("\x16\3\1\0\x30" HELLO "x"), TLS_HELLO_MALFORMED, "last record" },
		{ SPAN("\x16\3\1\0\5\1\0\0\0x"), TLS_HELLO_MALFORMED, "last record" },
		{ SPAN("\x16\3\1\0\4\1\0\0\0"), TLS_HELLO_MALFORMED, "cut short" },
		{ SPAN("\x16\3\1\0\2\1\0\x17"), TLS_HELLO_MALFORMED, "another record" },
		{ SPAN("\x16\3\1\0\2\1\0\x14\3\3\0\1\1"), TLS_HELLO_MALFORMED, "another record" },
		{ SPAN("\x16\3\1\0\2\1\0\x16\2"), TLS_HELLO_MALFORMED, "version" },
		{ SPAN("\x16\3\1\0\2\1\0\x16\3\3\0\0"), TLS_HELLO_MALFORMED, "empty" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		static struct flow flow;
		struct tls_hello hello = { .fault = "untouched" };

		flow.len = 0;
		put(&flow, rows[i].flow);
		enum tls_hello_verdict verdict = parse(&hello, &flow);
		CHECK(verdict == rows[i].want, "row %zu: %d %s", i, (int)verdict, hello.fault);
		if (verdict == TLS_HELLO_WHOLE)
			CHECK(hello.fault == NULL && hello.flow_octets == 52, "row %zu: %zu", i,
			      hello.flow_octets);
		else if (verdict == TLS_HELLO_MALFORMED)
			CHECK(strstr(hello.fault, rows[i].why) != NULL, "row %zu: %s", i,
			      hello.fault);
		else
			CHECK(strcmp(hello.fault, "untouched") == 0, "row %zu: written", i);
	}
}

/* Cut into records of any size, and coming in any pieces, it is the same hello. */
static void test_fragments(void)
{
	static struct flow message, flow;
	const struct parts parts = { .extensions = SPAN("\0\0\0\x10\0\x0e\0\0\x0bwww.example") };
	struct tls_hello hello;

	build_message(&message, &parts);
	for (size_t octets = 1; octets <= message.len; octets++) {
		size_t records = (message.len + octets - 1) / octets;

		put_records(&flow, (struct span){ message.octets, message.len }, octets);
		put(&flow, SPAN("early data"));
		if (records > TLS_HELLO_RECORDS_MAX) {
			CHECK(parse(&hello, &flow) == TLS_HELLO_MALFORMED &&
				  strstr(hello.fault, "64 records") != NULL,
			      "%zu records", records);
			continue;
		}
		CHECK(parse(&hello, &flow) == TLS_HELLO_WHOLE, "%zu: %s", octets, hello.fault);
		CHECK(span_is(hello.host_name, "www.example"), "%zu octets each", octets);
		CHECK(hello.flow_octets == message.len + 5 * records, "%zu", hello.flow_octets);
		for (flow.len = 0; flow.len < hello.flow_octets; flow.len++)
			if (parse(&(struct tls_hello){ 0 }, &flow) != TLS_HELLO_MORE)
				CHECK(false, "%zu of %zu octets", flow.len, hello.flow_octets);
	}
}

static void put_filler(struct flow *flow, size_t data_octets)
{
	put_number(flow, 0x1234, 2);
	put_number(flow, data_octets, 2);
	for (size_t i = 0; i < data_octets; i++)
		put(flow, SPAN("x"));
}

/* The largest hello has 16388 octets and so takes two records; a smaller room refuses more. */
static void test_limits(void)
{
	static struct flow message, flow, extensions;
	static char room[TLS_HELLO_OCTETS_MAX + 1];
	struct tls_hello hello;
	enum { AROUND = 4 + 2 + 32 + 1 + 4 + 2 + 2 + 4 };

	for (size_t over = 0; over < 2; over++) {
		extensions.len = 0;
		put_filler(&extensions, TLS_HELLO_OCTETS_MAX - AROUND + over);
		build_message(&message, &(struct parts){
					    .extensions = { extensions.octets, extensions.len } });
		CHECK(message.len == TLS_HELLO_OCTETS_MAX + over, "%zu", message.len);
		put_records(&flow, (struct span){ message.octets, message.len }, 16384);
		struct span all = { flow.octets, flow.len };
		enum tls_hello_verdict verdict = tls_hello_parse(&hello, all, room, sizeof(room));
		CHECK(verdict == (over ? TLS_HELLO_MALFORMED : TLS_HELLO_WHOLE), "%zu: %s", over,
		      hello.fault);
	}
	build_message(&message, &(struct parts){ 0 });
	put_records(&flow, (struct span){ message.octets, message.len }, 10);
	struct span all = { flow.octets, flow.len };
	CHECK(tls_hello_parse(&hello, all, room, message.len) == TLS_HELLO_WHOLE, "exactly");
	CHECK(tls_hello_parse(&hello, all, room, message.len - 1) == TLS_HELLO_MALFORMED, "less");

	extensions.len = 0;
	for (size_t i = 0; i <= TLS_HELLO_EXTENSIONS_MAX; i++) {
		struct parts parts = { .extensions = { extensions.octets, extensions.len } };

		CHECK(parse_parts(&hello, &parts) == TLS_HELLO_WHOLE, "%zu extensions", i);
		put_number(&extensions, 0x4000 + i, 2);
		put_number(&extensions, 0, 2);
	}
	CHECK(parse_parts(&hello,
			  &(struct parts){ .extensions = { extensions.octets, extensions.len } }) ==
		      TLS_HELLO_MALFORMED &&
		  strstr(hello.fault, "64 extensions") != NULL,
	      "65 extensions: %s", hello.fault);
}

static void test_record_count(void)
{
	static struct flow message, flow;
	struct tls_hello hello;

	build_message(&message, &(struct parts){ .extensions = SPAN(SNI_A "\x12\x34\0\x10" R16) });
	for (size_t records = TLS_HELLO_RECORDS_MAX; records <= TLS_HELLO_RECORDS_MAX + 1;
	     records++) {
		struct span rest = { message.octets, message.len };

		flow.len = 0;
		for (size_t i = 1; i < records; i++) {
			put_record(&flow, (struct span){ rest.ptr, 1 });
			rest = span_drop(rest, 1);
		}
		put_record(&flow, rest);
		bool few = records == TLS_HELLO_RECORDS_MAX;
		CHECK(parse(&hello, &flow) == (few ? TLS_HELLO_WHOLE : TLS_HELLO_MALFORMED),
		      "%zu records: %s", records, hello.fault);
	}
}

int main(void)
{
	test_record_count();
	test_bodies();
	test_short_bodies();
	test_contents();
	test_flows();
	test_fragments();
	test_limits();
	return test_failures > 0;
}
