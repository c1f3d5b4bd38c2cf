// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: limits on memory and processors are for all programs of a sandbox together,
 * and only a cgroup can hold them so. What each process has by itself (RLIMIT_DATA) bounds a
 * sandbox no more than the number of its processes does, and neither memfds nor scratch files count:
 * it takes the place of a cgroup only when the user said that this is enough.
 */
#include <errno.h>
#include <stdio.h>

#include "warden/sandbox_priv.h"

static int refuse(struct diag *diag, bool memory, bool cpus, const struct diag *missing)
{
	return diag_set(diag, -EPERM, "%s; or --allow-degraded limits, by which %s%s%s",
			missing->why,
			memory ? "memory is limited for each process by itself only" : "",
			memory && cpus ? ", " : "", cpus ? "cpus are not limited" : "");
}

int limits_hold(struct sandbox *sandbox, struct diag *diag)
{
	const struct config *config = sandbox->config;
	struct jail_plan *plan = sandbox->jail.plan;
	const struct cgroup_limits limits = { .cpus = config->cpus,
					      .memory_mb = config->memory_mb };
	struct diag missing = { 0 };
	char name[CGROUP_NAME_OCTETS];

	(void)snprintf(name, sizeof(name), "immure-%s", sandbox->id);
	int r = cgroup_open(&sandbox->cgroup, name, &limits, &sandbox->held, &missing);
	if (r < 0)
		return diag_set(diag, r, "%s",
				missing.why[0] != '\0' ? missing.why : "out of memory");
	bool memory = config->memory_mb > 0 && sandbox->held.memory == CGROUP_NONE;
	bool cpus = config->cpus > 0 && sandbox->held.cpus == CGROUP_NONE;
	sandbox->unheld = memory || cpus;
	if (sandbox->unheld && (plan->degraded & (1ULL << WALL_LIMITS)) == 0)
		return refuse(diag, memory, cpus, &missing);
	if (memory)
		plan->memory_mb = config->memory_mb;
	r = cgroup_add(sandbox->cgroup, sandbox->jail.pid);
	return r < 0 ? diag_set(diag, r, "cannot enter the sandbox's cgroup: %s", strerror(-r)) : 0;
}
