// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: whether a limit can be held for all processes of a sandbox together is tried
 * by making the very cgroup that a launch would make, and removing it. Most sandboxes ask for no
 * such limit, so no wall depends on it; one that asks is refused where it cannot be held.
 */
#include <stdio.h>
#include <unistd.h>

#include "jail/cgroup.h"
#include "jail/probe_priv.h"

static const char *tier_text(enum cgroup_tier tier)
{
	return tier == CGROUP_V2 ? "cgroup v2 holds it for all processes together"
	       : tier == CGROUP_V1
		   ? "cgroup v1 holds it for all processes together"
		   : "no cgroup that this user may use can hold it for all processes together";
}

static void try_limit(struct probe_result *ret, const struct cgroup_limits *limits)
{
	struct cgroup *cgroup = NULL;
	struct cgroup_held held = { 0 };
	struct diag diag = { 0 };
	char name[CGROUP_NAME_OCTETS];

	(void)snprintf(name, sizeof(name), "immure-doctor-%d", (int)getpid());
	if (cgroup_open(&cgroup, name, limits, &held, &diag) < 0) {
		probe_is(ret, PROBE_UNKNOWN, "a cgroup cannot be tried");
		return;
	}
	enum cgroup_tier tier = limits->cpus > 0 ? held.cpus : held.memory;
	probe_is(ret, tier == CGROUP_NONE ? PROBE_MISSING : PROBE_OK, "%s", tier_text(tier));
	cgroup_free(cgroup);
}

void probe_memory_limit(struct probe_result *ret)
{
	try_limit(ret, &(struct cgroup_limits){ .memory_mb = 64 });
}

void probe_cpu_limit(struct probe_result *ret)
{
	try_limit(ret, &(struct cgroup_limits){ .cpus = 1 });
}
