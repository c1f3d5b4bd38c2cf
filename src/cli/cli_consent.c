// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: as cli_audit.c, a table of what can be done with the options that each takes. Hosts and
 * paths are what programs inside chose: they are shown by print_safe() alone.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/number.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "config/config.h"
#include "consent/place.h"
#include "consent/store.h"
#include "warden/state.h"

static int open_store(struct store **ret, struct cli_call *call, bool make)
{
	CLEANUP_FD int home = -1;
	int r = state_home(&home, &call->diag);

	return r == 0 ? store_open(ret, home, make, &call->diag) : r;
}

/* read_app() - of --app. Return: 0; -EINVAL: it is no app's name. *@ret ptr NULL: none was given. */
static int read_app(struct span *ret, struct cli_call *call)
{
	const char *app = cli_value(call, "app");
	const char *fault = app != NULL ? config_app_fault(app) : NULL;

	if (fault != NULL)
		return diag_set(&call->diag, -EINVAL, "consent: --app '%s': %s", app, fault);
	*ret = app != NULL ? span_of(app) : (struct span){ 0 };
	return 0;
}

static const char *effect_of(const struct grant *grant)
{
	return (grant->flags & GRANT_DENY) != 0 ? "deny" : "allow";
}

static const char *scheme_of(const struct grant *grant)
{
	const bool secure = (grant->flags & GRANT_HTTPS) != 0;

	if (grant->action != GRANT_HTTP_REQUEST)
		return "tcp";
	if ((grant->flags & GRANT_WEBSOCKET) != 0)
		return secure ? "wss" : "ws";
	return secure ? "https" : "http";
}

/* put_url() - "GET https://a.test:443/x", "tcp://[2001:db8::1]:443" */
static void put_url(FILE *out, const struct grant *grant)
{
	const bool bracketed = memchr(grant->host.ptr, ':', grant->host.len) != NULL;

	print_safe_span(out, grant->method);
	fprintf(out, "%s%s://%s", grant->method.len > 0 ? " " : "", scheme_of(grant),
		bracketed ? "[" : "");
	print_safe_span(out, grant->host);
	fprintf(out, "%s:%u", bracketed ? "]" : "", grant->port);
	if (!span_is(grant->target, "*"))
		print_safe_span(out, grant->target);
}

static int put_line(void *context, const struct grant *grant)
{
	struct cli_call *call = context;
	char created[PRINT_TIME_OCTETS], expires[PRINT_TIME_OCTETS] = "never";

	print_rfc3339(created, grant->created);
	if (grant->expires > 0)
		print_rfc3339(expires, grant->expires);
	fprintf(call->out, "%-4lld  ", (long long)grant->id);
	print_safe_span(call->out, grant->app);
	fprintf(call->out, "  %-5s  ", effect_of(grant));
	put_url(call->out, grant);
	fprintf(call->out, "  by ");
	print_safe_span(call->out, grant->by);
	fprintf(call->out, " %s  expires %s\n", created, expires);
	return ferror(call->out) ? -EIO : 0;
}

static json_t *text_or_null(struct span text)
{
	return text.len > 0 ? json_stringn(text.ptr, text.len) : json_null();
}

static int add_json(void *context, const struct grant *grant)
{
	json_t *one =
	    json_pack("{s:I, s:s%, s:s, s:s, s:s%, s:i, s:s, s:o, s:o, s:I, s:o, s:s%, s:I}", "id",
		      (json_int_t)grant->id, "app", grant->app.ptr, grant->app.len, "effect",
		      effect_of(grant), "action", grant_action_name(grant->action), "host",
		      grant->host.ptr, grant->host.len, "port", (int)grant->port, "scheme",
		      scheme_of(grant), "method", text_or_null(grant->method), "target",
		      text_or_null(grant->target), "created", (json_int_t)grant->created, "expires",
		      grant->expires > 0 ? json_integer(grant->expires) : json_null(), "by",
		      grant->by.ptr, grant->by.len, "uid", (json_int_t)grant->uid);

	return json_array_append_new(context, one) == 0 ? 0 : -ENOMEM;
}

/* show() - all in @store, or none if that is NULL */
static int show(struct cli_call *call, struct store *store, struct span app)
{
	json_t *all = cli_has(call, "json") ? json_array() : NULL;
	int r = 0;

	if (store != NULL)
		r = all != NULL ? store_list(store, app, add_json, all, &call->diag)
				: store_list(store, app, put_line, call, &call->diag);
	if (r == -ENOMEM || r == -EIO)
		diag_set(&call->diag, r, "it cannot be shown: %s", strerrordesc_np(-r));
	if (r == 0 && cli_has(call, "json"))
		r = print_json(call, all);
	json_decref(all);
	return r;
}

static int list(struct cli_call *call)
{
	struct store *store = NULL;
	struct span app = { 0 };
	int r = read_app(&app, call);

	if (r == 0)
		r = open_store(&store, call, false);
	if (r == 0 || r == -ENOENT)
		r = show(call, store, app);
	store_close(store);
	return r;
}

