// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a table says for each kind of report what was done and who saw it. An end has only
 * what its beginning could not know. Rule, host and reasons are as in the events; the URL is without
 * credentials, and of a long one the beginning: whoever makes entries chooses how long it is.
 */
#include <stdio.h>

#include "audit/redact.h"
#include "warden/journal_priv.h"
#include "warden/report_url.h"

enum {
	URL_OCTETS_MAX = 2000, /* of it; audit/entry.c has room for all that may become of them */
	PATH_OCTETS_MAX = 2000,
	BESIDE_OCTETS = 480, /* of a line beside its texts, about */
	STATUS_TOO_MANY = 429,
};

static const struct {
	const char *action, *protocol;
	enum audit_seen_by seen_by;
} kinds[] = {
	[EGRESS_NAME] = { "dns.query", "dns", AUDIT_SEEN_GATEWAY },
	[EGRESS_FLOW] = { "net.connect", "tcp", AUDIT_SEEN_GATEWAY },
	[EGRESS_REQUEST] = { "http.request", "http", AUDIT_SEEN_GATEWAY },
	[EGRESS_REFUSED] = { "net.connect", "tcp", AUDIT_SEEN_GATEWAY },
	[EGRESS_MALFORMED] = { "dns.query", "dns", AUDIT_SEEN_GATEWAY },
	[EGRESS_ACCEPTED] = { "port.publish", "tcp", AUDIT_SEEN_WARDEN },
	[EGRESS_PACKETS] = { "net.packet", NULL, AUDIT_SEEN_WARDEN },
	[EGRESS_DROPPED] = { "net.dropped", NULL, AUDIT_SEEN_GATEWAY },
};

static struct span text_or_none(const char *text)
{
	return text != NULL && text[0] != '\0' ? span_of(text) : (struct span){ 0 };
}

static struct span cut(struct span text, size_t len)
{
	return (struct span){ text.ptr, text.len < len ? text.len : len };
}

static void put_reason(struct audit_entry *entry, struct span why)
{
	if (why.len > 0)
		entry->reasons.items[entry->reasons.len++] = why;
}

/* error_of() - "" if all went well; the words of ErrorEnvelope where it has one */
static struct span error_of(const struct egress_report *report, enum audit_phase phase)
{
	if (report->kind == EGRESS_REFUSED || report->kind == EGRESS_MALFORMED)
		return SPAN("malformed_request");
	if (report->blocked && report->status == STATUS_TOO_MANY)
		return SPAN("rate_limited");
	if (report->blocked && report->kind == EGRESS_REQUEST && phase == AUDIT_END)
		return SPAN("cap_exceeded");
	if (report->blocked)
		return SPAN("policy_denied");
	/* of what is only watched, it says why it would have been denied */
	if (report->unheld && phase == AUDIT_EVENT)
		return (struct span){ 0 };
	return report->why[0] != '\0' ? SPAN("failed") : (struct span){ 0 };
}

static void put_actor(struct audit_entry *entry, const struct egress_report *report)
{
	if (report->owner == NULL)
		return;
	entry->actor.pid = AUDIT_NUMBER(report->owner->pid);
	entry->actor.program = text_or_none(report->owner->program);
}

static void put_protocol(struct audit_entry *entry, const struct egress_report *report)
{
	entry->resource.protocol = text_or_none(kinds[report->kind].protocol);
	if (report->kind == EGRESS_PACKETS)
		entry->resource.protocol = span_of(report->protocol);
	else if (report->kind == EGRESS_REQUEST && report->websocket)
		entry->resource.protocol = report->https ? SPAN("wss") : SPAN("ws");
	else if (report->kind == EGRESS_REQUEST && report->https)
		entry->resource.protocol = SPAN("https");
}

/* put_url() - and path, without the query. Return: 0; -ENOMEM */
static int put_url(struct journal_line *line, const struct egress_report *report)
{
	struct audit_entry *entry = &line->entry;
	struct span rest = report->target, path = span_cut(&rest, '?');
	char text[REPORT_URL_OCTETS];
	size_t len = report_url(text, report);
	struct span url = cut((struct span){ text, len }, URL_OCTETS_MAX);

	buf_drop(&line->url, buf_len(&line->url));
	int r = audit_redact_url(&line->url, &entry->redactions, url, audit_redact_default,
				 audit_redact_default_len);
	if (r == 0 && url.len < len)
		r = buf_append(&line->url, SPAN("..."));
	entry->resource.url = buf_span(&line->url);
	entry->resource.path = cut(path, PATH_OCTETS_MAX);
	entry->resource.method = report->method;
	return r;
}

static int put_resource(struct journal_line *line, const struct egress_report *report)
{
	struct audit_entry *entry = &line->entry;

	put_protocol(entry, report);
	entry->resource.host = text_or_none(report->host);
	if (report->port != 0)
		entry->resource.port = AUDIT_NUMBER(report->port);
	return report->kind == EGRESS_REQUEST ? put_url(line, report) : 0;
}

