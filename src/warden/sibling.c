// SPDX-License-Identifier: Apache-2.0
#include "warden/sibling.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "base/fd.h"

/* open_folder() - where our own executable is. Return: a descriptor; -errno. */
static int open_folder(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n < 0)
		return -errno;
	path[n] = '\0';
	char *slash = strrchr(path, '/');
	if (slash == NULL) /* not the path of a file, as with a memfd */
		return -ENOENT;
	slash[1] = '\0';
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int sibling_open(const char *name)
{
	static const char *const places[] = { "", "../libexec/immure/" };
	CLEANUP_FD int folder = open_folder();
	char path[128];

	if (folder < 0)
		return folder;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		(void)snprintf(path, sizeof(path), "%s%s", places[i], name);
		int fd = openat(folder, path, O_PATH | O_CLOEXEC);

		if (fd >= 0 || errno != ENOENT)
			return fd < 0 ? -errno : fd;
	}
	return -ENOENT;
}
