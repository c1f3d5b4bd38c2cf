// SPDX-License-Identifier: Apache-2.0
/*
 * Stands in for the warden: watch OBSERVER PID [stall]
 *
 * Starts the observer for the PID namespace of process PID and prints what it tells, a line of JSON a record:
 * first "ready", last how many were lost. The end of standard input is the end. With "stall" nothing is
 * read until then. Octets that are no visible ASCII are \u00XX.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "wire/observe.h"

static void print_text(const char *name, struct span text)
{
	printf(", \"%s\": \"", name);
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if (c < ' ' || c > '~' || c == '"' || c == '\\')
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	putchar('"');
}

static void print_record(const struct observe_record *record)
{
	printf("{\"kind\": \"%s\", \"pid\": %u, \"tid\": %u, \"call\": %u, \"flags\": %u, "
	       "\"result\": %" PRId64 ", \"value\": [%" PRIu64 ", %" PRIu64 "], "
	       "\"time_ns\": %" PRIu64,
	       observe_kind_names[record->kind], record->pid, record->tid, record->call,
	       record->flags, record->result, record->value[0], record->value[1], record->time_ns);
	print_text("comm", span_of(record->comm));
	print_text("path", record->path);
	print_text("more", record->more);
	printf("}\n");
}

static pid_t start(char *observer, const char *pid_text, int channel)
{
	char path[64], *words[] = { observer, NULL };

	(void)snprintf(path, sizeof(path), "/proc/%s/ns/pid", pid_text);
	int namespace = open(path, O_RDONLY | O_CLOEXEC);
	if (namespace < 0)
		return -1;
	pid_t pid = fork();
	if (pid == 0) {
		int apart = fcntl(namespace, F_DUPFD_CLOEXEC, 10);

		if (dup2(channel, OBSERVE_FD_CHANNEL) < 0 || dup2(apart, OBSERVE_FD_NAMESPACE) < 0)
			_exit(EXIT_FAILURE);
		(void)execv(observer, words);
		_exit(EXIT_FAILURE);
	}
	fd_close(&namespace);
	return pid;
}

/* take() - one packet. Return: 1; 0: no more; -errno. */
static int take(uint64_t *lost, int channel)
{
	static char packet[OBSERVE_PACKET_OCTETS_MAX];
	struct observe_record record;
	struct span rest;

	ssize_t len = recv(channel, packet, sizeof(packet), 0);
	if (len <= 0)
		return len < 0 ? -errno : 0;
	int r = observe_lost_decode(lost, &rest, (struct span){ packet, (size_t)len });
	while (r == 0 && rest.len > 0) {
		r = observe_decode(&record, &rest);
		if (r == 0)
			print_record(&record);
	}
	return r < 0 ? r : 1;
}

static int watch(uint64_t *lost, int channel, bool stall)
{
	struct pollfd fds[] = { { STDIN_FILENO, POLLIN, 0 }, { channel, POLLIN, 0 } };
	int r = take(lost, channel);

	if (r > 0)
		printf("\"ready\"\n");
	while (r > 0) {
		(void)fflush(stdout);
		if (poll(fds, stall ? 1 : 2, -1) < 0)
			return -errno;
		if (fds[0].revents != 0) {
			(void)shutdown(channel, SHUT_WR);
			fds[0].fd = -1;
			stall = false;
		}
		if (fds[1].revents != 0)
			r = take(lost, channel);
	}
	return r;
}

int main(int argc, char **argv)
{
	int ends[2], status = 0;
	uint64_t lost = 0;

	if (argc < 3 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return 2;
	pid_t pid = start(argv[1], argv[2], ends[1]);
	if (pid < 0)
		return 2;
	fd_close(&ends[1]);
	int r = watch(&lost, ends[0], argc > 3);
	printf("{\"lost\": %" PRIu64 "}\n", lost);
	fd_close(&ends[0]);
	if (waitpid(pid, &status, 0) < 0 || r < 0)
		return 2;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
