// SPDX-License-Identifier: Apache-2.0
/* What a program or a server does that no library would: frames by hand, ends that take nothing. */
#include <stdlib.h>

#include "base/fd.h"
#include "base/test.h"
#include "gateway/exchange2_far_priv.h"

enum { TURNS = 10, TURN_NS = 500 * 1000, VALUE_OCTETS = 8180, VALUES = 8 };

static struct {
	struct loop *loop;
	struct loop_timer turn;
	struct ends ends;
	struct exchange2 x;
	struct far far[TLS_SIDES];
	struct span secrets;
	unsigned steps, asks;
	struct exchange1_end end;
	bool over;
	nghttp2_hd_inflater *unpacks;
	unsigned values; /* that it got */
} b;

static bool asked(struct exchange2_stream *stream, struct span what, bool websocket)
{
	(void)what;
	(void)websocket;
	b.asks++;
	exchange2_verdict(stream, 0, b.secrets);
	return true;
}

static void left(struct exchange2_stream *stream)
{
	(void)stream;
}

static void ended(struct exchange2_stream *stream, const struct exchange1_end *end)
{
	(void)stream;
	b.end = *end;
}

static void refused(struct exchange2 *exchange, unsigned status, const char *why)
{
	(void)exchange;
	(void)status;
	(void)why;
}

static void over(struct exchange2 *exchange, bool clean)
{
	(void)exchange;
	(void)clean;
	b.over = true;
}

static void again(struct exchange2 *exchange)
{
	b.steps++;
	(void)exchange2_step(exchange);
}

static void ready(struct ends *ends)
{
	(void)ends;
	if (!b.over)
		again(&b.x);
}

static const struct exchange2_owner owner = { asked, left, ended, refused, over, again };

static void turn_over(struct loop_timer *timer)
{
	(void)timer;
	loop_stop(b.loop, 0);
}

static void unpack(struct span block, bool last)
{
	int flags = 0;
	nghttp2_nv field;

	while (block.len > 0) {
		ssize_t n = nghttp2_hd_inflate_hd2(b.unpacks, &field, &flags,
						   (const uint8_t *)block.ptr, block.len, last);

		CHECK(n >= 0, "HPACK");
		if (n <= 0)
			return;
		block = span_drop(block, (size_t)n);
		b.values +=
		    (flags & NGHTTP2_HD_INFLATE_EMIT) != 0 && field.valuelen == VALUE_OCTETS;
	}
}

static void take_frame(struct far *far, struct span frame)
{
	unsigned type = (uint8_t)frame.ptr[3];

	if (far != &b.far[TLS_UPSTREAM] ||
	    (type != NGHTTP2_HEADERS && type != NGHTTP2_CONTINUATION))
		return;
	unpack(span_drop(frame, FAR_FRAME_HEAD_OCTETS),
	       (frame.ptr[4] & NGHTTP2_FLAG_END_HEADERS) != 0);
}

static void spin(int turns)
{
	b.turn.fired = turn_over;
	for (int i = 0; i < turns; i++) {
		loop_arm(b.loop, &b.turn, TURN_NS);
		CHECK(loop_run(b.loop) == 0, "loop");
		far_take(&b.far[TLS_INSIDE], false, take_frame);
		far_take(&b.far[TLS_UPSTREAM], true, take_frame);
	}
}

