// SPDX-License-Identifier: Apache-2.0
#include "wire/dns.h"

#include <errno.h>

#include "base/test.h"

#define HEAD(flags, counts) "\x12\x34" flags counts
#define ONE                 "\0\1\0\0\0\0\0\0"
#define ONE_OPT             "\0\1\0\0\0\0\0\1"
#define A_IN                "\0\1\0\1"
#define OPT(data_len)       "\0\0\x29\x04\xd0\0\0\0\0" data_len
#define L62                 "abcdefghijklmnopqrstuvwxyz-0123456789_ABCDEFGHIJKLMNOPQRSTUVWX"
#define L60                 "abcdefghijklmnopqrstuvwxyz-0123456789_ABCDEFGHIJKLMNOPQRSTUV"

enum { IGNORED = -1 };

struct decoded {
	struct span packet;
	int want; /* enum dns_rcode; IGNORED */
	const char *name;
};

static void check_decoded(size_t i, const struct decoded *row)
{
	struct dns_query q = { .id = 7 };
	int r = dns_query_decode(&q, row->packet);

	CHECK(r == (row->want == IGNORED ? -EBADMSG : 0), "row %zu: %d", i, r);
	CHECK(q.id == (r == 0 ? 0x1234 : 7), "row %zu: id %x", i, q.id);
	if (r < 0)
		return;
	CHECK(q.fault == (enum dns_rcode)row->want, "row %zu: %d", i, (int)q.fault);
	CHECK((q.question.len > 0) == (row->name != NULL), "row %zu: %zu", i, q.question.len);
	CHECK(strcmp(q.name, row->name != NULL ? row->name : "") == 0, "row %zu: %s", i, q.name);
}

