// SPDX-License-Identifier: Apache-2.0
#include "gateway/inject.h"

#include <stdlib.h>

#include "base/test.h"

#define A  "IMMURE_SECRET_0123456789abcdef0123456789abcdef"
#define B  "IMMURE_SECRET_ffffffffffffffffffffffffffffffff"
#define X  "IMMURE_SECRET_00000000000000000000000000000000" /* of nobody here */
#define VA "sk/a\"1"
#define VB "p:w d\\2"

static char octets[64 * 1024];
static struct inject_room room = { .ptr = octets, .size = sizeof(octets) };

/* with() - secret A may stand in @where, B anywhere */
static struct inject *with(unsigned where)
{
	const struct substitutions list = {
		2, { { where, SPAN(A), SPAN(VA) }, { SUBSTITUTION_ANYWHERE, SPAN(B), SPAN(VB) } }
	};
	static char data[512];
	struct inject *inject = NULL;
	size_t len = 0;

	CHECK(substitutions_encode(&len, data, sizeof(data), &list) == 0, "encode");
	CHECK(inject_new(&inject, (struct span){ data, len }) == 0, "new");
	room.used = 0;
	return inject;
}

static void test_fields(void)
{
	static const struct {
		unsigned where;
		const char *name, *value, *want; /* NULL: refused */
	} rows[] = {
		{ 1, "X-Key", "plain", "plain" },
		{ 1, "X-Key", A, VA },
		{ 1, "Authorization", "Bearer " A, "Bearer " VA },
		{ 1, "X-Key", "a" A "," B "z" A, "a" VA "," VB "z" VA },
		{ 1, "X-Key", "%49MMURE%5FSECRET_0123456789abcdef0123456789abcde%66",
		  "sk%2Fa%221" },
		{ 1, "X-Key", "IMMURE_SECRET_0123456789abcdef0123456789abcde", /* cut */
		  "IMMURE_SECRET_0123456789abcdef0123456789abcde" },
		{ 1, "X-Key", "IIMMURE_IMMURE_SECRET_" A, "IIMMURE_IMMURE_SECRET_" VA },
		{ 1, "X-Key", X, NULL },
		{ 1, "X-Key", A X, NULL },
		{ 2, "X-Key", A, NULL },
		{ 4, "X-Key", A, NULL },
		{ 8, "X-Key", A, NULL },
		{ 1, A, "x", NULL },
		/* user:A, A:x, user:X, user:none */
		{ 4, "Authorization",
		  "Basic dXNlcjpJTU1VUkVfU0VDUkVUXzAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVm",
		  "Basic dXNlcjpzay9hIjE=" },
		{ 4, "authorization",
		  "bAsIc SU1NVVJFX1NFQ1JFVF8wMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjp4",
		  "Basic c2svYSIxOng=" },
		{ 1, "Authorization",
		  "Basic dXNlcjpJTU1VUkVfU0VDUkVUXzAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVm",
		  NULL },
		{ 4, "Authorization",
		  "Basic dXNlcjpJTU1VUkVfU0VDUkVUXzAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAw",
		  NULL },
		{ 4, "Authorization", "Basic dXNlcjpub25l", "Basic dXNlcjpub25l" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct inject *inject = with(rows[i].where);
		struct span got = { 0 };
		const char *why = NULL;
		enum inject_verdict verdict = inject_field(
		    &got, &why, inject, &room, span_of(rows[i].name), span_of(rows[i].value));

		CHECK((verdict == INJECT_REFUSED) == (rows[i].want == NULL), "row %zu", i);
		if (verdict != INJECT_REFUSED)
			CHECK(span_is(got, rows[i].want), "row %zu: %.*s", i, (int)got.len,
			      got.ptr);
		else
			CHECK(why != NULL, "row %zu", i);
		inject_free(inject);
	}
}

/* Without any right no placeholder passes, whatever its form. */
static void test_no_rights(void)
{
	struct span got = { 0 };
	const char *why = NULL;

	room.used = 0;
	CHECK(inject_field(&got, &why, NULL, &room, SPAN("X"), SPAN(A)) == INJECT_REFUSED, "field");
	CHECK(inject_target(&got, &why, NULL, &room, SPAN("/"), SPAN("/?k=" A)) == INJECT_REFUSED,
	      "query");
	CHECK(inject_target(&got, &why, NULL, &room, SPAN("/" A), SPAN("/" A)) == INJECT_REFUSED,
	      "path");
	CHECK(inject_field(&got, &why, NULL, &room, SPAN("X"), SPAN("x")) == INJECT_AS_IS, "none");
	CHECK(!inject_skips_field(NULL, SPAN("Range")) && !inject_has(NULL, 15), "nothing");
}

static void test_target(void)
{
	struct inject *inject = with(SUBSTITUTION_QUERY);
	struct span got = { 0 };
	const char *why = NULL;

	CHECK(inject_target(&got, &why, inject, &room, SPAN("/a"), SPAN("/a?k=" A "&l=" B)) ==
		  INJECT_CHANGED,
	      "changed");
	CHECK(span_is(got, "/a?k=sk%2Fa%221&l=p%3Aw%20d%5C2"), "%.*s", (int)got.len, got.ptr);
	CHECK(inject_target(&got, &why, inject, &room, SPAN("/" A), SPAN("/" A)) == INJECT_REFUSED,
	      "path");
	inject_free(inject);
}

static void test_hide(void)
{
	static const struct {
		const char *value, *want;
	} rows[] = {
		{ "nothing", "nothing" },
		{ VA, A },
		{ "x" VA VA "; sk%2Fa%221", "x" A A "; " A },
		{ "{\"a\":\"sk/a\\\"1\",\"b\":\"sk\\/a\\\"1\"}",
		  "{\"a\":\"" A "\",\"b\":\"" A "\"}" },
		{ "sk/a\"", "sk/a\"" },
		{ "ssk/a\"1", "s" A },
		{ "Basic dXNlcjpzay9hIjE=",
		  "Basic dXNlcjpJTU1VUkVfU0VDUkVUXzAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVm" },
	};
	struct inject *inject = with(SUBSTITUTION_ANYWHERE);
	struct span got = { 0 };
	const char *why = NULL;

	CHECK(inject_field(&got, &why, inject, &room, SPAN("Authorization"),
			   span_of(rows[6].want)) == INJECT_CHANGED,
	      "basic");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CHECK(inject_hide(&got, inject, &room, span_of(rows[i].value)) != INJECT_REFUSED,
		      "row %zu", i);
		CHECK(span_is(got, rows[i].want), "row %zu: %.*s", i, (int)got.len, got.ptr);
	}
	inject_free(inject);
}