static void put_id(struct journal_line *line, const struct egress_report *report)
{
	if (report->number != 0)
		(void)snprintf(line->id, sizeof(line->id), "in-%08x", report->number);
	else if (report->id != 0)
		(void)snprintf(line->id, sizeof(line->id), "req-%08x", report->id);
	else
		(void)snprintf(line->id, sizeof(line->id), "-");
	line->entry.request_id = span_of(line->id);
}

/* put_policy() - by which it was decided, and how it is held to that */
static void put_policy(struct audit_entry *entry, const struct egress_report *report)
{
	static const enum audit_mode modes[] = { [POLICY_MODE_ENFORCE] = AUDIT_MODE_ENFORCE,
						 [POLICY_MODE_ASK] = AUDIT_MODE_ASK,
						 [POLICY_MODE_AUDIT] = AUDIT_MODE_AUDIT };

	entry->mode = modes[report->mode];
	entry->policy_hash = text_or_none(report->policy_hash);
}

/* put_outcome() - of what is over */
static void put_outcome(struct journal_line *line, const struct egress_report *report,
			enum audit_phase phase)
{
	struct audit_entry *entry = &line->entry;

	put_reason(entry, span_of(report->why));
	entry->error_code = error_of(report, phase);
	if (report->status != 0)
		entry->status_code = AUDIT_NUMBER(report->status);
	if (phase == AUDIT_END) {
		entry->request_bytes = AUDIT_NUMBER(report->up);
		entry->response_bytes = AUDIT_NUMBER(report->down);
		entry->latency_us = AUDIT_NUMBER((uint64_t)report->duration_ns / 1000);
	}
	if (report->kind == EGRESS_PACKETS && report->count > 1) {
		(void)snprintf(line->packets, sizeof(line->packets), "%llu packets",
			       (unsigned long long)report->count);
		put_reason(entry, span_of(line->packets));
	}
}

/* begin_line() - what each has */
static void begin_line(struct journal_line *line, enum egress_kind kind, enum audit_phase phase,
		       const struct journal_actor *actor)
{
	line->entry = (struct audit_entry){
		.request_id = SPAN("-"),
		.phase = phase,
		.action = span_of(kinds[kind].action),
		.actor = { .sandbox = span_of(actor->sandbox), .app = text_or_none(actor->app) },
		.mode = AUDIT_MODE_ENFORCE,
		.seen_by = kinds[kind].seen_by,
	};
}

int journal_line_fill(struct journal_line *ret, const struct egress_report *report,
		      enum audit_phase phase, const struct journal_actor *actor)
{
	struct audit_entry *entry = &ret->entry;
	bool failed =
	    report->blocked || (phase == AUDIT_EVENT && !report->begun && report->why[0] != '\0');
	int r = 0;

	begin_line(ret, report->kind, phase, actor);
	put_id(ret, report);
	put_policy(entry, report);
	if (failed || phase != AUDIT_END)
		entry->decision = failed || report->unheld ? AUDIT_DENY : AUDIT_ALLOW;
	if (phase == AUDIT_BEGIN && report->unheld)
		put_reason(entry, span_of(report->why));
	if (phase != AUDIT_END) {
		put_actor(entry, report);
		entry->rule = text_or_none(report->rule);
		r = put_resource(ret, report);
	}
	if (phase != AUDIT_BEGIN)
		put_outcome(ret, report, phase);
	return r;
}

void journal_line_count(struct journal_line *ret, const struct egress_report *report,
			uint64_t count, const struct journal_actor *actor)
{
	begin_line(ret, report != NULL ? report->kind : EGRESS_DROPPED, AUDIT_EVENT, actor);
	ret->entry.decision = report == NULL || report->blocked ? AUDIT_DENY : AUDIT_ALLOW;
	if (report != NULL) {
		ret->entry.rule = text_or_none(report->rule);
		put_protocol(&ret->entry, report);
		ret->entry.resource.host = text_or_none(report->host);
		if (report->port != 0)
			ret->entry.resource.port = AUDIT_NUMBER(report->port);
	}
	(void)snprintf(ret->packets, sizeof(ret->packets),
		       report != NULL ? "%llu more like this within a second"
				      : "%llu more; which they were is not recorded",
		       (unsigned long long)count);
	put_reason(&ret->entry, span_of(ret->packets));
}

/* escaped() - how long @text is in a line: see audit/entry.h */
static size_t escaped(struct span text)
{
	size_t len = text.len;

	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] < ' ' || text.ptr[i] > '~')
			len += 5;
		else if (text.ptr[i] == '"' || text.ptr[i] == '\\')
			len++;
	return len;
}

size_t journal_line_octets(const struct audit_entry *entry)
{
	size_t len = BESIDE_OCTETS + escaped(entry->resource.host) + escaped(entry->resource.url) +
		     escaped(entry->resource.path) + escaped(entry->actor.program);

	for (size_t i = 0; i < entry->reasons.len; i++)
		len += escaped(entry->reasons.items[i]);
	return len;
}
