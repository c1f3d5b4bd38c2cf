// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a writer that remembers its first failure, so that the document below reads as what
 * it makes. Each member is written with a comma behind it; the brace that closes takes the last one back.
 */
#include "policy/input.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "base/utf8.h"

struct writer {
	struct buf *buf;
	int error; /* of what was written so far */
};

static const char *const actions[POLICY_ACTIONS] = {
	[POLICY_ACTION_DNS_QUERY] = "dns.query",
	[POLICY_ACTION_NET_CONNECT] = "net.connect",
	[POLICY_ACTION_HTTP_REQUEST] = "http.request",
	[POLICY_ACTION_PORT_PUBLISH] = "port.publish",
	[POLICY_ACTION_EXEC] = "exec",
	[POLICY_ACTION_FS_OPEN] = "fs.open",
	[POLICY_ACTION_FS_WRITE] = "fs.write",
	[POLICY_ACTION_DATA_READ] = "data.read",
};

const char *policy_action_name(enum policy_action action)
{
	return (size_t)action < POLICY_ACTIONS ? actions[action] : NULL;
}

enum policy_action policy_action_find(struct span name)
{
	for (size_t i = 1; i < POLICY_ACTIONS; i++)
		if (span_is(name, actions[i]))
			return (enum policy_action)i;
	return POLICY_ACTION_NONE;
}

const char *policy_mode_name(enum policy_mode mode)
{
	if (mode == POLICY_MODE_AUDIT)
		return "audit";
	return mode == POLICY_MODE_ASK ? "ask" : "enforce";
}

enum policy_mode policy_mode_find(const char *name)
{
	if (name != NULL && strcmp(name, "audit") == 0)
		return POLICY_MODE_AUDIT;
	return name != NULL && strcmp(name, "ask") == 0 ? POLICY_MODE_ASK : POLICY_MODE_ENFORCE;
}

void policy_stamp(char ret[POLICY_STAMP_OCTETS + 1], int64_t time_ns)
{
	enum { SECOND_NS = 1000000000 };
	const time_t seconds = (time_t)(time_ns > 0 ? time_ns / SECOND_NS : 0);
	const unsigned rest = time_ns > 0 ? (unsigned)(time_ns % SECOND_NS) : 0;
	char day[sizeof("2024-01-15T10:30:00")];
	struct tm utc = { 0 };

	(void)gmtime_r(&seconds, &utc);
	(void)strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &utc);
	(void)snprintf(ret, POLICY_STAMP_OCTETS + 1, "%s.%09uZ", day, rest);
}

static void put(struct writer *w, struct span text)
{
	if (w->error == 0)
		w->error = buf_append(w->buf, text);
}

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* put_foreign() - the character or octet at the front of @text, which is not plain. Return: octets of it */
static size_t put_foreign(struct writer *w, struct span text)
{
	uint32_t code = 0;
	size_t len = utf8_decode(&code, text);
	char escape[8];

	if (len > 1) {
		put(w, (struct span){ text.ptr, len });
	} else if (len == 0) {
		put(w, SPAN("\xef\xbf\xbd")); /* U+FFFD */
	} else {
		int octets = snprintf(escape, sizeof(escape), "\\u%04x", (unsigned)code);

		put(w, (struct span){ escape, (size_t)octets });
	}
	return len > 0 ? len : 1;
}

static void put_text(struct writer *w, struct span text)
{
	put(w, SPAN("\""));
	while (text.len > 0) {
		size_t plain = 0;

		while (plain < text.len && is_plain((unsigned char)text.ptr[plain]))
			plain++;
		if (plain > 0)
			put(w, (struct span){ text.ptr, plain });
		else
			plain = put_foreign(w, text);
		text = span_drop(text, plain);
	}
	put(w, SPAN("\""));
}

static void put_name(struct writer *w, const char *name)
{
	put(w, SPAN("\""));
	put(w, span_of(name));
	put(w, SPAN("\":"));
}

static void put_member(struct writer *w, const char *name, struct span text)
{
	if (text.ptr == NULL)
		return;
	put_name(w, name);
	put_text(w, text);
	put(w, SPAN(","));
}

static void put_bool(struct writer *w, const char *name, bool value)
{
	put_name(w, name);
	put(w, value ? SPAN("true,") : SPAN("false,"));
}

