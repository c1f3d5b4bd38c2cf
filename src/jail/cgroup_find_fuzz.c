// SPDX-License-Identifier: Apache-2.0
/* /proc/self/cgroup, a NUL, /proc/self/mountinfo: mount points are named by whoever may mount. */
#include <assert.h>

#include "jail/cgroup_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* good() - it ends within its room */
static void good(const char *path)
{
	assert(strnlen(path, CGROUP_PATH_OCTETS) < CGROUP_PATH_OCTETS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct cgroup_map map;
	struct span mounts = { (const char *)data, size };
	struct span groups = span_cut(&mounts, '\0');

	cgroup_find(&map, groups, mounts);
	good(map.unified);
	for (size_t i = 0; i < CGROUP_CONTROLLERS; i++)
		good(map.v1[i]);
	return 0;
}
