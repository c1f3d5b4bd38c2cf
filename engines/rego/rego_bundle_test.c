/* SPDX-License-Identifier: Apache-2.0 */
/* Bundles: good, hostile and signed. */
#include "rego/rego_test.h"

void check_bundles(void)
{
}
