// SPDX-License-Identifier: Apache-2.0
/*
 * Writes an audit log of the entries on stdin, for tests of what learns from it:
 *
 *	audit_put HOME LOG [APP]
 *
 * A line is an entry: DECISION MODE ACTION HOST PORT PROTOCOL METHOD PATH, separated by tabs, "" and port 0 for none. What is
 * allowed begins and ends, all else is an event, as sandboxes have it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "audit/audit.h"
#include "base/fd.h"

static unsigned find(const char *const *names, size_t len, struct span name)
{
	for (unsigned i = 1; i < len; i++)
		if (span_is(name, names[i]))
			return i;
	return 0;
}

static struct span text_or_none(struct span text)
{
	return text.len > 0 ? text : (struct span){ 0 };
}

static int put(struct audit_log *log, struct span line, unsigned number)
{
	char id[32], port[8];
	struct audit_entry entry = { 0 };

	(void)snprintf(id, sizeof(id), "req-%08x", number);
	entry.request_id = span_of(id);
	entry.decision = (enum audit_decision)find(audit_decisions, 4, span_cut(&line, '\t'));
	entry.mode = (enum audit_mode)find(audit_modes, 4, span_cut(&line, '\t'));
	entry.action = span_cut(&line, '\t');
	entry.resource.host = text_or_none(span_cut(&line, '\t'));
	const struct span digits = span_cut(&line, '\t');
	(void)snprintf(port, sizeof(port), "%.*s", (int)digits.len, digits.ptr);
	if (strtoul(port, NULL, 10) > 0)
		entry.resource.port = AUDIT_NUMBER(strtoul(port, NULL, 10));
	entry.resource.protocol = text_or_none(span_cut(&line, '\t'));
	entry.resource.method = text_or_none(span_cut(&line, '\t'));
	entry.resource.path = text_or_none(line);
	entry.phase = entry.decision == AUDIT_ALLOW ? AUDIT_BEGIN : AUDIT_EVENT;
	int r = audit_append(log, &entry);
	if (r < 0 || entry.phase == AUDIT_EVENT)
		return r;
	const struct audit_entry end = { .request_id = entry.request_id,
					 .phase = AUDIT_END,
					 .action = entry.action };
	return audit_append(log, &end);
}

int main(int argc, char **argv)
{
	static char line[16384];
	struct audit_log *log = NULL;
	struct diag diag = { 0 };
	unsigned number = 0;

	if (argc < 3) {
		fprintf(stderr, "usage: audit_put HOME LOG [APP]\n");
		return 2;
	}
	const struct audit_settings settings = { .log = argv[2], .app = argc > 3 ? argv[3] : NULL };
	CLEANUP_FD int home = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = home < 0 ? -errno : audit_open(&log, home, &settings, &diag);
	while (r == 0 && fgets(line, sizeof(line), stdin) != NULL)
		r = put(log, (struct span){ line, strcspn(line, "\n") }, number++);
	if (r == 0)
		r = audit_flush(log);
	int closed = audit_close(log);
	if (r < 0 || closed < 0) {
		fprintf(stderr, "audit_put: %s %s\n", diag.why,
			strerrordesc_np(r < 0 ? -r : -closed));
		return 1;
	}
	return 0;
}
