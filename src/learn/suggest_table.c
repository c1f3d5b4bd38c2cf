// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "learn/segment.h"
#include "learn/suggest.h"

static void put_what(struct text *text, const struct grant *grant)
{
	const struct learn_call *call = &grant->call;
	CLEANUP_BUF struct buf shown = BUF(SEGMENT_PATTERN_OCTETS);

	if (call->path.len > 0) {
		text_printf(text, "%.*s %s://", (int)call->method.len, call->method.ptr,
			    call->websocket ? (call->https ? "wss" : "ws")
			    : call->https   ? "https"
					    : "http");
		if (text->error == 0)
			text->error = grant->open ? segment_shown(&shown, call->path, call->varied)
						  : buf_append(&shown, call->path);
	} else {
		text_put(text, call->action == POLICY_ACTION_DNS_QUERY ? "look up "
			       : grant->unread ? "connect (no request read) to "
					       : "connect to ");
	}
	text_printf(text, "%s%.*s", grant->below ? "*." : "", (int)call->host.len, call->host.ptr);
	if (call->port != 0)
		text_printf(text, ":%u", call->port);
	if (text->error == 0)
		text->error = buf_append(&text->buf, buf_span(&shown));
}

int suggest_table(struct text *ret, const struct grants *grants)
{
	char name[SUGGEST_NAME_OCTETS];

	for (size_t i = 0; i < grants->len; i++) {
		const struct grant *grant = &grants->all[i];

		suggest_rule_name(name, grant);
		text_printf(ret, "%-16s %8llu  ", name, (unsigned long long)grant->call.allowed);
		put_what(ret, grant);
		text_put(ret, "  ");
		if (grant->call.allowed == 0)
			text_put(ret, " what others take");
		if (grant->call.allowed == 1)
			text_put(ret, " once only:");
		if (grant->below)
			text_printf(ret, " of %zu hosts:", grant->hosts);
		suggest_refs(ret, grants->learn, &grant->call);
		text_put(ret, "\n");
	}
	return ret->error;
}
