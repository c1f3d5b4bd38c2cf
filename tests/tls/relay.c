// SPDX-License-Identifier: Apache-2.0
/*
 * A gateway of TLS flows and nothing else, for tests and figures: relay FOLDER ROOTS NAME PORT
 * [--full]
 *
 * Flows to the port it prints are intercepted and go to 127.0.0.1:PORT as NAME. FOLDER has the
 * authority, ROOTS is a PEM file that upstreams are judged by. --full: upstreams' sessions are not
 * resumed. It prints a line for each flow that did not end well.
 *
 * Two processes, as in a sandbox: the parent is the warden, who accepts, connects and mints; the
 * child is the gateway (relay_gateway.c).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "relay.h"
#include "tls/authority.h"
#include "tls/bridge.h"

enum { ROOTS_OCTETS_MAX = 4 * 1024 * 1024, FILES_MAX = 30000 };

int channel = -1;

bool say(char kind, struct span text, const int *fds, size_t count)
{
	char packet[MESSAGE_OCTETS] = { kind };
	struct pollfd room = { .fd = channel, .events = POLLOUT };
	int r = -EAGAIN;

	if (text.len >= sizeof(packet))
		return false;
	memcpy(packet + 1, text.ptr, text.len);
	while (r == -EAGAIN) {
		r = fd_send(channel, (struct span){ packet, 1 + text.len }, fds, count);
		if (r == -EAGAIN && poll(&room, 1, -1) < 0)
			return false;
	}
	return r == 0;
}

static struct sockaddr_in loopback(unsigned port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
}

/* listen_somewhere() - prints the port. Return: the listener; -1. */
static int listen_somewhere(void)
{
	struct sockaddr_in address = loopback(0);
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, 4096) < 0 || getsockname(fd, (struct sockaddr *)&address, &len) < 0)
		return -1;
	printf("port %u\n", ntohs(address.sin_port));
	(void)fflush(stdout);
	return fd;
}

static void pass_flow(int listener, unsigned port)
{
	const struct sockaddr_in upstream = loopback(port);
	CLEANUP_FD int in = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	CLEANUP_FD int out = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const int one = 1;

	if (in < 0 || out < 0 ||
	    connect(out, (const struct sockaddr *)&upstream, sizeof(upstream)) < 0)
		return;
	(void)fcntl(out, F_SETFL, O_NONBLOCK);
	(void)setsockopt(in, IPPROTO_TCP, 1 /* TCP_NODELAY */, &one, sizeof(one));
	(void)setsockopt(out, IPPROTO_TCP, 1, &one, sizeof(one));
	(void)say(FLOW, (struct span){ "", 0 }, (const int[]){ in, out }, TLS_SIDES);
}

/* answer() - one message of the gateway. Return: false: it is gone. */
static bool answer(const struct authority *authority, struct authority_key *key)
{
	char packet[MESSAGE_OCTETS];
	int fds[FD_PASS_MAX];
	size_t len = 0, count = 0;
	struct authority_leaf leaf;
	struct net_name name;

	int r = fd_recv(&len, channel, packet, sizeof(packet), fds, &count);
	if (r == -EAGAIN)
		return true;
	if (r < 0 || len == 0)
		return false;
	const struct span text = { packet + 1, len - 1 };
	if (packet[0] == KEY && text.len == sizeof(key->point)) {
		memcpy(key->point, text.ptr, text.len);
	} else if (packet[0] == REPORT) {
		printf("%.*s\n", (int)text.len, text.ptr);
		(void)fflush(stdout);
	} else if (packet[0] == NAME) {
		if (net_name_parse(&name, text) != NULL ||
		    authority_mint(&leaf, authority, key, &name) < 0)
			return false;
		return say(LEAF, (struct span){ (char *)leaf.der, leaf.len }, NULL, 0);
	}
	return true;
}

static int run_warden(const struct authority *authority, unsigned port)
{
	struct pollfd watched[] = { { .fd = channel, .events = POLLIN },
				    { .fd = listen_somewhere(), .events = POLLIN } };
	struct authority_key key = { 0 };

	if (watched[1].fd < 0)
		return 1;
	for (;;) {
		if (poll(watched, ARRAY_SIZE(watched), -1) < 0)
			return 1;
		if (watched[0].revents != 0 && !answer(authority, &key))
			break;
		if (watched[1].revents != 0)
			pass_flow(watched[1].fd, port);
	}
	printf("the gateway ended\n");
	return 1;
}

static int authority_of(struct authority **ret, const char *folder)
{
	CLEANUP_FD int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct diag diag = { .why = "no such folder" };
	int r = dir < 0 ? -errno : authority_open(ret, dir, &diag);

	if (r < 0)
		fprintf(stderr, "relay: %s: %s\n", folder, diag.why);
	return r;
}

int main(int argc, char **argv)
{
	const struct rlimit files = { FILES_MAX, FILES_MAX };
	struct authority *authority = NULL;
	struct net_name name;
	char *roots = NULL;
	size_t roots_len = 0;
	int pair[2];

	if (argc < 5 || net_name_parse(&name, span_of(argv[3])) != NULL ||
	    authority_of(&authority, argv[1]) < 0 ||
	    fd_read_file(&roots, &roots_len, AT_FDCWD, argv[2], ROOTS_OCTETS_MAX) < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return 2;
	(void)setrlimit(RLIMIT_NOFILE, &files);
	(void)signal(SIGPIPE, SIG_IGN);
	pid_t pid = fork();
	channel = pair[pid == 0];
	close(pair[pid != 0]);
	if (pid == 0) {
		authority_free(authority);
		return run_gateway(&name, (struct span){ roots, roots_len }, argc > 5);
	}
	printf("gateway %d\n", (int)pid);
	return run_warden(authority, (unsigned)strtoul(argv[4], NULL, 10));
}
