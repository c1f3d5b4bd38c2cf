// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "base/clock.h"
#include "warden/server_priv.h"

/* report_url() - "tcp://[2001:db8::1]:443" or "dns://example.com"; the text is ours to show */
static void report_url(char *ret, size_t size, const struct egress_report *report)
{
	bool bracketed = report->is_address && strchr(report->host, ':') != NULL;

	if (report->kind == EGRESS_NAME)
		(void)snprintf(ret, size, "dns://%s", report->host);
	else
		(void)snprintf(ret, size, bracketed ? "%s://[%s]:%u" : "%s://%s:%u",
			       report->kind == EGRESS_FLOW ? "tcp" : "dns", report->host,
			       report->port);
}

static json_t *facts(const struct egress_report *report)
{
	char url[NET_NAME_OCTETS + 64];

	report_url(url, sizeof(url), report);
	return json_pack("{s:s, s:s, s:i, s:I, s:I, s:I, s:b, s:s, s:s}", "method",
			 report->kind == EGRESS_FLOW ? "CONNECT" : "QUERY", "url", url,
			 "status_code", 0, "request_bytes", (json_int_t)report->up,
			 "response_bytes", (json_int_t)report->down, "duration_ms",
			 (json_int_t)(report->duration_ns / 1000000), "blocked", report->blocked,
			 "reason", report->why, "rule", report->rule);
}

json_t *network_event(const struct egress_report *report)
{
	if (report->kind == EGRESS_DROPPED)
		return json_pack("{s:s, s:I, s:{s:I}}", "type", "dropped", "timestamp",
				 (json_int_t)clock_unix_s(), "dropped", "count",
				 (json_int_t)report->count);
	return json_pack("{s:s, s:I, s:o}", "type", "network", "timestamp",
			 (json_int_t)clock_unix_s(), "network", facts(report));
}
