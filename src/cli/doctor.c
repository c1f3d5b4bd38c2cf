// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a fact belongs to a wall, which cannot go up without it, or to none: then it
 * only says what else immure could use here, and lacking it is no fault.
 */
#include "cli/doctor.h"

#include "cli/print.h"

enum { MARK_OK, MARK_WALL, MARK_EXTRA, MARK_COUNT };

static int mark_of(const struct probe_fact *fact)
{
	if (fact->state == PROBE_OK)
		return MARK_OK;
	return fact->wall != WALL_COUNT ? MARK_WALL : MARK_EXTRA;
}

bool doctor_is_fit(const struct probe_fact *facts, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (mark_of(&facts[i]) == MARK_WALL)
			return false;
	return true;
}

static int widest_name(const struct probe_fact *facts, size_t len)
{
	size_t widest = 0;

	for (size_t i = 0; i < len; i++)
		if (strlen(facts[i].name) > widest)
			widest = strlen(facts[i].name);
	return (int)widest;
}

/* print_verdict() - which walls cannot go up, each once, although several facts may stand for one
 */
static void print_verdict(FILE *out, const struct probe_fact *facts, size_t len)
{
	bool lacks[WALL_COUNT] = { false };
	const char *comma = "";

	if (doctor_is_fit(facts, len)) {
		fputs("\nThis host can raise every wall.\n", out);
		return;
	}
	for (size_t i = 0; i < len; i++)
		if (mark_of(&facts[i]) == MARK_WALL)
			lacks[facts[i].wall] = true;
	fputs("\nThis host cannot raise: ", out);
	for (size_t wall = 0; wall < WALL_COUNT; wall++) {
		if (!lacks[wall])
			continue;
		fprintf(out, "%s%s", comma, jail_wall_names[wall]);
		comma = ", ";
	}
	fputs(".\nNo sandbox starts without them, unless --allow-degraded names each.\n", out);
}

void doctor_print(FILE *out, const struct probe_fact *facts, size_t len, bool utf8)
{
	static const char *const plain[MARK_COUNT] = { "ok", "NO", "--" };
	static const char *const signs[MARK_COUNT] = { "\xe2\x9c\x93", "\xe2\x9c\x97", "-" };
	int width = widest_name(facts, len);

	for (size_t i = 0; i < len; i++) {
		const struct probe_fact *fact = &facts[i];
		const char *unknown = fact->state == PROBE_UNKNOWN ? "not known: " : "";
		int indent = (utf8 ? 1 : 2) + 2 + width + 2;

		fprintf(out, "%s  %-*s  %s", (utf8 ? signs : plain)[mark_of(fact)], width,
			fact->name, unknown);
		print_safe(out, fact->detail);
		fputc('\n', out);
		if (fact->state == PROBE_OK || fact->remedy[0] == 0)
			continue;
		fprintf(out, "%*s", indent, "");
		print_wrapped(out, span_of(fact->remedy), indent, indent);
	}
	print_verdict(out, facts, len);
}

json_t *doctor_json(const struct probe_fact *facts, size_t len)
{
	static const char *const states[] = {
		[PROBE_UNKNOWN] = "unknown",
		[PROBE_MISSING] = "missing",
		[PROBE_OK] = "ok",
	};
	json_t *list = json_array();

	for (size_t i = 0; i < len; i++) {
		const struct probe_fact *fact = &facts[i];
		const char *wall = fact->wall != WALL_COUNT ? jail_wall_names[fact->wall] : NULL;
		json_t *value = json_pack("{s:s, s:s, s:s?, s:s, s:s}", "name", fact->name, "state",
					  states[fact->state], "wall", wall, "detail", fact->detail,
					  "remedy", fact->state == PROBE_OK ? "" : fact->remedy);

		if (json_array_append_new(list, value) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return json_pack("{s:b, s:o}", "fit", doctor_is_fit(facts, len), "facts", list);
}
