// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a plan lives in memory that the builder shares, so it holds no pointers:
 * its texts are offsets into one arena, and offset 0, an empty text, stands for "none".
 */
#include "jail/jail.h"

const char *const jail_wall_names[WALL_COUNT] = {
	[WALL_USERNS] = "userns",     [WALL_MOUNTNS] = "mountns", [WALL_PIDNS] = "pidns",
	[WALL_NETNS] = "netns",       [WALL_IPCNS] = "ipcns",     [WALL_UTSNS] = "utsns",
	[WALL_CGROUPNS] = "cgroupns", [WALL_TIMENS] = "timens",   [WALL_CAPTURE] = "capture",
	[WALL_ROOT] = "root",         [WALL_PROC] = "proc",       [WALL_LIMITS] = "limits",
	[WALL_NNP] = "nnp",           [WALL_CAPS] = "caps",       [WALL_LANDLOCK] = "landlock",
	[WALL_SECCOMP] = "seccomp",
};

enum jail_wall jail_wall_by_name(struct span name)
{
	for (enum jail_wall wall = 0; wall < WALL_COUNT; wall++)
		if (span_is(name, jail_wall_names[wall]))
			return wall;
	return WALL_COUNT;
}

jail_text jail_plan_text(struct jail_plan *plan, const char *text)
{
	size_t size = strlen(text) + 1;
	uint32_t at = plan->text_len > 0 ? plan->text_len : 1; /* text[0] is the empty text */

	if (size > sizeof(plan->text) - at)
		return 0;
	memcpy(plan->text + at, text, size);
	plan->text_len = at + (uint32_t)size;
	return at;
}