/* read_grant() - what the command line says; @host: room for its text */
static int read_grant(struct grant *ret, struct net_name *host, struct cli_call *call)
{
	const char *lasts = cli_value(call, "for");
	uint64_t lasts_s = 0;

	*ret = (struct grant){ .action = GRANT_NET_CONNECT,
			       .flags = cli_has(call, "deny") ? GRANT_DENY : 0,
			       .created = clock_unix_s(),
			       .by = SPAN("cli"),
			       .uid = getuid() };
	int r = read_app(&ret->app, call);
	if (r == 0 && (ret->app.ptr == NULL || call->operands_len != 2))
		r = diag_set(&call->diag, -EINVAL, "consent grant: say --app NAME and a HOST:PORT");
	if (r == 0)
		r = place_read(host, &ret->port, call->operands[1], &call->diag);
	if (r < 0)
		return r;
	ret->host = (struct span){ host->text, host->len };
	if (lasts != NULL && (config_parse_duration_s(&lasts_s, span_of(lasts)) < 0 ||
			      __builtin_add_overflow(ret->created, lasts_s, &ret->expires)))
		return diag_set(&call->diag, -EINVAL,
				"consent: --for '%s' is no time like 90s, 5m or 2d", lasts);
	return 0;
}

static int grant(struct cli_call *call)
{
	struct store *store = NULL;
	struct net_name host;
	struct grant one;
	int64_t id = 0;
	int r = read_grant(&one, &host, call);

	if (r == 0)
		r = open_store(&store, call, true);
	if (r == 0)
		r = store_add(&id, store, &one, &call->diag);
	store_close(store);
	if (r == 0)
		fprintf(call->out, "%lld\n", (long long)id);
	return r;
}

/* revoke_one() - Return: the exit status */
static int revoke_one(struct cli_call *call, struct store *store, const char *text)
{
	uint64_t id = 0;
	int r = !number_parse(&id, span_of(text), INT64_MAX)
		    ? -EINVAL
		    : store_revoke(store, (int64_t)id, &call->diag);

	if (r == 0)
		return 0;
	if (r == -EINVAL)
		diag_set(&call->diag, r, "consent revoke: '%s' is no ID", text);
	if (r == -ENOENT)
		diag_set(&call->diag, r, "%s: there is no such consent", text);
	return cli_complain(call, r);
}

static int revoke_all(struct cli_call *call, struct store *store, struct span app)
{
	int worst = 0;

	if (app.ptr != NULL) {
		int r = store_revoke_app(store, app, &call->diag);

		if (r != -ENOENT)
			return r;
		diag_set(&call->diag, r, "there is no consent for the app %s",
			 cli_value(call, "app"));
		return cli_complain(call, r);
	}
	for (size_t i = 1; i < call->operands_len; i++) {
		int status = revoke_one(call, store, call->operands[i]);

		worst = status > worst ? status : worst;
	}
	return worst;
}

static int revoke_some(struct cli_call *call)
{
	struct store *store = NULL;
	struct span app = { 0 };
	int r = read_app(&app, call);

	if (r == 0 && (app.ptr != NULL) == (call->operands_len > 1))
		r = diag_set(
		    &call->diag, -EINVAL,
		    "consent revoke: say IDs, as \"immure consent list\" has them, or --app");
	if (r == 0)
		r = open_store(&store, call, false);
	if (r == -ENOENT)
		r = cli_complain(call, r);
	else if (r == 0)
		r = revoke_all(call, store, app);
	store_close(store);
	return r;
}

static const struct {
	const char *word;
	int (*run)(struct cli_call *call);
	const char *options; /* that it takes, each with blanks around */
	size_t operands_max;
} rows[] = {
	{ "list", list, " app json ", 1 },
	{ "grant", grant, " app deny for ", 2 },
	{ "revoke", revoke_some, " app ", SIZE_MAX },
};

/* judge_options() - each that was given belongs to row @i */
static int judge_options(struct cli_call *call, size_t i)
{
	char word[64];

	for (size_t k = 0; k < call->values_len; k++) {
		(void)snprintf(word, sizeof(word), " %s ", call->values[k].option->name);
		if (strstr(rows[i].options, word) == NULL)
			return diag_set(&call->diag, -EINVAL, "consent %s takes no --%s",
					rows[i].word, call->values[k].option->name);
	}
	if (call->operands_len > rows[i].operands_max)
		return diag_set(&call->diag, -EINVAL, "consent %s: '%s' is one word too many",
				rows[i].word, call->operands[rows[i].operands_max]);
	return 0;
}

int cli_consent(struct cli_call *call)
{
	const char *word = call->operands[0];
	size_t i = 0;

	while (i < ARRAY_SIZE(rows) && strcmp(word, rows[i].word) != 0)
		i++;
	if (i == ARRAY_SIZE(rows))
		return diag_set(&call->diag, -EINVAL,
				"consent: there is no '%s'; there is list, grant and revoke", word);
	int r = judge_options(call, i);
	return r == 0 ? rows[i].run(call) : r;
}
