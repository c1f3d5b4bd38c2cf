// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: each probe here runs in a child of its own. It first makes a user namespace
 * as the builder does, root too, and then one thing more; so a fact is about the builder's powers,
 * not the caller's. Nothing made here is reachable from outside; all ends with the child.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "jail/probe_priv.h"

#define OPEN_TREE_WHOLE (OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | 0x8000 /* AT_RECURSIVE */)
#define NEWTIME         0x80 /* CLONE_NEWTIME, linux/sched.h; sched.h of glibc 2.36 lacks it */

static int write_text(const char *path, const char *text)
{
	CLEANUP_FD int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd_write_all(fd, span_of(text));
}

/* enter_userns() - become root of a new user namespace. Return: 0, or -errno with *ret_what. */
static int enter_userns(const char **ret_what)
{
	char uid_map[48], gid_map[48];

	snprintf(uid_map, sizeof(uid_map), "0 %u 1", geteuid());
	snprintf(gid_map, sizeof(gid_map), "0 %u 1", getegid());
	if (unshare(CLONE_NEWUSER) < 0) {
		*ret_what = "unshare(CLONE_NEWUSER)";
		return -errno;
	}
	int r = write_text("/proc/self/uid_map", uid_map);
	if (r == 0)
		r = write_text("/proc/self/setgroups", "deny");
	if (r == 0)
		r = write_text("/proc/self/gid_map", gid_map);
	if (r < 0)
		*ret_what = "map of the user namespace";
	return r;
}

/* enter() - a user namespace and then the namespaces of @flags; false: ret says what failed */
static bool enter(struct probe_result *ret, int flags, const char *what)
{
	const char *failed = NULL;
	int r = enter_userns(&failed);

	if (r < 0) {
		probe_failed(ret, failed, -r);
		ret->remedy = "user namespaces come first: see userns";
		return false;
	}
	if (unshare(flags) < 0) {
		probe_failed(ret, what, errno);
		return false;
	}
	probe_is(ret, PROBE_OK, "%s works", what);
	return true;
}

static long sysctl_number(const char *path, long otherwise)
{
	char *text = probe_read(path);
	long number = text != NULL ? strtol(text, NULL, 10) : otherwise;

	free(text);
	return number;
}

