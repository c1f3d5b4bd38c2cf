// SPDX-License-Identifier: Apache-2.0
#include "wire/ws_frame.h"

#include "base/test.h"

enum { SHOWN_OCTETS = 1024 };

/* What was read, as text: "text+ (ab) continuation () close (..) 1000", then "more" or the fault. */
struct shown {
	size_t len;
	char text[SHOWN_OCTETS];
};

static void show(struct shown *shown, struct span text)
{
	if (text.len < sizeof(shown->text) - shown->len) {
		memcpy(shown->text + shown->len, text.ptr, text.len);
		shown->len += text.len;
	}
	shown->text[shown->len] = '\0';
}

static void show_head(struct shown *shown, const struct ws_frame *frame)
{
	static const char *const names[] = { "continue", "text", "binary", "?",    "?",   "?",
					     "?",        "?",    "close",  "ping", "pong" };

	show(shown, span_of(names[frame->opcode]));
	if (!frame->fin)
		show(shown, SPAN("+"));
	if (frame->rsv1)
		show(shown, SPAN("z"));
	show(shown, SPAN("("));
}

static void show_data(struct shown *shown, const struct ws_reader *r, struct span data)
{
	char plain[64] = { 0 };

	if (data.len > sizeof(plain)) { /* one of the long ones */
		show(shown, SPAN("*"));
		return;
	}
	memcpy(plain, data.ptr, data.len);
	if (r->client)
		ws_mask(plain, data, r->frame.key, r->at - data.len);
	if (r->frame.opcode != WS_CLOSE)
		show(shown, (struct span){ plain, data.len });
}

static void show_done(struct shown *shown, const struct ws_reader *r)
{
	char code[16];

	show(shown, SPAN(") "));
	if (r->frame.opcode != WS_CLOSE)
		return;
	(void)snprintf(code, sizeof(code), "%u ", r->close_code);
	show(shown, span_of(code));
}

/* feed() - Return: does it go on? */
static bool feed(struct shown *shown, struct ws_reader *r, struct span input)
{
	struct span data = { 0 };

	for (;;) {
		switch (ws_next(r, &data, &input)) {
		case WS_MORE:
			return true;
		case WS_HEAD:
			show_head(shown, &r->frame);
			break;
		case WS_DATA:
			show_data(shown, r, data);
			break;
		case WS_DONE:
			show_done(shown, r);
			break;
		case WS_REFUSED:
			show(shown, span_of(ws_fault_text(r->fault, r->client)));
			return false;
		}
	}
}

#define TEXT(literal)                          \
	{                                      \
		(literal), sizeof(literal) - 1 \
	}
#define K "\1\2\3\4"

static const struct row {
	const char *name;
	bool client, deflate;
	struct span input;
	const char *shown;
} rows[] = {
	{ "nothing", false, false, TEXT(""), "" },
	{ "text", false, false, TEXT("\x81\5Hello"), "text(Hello) " },
	{ "masked (section 5.7)", true, false, TEXT("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"),
	  "text(Hello) " },
	{ "fragments (section 5.7)", false, false, TEXT("\1\3Hel\x80\2lo"),
	  "text+(Hel) continue(lo) " },
	{ "a Ping within a message", false, false, TEXT("\2\1a\x89\1p\0\0\x80\1b"),
	  "binary+(a) ping(p) continue+() continue(b) " },
	{ "empty ones", true, false, TEXT("\x81\x80" K "\x8a\x80" K "\x88\x80" K),
	  "text() pong() close() 1005 " },
	{ "close", true, false, TEXT("\x88\x83" K "\2\xeb!"), "close() 1001 " },
	{ "close in pieces, then a Pong", false, false, TEXT("\x88\2\x0f\xa0\x8a\1x"),
	  "close() 4000 pong(x) " },
	{ "a head that is not whole", true, false, TEXT("\x81\xfe\1\0\1\2\3"), "" },
	{ "a payload that is not whole", false, false, TEXT("\x81\3ab"), "text(ab" },
	{ "compressed", false, true, TEXT("\xc1\1a\x41\1b\0\1c\x80\1d"),
	  "textz(a) text+z(b) continue+(c) continue(d) " },
	{ "RSV1 not agreed on", false, false, TEXT("\xc1\1a"),
	  "the server's WebSocket frame has a reserved bit set" },
	{ "RSV1 in a continuation", true, true, TEXT("\1\x80" K "\xc0\x80" K),
	  "text+() the program's WebSocket frame has a reserved bit set" },
	{ "RSV1 in a Ping", false, true, TEXT("\xc9\0"),
	  "the server's WebSocket frame has a reserved bit set" },
	{ "RSV2", false, true, TEXT("\xa1\0"),
	  "the server's WebSocket frame has a reserved bit set" },
	{ "RSV3", false, true, TEXT("\x91\0"),
	  "the server's WebSocket frame has a reserved bit set" },
	{ "opcode 3", false, false, TEXT("\x83\0"),
	  "the server's WebSocket frame is of a kind that does not exist" },
	{ "opcode 11", true, false, TEXT("\x8b\x80" K),
	  "the program's WebSocket frame is of a kind that does not exist" },
	{ "opcode 15", false, false, TEXT("\x8f\0"),
	  "the server's WebSocket frame is of a kind that does not exist" },
	{ "not masked", true, false, TEXT("\x81\1a"),
	  "the program's WebSocket frame is not masked" },
	{ "masked", false, false, TEXT("\x81\x81"), "the server's WebSocket frame is masked" },
	{ "125 in two octets", false, false, TEXT("\x82\x7e\0\x7d"),
	  "the server's WebSocket frame writes its length longer than needed" },
	{ "65535 in eight", true, false, TEXT("\x82\xff\0\0\0\0\0\0\xff\xff" K),
	  "the program's WebSocket frame writes its length longer than needed" },
	{ "2^63", false, false, TEXT("\x82\x7f\x80\0\0\0\0\0\0\0"),
	  "the server's WebSocket frame says that it has 2^63 octets or more" },
	{ "2^63 - 1", false, false,
	  TEXT("\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff"
	       "a"),
	  "binary(a" },
	{ "126 in a Ping", false, false, TEXT("\x89\x7e"),
	  "the server's WebSocket control frame is longer than 125 octets" },
	{ "a Ping in fragments", false, false, TEXT("\x09\1a"),
	  "the server's WebSocket control frame is in fragments" },
	{ "a continuation of nothing", false, false, TEXT("\x81\0\x80\0"),
	  "text() the server's WebSocket frame continues no message" },
	{ "a message within another", true, false, TEXT("\1\x80" K "\x82\x80" K),
	  "text+() the program's WebSocket message begins within another one" },
	{ "a Close of one octet", false, false, TEXT("\x88\1\3"),
	  "the server's WebSocket Close has half a code" },
	{ "text after Close", false, false, TEXT("\x88\0\x81\0"),
	  "close() 1005 the server's WebSocket frame comes after its Close" },
	{ "the rest of a message after Close", false, false, TEXT("\1\0\x88\0\x80\0"),
	  "text+() close() 1005 the server's WebSocket frame comes after its Close" },
	{ "two Closes", true, false, TEXT("\x88\x80" K "\x88\x80" K),
	  "close() 1005 the program's WebSocket frame comes after its Close" },
};

