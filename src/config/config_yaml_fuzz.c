// SPDX-License-Identifier: Apache-2.0
/* Input: an immure.yaml. Properties: config_fuzz.h. */
#include "config/config_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_text(config_load_yaml, (struct span){ (const char *)data, size });
}