static void test_decode(void)
{
	const struct decoded rows[] = {
		{ SPAN(HEAD("\1\0", ONE) "\3wWw\7Example\3com\0" A_IN), DNS_NOERROR,
		  "www.example.com" },
		{ SPAN(HEAD("\1\0", ONE) "\0" A_IN), DNS_NOERROR, "" },
		{ SPAN(HEAD("\1\0", ONE_OPT) "\1a\0" A_IN OPT("\0\0")), DNS_NOERROR, "a" },
		{ SPAN(HEAD("\1\0", ONE_OPT) "\1a\0" A_IN OPT("\0\2xy")), DNS_NOERROR, "a" },
		{ SPAN(HEAD("\1\0", ONE_OPT) "\1a\0" A_IN OPT("\0\3xy")), DNS_FORMERR, NULL },
		{ SPAN(HEAD("\1\0", ONE_OPT) "\1a\0" A_IN OPT("\0\1xy")), DNS_FORMERR, NULL },
		{ SPAN(HEAD("\1\0", ONE_OPT) "\1a\0" A_IN "\0\0\1\4\xd0\0\0\0\0\0\0"), DNS_FORMERR,
		  NULL },
		{ SPAN(HEAD("\1\0", ONE_OPT) "\1a\0" A_IN), DNS_FORMERR, NULL },
		{ SPAN(HEAD("\1\0", ONE) "\1a\0" A_IN OPT("\0\0")), DNS_FORMERR, NULL },
		{ SPAN(HEAD("\1\0", ONE) "\1a\0" A_IN "x"), DNS_FORMERR, NULL },
		{ SPAN(HEAD("\1\0", ONE) "\1a\0\0\1\0"), DNS_FORMERR, NULL },
		{ SPAN(HEAD("\1\0", ONE) "\1a"), DNS_FORMERR, NULL },
		{ SPAN(HEAD("\1\0", ONE) "\2a"), DNS_FORMERR, NULL },
		{ SPAN(HEAD("\1\0", ONE) "\xc0\x0c" A_IN), DNS_FORMERR,
		  NULL }, /* points at itself */
		{ SPAN(HEAD("\1\0", ONE) "\1a\xc0\x0c" A_IN), DNS_FORMERR, NULL },
		{ SPAN(HEAD("\1\0", ONE) "\x40" L62 "cd\0" A_IN), DNS_FORMERR, NULL },
		{ SPAN(HEAD("\1\0", ONE) "\3a\0b\0" A_IN), DNS_FORMERR, NULL }, /* NUL */
		{ SPAN(HEAD("\1\0", ONE) "\3a.b\0" A_IN), DNS_FORMERR,
		  NULL }, /* one label, looks two */
		{ SPAN(HEAD("\1\0", ONE) "\3a/b\0" A_IN), DNS_FORMERR, NULL },
		{ SPAN(HEAD("\1\0", ONE) "\3a\x1b"
					 "b\0" A_IN),
		  DNS_FORMERR, NULL },
		{ SPAN(HEAD("\1\0", ONE) "\2\xc3\xa4\0" A_IN), DNS_FORMERR, NULL },
		{ SPAN(HEAD("\1\0", "\0\0\0\0\0\0\0\0")), DNS_FORMERR, NULL },
		{ SPAN(HEAD("\1\0", "\0\2\0\0\0\0\0\0") "\1a\0" A_IN "\1b\0" A_IN), DNS_FORMERR,
		  NULL },
		{ SPAN(HEAD("\1\0", "\0\1\0\1\0\0\0\0") "\1a\0" A_IN), DNS_FORMERR, NULL },
		{ SPAN(HEAD("\1\0", "\0\1\0\0\0\1\0\0") "\1a\0" A_IN), DNS_FORMERR, NULL },
		{ SPAN(HEAD("\x28\0", ONE) "\1a\0\0\6\0\1"), DNS_NOTIMP, NULL }, /* UPDATE */
		{ SPAN(HEAD("\x81\0", ONE) "\1a\0" A_IN), IGNORED, NULL },       /* an answer */
		{ SPAN("\x12\x34\1\0\0\1\0\0\0\0\0"), IGNORED, NULL },           /* 11 octets */
		{ SPAN(""), IGNORED, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		check_decoded(i, &rows[i]);
}

/* The longest name is 253 characters (255 octets on the wire), the longest label 63. */
static void test_limits(void)
{
	static const char longest[] =
	    HEAD("\1\0", ONE) "\x3f" L62 "x\x3f" L62 "x\x3f" L62 "x\x3d" L60 "x\0" A_IN;
	static const char longer[] =
	    HEAD("\1\0", ONE) "\x3f" L62 "x\x3f" L62 "x\x3f" L62 "x\x3e" L60 "xy\0" A_IN;
	static const char one_more[] =
	    HEAD("\1\0", ONE) "\x3f" L62 "x\x3f" L62 "x\x3f" L62 "x\x3d" L60 "x\1y\0" A_IN;
	static char huge[DNS_QUERY_OCTETS_MAX + 1] = HEAD("\1\0", ONE);
	struct dns_query q;
	char reply[DNS_REPLY_OCTETS_MAX];

	CHECK(dns_query_decode(&q, (struct span){ longest, sizeof(longest) - 1 }) == 0 &&
		  q.fault == DNS_NOERROR && strlen(q.name) == 253,
	      "%d %zu", (int)q.fault, strlen(q.name));
	q.edns = true;
	const struct dns_answer ptr = { .type = DNS_TYPE_PTR, .name = q.name };
	CHECK(dns_reply_encode(reply, &q, &ptr) == DNS_REPLY_OCTETS_MAX, "room");
	CHECK(dns_query_decode(&q, (struct span){ longer, sizeof(longer) - 1 }) == 0 &&
		  q.fault == DNS_FORMERR,
	      "%d", (int)q.fault);
	CHECK(dns_query_decode(&q, (struct span){ one_more, sizeof(one_more) - 1 }) == 0 &&
		  q.fault == DNS_FORMERR,
	      "%d", (int)q.fault);
	CHECK(dns_query_decode(&q, (struct span){ huge, sizeof(huge) }) == -EBADMSG, "huge");
	CHECK(dns_query_decode(&q, (struct span){ huge, sizeof(huge) - 1 }) == 0, "4096");
}

#define ONE_ONE     "\0\1\0\1\0\0\0\0"
#define ONE_ONE_OPT "\0\1\0\1\0\0\0\1"
#define AAAA_IN     "\0\x1c\0\1"
#define RECORD      "\xc0\x0c"
#define TTL         "\0\0\0\x3c"

static void test_encode(void)
{
	const struct dns_answer none = { .rcode = DNS_NXDOMAIN },
				failed = { .rcode = DNS_SERVFAIL }, empty = { 0 },
				a = { .type = DNS_TYPE_A, .address = { 198, 18, 1, 2 } },
				aaaa = { .type = DNS_TYPE_AAAA, .address = { 0xfd, [15] = 7 } },
				ptr = { .type = DNS_TYPE_PTR, .name = "a.bc" },
				root = { .type = DNS_TYPE_PTR, .name = "" },
				form = { .rcode = DNS_FORMERR, .type = DNS_TYPE_A },
				notimp = { .rcode = DNS_NOTIMP };
	const struct {
		struct span packet, want;
		const struct dns_answer *answer;
	} rows[] = {
		{ SPAN(HEAD("\1\0", ONE) "\3wWw\1x\0" A_IN),
		  SPAN(HEAD("\x81\x83", ONE) "\3wWw\1x\0" A_IN), &none },
		{ SPAN(HEAD("\0\x20", ONE) "\1x\0" A_IN), SPAN(HEAD("\x80\x82", ONE) "\1x\0" A_IN),
		  &failed },
		{ SPAN(HEAD("\1\0", ONE_OPT) "\1a\0" A_IN OPT("\0\2xy")),
		  SPAN(HEAD("\x81\x80", ONE_OPT) "\1a\0" A_IN OPT("\0\0")), &empty },
		{ SPAN(HEAD("\1\0", ONE) "\1A\0" A_IN),
		  SPAN(HEAD("\x81\x80", ONE_ONE) "\1A\0" A_IN RECORD A_IN TTL "\0\4\xc6\x12\1\2"),
		  &a },
		{ SPAN(HEAD("\1\0", ONE_OPT) "\1a\0" AAAA_IN OPT("\0\0")),
		  SPAN(HEAD("\x81\x80", ONE_ONE_OPT) "\1a\0" AAAA_IN RECORD AAAA_IN
			   TTL "\0\x10\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\7" OPT("\0\0")),
		  &aaaa },
		{ SPAN(HEAD("\1\0", ONE) "\1a\0\0\x0c\0\1"),
		  SPAN(HEAD("\x81\x80", ONE_ONE) "\1a\0\0\x0c\0\1" RECORD "\0\x0c\0\1" TTL
						 "\0\6\1a\2bc\0"),
		  &ptr },
		{ SPAN(HEAD("\1\0", ONE) "\1a\0\0\x0c\0\1"),
		  SPAN(HEAD("\x81\x80", ONE_ONE) "\1a\0\0\x0c\0\1" RECORD "\0\x0c\0\1" TTL
						 "\0\1\0"),
		  &root },
		/* no question, no record */
		{ SPAN(HEAD("\1\0", ONE) "\1"), SPAN(HEAD("\x81\x81", "\0\0\0\0\0\0\0\0")), &form },
		{ SPAN(HEAD("\x28\0", ONE)), SPAN(HEAD("\xa8\x84", "\0\0\0\0\0\0\0\0")), &notimp },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char reply[DNS_REPLY_OCTETS_MAX];
		struct dns_query q;

		CHECK(dns_query_decode(&q, rows[i].packet) == 0, "row %zu", i);
		size_t len = dns_reply_encode(reply, &q, rows[i].answer);
		CHECK(len == rows[i].want.len && memcmp(reply, rows[i].want.ptr, len) == 0,
		      "row %zu: %zu octets", i, len);
	}
}

int main(void)
{
	test_decode();
	test_limits();
	test_encode();
	return test_failures > 0;
}
