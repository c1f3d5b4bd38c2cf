// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: requests stand in one line. Those at its front, WINDOW at most, were sent; as
 * answers come in the order of requests, each is for the first. A cancelled one that was sent stays
 * there until its answer came, and nobody is told.
 *
 * When immure-authority dies, what was sent is sent again to its successor, after a while. One that
 * dies ATTEMPTS times without an answer cannot be helped: whoever waits is refused, and for another
 * while whoever asks, for programs inside could have us start processes without end.
 */
#include "warden/minter.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "warden/sibling.h"
#include "warden/trust.h"

static const int64_t RETRY_NS = 100000000, GIVE_UP_NS = 2000000000;
enum {
	WINDOW = 32, /* their answers together fit into any socket's buffer */
	ATTEMPTS = 3,
};

struct minter_request {
	struct minter *minter;
	struct minter_request *next;
	bool sent;
	void (*done)(void *context, struct span der); /* NULL: cancelled */
	void *context;
	size_t len; /* octets of packet */
	char packet[LEAF_REQUEST_OCTETS_MAX];
};

struct minter {
	struct loop *loop;
	int home; /* owned */
	int fd;   /* owned: our end of its channel; -1: not started */
	pid_t pid;
	struct loop_source channel;
	struct loop_timer retry;
	unsigned failures;       /* deaths since the last answer */
	int64_t refuse_until_ns; /* on clock_mono_ns() */
	struct minter_request *first, **end;
	size_t len, sent;
};

int minter_new(struct minter **ret, struct loop *loop, int home)
{
	struct minter *minter = calloc(1, sizeof(*minter));

	if (minter == NULL)
		return -ENOMEM;
	*minter = (struct minter){ .loop = loop, .fd = -1, .end = &minter->first };
	minter->home = fcntl(home, F_DUPFD_CLOEXEC, 0);
	if (minter->home < 0) {
		int r = -errno;

		free(minter);
		return r;
	}
	*ret = minter;
	return 0;
}

/* take_out() - @request out of the line; it is the caller's then */
static void take_out(struct minter *minter, struct minter_request *request)
{
	struct minter_request **at = &minter->first;

	while (*at != request)
		at = &(*at)->next;
	*at = request->next;
	if (minter->end == &request->next)
		minter->end = at;
	minter->len--;
	minter->sent -= request->sent;
}

/* finish() - the first one has its answer */
static void finish(struct minter *minter, struct span der)
{
	struct minter_request *request = minter->first;

	take_out(minter, request);
	if (request->done != NULL)
		request->done(request->context, der);
	free(request);
}

/* send_some() - as many as may be under way. Return: 0 or -errno: it is gone. */
static int send_some(struct minter *minter)
{
	for (struct minter_request *q = minter->first; q != NULL && minter->sent < WINDOW;
	     q = q->next) {
		if (q->sent)
			continue;
		int r = fd_send(minter->fd, (struct span){ q->packet, q->len }, NULL, 0);
		if (r == -EAGAIN && minter->sent > 0)
			return 0; /* its next answer makes room */
		if (r < 0)
			return r;
		q->sent = true;
		minter->sent++;
	}
	return 0;
}

