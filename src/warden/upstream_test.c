// SPDX-License-Identifier: Apache-2.0
#include "warden/upstream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/test.h"

#define PEM "# a root\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"

static char folder[] = "/tmp/immure-upstream-XXXXXX";
static char path[sizeof(folder) + 16];
static int dir = -1;

static void test_kinds(void)
{
	const struct {
		const char *name;
		int want;
		const char *why;
	} rows[] = {
		{ "pem", 0, "" },
		{ "none", -ENOENT, "No such file" },
		{ "empty", -EINVAL, "holds no certificate" },
		{ "der", -EINVAL, "holds no certificate" },
		{ "folder", -EINVAL, "no regular file" },
		{ "pipe", -EINVAL, "no regular file" },
		{ "huge", -EINVAL, "longer than 4 MiB" },
	};

	CHECK(fd_replace_file(dir, "pem", SPAN(PEM), 0600) == 0 &&
		  fd_replace_file(dir, "empty", SPAN(""), 0600) == 0 &&
		  fd_replace_file(dir, "der", SPAN("\x30\x82\1\1"), 0600) == 0 &&
		  fd_replace_file(dir, "huge", SPAN(PEM), 0600) == 0 &&
		  mkdirat(dir, "folder", 0700) == 0 && mkfifoat(dir, "pipe", 0600) == 0,
	      "%d", errno);
	snprintf(path, sizeof(path), "%s/huge", folder);
	CHECK(truncate(path, (4 << 20) + 1) == 0, "%d", errno);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct diag diag = { 0 };

		snprintf(path, sizeof(path), "%s/%s", folder, rows[i].name);
		CLEANUP_FD int fd = upstream_open(path, &diag);
		CHECK((fd < 0 ? fd : 0) == rows[i].want && strstr(diag.why, rows[i].why) != NULL,
		      "%s: %d %s", rows[i].name, fd, diag.why);
	}
}

/* The copy is whole, at its beginning, and stays as it is, whatever becomes of the file. */
static void test_copy(void)
{
	struct diag diag = { 0 };
	char text[sizeof(PEM) + 8];
	size_t len = 0;

	snprintf(path, sizeof(path), "%s/pem", folder);
	CLEANUP_FD int fd = upstream_open(path, &diag);
	CLEANUP_FD int file = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	CHECK(fd_write_all(file, SPAN("another")) == 0, "write");
	CHECK(fd_read_full(&len, fd, text, sizeof(text)) == 0 && len == sizeof(PEM) - 1 &&
		  memcmp(text, PEM, len) == 0,
	      "%zu octets", len);
	CHECK(write(fd, "x", 1) < 0 && errno == EPERM && ftruncate(fd, 0) < 0, "it is sealed");
}

int main(void)
{
	static const char *const names[] = { "pem", "empty", "der", "pipe", "huge" };

	CHECK(mkdtemp(folder) != NULL, "%d", errno);
	dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	test_kinds();
	test_copy();
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		(void)unlinkat(dir, names[i], 0);
	(void)unlinkat(dir, "folder", AT_REMOVEDIR);
	CHECK(rmdir(folder) == 0, "%s is left", folder);
	fd_close(&dir);
	return test_failures > 0;
}
