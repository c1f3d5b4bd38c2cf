// SPDX-License-Identifier: Apache-2.0
#include "gateway/roots.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"

enum {
	ROOTS_OCTETS_MAX = 4 * 1024 * 1024, /* Debian's bundle has 220 KB */
	PIECE_OCTETS = 64 * 1024,
};

/* where distributions keep the bundle: Debian and Alpine, Fedora, SUSE, the BSDs */
static const char *const bundles[] = {
	"/etc/ssl/certs/ca-certificates.crt",
	"/etc/pki/tls/certs/ca-bundle.crt",
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
	"/etc/ssl/ca-bundle.pem",
	"/etc/ssl/cert.pem",
};

/* read_file() - all of @fd. Return: 0 or -errno; -ENOBUFS: too long */
static int read_file(struct buf *to, int fd)
{
	for (;;) {
		char *room = NULL;
		int r = buf_reserve(&room, to, PIECE_OCTETS);

		if (r < 0)
			return r;
		ssize_t n = read(fd, room, PIECE_OCTETS);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		buf_commit(to, (size_t)n);
	}
}

static int read_bundle(struct buf *to)
{
	for (size_t i = 0; i < ARRAY_SIZE(bundles); i++) {
		CLEANUP_FD int fd = open(bundles[i], O_RDONLY | O_CLOEXEC | O_NOCTTY);

		if (fd >= 0)
			return read_file(to, fd);
	}
	return 0;
}

int roots_context(struct tls_context **ret, int more)
{
	CLEANUP_BUF struct buf host = BUF(ROOTS_OCTETS_MAX), added = BUF(ROOTS_OCTETS_MAX);
	struct diag diag = { 0 };

	int r = read_bundle(&host);
	if (r == 0 && fcntl(more, F_GETFD) >= 0)
		r = read_file(&added, more);
	fd_close(&more);
	if (r < 0)
		return r;
	const struct tls_settings settings = { buf_span(&host), buf_span(&added) };
	*ret = NULL;
	r = tls_context_new(ret, &settings, &diag);
	return r == -EINVAL ? 0 : r;
}
