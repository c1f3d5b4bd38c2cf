// SPDX-License-Identifier: Apache-2.0
/* Rows C1 to C6, C14, C16 (making set-uid files) and C19: descriptors, mounts, names. */
#include "hostile.h"

#include <dirent.h>
#include <linux/openat2.h>
#include <stddef.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>

enum { NR_FCHMODAT2 = 452, NR_SETXATTRAT = 463 }; /* include/uapi/asm-generic/unistd.h */

/* ---- C1: the runtime's own program ---- */

static int c01_program(int argc, char **argv)
{
	static const char *const paths[] = { "/proc/self/exe", "/proc/1/exe", "/proc/1/map_files" };
	char link[256];

	(void)argc;
	(void)argv;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		tell_fd(open(paths[i], O_WRONLY), "open w %s", paths[i]);
		tell_fd(open(paths[i], O_RDWR), "open rw %s", paths[i]);
		tell(truncate(paths[i], 0), "truncate %s", paths[i]);
	}
	ssize_t n = readlink("/proc/self/exe", link, sizeof(link) - 1);
	see("exe", "%.*s", (int)(n > 0 ? n : 0), link);
	return 0;
}

/* ---- C2: what is open ---- */

static int c02_descriptors(int argc, char **argv)
{
	char path[64], link[512];

	(void)argc;
	(void)argv;
	for (int fd = 0; fd < 4096; fd++) {
		if (fcntl(fd, F_GETFD) < 0)
			continue;
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		ssize_t n = readlink(path, link, sizeof(link) - 1);
		see("fd", "%d %.*s", fd, (int)(n > 0 ? n : 0), link);
		struct stat st;
		if (fstat(fd, &st) == 0)
			see("type", "%d %o", fd, st.st_mode & S_IFMT);
		tell(openat(fd, "..", O_RDONLY), "openat %d ..", fd);
		tell(fchdir(fd), "fchdir %d", fd);
	}
	see("cwd", "%s", getcwd(link, sizeof(link)) != NULL ? link : "?");
	return 0;
}

static int c02_ids(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	see("pgid", "%d", (int)getpgid(0));
	see("sid", "%d", (int)getsid(0));
	tell_fd(open("/dev/tty", O_RDWR), "open /dev/tty");
	return 0;
}

/* c02_stream() FD [SHARED]: abuse of a stream that was passed in, beyond reading or writing it */
static int c02_stream(int argc, char **argv)
{
	int fd = argc > 1 ? atoi(argv[1]) : 0;
	char path[64], other[256];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int mode = fcntl(fd, F_GETFL) & O_ACCMODE;
	if (mode == O_RDONLY || mode == O_WRONLY) {
		tell_fd(open(path, mode == O_RDONLY ? O_WRONLY : O_RDONLY), "reopen the other way");
		tell_fd(open(path, O_RDWR), "reopen both ways");
		tell_fd(open(path, O_WRONLY | O_TRUNC), "reopen to truncate");
	}
	snprintf(other, sizeof(other), "/dev/fd/%d", fd);
	tell_fd(open(other, O_PATH), "open as path"); /* harmless by itself */
	tell(fchmod(fd, 04777), "fchmod set-uid");
	tell(chmod(path, 02777), "chmod set-gid");
	tell(fchmod(fd, 0666), "fchmod 0666");
	tell(syscall(NR_FCHMODAT2, fd, "", 0646, AT_EMPTY_PATH), "fchmodat2 0646");
	tell(fsetxattr(fd, "user.hostile", "x", 1, 0), "fsetxattr");
	tell(futimens(fd, (struct timespec[2]){ { 1, 0 }, { 1, 0 } }), "futimens");
	tell(linkat(AT_FDCWD, path, AT_FDCWD, "/tmp/stolen", AT_SYMLINK_FOLLOW), "link into /tmp");
	if (argc > 2) {
		snprintf(other, sizeof(other), "%s/stolen", argv[2]);
		tell(linkat(AT_FDCWD, path, AT_FDCWD, other, AT_SYMLINK_FOLLOW),
		     "link into the share");
		tell(linkat(fd, "", AT_FDCWD, other, AT_EMPTY_PATH), "link by descriptor");
	}
	tell(fcntl(fd, F_SETLEASE, mode == O_RDONLY ? F_RDLCK : F_WRLCK), "lease");
	return 0;
}

