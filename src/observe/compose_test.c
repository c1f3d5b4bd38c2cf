// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/test.h"
#include "observe/observe_priv.h"

/* What the ring may hold: @head with the lengths of what follows it. */
struct made {
	struct event head;
	char data[4 * EVENT_TEXT_OCTETS];
	size_t len;
};

static uint16_t add(struct made *made, struct span octets)
{
	if (octets.len > 0)
		memcpy(made->data + made->len, octets.ptr, octets.len);
	made->len += octets.len;
	return (uint16_t)octets.len;
}

/* compose() - in memory of just that size */
static int compose(struct observe_record *ret, const struct made *made, size_t less)
{
	static struct compose_texts texts;
	size_t len = sizeof(made->head) + made->len - less;
	char *copy = malloc(sizeof(made->head) + made->len);

	if (copy == NULL)
		return -ENOMEM;
	memcpy(copy, &made->head, sizeof(made->head));
	memcpy(copy + sizeof(made->head), made->data, made->len);
	char *part = realloc(copy, len > 0 ? len : 1);
	int r = compose_record(ret, &texts, (struct span){ part, len });
	free(part);
	return r;
}

#define NAMES(text)                  \
	{                            \
		(text), sizeof(text) \
	}
#define NONE            \
	{               \
		NULL, 0 \
	}

static void test_paths(void)
{
	static const struct {
		struct span named, walk;
		uint8_t flags;
		const char *want;
	} rows[] = {
		{ NAMES("/etc/passwd"), NONE, 0, "/etc/passwd" },
		{ NAMES("a"), NAMES("dir\0tmp"), 0, "/tmp/dir/a" },
		{ NAMES("./a//b/./c/"), NAMES("tmp"), 0, "/tmp/a/b/c" },
		{ NAMES("../a"), NAMES("dir\0tmp"), 0, "/tmp/dir/../a" },
		{ NAMES("//a///b"), NONE, 0, "/a/b" },
		{ NAMES("a"), NONE, 0, "/a" },
		{ NAMES("."), NONE, 0, "/" },
		{ NAMES("/"), NONE, 0, "/" },
		{ NONE, NAMES("c\0b\0a"), 0, "/a/b/c" },
		{ NAMES(""), NAMES("dir"), 0, "/dir" },
		{ NAMES(""), NONE, 0, "" },
		{ NONE, NONE, 0, "" },
		{ NAMES("x"), NAMES("b\0a"), EVENT_CUT, "a/b/x" },
		{ NAMES("x"), NONE, EVENT_CUT, "x" },
		{ NAMES("/x"), NONE, EVENT_CUT, "/x" },
		{ NONE, NONE, EVENT_UNREAD, "" },
		{ NAMES("...a"), NAMES(".b"), 0, "/.b/...a" },
		{ NAMES("\xff\n"), NAMES("\x01"), 0, "/\x01/\xff\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct made made = { .head = { .kind = OBSERVE_RENAME, .flags = rows[i].flags } };
		struct observe_record got = { 0 };

		for (int which = 0; which < 2; which++) {
			made.head.text_len[which] = add(&made, rows[i].named);
			made.head.walk_len[which] = add(&made, rows[i].walk);
		}
		CHECK(compose(&got, &made, 0) == 0 && got.flags == rows[i].flags, "row %zu", i);
		CHECK(span_is(got.path, rows[i].want), "row %zu: %.*s", i, (int)got.path.len,
		      got.path.ptr);
		CHECK(span_is(got.more, rows[i].want), "row %zu: %.*s", i, (int)got.more.len,
		      got.more.ptr);
		for (size_t less = 1; less <= sizeof(made.head) + made.len; less++)
			CHECK(compose(&got, &made, less) == -EPROTO, "row %zu less %zu", i, less);
	}
}

/* What is told as it is, is not made a path of. */
static void test_raw(void)
{
	struct made made = { .head = {
				 .kind = OBSERVE_SYMLINK, .result = -1, .pid = 3, .tid = 4 } };
	struct observe_record got = { 0 };

	memcpy(made.head.comm, "0123456789abcdef", sizeof(made.head.comm));
	made.head.text_len[0] = add(&made, (struct span)NAMES("/tmp/l"));
	made.head.text_len[1] = add(&made, (struct span)NAMES(".//x/."));
	CHECK(compose(&got, &made, 0) == 0 && span_is(got.path, "/tmp/l") &&
		  span_is(got.more, ".//x/.") && got.pid == 3 && got.tid == 4 && got.result == -1,
	      "raw");
	CHECK(strcmp(got.comm, "0123456789abcde") == 0, "%.16s", got.comm);
}

static void test_addresses(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(80) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(443) };
	struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "/run/x" };
	struct sockaddr_un abstract = { .sun_family = AF_UNIX, .sun_path = "\0a\0b" };
	const sa_family_t netlink = AF_NETLINK;
	const struct {
		const void *address;
		size_t len;
		const char *want;
	} rows[] = {
		{ &in, sizeof(in), "192.0.2.1:80" },
		{ &in, 2, "0.0.0.0:0" },
		{ &in, 1, "" },
		{ &in, 0, "" },
		{ &in6, sizeof(in6), "[2001:db8::1]:443" },
		{ &un, sizeof(un), "unix:/run/x" },
		{ &un, 2, "unix:" },
		{ &abstract, 2 + 4, "unix:@a@b" },
		{ &netlink, 2, "family:16" },
	};

	(void)inet_pton(AF_INET, "192.0.2.1", &in.sin_addr);
	(void)inet_pton(AF_INET6, "2001:db8::1", &in6.sin6_addr);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct made made = { .head = { .kind = OBSERVE_CONNECT } };
		struct observe_record got = { 0 };

		made.head.text_len[0] = add(&made, (struct span){ rows[i].address, rows[i].len });
		CHECK(compose(&got, &made, 0) == 0 && span_is(got.path, rows[i].want),
		      "row %zu: %.*s", i, (int)got.path.len, got.path.ptr);
	}
}

