/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe - what this kernel, host and user can give, tried out, never guessed from a version.
 *
 * `immure doctor` prints the facts; an error that names a wall finds its remedy here. Whatever
 * changes state is tried in a forked child, so the caller is as before; but a trial of limits may
 * leave it where a launch with limits would: one cgroup deeper. Names are stable.
 */
#ifndef JAIL_PROBE_H
#define JAIL_PROBE_H

#include "base/base.h"
#include "jail/jail.h"

enum { PROBE_FACTS_MAX = 48, PROBE_DETAIL_OCTETS = 160 };

enum probe_state {
	PROBE_UNKNOWN = 0, /* could not be tried; detail says why */
	PROBE_MISSING,
	PROBE_OK,
};

struct probe_fact {
	const char *name; /* static */
	enum probe_state state;
	enum jail_wall wall;              /* that cannot go up without it; WALL_COUNT: none */
	char detail[PROBE_DETAIL_OCTETS]; /* what was found, or what failed with which errno */
	const char *remedy; /* static: what to do about it; "" when state is PROBE_OK */
};

/**
 * probe_all() - try everything; takes some milliseconds
 * @facts:	room for @max of them, PROBE_FACTS_MAX is enough
 * @ret_len:	how many there are
 *
 * The caller is single-threaded. A fact that cannot be tried is one more fact, not an error.
 * Return: 0; -ENOSPC: @max is too small.
 */
MUST_USE int probe_all(struct probe_fact *facts, size_t max, size_t *ret_len);

/* probe_one() - try the one of that name. Return: 0; -ENOENT: there is none. */
MUST_USE int probe_one(struct probe_fact *ret, const char *name);

#endif
