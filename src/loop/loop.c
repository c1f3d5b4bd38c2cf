// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: epoll hands out a batch of events; a callback may remove (and free) a source
 * that is later in the same batch, so loop_remove() strikes it from the batch. Timers are few (one a
 * sandbox, one an exec), so a sorted list serves.
 */
#include "loop/loop.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fd.h"

enum { BATCH_EVENTS = 32 };

struct loop {
	int epoll;
	bool stopped;
	int result;
	struct loop_timer *timers; /* sorted by deadline */
	int batch_len;
	struct epoll_event batch[BATCH_EVENTS];
};

int loop_new(struct loop **ret)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (loop == NULL)
		return -ENOMEM;
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll < 0) {
		free(loop);
		return -errno;
	}
	*ret = loop;
	return 0;
}

void loop_free(struct loop *loop)
{
	if (loop == NULL)
		return;
	fd_close(&loop->epoll);
	free(loop);
}

int loop_add(struct loop *loop, struct loop_source *source, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = source };

	assert(source->ready != NULL);
	if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		return -errno;
	source->loop = loop;
	source->fd = fd;
	source->events = events;
	return 0;
}

void loop_change(struct loop_source *source, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = source };

	if (source->loop == NULL || source->events == events)
		return;
	int r = epoll_ctl(source->loop->epoll, EPOLL_CTL_MOD, source->fd, &event);
	assert(r == 0); /* the source is in this epoll and its descriptor open, or it is our bug */
	(void)r;
	source->events = events;
}

void loop_remove(struct loop_source *source)
{
	struct loop *loop = source->loop;

	if (loop == NULL)
		return;
	(void)epoll_ctl(loop->epoll, EPOLL_CTL_DEL, source->fd, NULL);
	for (int i = 0; i < loop->batch_len; i++)
		if (loop->batch[i].data.ptr == source)
			loop->batch[i].data.ptr = NULL;
	source->loop = NULL;
	source->fd = -1;
}

void loop_arm(struct loop *loop, struct loop_timer *timer, int64_t delay_ns)
{
	struct loop_timer **at = &loop->timers;

	loop_disarm(timer);
	timer->loop = loop;
	timer->deadline_ns = clock_mono_ns() + delay_ns;
	while (*at != NULL && (*at)->deadline_ns <= timer->deadline_ns)
		at = &(*at)->next;
	timer->next = *at;
	*at = timer;
}

void loop_disarm(struct loop_timer *timer)
{
	if (timer->loop == NULL)
		return;
	for (struct loop_timer **at = &timer->loop->timers; *at != NULL; at = &(*at)->next)
		if (*at == timer) {
			*at = timer->next;
			break;
		}
	timer->loop = NULL;
	timer->next = NULL;
	timer->deadline_ns = 0;
}

/* next_wait_ms() - how long epoll may sleep: until the first timer, rounded up; -1: for ever */
static int next_wait_ms(const struct loop *loop)
{
	if (loop->timers == NULL)
		return -1;
	int64_t wait_ns = loop->timers->deadline_ns - clock_mono_ns();
	if (wait_ns <= 0)
		return 0;
	int64_t wait_ms = (wait_ns + 999999) / 1000000;
	return wait_ms > 3600000 ? 3600000 : (int)wait_ms;
}

static void fire_timers(struct loop *loop)
{
	int64_t now = loop->timers != NULL ? clock_mono_ns() : 0;

	while (!loop->stopped && loop->timers != NULL && loop->timers->deadline_ns <= now) {
		struct loop_timer *timer = loop->timers;

		loop_disarm(timer);
		timer->fired(timer);
	}
}

int loop_run(struct loop *loop)
{
	loop->stopped = false;
	while (!loop->stopped) {
		int n = epoll_wait(loop->epoll, loop->batch, BATCH_EVENTS, next_wait_ms(loop));

		if (n < 0 && errno != EINTR)
			return -errno;
		loop->batch_len = n < 0 ? 0 : n;
		for (int i = 0; i < loop->batch_len && !loop->stopped; i++) {
			struct loop_source *source = loop->batch[i].data.ptr;

			if (source != NULL)
				source->ready(source, loop->batch[i].events);
		}
		loop->batch_len = 0;
		fire_timers(loop);
	}
	return loop->result;
}

void loop_stop(struct loop *loop, int result)
{
	loop->stopped = true;
	loop->result = result;
}
