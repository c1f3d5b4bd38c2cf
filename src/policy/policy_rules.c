// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: of a rule the patterns of hosts are read once; its methods and globs are kept as
 * text, one after the other, for there are few of them and they only matter once the host is right.
 */
#include <errno.h>

#include "net/glob.h"
#include "policy/policy_priv.h"

/* join() - @ret: owned; NULL for no texts at all. Return: 0 or -ENOMEM. */
static int join(char **ret, const char *const *texts, size_t len, const char *between)
{
	size_t size = 1, at = 0;

	*ret = NULL;
	if (len == 0)
		return 0;
	for (size_t i = 0; i < len; i++)
		size += strlen(texts[i]) + strlen(between);
	*ret = malloc(size);
	if (*ret == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < len; i++)
		at +=
		    (size_t)snprintf(*ret + at, size - at, "%s%s", i > 0 ? between : "", texts[i]);
	return 0;
}

/* What methods, paths and limits of octets and messages restrict, no other octets may go round. */
static void set_ways(struct rule *ret, const struct policy_rule *given)
{
	const struct policy_caps *caps = &given->caps;
	bool free_of_limits = given->methods_len == 0 && given->paths_len == 0 &&
			      caps->request_octets == 0 && caps->response_octets == 0 &&
			      caps->message_octets == 0 && caps->messages_per_minute == 0;
	bool raw = given->raw == POLICY_RAW_ALWAYS ||
		   (given->raw == POLICY_RAW_WITH_PORT && ret->host.port != 0);

	ret->raw = free_of_limits && raw;
	ret->passthrough = free_of_limits && given->pins_len == 0 && given->passthrough;
	ret->caps = given->caps;
}

/* keep_pins() - Return: 0 or -ENOMEM */
static int keep_pins(struct rule *ret, const struct policy_rule *given)
{
	if (given->pins_len == 0)
		return 0;
	ret->pins = calloc(given->pins_len, sizeof(*ret->pins));
	if (ret->pins == NULL)
		return -ENOMEM;
	memcpy(ret->pins, given->pins, given->pins_len * sizeof(*ret->pins));
	ret->pins_len = given->pins_len;
	return 0;
}

static int add_rule(struct policy *policy, const struct policy_rule *given, struct diag *diag)
{
	struct rule *rule = &policy->rules[policy->rules_len];
	const char *fault = pattern_parse(&rule->host, span_of(given->host));

	for (size_t i = 0; fault == NULL && i < given->paths_len; i++)
		fault = glob_fault(span_of(given->paths[i]));
	if (fault != NULL)
		return diag_set(diag, -EINVAL, "rules[%zu]: %s", policy->rules_len, fault);
	policy->rules_len++; /* from here on it is freed */
	set_ways(rule, given);
	int r = join(&rule->methods, given->methods, given->methods_len, ", ");
	if (r == 0)
		r = join(&rule->paths, given->paths, given->paths_len, "\n");
	if (r == 0)
		r = keep_pins(rule, given);
	return r < 0 ? diag_set(diag, r, "out of memory") : 0;
}

static int add_host(struct policy *policy, const struct policy_rules *rules, size_t i,
		    struct diag *diag)
{
	struct pattern pattern;
	const char *fault = pattern_parse(&pattern, span_of(rules->allowed_hosts[i]));

	if (fault != NULL)
		return diag_set(diag, -EINVAL, "allowed_hosts[%zu]: %s", i, fault);
	int r = pattern_set_add(&policy->allowed_hosts, &pattern);
	if (r == 0 && pattern.port != 0)
		r = pattern_set_add(&policy->ported, &pattern);
	if (r < 0)
		return diag_set(diag, r, "allowed_hosts[%zu]: %s", i,
				r == -ENOSPC ? "too many of them" : "out of memory");
	return 0;
}

int rules_make(struct policy *policy, const struct policy_rules *rules, struct diag *diag)
{
	int r = 0;

	if (rules->rules_len > POLICY_RULES_MAX)
		return diag_set(diag, -ENOSPC, "rules: more than %d", POLICY_RULES_MAX);
	if (rules->rules_len > 0) {
		policy->rules = calloc(rules->rules_len, sizeof(*policy->rules));
		if (policy->rules == NULL)
			return diag_set(diag, -ENOMEM, "out of memory");
	}
	for (size_t i = 0; r == 0 && i < rules->rules_len; i++)
		r = add_rule(policy, &rules->rules[i], diag);
	for (size_t i = 0; r == 0 && i < rules->allowed_hosts_len; i++)
		r = add_host(policy, rules, i, diag);
	return r;
}

void rules_free(struct policy *policy)
{
	for (size_t i = 0; i < policy->rules_len; i++) {
		free(policy->rules[i].methods);
		free(policy->rules[i].paths);
		free(policy->rules[i].pins);
	}
	free(policy->rules);
	pattern_set_free(&policy->allowed_hosts);
	pattern_set_free(&policy->ported);
}

static bool has_method(const char *methods, struct span method)
{
	struct span rest = span_of(methods);

	while (rest.ptr != NULL) {
		struct span one = span_trim(span_cut(&rest, ','));

		if (one.len == method.len && memcmp(one.ptr, method.ptr, one.len) == 0)
			return true;
	}
	return false;
}

static bool has_path(const char *paths, struct span path)
{
	struct span rest = span_of(paths);

	while (rest.ptr != NULL)
		if (glob_match(span_cut(&rest, '\n'), path))
			return true;
	return false;
}

enum rule_says rule_judge(const struct rule *rule, const struct policy_request *request)
{
	struct span rest = request->target;
	struct span path = span_cut(&rest, '?');
	/* it begins as a GET, but what follows may say anything to the server */
	struct span method = request->websocket ? SPAN(POLICY_WEBSOCKET) : request->method;

	if (rule->methods != NULL && !has_method(rule->methods, method))
		return RULE_REFUSES_METHOD;
	if (rule->paths != NULL && !has_path(rule->paths, path))
		return RULE_REFUSES_PATH;
	return RULE_ALLOWS;
}
