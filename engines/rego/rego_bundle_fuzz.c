/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any tar as a bundle: it is loaded or refused with a reason, nothing breaks, and what is refused leaves
 * nothing behind. The Rust side is not instrumented, so the seeds matter; the C side is.
 */
#include "rego/rego.h"
#include "rego/rego_test_tar.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool held)
{
	if (!held)
		abort();
}

/* Is there a module or data after a bundle was refused? */
static void demand_empty(struct rego *rego)
{
	struct rego_text text = { 0 };
	struct rego_error error = { 0 };

	if (rego_eval_query(&text, rego, "count(data) == 0", 16, &error) == 0)
		demand(memmem(text.ptr, text.octets, "\"value\":true", 12) != NULL);
	else
		abort();
	rego_text_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char packed[TEST_TAR_OCTETS + 64];
	static struct test_tar tar;
	struct rego_error error = { 0 };
	struct rego *rego = NULL;

	if (size > TEST_TAR_OCTETS - 2048)
		return 0;
	demand(rego_new(&rego, NULL) == 0);
	memcpy(tar.octets, data, size);
	tar.len = size;
	int r =
	    rego_load_bundle(rego, packed, tar_gzip(packed, sizeof(packed), &tar), NULL, 0, &error);
	demand(r == 0 || r == -EINVAL || r == -EFBIG || r == -EEXIST);
	demand(r == 0 || error.why[0] != '\0');
	if (r != 0)
		demand_empty(rego);
	demand(rego_load_bundle(rego, (const char *)data, size, NULL, 0, &error) !=
	       -ENOTRECOVERABLE);
	rego_free(rego);
	return 0;
}
