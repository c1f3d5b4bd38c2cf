// SPDX-License-Identifier: Apache-2.0
#include "wire/http1_path.h"

#include "base/test.h"

enum { ROOM_OCTETS = 256 };

static void test_sound(void)
{
	const struct {
		const char *origin, *path;
		const char *query; /* NULL: none */
		bool parameters;
	} rows[] = {
		{ "/", "/", NULL, false },
		{ "", "/", NULL, false },
		{ "?", "/", "", false },
		{ "?a", "/", "a", false },
		{ "/?", "/", "", false },
		{ "/a/b", "/a/b", NULL, false },
		{ "/a/b/", "/a/b/", NULL, false },
		{ "/%61%2D%7e%5f%2E", "/a-~_.", NULL, false },
		{ "/%3a%c3%a4", "/%3A%C3%A4", NULL, false },
		{ "/%25", "/%25", NULL, false },
		{ "/%252e%252e/a", "/%252e%252e/a", NULL, false },
		{ "/%20%22%7C", "/%20%22%7C", NULL, false },
		{ "/a!$&'()*+,=:@-._~", "/a!$&'()*+,=:@-._~", NULL, false },
		{ "/.", "/", NULL, false },
		{ "/./a", "/a", NULL, false },
		{ "/a/.", "/a/", NULL, false },
		{ "/a/..", "/", NULL, false },
		{ "/a/../", "/", NULL, false },
		{ "/a/b/../c", "/a/c", NULL, false },
		{ "/a/b/../../c", "/c", NULL, false },
		{ "/a/%2e%2E/c", "/c", NULL, false },
		{ "/a/.%2e/c", "/c", NULL, false },
		{ "/a/%2e/c", "/a/c", NULL, false },
		{ "/a/.../c", "/a/.../c", NULL, false },
		{ "/.a/..b/c.", "/.a/..b/c.", NULL, false },
		{ "/a;b=c/d", "/a;b=c/d", NULL, true },
		{ "/a%3bb", "/a%3Bb", NULL, true },
		{ "/a;..", "/a;..", NULL, true },
		{ "/a/b;c/../d", "/a/d", NULL, false },
		{ "/...;a", "/...;a", NULL, true },
		{ "/a?b/../c;//..", "/a", "b/../c;//..", false },
		{ "/a?b?c", "/a", "b?c", false },
		{ "/a?%00%2f%5c%0a%61", "/a", "%00%2f%5c%0a%61", false },
		{ "/a?x[y]={z}|^`", "/a", "x[y]={z}|^`", false },
		{ "/caf%E9", "/caf%E9", NULL, false },
		{ "/%C0x", "/%C0x", NULL, false },
		{ "/%E0%A0%80", "/%E0%A0%80", NULL, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char room[ROOM_OCTETS];
		struct http1_path path;
		bool sound = http1_path_read(&path, room, span_of(rows[i].origin));

		CHECK(sound, "row %zu: %s", i, http1_fault_text(path.fault));
		if (!sound)
			continue;
		CHECK(span_is(path.path, rows[i].path), "row %zu: %.*s", i, (int)path.path.len,
		      path.path.ptr);
		CHECK((path.query.ptr != NULL) == (rows[i].query != NULL), "row %zu", i);
		CHECK(rows[i].query == NULL || span_is(path.query, rows[i].query), "row %zu", i);
		CHECK(path.parameters == rows[i].parameters, "row %zu", i);
		CHECK(path.text.ptr == room &&
			  path.text.len == path.path.len + (rows[i].query != NULL) + path.query.len,
		      "row %zu", i);
		CHECK(path.text.len <= strlen(rows[i].origin) + 1, "row %zu: room", i);
	}
}

static void test_refused(void)
{
	const struct {
		struct span origin;
		enum http1_fault want;
	} rows[] = {
		{ SPAN("a"), HTTP1_TARGET },
		{ SPAN("*"), HTTP1_TARGET },
		{ SPAN("\\a"), HTTP1_TARGET },
		{ SPAN("%2fa"), HTTP1_TARGET },
		{ SPAN("/a#b"), HTTP1_FRAGMENT },
		{ SPAN("#"), HTTP1_FRAGMENT },
		{ SPAN("/a?b#c"), HTTP1_FRAGMENT },
		{ SPAN("/a b"), HTTP1_PATH_OCTET },
		{ SPAN("/a\\b"), HTTP1_PATH_OCTET },
		{ SPAN("/..\\a"), HTTP1_PATH_OCTET },
		{ SPAN("/a\0b"), HTTP1_PATH_OCTET },
		{ SPAN("/a\nb"), HTTP1_PATH_OCTET },
		{ SPAN("/a\x7f"), HTTP1_PATH_OCTET },
		{ SPAN("/\xc3\xa4"), HTTP1_PATH_OCTET },
		{ SPAN("/\""), HTTP1_PATH_OCTET },
		{ SPAN("/<"), HTTP1_PATH_OCTET },
		{ SPAN("/>"), HTTP1_PATH_OCTET },
		{ SPAN("/["), HTTP1_PATH_OCTET },
		{ SPAN("/^"), HTTP1_PATH_OCTET },
		{ SPAN("/`"), HTTP1_PATH_OCTET },
		{ SPAN("/{"), HTTP1_PATH_OCTET },
		{ SPAN("/|"), HTTP1_PATH_OCTET },
		{ SPAN("/%"), HTTP1_PATH_PERCENT },
		{ SPAN("/%4"), HTTP1_PATH_PERCENT },
		{ SPAN("/%4/1"), HTTP1_PATH_PERCENT },
		{ SPAN("/%g1"), HTTP1_PATH_PERCENT },
		{ SPAN("/%1g"), HTTP1_PATH_PERCENT },
		{ SPAN("/%%41"), HTTP1_PATH_PERCENT },
		{ SPAN("/%u002f"), HTTP1_PATH_PERCENT },
		{ SPAN("/%2f"), HTTP1_PATH_ENCODED },
		{ SPAN("/a%2Fb"), HTTP1_PATH_ENCODED },
		{ SPAN("/a%5cb"), HTTP1_PATH_ENCODED },
		{ SPAN("/..%5Cb"), HTTP1_PATH_ENCODED },
		{ SPAN("/%00"), HTTP1_PATH_ENCODED },
		{ SPAN("/a%0d%0aHost:b"), HTTP1_PATH_ENCODED },
		{ SPAN("/%1f"), HTTP1_PATH_ENCODED },
		{ SPAN("/%7f"), HTTP1_PATH_ENCODED },
		{ SPAN("/%c0%af"), HTTP1_PATH_OVERLONG },
		{ SPAN("/%C0%AE%C0%AE/a"), HTTP1_PATH_OVERLONG },
		{ SPAN("/%c1%9c"), HTTP1_PATH_OVERLONG },
		{ SPAN("/%e0%80%af"), HTTP1_PATH_OVERLONG },
		{ SPAN("/%f0%80%80%af"), HTTP1_PATH_OVERLONG },
		{ SPAN("//"), HTTP1_PATH_EMPTY_SEGMENT },
		{ SPAN("//a"), HTTP1_PATH_EMPTY_SEGMENT },
		{ SPAN("/a//b"), HTTP1_PATH_EMPTY_SEGMENT },
		{ SPAN("/a//"), HTTP1_PATH_EMPTY_SEGMENT },
		{ SPAN("/a//../b"), HTTP1_PATH_EMPTY_SEGMENT },
		{ SPAN("/.."), HTTP1_PATH_ABOVE_ROOT },
		{ SPAN("/../a"), HTTP1_PATH_ABOVE_ROOT },
		{ SPAN("/a/../../b"), HTTP1_PATH_ABOVE_ROOT },
		{ SPAN("/%2e%2e/a"), HTTP1_PATH_ABOVE_ROOT },
		{ SPAN("/./.."), HTTP1_PATH_ABOVE_ROOT },
		{ SPAN("/a/..;/b"), HTTP1_PATH_PARAMETER },
		{ SPAN("/a/..;x=y/b"), HTTP1_PATH_PARAMETER },
		{ SPAN("/a/%2e%2e;/b"), HTTP1_PATH_PARAMETER },
		{ SPAN("/a/..%3b/b"), HTTP1_PATH_PARAMETER },
		{ SPAN("/a/.;/b"), HTTP1_PATH_PARAMETER },
		{ SPAN("/;/a"), HTTP1_PATH_PARAMETER },
		{ SPAN("/a/;x"), HTTP1_PATH_PARAMETER },
		{ SPAN("/a/..;"), HTTP1_PATH_PARAMETER },
		{ SPAN("/a/..;.."), HTTP1_PATH_PARAMETER },
		{ SPAN("/?a b"), HTTP1_QUERY_OCTET },
		{ SPAN("/?\\"), HTTP1_QUERY_OCTET },
		{ SPAN("/?\""), HTTP1_QUERY_OCTET },
		{ SPAN("/?<"), HTTP1_QUERY_OCTET },
		{ SPAN("/?\0"), HTTP1_QUERY_OCTET },
		{ SPAN("/?\r"), HTTP1_QUERY_OCTET },
		{ SPAN("/?\xe4"), HTTP1_QUERY_OCTET },
		{ SPAN("/?100%"), HTTP1_PATH_PERCENT },
		{ SPAN("/?%zz"), HTTP1_PATH_PERCENT },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char room[ROOM_OCTETS];
		struct http1_path path;
		bool sound = http1_path_read(&path, room, rows[i].origin);

		CHECK(!sound && path.fault == rows[i].want, "row %zu: %s", i,
		      http1_fault_text(path.fault));
	}
}

int main(void)
{
	test_sound();
	test_refused();
	return test_failures > 0;
}
