/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop - one epoll loop a process: descriptors and timers call back, nothing else runs.
 *
 * Sources and timers are embedded in their owner's struct; the loop allocates nothing for them and
 * owns none. A callback may add, change and remove any source or timer, its own included, and may
 * free the memory of what it removed: the loop does not touch it again.
 */
#ifndef LOOP_LOOP_H
#define LOOP_LOOP_H

#include <stdint.h>
#include <sys/epoll.h>

#include "base/base.h"

struct loop;

struct loop_source {
	int fd;          /* borrowed; -1: not in the loop */
	uint32_t events; /* EPOLLIN ..., level-triggered */
	void (*ready)(struct loop_source *source, uint32_t events);
	struct loop *loop; /* set by loop_add() */
};

struct loop_timer {
	int64_t deadline_ns; /* on clock_mono_ns(); 0: not armed */
	void (*fired)(struct loop_timer *timer);
	struct loop *loop;
	struct loop_timer *next;
};

/* loop_new() - @ret: owned by the caller. Return: 0, -ENOMEM, or epoll_create1's -errno. */
MUST_USE int loop_new(struct loop **ret);
void loop_free(struct loop *loop); /* NULL is fine */
DEFINE_FREEP(struct loop, loop_free)

/* loop_add() - watch @fd (borrowed) for @events; source->ready must be set. Return: 0 or -errno. */
MUST_USE int loop_add(struct loop *loop, struct loop_source *source, int fd, uint32_t events);

/* loop_change() - watch for @events from now on; 0 waits for errors and hang-up alone */
void loop_change(struct loop_source *source, uint32_t events);

/* loop_remove() - stop watching; the descriptor stays open. Fine for a source that is not added. */
void loop_remove(struct loop_source *source);

/* loop_arm() - call timer->fired once, @delay_ns from now; re-arms one that is armed */
void loop_arm(struct loop *loop, struct loop_timer *timer, int64_t delay_ns);
void loop_disarm(struct loop_timer *timer);

/* loop_run() - dispatch until loop_stop(). Return: what loop_stop() was given, or epoll's -errno. */
MUST_USE int loop_run(struct loop *loop);
void loop_stop(struct loop *loop, int result);

#endif
