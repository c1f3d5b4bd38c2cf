// SPDX-License-Identifier: Apache-2.0
/* Every file of a state folder and /proc/PID/stat, by the first octet; the rest is the text. */
#include <assert.h>

#include "warden/state_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* safe() - nothing that a terminal would act upon, and it ends within its room */
static void safe(const char *text, size_t size)
{
	assert(strnlen(text, size) < size);
	for (; *text != '\0'; text++)
		assert((unsigned char)*text >= 0x20 && *text != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct state_entry entry = { 0 };
	struct state_process process = { 0 };
	uint64_t start = 0;
	char small[5];

	if (size == 0)
		return 0;
	struct span text = { (const char *)data + 1, size - 1 };
	switch (data[0] % 7) {
	case 0:
		assert(state_text_process(&process, text) < 0 || process.pid > 0);
		break;
	case 1:
		assert(state_text_status(&entry.status, text) < 0 || entry.status < STATE_COUNT);
		break;
	case 2:
		assert(state_text_seconds(&entry.created_at, text) < 0 || entry.created_at >= 0);
		break;
	case 3:
		assert(state_text_stat(&start, text) <= 0);
		break;
	case 4:
		assert(state_text_draft(&process, text) < 0 || process.pid > 0);
		break;
	case 5:
		state_text_config(&entry, text);
		break;
	default:
		state_text_escape(entry.command, sizeof(entry.command), text);
		state_text_escape(small, sizeof(small), text);
		safe(small, sizeof(small));
	}
	safe(entry.image, sizeof(entry.image));
	safe(entry.command, sizeof(entry.command));
	return 0;
}
