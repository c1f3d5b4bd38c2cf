/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * event - what bpf/observe.bpf.c and the process that loads it share: the plan that is written before it
 * is loaded, and what comes through the ring. Licensed as that program, which is read by both.
 */
#ifndef OBSERVE_EVENT_H
#define OBSERVE_EVENT_H

#include <linux/types.h>

enum {
	EVENT_CALLS_MAX = 512,      /* numbers of system calls; the highest so far is 469 */
	EVENT_TEXT_OCTETS = 4096,   /* PATH_MAX, its NUL included */
	EVENT_WALK_OCTETS = 4096,   /* of names on the way to the root */
	EVENT_STEPS_MAX = 256,      /* names and mount points on that way */
	EVENT_NAME_OCTETS = 256,    /* NAME_MAX and a NUL */
	EVENT_COMM_OCTETS = 16,     /* TASK_COMM_LEN */
	EVENT_ADDRESS_OCTETS = 128, /* struct sockaddr_storage */
	EVENT_DATA_OCTETS = 2 * (EVENT_TEXT_OCTETS + EVENT_WALK_OCTETS),
	EVENT_RING_OCTETS = 8 << 20,
};

enum event_rule_flag {
	EVENT_OPENS = 1,       /* the result is a descriptor, which knows best what was opened */
	EVENT_ONLY_FAILED = 2, /* success is told otherwise */
	EVENT_HOW = 4,         /* the second value is struct open_how, of which its flags count */
};

/* What of a call is told: arguments, counted from 1; 0: none. */
struct event_rule {
	__u8 kind; /* enum observe_kind; 0: this call is none of ours */
	__u8 flags;
	__u8 dir[2], path[2]; /* the first's descriptor (without one: the working folder), and it */
	__u8 fd;              /* a descriptor in place of the first path */
	__u8 raw;             /* a text in place of the second path, told as it is */
	__u8 address; /* a socket address in place of the first path; its length follows it */
	__u8 value[2];
	__u8 unused;
};

struct event_plan {
	__u64 dev,
	    ino; /* of the PID namespace that is observed, as stat(2) has them for its file */
	__u8 kind_exec, kind_foreign;
	__u16 call_exec;
	__u8 unused[4];
	struct event_rule rules[EVENT_CALLS_MAX];
};

enum event_flag {
	EVENT_UNREAD = 1, /* a text could not be read */
	EVENT_CUT = 2,    /* a way to the root was too long, or led elsewhere */
};

/*
 * Behind it: for each of the two paths its text, then the names from where it starts up to the root of
 * the process, the last first, each ended by a NUL.
 */
struct event {
	__u64 time_ns; /* CLOCK_MONOTONIC, when the call returned */
	__s64 result;
	__u64 value[2];
	__u32 pid, tid; /* as inside */
	__u16 call;
	__u8 kind, flags;
	__u16 text_len[2], walk_len[2];
	char comm[EVENT_COMM_OCTETS];
	__u32 unused;
};

#endif
