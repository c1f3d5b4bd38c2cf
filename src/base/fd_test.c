// SPDX-License-Identifier: Apache-2.0
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/test.h"

static void test_pass(void)
{
	int pair[2] = { -1, -1 };
	int fds[FD_PASS_MAX];
	char text[8];
	size_t len = 0, count = 0;

	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0, "socketpair");
	CHECK(fd_recv(&len, pair[0], text, sizeof(text), fds, &count) == -EAGAIN, "empty");
	CHECK(fd_send(pair[1], SPAN("two"), (int[]){ 0, 1 }, 2) == 0, "send");
	CHECK(fd_recv(&len, pair[0], text, sizeof(text), fds, &count) == 0, "receive");
	CHECK(len == 3 && count == 2, "%zu octets, %zu descriptors", len, count);
	for (size_t i = 0; i < count; i++) {
		CHECK((fcntl(fds[i], F_GETFD) & FD_CLOEXEC) != 0, "close-on-exec");
		fd_close(&fds[i]);
	}
	CHECK(fd_send(pair[1], SPAN("longer than that"), NULL, 0) == 0, "send");
	CHECK(fd_recv(&len, pair[0], text, sizeof(text), fds, &count) == -EMSGSIZE, "cut packet");
	fd_close(&pair[1]);
	CHECK(fd_recv(&len, pair[0], text, sizeof(text), fds, &count) == 0 && len == 0, "end");
	fd_close(&pair[0]);
}

static void test_files(void)
{
	char folder[] = "/tmp/fd_test.XXXXXX";
	char *text = NULL;
	size_t len = 0;

	CHECK(mkdtemp(folder) != NULL, "mkdtemp");
	CLEANUP_FD int dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CHECK(fd_replace_file(dir, "a", SPAN("first"), 0600) == 0, "make");
	CHECK(fd_replace_file(dir, "a", SPAN("2"), 0600) == 0, "replace");
	CHECK(fd_read_file(&text, &len, dir, "a", 1) == 0 && len == 1 && text[0] == '2', "read");
	free(text);
	text = NULL;
	CHECK(fd_replace_file(dir, "a", SPAN("22"), 0600) == 0, "replace");
	CHECK(fd_read_file(&text, &len, dir, "a", 1) == -EFBIG, "over the limit");
	CHECK(fd_read_file(&text, &len, dir, "b", 1) == -ENOENT, "absent");
	CHECK(mkfifoat(dir, "pipe", 0600) == 0, "mkfifo");
	CHECK(fd_read_file(&text, &len, dir, "pipe", 1) == -EINVAL, "not a file, and no hang");
	(void)unlinkat(dir, "pipe", 0);

	char draft[32];
	(void)snprintf(draft, sizeof(draft), ".a.%d", (int)getpid());
	CHECK(mkfifoat(dir, draft, 0600) == 0, "mkfifo");
	CHECK(fd_replace_file(dir, "a", SPAN("3"), 0600) == 0, "a FIFO in the way, and no hang");
	(void)unlinkat(dir, "a", 0);
	CHECK(rmdir(folder) == 0, "nothing else is left");
}

static void test_read_full(void)
{
	int ends[2] = { -1, -1 };
	char text[8] = "";
	size_t len = 9;

	CHECK(pipe2(ends, O_CLOEXEC) == 0, "pipe");
	CHECK(fd_read_full(&len, ends[1], text, sizeof(text)) == -EBADF && len == 9, "no reader");
	CHECK(fd_write_all(ends[1], SPAN("12345")) == 0, "write");
	CHECK(fd_read_full(&len, ends[0], text, 2) == 0 && len == 2, "%zu octets", len);
	fd_close(&ends[1]);
	CHECK(fd_read_full(&len, ends[0], text, sizeof(text)) == 0 && len == 3, "%zu octets", len);
	CHECK(memcmp(text, "345", 3) == 0, "%.3s", text);
	CHECK(fd_read_full(&len, ends[0], text, sizeof(text)) == 0 && len == 0, "the end");
	fd_close(&ends[0]);
}

int main(void)
{
	test_pass();
	test_read_full();
	test_files();
	return test_failures > 0;
}