/* userns_remedy() - which switch of which distribution forbids it; NULL: none we know */
static const char *userns_remedy(void)
{
	if (sysctl_number("/proc/sys/kernel/unprivileged_userns_clone", 1) == 0)
		return "sysctl -w kernel.unprivileged_userns_clone=1";
	if (sysctl_number("/proc/sys/user/max_user_namespaces", 1) == 0)
		return "sysctl -w user.max_user_namespaces=15000";
	if (sysctl_number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", 0) != 0)
		return "give immure an AppArmor profile with \"userns,\", or sysctl -w "
		       "kernel.apparmor_restrict_unprivileged_userns=0";
	return NULL;
}

void probe_userns(struct probe_result *ret)
{
	const char *remedy = userns_remedy();
	const char *failed = NULL;
	int r = enter_userns(&failed);

	/* AppArmor lets the namespace be made, but gives no capability in it: try one */
	if (r == 0 && unshare(CLONE_NEWUTS) < 0) {
		failed = "power inside the user namespace";
		r = -errno;
	}
	if (r == 0)
		probe_is(ret, PROBE_OK, "made, mapped, and gives power over what it owns");
	else
		probe_failed(ret, failed, -r);
	ret->remedy = remedy;
}

void probe_mountns(struct probe_result *ret)
{
	(void)enter(ret, CLONE_NEWNS, "unshare(CLONE_NEWNS)");
}

void probe_netns(struct probe_result *ret)
{
	(void)enter(ret, CLONE_NEWNET, "unshare(CLONE_NEWNET)");
}

void probe_ipcns(struct probe_result *ret)
{
	(void)enter(ret, CLONE_NEWIPC, "unshare(CLONE_NEWIPC)");
}

void probe_utsns(struct probe_result *ret)
{
	(void)enter(ret, CLONE_NEWUTS, "unshare(CLONE_NEWUTS)");
}

void probe_cgroupns(struct probe_result *ret)
{
	(void)enter(ret, CLONE_NEWCGROUP, "unshare(CLONE_NEWCGROUP)");
}

void probe_timens(struct probe_result *ret)
{
	(void)enter(ret, NEWTIME, "unshare(CLONE_NEWTIME)");
}

/* first_child() - fork once into the new PID namespace. Return: 0 in the child, else as fork(). */
static pid_t first_child(struct probe_result *ret)
{
	pid_t pid = fork();

	if (pid < 0)
		probe_failed(ret, "first process of the PID namespace", errno);
	return pid;
}

void probe_pidns(struct probe_result *ret)
{
	int status = 0;

	if (!enter(ret, CLONE_NEWPID, "unshare(CLONE_NEWPID)"))
		return;
	pid_t pid = first_child(ret);
	if (pid == 0)
		_exit(getpid() == 1 ? 0 : 1);
	if (pid > 0 && (waitpid(pid, &status, 0) != pid || status != 0))
		probe_is(ret, PROBE_MISSING, "the first process there is not PID 1");
}

/* mount_fresh_proc() - Return: 0 or errno. Needs no mount point: the mount stays detached. */
static int mount_fresh_proc(void)
{
	CLEANUP_FD int context = (int)syscall(__NR_fsopen, "proc", FSOPEN_CLOEXEC);

	if (context < 0)
		return errno;
	if (syscall(__NR_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return errno;
	CLEANUP_FD int mount = (int)syscall(__NR_fsmount, context, FSMOUNT_CLOEXEC, 0);
	return mount < 0 ? errno : 0;
}

/* The kernel refuses a new /proc where every visible one is partly covered: mount_too_revealing()
 */
void probe_proc(struct probe_result *ret)
{
	int status = 0;

	if (!enter(ret, CLONE_NEWPID | CLONE_NEWNS, "unshare(CLONE_NEWPID | CLONE_NEWNS)"))
		return;
	pid_t pid = first_child(ret);
	if (pid == 0)
		_exit(mount_fresh_proc() & 0xff);
	if (pid < 0)
		return;
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		probe_is(ret, PROBE_UNKNOWN, "the process that mounted it died");
	else if (WEXITSTATUS(status) != 0)
		probe_failed(ret, "mount of a new /proc", WEXITSTATUS(status));
	else
		probe_is(ret, PROBE_OK, "a new /proc can be mounted");
}

void probe_mount_api(struct probe_result *ret)
{
	struct mount_attr attr = { .attr_set =
				       MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV };

	if (!enter(ret, CLONE_NEWNS, "unshare(CLONE_NEWNS)"))
		return;
	CLEANUP_FD int tree = (int)syscall(__NR_open_tree, AT_FDCWD, "/", OPEN_TREE_WHOLE);
	if (tree < 0)
		probe_failed(ret, "open_tree", errno);
	else if (syscall(__NR_mount_setattr, tree, "", AT_EMPTY_PATH | 0x8000 /* AT_RECURSIVE */,
			 &attr, sizeof(attr)) < 0)
		probe_failed(ret, "mount_setattr", errno);
	else if (syscall(__NR_move_mount, tree, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		probe_failed(ret, "move_mount", errno);
	else
		probe_is(ret, PROBE_OK, "open_tree, mount_setattr and move_mount work");
}

/* ask_netfilter() - send @ask, read one answer. Return: 0 or errno. */
static int ask_netfilter(const void *ask, size_t len)
{
	union {
		struct nlmsghdr header;
		char room[1024];
	} answer = { 0 };
	CLEANUP_FD int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);

	if (fd < 0 || send(fd, ask, len, 0) < 0)
		return errno;
	ssize_t n = recv(fd, &answer, sizeof(answer), MSG_DONTWAIT); /* netlink answers at once */
	if (n < (ssize_t)sizeof(answer.header))
		return n < 0 ? errno : EPROTO;
	if (answer.header.nlmsg_type != NLMSG_ERROR)
		return 0;
	return -((struct nlmsgerr *)NLMSG_DATA(&answer.header))->error;
}

/* ask_nftables() - ask for the generation of the (empty) rule set. Return: 0 or errno. */
static int ask_nftables(void)
{
	const struct {
		struct nlmsghdr header;
		struct nfgenmsg family;
	} ask = {
		.header = { .nlmsg_len = sizeof(ask),
			    .nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN,
			    .nlmsg_flags = NLM_F_REQUEST },
	};

	return ask_netfilter(&ask, sizeof(ask));
}

/* bind_log() - bind a log group, as capture_log.c does. Return: 0 or errno. */
static int bind_log(void)
{
	const struct {
		struct nlmsghdr header;
		struct nfgenmsg family;
		struct nlattr attribute;
		struct nfulnl_msg_config_cmd bind;
		char fill[3]; /* up to four octets */
	} ask = {
		.header = { .nlmsg_len = sizeof(ask),
			    .nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG,
			    .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK },
		.family = { .res_id = htons(1) },
		.attribute = { .nla_len = sizeof(ask.attribute) + sizeof(ask.bind),
			       .nla_type = NFULA_CFG_CMD },
		.bind = { .command = NFULNL_CFG_CMD_BIND },
	};

	return ask_netfilter(&ask, sizeof(ask));
}

void probe_nflog(struct probe_result *ret)
{
	if (!enter(ret, CLONE_NEWNET, "unshare(CLONE_NEWNET)"))
		return;
	int error = bind_log();
	if (error != 0)
		probe_failed(ret, "nfnetlink_log in a new network namespace", error);
	else
		probe_is(ret, PROBE_OK, "refused packets can be reported");
}

void probe_nftables(struct probe_result *ret)
{
	if (!enter(ret, CLONE_NEWNET, "unshare(CLONE_NEWNET)"))
		return;
	int error = ask_nftables();
	if (error != 0)
		probe_failed(ret, "nf_tables in a new network namespace", error);
	else
		probe_is(ret, PROBE_OK, "nf_tables answers in a new network namespace");
}

void probe_transparent(struct probe_result *ret)
{
	const int on = 1;

	if (!enter(ret, CLONE_NEWNET, "unshare(CLONE_NEWNET)"))
		return;
	CLEANUP_FD int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		probe_failed(ret, "socket(AF_INET6)", errno);
	else if (setsockopt(fd, IPPROTO_IPV6, IPV6_TRANSPARENT, &on, sizeof(on)) < 0)
		probe_failed(ret, "IPV6_TRANSPARENT", errno);
	else
		probe_is(ret, PROBE_OK, "sockets can take flows to any address");
}
