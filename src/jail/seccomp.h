/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp - the wall of system calls: an allow-list with a reason for each row (syscalls.table).
 *
 * Nothing in there is per sandbox: one constant program serves all, so that it can be made at
 * build time, proven equal to the table by a test, and inherited from a zygote.
 */
#ifndef JAIL_SECCOMP_H
#define JAIL_SECCOMP_H

#include "base/base.h"

struct seccomp_row {
	const char *name;
	const char *reason;
	const char *rule; /* the verdict depends on the arguments; NULL: it does not */
	uint16_t number;
	uint16_t error; /* errno that the call gets; 0: it is allowed, or the rule decides */
};

/**
 * seccomp_install() - put the calling thread and what it will start behind the filter, for ever
 *
 * The caller has set no_new_privs and is single-threaded. Afterwards it can neither mount nor
 * enter or make a namespace: this is the last wall. Calls made in another architecture's way
 * (int 0x80) end the process with SIGSYS.
 * Return: 0; -EINVAL: the kernel has no seccomp filters; -EACCES: no_new_privs is not set;
 * another negative errno.
 */
MUST_USE int seccomp_install(void);

/**
 * seccomp_explain() - what the filter makes of a system call number of this architecture
 *
 * Return: the row, static; NULL: not listed, so the call gets ENOSYS.
 */
MUST_USE const struct seccomp_row *seccomp_explain(uint32_t number);

#endif
