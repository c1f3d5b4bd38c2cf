// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: Chromium and its kin believe what they bring along and the NSS database of
 * their user, in ~/.pki/nssdb. The home is new and empty, so the plan's database becomes that of the
 * program, to do with as it likes. What the user mounts there comes later and covers it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "jail/builder_trust_priv.h"

enum {
	FILE_OCTETS_MAX = 1 << 20, /* they have 40 KiB */
	PATH_OCTETS = 64,
	FILES = 2,
};

/* What NSS needs; it makes the list of its modules (pkcs11.txt) anew. */
static const char *const files[FILES] = { "cert9.db", "key4.db" };

/* give() - @path, of the new root, to the program's user alone */
static int give(struct builder *b, const char *path, mode_t mode)
{
	CLEANUP_FD int at = tree_open(b, path);

	if (at < 0)
		return at;
	if (fchownat(at, "", b->scratch_uid, b->scratch_uid, AT_EMPTY_PATH) < 0 ||
	    fchmodat(b->root, path + 1, mode, 0) < 0)
		return -errno;
	return 0;
}

/* put_file() - @name of the database in @home */
static int put_file(struct builder *b, struct span text, const char *home, const char *name)
{
	char path[PATH_OCTETS];

	(void)snprintf(path, sizeof(path), "%s/.pki/nssdb/%s", home, name);
	int r = tree_file(b, path, text);
	return r == 0 ? give(b, path, 0600) : r;
}

static int put_database(struct builder *b, const struct span texts[FILES], const char *home)
{
	char pki[PATH_OCTETS], to[PATH_OCTETS];

	(void)snprintf(pki, sizeof(pki), "%s/.pki", home);
	(void)snprintf(to, sizeof(to), "%s/.pki/nssdb", home);
	int r = tree_dir(b, to, 0700);
	for (size_t i = 0; r == 0 && i < FILES; i++)
		r = put_file(b, texts[i], home, files[i]);
	if (r == 0)
		r = give(b, to, 0700);
	return r == 0 ? give(b, pki, 0700) : r;
}

/* copy_database() - whole or not at all. Return: 0; -ENOENT: there is none; -errno. */
static int copy_database(struct builder *b, const char *source, const char *home)
{
	CLEANUP_FD int from = open(source, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct span texts[FILES] = { 0 };
	char *owned[FILES] = { NULL };
	int r = from < 0 ? -errno : 0;

	for (size_t i = 0; r == 0 && i < FILES; i++) {
		r = fd_read_file(&owned[i], &texts[i].len, from, files[i], FILE_OCTETS_MAX);
		texts[i].ptr = owned[i];
	}
	bool read = r == 0;
	if (read)
		r = put_database(b, texts, home);
	for (size_t i = 0; i < FILES; i++)
		free(owned[i]);
	return !read || r != -ENOENT ? r : -EIO;
}

int builder_trust_nss(struct builder *b)
{
	const char *source = plan_text(b->plan, b->plan->trust_nss);

	if (source == NULL)
		return 0;
	int r = copy_database(b, source, b->plan->user == 0 ? "/root" : "/home/user");
	if (r == -ENOENT) /* another launch makes it anew at this moment */
		return 0;
	return r < 0 ? builder_step(b, r, "make ~/.pki/nssdb of %s", source) : 0;
}
