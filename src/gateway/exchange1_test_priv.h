/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exchange1_test_priv - an exchange between two socket pairs, with a warden that answers when the
 * test says so; what the unit test and the fuzz target share.
 */
#ifndef GATEWAY_EXCHANGE1_TEST_PRIV_H
#define GATEWAY_EXCHANGE1_TEST_PRIV_H

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "gateway/exchange1.h"

enum { BENCH_OCTETS = 256 * 1024, BENCH_TEXT_OCTETS = 4096 };

struct bench_text {
	size_t len;
	char at[BENCH_TEXT_OCTETS];
};

struct bench_octets {
	size_t len;
	char at[BENCH_OCTETS];
};

struct bench {
	struct loop *loop;
	struct loop_timer turn;
	struct ends ends;
	struct exchange1 x;
	int program, server;                       /* the far ends */
	struct bench_octets to_program, to_server; /* what came there */
	bool program_ended, server_ended;          /* and was that all? */
	bool program_reset, server_reset;
	struct exchange1_caps caps;    /* of each verdict */
	bool asking;                   /* a verdict is awaited */
	struct span secrets;           /* of verdicts that allow; borrowed */
	struct bench_text asked, told; /* a line each: what was asked; ends and refusals */
	bool over, clean;
};

static inline void bench_say(struct bench_text *text, const char *line)
{
	size_t len = strlen(line);

	if (text->len + len >= sizeof(text->at))
		return;
	memcpy(text->at + text->len, line, len + 1);
	text->len += len;
}

static inline void bench_ask(struct exchange1 *x, struct span what, bool websocket)
{
	struct bench *b = container_of(x, struct bench, x);
	char line[256];

	assert(!b->asking && !b->over);
	b->asking = true;
	snprintf(line, sizeof(line), "%s%.*s\n", websocket ? "websocket " : "",
		 (int)(what.len < 200 ? what.len : 200), what.ptr);
	bench_say(&b->asked, line);
}

static inline void bench_ended(struct exchange1 *x, const struct exchange1_end *end)
{
	const struct gate_socket_way *up = &end->socket.up, *down = &end->socket.down;
	char line[128], socket[64] = "";

	if (end->websocket)
		snprintf(socket, sizeof(socket), " %d/%d/%d/%u %d/%d/%d/%u", (int)up->frames,
			 (int)up->messages, (int)up->octets, up->close_code, (int)down->frames,
			 (int)down->messages, (int)down->octets, down->close_code);
	snprintf(line, sizeof(line), "%u %s %llu/%llu%s\n", end->status,
		 end->clean     ? "clean"
		 : end->blocked ? "blocked"
				: "broken",
		 (unsigned long long)end->up, (unsigned long long)end->down, socket);
	bench_say(&container_of(x, struct bench, x)->told, line);
}

static inline void bench_refused(struct exchange1 *x, unsigned status, const char *why)
{
	char line[32];

	assert(why != NULL && *why != '\0');
	snprintf(line, sizeof(line), "refused %u\n", status);
	bench_say(&container_of(x, struct bench, x)->told, line);
}

static inline void bench_over(struct exchange1 *x, bool clean)
{
	struct bench *b = container_of(x, struct bench, x);

	assert(!b->over);
	b->over = true;
	b->clean = clean;
	if (clean)
		ends_finish(&b->ends);
	else
		ends_reset(&b->ends);
}

static inline void bench_again(struct exchange1 *x)
{
	(void)exchange1_step(x);
}

static inline void bench_ready(struct ends *ends)
{
	(void)exchange1_step(&container_of(ends, struct bench, ends)->x);
}

static inline void bench_turn_over(struct loop_timer *timer)
{
	loop_stop(container_of(timer, struct bench, turn)->loop, 0);
}

/* bench_take() - all that came on @fd */
static inline void bench_take(struct bench_octets *to, bool *ended, bool *reset, int fd)
{
	while (fd >= 0 && !*ended && !*reset) {
		ssize_t n = recv(fd, to->at + to->len, sizeof(to->at) - to->len, MSG_DONTWAIT);

		if (n > 0)
			to->len += (size_t)n;
		else if (n == 0 && to->len < sizeof(to->at))
			*ended = true;
		else if (n < 0 && errno == ECONNRESET)
			*reset = true;
		if (n <= 0)
			return;
	}
}

/* bench_spin() - until nothing moves any more, as far as some turns of the loop show that */
static inline void bench_spin(struct bench *b, int turns)
{
	b->turn.fired = bench_turn_over;
	for (int i = 0; i < turns; i++) {
		loop_arm(b->loop, &b->turn, 0);
		assert(loop_run(b->loop) == 0);
		bench_take(&b->to_program, &b->program_ended, &b->program_reset, b->program);
		bench_take(&b->to_server, &b->server_ended, &b->server_reset, b->server);
	}
}

static inline void bench_pair(int *ret_far, int *ret_near)
{
	int pair[2] = { -1, -1 };

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		assert(false);
	*ret_far = pair[0];
	*ret_near = pair[1];
}

static inline void bench_begin(struct bench *b, const struct exchange1_host *host, bool raw)
{
	static const struct exchange1_owner owner = { bench_ask, bench_ended, bench_refused,
						      bench_over, bench_again };
	int inside = -1, upstream = -1;

	b->to_program.len = b->to_server.len = b->asked.len = b->told.len = 0;
	b->asked.at[0] = b->told.at[0] = '\0';
	b->asking = b->over = b->clean = false;
	b->program_ended = b->server_ended = b->program_reset = b->server_reset = false;
	b->ends = (struct ends){ .ready = bench_ready };
	if (b->loop == NULL && loop_new(&b->loop) < 0)
		assert(false);
	bench_pair(&b->program, &inside);
	bench_pair(&b->server, &upstream);
	if (ends_open(&b->ends, b->loop, inside, upstream) < 0)
		assert(false);
	b->x = (struct exchange1){
		.ends = &b->ends, .loop = b->loop, .owner = &owner, .host = *host, .raw = raw
	};
	exchange1_start(&b->x);
	(void)exchange1_step(&b->x);
}

static inline void bench_verdict(struct bench *b, unsigned status)
{
	b->asking = false;
	b->x.caps = b->caps;
	exchange1_verdict(&b->x, status, status == 0 ? b->secrets : span_of("because"));
	(void)exchange1_step(&b->x);
}

static inline void bench_end(struct bench *b)
{
	if (!b->over) {
		exchange1_stop(&b->x);
		ends_reset(&b->ends);
	}
	fd_close(&b->program);
	fd_close(&b->server);
}

/* bench_send() - from a far end, whatever becomes of it */
static inline void bench_send(int fd, struct span data)
{
	if (data.len > 0)
		(void)!send(fd, data.ptr, data.len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

#endif
