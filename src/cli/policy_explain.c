// SPDX-License-Identifier: Apache-2.0
/* A question made of options, and what a policy says to it. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "cli/policy.h"
#include "net/name.h"
#include "policy/settings.h"
#include "policy/texts.h"

static struct span text_of(const struct cli_call *call, const char *option)
{
	const char *text = cli_value(call, option);

	return text != NULL ? span_of(text) : (struct span){ 0 };
}

static int read_mode(enum policy_mode *ret, struct cli_call *call)
{
	const char *text = cli_value(call, "mode");

	for (int i = 0; text != NULL && i <= POLICY_MODE_AUDIT; i++)
		if (strcmp(text, policy_mode_name((enum policy_mode)i)) == 0) {
			*ret = (enum policy_mode)i;
			return 0;
		}
	if (text == NULL)
		return 0;
	return diag_set(&call->diag, -EINVAL, "policy: --mode says enforce, ask or audit");
}

static int read_host(struct policy_resource *ret, struct net_name *name, struct cli_call *call)
{
	const char *host = cli_value(call, "host"), *port = cli_value(call, "port"), *fault = NULL;
	uint64_t number = 0;

	if (host != NULL && (fault = net_name_parse(name, span_of(host))) != NULL)
		return diag_set(&call->diag, -EINVAL, "policy: --host '%s': %s", host, fault);
	if (port != NULL && (cli_count(&number, port) < 0 || number < 1 || number > UINT16_MAX))
		return diag_set(&call->diag, -EINVAL, "policy: --port '%s' is none", port);
	if (host != NULL)
		ret->host = span_of(name->text);
	ret->is_address = name->kind == NET_NAME_ADDRESS;
	ret->port = (uint16_t)number;
	return 0;
}

/* read_question() - @name: what it borrows */
static int read_question(struct policy_input *ret, struct net_name *name, struct cli_call *call)
{
	const struct span action = text_of(call, "action");
	struct policy_resource *resource = &ret->resource;
	int r = read_mode(&ret->mode, call);

	if (r == 0)
		r = read_host(resource, name, call);
	if (r < 0)
		return r;
	ret->action = action.ptr != NULL ? policy_action_find(action) : POLICY_ACTION_NONE;
	if (ret->action == POLICY_ACTION_NONE)
		return diag_set(
		    &call->diag, -EINVAL,
		    "policy explain: --action says what is asked, such as http.request");
	ret->app = cli_value(call, "app") != NULL ? text_of(call, "app") : SPAN("");
	resource->method =
	    cli_value(call, "method") != NULL ? text_of(call, "method") : SPAN("GET");
	resource->target = cli_value(call, "path") != NULL ? text_of(call, "path") : SPAN("/");
	resource->scheme = resource->port == 80 ? SPAN("http") : SPAN("https");
	resource->websocket = cli_has(call, "websocket");
	if (ret->action == POLICY_ACTION_HTTP_REQUEST && resource->port == 0)
		resource->port = 443;
	resource->file = resource->program = text_of(call, "file");
	return 0;
}

/* add_policy() - the file @name, or what is shipped under that name */
static int add_policy(struct rego *rego, const char *name, struct cli_call *call)
{
	const struct policy_text *text = policy_shipped(name);
	struct rego_error error = { 0 };

	if (text == NULL)
		return policy_add_file(rego, name, &error, &call->diag);
	return policy_add(rego, text->name, (struct span){ text->text, text->octets }, &error,
			  &call->diag);
}

/* add_data() - that of --data; else settings by which nothing is allowed */
static int add_data(struct rego *rego, struct cli_call *call)
{
	CLEANUP_BUF struct buf text = BUF(64UL * POLICY_FILE_OCTETS_MAX);
	const char *path = cli_value(call, "data");
	struct rego_error error = { 0 };
	char *settings = NULL;
	int r = 0;

	if (path != NULL) {
		r = policy_read(&text, path, &call->diag);
	} else {
		r = policy_settings_text(&settings, &(struct policy_rules){ 0 }, &call->diag);
		if (r == 0)
			r = buf_append(&text, span_of(settings));
		free(settings);
	}
	if (r < 0)
		return r;
	r = rego_set_data(rego, buf_span(&text).ptr, buf_len(&text), &error);
	return r == 0 ? 0 : policy_blame(&call->diag, r, path != NULL ? path : "data", &error);
}

