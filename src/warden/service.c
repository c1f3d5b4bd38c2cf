// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: questions stand in one line. Those at its front, WINDOW at most, were sent; as
 * answers come in the order of questions, each is for the first. A cancelled one that was sent stays
 * there until its answer came, and nobody is told.
 *
 * When the process dies, what was sent is sent again to its successor, after a while. What it dies of
 * ATTEMPTS times is refused. If there was no answer since the last such one, the program cannot be helped:
 * whoever waits is refused, and for another while whoever asks, for programs inside could have us start
 * processes without end. One that is silent for too long while it is asked has died, too.
 */
#include "warden/service.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "warden/sibling.h"

static const int64_t RETRY_NS = 100000000, GIVE_UP_NS = 2000000000, NS_PER_MS = 1000000;
enum {
	WINDOW = 32, /* their answers together fit into any socket's buffer */
	ATTEMPTS = 3,
};

struct service_question {
	struct service *service;
	struct service_question *next;
	bool sent;
	void (*done)(void *context, struct span answer); /* NULL: cancelled */
	void *context;
	size_t len; /* octets of packet */
	char packet[];
};

struct service {
	struct loop *loop;
	struct service_config config;
	int fd; /* owned: our end of its channel; -1: not started */
	pid_t pid;
	struct loop_source channel;
	struct loop_timer retry, silence;
	unsigned failures;       /* deaths since the last answer, or refusal */
	bool answered;           /* something since the last refusal */
	int64_t refuse_until_ns; /* on clock_mono_ns() */
	struct service_question *first, **end;
	size_t len, sent;
	char answer[]; /* config.answer_octets_max and one */
};

int service_new(struct service **ret, struct loop *loop, const struct service_config *config)
{
	struct service *service = calloc(1, sizeof(*service) + config->answer_octets_max + 1);

	if (service == NULL)
		return -ENOMEM;
	service->loop = loop;
	service->config = *config;
	service->fd = -1;
	service->end = &service->first;
	*ret = service;
	return 0;
}

/* take_out() - @question out of the line; it is the caller's then */
static void take_out(struct service *service, struct service_question *question)
{
	struct service_question **at = &service->first;

	while (*at != question)
		at = &(*at)->next;
	*at = question->next;
	if (service->end == &question->next)
		service->end = at;
	service->len--;
	service->sent -= question->sent;
}

/* finish() - the first one has its answer */
static void finish(struct service *service, struct span answer)
{
	struct service_question *question = service->first;

	take_out(service, question);
	if (question->done != NULL)
		question->done(question->context, answer);
	free(question);
}

/* watch_silence() - from now on, if there is something to answer */
static void watch_silence(struct service *service)
{
	loop_disarm(&service->silence);
	if (service->sent > 0 && service->config.answer_ms > 0)
		loop_arm(service->loop, &service->silence,
			 (int64_t)service->config.answer_ms * NS_PER_MS);
}

/* send_some() - as many as may be under way. Return: 0 or -errno: it is gone. */
static int send_some(struct service *service)
{
	const bool was_idle = service->sent == 0;
	int r = 0;

	for (struct service_question *q = service->first; q != NULL && service->sent < WINDOW;
	     q = q->next) {
		if (q->sent)
			continue;
		r = fd_send(service->fd, (struct span){ q->packet, q->len }, NULL, 0);
		if (r == -EAGAIN && service->sent > 0)
			r = 0; /* its next answer makes room */
		else if (r == 0)
			q->sent = true;
		if (!q->sent)
			break;
		service->sent++;
	}
	if (was_idle)
		watch_silence(service);
	return r;
}