/* stop() - end the process; what was sent to it was not */
static void stop(struct minter *minter)
{
	struct minter_request *next = NULL;

	loop_remove(&minter->channel);
	fd_close(&minter->fd);
	if (minter->pid > 0) {
		(void)kill(minter->pid, SIGKILL);
		while (waitpid(minter->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	minter->pid = 0;
	for (struct minter_request *q = minter->first; q != NULL; q = next) {
		next = q->next;
		if (q->sent)
			minter->sent--;
		q->sent = false;
		if (q->done == NULL) {
			take_out(minter, q);
			free(q);
		}
	}
}

/* lose() - it died, says what it never says, or could not be started */
static void lose(struct minter *minter)
{
	stop(minter);
	if (minter->first == NULL)
		return; /* nobody waits; the next who asks starts it */
	if (++minter->failures < ATTEMPTS) {
		loop_arm(minter->loop, &minter->retry, RETRY_NS);
		return;
	}
	minter->failures = 0;
	minter->refuse_until_ns = clock_mono_ns() + GIVE_UP_NS;
	while (minter->first != NULL)
		finish(minter, SPAN(""));
}

/* take_answer() - Return: 0; -EAGAIN: there is none; else it is to be ended */
static int take_answer(struct minter *minter)
{
	static char packet[LEAF_ANSWER_OCTETS_MAX + 1]; /* done() gets it; one thread */
	int fds[FD_PASS_MAX];
	size_t len = 0, count = 0;
	struct span der = { 0 };
	int r = fd_recv(&len, minter->fd, packet, sizeof(packet), fds, &count);

	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++)
		fd_close(&fds[i]);
	if (len == 0)
		return -ECONNRESET;
	r = leaf_answer_decode(&der, (struct span){ packet, len });
	if (r < 0 || minter->sent == 0)
		return -EPROTO;
	minter->failures = 0;
	finish(minter, der);
	return 0;
}

static void channel_ready(struct loop_source *source, uint32_t events)
{
	struct minter *minter = container_of(source, struct minter, channel);
	int r = 0;

	(void)events;
	for (int i = 0; r == 0 && i < WINDOW; i++)
		r = take_answer(minter);
	if (r == 0 || r == -EAGAIN)
		r = send_some(minter);
	if (r < 0)
		lose(minter);
}

/* spawn() - the process and its channel. Return: 0 or -errno. */
static int spawn(struct minter *minter)
{
	struct diag ignored;
	CLEANUP_FD int folder = -1;
	int pair[2];
	int r = trust_folder(&folder, minter->home, &ignored);

	if (r < 0)
		return r;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	const int fds[] = { pair[1], folder };
	minter->fd = pair[0];
	r = sibling_start(&minter->pid, LEAF_PROGRAM, LEAF_SERVE, fds, ARRAY_SIZE(fds));
	fd_close(&pair[1]);
	return r;
}

static void start(struct loop_timer *timer)
{
	struct minter *minter = container_of(timer, struct minter, retry);
	int r = spawn(minter);

	if (r == 0) {
		minter->channel.ready = channel_ready;
		r = loop_add(minter->loop, &minter->channel, minter->fd, EPOLLIN);
	}
	if (r == 0)
		r = send_some(minter);
	if (r < 0)
		lose(minter);
}

/* go_on() - after an ask. Only the loop tells of a failure, since done() may not be called yet. */
static void go_on(struct minter *minter)
{
	if (minter->fd >= 0) {
		/* a channel that broke shows in the loop as well */
		(void)!send_some(minter);
	} else if (minter->retry.deadline_ns == 0) {
		minter->retry.fired = start;
		loop_arm(minter->loop, &minter->retry, 0);
	}
}

int minter_ask(struct minter_request **ret, struct minter *minter, const struct net_name *name,
	       const uint8_t key[LEAF_KEY_OCTETS], void (*done)(void *context, struct span der),
	       void *context)
{
	const struct leaf_request leaf = { { name->text, name->len }, key };

	if (clock_mono_ns() < minter->refuse_until_ns)
		return -ENOTCONN;
	if (minter->len >= MINTER_WAITING_MAX)
		return -ENOBUFS;
	struct minter_request *request = calloc(1, sizeof(*request));
	if (request == NULL)
		return -ENOMEM;
	int r = leaf_request_encode(&request->len, request->packet, &leaf);
	if (r < 0) {
		free(request);
		return r;
	}
	request->minter = minter;
	request->done = done;
	request->context = context;
	*minter->end = request;
	minter->end = &request->next;
	minter->len++;
	*ret = request;
	go_on(minter);
	return 0;
}

void minter_cancel(struct minter_request *request)
{
	if (request == NULL)
		return;
	if (request->sent) {
		request->done = NULL;
		return;
	}
	take_out(request->minter, request);
	free(request);
}

void minter_free(struct minter *minter)
{
	if (minter == NULL)
		return;
	loop_disarm(&minter->retry);
	stop(minter);
	while (minter->first != NULL) {
		struct minter_request *request = minter->first;

		take_out(minter, request);
		free(request);
	}
	fd_close(&minter->home);
	free(minter);
}
