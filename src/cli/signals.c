// SPDX-License-Identifier: Apache-2.0
#include "cli/signals.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

int signals_watch(int *ret, struct loop *loop, struct loop_source *source, const int *list,
		  size_t len)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < len; i++)
		sigaddset(&set, list[i]);
	(void)signal(SIGPIPE, SIG_IGN); /* a peer that goes away is an end, not a fault */
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	*ret = fd;
	return loop_add(loop, source, fd, EPOLLIN);
}

int signals_next(int fd)
{
	struct signalfd_siginfo info;

	return read(fd, &info, sizeof(info)) == sizeof(info) ? (int)info.ssi_signo : 0;
}
