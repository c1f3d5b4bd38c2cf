// SPDX-License-Identifier: Apache-2.0
/*
 * A child confines itself to two trees and a file, then tries everything: in a tree it may write,
 * in one it may read, and outside of both.
 */
#include "base/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/test.h"

enum { RO, RW, OUT };

static char top[] = "/tmp/landlock-test-XXXXXX";
static int abi;
static int listener = -1;

static int open_path(const char *path)
{
	int fd = open(path, O_PATH | O_CLOEXEC);

	CHECK(fd >= 0, "%s: %d", path, errno);
	return fd;
}

static void make_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);

	CHECK(fd >= 0 && write(fd, "#!/bin/sh\n", 10) == 10, "%s: %d", path, errno);
	close(fd);
}

static void listen_abstract(void)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };

	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	memcpy(name.sun_path + 1, top, sizeof(top) - 1);
	CHECK(bind(listener, (struct sockaddr *)&name, sizeof(name)) == 0 &&
		  listen(listener, 1) == 0,
	      "abstract: %d", errno);
}

static void set_up(void)
{
	const char *const folders[] = { "ro", "rw", "out", "ro/d", "rw/d", "out/d", "rw/d2" };
	const char *const files[] = { "ro/f", "rw/f", "out/f", "rw/g", "one" };

	CHECK(mkdtemp(top) != NULL && chdir(top) == 0, "set-up");
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		CHECK(mkdir(folders[i], 0755) == 0, "%s", folders[i]);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		make_file(files[i]);
	listen_abstract();
}

static void tear_down(void)
{
	const char *const names[] = {
		"ro/d", "rw/d2/f", "rw/d2", "rw/d",   "out/d", "ro/f", "rw/f",
		"rw/g", "out/f",   "one",   "rw/new", "ro",    "rw",   "out"
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (unlink(names[i]) < 0)
			(void)rmdir(names[i]);
	CHECK(chdir("/") == 0 && rmdir(top) == 0, "tear-down: %d", errno);
	close(listener);
}

/* confine() - to ro, rw, one, /dev writable (terminals), /usr and friends */
static void confine(bool dev_writable)
{
	const struct landlock_tree trees[] = {
		{ open_path("ro"), false },          { open_path("rw"), true },
		{ open_path("one"), true },          { open_path("/usr"), false },
		{ open_path("/dev"), dev_writable }, { open_path("/proc"), false },
	};
	int got = 0;
	int r = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0
		    ? -errno
		    : landlock_enforce(&got, trees, ARRAY_SIZE(trees));

	CHECK(r == 0 && got == abi, "enforce: %d, ABI %d", r, got);
	for (size_t i = 0; i < ARRAY_SIZE(trees); i++)
		close(trees[i].fd);
}

/* Return: 0 or errno */
static int try_open(const char *path, int flags)
{
	CLEANUP_FD int fd = open(path, flags | O_CLOEXEC | O_NOCTTY, 0600);

	return fd < 0 ? errno : 0;
}

static int outcome(int r)
{
	return r < 0 ? errno : 0;
}

static void check_is(const char *what, int got, int want)
{
	CHECK(got == want, "%s: errno %d, want %d", what, got, want);
}

static void check_files(void)
{
	const struct {
		const char *path;
		int flags, want;
	} rows[] = {
		{ "ro/f", O_RDONLY, 0 },
		{ "ro/f", O_WRONLY, EACCES },
		{ "ro/f", O_RDONLY | O_TRUNC, abi >= 3 ? EACCES : 0 },
		{ "ro/new", O_WRONLY | O_CREAT, EACCES },
		{ "ro", O_RDONLY | O_DIRECTORY, 0 },
		{ "rw/f", O_RDWR, 0 },
		{ "rw/new", O_WRONLY | O_CREAT | O_TRUNC, 0 },
		{ "rw", O_RDONLY | O_DIRECTORY, 0 },
		{ "rw/../out/f", O_RDONLY, EACCES },
		{ "out/f", O_RDONLY, EACCES },
		{ "out", O_RDONLY | O_DIRECTORY, EACCES },
		{ ".", O_RDONLY | O_DIRECTORY, EACCES },
		{ "one", O_RDWR, 0 },
		{ "/etc/passwd", O_RDONLY, EACCES },
		{ "/proc/self/root/etc/passwd", O_RDONLY, EACCES },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		check_is(rows[i].path, try_open(rows[i].path, rows[i].flags), rows[i].want);
	check_is("mkdir ro", outcome(mkdir("ro/x", 0700)), EACCES);
	check_is("rmdir ro", outcome(rmdir("ro/d")), EACCES);
	check_is("unlink ro", outcome(unlink("ro/f")), EACCES);
	check_is("symlink ro", outcome(symlink("a", "ro/x")), EACCES);
	check_is("mkdir rw", outcome(mkdir("rw/x", 0700)), 0);
	check_is("rmdir rw", outcome(rmdir("rw/x")), 0);
	check_is("FIFO rw", outcome(mknod("rw/x", S_IFIFO | 0600, 0)), 0);
	check_is("unlink rw", outcome(unlink("rw/x")), 0);
	check_is("symlink rw", outcome(symlink("a", "rw/x")), 0);
	check_is("unlink rw", outcome(unlink("rw/x")), 0);
	check_is("whiteout rw", outcome(mknod("rw/x", S_IFCHR | 0600, 0)), EACCES);
	check_is("rename in rw", outcome(rename("rw/f", "rw/d2/f")), abi >= 2 ? 0 : EXDEV);
	check_is("rename rw ro", outcome(rename("rw/g", "ro/g")), abi >= 2 ? EACCES : EXDEV);
}

static int connect_abstract(void)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	CLEANUP_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(name.sun_path + 1, top, sizeof(top) - 1);
	return outcome(connect(fd, (struct sockaddr *)&name, sizeof(name)));
}

static int ioctl_of(const char *path)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_NOCTTY | O_CLOEXEC);
	int number = 0;

	return fd < 0 ? -1 : outcome(ioctl(fd, TIOCGPTN, &number));
}

