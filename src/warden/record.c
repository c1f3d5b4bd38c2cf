// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: what there is to know of a sandbox before it runs (its folder, its settings),
 * and what its start looked like, once, as facts: which walls stand, which limit is held by what, and
 * that the self-test inside tried and failed to get out.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fd.h"
#include "warden/sandbox_priv.h"
#include "wire/selftest.h"

enum { RECORD_OCTETS_MAX = 16 * 1024 };

/* whole() - @json, unless a part of it could not be made */
static json_t *whole(json_t *json, bool failed)
{
	if (!failed)
		return json;
	json_decref(json);
	return NULL;
}

static json_t *walls_json(const struct sandbox *sandbox)
{
	json_t *walls = json_object();
	bool failed = false;

	for (enum jail_wall wall = 0; wall < WALL_COUNT; wall++) {
		bool missing = (sandbox->report.missing & (1ULL << wall)) != 0;
		bool degraded = wall == WALL_LIMITS && sandbox->unheld;

		failed |= json_object_set_new(walls, jail_wall_names[wall],
					      json_string(missing    ? "missing"
							  : degraded ? "degraded"
								     : "up")) < 0;
	}
	return whole(walls, failed);
}

static const char *tier_name(enum cgroup_tier tier, const char *otherwise)
{
	switch (tier) {
	case CGROUP_V2:
		return "cgroup2";
	case CGROUP_V1:
		return "cgroup1";
	case CGROUP_NONE:
		break;
	}
	return otherwise;
}

static json_t *limits_json(const struct sandbox *sandbox)
{
	const struct config *config = sandbox->config;
	const char *memory = config->memory_mb > 0 ? "rlimit, each process" : "none asked";
	const char *cpus = config->cpus > 0 ? "not held" : "none asked";

	return json_pack("{s:s, s:s, s:s}", "memory", tier_name(sandbox->held.memory, memory),
			 "processes", tier_name(sandbox->held.processes, "rlimit"), "cpus",
			 tier_name(sandbox->held.cpus, cpus));
}

static json_t *selftest_json(const struct sandbox *sandbox)
{
	json_t *refused = json_array(), *escaped = json_array();
	bool failed = false;

	for (size_t i = 0; i < SELFTEST_COUNT; i++) {
		uint64_t bit = 1ULL << i;

		if ((sandbox->hello.attempted & bit) == 0)
			continue;
		json_t *list = (sandbox->hello.escaped & bit) != 0 ? escaped : refused;
		failed |= json_array_append_new(list, json_string(agent_selftest_names[i])) < 0;
	}
	return whole(json_pack("{s:o, s:o}", "refused", refused, "escaped", escaped), failed);
}

/* put_log() - a file of logs/; @record: consumed. Return: 0 or -errno. */
static int put_log(const struct sandbox *sandbox, const char *name, json_t *record)
{
	static char text[RECORD_OCTETS_MAX]; /* json_dumps() may lack memory and not say so */
	size_t len = json_dumpb(record, text, sizeof(text), JSON_INDENT(2));
	CLEANUP_FD int logs = openat(sandbox->dir, "logs", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r = len == 0 || len > sizeof(text) ? -ENOMEM : logs < 0 ? -errno : 0;

	if (r == 0)
		r = fd_replace_file(logs, name, (struct span){ text, len }, 0600);
	json_decref(record);
	return r;
}

int record_start(const struct sandbox *sandbox)
{
	return put_log(sandbox, "start.json",
		       json_pack("{s:I, s:s, s:I, s:o, s:o, s:o}", "started_at",
				 (json_int_t)clock_unix_s(), "backend", "ns", "host_uid",
				 (json_int_t)sandbox->jail.host_uid, "walls", walls_json(sandbox),
				 "limits", limits_json(sandbox), "selftest",
				 selftest_json(sandbox)));
}

int record_end(const struct sandbox *sandbox)
{
	return put_log(sandbox, "end.json",
		       json_pack("{s:I, s:I}", "ended_at", (json_int_t)clock_unix_s(), "oom_kills",
				 (json_int_t)sandbox->oom_kills));
}

int record_ports(const struct sandbox *sandbox, struct diag *diag)
{
	static char text[RECORD_OCTETS_MAX];
	json_t *ports = sandbox_ports_json(sandbox);
	size_t len = ports != NULL ? json_dumpb(ports, text, sizeof(text), 0) : 0;
	int r = len == 0 || len > sizeof(text) ? -ENOMEM : 0;

	json_decref(ports);
	if (r == 0)
		r = fd_replace_file(sandbox->dir, "ports.json", (struct span){ text, len }, 0600);
	return r < 0 ? diag_set(diag, r, "cannot record the ports: %s", strerror(-r)) : 0;
}

/* config_text() - what config.json holds: the settings and the command. @ret: owned. */
static int config_text(char **ret, struct config *config, json_t *command)
{
	json_t *tree = json_copy(config->tree);
	int r = tree == NULL ? -ENOMEM : 0;

	if (r == 0 && json_object_set_new(tree, "image", json_string(config->image)) < 0)
		r = -ENOMEM;
	if (r == 0 && command != NULL && json_object_set(tree, "command", command) < 0)
		r = -ENOMEM;
	if (r == 0) {
		*ret = json_dumps(tree, JSON_INDENT(2));
		r = *ret == NULL ? -ENOMEM : 0;
	}
	json_decref(tree);
	return r;
}

int record_create(struct sandbox *sandbox, struct diag *diag)
{
	char *text = NULL;
	int r = config_text(&text, sandbox->config, sandbox->command);

	if (r < 0)
		return diag_set(diag, r, "out of memory");
	r = sandbox->draft.dir >= 0
		? state_publish(&sandbox->dir, sandbox->id, &sandbox->draft, span_of(text), diag)
		: state_create(&sandbox->dir, sandbox->id, sandbox->home, span_of(text), diag);
	free(text);
	/* one that has greeted runs at once, or ends: either is written next */
	if (r == 0 && sandbox->status != STATE_CREATED && !sandbox->greeted)
		(void)!state_set_status(sandbox->dir, sandbox->status);
	return r;
}
