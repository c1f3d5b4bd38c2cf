// SPDX-License-Identifier: Apache-2.0
/* Each row is cut at every octet, with much room and with little: the messages that come out do not mind. */
#include "gateway/websocket_change.h"

#include "base/test.h"
#include "wire/ws_frame.h"

#define TEXT(literal)                          \
	{                                      \
		(literal), sizeof(literal) - 1 \
	}
#define VALUE       "sk/9"
#define PLACEHOLDER "IMMURE_SECRET_aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbb"

enum { LITTLE = 200, SHOWN_OCTETS = 1024 };

static const struct row {
	const char *name;
	struct span in;
	const char *messages; /* "kind:text;" each, control frames where they came */
} rows[] = {
	{ "nothing", TEXT("\x81\5hello"), "1:hello;" },
	{ "empty", TEXT("\x81\0\x89\0\2\0\x80\0"), "1:;9:;2:;" },
	{ "a value", TEXT("\x81\6<" VALUE ">"), "1:<" PLACEHOLDER ">;" },
	{ "%-encoded", TEXT("\x82\6sk%2F9"), "2:" PLACEHOLDER ";" },
	{ "in three fragments",
	  TEXT("\1\3<sk\0\1/\x80\2"
	       "9>"),
	  "1:<" PLACEHOLDER ">;" },
	{ "with a Ping within", TEXT("\1\3<sk\x89\2hi\x80\3/9>"), "9:hi;1:<" PLACEHOLDER ">;" },
	{ "begins, and ends otherwise", TEXT("\x81\3sk/\x81\3x/9"), "1:sk/;1:x/9;" },
	{ "some", TEXT("\x81\x0c" VALUE VALUE VALUE "\x82\1x"),
	  "1:" PLACEHOLDER PLACEHOLDER PLACEHOLDER ";2:x;" },
	{ "in a Ping", TEXT("\x89\4" VALUE "\x8a\2ok"), "9:;10:ok;" },
	{ "in a Close", TEXT("\x88\6\3\xe8" VALUE), "8:\3\xe8;" },
	{ "a Close",
	  TEXT("\x88\4\3\xe8"
	       "by"),
	  "8:\3\xe8"
	  "by;" },
};

static char shown[SHOWN_OCTETS];

static void show(const char *text, size_t len)
{
	size_t used = strlen(shown);

	if (len < sizeof(shown) - used) {
		memcpy(shown + used, text, len);
		shown[used + len] = '\0';
	}
}

/* What came out, read by our own reader. */
struct reading {
	struct ws_reader reader;
	enum ws_opcode opcode;      /* of the message under way */
	char message[SHOWN_OCTETS]; /* what came of it */
	size_t len;
	char control[WS_CONTROL_OCTETS_MAX];
	size_t control_len;
};

static void show_message(enum ws_opcode opcode, const char *text, size_t len)
{
	char kind[16];

	show(kind, (size_t)snprintf(kind, sizeof(kind), "%d:", (int)opcode));
	show(text, len);
	show(";", 1);
}

static void take(struct reading *r, enum ws_step step, struct span data)
{
	const struct ws_frame *frame = &r->reader.frame;
	bool control = ws_is_control(frame->opcode);
	char *text = control ? r->control : r->message;
	size_t *len = control ? &r->control_len : &r->len;

	if (step == WS_HEAD && !control && frame->opcode != WS_CONTINUATION)
		r->opcode = frame->opcode;
	if (step == WS_DATA) {
		memcpy(text + *len, data.ptr, data.len);
		*len += data.len;
	}
	if (step == WS_DONE && frame->fin) {
		show_message(control ? frame->opcode : r->opcode, text, *len);
		*len = 0;
	}
}

static void read_out(struct reading *r, const char *name, struct span out)
{
	enum ws_step step = WS_MORE;
	struct span data = { 0 };

	while ((step = ws_next(&r->reader, &data, &out)) != WS_MORE && step != WS_REFUSED)
		take(r, step, data);
	CHECK(step == WS_MORE, "%s: %s", name, ws_fault_text(r->reader.fault, false));
}

static struct inject *make_inject(void)
{
	const struct substitutions list = { 1, { { 1, SPAN(PLACEHOLDER), SPAN(VALUE) } } };
	struct inject *inject = NULL;
	char data[128];
	size_t len = 0;

	CHECK(substitutions_encode(&len, data, sizeof(data), &list) == 0 &&
		  inject_new(&inject, (struct span){ data, len }) == 0,
	      "secrets");
	return inject;
}

/* turn() - @in goes in. Return: octets of it that are left */
static size_t turn(struct websocket_change *change, struct reading *reading, const char *name,
		   struct span in, size_t size)
{
	char octets[1024];
	struct inject_room room = { .ptr = octets, .size = size };

	CHECK(websocket_change(change, &room, &in) == 0, "%s", name);
	read_out(reading, name, (struct span){ octets, room.used });
	return in.len;
}

/* play() - in pieces of @piece octets, with room for @size */
static void play(const struct inject *inject, const struct row *row, size_t piece, size_t size)
{
	struct websocket_change *change = websocket_change_new(inject);
	struct reading reading = { 0 };
	size_t at = 0, left = 0;

	shown[0] = '\0';
	if (change == NULL)
		return;
	for (int turns = 0; turns < 1000 && (at < row->in.len || left > 0); turns++) {
		size_t more = row->in.len - at < piece ? row->in.len - at : piece;
		struct span in = { row->in.ptr + at - left, left + more };

		left = turn(change, &reading, row->name, in, size);
		at += more;
	}
	for (int turns = 0; turns < 1000 && websocket_change_waits(change); turns++)
		CHECK(turn(change, &reading, row->name, (struct span){ 0 }, size) == 0, "left");
	CHECK(strcmp(shown, row->messages) == 0, "%s by %zu in %zu: %s", row->name, piece, size,
	      shown);
	websocket_change_free(change);
}

int main(void)
{
	struct inject *inject = make_inject();

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (size_t piece = 1; piece <= rows[i].in.len; piece++) {
			play(inject, &rows[i], piece, LITTLE);
			play(inject, &rows[i], piece, 1024);
		}
	inject_free(inject);
	return test_failures > 0;
}
