// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: what can be known before a request comes is worked out here, as C is quicker at it than
 * Rego: the obligations of a request and of a flow that only this rule matches, and what each glob amounts to.
 *
 * A path is visible ASCII, so a star is a class of that; Unicode's would take an automaton ten times as large.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "policy/settings_priv.h"
#include "wire/base64.h"

#define ONE_STAR  "[!-.0-~]*" /* no "/" */
#define TWO_STARS "[!-~]*"

enum { METHODS_SHOWN = 160, REGEX_OCTETS_MAX = 255 * sizeof(ONE_STAR) + 3 };

int settings_text(char **ret, json_t *json, int bad, struct diag *diag)
{
	char *text = bad == 0 && json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;

	json_decref(json);
	if (text == NULL)
		return diag_set(diag, -ENOMEM, "out of memory");
	*ret = text;
	return 0;
}

void settings_port(char ret[SETTINGS_PORT_OCTETS], uint16_t port)
{
	if (port > 0)
		(void)snprintf(ret, SETTINGS_PORT_OCTETS, "%u", port);
	else
		(void)snprintf(ret, SETTINGS_PORT_OCTETS, "*");
}

json_t *settings_member(json_t *object, const char *name)
{
	json_t *member = json_object_get(object, name);

	if (member == NULL && json_object_set_new(object, name, json_object()) == 0)
		member = json_object_get(object, name);
	return member;
}

/* add_number() - none if it is 0. JSON's are signed here; more octets than that nobody has */
static int add_number(json_t *object, const char *name, uint64_t number)
{
	json_int_t shown = number < INT64_MAX ? (json_int_t)number : INT64_MAX;

	return number > 0 ? json_object_set_new(object, name, json_integer(shown)) : 0;
}

static int add_true(json_t *object, const char *name, bool value)
{
	return value ? json_object_set_new(object, name, json_true()) : 0;
}

static int add_text(json_t *array, struct span text)
{
	return json_array_append_new(array, json_stringn(text.ptr, text.len));
}

/* as_regex() - @ret: room for REGEX_OCTETS_MAX. Return: octets of it */
static size_t as_regex(char *ret, struct span glob)
{
	size_t at = (size_t)snprintf(ret, REGEX_OCTETS_MAX, "^");

	for (size_t i = 0; i < glob.len; i++) {
		bool star = glob.ptr[i] == '*';
		bool two = star && i + 1 < glob.len && glob.ptr[i + 1] == '*';

		if (star)
			at += (size_t)snprintf(ret + at, REGEX_OCTETS_MAX - at, "%s",
					       two ? TWO_STARS : ONE_STAR);
		else if (strchr("\\.+?()|[]{}^$", glob.ptr[i]) != NULL)
			at +=
			    (size_t)snprintf(ret + at, REGEX_OCTETS_MAX - at, "\\%c", glob.ptr[i]);
		else
			ret[at++] = glob.ptr[i];
		i += two;
	}
	ret[at++] = '$';
	return at;
}

static int add_glob(json_t *paths, struct span glob)
{
	const char *star = memchr(glob.ptr, '*', glob.len);
	const size_t plain = star != NULL ? (size_t)(star - glob.ptr) : glob.len;
	const struct span begin = { glob.ptr, plain };
	char regex[REGEX_OCTETS_MAX] = "";

	if (star == NULL)
		return json_object_setn_new(json_object_get(paths, "exact"), glob.ptr, glob.len,
					    json_true());
	if (plain + 1 == glob.len)
		return add_text(json_object_get(paths, "level"), begin);
	if (plain + 2 == glob.len && star[1] == '*')
		return add_text(json_object_get(paths, "below"), begin);
	return add_text(json_object_get(paths, "regex"),
			(struct span){ regex, as_regex(regex, glob) });
}

static json_t *paths_of(const char *globs)
{
	json_t *paths = json_pack("{s:{},s:[],s:[],s:[]}", "exact", "below", "level", "regex");
	struct span rest = span_of(globs);
	int bad = paths == NULL;

	while (bad == 0 && rest.ptr != NULL)
		bad |= add_glob(paths, span_cut(&rest, '\n'));
	if (bad != 0) {
		json_decref(paths);
		return NULL;
	}
	return paths;
}

