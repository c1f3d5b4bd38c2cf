/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of state share: state_text (pure: octets in, values out) and state_files (the few
 * system calls, all beneath a descriptor, none of which follows a link or waits).
 */
#ifndef WARDEN_STATE_PRIV_H
#define WARDEN_STATE_PRIV_H

#include "warden/state.h"

#define STATE_VMS "vms" /* the folder of all sandboxes */

enum {
	STATE_CONFIG_OCTETS_MAX = 1024 * 1024,
	STATE_STATUS_OCTETS = sizeof("starting"), /* the longest and a newline; others get two */
};

/* A process for good: its number may be used again, but not with the same start. */
struct state_process {
	pid_t pid;
	uint64_t start; /* clock ticks since boot */
};

/* The texts below end with a newline, or they were cut and are refused. Return: 0 or -EINVAL. */
MUST_USE int state_text_process(struct state_process *ret, struct span text);
MUST_USE int state_text_status(enum state_status *ret, struct span text);
MUST_USE int state_text_seconds(int64_t *ret, struct span text);

/* state_text_put_status() - the text of status, without a NUL */
void state_text_put_status(char ret[STATE_STATUS_OCTETS], enum state_status status);

/* state_text_draft() - whose is the folder ".new-PID-STARTTIME-a1b2c3d4"? Return: 0 or -EINVAL. */
MUST_USE int state_text_draft(struct state_process *ret, struct span name);

/* state_text_stat() - one /proc/PID/stat (proc(5)). Return: 0; -ESRCH: it is dead; -EINVAL. */
MUST_USE int state_text_stat(uint64_t *ret_start, struct span text);

/* state_text_config() - image and command of config.json; what is not there stays as it is */
void state_text_config(struct state_entry *entry, struct span json);

/* state_text_escape() - write @text so that a terminal shows it and does nothing else; cut to @size
 */
void state_text_escape(char *ret, size_t size, struct span text);

/* state_files_self() - the calling process. Return: 0 or -errno. */
MUST_USE int state_files_self(struct state_process *ret);

/* state_files_alive() - does that very process run? Return: 1; 0; -errno: /proc does not tell. */
MUST_USE int state_files_alive(const struct state_process *process);

/* state_files_folder() - open the folder @name, never a link to one. Return: 0 or -errno. */
MUST_USE int state_files_folder(int *ret, int dir, const char *name);

/* state_files_read() - a regular file of at most @capacity octets. Return: 0; -EFBIG; -errno. */
MUST_USE int state_files_read(struct span *ret, char *buffer, size_t capacity, int dir,
			      const char *name);

/* state_files_write() - make a file that is not there yet. Return: 0 or -errno. */
MUST_USE int state_files_write(int dir, const char *name, struct span text);

/* state_files_overwrite() - write @text over a file of just that length. Return: 0; -EINVAL: it is
 * none; -errno. */
MUST_USE int state_files_overwrite(int dir, const char *name, struct span text);

/* state_files_each() - call @each with all names but "." and ".."; ends when it returns non-zero.
 * Return: 0; what @each returned; -errno. */
MUST_USE int state_files_each(int dir, int (*each)(void *context, int dir, const char *name),
			      void *context);

/* state_files_rename() - give @from a new name, @prefix and eight random hex digits, that is free.
 * @ret: room for strlen(@prefix) + 9. Return: 0 or -errno. */
MUST_USE int state_files_rename(char *ret, size_t size, int dir, const char *from,
				const char *prefix);

/* state_files_delete() - delete @name and all below it, following no link and entering no other
 * file system. Return: 0 (also if there is no such name) or -errno, which may be ignored for a
 * hidden name: the next state_prune() meets it again. */
int state_files_delete(int dir, const char *name);

#endif
