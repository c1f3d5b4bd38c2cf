// SPDX-License-Identifier: Apache-2.0
#include "warden/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fd.h"

/* rotate() - vm.log becomes vm.log.1; @fd then is the new vm.log, under the same number */
static void rotate(int dir, int fd)
{
	if (renameat(dir, "logs/vm.log", dir, "logs/vm.log.1") < 0)
		return;
	CLEANUP_FD int fresh = openat(dir, "logs/vm.log",
				      O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fresh >= 0)
		(void)dup3(fresh, fd, O_CLOEXEC);
}

void log_append(int dir, int fd, struct span data)
{
	struct stat st;

	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && st.st_size + (off_t)data.len > LOG_OCTETS_MAX)
		rotate(dir, fd);
	(void)!fd_write_all(fd, data);
}
