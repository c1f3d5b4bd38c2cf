// SPDX-License-Identifier: Apache-2.0
/* Input: an immure.json, or params of `create`. Properties: config_fuzz.h. */
#include "config/config_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_text(config_load_json, (struct span){ (const char *)data, size });
}
