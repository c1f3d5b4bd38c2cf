/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jail - the walls of the ns backend: namespaces, mounts, capabilities, Landlock, seccomp, limits.
 *
 * A launch has two phases, so that the costly half can be done before anybody knows what to run:
 *
 *	jail_spawn()	clones the builder into fresh namespaces; it brings up the network namespace
 *			and its capture sockets, then waits
 *	jail_build()	gives it the plan: it builds the root, raises every wall, and becomes init
 *
 * The builder reports a failing stage by name; it never runs init with a wall missing, unless the
 * plan names that wall as degraded. Nothing it makes outlives its processes (cgroups: jail_free()).
 */
#ifndef JAIL_JAIL_H
#define JAIL_JAIL_H

#include <sys/types.h>

#include "base/base.h"
#include "jail/capture.h"

enum {
	JAIL_MOUNTS_MAX = 64,
	JAIL_PLACES_MAX = 64, /* folders above one; a deeper one is refused */
	JAIL_SETTINGS_PLACES_MAX =
	    2 * JAIL_PLACES_MAX, /* of settings and policy, by two names each */
	JAIL_PROGRAM_FOLDERS_MAX = 2,
	JAIL_TEXT_OCTETS = 4096 * 20, /* all texts of a plan together */
};

/* The walls, in the order they go up. A name is what --allow-degraded and `immure doctor` use. */
enum jail_wall {
	WALL_USERNS,   /* user namespace */
	WALL_MOUNTNS,  /* mount namespace */
	WALL_PIDNS,    /* PID namespace */
	WALL_NETNS,    /* network namespace */
	WALL_IPCNS,    /* IPC namespace */
	WALL_UTSNS,    /* UTS namespace */
	WALL_CGROUPNS, /* cgroup namespace */
	WALL_TIMENS,   /* time namespace */
	WALL_CAPTURE,  /* every flow ends on a socket of ours */
	WALL_ROOT,     /* private read-only root */
	WALL_PROC,     /* own /proc, masked */
	WALL_LIMITS,   /* rlimits */
	WALL_NNP,      /* no_new_privs */
	WALL_CAPS,     /* no capabilities, none to be had */
	WALL_LANDLOCK, /* Landlock */
	WALL_SECCOMP,  /* seccomp */
	WALL_COUNT,
};

extern const char *const jail_wall_names[WALL_COUNT];

/* jail_wall_by_name() - Return: the wall, or WALL_COUNT if there is none of that name. */
MUST_USE enum jail_wall jail_wall_by_name(struct span name);

enum jail_mount_type {
	JAIL_MOUNT_BIND = 1, /* a host folder or file */
	JAIL_MOUNT_TMPFS,
};

/* A text in plan->text[], so that a plan can be shared between processes: offset, or 0 for none. */
typedef uint32_t jail_text;

struct jail_mount {
	enum jail_mount_type type;
	jail_text path;   /* inside, absolute */
	jail_text source; /* bind: absolute host path */
	uint32_t
	    readonly; /* 0 or 1; of this size so that plans hold no padding and can be compared */
	uint64_t size_mb; /* tmpfs limit; 0: the default */
};

/* A file or folder of the host, whatever its path. */
struct jail_place {
	uint64_t dev, ino;
};

