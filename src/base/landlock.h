/* SPDX-License-Identifier: Apache-2.0 */
/*
 * landlock - the second wall for files: were a mount ever to be in the wrong place, still only the
 * listed trees can be reached, and only the writable ones changed.
 */
#ifndef BASE_LANDLOCK_H
#define BASE_LANDLOCK_H

#include "base/base.h"

struct landlock_tree {
	int fd; /* O_PATH, of a folder (all below it, across mounts) or a file; borrowed */
	bool writable;
};

/**
 * landlock_abi() - which Landlock the running kernel has
 *
 * Return: its ABI version, at least 1; -ENOSYS: built without; -EOPNOTSUPP: disabled at boot.
 */
MUST_USE int landlock_abi(void);

/**
 * landlock_enforce() - confine the calling thread, and what it will start, to @trees for ever
 * @ret_abi:	the kernel's ABI version; what it adds is in landlock.c, what it lacks is not
 * enforced
 * @trees:	read and execute in all; write, make, remove, rename and device ioctls in writable
 * ones
 *
 * Every access right that the kernel and we know is handled, so what no tree grants is refused
 * (EACCES; EXDEV for a rename between trees on ABI 1). Where the kernel can (ABI 6), also signals
 * and abstract unix sockets reach only what is confined by this same call; and (ABI 9) unix
 * sockets made outside can be connected to only in writable trees. Networks are not handled here:
 * the network namespace has no way out at all.
 *
 * The caller is single-threaded and has set no_new_privs. Changing mounts is refused afterwards.
 * Return: 0; -ENOSYS, -EOPNOTSUPP: as landlock_abi(); -EBADFD: a descriptor is no file of a mount;
 * another negative errno. Nothing is enforced unless 0.
 */
MUST_USE int landlock_enforce(int *ret_abi, const struct landlock_tree *trees, size_t len);

#endif
