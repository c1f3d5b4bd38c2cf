// SPDX-License-Identifier: Apache-2.0
/* certutil is a script here, mounted over the host's in a namespace of the test's own. */
#include "warden/trust_nss.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/test.h"
#include "base/test_net.h"

#define CERTUTIL "/usr/bin/certutil"
#define GOOD     "#!/bin/sh\nfor f in cert9.db key4.db; do echo made >$f; done\n"
#define BAD      "#!/bin/sh\necho run >>../runs; exit 1\n"

static char folder[] = "/tmp/trust_nss_test.XXXXXX";
static int dir = -1;

static bool exists(const char *name)
{
	return faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void put(const char *name, const char *text)
{
	CLEANUP_FD int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);

	CHECK(fd >= 0 && fd_write_all(fd, span_of(text)) == 0, "%s: %d", name, errno);
}

/* check() - what is asked for; perhaps it is @whole then */
static void check(const char *what, int want, bool whole)
{
	char *path = NULL, *text = NULL;
	size_t len = 0;
	int r = trust_nss(&path, dir, "h");

	CHECK(r == want, "%s: %d", what, r);
	CHECK((fd_read_file(&text, &len, dir, "nss-h/key4.db", 64) == 0 && len == 5) == whole,
	      "%s: whole", what);
	free(text);
	free(path);
}

static void test_broken(void)
{
	put("nss-h/key4.db", "");
	check("an empty file", 0, true);
	CHECK(unlinkat(dir, "nss-h/key4.db", 0) == 0, "unlink");
	check("no file", 0, true);
	CHECK(unlinkat(dir, "nss-h/cert9.db", 0) == 0 && mkfifoat(dir, "nss-h/cert9.db", 0700) == 0,
	      "fifo");
	check("a fifo", 0, true);
	CHECK(unlinkat(dir, "nss-h/key4.db", 0) == 0 &&
		  symlinkat("cert9.db", dir, "nss-h/key4.db") == 0,
	      "link");
	check("a link", 0, true);
}

static void test_stale(void)
{
	char own[64];

	snprintf(own, sizeof(own), ".nss-x-%d", (int)getppid());
	CHECK(mkdirat(dir, ".nss-x-4194399", 0700) == 0 && mkdirat(dir, own, 0700) == 0, "%d",
	      errno);
	put(".nss-x-4194399/cert9.db", "x");
	put("nss-h/key4.db", "");
	check("stale ones", 0, true);
	CHECK(!exists(".nss-x-4194399") && exists(own), "only of the dead");
	CHECK(unlinkat(dir, own, AT_REMOVEDIR) == 0, "%d", errno);
}

static void test_fails_once(void)
{
	char *text = NULL;
	size_t len = 0;

	put("certutil", BAD);
	put("nss-h/key4.db", "");
	check("it fails", -EIO, false);
	check("it is not tried again", -EIO, false);
	CHECK(fd_read_file(&text, &len, dir, "runs", 64) == 0 && len == 4, "%zu", len);
	free(text);
}

int main(void)
{
	char path[64];

	if (access(CERTUTIL, X_OK) < 0 || !test_enter(CLONE_NEWUSER | CLONE_NEWNS) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return 77;
	CHECK(mkdtemp(folder) != NULL, "mkdtemp");
	dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	put("certutil", GOOD);
	snprintf(path, sizeof(path), "%s/certutil", folder);
	if (mount(path, CERTUTIL, NULL, MS_BIND, NULL) < 0)
		return 77;
	check("the first", 0, true);
	test_broken();
	test_stale();
	test_fails_once();
	(void)umount2(CERTUTIL, MNT_DETACH);
	static const char *const files[] = { "nss-h/key4.db", "nss-h/cert9.db", "certutil",
					     "runs" };
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		(void)unlinkat(dir, files[i], 0);
	(void)unlinkat(dir, "nss-h", AT_REMOVEDIR);
	CHECK(rmdir(folder) == 0, "something is left: %d", errno);
	fd_close(&dir);
	return test_failures > 0;
}
