// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: these look at the host and at single calls. Where a call is tried, the
 * thing it made is closed at once; the two that confine their process (caps, seccomp) run in a
 * child. cgroups: mountinfo says where a hierarchy is mounted and which of its folders that is,
 * /proc/self/cgroup which folder is ours; both may be seen from inside a container.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/kvm.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/landlock.h"
#include "jail/caps.h"
#include "jail/probe_priv.h"
#include "jail/seccomp.h"

void probe_kernel(struct probe_result *ret)
{
	struct utsname name;
	char *end = NULL;

	if (uname(&name) < 0) {
		probe_failed(ret, "uname", errno);
		return;
	}
	long major = strtol(name.release, &end, 10);
	long minor = *end == '.' ? strtol(end + 1, NULL, 10) : 0;
	bool new_enough = major > 5 || (major == 5 && minor >= 12); /* 5.12: mount_setattr() */
	probe_is(ret, new_enough ? PROBE_OK : PROBE_MISSING, "%s %s", name.sysname, name.release);
}

void probe_openat2(struct probe_result *ret)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC,
				.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
	CLEANUP_FD int fd = (int)syscall(__NR_openat2, AT_FDCWD, ".", &how, sizeof(how));

	if (fd < 0)
		probe_failed(ret, "openat2", errno);
	else
		probe_is(ret, PROBE_OK, "openat2 works");
}

void probe_pidfd(struct probe_result *ret)
{
	CLEANUP_FD int fd = (int)syscall(__NR_pidfd_open, getpid(), 0);

	if (fd < 0)
		probe_failed(ret, "pidfd_open", errno);
	else if (syscall(__NR_pidfd_send_signal, fd, 0, NULL, 0) < 0)
		probe_failed(ret, "pidfd_send_signal", errno);
	else
		probe_is(ret, PROBE_OK, "pidfd_open and pidfd_send_signal work");
}

void probe_memfd(struct probe_result *ret)
{
	CLEANUP_FD int fd = memfd_create("probe", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		probe_failed(ret, "memfd_create", errno);
	else if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW) < 0)
		probe_failed(ret, "F_ADD_SEALS", errno);
	else
		probe_is(ret, PROBE_OK, "memory files can be sealed");
}

void probe_caps(struct probe_result *ret)
{
	if (unshare(CLONE_NEWUSER) < 0) {
		probe_failed(ret, "unshare(CLONE_NEWUSER)", errno);
		return;
	}
	int r = caps_drop();
	if (r < 0)
		probe_failed(ret, "drop of all capabilities", -r);
	else
		probe_is(ret, PROBE_OK, "all capabilities can be dropped");
}

void probe_landlock(struct probe_result *ret)
{
	int abi = landlock_abi();

	if (abi < 0)
		probe_failed(ret, "Landlock", -abi);
	else
		probe_is(ret, PROBE_OK, "ABI %d: files%s%s%s%s", abi, abi >= 2 ? ", renames" : "",
			 abi >= 3 ? ", truncation" : "", abi >= 5 ? ", device ioctls" : "",
			 abi >= 9 ? ", unix sockets" : "");
}

void probe_landlock_scopes(struct probe_result *ret)
{
	int abi = landlock_abi();

	if (abi < 0)
		probe_failed(ret, "Landlock", -abi);
	else if (abi < 6)
		probe_is(ret, PROBE_MISSING, "ABI %d; scopes came with 6", abi);
	else
		probe_is(ret, PROBE_OK, "signals and abstract sockets can be scoped");
}

void probe_seccomp(struct probe_result *ret)
{
	int r = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : seccomp_install();

	if (r < 0) {
		probe_failed(ret, "seccomp filter", -r);
		return;
	}
	errno = 0; /* a filter that does not hold would be worse than none */
	if (syscall(__NR_setns, -1, 0) < 0 && errno == EPERM)
		probe_is(ret, PROBE_OK, "the filter loads and holds");
	else
		probe_is(ret, PROBE_MISSING, "the filter loads, but does not hold (setns: %d)",
			 errno);
}

void probe_notify(struct probe_result *ret)
{
	struct seccomp_notif_sizes sizes;

	if (syscall(__NR_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) < 0)
		probe_failed(ret, "SECCOMP_GET_NOTIF_SIZES", errno);
	else
		probe_is(ret, PROBE_OK, "calls can be passed to a supervisor");
}

/* has_word() - is @word one of the words of @list, which @sep divides? */
static bool has_word(struct span list, const char *word, char sep)
{
	while (list.ptr != NULL)
		if (span_is(span_trim(span_cut(&list, sep)), word))
			return true;
	return false;
}

/*
 * mount_of() - where the cgroup hierarchy with @controller (NULL: version 2) is mounted: a line
 * "36 35 98:0 /root /mount/point options - cgroup source super,options" of mountinfo.
 */
static bool mount_of(struct span *ret_root, struct span *ret_point, struct span mountinfo,
		     const char *controller)
{
	while (mountinfo.ptr != NULL) {
		struct span line = span_cut(&mountinfo, '\n');
		struct span root = { 0 }, point = { 0 };

		for (int field = 0; field < 3; field++)
			(void)span_cut(&line, ' ');
		root = span_cut(&line, ' ');
		point = span_cut(&line, ' ');
		while (line.ptr != NULL && !span_is(span_cut(&line, ' '), "-"))
			continue;
		struct span type = span_cut(&line, ' ');
		(void)span_cut(&line, ' ');
		if (type.ptr == NULL || !span_is(type, controller != NULL ? "cgroup" : "cgroup2"))
			continue;
		if (controller != NULL && !has_word(line, controller, ','))
			continue;
		*ret_root = root;
		*ret_point = point;
		return true;
	}
	return false;
}

