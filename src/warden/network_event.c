// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "base/clock.h"
#include "warden/server_priv.h"
#include "wire/gate.h"

enum { URL_OCTETS = NET_NAME_OCTETS + 64 + GATE_DATA_OCTETS_MAX };

/* scheme_of() - of the URL that stands for it */
static const char *scheme_of(const struct egress_report *report)
{
	if (report->kind == EGRESS_REQUEST)
		return report->https ? "https" : "http";
	return report->kind == EGRESS_FLOW || report->kind == EGRESS_REFUSED ? "tcp" : "dns";
}

static bool shows_port(const struct egress_report *report)
{
	if (report->kind == EGRESS_REQUEST)
		return report->port != (report->https ? 443 : 80);
	return report->kind != EGRESS_NAME;
}

/* report_url() - "tcp://[2001:db8::1]:443", "https://example.com/path" or "dns://example.com" */
static void report_url(char *ret, size_t size, const struct egress_report *report)
{
	bool bracketed = report->is_address && strchr(report->host, ':') != NULL;
	int len = snprintf(ret, size, bracketed ? "%s://[%s]" : "%s://%s", scheme_of(report),
			   report->host);

	if (shows_port(report))
		len += snprintf(ret + len, size - (size_t)len, ":%u", report->port);
	/* "OPTIONS *" has no path (RFC 9112 section 3.3) */
	if (report->kind == EGRESS_REQUEST && !span_is(report->target, "*"))
		(void)snprintf(ret + len, size - (size_t)len, "%.*s", (int)report->target.len,
			       report->target.ptr);
}

static struct span report_method(const struct egress_report *report)
{
	if (report->kind == EGRESS_REQUEST)
		return report->method;
	return report->kind == EGRESS_FLOW || report->kind == EGRESS_REFUSED ? SPAN("CONNECT")
									     : SPAN("QUERY");
}

static json_t *facts(const struct egress_report *report)
{
	char url[URL_OCTETS];
	struct span method = report_method(report);

	report_url(url, sizeof(url), report);
	return json_pack("{s:s%, s:s, s:i, s:I, s:I, s:I, s:b, s:s, s:s}", "method", method.ptr,
			 method.len, "url", url, "status_code", (int)report->status,
			 "request_bytes", (json_int_t)report->up, "response_bytes",
			 (json_int_t)report->down, "duration_ms",
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
