// SPDX-License-Identifier: Apache-2.0
/*
 * Row C17: bombs. Each is bounded by itself, far below what a machine bears: where a limit is
 * missing, the bomb stops and says how far it came.
 */
#include "hostile.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

static long number(int argc, char **argv, int i, long otherwise)
{
	return argc > i ? atol(argv[i]) : otherwise;
}

static int bomb_fork(int argc, char **argv)
{
	long max = number(argc, argv, 1, 500), made = 0;

	while (made < max) {
		pid_t pid = fork();

		if (pid == 0) {
			pause();
			_exit(0);
		}
		if (pid < 0) {
			see("stopped", "%s", strerrorname_np(errno));
			break;
		}
		made++;
	}
	see("made", "%ld", made);
	return 0;
}

static void *idle(void *unused)
{
	pause();
	return unused;
}

static int bomb_threads(int argc, char **argv)
{
	long max = number(argc, argv, 1, 500), made = 0;
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	while (made < max && pthread_create(&thread, &attr, idle, NULL) == 0)
		made++;
	see("made", "%ld", made);
	_exit(0);
}

/* touch() - use @len octets for good. Return: how many MiB there were before it failed */
static void use(char *memory, size_t len)
{
	for (size_t i = 0; i < len; i += 4096)
		((volatile char *)memory)[i] = 1;
}

