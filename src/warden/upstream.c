// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: whether the certificates are sound is for the gateway to find, which has the
 * library for that and no power. Here a file that cannot be meant is found while somebody listens.
 * What is handed on is a copy: the file may lie in a folder that the sandbox's programs may write to,
 * and the gateway starts after them.
 */
#include "warden/upstream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

enum { OCTETS_MAX = 4 << 20 }; /* Mozilla's roots have 220 KiB */

/* copy_of() - @text in memory that nobody can change. Return: a descriptor; -errno. */
static int copy_of(struct span text)
{
	const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
	CLEANUP_FD int fd = memfd_create("immure-roots", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int r = fd < 0 ? -errno : fd_write_all(fd, text);

	if (r == 0 && (lseek(fd, 0, SEEK_SET) < 0 || fcntl(fd, F_ADD_SEALS, seals) < 0))
		r = -errno;
	return r < 0 ? r : fd_take(&fd);
}

/* copy_file() - Return: a descriptor; -EINVAL: there is no certificate in it; another -errno. */
static int copy_file(int fd, size_t size)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----"; /* RFC 7468 section 5.1 */
	size_t len = 0;
	char *text = malloc(size + 1);
	int r = text == NULL ? -ENOMEM : fd_read_full(&len, fd, text, size);

	if (r == 0 && memmem(text, len, begin, sizeof(begin) - 1) == NULL)
		r = -EINVAL;
	if (r == 0)
		r = copy_of((struct span){ text, len });
	free(text);
	return r;
}

int upstream_open(const char *path, struct diag *diag)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return diag_set(diag, -errno, "network.ca_file: %s: %s", path,
				strerrordesc_np(errno));
	if (!S_ISREG(st.st_mode))
		return diag_set(diag, -EINVAL, "network.ca_file: %s is no regular file", path);
	if (st.st_size > OCTETS_MAX)
		return diag_set(diag, -EINVAL, "network.ca_file: %s is longer than %d MiB", path,
				OCTETS_MAX >> 20);
	int r = copy_file(fd, (size_t)st.st_size);
	if (r == -EINVAL)
		return diag_set(diag, r, "network.ca_file: %s holds no certificate in PEM", path);
	if (r < 0)
		return diag_set(diag, r, "network.ca_file: %s: %s", path, strerrordesc_np(-r));
	return r;
}