/* c02_append() - `>> file` shall mean append: not what is there already */
static int c02_append(int argc, char **argv)
{
	int fd = argc > 1 ? atoi(argv[1]) : 2;

	tell(fcntl(fd, F_SETFL, 0), "clear O_APPEND");
	tell(pwrite(fd, "GONE", 4, 0), "overwrite the start");
	tell(ftruncate(fd, 0), "truncate");
	tell(fallocate(fd, 3, 0, 4096), "punch a hole"); /* FALLOC_FL_PUNCH_HOLE | KEEP_SIZE */
	return 0;
}

/* c02_socket() - a socket as stdin or stdout must not be one of the host's network */
static int c02_socket(int argc, char **argv)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	(void)argc;
	(void)argv;
	for (int fd = 0; fd < 3; fd++) {
		struct stat st;
		int type = 0;

		if (fstat(fd, &st) == 0)
			see("type", "%d %o", fd, st.st_mode & S_IFMT);
		tell(getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &(socklen_t){ sizeof(type) }),
		     "socket %d", fd);
		tell(connect(fd, &none, sizeof(none)), "connect %d to AF_UNSPEC", fd);
	}
	return 0;
}

/* ---- C6, C19: shared folders ---- */

static int c06_readonly(int argc, char **argv)
{
	char path[256], other[256];
	const char *folder = argc > 1 ? argv[1] : "/mnt";

	snprintf(path, sizeof(path), "%s/file", folder);
	snprintf(other, sizeof(other), "%s/other", folder);
	tell_fd(open(path, O_WRONLY), "open w");
	tell_fd(open(path, O_RDWR), "open rw");
	tell_fd(open(path, O_RDONLY | O_TRUNC), "open truncating");
	tell_fd(open(other, O_CREAT | O_WRONLY, 0600), "create");
	tell_fd(open(folder, O_TMPFILE | O_RDWR, 0600), "tmpfile");
	tell(truncate(path, 0), "truncate");
	tell(unlink(path), "unlink");
	tell(rename(path, other), "rename");
	tell(link(path, other), "link");
	tell(symlink("x", other), "symlink");
	tell(mkdir(other, 0700), "mkdir");
	tell(mkfifo(other, 0600), "mkfifo");
	tell(chmod(path, 0666), "chmod");
	tell(chmod(folder, 0777), "chmod folder");
	tell(syscall(NR_FCHMODAT2, AT_FDCWD, path, 0666, 0), "fchmodat2");
	tell(chown(path, getuid(), getgid()), "chown");
	tell(utimensat(AT_FDCWD, path, NULL, 0), "utimensat");
	tell(setxattr(path, "user.hostile", "x", 1, 0), "setxattr");
	int fd = open(path, O_RDONLY);
	if (fd >= 0) {
		tell(fchmod(fd, 0666), "fchmod");
		tell(ftruncate(fd, 0), "ftruncate");
		tell(futimens(fd, NULL), "futimens");
		void *map = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		tell(map == MAP_FAILED ? -1 : 0, "map writable");
		int flags = 0x10; /* FS_IMMUTABLE_FL, linux/fs.h */
		tell(ioctl(fd, 0x40086602, &flags), "chattr");
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		tell_fd(open(path, O_RDWR), "reopen rw");
	}
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	snprintf(name.sun_path, sizeof(name.sun_path), "%.100s", other);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	tell(bind(fd, (struct sockaddr *)&name, sizeof(name)), "bind a socket");
	return 0;
}