/* bomb_memory() KIND MIB - reports as it goes, for it may be killed */
static int bomb_memory(int argc, char **argv)
{
	const char *kind = argc > 1 ? argv[1] : "private";
	long max = number(argc, argv, 2, 256);
	const size_t step = 8 << 20;

	for (long mib = 8; mib <= max; mib += 8) {
		void *memory = MAP_FAILED;

		if (strcmp(kind, "private") == 0 || strcmp(kind, "fork") == 0)
			memory = mmap(NULL, step, PROT_READ | PROT_WRITE,
				      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		else if (strcmp(kind, "shared") == 0)
			memory = mmap(NULL, step, PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		else if (strcmp(kind, "sysv") == 0)
			memory = shmat(shmget(IPC_PRIVATE, step, 0600 | IPC_CREAT), NULL, 0);
		else if (strcmp(kind, "heap") == 0)
			memory = sbrk((intptr_t)step);
		if (strcmp(kind, "memfd") == 0) {
			int fd = memfd_create("x", 0);

			if (fd >= 0 && ftruncate(fd, (off_t)step) == 0)
				memory =
				    mmap(NULL, step, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		}
		if (memory == MAP_FAILED || memory == NULL) {
			see("stopped", "%s", strerrorname_np(errno));
			return 0;
		}
		use(memory, step);
		see("used", "%ld", mib);
		if (strcmp(kind, "fork") == 0 &&
		    mib % 32 == 0) { /* go on in a child: each has its own limit */
			pid_t pid = fork();

			if (pid < 0)
				return 0;
			if (pid > 0) {
				waitpid(pid, NULL, 0);
				return 0;
			}
			munmap(memory, step);
			memory = mmap(NULL, 32 << 20, PROT_READ | PROT_WRITE,
				      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			if (memory != MAP_FAILED)
				use(memory, 32 << 20);
		}
	}
	return 0;
}

/* bomb_disk() MIB PATH... - write a new file in each of them in turn: two may be the same folder */
static int bomb_disk(int argc, char **argv)
{
	static char data[1 << 20];
	long max = number(argc, argv, 1, 64), written = 0;

	for (int i = 2; i < argc; i++) {
		char path[256];

		snprintf(path, sizeof(path), "%s/fill%d", argv[i], i);
		int fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
		ssize_t n = fd < 0 ? -1 : 0;
		while (fd >= 0 && written < max << 20 && (n = write(fd, data, sizeof(data))) > 0)
			written += n;
		see("stopped", "%s %s", argv[i], n < 0 ? strerrorname_np(errno) : "not");
		/* tricks that allocate without write() */
		tell(fd < 0 ? -1 : fallocate(fd, 0, 0, (off_t)max << 20), "fallocate %s", argv[i]);
		close(fd);
	}
	see("written", "%ld", written >> 20);
	return 0;
}

/* bomb_inodes() COUNT PATH... */
static int bomb_inodes(int argc, char **argv)
{
	long max = number(argc, argv, 1, 1000);

	for (int i = 2; i < argc; i++) {
		struct statvfs fs = { 0 };
		char path[256];
		long made = 0;

		statvfs(argv[i], &fs);
		see("inodes", "%s %lu of %lu blocks", argv[i], (unsigned long)fs.f_files,
		    (unsigned long)fs.f_blocks);
		for (; made < max; made++) {
			snprintf(path, sizeof(path), "%s/inode%ld", argv[i], made);
			if (mknod(path, S_IFREG | 0600, 0) < 0) {
				see("stopped", "%s %s", argv[i], strerrorname_np(errno));
				break;
			}
		}
		see("made", "%s %ld", argv[i], made);
	}
	return 0;
}

static int bomb_descriptors(int argc, char **argv)
{
	struct rlimit limit;
	long max = number(argc, argv, 1, 100000), made = 0;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	see("limit", "%ld", (long)limit.rlim_max);
	limit.rlim_max++;
	tell(setrlimit(RLIMIT_NOFILE, &limit), "raise the hard limit");
	while (made < max && open("/dev/null", O_RDONLY) >= 0)
		made++;
	see("made", "%ld", made);
	return 0;
}

/* bomb_orphans() - processes whose parent is gone end, too; somebody must wait for them */
static int bomb_orphans(int argc, char **argv)
{
	long max = number(argc, argv, 1, 200), left = 0;

	for (long i = 0; i < max; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			if (fork() == 0)
				usleep(10000);
			_exit(0);
		}
		if (pid > 0)
			waitpid(pid, NULL, 0);
	}
	for (int wait = 0; wait < 50; wait++) {
		left = 0;
		for (pid_t pid = 2; pid < 32768; pid++)
			left += pid != getpid() && kill(pid, 0) == 0;
		if (left == 0)
			break;
		usleep(100000);
	}
	see("left", "%ld", left);
	return 0;
}

/* greed() - priorities and locks beyond what the owner of the host may be allowed */
static int greed(int argc, char **argv)
{
	struct sched_param realtime = { .sched_priority = 1 };
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };

	(void)argc;
	(void)argv;
	tell(sched_setscheduler(0, SCHED_FIFO, &realtime), "SCHED_FIFO");
	tell(sched_setscheduler(0, SCHED_RR, &realtime), "SCHED_RR");
	tell(syscall(SYS_setpriority, PRIO_PROCESS, 0, -5), "nice -5");
	tell(syscall(SYS_ioprio_set, 1, 0, 1 << 13), "real-time io");
	tell(setrlimit(RLIMIT_NPROC, &all), "raise RLIMIT_NPROC");
	tell(setrlimit(RLIMIT_MEMLOCK, &all), "raise RLIMIT_MEMLOCK");
	void *memory =
	    mmap(NULL, 96 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	tell(mlock(memory, 96 << 20), "mlock 96 MiB");
	return 0;
}

/* meddle() - reach for the limits and priority of init, which has our uid */
static int meddle(int argc, char **argv)
{
	const struct sched_param idle = { 0 };
	struct rlimit none = { 0, 0 };
	uint64_t one_cpu = 1;
	struct {
		uint32_t size, policy;
		uint64_t flags, rest[5];
	} attr = { .size = 48, .policy = SCHED_IDLE };

	(void)argc;
	(void)argv;
	tell(prlimit(1, RLIMIT_NOFILE, &none, NULL), "prlimit init NOFILE");
	tell(prlimit(1, RLIMIT_NPROC, &none, NULL), "prlimit init NPROC");
	tell(prlimit(1, RLIMIT_FSIZE, &none, NULL), "prlimit init FSIZE");
	tell(syscall(SYS_prlimit64, 1 | 1UL << 32, RLIMIT_CORE, &none, NULL), "prlimit high bits");
	tell(syscall(SYS_setpriority, PRIO_PROCESS, 1, 19), "renice init");
	tell(syscall(SYS_setpriority, PRIO_PGRP, 1, 19), "renice the group of init");
	tell(syscall(SYS_setpriority, PRIO_USER, 0, 19), "renice the user of init");
	tell(syscall(SYS_setpriority, PRIO_USER, getuid(), 19), "renice the uid of init");
	tell(syscall(SYS_ioprio_set, 1, 1, 3 << 13), "idle io of init");
	tell(syscall(SYS_ioprio_set, 2, 1, 3 << 13), "idle io of the group of init");
	tell(syscall(SYS_ioprio_set, 3, getuid(), 3 << 13), "idle io of the user of init");
	tell(syscall(SYS_sched_setscheduler, 1, SCHED_IDLE, &idle), "idle scheduling of init");
	tell(syscall(SYS_sched_setparam, 1, &idle), "scheduling of init");
	tell(syscall(SYS_sched_setattr, 1, &attr, 0), "scheduling attributes of init");
	tell(syscall(SYS_sched_setaffinity, 1, sizeof(one_cpu), &one_cpu), "one CPU for init");
	return 0;
}

const struct command limit_commands[] = {
	{ "C17-fork", bomb_fork },       { "C17-threads", bomb_threads },
	{ "C17-memory", bomb_memory },   { "C17-disk", bomb_disk },
	{ "C17-inodes", bomb_inodes },   { "C17-descriptors", bomb_descriptors },
	{ "C17-orphans", bomb_orphans }, { "C17-greed", greed },
	{ "C08-meddle", meddle },        { NULL, NULL },
};