/* begin() - @least: the kernel keeps as little as it can for the server */
static void begin(struct span secrets, bool least)
{
	const int room = 1;
	int inside[2] = { -1, -1 }, outside[2] = { -1, -1 };

	memset(&b, 0, sizeof(b));
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, inside) == 0 &&
		  socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, outside) == 0 &&
		  loop_new(&b.loop) == 0 && nghttp2_hd_inflate_new(&b.unpacks) == 0,
	      "set-up");
	if (least)
		(void)setsockopt(outside[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	b.far[TLS_INSIDE].fd = inside[1];
	b.far[TLS_UPSTREAM].fd = outside[1];
	b.secrets = secrets;
	b.ends.ready = ready;
	CHECK(ends_open(&b.ends, b.loop, inside[0], outside[0]) == 0, "ends");
	b.x = (struct exchange2){ .ends = &b.ends,
				  .loop = b.loop,
				  .owner = &owner,
				  .host = { "lab.test", 80, false },
				  .secrets = secrets.len > 0 };
	CHECK(exchange2_start(&b.x, (struct span){ 0 }) == 0, "start");
	far_send(&b.far[TLS_INSIDE], NGHTTP2_CLIENT_MAGIC, FAR_MAGIC_OCTETS);
	for (int i = 0; i < TLS_SIDES; i++)
		far_frame(&b.far[i], NGHTTP2_SETTINGS, 0, 0, (struct span){ 0 });
	(void)exchange2_step(&b.x);
	spin(TURNS);
}

static void finish(void)
{
	if (!b.over)
		exchange2_stop(&b.x);
	ends_reset(&b.ends);
	CHECK(exchange2_waiting_octets() == 0, "%zu octets wait", exchange2_waiting_octets());
	fd_close(&b.far[TLS_INSIDE].fd);
	fd_close(&b.far[TLS_UPSTREAM].fd);
	nghttp2_hd_inflate_del(b.unpacks);
	loop_disarm(&b.turn);
	loop_free(b.loop);
}

/* The program is seen off, and the server has not taken all: what is left goes out when there is room, and nobody
 * is busy until then or afterwards. */
static void test_seeing_off(void)
{
	begin((struct span){ 0 }, true);
	b.far[TLS_UPSTREAM].deaf = true;
	far_head(&b.far[TLS_INSIDE], 1, 0, false, false,
		 ":method=POST\n:scheme=http\n:authority=lab.test\n:path=/\n");
	far_data(&b.far[TLS_INSIDE], 1, 16000, "b", false, false);
	spin(TURNS);
	CHECK(b.asks == 1 && buf_len(&b.ends.left[TLS_UPSTREAM]) > 0, "%u", b.asks);
	far_frame(&b.far[TLS_INSIDE], NGHTTP2_PING, 0, 0, SPAN("not eight"));
	spin(TURNS);
	CHECK(b.x.seeing_off && !b.over, "it was an error of the connection");
	b.far[TLS_UPSTREAM].deaf = false;
	unsigned before = b.steps;
	spin(TURNS);
	CHECK(b.steps - before < 2 * TURNS, "%u steps for nothing", b.steps - before);
	CHECK(buf_len(&b.ends.left[TLS_UPSTREAM]) == 0, "%zu octets left",
	      buf_len(&b.ends.left[TLS_UPSTREAM]));
	(void)shutdown(b.far[TLS_INSIDE].fd, SHUT_WR);
	spin(TURNS);
	CHECK(b.over, "over");
	finish();
}

/* A head that its secrets make longer than 64 KiB goes out. */
static void test_long_head(void)
{
	static char value[VALUE_OCTETS], data[SUBSTITUTION_HEAD_OCTETS + VALUE_OCTETS];
	const struct substitutions list = {
		1, { { SUBSTITUTION_HEADER, SPAN(FAR_PLACEHOLDER), { value, sizeof(value) } } }
	};
	char text[1024];
	size_t len = 0;
	int n = snprintf(text, sizeof(text),
			 ":method=GET\n:scheme=http\n:authority=lab.test\n:path=/\n");

	memset(value, 'v', sizeof(value));
	CHECK(substitutions_encode(&len, data, sizeof(data), &list) == 0, "encode");
	begin((struct span){ data, len }, false);
	for (int i = 0; i < VALUES; i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "x=%s\n", FAR_PLACEHOLDER);
	far_head(&b.far[TLS_INSIDE], 1, NGHTTP2_FLAG_END_STREAM, false, false, text);
	spin(TURNS);
	CHECK(b.asks == 1 && b.values == VALUES, "%u values; %s", b.values,
	      b.end.why != NULL ? b.end.why : "");
	finish();
}

int main(void)
{
	test_long_head();
	test_seeing_off();
	return test_failures > 0;
}