/* stop() - end the process; what was sent to it was not */
static void stop(struct service *service)
{
	struct service_question *next = NULL;

	loop_disarm(&service->silence);
	loop_remove(&service->channel);
	fd_close(&service->fd);
	if (service->pid > 0) {
		(void)kill(service->pid, SIGKILL);
		while (waitpid(service->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	service->pid = 0;
	for (struct service_question *q = service->first; q != NULL; q = next) {
		next = q->next;
		if (q->sent)
			service->sent--;
		q->sent = false;
		if (q->done == NULL) {
			take_out(service, q);
			free(q);
		}
	}
}

/* lose() - it died, says what it never says or nothing, or could not be started */
static void lose(struct service *service)
{
	stop(service);
	if (service->first == NULL)
		return; /* nobody waits; the next who asks starts it */
	if (++service->failures < ATTEMPTS) {
		loop_arm(service->loop, &service->retry, RETRY_NS);
		return;
	}
	service->failures = 0;
	if (service->answered) {
		service->answered = false;
		finish(service, (struct span){ 0 });
	} else {
		service->refuse_until_ns = clock_mono_ns() + GIVE_UP_NS;
		while (service->first != NULL)
			finish(service, (struct span){ 0 });
	}
	if (service->first != NULL && service->retry.deadline_ns == 0)
		loop_arm(service->loop, &service->retry, RETRY_NS);
}

/* take_answer() - Return: 0; -EAGAIN: there is none; else it is to be ended */
static int take_answer(struct service *service)
{
	const size_t most = service->config.answer_octets_max;
	int fds[FD_PASS_MAX];
	size_t len = 0, count = 0;
	int r = fd_recv(&len, service->fd, service->answer, most + 1, fds, &count);

	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++)
		fd_close(&fds[i]);
	if (len == 0)
		return -ECONNRESET;
	if (len > most || service->sent == 0)
		return -EPROTO;
	struct span answer = { service->answer, len };
	r = service->config.read(&answer);
	if (r < 0)
		return r;
	service->failures = 0;
	service->answered = true;
	finish(service, answer);
	return 0;
}

static void on_silence(struct loop_timer *timer)
{
	lose(container_of(timer, struct service, silence));
}

static void channel_ready(struct loop_source *source, uint32_t events)
{
	struct service *service = container_of(source, struct service, channel);
	int r = 0, taken = 0;

	(void)events;
	for (; r == 0 && taken < WINDOW; taken += r == 0)
		r = take_answer(service);
	if (taken > 0 && (r == 0 || r == -EAGAIN))
		watch_silence(service);
	if (r == 0 || r == -EAGAIN)
		r = send_some(service);
	if (r < 0)
		lose(service);
}

/* spawn() - the process and its channel. Return: 0 or -errno. */
static int spawn(struct service *service)
{
	const struct service_config *config = &service->config;
	CLEANUP_FD int beside = config->open(config->context);
	int pair[2];

	if (beside < 0)
		return beside;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	const int fds[] = { pair[1], beside };
	service->fd = pair[0];
	int r = sibling_start(&service->pid, config->program, config->role, fds, ARRAY_SIZE(fds));
	fd_close(&pair[1]);
	return r;
}

static void start(struct loop_timer *timer)
{
	struct service *service = container_of(timer, struct service, retry);
	int r = spawn(service);

	if (r == 0) {
		service->channel.ready = channel_ready;
		r = loop_add(service->loop, &service->channel, service->fd, EPOLLIN);
	}
	if (r == 0)
		r = send_some(service);
	if (r < 0)
		lose(service);
}

/* go_on() - after an ask. Only the loop tells of a failure, since done() may not be called yet. */
static void go_on(struct service *service)
{
	service->silence.fired = on_silence;
	service->retry.fired = start;
	if (service->fd >= 0) {
		/* a channel that broke shows in the loop as well */
		(void)!send_some(service);
	} else if (service->retry.deadline_ns == 0) {
		loop_arm(service->loop, &service->retry, 0);
	}
}

int service_ask(struct service_question **ret, struct service *service, struct span packet,
		void (*done)(void *context, struct span answer), void *context)
{
	if (clock_mono_ns() < service->refuse_until_ns)
		return -ENOTCONN;
	if (service->len >= SERVICE_WAITING_MAX)
		return -ENOBUFS;
	struct service_question *question = calloc(1, sizeof(*question) + packet.len);
	if (question == NULL)
		return -ENOMEM;
	question->service = service;
	question->done = done;
	question->context = context;
	question->len = packet.len;
	memcpy(question->packet, packet.ptr, packet.len);
	*service->end = question;
	service->end = &question->next;
	service->len++;
	*ret = question;
	go_on(service);
	return 0;
}

void service_cancel(struct service_question *question)
{
	if (question == NULL)
		return;
	if (question->sent) {
		question->done = NULL;
		return;
	}
	take_out(question->service, question);
	free(question);
}

void service_restart(struct service *service)
{
	if (service->fd < 0)
		return; /* the next one is told what holds then */
	stop(service);
	if (service->first != NULL)
		loop_arm(service->loop, &service->retry, 0);
}

void service_free(struct service *service)
{
	if (service == NULL)
		return;
	loop_disarm(&service->retry);
	stop(service);
	while (service->first != NULL) {
		struct service_question *question = service->first;

		take_out(service, question);
		free(question);
	}
	free(service);
}
