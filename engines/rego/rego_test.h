/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rego_test - what the tests of the engine share.
 */
#ifndef ENGINES_REGO_REGO_TEST_H
#define ENGINES_REGO_REGO_TEST_H

#include "rego/rego.h"

#include "base/base.h"
#include "base/test.h"

#include <errno.h>

DEFINE_FREEP(struct rego, rego_free)

/* rego_test_panic() - let rules call test.panic(); in the library, but in no header */
int rego_test_panic(struct rego *rego);

void check_bundles(void);
void check_hostile(void);

#endif