/* play() - cut into pieces of @piece octets */
static void play(const struct row *row, size_t piece)
{
	struct ws_reader r = { .client = row->client, .deflate = row->deflate };
	struct shown shown = { 0 };
	struct span rest = row->input, none = { 0 };
	bool sound = feed(&shown, &r, none);

	while (sound && rest.len > 0) {
		size_t len = piece < rest.len ? piece : rest.len;

		sound = feed(&shown, &r, (struct span){ rest.ptr, len });
		rest = span_drop(rest, len);
	}
	CHECK(strcmp(shown.text, row->shown) == 0, "%s by %zu: \"%s\", not \"%s\"", row->name,
	      piece, shown.text, row->shown);
	CHECK(sound || ws_next(&r, &none, &rest) == WS_REFUSED, "%s: for ever", row->name);
}

static void test_rows(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (size_t piece = 1; piece <= rows[i].input.len + 1; piece++)
			play(&rows[i], piece);
}

static void check_code(unsigned code, bool want)
{
	const char octets[] = { '\x88', 2, (char)(code >> 8), (char)code };
	struct ws_reader r = { 0 };
	struct shown shown = { 0 };
	bool sound = feed(&shown, &r, (struct span){ octets, sizeof(octets) });

	CHECK(sound == want && r.close_code == (want ? code : 0), "%u", code);
	CHECK(sound || r.fault == WS_CLOSE_CODE, "%u", code);
}

static void test_close_codes(void)
{
	static const struct {
		unsigned from, to;
		bool sound;
	} codes[] = {
		{ 0, 999, false },      { 1000, 1003, true },  { 1004, 1006, false },
		{ 1007, 1014, true },   { 1015, 2999, false }, { 3000, 4999, true },
		{ 5000, 65535, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		for (unsigned code = codes[i].from; code <= codes[i].to; code++)
			check_code(code, codes[i].sound);
}

static void check_length(uint64_t length, bool masked)
{
	const struct ws_frame frame = { .opcode = WS_BINARY,
					.fin = true,
					.masked = masked,
					.key = { 9, 8, 7, 6 },
					.length = length };
	struct ws_reader r = { .client = masked };
	char head[WS_HEAD_OCTETS_MAX];
	struct span input = { head, ws_head_write(head, &frame) }, data = { 0 };
	size_t want = length < 126 ? 2 : length < 65536 ? 4 : 10;

	CHECK(input.len == want + (masked ? 4 : 0), "%ju", (uintmax_t)length);
	CHECK(ws_next(&r, &data, &input) == WS_HEAD && input.len == 0 && r.frame.fin, "%ju",
	      (uintmax_t)length);
	CHECK(r.frame.length == length, "%ju", (uintmax_t)length);
	CHECK(!masked || memcmp(r.frame.key, frame.key, sizeof(frame.key)) == 0, "%ju",
	      (uintmax_t)length);
}

/* What is written is read, at each length at which its form changes. */
static void test_lengths(void)
{
	static const uint64_t lengths[] = { 0,        1, 125, 126, 65535, 65536, UINT64_C(1) << 32,
					    INT64_MAX };

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		check_length(lengths[i], false);
		check_length(lengths[i], true);
	}
}

static void test_deflate(void)
{
	static const struct {
		const char *value;
		bool has;
	} values[] = {
		{ "permessage-deflate", true },
		{ "permessage-deflate; client_max_window_bits", true },
		{ "x-a;b=c , Permessage-Deflate ;d", true },
		{ "", false },
		{ "x-permessage-deflate", false },
		{ "permessage-deflate-2", false },
		{ "a; permessage-deflate", false },
		{ ",,;", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		CHECK(ws_has_deflate(span_of(values[i].value)) == values[i].has, "%s",
		      values[i].value);
	CHECK(!ws_has_deflate((struct span){ 0 }), "none");
}

int main(void)
{
	test_rows();
	test_close_codes();
	test_lengths();
	test_deflate();
	return test_failures != 0;
}
