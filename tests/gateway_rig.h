/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway_rig - for tests of the gateway as a process, in a user and network namespace of their own:
 * the test is the warden, the program inside and the server outside (on 127.0.0.1) in turn.
 */
#ifndef TESTS_GATEWAY_RIG_H
#define TESTS_GATEWAY_RIG_H

#include <errno.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/test_net.h"
#include "gateway/gateway.h"
#include "jail/capture.h"
#include "wire/test_gate.h"

enum { RIG_SKIPPED = 77 };

struct rig {
	int tcp, dns; /* the capture */
	int server;   /* listens on 127.0.0.1 */
	struct sockaddr_in server_at;
	pid_t pid;  /* the gateway */
	int warden; /* our end of its channel */
};

/* rig_become() - move the descriptors to where gateway_main() wants them; does not return */
static inline void rig_become(const int from[3])
{
	int high[3];

	for (int i = 0; i < 3; i++) /* out of the way first: a source may be a target */
		high[i] = fcntl(from[i], F_DUPFD, 100);
	for (int i = 0; i < 3; i++)
		if (dup2(high[i], GATEWAY_FD_WARDEN + i) < 0)
			_exit(120);
	(void)close(GATEWAY_FD_ROOTS); /* it may be anything */
	(void)syscall(SYS_exit_group,
		      gateway_main()); /* _exit() with ASan checks leaks: forbidden */
}

static inline void rig_start(struct rig *rig)
{
	int pair[2] = { -1, -1 };

	gate_test_rest = (struct span){ 0 };
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0, "%d", errno);
	rig->warden = pair[0];
	rig->pid = fork();
	if (rig->pid == 0)
		rig_become((const int[]){ pair[1], rig->tcp, rig->dns });
	CHECK(rig->pid > 0, "%d", errno);
	fd_close(&pair[1]);
}

