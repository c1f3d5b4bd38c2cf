// SPDX-License-Identifier: Apache-2.0
#include "loop/loop.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/test.h"

struct pair {
	struct loop_source source;
	struct pair *other;
	int calls;
};

static void ready(struct loop_source *source, uint32_t events)
{
	struct pair *p = container_of(source, struct pair, source);

	(void)events;
	p->calls++;
	loop_remove(&p->source);
	loop_remove(&p->other->source); /* may be later in the same batch */
}

static struct loop_timer timers[3];
static char order[4];
static size_t fired_len;

static void fired(struct loop_timer *timer)
{
	order[fired_len++] = (char)('a' + (timer - timers));
}

static struct loop *the_loop;

static void last(struct loop_timer *timer)
{
	fired(timer);
	loop_stop(the_loop, 7);
}

int main(void)
{
	struct pair a = { .source.ready = ready }, b = { .source.ready = ready };
	int fds[2];

	CHECK(loop_new(&the_loop) == 0, "new");
	CHECK(pipe(fds) == 0, "pipe");
	a.other = &b;
	b.other = &a;
	CHECK(loop_add(the_loop, &a.source, fds[1], EPOLLOUT) == 0, "add");
	int copy = dup(fds[1]);
	CHECK(loop_add(the_loop, &b.source, copy, EPOLLOUT) == 0, "add");
	timers[0].fired = last; /* armed last to fire: c, b, a */
	timers[1].fired = fired;
	timers[2].fired = fired;
	loop_arm(the_loop, &timers[0], 3000000);
	loop_arm(the_loop, &timers[1], 2000000);
	loop_arm(the_loop, &timers[2], 1000000);
	fired_len = 0;
	CHECK(loop_run(the_loop) == 7, "result");
	CHECK(a.calls + b.calls == 1, "one removed the other: %d", a.calls + b.calls);
	CHECK(strcmp(order, "cba") == 0, "%s", order);
	loop_free(the_loop);
	return test_failures > 0;
}
