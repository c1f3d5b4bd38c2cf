/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reads - which members of a PolicyInput the text of a policy may look at, found by its words alone: what is
 * not plainly `input.a.b` counts as all. So an answer can be kept for the questions that differ in nothing
 * that was looked at.
 */
#ifndef JUDGE_READS_H
#define JUDGE_READS_H

#include "wire/judge.h"

/* reads_of() - of one module. Return: of enum judge_read */
MUST_USE uint16_t reads_of(struct span text);

#endif
