/* SPDX-License-Identifier: Apache-2.0 */
/* policy_load - a policy from its files to immure-judge: as one file in memory that nobody can change. */
#ifndef WARDEN_POLICY_LOAD_H
#define WARDEN_POLICY_LOAD_H

#include "base/base.h"

enum {
	POLICY_LOAD_FILES_MAX = 1024, /* of a folder */
	POLICY_LOAD_HASH_OCTETS = 72, /* "sha256:", 64 digits and a NUL */
};

/**
 * policy_load() - what is at @path and @data, as wire/judge.h has it
 * @path:	a module (.rego), a folder, of which the modules but not their tests (_test.rego) and data.json
 *		count, or a bundle (.tar.gz)
 * @data:	a JSON object to merge into the data; borrowed
 * @ret_hash:	of all of it, by which entries and questions name it
 *
 * Return: a descriptor; -errno with *diag: it cannot be read.
 */
MUST_USE int policy_load(char ret_hash[POLICY_LOAD_HASH_OCTETS], const char *path, struct span data,
			 struct diag *diag);

/**
 * policy_load_check() - can immure-judge take in @load?
 *
 * Waits for it, 10 seconds at most. Return: 0; -errno with *diag: where and why not.
 */
MUST_USE int policy_load_check(int load, struct diag *diag);

#endif
