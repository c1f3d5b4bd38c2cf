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
};

/* What NSS needs; it makes the list of its modules (pkcs11.txt) anew. */
static const char *const files[] = { "cert9.db", "key4.db" };

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

/* copy_file() - @name of the database @from into that of @home */
static int copy_file(struct builder *b, int from, const char *home, const char *name)
{
	char path[PATH_OCTETS], *text = NULL;
	size_t len = 0;
	int r = fd_read_file(&text, &len, from, name, FILE_OCTETS_MAX);

	if (r < 0)
		return r;
	(void)snprintf(path, sizeof(path), "%s/.pki/nssdb/%s", home, name);
	r = tree_file(b, path, (struct span){ text, len });
	free(text);
	return r == 0 ? give(b, path, 0600) : r;
}

static int copy_database(struct builder *b, int from, const char *home)
{
	char pki[PATH_OCTETS], to[PATH_OCTETS];

	(void)snprintf(pki, sizeof(pki), "%s/.pki", home);
	(void)snprintf(to, sizeof(to), "%s/.pki/nssdb", home);
	int r = tree_dir(b, to, 0700);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(files); i++)
		r = copy_file(b, from, home, files[i]);
	if (r == 0)
		r = give(b, to, 0700);
	return r == 0 ? give(b, pki, 0700) : r;
}

int builder_trust_nss(struct builder *b)
{
	const char *source = plan_text(b->plan, b->plan->trust_nss);

	if (source == NULL)
		return 0;
	CLEANUP_FD int from = open(source, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r =
	    from < 0 ? -errno : copy_database(b, from, b->plan->user == 0 ? "/root" : "/home/user");
	return r < 0 ? builder_step(b, r, "make ~/.pki/nssdb of %s", source) : 0;
}
