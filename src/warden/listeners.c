// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: one dump of IPv4, then one of IPv6, 60 us together; what they say becomes a set
 * of ports, so that ten thousand listeners cost no more room than one. A long answer is read in
 * pieces, some each turn; one that does not end is given up, and asked for again.
 */
#include "warden/listeners.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "jail/capture.h"
#include "wire/diag.h"

static const int64_t TURN_NS = 250000000;
enum {
	READS_A_TURN = 8, /* datagrams: some 2000 listeners */
	TURNS_MAX = 80,   /* for an answer */
};

/* is_reached() - does a published port lead to it? */
static bool is_reached(const struct diag_listener *at)
{
	static const uint8_t zeros[16], v6[16] = { [15] = 1 };
	static const uint8_t mapped[12] = { [10] = 0xff, 0xff };
	const uint8_t *v4 = at->address + (at->family == 6 ? 12 : 0);

	if (at->port == CAPTURE_TCP_PORT) /* ours */
		return false;
	if (at->family == 6 && memcmp(at->address, zeros, 16) != 0 &&
	    memcmp(at->address, mapped, 12) != 0)
		return memcmp(at->address, v6, 16) == 0;
	return memcmp(v4, zeros, 4) == 0 || memcmp(v4, (const uint8_t[]){ 127, 0, 0, 1 }, 4) == 0;
}

/* read_some() - Return: DIAG_DONE; DIAG_FAILED; DIAG_NOTHING: there is more to come */
static enum diag_item read_some(struct listeners *listeners)
{
	static char text[DIAG_DATAGRAM_OCTETS];
	enum diag_item item = DIAG_NOTHING;

	for (int i = 0; i < READS_A_TURN; i++) {
		struct diag_listener at;
		ssize_t n = recv(listeners->diag, text, sizeof(text), MSG_DONTWAIT);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? DIAG_NOTHING : DIAG_FAILED;
		struct span rest = { text, (size_t)n };
		while ((item = diag_next(&at, &rest, listeners->id)) == DIAG_LISTENER)
			if (is_reached(&at))
				listeners->ports[at.port / 8] |= (uint8_t)(1U << at.port % 8);
		if (item != DIAG_NOTHING)
			return item;
	}
	return DIAG_NOTHING;
}

/* ask() - Return: DIAG_NOTHING: an answer comes; DIAG_FAILED */
static enum diag_item ask(struct listeners *listeners, uint8_t family)
{
	char text[DIAG_ASK_OCTETS];

	listeners->family = family;
	diag_ask(text, family, ++listeners->id);
	return send(listeners->diag, text, sizeof(text), MSG_DONTWAIT) == sizeof(text)
		   ? DIAG_NOTHING
		   : DIAG_FAILED;
}

static void timer_fired(struct loop_timer *timer)
{
	struct listeners *listeners = container_of(timer, struct listeners, timer);
	enum diag_item item = DIAG_NOTHING;

	loop_arm(listeners->loop, timer, TURN_NS);
	if (listeners->family == 0) {
		memset(listeners->ports, 0, sizeof(listeners->ports));
		listeners->turns = 0;
		item = ask(listeners, 4);
	}
	if (item == DIAG_NOTHING)
		item = read_some(listeners);
	if (item == DIAG_DONE && listeners->family == 4) {
		item = ask(listeners, 6);
		if (item == DIAG_NOTHING)
			item = read_some(listeners);
	}
	if (item == DIAG_NOTHING && listeners->turns++ < TURNS_MAX)
		return;
	listeners->family = 0;
	if (item == DIAG_DONE)
		listeners->seen(listeners->context, listeners); /* may stop it */
}

void listeners_start(struct listeners *listeners, struct loop *loop, int diag,
		     void (*seen)(void *context, const struct listeners *listeners), void *context)
{
	*listeners = (struct listeners){ .loop = loop,
					 .timer = { .fired = timer_fired },
					 .diag = diag,
					 .seen = seen,
					 .context = context };
	loop_arm(loop, &listeners->timer, TURN_NS);
}

void listeners_stop(struct listeners *listeners)
{
	loop_disarm(&listeners->timer);
	fd_close(&listeners->diag);
}
