/* SPDX-License-Identifier: Apache-2.0 */
/*
 * observe - what immure-observer tells the warden of a sandbox's system calls, many records a
 * SOCK_SEQPACKET packet. The warden says nothing; that it has shut its side down ends the observer,
 * which then sends what is left. Numbers are little-endian:
 *
 *	packet		u64 lost	records so far for which there was no room
 *			record ...	none in the first, which says that observation is on
 *
 *	record		u64 time_ns	CLOCK_MONOTONIC, when the call had returned
 *			i64 result	of the call: a negative errno if it failed
 *			u64 value[2]	see enum observe_kind
 *			u32 pid, tid	as inside
 *			u16 call	number of the system call on this machine
 *			u8 kind		enum observe_kind
 *			u8 flags	enum observe_flag
 *			char comm[16]	name of the thread, which chooses it; filled up with NULs
 *			u16 path_len, more_len	octets, without any NUL among them
 *			path, more	see enum observe_kind
 */
#ifndef WIRE_OBSERVE_H
#define WIRE_OBSERVE_H

#include "base/base.h"

enum {
	OBSERVE_COMM_OCTETS = 16,       /* TASK_COMM_LEN, its NUL included */
	OBSERVE_TEXT_OCTETS_MAX = 8192, /* two of PATH_MAX: where it starts, and what was named */
	OBSERVE_LOST_OCTETS = 8,
	OBSERVE_RECORD_OCTETS_MIN = 64,
	OBSERVE_RECORD_OCTETS_MAX = OBSERVE_RECORD_OCTETS_MIN + 2 * OBSERVE_TEXT_OCTETS_MAX,
	OBSERVE_PACKET_OCTETS_MAX = 32768,
};

#define OBSERVE_PROGRAM "immure-observer" /* see warden/sibling.h */

enum observe_fd {
	OBSERVE_FD_CHANNEL = 3,
	OBSERVE_FD_NAMESPACE = 4, /* the PID namespace of the sandbox, as /proc/PID/ns/pid opens */
};

/* path is absolute, as the program sees its root, with links resolved where a descriptor tells it. */
enum observe_kind {
	OBSERVE_EXEC = 1, /* path: program (of a script its interpreter); more: as named */
	OBSERVE_OPEN,     /* value: flags, mode */
	OBSERVE_CONNECT,  /* path: address */
	OBSERVE_BIND,     /* path: address */
	OBSERVE_UNLINK,   /* value: flags; rmdir() too */
	OBSERVE_RENAME,   /* more: to where */
	OBSERVE_MKDIR,    /* value: mode */
	OBSERVE_LINK,     /* more: the new name */
	OBSERVE_SYMLINK,  /* more: what it says */
	OBSERVE_MKNOD,    /* value: mode, device */
	OBSERVE_CHMOD,    /* value: mode */
	OBSERVE_CHOWN,    /* value: user, group */
	OBSERVE_TRUNCATE, /* value: octets */
	OBSERVE_MOUNT, /* more: source; value: flags; umount2(), pivot_root(), chroot(), fsopen() ... */
	OBSERVE_PTRACE,    /* value: request, pid as inside; process_vm_readv() ... too */
	OBSERVE_IDENTITY,  /* value: the first two arguments of setuid(), setgid(), capset() ... */
	OBSERVE_MODULE,    /* init_module(), finit_module(), delete_module(), kexec_load() */
	OBSERVE_BPF,       /* value: command */
	OBSERVE_NAMESPACE, /* value: arguments of unshare(), setns() */
	OBSERVE_FOREIGN, /* a call of another machine's numbering (32 bits, x32): its number only */
	OBSERVE_KINDS,
};

extern const char *const observe_kind_names[OBSERVE_KINDS];

enum observe_flag {
	OBSERVE_UNREAD = 1, /* a text could not be read: it is empty */
	OBSERVE_CUT =
	    2, /* the root was not reached on the way from what was named: no absolute path */
	OBSERVE_FLAGS = OBSERVE_UNREAD | OBSERVE_CUT,
};

struct observe_record {
	uint64_t time_ns;
	int64_t result;
	uint64_t value[2];
	uint32_t pid, tid;
	uint16_t call;
	enum observe_kind kind;
	uint8_t flags;
	char comm[OBSERVE_COMM_OCTETS];
	struct span path, more; /* borrowed; decoded: from the packet. Octets of any value but 0 */
};

/* observe_lost_encode() - what starts a packet; @ret: room for OBSERVE_LOST_OCTETS */
void observe_lost_encode(char *ret, uint64_t lost);

/* observe_lost_decode() - @ret_records: what follows. Return: 0; -EPROTO: no packet. */
MUST_USE int observe_lost_decode(uint64_t *ret, struct span *ret_records, struct span packet);

/**
 * observe_encode() - one record
 * @ret:	room for OBSERVE_RECORD_OCTETS_MAX
 *
 * Return: 0; -EINVAL: a text too long or with a NUL, no such kind, a name that is not ended.
 */
MUST_USE int observe_encode(size_t *ret_len, char *ret, const struct observe_record *record);

/* observe_decode() - take one record off the front of @records. Return: 0; -EPROTO. */
MUST_USE int observe_decode(struct observe_record *ret, struct span *records);

#endif
