// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: what a kernel can refuse grows with its ABI version, so a table says which
 * rights came with which version; the sum of those up to the running one is handled. A right that
 * is handled is refused everywhere but where a rule grants it. Making device nodes is granted
 * nowhere. Ioctls on devices (terminals, /dev/null) go with the right to write: a tree that holds
 * usable device nodes must be a writable one anyway.
 *
 * The constants are our own, for the headers of a stable distribution know ABI 1 to 3 only.
 * Source: Linux 7.1 include/uapi/linux/landlock.h and Documentation/userspace-api/landlock.rst.
 */
#include "base/landlock.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

enum { CREATE_RULESET_VERSION = 1 << 0, RULE_PATH_BENEATH = 1 };

enum {
	FS_EXECUTE = 1 << 0,
	FS_WRITE_FILE = 1 << 1,
	FS_READ_FILE = 1 << 2,
	FS_READ_DIR = 1 << 3,
	FS_REMOVE_DIR = 1 << 4,
	FS_REMOVE_FILE = 1 << 5,
	FS_MAKE_CHAR = 1 << 6,
	FS_MAKE_DIR = 1 << 7,
	FS_MAKE_REG = 1 << 8,
	FS_MAKE_SOCK = 1 << 9,
	FS_MAKE_FIFO = 1 << 10,
	FS_MAKE_BLOCK = 1 << 11,
	FS_MAKE_SYM = 1 << 12,
	FS_REFER = 1 << 13,
	FS_TRUNCATE = 1 << 14,
	FS_IOCTL_DEV = 1 << 15,
	FS_RESOLVE_UNIX = 1 << 16,

	SCOPE_ABSTRACT_UNIX_SOCKET = 1 << 0,
	SCOPE_SIGNAL = 1 << 1,

	FS_READ = FS_EXECUTE | FS_READ_FILE | FS_READ_DIR,
	FS_NOWHERE = FS_MAKE_CHAR | FS_MAKE_BLOCK,
	/* the kernel refuses a rule for a file that grants what only folders can have */
	FS_OF_FILES = FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV |
		      FS_RESOLVE_UNIX,
};

static const struct {
	int abi; /* the first version that knows them */
	uint64_t fs, scopes;
} steps[] = {
	{ 1, (1 << 13) - 1, 0 }, /* FS_EXECUTE to FS_MAKE_SYM */
	{ 2, FS_REFER, 0 },
	{ 3, FS_TRUNCATE, 0 },
	{ 5, FS_IOCTL_DEV, 0 }, /* 4 was TCP ports */
	{ 6, 0, SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL },
	{ 9, FS_RESOLVE_UNIX, 0 }, /* 7 was audit flags, 8 threads */
};

struct ruleset_attr {
	uint64_t handled_access_fs;
	uint64_t handled_access_net; /* since ABI 4 */
	uint64_t scoped;             /* since ABI 6 */
};

struct path_beneath_attr {
	uint64_t allowed_access;
	int32_t parent_fd;
} __attribute__((packed));

/* handled_by() - all that a kernel of version @abi can refuse, as far as we know */
static struct ruleset_attr handled_by(int abi)
{
	struct ruleset_attr attr = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(steps) && steps[i].abi <= abi; i++) {
		attr.handled_access_fs |= steps[i].fs;
		attr.scoped |= steps[i].scopes;
	}
	return attr;
}

int landlock_abi(void)
{
	long abi = syscall(__NR_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);

	return abi < 0 ? -errno : (int)abi;
}

static int add_tree(int ruleset, uint64_t handled, const struct landlock_tree *tree)
{
	uint64_t granted = tree->writable ? ~(uint64_t)FS_NOWHERE : FS_READ;
	struct path_beneath_attr rule = { handled & granted, tree->fd };
	struct stat st;

	if (fstat(tree->fd, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		rule.allowed_access &= FS_OF_FILES;
	if (syscall(__NR_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0) < 0)
		return -errno;
	return 0;
}

int landlock_enforce(int *ret_abi, const struct landlock_tree *trees, size_t len)
{
	int abi = landlock_abi();
	if (abi < 0)
		return abi;

	/* an older kernel takes the larger struct as long as what it does not know is zero */
	struct ruleset_attr attr = handled_by(abi);
	CLEANUP_FD int ruleset = (int)syscall(__NR_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (ruleset < 0)
		return -errno;
	for (size_t i = 0; i < len; i++) {
		int r = add_tree(ruleset, attr.handled_access_fs, &trees[i]);

		if (r < 0)
			return r;
	}
	if (syscall(__NR_landlock_restrict_self, ruleset, 0) < 0)
		return -errno;
	*ret_abi = abi;
	return 0;
}