static void show_text(FILE *out, const json_t *decision)
{
	const json_t *reasons = json_object_get(decision, "reasons");
	const json_t *obligations = json_object_get(decision, "obligations");

	fprintf(out, "%s", json_string_value(json_object_get(decision, "verdict")));
	if (json_is_string(json_object_get(decision, "rule")))
		fprintf(out, " (%s)", json_string_value(json_object_get(decision, "rule")));
	fputc('\n', out);
	for (size_t i = 0; i < json_array_size(reasons); i++)
		if (json_is_string(json_array_get(reasons, i)))
			fprintf(out, "  %s\n", json_string_value(json_array_get(reasons, i)));
	if (json_object_size(obligations) > 0) {
		fputs("  obligations: ", out);
		(void)json_dumpf(obligations, out, 0);
		fputc('\n', out);
	}
}

static int show(struct cli_call *call, const struct rego *rego, const struct rego_text *text)
{
	json_t *decision = json_loadb(text->ptr, text->octets, 0, NULL);
	struct rego_text prints = { 0 };
	struct rego_error error = { 0 };
	int r = 0;

	if (rego_prints(&prints, rego, &error) == 0 && prints.octets > 0)
		fprintf(call->err, "%.*s", (int)prints.octets, prints.ptr);
	rego_text_free(&prints);
	if (!json_is_string(json_object_get(decision, "verdict")))
		r = diag_set(&call->diag, -EINVAL, "%s is no decision, so it denies: %.*s",
			     POLICY_DECISION, (int)(text->octets < 160 ? text->octets : 160),
			     text->ptr);
	else if (cli_has(call, "json"))
		fprintf(call->out, "%.*s\n", (int)text->octets, text->ptr);
	else
		show_text(call->out, decision);
	json_decref(decision);
	return r;
}

static int ask(struct cli_call *call, struct rego *rego, const struct policy_input *input)
{
	CLEANUP_BUF struct buf question = BUF(POLICY_INPUT_OCTETS_MAX);
	struct rego_error error = { 0 };
	struct rego_text text = { 0 };
	int r = policy_input_put(&question, input);

	if (r < 0)
		return diag_set(&call->diag, r, "policy explain: the question is too long");
	r = rego_set_input(rego, buf_span(&question).ptr, buf_len(&question), &error);
	if (r == 0)
		r = rego_eval_rule(&text, rego, POLICY_DECISION, strlen(POLICY_DECISION), &error);
	if (r == -ENODATA)
		return diag_set(&call->diag, r, "%s is undefined for this, so it denies",
				POLICY_DECISION);
	r = r == 0 ? show(call, rego, &text)
		   : policy_blame(&call->diag, r, call->operands[1], &error);
	rego_text_free(&text);
	return r;
}

int policy_explain(struct cli_call *call)
{
	struct policy_input input = { .request_id = SPAN("explain"),
				      .timestamp_ns = clock_unix_s() * 1000000000,
				      .started_ns = clock_unix_s() * 1000000000,
				      .sandbox = SPAN("vm-00000000"),
				      .workspace_root = SPAN("/tmp/workspace") };
	struct net_name name = { 0 };
	struct rego *rego = NULL;
	int r = 0;

	if (call->operands_len != 2)
		return diag_set(&call->diag, -EINVAL,
				"policy explain: name one policy, a file or a template");
	r = read_question(&input, &name, call);
	if (r == 0)
		r = policy_engine(&rego, &call->diag);
	if (r == 0)
		r = add_policy(rego, call->operands[1], call);
	if (r == 0)
		r = add_data(rego, call);
	if (r == 0)
		r = ask(call, rego, &input);
	rego_free(rego);
	return r;
}
