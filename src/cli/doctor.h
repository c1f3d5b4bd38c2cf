/* SPDX-License-Identifier: Apache-2.0 */
/* doctor - what a host can give, for people and for programs. */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include <jansson.h>
#include <stdio.h>

#include "base/base.h"
#include "jail/probe.h"

/* doctor_is_fit() - can every wall be raised? One that could not be tried counts as one that
 * cannot. */
MUST_USE bool doctor_is_fit(const struct probe_fact *facts, size_t len);

/* doctor_print() - a line for each fact, its remedy below, and the verdict; @utf8: with ✓ and ✗ */
void doctor_print(FILE *out, const struct probe_fact *facts, size_t len, bool utf8);

/* doctor_json() - Return: the same as JSON, owned by the caller; NULL: no memory */
MUST_USE json_t *doctor_json(const struct probe_fact *facts, size_t len);

#endif
