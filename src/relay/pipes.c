// SPDX-License-Identifier: Apache-2.0
#include "relay/pipes.h"

#include <errno.h>
#include <fcntl.h>

#include "base/fd.h"

int pipes_open(struct pipes *pipes)
{
	memset(pipes, 0, sizeof(*pipes));
	for (unsigned i = 0; i < PIPES_MAX; i++) {
		if (pipe2(pipes->ends[i], O_CLOEXEC | O_NONBLOCK) < 0) {
			int error = -errno;

			pipes_close(pipes);
			return error;
		}
		pipes->free[pipes->free_count++] = (uint8_t)i;
	}
	return 0;
}

void pipes_close(struct pipes *pipes)
{
	while (pipes->free_count > 0) {
		unsigned i = pipes->free[--pipes->free_count];

		fd_close(&pipes->ends[i][0]);
		fd_close(&pipes->ends[i][1]);
	}
}

int pipes_take(struct pipes *pipes)
{
	return pipes->free_count > 0 ? pipes->free[--pipes->free_count] : -1;
}

void pipes_give_back(struct pipes *pipes, int which, size_t held)
{
	char waste[16384];

	while (held > 0) {
		ssize_t n = read(pipes->ends[which][0], waste, sizeof(waste));

		if (n > 0)
			held -= (size_t)n;
		else if (n == 0 || errno != EINTR)
			return; /* cannot be; then it is lent no more, rather than with old octets */
	}
	pipes->free[pipes->free_count++] = (uint8_t)which;
}