static int add_methods(json_t *ret, const char *methods)
{
	json_t *set = settings_member(ret, "methods");
	struct span rest = span_of(methods);
	struct span shown = { methods, rest.len < METHODS_SHOWN ? rest.len : METHODS_SHOWN };
	int bad = json_object_set_new(ret, "methods_text", json_stringn(shown.ptr, shown.len));

	while (bad == 0 && rest.ptr != NULL) {
		struct span one = span_trim(span_cut(&rest, ','));

		bad |= json_object_setn_new(set, one.ptr, one.len, json_true());
	}
	return bad;
}

static json_t *pins_of(const struct rule *rule)
{
	json_t *pins = json_array();
	int bad = 0;

	for (size_t i = 0; bad == 0 && i < rule->pins_len; i++) {
		CLEANUP_BUF struct buf text = BUF(64);
		const struct span octets = { (const char *)rule->pins[i], POLICY_PIN_OCTETS };

		bad |= buf_append(&text, SPAN("sha256/"));
		if (bad == 0)
			bad = base64_encode(&text, octets);
		if (bad == 0)
			bad = add_text(pins, buf_span(&text));
	}
	if (bad == 0)
		return pins;
	json_decref(pins);
	return NULL;
}

static bool has_quota(const struct rule *rule)
{
	return rule->caps.per_minute > 0 || rule->caps.at_once > 0;
}

static json_t *quota_of(const struct rule *rule, size_t i)
{
	json_t *quota = json_pack("{s:o}", "rule", json_sprintf("rules[%zu]", i));

	if (add_number(quota, "requests_per_minute", rule->caps.per_minute) < 0 ||
	    add_number(quota, "concurrency", rule->caps.at_once) < 0) {
		json_decref(quota);
		return NULL;
	}
	return quota;
}

static int add_request(json_t *ret, const struct rule *rule, size_t i)
{
	json_t *request = settings_member(ret, "request");
	int bad = add_number(request, "request_bytes", rule->caps.request_octets);

	bad |= add_number(request, "response_bytes", rule->caps.response_octets);
	bad |= add_number(request, "message_bytes", rule->caps.message_octets);
	bad |= add_number(request, "messages_per_minute", rule->caps.messages_per_minute);
	if (has_quota(rule))
		bad |= json_object_set_new(request, "quotas", json_pack("[o]", quota_of(rule, i)));
	return bad;
}

/* add_flow() - what the flow of a single rule is held to: its quota counts for the first way that is open */
static int add_flow(json_t *ret, const struct rule *rule, size_t i)
{
	json_t *flow = settings_member(ret, "flow");
	int bad = add_true(flow, "raw", rule->raw);

	bad |= add_true(flow, "passthrough", rule->passthrough);
	bad |= add_number(flow, "idle_ms", rule->caps.idle_ms);
	if (rule->pins_len > 0)
		bad |= json_object_set_new(flow, "pins", pins_of(rule));
	if (has_quota(rule) && rule->passthrough)
		bad |= json_object_set_new(flow, "quotas", json_pack("[o,n]", quota_of(rule, i)));
	else if (has_quota(rule) && rule->raw)
		bad |= json_object_set_new(flow, "quotas", json_pack("[n,o]", quota_of(rule, i)));
	return bad;
}

static int add_shared(json_t *ret, const struct rule *rule, size_t i)
{
	int bad = add_true(ret, "raw", rule->raw);

	bad |= add_true(ret, "passthrough", rule->passthrough);
	bad |= add_number(ret, "idle_ms", rule->caps.idle_ms);
	if (rule->pins_len > 0)
		bad |= json_object_set_new(ret, "pins", pins_of(rule));
	if (has_quota(rule))
		bad |= json_object_set_new(ret, "quota", quota_of(rule, i));
	return bad;
}

json_t *settings_rule(const struct rule *rule, size_t i)
{
	json_t *ret = json_object();
	int bad = add_request(ret, rule, i);

	bad |= add_flow(ret, rule, i);
	bad |= add_shared(ret, rule, i);
	bad |= json_object_set_new(ret, "name", json_sprintf("rules[%zu]", i));
	bad |= add_true(ret, "any_method", rule->methods == NULL);
	bad |= add_true(ret, "any_path", rule->paths == NULL);
	if (rule->methods != NULL)
		bad |= add_methods(ret, rule->methods);
	if (rule->paths != NULL)
		bad |= json_object_set_new(ret, "paths", paths_of(rule->paths));
	if (bad == 0)
		return ret;
	json_decref(ret);
	return NULL;
}
