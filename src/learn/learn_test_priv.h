/* SPDX-License-Identifier: Apache-2.0 */
/* learn_test_priv - entries as the warden writes them, for tests. */
#ifndef LEARN_LEARN_TEST_PRIV_H
#define LEARN_LEARN_TEST_PRIV_H

#include "base/test.h"
#include "learn/learn.h"

static inline struct audit_entry entry_of(enum audit_decision decision, const char *action,
					  const char *host, unsigned port)
{
	struct audit_entry entry = {
		.seq = 7,
		.time_ns = 1,
		.request_id = SPAN("req-1"),
		.phase = decision == AUDIT_DENY ? AUDIT_EVENT : AUDIT_BEGIN,
		.action = span_of(action),
		.resource = { .host = span_of(host) },
		.decision = decision,
		.mode = AUDIT_MODE_ENFORCE,
	};

	if (port != 0)
		entry.resource.port = AUDIT_NUMBER(port);
	return entry;
}

static inline struct audit_entry request_of(enum audit_decision decision, const char *host,
					    const char *method, const char *path)
{
	struct audit_entry entry = entry_of(decision, "http.request", host, 443);

	entry.resource.protocol = SPAN("https");
	entry.resource.method = span_of(method);
	entry.resource.path = span_of(path);
	return entry;
}

static inline void learn(struct learn *learn, struct audit_entry entry)
{
	uint32_t log = 0;

	if (learn->logs_len == 0)
		CHECK(learn_log(&log, learn, "vm-a1b2c3d4") == 0, "log");
	CHECK(learn_add(learn, &entry, 0) == 0, "add");
}

#endif