/* c19_rename() PROTECTED... - move or replace what is mounted there, or a parent of it */
static int c19_rename(int argc, char **argv)
{
	char other[512];

	for (int i = 1; i < argc; i++) {
		snprintf(other, sizeof(other), "%s.moved", argv[i]);
		tell(rename(argv[i], other), "rename %s", argv[i]);
		tell(unlink(argv[i]), "unlink %s", argv[i]);
		tell(rmdir(argv[i]), "rmdir %s", argv[i]);
		mkdir(other, 0700);
		tell(syscall(SYS_renameat2, AT_FDCWD, argv[i], AT_FDCWD, other, 2), "exchange %s",
		     argv[i]);
		rmdir(other);
	}
	return 0;
}

static int c03_write(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		tell_fd(open(argv[i], O_WRONLY), "open w %s", argv[i]);
	return 0;
}

static int c05_read(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		tell_fd(open(argv[i], O_RDONLY), "open %s", argv[i]);
	return 0;
}

/* ---- C14: sockets of the host ---- */

static int c14_sockets(int argc, char **argv)
{
	static const char *const usual[] = {
		"/run/dbus/system_bus_socket",
		"/var/run/docker.sock",
		"/run/docker.sock",
		"/run/containerd/containerd.sock",
		"/run/systemd/private",
		"/run/systemd/notify",
		"/run/systemd/journal/socket",
		"/run/udev/control",
		"/tmp/.X11-unix/X0",
		"/dev/log",
		"/run/user/0/bus",
		"/run/user/1000/bus",
		"/run/snapd.socket",
		"/var/run/nscd/socket",
		"@/tmp/.X11-unix/X0",
		"@/tmp/dbus-0",
		"@ISCSIADM_ABSTRACT_NAMESPACE",
	};

	for (size_t i = 0; i < ARRAY_SIZE(usual) + (size_t)argc - 1; i++) {
		const char *path =
		    i < ARRAY_SIZE(usual) ? usual[i] : argv[i - ARRAY_SIZE(usual) + 1];
		struct sockaddr_un name = { .sun_family = AF_UNIX };
		int len = snprintf(name.sun_path, sizeof(name.sun_path), "%s", path);

		for (int type = SOCK_STREAM; type <= SOCK_SEQPACKET; type++) {
			if (type != SOCK_STREAM && type != SOCK_DGRAM && type != SOCK_SEQPACKET)
				continue;
			int fd = socket(AF_UNIX, type, 0);
			if (path[0] == '@')
				name.sun_path[0] = '\0';
			tell(connect(
				 fd, (struct sockaddr *)&name,
				 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)len)),
			     "connect %s type %d", path, type);
			close(fd);
		}
	}
	return 0;
}

/* ---- C16: files that give privileges on the host ---- */

static void try_openat2(const char *path, mode_t mode, const char *bit)
{
	struct open_how how = { .flags = O_CREAT | O_WRONLY | O_EXCL, .mode = mode };

	tell_fd(syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how)), "openat2 %s", bit);
}

