// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: the key file appears whole, by link(), which fails if there is one already:
 * of processes that start at once the first wins, and the others read what it made. The certificate
 * beside it is a copy that anybody may renew at any time, so it needs no order.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "tls/authority_priv.h"

enum { ATTEMPTS = 3 }; /* to open, while others rotate */

/* wipe() - for text that held a key */
static void wipe(char **text)
{
	free(*text);
	*text = NULL;
}

static int judge_file(int fd, struct diag *diag)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return diag_set(diag, -errno, "%s: %s", AUTHORITY_KEY_FILE, strerrordesc_np(errno));
	if (!S_ISREG(st.st_mode))
		return diag_set(diag, -EINVAL, "%s is not a regular file", AUTHORITY_KEY_FILE);
	if (st.st_uid != geteuid())
		return diag_set(diag, -EPERM, "%s belongs to user id %u, and you are %u",
				AUTHORITY_KEY_FILE, (unsigned)st.st_uid, (unsigned)geteuid());
	if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return diag_set(diag, -EPERM,
				"%s was open to others (mode %03o), who may have copied it: "
				"immure ca rotate makes a new one",
				AUTHORITY_KEY_FILE, (unsigned)st.st_mode & 0777);
	return 0;
}

/* load() - Return: 0; -ENOENT: there is none, nothing is said; -errno with @diag set. */
static int load(struct authority **ret, int dir, struct diag *diag)
{
	CLEANUP_FD int fd = openat(dir, AUTHORITY_KEY_FILE,
				   O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
	char text[AUTHORITY_FILE_OCTETS_MAX + 1];
	size_t len = 0;

	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	if (fd < 0)
		return diag_set(diag, -errno, "cannot open %s: %s", AUTHORITY_KEY_FILE,
				strerrordesc_np(errno));
	int r = judge_file(fd, diag);
	if (r < 0)
		return r;
	r = fd_read_full(&len, fd, text, sizeof(text));
	if (r < 0)
		(void)diag_set(diag, r, "cannot read %s: %s", AUTHORITY_KEY_FILE,
			       strerrordesc_np(-r));
	else if (len > AUTHORITY_FILE_OCTETS_MAX)
		r = diag_set(diag, -EFBIG, "%s is too long for a key", AUTHORITY_KEY_FILE);
	else
		r = authority_decode(ret, (struct span){ text, len }, diag);
	OPENSSL_cleanse(text, sizeof(text));
	return r;
}

/* write_draft() - the key file under a name of its own, on the disk. Return: 0 or -errno. */
static int write_draft(int dir, const char *draft, struct span text)
{
	enum { FLAGS = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC };

	CLEANUP_FD int fd = openat(dir, draft, FLAGS, 0600);
	if (fd < 0 && errno == EEXIST && unlinkat(dir, draft, 0) == 0)
		fd = openat(dir, draft, FLAGS, 0600); /* left by a killed process of our number */
	if (fd < 0)
		return -errno;
	int r = fd_write_all(fd, text);
	/* what sandboxes trust for ten years shall survive a power cut */
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	return r;
}

/* publish() - make @authority that of @dir; @replace one that is there. Return: 0; -EEXIST: there
 * is one already; -errno. */
static int publish(int dir, const struct authority *authority, bool replace)
{
	CLEANUP(wipe) char *text = NULL;
	char draft[64];
	size_t len = 0;

	(void)snprintf(draft, sizeof(draft), "." AUTHORITY_KEY_FILE ".%d", (int)getpid());
	int r = authority_encode(&text, &len, authority);
	if (r < 0)
		return r;
	r = write_draft(dir, draft, (struct span){ text, len });
	OPENSSL_cleanse(text, len);
	if (r == 0 && replace && renameat(dir, draft, dir, AUTHORITY_KEY_FILE) < 0)
		r = -errno;
	if (r == 0 && !replace && linkat(dir, draft, dir, AUTHORITY_KEY_FILE, 0) < 0)
		r = -errno;
	if (r < 0 || !replace)
		(void)unlinkat(dir, draft, 0);
	return r;
}

/* publish_copy() - let ca.crt be the certificate of @authority. Return: 0 or -errno, @diag set. */
static int publish_copy(int dir, const struct authority *authority, struct diag *diag)
{
	struct span want = authority_certificate(authority);
	char *text = NULL;
	size_t len = 0;

	int r = fd_read_file(&text, &len, dir, AUTHORITY_CERT_FILE, AUTHORITY_FILE_OCTETS_MAX);
	bool same = r == 0 && len == want.len && memcmp(text, want.ptr, len) == 0;
	free(text);
	if (same)
		return 0;
	r = fd_replace_file(dir, AUTHORITY_CERT_FILE, want, 0644);
	return r == 0 ? 0
		      : diag_set(diag, r, "cannot write %s: %s", AUTHORITY_CERT_FILE,
				 strerrordesc_np(-r));
}

/* establish() - make a new one and publish it. Return: as publish(), with @diag set but for
 * -EEXIST. */
static int establish(struct authority **ret, int dir, bool replace, struct diag *diag)
{
	CLEANUP(authority_freep) struct authority *made = NULL;
	int r = authority_make(&made);

	if (r < 0)
		return diag_set(diag, r, "cannot make a key: %s", strerrordesc_np(-r));
	r = publish(dir, made, replace);
	if (r == -EEXIST)
		return r;
	if (r < 0)
		return diag_set(diag, r, "cannot write %s: %s", AUTHORITY_KEY_FILE,
				strerrordesc_np(-r));
	*ret = made;
	made = NULL;
	return 0;
}

int authority_open(struct authority **ret, int dir, struct diag *diag)
{
	CLEANUP(authority_freep) struct authority *found = NULL;

	authority_init();
	int r = load(&found, dir, diag);
	for (int i = 0; i < ATTEMPTS && r == -ENOENT; i++) {
		r = establish(&found, dir, false, diag);
		if (r == -EEXIST)
			r = load(&found, dir, diag);
	}
	if (r == -ENOENT)
		return diag_set(diag, -EAGAIN, "%s comes and goes", AUTHORITY_KEY_FILE);
	if (r == 0)
		r = publish_copy(dir, found, diag);
	if (r < 0)
		return r;
	*ret = found;
	found = NULL;
	return 0;
}

int authority_rotate(int dir, struct diag *diag)
{
	CLEANUP(authority_freep) struct authority *made = NULL;

	authority_init();
	int r = establish(&made, dir, true, diag);
	return r == 0 ? publish_copy(dir, made, diag) : r;
}