/* carry() - @text in pieces of @piece octets through rooms of @size. Return: false: refused */
static bool carry(char ret[4096], struct inject_body *body, struct span text, size_t piece,
		  size_t size)
{
	char held[4096], small[256];
	size_t held_len = 0, out = 0;

	while (text.len > 0 || held_len > 0) {
		size_t n = text.len < piece ? text.len : piece;
		struct inject_room some = { .ptr = small, .size = size };

		memcpy(held + held_len, text.ptr, n);
		held_len += n;
		text = span_drop(text, n);
		size_t used =
		    inject_body(body, &some, (struct span){ held, held_len }, text.len == 0);
		if (body->why != NULL)
			return false;
		if (used == 0 && n == 0 && some.used == 0)
			break; /* it would go on for ever */
		memmove(held, held + used, held_len - used);
		held_len -= used;
		memcpy(ret + out, small, some.used);
		out += some.used;
	}
	ret[out] = '\0';
	return held_len == 0;
}

/* However it is split, a body comes out the same. */
static void test_bodies(void)
{
	static const struct {
		bool hide;
		enum inject_form form;
		const char *in, *out;
	} rows[] = {
		{ false, INJECT_PLAIN, "a" A "b" B "%49IMM" A "I", "a" VA "b" VB "%49IMM" VA "I" },
		{ false, INJECT_JSON, "{\"k\":\"" A "\"}", "{\"k\":\"sk/a\\\"1\"}" },
		{ false, INJECT_PERCENT, "k=" A "&l=" B, "k=sk%2Fa%221&l=p%3Aw%20d%5C2" },
		{ false, INJECT_PLAIN, "k=" X, NULL },
		{ false, INJECT_PLAIN, "", "" },
		{ true, INJECT_PLAIN, "a" VA "b" VB VB "sk/a\"" VA "sk",
		  "a" A "b" B B "sk/a\"" A "sk" },
	};
	struct inject *inject = with(SUBSTITUTION_ANYWHERE);
	char got[4096];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (size_t piece = 1; piece < 140; piece++)
			for (size_t size = 60; size < 256; size += 65) {
				struct inject_body body = { .inject = inject,
							    .hide = rows[i].hide,
							    .form = rows[i].form };
				bool whole = carry(got, &body, span_of(rows[i].in), piece, size);

				CHECK(whole == (rows[i].out != NULL), "row %zu, %zu", i, piece);
				CHECK(!whole || strcmp(got, rows[i].out) == 0, "row %zu, %zu: %s",
				      i, piece, got);
			}
	inject_free(inject);
}