/* rig_end() - close the channel, unless that was done. Return: the exit code, or -1: a signal. */
static inline int rig_end(struct rig *rig)
{
	int status = 0;

	fd_close(&rig->warden);
	CHECK(waitpid(rig->pid, &status, 0) == rig->pid, "%d", errno);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* rig_open() - namespaces, capture, server, all the descriptors that the hard limit allows.
 * Return: 0; RIG_SKIPPED; 1: failed. */
static inline int rig_open(struct rig *rig)
{
	struct rlimit files = { 0 };
	const char *stage = "none";
	socklen_t len = sizeof(rig->server_at);

	*rig = (struct rig){ .tcp = -1, .dns = -1, .warden = -1 };
	(void)getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &files);
	if (!test_enter(CLONE_NEWUSER | CLONE_NEWNET)) {
		fprintf(stderr, "no namespaces here: %s\n", strerrordesc_np(errno));
		return RIG_SKIPPED;
	}
	int all[CAPTURE_SOCKETS];
	int r = capture_open(all, &stage);
	CHECK(r == 0, "%s: %s", stage, strerrordesc_np(-r));
	if (r < 0)
		return 1;
	rig->tcp = all[CAPTURE_TCP];
	rig->dns = all[CAPTURE_DNS];
	fd_close(&all[CAPTURE_LOG]);
	fd_close(&all[CAPTURE_DIAG]);
	rig->server_at = (struct sockaddr_in){ .sin_family = AF_INET,
					       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	rig->server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(bind(rig->server, (struct sockaddr *)&rig->server_at, len) == 0 &&
		  listen(rig->server, 4096) == 0 &&
		  getsockname(rig->server, (struct sockaddr *)&rig->server_at, &len) == 0,
	      "%d", errno);
	return 0;
}

static inline struct gate_message rig_hear(const struct rig *rig)
{
	struct gate_message message = { 0 };

	CHECK(gate_test_rest.len > 0 || test_ready(rig->warden, POLLIN), "no message");
	CHECK(gate_test_hear(&message, rig->warden), "no message");
	return message;
}

/* rig_hear_kind() - as rig_hear(), of that kind */
static inline struct gate_message rig_hear_kind(const struct rig *rig, enum gate_kind kind)
{
	struct gate_message message = rig_hear(rig);

	CHECK(message.kind == kind, "kind %d, not %d", (int)message.kind, (int)kind);
	return message;
}

/* rig_say() - answer. @fd: borrowed; -1: none */
static inline void rig_say(const struct rig *rig, enum gate_kind kind, uint32_t id,
			   enum gate_verdict verdict, int fd)
{
	const bool raw = kind == GATE_FLOW && verdict == GATE_ALLOW;
	const struct gate_message message = {
		.kind = kind, .id = id, .verdict = verdict, .flags = raw ? GATE_RAW : 0
	};
	int r = -EAGAIN;

	while (r == -EAGAIN && test_ready(rig->warden, POLLOUT))
		r = gate_test_say(rig->warden, &message, fd);
	CHECK(r == 0, "%d", r);
}

/* rig_dial() - the program connects to @to, blocking. Return: its socket. */
static inline int rig_dial(const char *to, uint16_t port)
{
	struct sockaddr_storage a;
	socklen_t len = test_address(&a, to, port);
	int fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(connect(fd, (struct sockaddr *)&a, len) == 0, "%s: %d", to, errno);
	return fd;
}

/* rig_allow() - answer a flow's ask. Return: the server's end. */
static inline int rig_allow(const struct rig *rig, uint32_t id)
{
	CLEANUP_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(connect(fd, (const struct sockaddr *)&rig->server_at, sizeof(rig->server_at)) == 0 &&
		  fcntl(fd, F_SETFL, O_NONBLOCK) == 0,
	      "%d", errno);
	int server = accept4(rig->server, NULL, NULL, SOCK_CLOEXEC);
	CHECK(server >= 0, "%d", errno);
	rig_say(rig, GATE_FLOW, id, GATE_ALLOW, fd);
	return server;
}

/* rig_check_gets() - exactly @want comes next, "": the end, NULL: a reset */
static inline void rig_check_gets(int fd, const char *want)
{
	char octets[256] = "";

	CHECK(test_ready(fd, POLLIN), "hangs: %s", want != NULL ? want : "no reset");
	ssize_t n = recv(fd, octets, sizeof(octets) - 1, MSG_DONTWAIT);
	if (want == NULL)
		CHECK(n == -1 && errno == ECONNRESET, "no reset: %zd %d", n, errno);
	else
		CHECK(n == (ssize_t)strlen(want) && strcmp(octets, want) == 0, "%s: %zd \"%s\"",
		      want, n, octets);
}

static inline void rig_send(int fd, const char *text)
{
	CHECK(send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text), "%d", errno);
}

/* rig_query() - send @query as a datagram. Return: the socket, connected to @server. */
static inline int rig_query(const char *server, struct span query)
{
	struct sockaddr_storage a;
	socklen_t len = test_address(&a, server, 53);
	int fd = socket(a.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	CHECK(connect(fd, (struct sockaddr *)&a, len) == 0, "%d", errno);
	CHECK(send(fd, query.ptr, query.len, 0) == (ssize_t)query.len, "%d", errno);
	return fd;
}

/* rig_check_reply() - @want is what comes next; empty: nothing */
static inline void rig_check_reply(int fd, struct span want, const char *row)
{
	char reply[1024];
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (want.len == 0) {
		CHECK(poll(&p, 1, 100) == 0, "%s: answered", row);
		return;
	}
	CHECK(test_ready(fd, POLLIN), "%s: no answer", row);
	ssize_t n = recv(fd, reply, sizeof(reply), MSG_DONTWAIT);
	CHECK(n == (ssize_t)want.len && memcmp(reply, want.ptr, want.len) == 0, "%s: %zd octets",
	      row, n);
}

#define RIG_QUERY(id, flags, counts, body) id flags counts body
#define RIG_ONE                            "\0\1\0\0\0\0\0\0"
#define RIG_ONE_ONE                        "\0\1\0\1\0\0\0\0"

#endif