static void try_setid(const char *folder, mode_t bits, const char *bit)
{
	char path[256], plain[256], inner[256];
	int n = 0;
#define NEXT (snprintf(path, sizeof(path), "%s/%s%d", folder, bit, n++), path)

	snprintf(plain, sizeof(plain), "%s/plain-%s", folder, bit);
	int fd = open(plain, O_CREAT | O_RDWR, 0755);
	tell(syscall(SYS_fchmod, fd, bits | 0755), "fchmod %s", bit);
	tell(syscall(SYS_fchmod, fd, (unsigned long)bits | 0755 | 1UL << 32), "fchmod high %s",
	     bit);
	tell(syscall(SYS_fchmodat, AT_FDCWD, plain, bits | 0755), "fchmodat %s", bit);
	tell(syscall(NR_FCHMODAT2, AT_FDCWD, plain, bits | 0755, 0), "fchmodat2 %s", bit);
	tell(syscall(NR_FCHMODAT2, fd, "", bits | 0755, AT_EMPTY_PATH), "fchmodat2 empty %s", bit);
	tell_fd(syscall(SYS_openat, AT_FDCWD, NEXT, O_CREAT | O_WRONLY, bits | 0755), "openat %s",
		bit);
	tell_fd(syscall(SYS_openat, AT_FDCWD, NEXT, O_CREAT | O_EXCL | O_RDWR, bits | 0711),
		"openat exclusive %s", bit);
	tell_fd(syscall(SYS_openat, AT_FDCWD, folder, O_TMPFILE | O_RDWR, bits | 0755),
		"tmpfile %s", bit);
	try_openat2(NEXT, bits | 0755, bit);
	tell(syscall(SYS_mknodat, AT_FDCWD, NEXT, S_IFREG | bits | 0755, 0), "mknodat %s", bit);
	tell(syscall(SYS_mknodat, AT_FDCWD, NEXT, bits | 0755, 0), "mknodat without type %s", bit);
#ifdef SYS_chmod
	tell(syscall(SYS_chmod, plain, bits | 0755), "chmod %s", bit);
	tell_fd(syscall(SYS_open, NEXT, O_CREAT | O_WRONLY, bits | 0755), "open %s", bit);
	tell_fd(syscall(SYS_creat, NEXT, bits | 0755), "creat %s", bit);
	tell(syscall(SYS_mknod, NEXT, S_IFREG | bits | 0755, 0), "mknod %s", bit);
#endif
	/* the draft of a set-uid program: written by one name, linked to another */
	snprintf(inner, sizeof(inner), "%s/linked-%s", folder, bit);
	fd = open(folder, O_TMPFILE | O_RDWR, bits | 0755);
	if (fd >= 0)
		tell(linkat(AT_FDCWD, (snprintf(path, sizeof(path), "/proc/self/fd/%d", fd), path),
			    AT_FDCWD, inner, AT_SYMLINK_FOLLOW),
		     "link a tmpfile %s", bit);
#undef NEXT
}

/* c16_setid() FOLDER - whether a call is refused matters less than what lies there afterwards */
static int c16_setid(int argc, char **argv)
{
	const char *folder = argc > 1 ? argv[1] : "/tmp";

	(void)umask(0);
	try_setid(folder, S_ISUID, "suid");
	try_setid(folder, S_ISGID, "sgid");
	try_setid(folder, S_ISUID | S_ISGID, "both");
	return 0;
}

/* c16_acl() FOLDER - an ACL whose text carries mode bits, by old and new calls */
static int c16_acl(int argc, char **argv)
{
	static const unsigned char acl[] = { 2,   0,   0, 0, 1,   0,   7,   0,   255, 255,
					     255, 255, 4, 0, 7,   0,   255, 255, 255, 255,
					     32,  0,   7, 0, 255, 255, 255, 255 };
	const char *folder = argc > 1 ? argv[1] : "/tmp";
	char path[256];

	snprintf(path, sizeof(path), "%s/acl", folder);
	close(open(path, O_CREAT | O_RDWR, 0755));
	(void)setxattr(path, "system.posix_acl_access", acl, sizeof(acl), 0);
	tell(setxattr(path, "trusted.overlay.opaque", "y", 1, 0), "trusted xattr");
	tell(setxattr(path, "security.selinux", "y", 1, 0), "security xattr");
	return 0;
}

/* ---- C10: a path that changes under the one who checks it ---- */

/* c10_swap() A B SECONDS - exchange two names as fast as can be */
static int c10_swap(int argc, char **argv)
{
	int64_t end = now_ms() + (argc > 3 ? atoi(argv[3]) : 1) * 1000;
	long count = 0;

	while (argc > 3 && now_ms() < end)
		for (int i = 0; i < 100; i++)
			count +=
			    syscall(SYS_renameat2, AT_FDCWD, argv[1], AT_FDCWD, argv[2], 2) == 0;
	see("swaps", "%ld", count);
	return 0;
}

const struct command file_commands[] = {
	{ "C01", c01_program },       { "C02", c02_descriptors },   { "C02-ids", c02_ids },
	{ "C02-stream", c02_stream }, { "C02-append", c02_append }, { "C02-socket", c02_socket },
	{ "C03-write", c03_write },   { "C05-read", c05_read },     { "C06", c06_readonly },
	{ "C10-swap", c10_swap },     { "C14", c14_sockets },       { "C16-setid", c16_setid },
	{ "C16-acl", c16_acl },       { "C19", c19_rename },        { NULL, NULL },
};