/* group_of() - our folder in that hierarchy: a line "number:controllers:/path" of /proc/self/cgroup
 */
static bool group_of(struct span *ret, struct span groups, const char *controller)
{
	while (groups.ptr != NULL) {
		struct span line = span_cut(&groups, '\n');
		struct span number = span_cut(&line, ':');
		struct span names = span_cut(&line, ':');

		if (line.ptr == NULL)
			continue;
		if (controller != NULL ? has_word(names, controller, ',')
				       : span_is(number, "0") && names.len == 0) {
			*ret = line;
			return true;
		}
	}
	return false;
}

/* own_folder() - the path of our cgroup in the file system. Return: 0 or -ENOENT. */
static int own_folder(char *ret, size_t octets, const char *controller)
{
	char *mounts = probe_read("/proc/self/mountinfo");
	char *groups = probe_read("/proc/self/cgroup");
	struct span root, point, group;
	int r = -ENOENT;

	if (mounts != NULL && groups != NULL &&
	    mount_of(&root, &point, span_of(mounts), controller) &&
	    group_of(&group, span_of(groups), controller)) {
		if (root.len > 1 && group.len >= root.len &&
		    memcmp(group.ptr, root.ptr, root.len) == 0)
			group = span_drop(group, root.len); /* only a part is mounted */
		if (span_is(group, "/"))
			group.len = 0;
		int n = snprintf(ret, octets, "%.*s%.*s", (int)point.len, point.ptr, (int)group.len,
				 group.ptr);
		r = n > 0 && (size_t)n < octets ? 0 : -ENAMETOOLONG;
	}
	free(mounts);
	free(groups);
	return r;
}

void probe_cgroup2(struct probe_result *ret)
{
	char folder[2048], file[2048 + 32];

	if (own_folder(folder, sizeof(folder), NULL) < 0) {
		probe_is(ret, PROBE_MISSING, "cgroup v2 is not mounted");
		return;
	}
	snprintf(file, sizeof(file), "%s/cgroup.controllers", folder);
	char *text = probe_read(file);
	struct span list = text != NULL ? span_trim(span_of(text)) : SPAN("");
	if (list.len > 0 && list.ptr[list.len - 1] == '\n')
		list.len--;
	bool enough = has_word(list, "memory", ' ') && has_word(list, "pids", ' ');
	if (access(folder, W_OK) < 0)
		probe_is(ret, PROBE_MISSING, "%.90s is not writable for this user", folder);
	else
		probe_is(ret, enough ? PROBE_OK : PROBE_MISSING, "%.90s has controllers: %.*s",
			 folder, list.len > 0 ? (int)list.len : 4,
			 list.len > 0 ? list.ptr : "none");
	free(text);
}

void probe_cgroup1(struct probe_result *ret)
{
	const char *const wanted[] = { "memory", "pids", "cpu", "freezer" };
	char folder[2048], found[64] = "";
	size_t len = 0;

	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		if (own_folder(folder, sizeof(folder), wanted[i]) == 0 && access(folder, W_OK) == 0)
			len += (size_t)snprintf(found + len, sizeof(found) - len, " %s", wanted[i]);
	if (len > 0)
		probe_is(ret, PROBE_OK, "writable controllers:%s", found);
	else
		probe_is(ret, PROBE_MISSING, "no version 1 controller is writable for this user");
}

void probe_fuse(struct probe_result *ret)
{
	CLEANUP_FD int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		probe_failed(ret, "/dev/fuse", errno);
	else
		probe_is(ret, PROBE_OK, "/dev/fuse opens");
}

void probe_kvm(struct probe_result *ret)
{
	CLEANUP_FD int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int version = fd < 0 ? -1 : ioctl(fd, KVM_GET_API_VERSION, 0);

	if (version < 0)
		probe_failed(ret, "/dev/kvm", errno);
	else
		probe_is(ret, version == KVM_API_VERSION ? PROBE_OK : PROBE_MISSING,
			 "/dev/kvm speaks version %d", version);
}

/* A ring buffer is what the observer needs, and an unprivileged user never gets one. */
void probe_bpf(struct probe_result *ret)
{
	union bpf_attr attr = { .map_type = BPF_MAP_TYPE_RINGBUF, .max_entries = 1 << 16 };
	CLEANUP_FD int fd = (int)syscall(__NR_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));

	if (fd < 0)
		probe_failed(ret, "BPF ring buffer", errno);
	else if (access("/sys/kernel/btf/vmlinux", R_OK) < 0)
		probe_failed(ret, "types of the kernel, /sys/kernel/btf/vmlinux", errno);
	else
		probe_is(ret, PROBE_OK, "ring buffers and kernel types");
}

/* A helper in core_pattern runs as root outside of every sandbox, fed by whoever crashes inside. */
void probe_core(struct probe_result *ret)
{
	char *text = probe_read("/proc/sys/kernel/core_pattern");

	if (text == NULL)
		probe_is(ret, PROBE_UNKNOWN, "core_pattern cannot be read");
	else if (text[0] == '|')
		probe_is(ret, PROBE_MISSING, "core dumps are fed to a helper on the host");
	else
		probe_is(ret, PROBE_OK, "core dumps start no helper on the host");
	free(text);
}
