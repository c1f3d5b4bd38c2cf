// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor.h"

#include <stdlib.h>

#include "base/test.h"

static const struct probe_fact facts[] = {
	{ "userns", PROBE_OK, WALL_USERNS, "works", "never shown" },
	{ "landlock-scopes", PROBE_MISSING, WALL_COUNT, "ABI 3", "Linux 6.12 adds them" },
	{ "openat2", PROBE_MISSING, WALL_ROOT, "openat2: \x1b[31mENOSYS", "use Linux 5.12" },
	{ "mount-api", PROBE_UNKNOWN, WALL_ROOT, "the child died", "use Linux 5.12" },
};

static void test_fit(void)
{
	CHECK(doctor_is_fit(facts, 2), "what no wall needs may be missing");
	CHECK(!doctor_is_fit(facts, 3), "missing");
	CHECK(!doctor_is_fit(facts + 3, 1), "unknown is not good enough");
	CHECK(doctor_is_fit(facts, 0), "nothing");
}

static void test_print(void)
{
	const struct {
		size_t len;
		bool utf8;
		const char *want;
	} rows[] = {
		{ 2, false,
		  "ok  userns           works\n"
		  "--  landlock-scopes  ABI 3\n"
		  "                     Linux 6.12 adds them\n"
		  "\nThis host can raise every wall.\n" },
		{ 4, true,
		  "\xe2\x9c\x93  userns           works\n"
		  "-  landlock-scopes  ABI 3\n"
		  "                    Linux 6.12 adds them\n"
		  "\xe2\x9c\x97  openat2          openat2: \\x1b[31mENOSYS\n"
		  "                    use Linux 5.12\n"
		  "\xe2\x9c\x97  mount-api        not known: the child died\n"
		  "                    use Linux 5.12\n"
		  "\nThis host cannot raise: root.\n"
		  "No sandbox starts without them, unless --allow-degraded names each.\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char *got = NULL;
		size_t len = 0;
		FILE *out = open_memstream(&got, &len);

		doctor_print(out, facts, rows[i].len, rows[i].utf8);
		fclose(out);
		CHECK(strcmp(got, rows[i].want) == 0, "row %zu:\n%s", i, got);
		free(got);
	}
}

static void test_json(void)
{
	json_auto_t *report = doctor_json(facts, ARRAY_SIZE(facts));
	char *got = json_dumps(report, JSON_COMPACT);

	CHECK(got != NULL && strstr(got, "{\"fit\":false,\"facts\":[{\"name\":\"userns\",\"state\":"
					 "\"ok\",\"wall\":\"userns\",\"detail\":\"works\","
					 "\"remedy\":\"\"},") == got,
	      "%s", got ? got : "none");
	CHECK(got != NULL && strstr(got, "\"wall\":null") != NULL, "%s", got ? got : "none");
	free(got);
}

int main(void)
{
	test_fit();
	test_print();
	test_json();
	return test_failures > 0;
}
