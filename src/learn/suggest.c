// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a run of grants that belong together is one rule; within it each stands on a line of its own,
 * with a comment that says by which entries. The host is compared first, as that rules most of them out. The
 * members of the input are written out, each time: so immure sees which of them an answer depends on, and keeps
 * the answer for all questions that do not differ in these.
 */
#include "learn/suggest.h"

#include <stdio.h>

#include "learn/segment.h"

#define SUMMARY  "input.request_summary."
#define RESOURCE SUMMARY "resource."

enum { DENIED_MAX = 50, ONCE = 1 };

void suggest_refs(struct text *text, const struct learn *learn, const struct learn_call *call)
{
	for (size_t i = 0; i < call->refs_len; i++)
		text_printf(text, " %s:%llu", learn->logs[call->refs[i].log].name,
			    (unsigned long long)call->refs[i].seq);
	if (call->allowed + call->denied > call->refs_len && call->refs_len > 0)
		text_put(text, " ...");
}

void suggest_rule_name(char ret[SUGGEST_NAME_OCTETS], const struct grant *grant)
{
	static const char *const names[POLICY_ACTIONS] = {
		[POLICY_ACTION_DNS_QUERY] = "names",
		[POLICY_ACTION_NET_CONNECT] = "flows",
		[POLICY_ACTION_HTTP_REQUEST] = "requests",
	};

	(void)snprintf(ret, SUGGEST_NAME_OCTETS, "%s %u",
		       grant->unread ? "unread flows" : names[grant->call.action], grant->rule);
}

/* put_why() - the comment of a grant, to the end of its line */
static void put_why(struct text *text, const struct grants *grants, const struct grant *grant)
{
	const struct learn_call *call = &grant->call;

	text_put(text, " #");
	if (grant->below)
		text_printf(text, " %zu hosts,", grant->hosts);
	if (call->allowed == 0)
		text_put(text, " what the calls below take");
	else if (call->allowed == ONCE)
		text_put(text, " once only, is it needed?");
	else
		text_printf(text, " %llu times:", (unsigned long long)call->allowed);
	suggest_refs(text, grants->learn, call);
	if (call->denied > 0)
		text_printf(text, "; %sdenied %llu times",
			    call->path.len > 0 ? "paths of this form were " : "and ",
			    (unsigned long long)call->denied);
	if (grant->exact && call->more)
		text_put(text, "; others were allowed, and are not granted");
	if (grant->could.ptr != NULL) {
		text_put(text, "; with --wildcards one of those below ");
		text_string(text, grant->could);
	}
	text_put(text, "\n");
}

static void number_rules(struct grants *grants)
{
	unsigned rule = 0;

	for (size_t i = 0; i < grants->len; i++) {
		if (i == 0 || !grants_is_rule(&grants->all[i - 1], &grants->all[i]))
			rule++;
		grants->all[i].rule = rule;
	}
}

static size_t run_of(const struct grants *grants, size_t i)
{
	size_t len = 1;

	while (i + len < grants->len && grants->all[i + len].rule == grants->all[i].rule)
		len++;
	return len;
}

/* put_host() - a statement about the host of requests, or the beginning of one about those of flows and names */
static void put_suffix(struct text *text, struct span host)
{
	char suffix[256]; /* a name has 253 */

	(void)snprintf(suffix, sizeof(suffix), ".%.*s", (int)host.len, host.ptr);
	text_string(text, span_of(suffix));
}

static void put_host(struct text *text, const struct grant *grant)
{
	if (grant->below) {
		text_put(text, "\tendswith(" RESOURCE "host, ");
		put_suffix(text, grant->call.host);
		text_put(text, ")\n");
		return;
	}
	text_put(text, "\t" RESOURCE "host == ");
	text_string(text, grant->call.host);
	text_put(text, "\n");
}

/* put_hosts() - of a run of names or flows */
static void put_hosts(struct text *text, const struct grants *grants, size_t i, size_t len)
{
	const bool below = grants->all[i].below;

	text_put(text, below ? "\tsome suffix in [\n" : "\t" RESOURCE "host in {\n");
	for (size_t k = i; k < i + len; k++) {
		text_put(text, "\t\t");
		if (below)
			put_suffix(text, grants->all[k].call.host);
		else
			text_string(text, grants->all[k].call.host);
		text_put(text, ",");
		put_why(text, grants, &grants->all[k]);
	}
	text_put(text, below ? "\t]\n\tendswith(" RESOURCE "host, suffix)\n" : "\t}\n");
}

/* put_paths() - of a run of requests */
static void put_paths(struct text *text, const struct grants *grants, size_t i, size_t len)
{
	const bool open = grants->all[i].open;

	text_put(text, open ? "\tsome pattern in [\n" : "\t" RESOURCE "path in {\n");
	for (size_t k = i; k < i + len; k++) {
		const struct learn_call *call = &grants->all[k].call;
		CLEANUP_BUF struct buf pattern = BUF(SEGMENT_PATTERN_OCTETS);

		text_put(text, "\t\t");
		if (open && text->error == 0)
			text->error = segment_pattern(&pattern, call->path, call->varied);
		text_string(text, open ? buf_span(&pattern) : call->path);
		text_put(text, ",");
		put_why(text, grants, &grants->all[k]);
	}
	text_put(text, open ? "\t]\n\tregex.match(pattern, " RESOURCE "path)\n" : "\t}\n");
}

