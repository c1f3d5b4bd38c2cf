// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"
#include "warden/report_url.h"
#include "warden/server_priv.h"

static struct span report_method(const struct egress_report *report)
{
	if (report->kind == EGRESS_REQUEST)
		return report->method;
	if (report->kind == EGRESS_PACKETS)
		return span_of(report->protocol);
	if (report->kind == EGRESS_ACCEPTED)
		return SPAN("ACCEPT");
	return report->kind == EGRESS_FLOW || report->kind == EGRESS_REFUSED ? SPAN("CONNECT")
									     : SPAN("QUERY");
}

/* socket_facts() - of one direction of a WebSocket */
static json_t *socket_facts(const struct gate_socket_way *way)
{
	json_t *ret = json_pack("{s:I, s:I, s:I}", "messages", (json_int_t)way->messages, "frames",
				(json_int_t)way->frames, "bytes", (json_int_t)way->octets);

	if (ret != NULL && way->close_code != 0)
		(void)json_object_set_new(ret, "close_code", json_integer(way->close_code));
	return ret;
}

static json_t *facts(const struct egress_report *report)
{
	char url[REPORT_URL_OCTETS];
	struct span method = report_method(report);

	report_url(url, report);
	json_t *ret =
	    json_pack("{s:s%, s:s, s:i, s:I, s:I, s:I, s:b, s:s, s:s}", "method", method.ptr,
		      method.len, "url", url, "status_code", (int)report->status, "request_bytes",
		      (json_int_t)report->up, "response_bytes", (json_int_t)report->down,
		      "duration_ms", (json_int_t)(report->duration_ns / 1000000), "blocked",
		      report->blocked, "reason", report->why, "rule", report->rule);
	if (ret != NULL && report->unheld)
		(void)json_object_set_new(ret, "would_block", json_true());
	if (ret != NULL && report->id != 0)
		(void)json_object_set_new(ret, "request_id", json_sprintf("req-%08x", report->id));
	if (ret != NULL && report->owner != NULL)
		(void)json_object_set_new(ret, "process",
					  json_pack("{s:i, s:s}", "pid", (int)report->owner->pid,
						    "program", report->owner->program));
	if (ret != NULL && report->socket != NULL)
		(void)json_object_set_new(ret, "websocket",
					  json_pack("{s:o, s:o}", "sent",
						    socket_facts(&report->socket->up), "received",
						    socket_facts(&report->socket->down)));
	if (ret != NULL && report->kind == EGRESS_PACKETS)
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