static void body_writable_dev(void)
{
	confine(true);
	check_files();
	check_is("abstract socket", connect_abstract(), abi >= 6 ? EPERM : 0);
	check_is("signal outside", outcome(kill(getppid(), 0)), abi >= 6 ? EPERM : 0);
	check_is("signal inside", outcome(kill(getpid(), 0)), 0);
	check_is("/dev/null", try_open("/dev/null", O_RDWR), 0);
	check_is("terminal ioctl", ioctl_of("/dev/ptmx"), 0);
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	check_is("signal child", outcome(kill(pid, SIGKILL)), 0);
	CHECK(waitpid(pid, NULL, 0) == pid, "wait");
}

static void body_readonly_dev(void)
{
	confine(false);
	check_is("write /dev/null", try_open("/dev/null", O_WRONLY), EACCES);
	check_is("terminal ioctl", ioctl_of("/dev/ptmx"), abi >= 5 ? EACCES : 0);
}

/* with no tree at all, nothing is left; a bad descriptor changes nothing */
static void body_odd(void)
{
	int pipe_fds[2], got = -7;

	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && pipe(pipe_fds) == 0, "set-up");
	int r = landlock_enforce(&got, &(struct landlock_tree){ -1, true }, 1);
	CHECK(r == -EBADF && got == -7, "no descriptor: %d", r);
	r = landlock_enforce(&got, &(struct landlock_tree){ pipe_fds[0], true }, 1);
	CHECK(r == -EBADFD && got == -7, "a pipe: %d", r);
	check_is("still free", try_open("out/f", O_RDONLY), 0);
	r = landlock_enforce(&got, NULL, 0);
	CHECK(r == 0 && got == abi, "no trees: %d", r);
	check_is("nothing left", try_open("rw/g", O_RDONLY), EACCES);
}

static void body_cost(void)
{
	const struct landlock_tree trees[] = {
		{ open_path("ro"), false },
		{ open_path("rw"), true },
		{ open_path("/usr"), false },
		{ open_path("/dev"), true },
	};
	struct timespec a, b;
	int got = 0;

	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "set-up");
	clock_gettime(CLOCK_MONOTONIC, &a);
	int r = landlock_enforce(&got, trees, ARRAY_SIZE(trees));
	clock_gettime(CLOCK_MONOTONIC, &b);
	CHECK(r == 0, "%d", r);
	printf("landlock_enforce: ABI %d, 4 trees, %ld us\n", got,
	       (b.tv_sec - a.tv_sec) * 1000000 + (b.tv_nsec - a.tv_nsec) / 1000);
	fflush(stdout);
}

static void in_child(const char *name, bool ordinary, void (*body)(void))
{
	int status = -1;

	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		test_failures = 0;
		if (ordinary &&
		    (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0))
			_exit(2);
		body();
		_exit(test_failures > 0);
	}
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0, "%s: status %x", name,
	      (unsigned)status);
}

int main(void)
{
	abi = landlock_abi();
	if (abi == -ENOSYS || abi == -EOPNOTSUPP) {
		int got = 0;

		printf("this kernel has no Landlock: %d\n", abi);
		CHECK(landlock_enforce(&got, NULL, 0) == abi, "says so");
		return test_failures > 0 ? 1 : 77; /* skipped */
	}
	CHECK(abi >= 1, "ABI %d", abi);
	set_up();
	in_child("odd", false, body_odd);
	in_child("read-only /dev", false, body_readonly_dev);
	in_child("cost", false, body_cost);
	if (geteuid() == 0) {
		CHECK(chmod(top, 0755) == 0, "chmod");
		in_child("ordinary user", true, body_odd);
	}
	in_child("writable /dev", false, body_writable_dev);
	tear_down();
	return test_failures > 0;
}