static void put_number(struct writer *w, const char *name, unsigned number)
{
	char digits[16];

	put_name(w, name);
	put(w, (struct span){ digits, (size_t)snprintf(digits, sizeof(digits), "%u,", number) });
}

static void put_time(struct writer *w, const char *name, int64_t time_ns)
{
	char stamp[POLICY_STAMP_OCTETS + 1];

	policy_stamp(stamp, time_ns);
	put_member(w, name, span_of(stamp));
}

static void open_member(struct writer *w, const char *name)
{
	put_name(w, name);
	put(w, SPAN("{"));
}

/* shut() - with a bracket or brace, in place of the comma before it */
static void shut(struct writer *w, const char *bracket)
{
	if (w->error == 0 && w->buf->ptr[w->buf->end - 1] == ',')
		w->buf->end--;
	put(w, span_of(bracket));
}

static void put_host(struct writer *w, const struct policy_resource *resource)
{
	if (resource->host.ptr == NULL)
		return;
	put_member(w, "host", resource->host);
	put_bool(w, "is_address", resource->is_address);
	if (resource->port != 0)
		put_number(w, "port", resource->port);
}

static void put_request(struct writer *w, const struct policy_resource *resource)
{
	struct span rest = resource->target;
	struct span path = span_cut(&rest, '?');

	put_member(w, "scheme", resource->scheme);
	put_member(w, "method", resource->method);
	put_member(w, "path", path);
	put_member(w, "query", rest);
	put_bool(w, "websocket", resource->websocket);
}

static void put_program(struct writer *w, const struct policy_resource *resource)
{
	put_member(w, "program", resource->program);
	put_name(w, "arguments");
	put(w, SPAN("["));
	for (size_t i = 0; i < resource->arguments_len; i++) {
		put_text(w, resource->arguments[i]);
		put(w, SPAN(","));
	}
	shut(w, "],");
}

static void put_file(struct writer *w, const struct policy_resource *resource)
{
	put_member(w, "file", resource->file);
	put_name(w, "flags");
	put(w, SPAN("["));
	for (size_t i = 0; i < resource->flags_len; i++) {
		put_text(w, span_of(resource->flags[i]));
		put(w, SPAN(","));
	}
	shut(w, "],");
}

static void put_resource(struct writer *w, const struct policy_input *input)
{
	put_host(w, &input->resource);
	if (input->action == POLICY_ACTION_HTTP_REQUEST)
		put_request(w, &input->resource);
	if (input->action == POLICY_ACTION_EXEC)
		put_program(w, &input->resource);
	if (input->action == POLICY_ACTION_FS_OPEN || input->action == POLICY_ACTION_FS_WRITE ||
	    input->action == POLICY_ACTION_DATA_READ)
		put_file(w, &input->resource);
}

static void put_caller(struct writer *w, const struct policy_input *input)
{
	open_member(w, "caller_identity");
	put_member(w, "app", input->app);
	put_member(w, "sandbox", input->sandbox);
	open_member(w, "process");
	if (input->pid != 0)
		put_number(w, "pid", input->pid);
	put_member(w, "program", input->program);
	shut(w, "}");
	shut(w, "},");
}

int policy_input_put(struct buf *buf, const struct policy_input *input)
{
	const char *action = policy_action_name(input->action);
	struct writer w = { .buf = buf };

	if (action == NULL)
		return -EINVAL;
	put(&w, SPAN("{"));
	put_number(&w, "version", POLICY_INPUT_VERSION);
	put_member(&w, "request_id", input->request_id);
	put_time(&w, "timestamp", input->timestamp_ns);
	put_member(&w, "policy_hash", input->policy_hash);
	put_member(&w, "mode", span_of(policy_mode_name(input->mode)));
	open_member(&w, "request_summary");
	put_member(&w, "action", span_of(action));
	open_member(&w, "resource");
	put_resource(&w, input);
	shut(&w, "}");
	shut(&w, "},");
	put_caller(&w, input);
	put_member(&w, "workspace_root", input->workspace_root);
	put(&w, SPAN("\"caps\":{},"));
	open_member(&w, "time_window");
	put_time(&w, "started", input->started_ns);
	shut(&w, "}");
	shut(&w, "}");
	return w.error;
}
