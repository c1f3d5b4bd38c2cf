// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "base/clock.h"
#include "warden/server_priv.h"

enum { SCHEME_OCTETS = 16 };

static void put_scheme(char ret[SCHEME_OCTETS], const struct egress_report *report)
{
	const char *name = report->kind == EGRESS_FLOW      ? "tcp"
			   : report->kind == EGRESS_REFUSED ? report->protocol
							    : "dns";

	(void)snprintf(ret, SCHEME_OCTETS, "%s", name);
	for (char *c = ret; *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
}

/*
 * report_url() - "tcp://[2001:db8::1]:443", "udp://192.0.2.1:443", "icmp://192.0.2.1" or
 * "dns://example.com"; the text is ours to show
 */
static void report_url(char *ret, size_t size, const struct egress_report *report)
{
	bool bracketed = report->is_address && strchr(report->host, ':') != NULL;
	bool portless =
	    report->kind == EGRESS_NAME || (report->kind == EGRESS_REFUSED && report->port == 0);
	char scheme[SCHEME_OCTETS], port[8] = "";

	put_scheme(scheme, report);
	if (!portless)
		(void)snprintf(port, sizeof(port), ":%u", report->port);
	(void)snprintf(ret, size, bracketed ? "%s://[%s]%s" : "%s://%s%s", scheme, report->host,
		       port);
}

static const char *method_of(const struct egress_report *report)
{
	if (report->kind == EGRESS_REFUSED)
		return report->protocol;
	return report->kind == EGRESS_FLOW ? "CONNECT" : "QUERY";
}

static json_t *facts(const struct egress_report *report)
{
	char url[NET_NAME_OCTETS + 64];

	report_url(url, sizeof(url), report);
	json_t *ret = json_pack(
	    "{s:s, s:s, s:i, s:I, s:I, s:I, s:b, s:s, s:s}", "method", method_of(report), "url",
	    url, "status_code", 0, "request_bytes", (json_int_t)report->up, "response_bytes",
	    (json_int_t)report->down, "duration_ms", (json_int_t)(report->duration_ns / 1000000),
	    "blocked", report->blocked, "reason", report->why, "rule", report->rule);
	if (ret != NULL && report->kind == EGRESS_REFUSED)
		(void)json_object_set_new(ret, "count", json_integer((json_int_t)report->count));
	return ret;
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
