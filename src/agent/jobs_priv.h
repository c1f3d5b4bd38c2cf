/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jobs - the table of what init was asked to do and has not fully told about.
 *
 * Nothing that goes to the warden is queued: what a job has yet to tell stands in its row as TELL_*
 * bits, and is sent when the channel takes it. So a warden that does not read costs no memory.
 */
#ifndef AGENT_JOBS_PRIV_H
#define AGENT_JOBS_PRIV_H

#include <sys/types.h>

#include "wire/agent.h"

enum { JOBS_MAX = 256 };

enum job_kind {
	JOB_FREE,
	JOB_PROGRAM,  /* pid: the program, leader of its session */
	JOB_TERMINAL, /* pid: the session leader, a process of ours (leader.c) */
	JOB_FILE,     /* pid: a worker of ours (files.c) */
};

/* In the order in which they are told. The last three end the job. */
enum job_tell {
	TELL_STARTED = 1 << 0,
	TELL_STOPPED = 1 << 1,
	TELL_EXITED = 1 << 2,
	TELL_FAILED = 1 << 3,
	TELL_DONE = 1 << 4,
};

/* What a leader or worker writes for init to read; no program can reach that memory. */
struct job_shared {
	uint32_t pid;         /* leader: of the program, once it runs; written last */
	uint32_t stop_signal; /* leader: what stopped the program */
	uint32_t error;       /* errno of what failed, or 0 */
	uint32_t step;        /* enum agent_step of it */
	uint64_t moved;       /* worker: octets */
};

struct init;

struct job {
	struct init *init; /* whose */
	enum job_kind kind;
	uint32_t id;
	pid_t pid;             /* whom we wait for; 0: it has ended */
	uint32_t early_signal; /* terminal: came before the program ran */
	unsigned tell;         /* enum job_tell, what the warden does not know yet */
	bool started;          /* terminal: we know that the program runs */
	int64_t start_ns;
	uint32_t told_pid;    /* for STARTED */
	uint32_t stop_signal; /* for STOPPED */
	bool stopped;         /* a terminal's leader stands still, as its program does */
	struct agent_exit exit;
	struct agent_failure failure;
	uint64_t moved;
	struct job_shared *shared; /* terminal and file; zeroed when the job starts */
	struct terminal *terminal; /* terminal: owned by terminal.c */
};

struct jobs {
	size_t end; /* rows from here on were never used, nor their memory touched */
	struct job_shared *shared;
	struct init *init;
	struct job rows[JOBS_MAX];
};

/* jobs_add() - Return: a row of @kind, or NULL when all are taken */
MUST_USE struct job *jobs_add(struct jobs *jobs, uint32_t id, enum job_kind kind);

/* jobs_share() - give @job its shared memory. Return: 0 or -errno. */
MUST_USE int jobs_share(struct jobs *jobs, struct job *job);

MUST_USE struct job *jobs_by_id(struct jobs *jobs, uint32_t id); /* NULL: none */
MUST_USE struct job *jobs_by_pid(struct jobs *jobs, pid_t pid);  /* NULL: none */
void jobs_free(struct job *job);

/* job_note_started() - has the leader started the program? Then that is to be told, once. */
void job_note_started(struct job *job);

/* What is to be told: a failure, an exit as wait4() says it. */
void job_fail(struct job *job, enum agent_step step, int error);
void job_exited(struct job *job, int status);

#endif