/* What goes out as it is: all but the last octets of a placeholder, however it is split. */
static void test_scan(void)
{
	static const struct {
		unsigned where; /* of A */
		const char *text;
		const char *why; /* part of it; NULL: it may go out */
	} rows[] = {
		{ 15, "", NULL },
		{ 15, "III%%4%49IMMURE_SECRET_I", NULL },
		{ 15, "IMMURE_SECRET_0123456789abcdef0123456789abcde", NULL },
		{ 15, "IMMURE_SECRET_0123456789abcdef0123456789abcdeF", NULL },
		{ 1, "x" A, "may not stand in this part" },
		{ 15, "x" A "y", "gRPC" },
		{ 15, "IMMURE_SEIMMURE_SECRET_" X, "not meant for this host" },
		{ 15, "II%49%4dMURE_SECRET_00000000000000000000000000000000", "not meant" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct inject *inject = with(rows[i].where);

		for (size_t piece = 1; piece < 80; piece++) {
			struct inject_scan scan = { .inject = inject };
			struct span rest = span_of(rows[i].text);
			bool passed = true;

			while (passed && rest.len > 0) {
				size_t len = piece < rest.len ? piece : rest.len;

				passed = inject_scan(&scan, (struct span){ rest.ptr, len });
				rest = span_drop(rest, len);
			}
			CHECK(passed == (rows[i].why == NULL), "row %zu, %zu", i, piece);
			CHECK(passed || strstr(scan.why, rows[i].why) != NULL, "row %zu: %s", i,
			      scan.why);
		}
		inject_free(inject);
	}
}

static void test_names(void)
{
	struct inject *inject = with(SUBSTITUTION_HEADER);

	CHECK(inject_shows_name(inject, SPAN("x-SK/A\"1-y")) &&
		  inject_shows_name(inject, SPAN("sk%2fa%221")) &&
		  !inject_shows_name(inject, SPAN("x-sk")) && !inject_shows_name(NULL, SPAN(VA)),
	      "names");
	inject_free(inject);
}

static void test_types(void)
{
	struct inject *inject = with(SUBSTITUTION_BODY), *other = NULL;

	CHECK(inject_changes_body(inject, SPAN("text/plain")) &&
		  inject_changes_body(inject, SPAN("multipart/form-data; x=application/grpc")) &&
		  !inject_changes_body(inject, SPAN("application/grpc+json; x=y")) &&
		  !inject_changes_body(inject, SPAN("Application/gRPC-web")),
	      "bodies");
	CHECK(!inject_changes_body(other, SPAN("text/plain")), "nothing to put there");
	inject_free(inject);
	CHECK(!inject_is_text(SPAN("application/grpc+json")) &&
		  !inject_is_text(SPAN("application/grpc-web-text")),
	      "gRPC");
	CHECK(inject_is_text(SPAN("text/html; charset=x")) && inject_is_text(SPAN("")) &&
		  inject_is_text(SPAN("application/problem+JSON")),
	      "text");
	CHECK(!inject_is_text(SPAN("application/octet-stream; text/x")) &&
		  !inject_is_text(SPAN("image/png")),
	      "binary");
	CHECK(inject_form_of(SPAN("application/json")) == INJECT_JSON &&
		  inject_form_of(SPAN("application/x-www-form-urlencoded")) == INJECT_PERCENT &&
		  inject_form_of(SPAN("text/plain")) == INJECT_PLAIN,
	      "forms");
}

int main(void)
{
	test_fields();
	test_no_rights();
	test_target();
	test_hide();
	test_bodies();
	test_scan();
	test_names();
	test_types();
	return test_failures > 0;
}
