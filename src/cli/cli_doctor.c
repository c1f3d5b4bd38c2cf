// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/doctor.h"
#include "cli/print.h"

int cli_doctor(struct cli_call *call)
{
	struct probe_fact facts[PROBE_FACTS_MAX];
	size_t len = 0;
	int r = probe_all(facts, ARRAY_SIZE(facts), &len);

	if (r < 0)
		return diag_set(&call->diag, r, "doctor: %s", strerrordesc_np(-r));
	if (cli_has(call, "json")) {
		json_auto_t *report = doctor_json(facts, len);

		r = print_json(call, report);
		if (r < 0)
			return r;
	} else {
		doctor_print(call->out, facts, len, print_is_utf8());
	}
	return doctor_is_fit(facts, len) ? 0 : CLI_EXIT_NONE;
}
