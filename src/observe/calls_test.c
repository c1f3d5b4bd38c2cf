// SPDX-License-Identifier: Apache-2.0
#include <sys/syscall.h>

#include "base/test.h"
#include "observe/observe_priv.h"

enum { ARGUMENTS = 6 };

static struct event_rule rules[EVENT_CALLS_MAX];

static bool is_argument(unsigned number)
{
	return number <= ARGUMENTS;
}

static void test_sound(void)
{
	bool seen[OBSERVE_KINDS] = { false };

	for (size_t i = 0; i < EVENT_CALLS_MAX; i++) {
		const struct event_rule *rule = &rules[i];

		CHECK(rule->kind < OBSERVE_KINDS, "call %zu: kind %u", i, rule->kind);
		seen[rule->kind % OBSERVE_KINDS] = true;
		for (int n = 0; n < 2; n++) {
			CHECK(is_argument(rule->dir[n]) && is_argument(rule->path[n]) &&
				  is_argument(rule->value[n]),
			      "call %zu", i);
			CHECK(rule->dir[n] == 0 || rule->path[n] != 0, "call %zu: no path", i);
		}
		CHECK(is_argument(rule->fd) && is_argument(rule->raw), "call %zu", i);
		CHECK(rule->address < ARGUMENTS, "call %zu: a length follows", i);
		CHECK(rule->raw == 0 || rule->path[1] == 0, "call %zu: two second texts", i);
	}
	for (size_t kind = 1; kind < OBSERVE_FOREIGN; kind++)
		CHECK(seen[kind], "no call is %s", observe_kind_names[kind]);
}

/* test_rows() - by the manual pages of these */
static void test_rows(void)
{
	static const struct {
		long call;
		struct event_rule want;
	} rows[] = {
		{ SYS_read, { 0 } },
		{ SYS_openat,
		  { .kind = OBSERVE_OPEN,
		    .flags = EVENT_OPENS,
		    .dir = { 1 },
		    .path = { 2 },
		    .value = { 3, 4 } } },
		{ SYS_renameat2,
		  { .kind = OBSERVE_RENAME, .dir = { 1, 3 }, .path = { 2, 4 }, .value = { 5 } } },
		{ SYS_symlinkat,
		  { .kind = OBSERVE_SYMLINK, .dir = { 2 }, .path = { 3 }, .raw = 1 } },
		{ SYS_connect, { .kind = OBSERVE_CONNECT, .address = 2 } },
		{ SYS_mount, { .kind = OBSERVE_MOUNT, .path = { 2 }, .raw = 1, .value = { 4 } } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		CHECK(memcmp(&rules[rows[i].call], &rows[i].want, sizeof(rows[i].want)) == 0,
		      "call %ld", rows[i].call);
}

int main(void)
{
	calls_fill(rules);
	test_sound();
	test_rows();
	return test_failures > 0;
}
