// SPDX-License-Identifier: Apache-2.0
/* Whatever lines come, the entries hold what refusals.h promises. */
#include <stdlib.h>

#include "warden/refusals.h"
#include "warden/refusals_text.h"
#include "warden/remedy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check(const json_t *entry)
{
	const json_t *remedy = json_object_get(entry, "remedy");
	const char *url = json_string_value(json_object_get(entry, "url"));

	must(url != NULL && strlen(url) <= REFUSALS_URL_OCTETS_MAX);
	must(json_integer_value(json_object_get(entry, "count")) > 0);
	must(json_integer_value(json_object_get(entry, "first")) <=
	     json_integer_value(json_object_get(entry, "last")));
	must(json_array_size(json_object_get(entry, "request_ids")) <= 64);
	must(json_is_null(remedy) || remedy_is_sound(remedy));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct refusals_list list = { 0 };

	must(refusals_text_add(&list, (struct span){ (const char *)data, size }) == 0);
	json_t *value = refusals_text_json(&list);
	const json_t *refused = json_object_get(value, "refused");
	must(json_is_array(refused) && json_integer_value(json_object_get(value, "dropped")) >= 0);
	for (size_t i = 0; i < json_array_size(refused); i++)
		check(json_array_get(refused, i));
	json_decref(value);
	return 0;
}
