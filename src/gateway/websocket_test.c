// SPDX-License-Identifier: Apache-2.0
#include "gateway/websocket.h"

#include "base/test.h"
#include "gateway/exchange1.h"

#define TEXT(literal)                          \
	{                                      \
		(literal), sizeof(literal) - 1 \
	}
#define K "\1\2\3\4"

static const struct row {
	const char *name;
	struct span up, down; /* the program's first */
	uint64_t message_octets;
	struct gate_socket want;
	const char *why; /* NULL: it goes on */
	bool blocked, offered, deflate;
} rows[] = {
	{ "each way",
	  TEXT("\x81\x81" K "a\x89\x81" K "p"),
	  TEXT("\1\2ab\x80\1c"),
	  0,
	  { { 2, 1, 1, 0 }, { 2, 1, 3, 0 } },
	  NULL,
	  false,
	  false,
	  false },
	{ "closed by both",
	  TEXT("\x88\x82" K "\2\xea"),
	  TEXT("\x88\0"),
	  0,
	  { { 1, 0, 0, 1000 }, { 1, 0, 0, 1005 } },
	  NULL,
	  false,
	  false,
	  false },
	{ "not whole",
	  TEXT("\x82\x85" K "abc"),
	  TEXT("\1\2ab"),
	  0,
	  { { 1, 0, 3, 0 }, { 1, 0, 2, 0 } },
	  NULL,
	  false,
	  false,
	  false },
	{ "compressed",
	  TEXT("\xc1\x81" K "a"),
	  TEXT("\xc1\1a"),
	  0,
	  { { 1, 1, 1, 0 }, { 1, 1, 1, 0 } },
	  NULL,
	  false,
	  true,
	  true },
	{ "compressed, not offered",
	  TEXT("\xc1\x81" K "a"),
	  TEXT(""),
	  0,
	  { { 0 }, { 0 } },
	  "the program's WebSocket frame has a reserved bit set",
	  false,
	  false,
	  true },
	{ "compressed, not agreed on",
	  TEXT(""),
	  TEXT("\xc1\1a"),
	  0,
	  { { 0 }, { 0 } },
	  "the server's WebSocket frame has a reserved bit set",
	  false,
	  true,
	  false },
	{ "of what comes at once nothing goes on",
	  TEXT("\x81\x80" K "\x81\1a"),
	  TEXT(""),
	  0,
	  { { 0 }, { 0 } },
	  "the program's WebSocket frame is not masked",
	  false,
	  false,
	  false },
	{ "as long as it may be",
	  TEXT("\1\x82" K "ab\x80\x81" K "c\x81\x83" K "abc"),
	  TEXT("\x81\3abc\x89\4abcd"),
	  3,
	  { { 3, 2, 6, 0 }, { 2, 1, 3, 0 } },
	  NULL,
	  false,
	  false,
	  false },
	{ "longer",
	  TEXT("\x81\x84" K),
	  TEXT(""),
	  3,
	  { { 0 }, { 0 } },
	  "the program's WebSocket message is longer than message_bytes of its rule",
	  true,
	  false,
	  false },
	{ "longer in fragments",
	  TEXT(""),
	  TEXT("\1\3abc\0\0\0\1"),
	  3,
	  { { 0 }, { 0 } },
	  "the server's WebSocket message is longer than message_bytes of its rule",
	  true,
	  false,
	  false },
	{ "more than can be counted",
	  TEXT(""),
	  TEXT("\1\2ab\0\x7f\x7f\xff\xff\xff\xff\xff\xff\xff"),
	  1,
	  { { 0 }, { 0 } },
	  "the server's WebSocket message is longer than message_bytes of its rule",
	  true,
	  false,
	  false },
};

static bool same(const struct gate_socket_way *a, const struct gate_socket_way *b)
{
	return a->frames == b->frames && a->messages == b->messages && a->octets == b->octets &&
	       a->close_code == b->close_code;
}

static void test_rows(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		const struct exchange1_caps caps = { .message_octets = row->message_octets };
		struct websocket socket = { .offered = row->offered };
		struct exchange1_end end = { 0 };

		websocket_agree(&socket, row->deflate);
		bool sound = websocket_watch(&socket, &end, &caps, TLS_INSIDE, row->up) &&
			     websocket_watch(&socket, &end, &caps, TLS_UPSTREAM, row->down);
		CHECK(sound == (row->why == NULL) && end.blocked == row->blocked, "%s", row->name);
		if (row->why != NULL)
			CHECK(end.why != NULL && strcmp(end.why, row->why) == 0, "%s", row->name);
		CHECK(end.websocket && same(&end.socket.up, &row->want.up) &&
			  same(&end.socket.down, &row->want.down),
		      "%s", row->name);
	}
}

/* ask() - Return: may these octets of the program go on? */
static bool ask(struct websocket *socket, const struct exchange1_caps *caps, struct span data)
{
	struct exchange1_end end = { 0 };
	bool sound = websocket_watch(socket, &end, caps, TLS_INSIDE, data);

	CHECK(sound || (end.blocked && strstr(end.why, "messages_per_minute") != NULL), "%s",
	      end.why);
	return sound;
}

/* A rule's messages count together, whichever connection they are on. */
static void test_rate(void)
{
	const struct exchange1_caps caps = { .messages_per_minute = 3, .rule = 5 };
	struct websocket one = { 0 }, two = { 0 };
	struct exchange1_end end = { 0 };

	websocket_agree(&one, false);
	websocket_agree(&two, false);
	CHECK(ask(&one, &caps, SPAN("\1\x80" K)), "begins");
	CHECK(ask(&two, &caps, SPAN("\x8a\x80" K)), "a Pong");
	for (int i = 0; i < 9; i++)
		CHECK(ask(&one, &caps, SPAN("\0\x80" K)), "fragments are no messages");
	CHECK(ask(&two, &caps, SPAN("\x81\x80" K)), "the third");
	CHECK(!ask(&one, &caps, SPAN("\x89\x80" K)), "the fourth");
	CHECK(ask(&one, &caps, SPAN("\x88\x80" K)), "Close is free");
	CHECK(websocket_watch(&one, &end, &caps, TLS_UPSTREAM, SPAN("\x81\0")), "the server");
}

/* Each rule has its own count, even one whose number cannot be. */
static void test_rules(void)
{
	const struct exchange1_caps other = { .messages_per_minute = 3, .rule = 6 },
				    beyond = { .messages_per_minute = 1, .rule = 65535 };
	struct websocket socket = { 0 };

	websocket_agree(&socket, false);
	for (int i = 0; i < 4; i++)
		CHECK(ask(&socket, &other, SPAN("\x81\x80" K)) == (i < 3), "%d", i);
	CHECK(ask(&socket, &beyond, SPAN("\x81\x80" K)), "one");
	CHECK(!ask(&socket, &beyond, SPAN("\x81\x80" K)), "another");
}

int main(void)
{
	test_rows();
	test_rate();
	test_rules();
	return test_failures > 0;
}
