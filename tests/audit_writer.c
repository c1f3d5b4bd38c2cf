// SPDX-License-Identifier: Apache-2.0
/*
 * Writes an audit log of made-up effects, for tests of its readers and for bench/audit:
 *
 *	audit_writer HOME LOG EFFECTS [BATCH [PART_OCTETS]]
 *
 * Each effect is two lines, one before and one after it, each flushed, or BATCH of them with one write.
 * Every tenth is one that was denied. Prints the processor time an effect took, in microseconds.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "audit/audit.h"
#include "base/fd.h"

struct made {
	struct audit_log *log;
	unsigned long batch, waiting;
};

static int put(struct made *made, const struct audit_entry *entry)
{
	int r = audit_append(made->log, entry);

	if (r == 0 && ++made->waiting >= made->batch) {
		made->waiting = 0;
		r = audit_flush(made->log);
	}
	return r;
}

static int effect(struct made *made, unsigned long i)
{
	static const char *const actions[] = { "http.request", "dns.query", "net.connect",
					       "fs.write", "exec" };
	static const char digest[] =
	    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
	char id[32], host[64], url[160];

	(void)snprintf(id, sizeof(id), "req-%08lx", i);
	(void)snprintf(host, sizeof(host), "host-%lu.example.com", i % 997);
	(void)snprintf(url, sizeof(url), "https://%s/v1/things/%lu?page=2", host, i);
	struct audit_entry entry = {
		.request_id = span_of(id),
		.phase = AUDIT_BEGIN,
		.action = span_of(actions[i % ARRAY_SIZE(actions)]),
		.actor = { .app = i % 3 == 0 ? SPAN("openclaw") : SPAN("codex"),
			   .sandbox = SPAN("vm-a1b2c3d4"),
			   .program = SPAN("/usr/bin/node"),
			   .pid = AUDIT_NUMBER(4242) },
		.resource = { .host = span_of(host),
			      .port = AUDIT_NUMBER(443),
			      .method = SPAN("GET"),
			      .url = span_of(url) },
		.decision = AUDIT_ALLOW,
		.decision_id = span_of(id),
		.rule = SPAN("network.rules[2]"),
		.policy_hash = span_of(digest),
		.mode = AUDIT_MODE_ENFORCE,
		.seen_by = AUDIT_SEEN_GATEWAY,
	};

	if (i % 10 == 9) {
		entry.phase = AUDIT_EVENT;
		entry.decision = AUDIT_DENY;
		entry.reasons.items[0] = SPAN("no rule allows it");
		entry.reasons.len = 1;
		entry.error_code = SPAN("policy_denied");
		return put(made, &entry);
	}
	int r = put(made, &entry);
	if (r < 0)
		return r;
	const struct audit_entry end = {
		.request_id = span_of(id),
		.phase = AUDIT_END,
		.action = entry.action,
		.actor = { .app = entry.actor.app, .sandbox = entry.actor.sandbox },
		.digests = { span_of(digest), span_of(digest) },
		.latency_us = AUDIT_NUMBER(12345),
		.request_bytes = AUDIT_NUMBER(100),
		.response_bytes = AUDIT_NUMBER(2000),
		.status_code = AUDIT_NUMBER(200),
	};
	return put(made, &end);
}

static double cpu_us(void)
{
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

int main(int argc, char **argv)
{
	struct diag diag = { 0 };
	struct made made = { .batch = 1 };

	if (argc < 4) {
		fprintf(stderr, "usage: audit_writer HOME LOG EFFECTS [BATCH [PART_OCTETS]]\n");
		return 2;
	}
	const struct audit_settings settings = {
		.log = argv[2],
		.app = "bench",
		.part_octets = argc > 5 ? strtoull(argv[5], NULL, 10) : 0,
	};
	unsigned long count = strtoul(argv[3], NULL, 10);
	CLEANUP_FD int home = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = home < 0 ? -errno : audit_open(&made.log, home, &settings, &diag);
	if (argc > 4)
		made.batch = strtoul(argv[4], NULL, 10);
	(void)signal(SIGXFSZ, SIG_IGN);
	double start = cpu_us();
	for (unsigned long i = 0; r == 0 && i < count; i++)
		r = effect(&made, i);
	double used = cpu_us() - start;
	int closed = audit_close(made.log);
	if (r < 0 || closed < 0) {
		fprintf(stderr, "audit_writer: %s %s\n", diag.why,
			strerrordesc_np(r < 0 ? -r : -closed));
		return 1;
	}
	if (count > 0)
		printf("%.3f\n", used / (double)count);
	return 0;
}
