// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: nothing here reads the key. What is read, certificate and hash, is public; it
 * is believed since only its owner may write to the folder.
 */
#include "warden/trust.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "warden/sibling.h"
#include "warden/trust_nss.h"

static const int64_t PATIENCE_NS = 20 * 1000000000LL; /* a disk may be slow */

int trust_folder(int *ret, int home, struct diag *diag)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	struct stat st;

	if (mkdirat(home, TRUST_FOLDER, 0700) < 0 && errno != EEXIST)
		return diag_set(diag, -errno,
				"cannot make the folder of the certificate authority: %s",
				strerrordesc_np(errno));
	CLEANUP_FD int fd = openat(home, TRUST_FOLDER, flags);
	if (fd < 0 || fstat(fd, &st) < 0)
		return diag_set(diag, -errno,
				"cannot open the folder of the certificate authority: %s",
				strerrordesc_np(errno));
	if (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return diag_set(
		    diag, -EPERM,
		    "the folder %s of the certificate authority can be written by others: "
		    "remove it, and what is made anew is trusted instead",
		    TRUST_FOLDER);
	*ret = fd_take(&fd);
	return 0;
}

/* hear() - all that comes from @pipe until its end. Return: 0; -ETIMEDOUT; -EMSGSIZE; -errno. */
static int hear(char *text, size_t size, int pipe)
{
	int64_t deadline_ns = clock_mono_ns() + PATIENCE_NS;
	size_t len = 0;

	for (;;) {
		struct pollfd one = { .fd = pipe, .events = POLLIN };
		int64_t left_ms = (deadline_ns - clock_mono_ns()) / 1000000;

		if (left_ms <= 0)
			return -ETIMEDOUT;
		int ready = poll(&one, 1, (int)left_ms);
		if (ready < 0 && errno != EINTR)
			return -errno;
		if (ready <= 0)
			continue;
		ssize_t n = read(pipe, text + len, size - 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		len += (size_t)n;
		if (len == size - 1)
			return -EMSGSIZE;
		if (n == 0) {
			text[len] = '\0';
			return 0;
		}
	}
}

/* listen_to() - start it, hear all, wait for it. Return: its wait status; -errno. */
static int listen_to(char *text, size_t size, int folder, const char *role)
{
	int pipe[2], status = 0;
	pid_t pid = 0;

	if (pipe2(pipe, O_CLOEXEC) < 0)
		return -errno;
	const int fds[] = { pipe[1], folder };
	int r = sibling_start(&pid, LEAF_PROGRAM, role, fds, ARRAY_SIZE(fds));
	fd_close(&pipe[1]);
	if (r == 0)
		r = hear(text, size, pipe[0]);
	fd_close(&pipe[0]);
	if (pid == 0)
		return r;
	if (r < 0)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return r < 0 ? r : status;
}

int trust_ask(char **ret, int folder, const char *role, struct diag *diag)
{
	char *text = calloc(1, TRUST_OCTETS_MAX);
	int r = text == NULL ? -ENOMEM : listen_to(text, TRUST_OCTETS_MAX, folder, role);

	if (r == 0) {
		*ret = text;
		return 0;
	}
	if (r == -ENOENT)
		diag_set(diag, r, "%s is not beside immure: install it there", LEAF_PROGRAM);
	else if (r < 0)
		diag_set(diag, r, "cannot ask %s: %s", LEAF_PROGRAM, strerrordesc_np(-r));
	else if (text != NULL && text[0] != '\0')
		r = diag_set(diag, -EPERM, "certificate authority: %s", text);
	else
		r = diag_set(diag, -EIO, "%s ended without a word", LEAF_PROGRAM);
	free(text);
	return r;
}

/* read_hash() - Return: 0; -EINVAL: that is none; another -errno. */
static int read_hash(char *ret, int folder)
{
	char *text = NULL;
	size_t len = 0;
	int r = fd_read_file(&text, &len, folder, LEAF_HASH_FILE, TRUST_OCTETS_MAX);

	if (r == 0 && (len != LEAF_HASH_DIGITS + 1 || text[LEAF_HASH_DIGITS] != '\n'))
		r = -EINVAL;
	for (size_t i = 0; r == 0 && i < LEAF_HASH_DIGITS; i++)
		if (!isxdigit((unsigned char)text[i]))
			r = -EINVAL;
	if (r == 0)
		(void)snprintf(ret, LEAF_HASH_DIGITS + 1, "%s", text);
	free(text);
	return r;
}

static int read_files(struct trust *ret, int folder)
{
	struct trust found = { 0 };
	size_t len = 0;
	int r =
	    fd_read_file(&found.certificate, &len, folder, LEAF_CERTIFICATE_FILE, TRUST_OCTETS_MAX);

	if (r == 0 && (strlen(found.certificate) != len || len == 0))
		r = -EINVAL;
	if (r == 0)
		r = read_hash(found.hash, folder);
	if (r == 0)
		*ret = found;
	else
		trust_free(&found);
	return r;
}

/* read_or_make() - the authority is made if there is none */
static int read_or_make(struct trust *ret, int folder, struct diag *diag)
{
	char *nothing = NULL;

	if (read_files(ret, folder) == 0)
		return 0;
	int r = trust_ask(&nothing, folder, "ensure", diag);
	free(nothing);
	if (r < 0)
		return r;
	r = read_files(ret, folder);
	return r < 0 ? diag_set(diag, r, "cannot read %s of the certificate authority: %s",
				LEAF_CERTIFICATE_FILE, strerrordesc_np(-r))
		     : 0;
}

int trust_read(struct trust *ret, int home, struct diag *diag)
{
	CLEANUP_FD int folder = -1;
	int r = trust_folder(&folder, home, diag);

	if (r == 0)
		r = read_or_make(ret, folder, diag);
	/* browsers alone need it: without one, the rest works */
	if (r == 0 && trust_nss(&ret->nss, folder, ret->hash) < 0)
		ret->nss = NULL;
	return r;
}

void trust_free(struct trust *trust)
{
	free(trust->certificate);
	free(trust->nss);
	*trust = (struct trust){ 0 };
}
