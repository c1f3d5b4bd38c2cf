// SPDX-License-Identifier: Apache-2.0
#include "jail/caps.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/test.h"

static void in_child(const char *name, void (*body)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		test_failures = 0;
		body();
		_exit(test_failures > 0);
	}
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0, "%s: status %x", name,
	      (unsigned)status);
}

static void check_sets(void)
{
	for (int cap = 0; cap < 64; cap++) {
		CHECK(caps_have(cap) == 0, "capability %d left", cap);
		CHECK(prctl(PR_CAPBSET_READ, cap, 0, 0, 0) <= 0, "%d in the bounding set", cap);
		CHECK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) <= 0, "%d ambient",
		      cap);
	}
}

static void check_locks(void)
{
	int bits = prctl(PR_GET_SECUREBITS, 0, 0, 0, 0);
	CHECK((bits & SECBIT_NOROOT) != 0 && (bits & SECBIT_KEEP_CAPS) == 0, "bits %x", bits);
	CHECK((bits & SECURE_ALL_LOCKS) == SECURE_ALL_LOCKS, "bits %x not all locked", bits);
	CHECK(prctl(PR_SET_SECUREBITS, 0, 0, 0, 0) < 0 && errno == EPERM, "secure bits came loose");
}

static void check_powerless(void)
{
	check_sets();
	check_locks();

	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[2] = { { 0, 1, 1 }, { 0 } };
	CHECK(syscall(__NR_capget, &header, sets) == 0, "capget");
	CHECK((sets[0].permitted | sets[0].inheritable | sets[1].permitted | sets[1].inheritable) ==
		  0,
	      "permitted or inheritable left");
	sets[0].effective = sets[0].permitted = 1;
	CHECK(syscall(__NR_capset, &header, sets) < 0 && errno == EPERM, "capset");
}

/* the builder's case: all powers, in a user namespace of its own */
static void body_userns(void)
{
	if (unshare(CLONE_NEWUSER) < 0) {
		printf("no user namespaces: %d\n", errno);
		return;
	}
	CHECK(caps_have(CAP_SYS_ADMIN) == 1 && caps_have(CAP_SETPCAP) == 1, "born with power");
	CHECK(caps_have(CAP_LAST_CAP + 20) == 0 && caps_have(-1) == 0 && caps_have(64) == 0,
	      "no such capability");
	int r = caps_drop();
	CHECK(r == 0, "drop: %d", r);
	check_powerless();
	r = caps_drop();
	CHECK(r == 0, "again, without power: %d", r);
	CHECK(sethostname("x", 1) < 0 && errno == EPERM, "sethostname");
}

/* uid 0 gets nothing back by exec */
static void body_root_exec(void)
{
	int status = -1;

	if (geteuid() != 0)
		return;
	int r = caps_drop();
	CHECK(r == 0, "drop: %d", r);
	pid_t pid = fork();
	if (pid == 0) {
		execl("/bin/grep", "grep", "-qE", "^Cap(Eff|Prm|Bnd):.*[1-9a-f]",
		      "/proc/self/status", NULL);
		_exit(2);
	}
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 1,
	      "exec gave capabilities: %x", (unsigned)status);
}

/* nobody who cannot empty the bounding set is told that all is well */
static void body_ordinary(void)
{
	if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
		return;
	if (caps_have(CAP_SETPCAP) == 0 && prctl(PR_CAPBSET_READ, 0, 0, 0, 0) == 1) {
		int r = caps_drop();

		CHECK(r == -EPERM, "%d", r);
	}
}

int main(void)
{
	in_child("userns", body_userns);
	in_child("root exec", body_root_exec);
	in_child("ordinary", body_ordinary);
	return test_failures > 0;
}
