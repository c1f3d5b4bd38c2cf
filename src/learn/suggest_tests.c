// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: calls are data, some in a list, and a few functions in Rego ask about all of a list, so that
 * no test takes long. What must be denied is each call with a text in it that is in none of the recording.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "learn/suggest.h"

#define STRANGER "never-seen"
enum { STRANGER_LEN = sizeof(STRANGER) - 1 };
enum { CALLS_IN_LIST = 16, STRANGER_OCTETS = 32, PORT_FIRST = 1024, PORTS = 65536 };

static const char head[] =
    "package immure_test\n\n"
    "import data.immure\n\n"
    "verdict(call) := decision.verdict if {\n"
    "\tsummary := {\"action\": call.action, \"resource\": object.remove(call, [\"action\"])}\n"
    "\tdecision := immure.decision with input as {\"request_summary\": summary, \"mode\": "
    "\"enforce\"}\n"
    "}\n\n"
    "all_allowed(calls) if {\n"
    "\tevery call in calls {\n"
    "\t\tverdict(call) == \"allow\"\n"
    "\t}\n"
    "}\n\n"
    "# with another value of what they have\n"
    "all_denied(calls, member, other) if {\n"
    "\tevery call in [object.union(call, {member: other}) | some call in calls; call[member]] {\n"
    "\t\tverdict(call) == \"deny\"\n"
    "\t}\n"
    "}\n\n"
    "# with more behind it\n"
    "all_denied_behind(calls, member, more) if {\n"
    "\tlonger := [object.union(call, {member: concat(\"\", [call[member], more])}) |\n"
    "\t\tsome call in calls\n"
    "\t\tcall[member]\n"
    "\t]\n"
    "\tevery call in longer {\n"
    "\t\tverdict(call) == \"deny\"\n"
    "\t}\n"
    "}\n";

/* note() - the numbers that stand behind "never-seen" in @text, and what these begin with */
static void note(bool *taken, size_t len, struct span text)
{
	const char *at = NULL;

	while (text.len > 0 && (at = memmem(text.ptr, text.len, STRANGER, STRANGER_LEN)) != NULL) {
		size_t number = 0;

		text = span_drop(text, (size_t)(at - text.ptr) + STRANGER_LEN);
		for (size_t i = 0; i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9'; i++) {
			number = number * 10 + (size_t)(text.ptr[i] - '0');
			if (number >= len)
				break;
			taken[number] = true;
		}
	}
}

/*
 * find_stranger() - a text in none of hosts, methods and paths: "never-seen0". A number below @len has at most 8
 * digits: so a text with k numbers takes no more than 8 of 18 octets each, and one is free.
 * Return: 0; -ENOMEM
 */
static int find_stranger(char ret[STRANGER_OCTETS], const struct learn *learn)
{
	_Static_assert(LEARN_OCTETS_MAX / 2 + 2 <= 100000000, "8 digits");
	const size_t len = learn->octets / 2 + 2;
	bool *taken = calloc(len, sizeof(*taken));
	size_t number = 0;

	if (taken == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < learn->calls_len; i++) {
		note(taken, len, learn->calls[i].host);
		note(taken, len, learn->calls[i].method);
		note(taken, len, learn->calls[i].path);
		for (size_t k = 1; k < learn->calls[i].examples_len; k++)
			note(taken, len, learn->calls[i].examples[k]);
	}
	while (taken[number])
		number++;
	free(taken);
	(void)snprintf(ret, STRANGER_OCTETS, STRANGER "%zu", number);
	return 0;
}

/* find_port() - one that nothing was sent to; 0: there is none */
static unsigned find_port(const struct learn *learn)
{
	static bool used[PORTS];

	memset(used, 0, sizeof(used));
	for (size_t i = 0; i < learn->calls_len; i++)
		used[learn->calls[i].port] = true;
	for (unsigned port = PORT_FIRST; port < PORTS; port++)
		if (!used[port])
			return port;
	return 0;
}

static void put_member(struct text *text, const char *name, struct span value)
{
	text_printf(text, ", \"%s\": ", name);
	text_string(text, value);
}

static void put_call(struct text *text, const struct learn_call *call, struct span path)
{
	text_printf(text, "\t{\"action\": \"%s\"", policy_action_name(call->action));
	put_member(text, "host", call->host);
	text_printf(text, ", \"is_address\": %s", call->is_address ? "true" : "false");
	if (call->port != 0)
		text_printf(text, ", \"port\": %u", call->port);
	if (call->action == POLICY_ACTION_HTTP_REQUEST) {
		put_member(text, "scheme", call->https ? SPAN("https") : SPAN("http"));
		put_member(text, "method", call->method);
		put_member(text, "path", path);
		text_printf(text, ", \"websocket\": %s", call->websocket ? "true" : "false");
	}
	text_put(text, "},");
}

/* The list that is being written. */
struct listing {
	struct text *text;
	const char *stranger;
	unsigned port, number; /* port: never used */
	size_t len;
};

static void end_list(struct listing *listing)
{
	struct text *text = listing->text;
	const unsigned n = listing->number;

	if (listing->len == 0)
		return;
	text_put(text, "]\n");
	text_printf(text, "\ntest_%u_allowed if all_allowed(calls_%u)\n", n, n);
	text_printf(text,
		    "\ntest_%u_other_hosts if {\n"
		    "\tall_denied(calls_%u, \"host\", \"%s.test\")\n"
		    "\tall_denied_behind(calls_%u, \"host\", \".%s.test\")\n}\n",
		    n, n, listing->stranger, n, listing->stranger);
	if (listing->port != 0)
		text_printf(text, "\ntest_%u_other_ports if all_denied(calls_%u, \"port\", %u)\n",
			    n, n, listing->port);
	text_printf(text, "\ntest_%u_other_methods if all_denied(calls_%u, \"method\", \"%s\")\n",
		    n, n, listing->stranger);
	text_printf(text,
		    "\ntest_%u_other_paths if all_denied_behind(calls_%u, \"path\", \"/%s\")\n", n,
		    n, listing->stranger);
	listing->len = 0;
}

static void list(struct listing *listing, const struct learn *learn, const struct learn_call *call,
		 struct span path)
{
	if (listing->len++ == 0)
		text_printf(listing->text, "\ncalls_%u := [\n", ++listing->number);
	put_call(listing->text, call, path);
	text_put(listing->text, " #");
	suggest_refs(listing->text, learn, call);
	text_put(listing->text, "\n");
	if (listing->len == CALLS_IN_LIST)
		end_list(listing);
}

int suggest_tests(struct text *ret, const struct grants *grants)
{
	const struct learn *learn = grants->learn;
	char stranger[STRANGER_OCTETS];
	struct listing listing = { .text = ret, .stranger = stranger, .port = find_port(learn) };

	if (ret->error == 0)
		ret->error = find_stranger(stranger, learn);
	if (ret->error < 0)
		return ret->error;
	text_put(ret,
		 "# The recording as tests, by `immure policy suggest`: each call, and up to three "
		 "of those "
		 "that differ in a\n# number, UUID or hash alone, is allowed; with another host, "
		 "port, method or path it is denied.\n");
	text_put(ret, head);
	for (size_t i = 0; i < learn->calls_len; i++) {
		const struct learn_call *call = &learn->calls[i];

		if (call->allowed == 0)
			continue;
		for (size_t k = 0; k == 0 || k < call->examples_len; k++)
			list(&listing, learn, call, call->examples[k]);
	}
	end_list(&listing);
	return ret->error;
}