static void test_malformed(void)
{
	static const struct {
		uint8_t kind, flags;
		struct span named, walk;
	} rows[] = {
		{ 0, 0, NONE, NONE },
		{ OBSERVE_KINDS, 0, NONE, NONE },
		{ OBSERVE_OPEN, 4, NONE, NONE },
		{ OBSERVE_OPEN, 0, { "abc", 3 }, NONE },
		{ OBSERVE_OPEN, 0, { "a\0c", 4 }, NONE },
		{ OBSERVE_OPEN, 0, NONE, { "abc", 3 } },
		{ OBSERVE_CONNECT, 0, NONE, NAMES("abc") },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct made made = { .head = { .kind = rows[i].kind, .flags = rows[i].flags } };
		struct observe_record got = { 0 };

		made.head.text_len[0] = add(&made, rows[i].named);
		made.head.walk_len[0] = add(&made, rows[i].walk);
		CHECK(compose(&got, &made, 0) == -EPROTO, "row %zu", i);
	}
}

/* The longest there is fits. */
static void test_longest(void)
{
	static struct made made = { .head = { .kind = OBSERVE_OPEN } };
	static char text[EVENT_TEXT_OCTETS], walk[EVENT_WALK_OCTETS];
	struct observe_record got = { 0 };

	memset(text, 'a', sizeof(text) - 1);
	memset(walk, 'b', sizeof(walk) - 1);
	made.head.text_len[0] = add(&made, (struct span){ text, sizeof(text) });
	made.head.walk_len[0] = add(&made, (struct span){ walk, sizeof(walk) });
	CHECK(compose(&got, &made, 0) == 0 && got.path.len == OBSERVE_TEXT_OCTETS_MAX &&
		  got.path.ptr[0] == '/' && got.path.ptr[1] == 'b' &&
		  got.path.ptr[EVENT_WALK_OCTETS] == '/' && got.path.ptr[got.path.len - 1] == 'a',
	      "%zu", got.path.len);
}

int main(void)
{
	test_paths();
	test_raw();
	test_addresses();
	test_malformed();
	test_longest();
	return test_failures > 0;
}