static void put_rule(struct text *text, const struct grants *grants, size_t i, size_t len)
{
	const struct grant *grant = &grants->all[i];
	const struct learn_call *call = &grant->call;
	char name[SUGGEST_NAME_OCTETS];

	suggest_rule_name(name, grant);
	text_printf(text, "\nallowed contains \"%s\" if {\n", name);
	if (call->action == POLICY_ACTION_HTTP_REQUEST)
		put_host(text, grant);
	text_printf(text, "\t" SUMMARY "action == \"%s\"\n", policy_action_name(call->action));
	if (grant->below)
		text_put(text, "\tnot " RESOURCE "is_address\n");
	if (call->port != 0)
		text_printf(text, "\t" RESOURCE "port == %u\n", call->port);
	if (call->action != POLICY_ACTION_HTTP_REQUEST) {
		put_hosts(text, grants, i, len);
	} else {
		text_printf(text, "\t" RESOURCE "scheme == \"%s\"\n",
			    call->https ? "https" : "http");
		text_printf(text, "\t" RESOURCE "websocket == %s\n",
			    call->websocket ? "true" : "false");
		text_put(text, "\t" RESOURCE "method == ");
		text_string(text, call->method);
		text_put(text, "\n");
		put_paths(text, grants, i, len);
	}
	text_put(text, "}\n");
}

static void put_head(struct text *text, const struct learn *learn, const char *app)
{
	char first[POLICY_STAMP_OCTETS + 1], last[POLICY_STAMP_OCTETS + 1];

	policy_stamp(first, learn->first_ns);
	policy_stamp(last, learn->last_ns);
	text_put(text, "# What this app did, suggested as a policy by `immure policy suggest`: ");
	text_string(text, span_of(app));
	text_printf(text,
		    "\n# Learned from %llu entries of the audit log, %.19sZ to %.19sZ.\n"
		    "# Read it before you rely on it: what was done is not yet what is right. "
		    "Queries of URLs are not on\n"
		    "# record in full, so any is allowed. An entry is named LOG:SEQ.\n",
		    (unsigned long long)learn->entries, first, last);
	if (learn->lost > 0)
		text_printf(text,
			    "#\n# There was no room for %llu entries, which are not granted: "
			    "narrow it with --sandbox or --since.\n",
			    (unsigned long long)learn->lost);
	if (learn->odd > 0)
		text_printf(text,
			    "#\n# %llu entries have no form that could be granted; the first "
			    "is %s:%llu: %s.\n",
			    (unsigned long long)learn->odd, learn->logs[learn->odd_ref.log].name,
			    (unsigned long long)learn->odd_ref.seq, learn->why_odd);
	if (learn->other > 0)
		text_printf(text,
			    "#\n# %llu entries are of actions that no policy is asked about.\n",
			    (unsigned long long)learn->other);
}

/* put_denied() - one that was never allowed, as a comment */
static void put_denied(struct text *text, const struct learn *learn, const struct learn_call *call)
{
	text_printf(text, "#   %s ", policy_action_name(call->action));
	text_string(text, call->host);
	if (call->port != 0)
		text_printf(text, " port %u", call->port);
	if (call->path.len > 0) {
		text_put(text, " ");
		text_string(text, call->method);
		text_put(text, " ");
		text_string(text, call->path);
	}
	text_put(text, ":");
	suggest_refs(text, learn, call);
	text_put(text, "\n");
}

static void put_all_denied(struct text *text, const struct learn *learn)
{
	size_t denied = 0;

	for (size_t i = 0; i < learn->calls_len; i++) {
		if (learn->calls[i].allowed > 0)
			continue;
		if (denied == 0)
			text_put(text, "\n# Denied when it was recorded, and not granted:\n");
		if (denied++ < DENIED_MAX)
			put_denied(text, learn, &learn->calls[i]);
	}
	if (denied > DENIED_MAX)
		text_printf(text, "#   and %zu more\n", denied - DENIED_MAX);
}

/* put_terms() - on which a rule allows. Return: are there any? */
static bool put_terms(struct text *text, const struct grants *grants)
{
	char name[SUGGEST_NAME_OCTETS];
	bool any = false;

	for (size_t i = 0; i < grants->len; i += run_of(grants, i)) {
		if (!grants->all[i].unread)
			continue;
		if (!any)
			text_put(
			    text,
			    "\n# No request was read on these flows. That is not to say they are "
			    "no HTTP: what is refused is not on\n# record in full. If one is no "
			    "HTTP, add obligations raw: true by hand, by taking the # away: it "
			    "passes unread.\nterms := {\n");
		suggest_rule_name(name, &grants->all[i]);
		text_printf(text, "\t# \"%s\": {\"raw\": true},\n", name);
		any = true;
	}
	if (any)
		text_put(text, "}\n");
	return any;
}

/* put_decision() - what the rules below add up to */
static void put_decision(struct text *text, const struct grants *grants)
{
	text_put(text, "package immure\n\n"
		       "default decision := {\n"
		       "\t\"verdict\": \"deny\", \"rule\": \"default\",\n"
		       "\t\"reasons\": [\"nothing like this was recorded\"],\n"
		       "}\n");
	const bool any = put_terms(text, grants);
	text_put(
	    text,
	    "\ndecision := {\n"
	    "\t\"verdict\": \"allow\", \"rule\": rule, \"reasons\": [\"this was recorded\"],\n");
	if (any)
		text_put(text, "\t\"obligations\": object.get(terms, rule, {}),\n");
	text_put(text, "} if {\n"
		       "\trule := min(allowed)\n"
		       "}\n");
	if (grants->len == 0)
		text_put(text, "\nallowed := set()\n");
}

int suggest_policy(struct text *ret, struct grants *grants, const char *app)
{
	number_rules(grants);
	put_head(ret, grants->learn, app);
	put_decision(ret, grants);
	for (size_t i = 0; i < grants->len; i += run_of(grants, i))
		put_rule(ret, grants, i, run_of(grants, i));
	put_all_denied(ret, grants->learn);
	return ret->error;
}
