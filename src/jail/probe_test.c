// SPDX-License-Identifier: Apache-2.0
/*
 * Every fact must be well-formed whoever asks; a few that can be known in another way must be
 * right; and the caller must be as it was before.
 */
#include "jail/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/landlock.h"
#include "base/test.h"

static struct probe_fact facts[PROBE_FACTS_MAX];
static size_t len;

static const struct probe_fact *fact(const char *name)
{
	static const struct probe_fact none = { .name = "none" };

	for (size_t i = 0; i < len; i++)
		if (strcmp(facts[i].name, name) == 0)
			return &facts[i];
	return &none;
}

static void print_facts(void)
{
	const char *const words[] = { "unknown", "missing", "ok" };

	for (size_t i = 0; i < len; i++)
		printf("%-16s %-8s %s%s%s\n", facts[i].name, words[facts[i].state], facts[i].detail,
		       facts[i].remedy[0] != '\0' ? " -> " : "", facts[i].remedy);
}

static void check_form(const struct probe_fact *f)
{
	CHECK(f->detail[0] != '\0' && memchr(f->detail, 0, sizeof(f->detail)) != NULL, "%s",
	      f->name);
	CHECK((f->remedy[0] == '\0') == (f->state == PROBE_OK), "%s: remedy", f->name);
	CHECK(f->wall <= WALL_COUNT, "%s: wall %d", f->name, (int)f->wall);
	CHECK(strchr(f->detail, '\n') == NULL, "%s: one line", f->name);
	CHECK(fact(f->name) == f, "%s: twice", f->name);
}

/* can_map_userns() - the same question put by the system's own tool, if there is one */
static bool can_map_userns(void)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		execlp("unshare", "unshare", "-Urpf", "true", NULL);
		_exit(127);
	}
	return waitpid(pid, &status, 0) == pid && status == 0;
}

/* what this process can find out without the prober */
static void check_known(void)
{
	const struct {
		const char *name;
		bool ok, missing; /* must be so; neither: not known here */
	} rows[] = {
		{ "landlock", landlock_abi() > 0, landlock_abi() < 0 },
		{ "landlock-scopes", landlock_abi() >= 6, landlock_abi() < 6 },
		{ "fuse", access("/dev/fuse", R_OK | W_OK) == 0,
		  access("/dev/fuse", R_OK | W_OK) < 0 },
		{ "kvm", false, access("/dev/kvm", R_OK | W_OK) < 0 },
		{ "bpf", false, geteuid() != 0 },
		{ "observation", false, fact("bpf")->state == PROBE_MISSING },
		{ "userns", can_map_userns(), false },
		{ "pidns", can_map_userns(), false },
		{ "netns", false, fact("userns")->state == PROBE_MISSING },
		{ "seccomp", true, false }, /* the tests of it need it, too */
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		enum probe_state state = fact(rows[i].name)->state;

		CHECK(!rows[i].ok || state == PROBE_OK, "%s", rows[i].name);
		CHECK(!rows[i].missing || state == PROBE_MISSING, "%s", rows[i].name);
	}
	CHECK(fact("kernel")->wall == WALL_COUNT && fact("proc")->wall == WALL_PROC, "walls");
}

/* the prober leaves no trace in its caller */
static void check_untouched(ino_t userns)
{
	struct stat st;

	CHECK(stat("/proc/self/ns/user", &st) == 0 && st.st_ino == userns,
	      "moved to another userns");
	CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0, "no_new_privs came on");
	CHECK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, "a child was left");
	for (int fd = 3; fd < 64; fd++)
		CHECK(fcntl(fd, F_GETFD) < 0, "descriptor %d was left", fd);
}

static void check_all(void)
{
	struct stat before;
	struct timespec a, b;

	CHECK(stat("/proc/self/ns/user", &before) == 0, "stat");
	clock_gettime(CLOCK_MONOTONIC, &a);
	int r = probe_all(facts, ARRAY_SIZE(facts), &len);
	clock_gettime(CLOCK_MONOTONIC, &b);
	CHECK(r == 0 && len > 20, "%d, %zu facts", r, len);
	print_facts();
	printf("probe_all: %ld ms\n",
	       (b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000);
	for (size_t i = 0; i < len; i++)
		check_form(&facts[i]);
	check_known();
	check_untouched(before.st_ino);
}

/* in a child, for it changes who we are */
static void test_ordinary(void)
{
	int status = -1;

	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		test_failures = 0;
		if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
			_exit(2);
		/* the change of ids hid /proc/self, as it would not be for a user who logged in */
		CHECK(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0, "dumpable");
		printf("as an ordinary user:\n");
		check_all();
		fflush(stdout);
		_exit(test_failures > 0);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0, "status %x", (unsigned)status);
}

static void test_ends(void)
{
	struct probe_fact one = { 0 };
	size_t got = 99;

	CHECK(probe_all(facts, 3, &got) == -ENOSPC && got == 99, "too small");
	CHECK(probe_one(&one, "landlock") == 0 && strcmp(one.name, "landlock") == 0, "one");
	CHECK(probe_one(&one, "no such thing") == -ENOENT, "none");
}

int main(void)
{
	for (int fd = 3; fd < 64; fd++)
		close(fd);
	test_ends();
	check_all();
	if (geteuid() == 0)
		test_ordinary();
	return test_failures > 0;
}
