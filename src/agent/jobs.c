// SPDX-License-Identifier: Apache-2.0
#include "agent/jobs_priv.h"

#include <assert.h>
#include <errno.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/clock.h"

struct job *jobs_add(struct jobs *jobs, uint32_t id, enum job_kind kind)
{
	size_t i = 0;

	while (i < jobs->end && jobs->rows[i].kind != JOB_FREE)
		i++;
	if (i == JOBS_MAX)
		return NULL;
	if (i == jobs->end)
		jobs->end++;
	jobs->rows[i] = (struct job){
		.init = jobs->init,
		.kind = kind,
		.id = id,
		.start_ns = clock_mono_ns(),
	};
	return &jobs->rows[i];
}

int jobs_share(struct jobs *jobs, struct job *job)
{
	if (jobs->shared == NULL) {
		void *at = mmap(NULL, JOBS_MAX * sizeof(*jobs->shared), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);

		if (at == MAP_FAILED)
			return -errno;
		jobs->shared = at;
	}
	job->shared = &jobs->shared[job - jobs->rows];
	*job->shared = (struct job_shared){ 0 };
	return 0;
}

struct job *jobs_by_id(struct jobs *jobs, uint32_t id)
{
	for (size_t i = 0; i < jobs->end; i++)
		if (jobs->rows[i].kind != JOB_FREE && jobs->rows[i].id == id)
			return &jobs->rows[i];
	return NULL;
}

struct job *jobs_by_pid(struct jobs *jobs, pid_t pid)
{
	for (size_t i = 0; i < jobs->end; i++)
		if (jobs->rows[i].kind != JOB_FREE && jobs->rows[i].pid == pid)
			return &jobs->rows[i];
	return NULL;
}

void jobs_free(struct job *job)
{
	assert(job->terminal == NULL && job->pid == 0);
	job->kind = JOB_FREE;
}

void job_note_started(struct job *job)
{
	uint32_t pid =
	    job->shared != NULL ? __atomic_load_n(&job->shared->pid, __ATOMIC_ACQUIRE) : 0;

	if (pid == 0 || job->started)
		return;
	job->started = true;
	job->told_pid = pid;
	job->tell |= TELL_STARTED;
}

void job_fail(struct job *job, enum agent_step step, int error)
{
	job->failure = (struct agent_failure){ .error = (uint32_t)error, .step = step };
	job->tell |= TELL_FAILED;
}

void job_exited(struct job *job, int status)
{
	job->exit.duration_ns = (uint64_t)(clock_mono_ns() - job->start_ns);
	if (WIFSIGNALED(status))
		job->exit.signal = (uint32_t)WTERMSIG(status);
	else
		job->exit.code = (uint32_t)WEXITSTATUS(status);
	job->tell |= TELL_EXITED;
}
