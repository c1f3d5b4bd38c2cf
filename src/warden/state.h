/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state - the folder of every sandbox, as ADR-0001 "VM accounting" lays it out:
 *
 *	~/.immure/vms/vm-a1b2c3d4/
 *		pid		"12345 67890\n": process id of the warden and its start time (clock
 *				ticks since boot, field 22 of /proc/PID/stat), since PIDs are reused
 *		config.json	the settings in force, and "command": what runs, a text or an array
 *		status		"created" | "starting" | "running" | "stopping" | "stopped" |
 *				"crashed"
 *		created_at	Unix time in seconds
 *		socket		JSON-RPC of the running sandbox
 *		ports.json	while it runs: its published ports, if any (warden/publish.h)
 *		refused.jsonl	what it was refused of the network, if anything (warden/refusals.h), and
 *				refused.jsonl.1, what came before
 *		logs/vm.log	output of its programs
 *		logs/start.json	walls and limits in force, self-test result
 *		logs/end.json	how many processes the kernel killed for the limit of memory, if any
 *
 * IMMURE_HOME replaces ~/.immure. Folders are 0700, files 0600. status is overwritten
 * in place, the other files stay as they were made or are replaced whole (fd_replace_file()). All
 * of it may be changed by the owner's other processes at any time, so what is read is checked: an
 * unreadable folder is a crashed sandbox, not an error of the listing.
 *
 * A folder is built under a hidden name (".new-PID-STARTTIME-a1b2c3d4") and renamed once it is
 * whole; it is renamed to another (".old-a1b2c3d4") before it is deleted. So a name that is an id is
 * always a whole sandbox, and what a killed process leaves behind is hidden until state_prune()
 * takes it.
 */
#ifndef WARDEN_STATE_H
#define WARDEN_STATE_H

#include <sys/types.h>

#include "base/base.h"

enum {
	STATE_ID_OCTETS = sizeof("vm-a1b2c3d4"),
	STATE_HOME_OCTETS = 4096,   /* PATH_MAX */
	STATE_LIST_MAX = 64 * 1024, /* sandboxes in one listing: 25 MB of entries */
};

enum state_status {
	STATE_CREATED,
	STATE_STARTING,
	STATE_RUNNING,
	STATE_STOPPING,
	STATE_STOPPED,
	STATE_CRASHED,
	STATE_COUNT,
};

extern const char *const state_names[STATE_COUNT];

/* What a listing says of a sandbox. */
struct state_entry {
	char id[STATE_ID_OCTETS];
	enum state_status
	    status; /* a dead warden's "running" reads as crashed, and is corrected on disk */
	pid_t pid;  /* of the warden, which lives; 0: none, or stopped */
	int64_t created_at; /* Unix seconds; 0: unknown */
	int64_t created_ns; /* when that was written, in nanoseconds: the order within a second */
	char image[64];     /* these two are from config.json, safe to print on a terminal: */
	char command[256];  /* cut with "...", control characters and bad UTF-8 as \xNN */
};

/* state_id_valid() - is it "vm-" and eight hex digits in lower case? */
MUST_USE bool state_id_valid(const char *id);

/* state_home_path() - where state_home() looks, absolute, without a slash at the end.
 * Return: 0; -EINVAL, -ENOENT or -ENAMETOOLONG with *diag set. */
MUST_USE int state_home_path(char *ret, size_t size, struct diag *diag);

/**
 * state_home() - open (and make) ~/.immure. @ret: owned.
 *
 * Return: 0; -EPERM: it is not ours alone to write; another -errno. *diag is set on each.
 */
MUST_USE int state_home(int *ret, struct diag *diag);

/* A sandbox's folder while it is hidden. */
struct state_draft {
	int vms, dir;  /* owned; -1: none */
	char name[64]; /* of the folder in vms */
};

/* state_draft() - make such a folder ahead of its settings: all of state_create() that takes time.
 * Return: 0; -errno with *diag. */
MUST_USE int state_draft(struct state_draft *ret, int home, struct diag *diag);

/* state_publish() - state_create() with what is there already; the draft is gone in any case */
MUST_USE int state_publish(int *ret_dir, char *ret_id, struct state_draft *draft,
			   struct span config_json, struct diag *diag);

/* state_draft_drop() - delete it; one that is none is fine */
void state_draft_drop(struct state_draft *draft);

/**
 * state_create() - make the folder of a new sandbox: id, created_at, pid, status "created", logs/
 * @ret_dir:	owned descriptor of vms/ID
 * @ret_id:	room for STATE_ID_OCTETS
 * @config_json: text for config.json
 *
 * The caller is the warden: its process id goes into pid. Nothing visible is left on failure.
 */
MUST_USE int state_create(int *ret_dir, char *ret_id, int home, struct span config_json,
			  struct diag *diag);

MUST_USE int state_set_status(int dir, enum state_status status);

/* state_log_open() - logs/vm.log of the sandbox, to append to, made if need be. @ret: owned. */
MUST_USE int state_log_open(int *ret, int dir);

/* state_open() - the folder of @id. Return: 0; -ENOENT and *diag: no such sandbox; -EINVAL: no id.
 */
MUST_USE int state_open(int *ret_dir, int home, const char *id, struct diag *diag);

/* state_read() - one entry. A folder that does not read is STATE_CRASHED.
 * Return: 0; -EINVAL: no id; -ENOENT: no such folder; another -errno: we lack descriptors or
 * memory. */
MUST_USE int state_read(struct state_entry *ret, int home, const char *id);

/* state_list() - all, oldest first, then by id. @ret: allocated, owned by the caller (NULL if
 * none). Return: 0; -EOVERFLOW: more than STATE_LIST_MAX; another -errno. */
MUST_USE int state_list(struct state_entry **ret, size_t *ret_len, int home);

/* state_pidfd() - a descriptor of the warden of @id, sure to be that very process (pidfd + start
 * time). Return: 0; -ESRCH: it does not run; another -errno. */
MUST_USE int state_pidfd(int *ret, int home, const char *id);

/* state_remove() - delete the folder. Return: 0; -EBUSY and *diag: it is running; another -errno
 * and *diag (part of it may be left under a hidden name, which state_prune() takes up again). */
MUST_USE int state_remove(int home, const char *id, struct diag *diag);

/**
 * state_prune() - remove every crashed and stopped sandbox, and what killed processes left half
 * done
 * @ret_ids:	what was removed, allocated, owned by the caller (NULL if nothing)
 *
 * One folder that cannot be removed does not stop the rest. Return: 0 or -errno.
 */
MUST_USE int state_prune(char (**ret_ids)[STATE_ID_OCTETS], size_t *ret_len, int home);

#endif