struct jail_plan {
	uid_t user;       /* uid and gid the program sees itself as */
	jail_text rootfs; /* 0: the host's system folders */
	jail_text hostname;
	jail_text trust;      /* a certificate that programs shall trust, PEM; 0: none */
	jail_text trust_hash; /* of its subject, as openssl-rehash(1) names links; with trust */
	jail_text trust_nss;  /* folder of an NSS database that trusts it; 0: none */
	uint64_t disk_mb;     /* scratch space; 0: half of the memory */
	uint64_t processes;   /* RLIMIT_NPROC */
	uint64_t memory_mb;   /* per-process rlimit in place of a cgroup, with leave; 0: none */
	uint64_t degraded;    /* bit per enum jail_wall that may be missing */
	/* immure's own state folder, then all above it: nothing of these may be shared */
	uint32_t state_len, settings_len;
	struct jail_place state[JAIL_PLACES_MAX];
	/* the --config file, then all above it: nothing of these may be shared for writing */
	struct jail_place settings[JAIL_SETTINGS_PLACES_MAX];
	/* the folders that hold immure's own programs, those above each among them; nothing of these, and
	 * nothing below the first of each, may be shared for writing */
	uint32_t programs_len, program_folders_len;
	struct jail_place programs[JAIL_PLACES_MAX];
	struct jail_place program_folders[JAIL_PROGRAM_FOLDERS_MAX];
	uint32_t mounts_len;
	struct jail_mount mounts[JAIL_MOUNTS_MAX];
	uint32_t text_len; /* octets of text[] in use; text[0] is always NUL */
	char text[JAIL_TEXT_OCTETS];
};

/* jail_plan_text() - store @text in the plan. Return: its offset, or 0 when the plan is full. */
MUST_USE jail_text jail_plan_text(struct jail_plan *plan, const char *text);

/* What the builder tells of how it went. */
struct jail_report {
	uint64_t missing; /* bit per enum jail_wall that is not in force (only degraded ones) */
	bool failed;
	enum jail_wall wall; /* failed: which */
	int error;           /* failed: errno */
	char detail[192];    /* failed: what exactly, e.g. "mount /proc" */
};

struct jail {
	pid_t pid;   /* of the builder, then init, in our namespace */
	int pidfd;   /* owned; readable when it ended */
	int agent;   /* owned; our end of init's channel (SOCK_SEQPACKET, wire/agent.h) */
	int control; /* owned; readable when the builder reported; -1 once it is init */
	int capture[CAPTURE_SOCKETS]; /* owned; see jail/capture.h; TCP is -1: none have come yet */
	/* owned; holds the mount namespace, whose end would delay that of init; -1: not held */
	int mountns;
	bool shares;            /* the plan shows folders of the user's */
	struct jail_plan *plan; /* shared with the builder until jail_build(); fill it in */
	uid_t host_uid;         /* who the program is outside */
};

/* Files inside, if the plan has something to trust: that alone, and the roots with it; the latter
 * for Java as well, if there is a store of roots for it. */
#define JAIL_TRUST_CERTIFICATE "/run/immure/ca.crt"
#define JAIL_TRUST_BUNDLE      "/run/immure/ca-bundle.crt"
#define JAIL_TRUST_STORE       "/run/immure/cacerts"

#define JAIL_HOSTNAME "immure" /* of the plan most sandboxes have */
enum { JAIL_USER = 1000 };

/**
 * jail_spawn() - phase one: clone a builder
 * @ret:	filled in; release with jail_free()
 * @ahead:	the plan will most likely want the default root (no rootfs, the host name and the
 *		user above, no size): build it at once
 *
 * Return: 0; a negative errno with *diag set (what to do about it included).
 */
MUST_USE int jail_spawn(struct jail *ret, bool ahead, struct diag *diag);

/* jail_build() - phase two: let the builder go on with ret->plan. Return: 0 or -errno. */
MUST_USE int jail_build(struct jail *jail);

/**
 * jail_report_read() - what the builder said on jail->control, once that is readable
 *
 * Return: 1: it became init (control is closed); 0: capture sockets came, go on waiting;
 * -EPROTO or the failing stage's errno: report->failed, *diag says which wall and the remedy.
 */
MUST_USE int jail_report_read(struct jail *jail, struct jail_report *report, struct diag *diag);

/* jail_kill() - end what runs, without waiting */
void jail_kill(const struct jail *jail);

/* jail_end() - end what runs; when it returns, nothing does */
void jail_end(struct jail *jail);

/* jail_free() - kill what still runs, close everything */
void jail_free(struct jail *jail);

#endif
