/* SPDX-License-Identifier: Apache-2.0 */
/* files - the worker that does one FILE_* operation, so that init never waits for a disk. */
#ifndef AGENT_FILES_PRIV_H
#define AGENT_FILES_PRIV_H

#include "agent/jobs_priv.h"

/* What getdents64(2) writes: struct linux_dirent64, include/linux/dirent.h. */
struct kernel_entry {
	uint64_t inode;
	int64_t offset;
	uint16_t octets; /* to the next one */
	uint8_t type;
	char name[];
};

/* An operation as a worker gets it. */
struct files_task {
	enum agent_type type;
	int fd; /* borrowed; where the content goes to or comes from */
	const struct agent_file *file;
	const char *path; /* file->path with a NUL */
};

/**
 * files_start() - fork a worker
 * @job:	of kind JOB_FILE, with its shared memory
 *
 * The worker exits 0 with @job->shared->moved set, else 1 with error and step set.
 * Return: 0: it runs, as job->pid; else -errno of fork().
 */
MUST_USE int files_start(struct job *job, const struct files_task *task);

/* files_ended() - the worker was reaped with @status: note what is to be told */
void files_ended(struct job *job, int status);

#endif
