// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: each pattern is written under its host and port, with its number. The default policy
 * looks at the few hosts that could be meant by a name: itself, its suffixes of the lengths that occur, "*".
 * Addresses have no such row of prefixes in Rego, so those of the same beginning are tried one by one.
 */
#include "policy/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "policy/settings_priv.h"

enum { KEY_OCTETS = PATTERN_TEXT_OCTETS };

/* key_of() - the host of @pattern as canonical text, without a port */
static void key_of(char ret[KEY_OCTETS], const struct pattern *pattern)
{
	struct pattern host = *pattern;

	host.port = 0;
	if (host.kind == PATTERN_BELOW)
		(void)snprintf(ret, KEY_OCTETS, ".%s", host.name);
	else
		(void)pattern_format(ret, &host);
}

/* note_rule(), note_allowed() - at a host and port. "name" is of the first that matches: rules go before */
static int note_rule(json_t *entry, size_t number, bool ported)
{
	json_t *numbers = json_object_get(entry, "rules");

	(void)ported; /* says the rule itself */
	if (json_array_size(numbers) == 0 &&
	    json_object_set_new(entry, "name", json_sprintf("rules[%zu]", number)) < 0)
		return -1;
	return json_array_append_new(numbers, json_integer((json_int_t)number));
}

static int note_allowed(json_t *entry, size_t number, bool ported)
{
	int bad = ported ? json_object_set_new(entry, "ported", json_true()) : 0;

	if (json_object_get(entry, "allowed") != NULL) /* the first one counts */
		return bad;
	bad |= json_object_set_new(entry, "allowed", json_integer((json_int_t)number));
	if (json_object_get(entry, "name") == NULL)
		bad |=
		    json_object_set_new(entry, "name", json_sprintf("allowed_hosts[%zu]", number));
	return bad;
}

static int add_depth(json_t *settings, const char *suffix)
{
	json_t *depths = json_object_get(settings, "depths");
	json_int_t labels = 1;

	for (; *suffix != '\0'; suffix++)
		labels += *suffix == '.';
	for (size_t i = 0; i < json_array_size(depths); i++)
		if (json_integer_value(json_array_get(depths, i)) == labels)
			return 0;
	return json_array_append_new(depths, json_integer(labels));
}

/* begin_of() - those of the first two parts of an address that all addresses of @prefix share */
static void begin_of(char ret[16], const struct net_prefix *prefix)
{
	const unsigned part = prefix->address.family == 4 ? 8 : 16;
	const uint8_t *octet = prefix->address.octets;
	const unsigned parts = prefix->bits / part;

	ret[0] = '\0';
	if (parts == 0)
		return;
	if (part == 8)
		(void)snprintf(ret, 16, parts == 1 ? "%u." : "%u.%u.", octet[0], octet[1]);
	else
		(void)snprintf(ret, 16,
			       parts == 1 ? "%x:" : "%x:%x:", (unsigned)octet[0] << 8 | octet[1],
			       (unsigned)octet[2] << 8 | octet[3]);
}

static int add_prefix(json_t *settings, const struct net_prefix *prefix, const char *key)
{
	json_t *prefixes = json_object_get(settings, "prefixes");
	char begin[16];

	begin_of(begin, prefix);
	json_t *list = json_object_get(prefixes, begin);
	if (list == NULL && json_object_set_new(prefixes, begin, json_array()) == 0)
		list = json_object_get(prefixes, begin);
	return json_array_append_new(list, json_string(key));
}

static bool is_wide(const struct pattern *pattern)
{
	if (pattern->kind == PATTERN_PREFIX)
		return pattern->prefix.bits < net_address_bits(&pattern->prefix.address);
	return pattern->kind == PATTERN_BELOW || pattern->kind == PATTERN_ANY;
}

/* add_host() - that there is such a host at all */
static int add_host(json_t *settings, const struct pattern *pattern, const char *key)
{
	if (json_object_get(json_object_get(settings, "by_host"), key) != NULL)
		return 0;
	if (pattern->kind == PATTERN_BELOW)
		return add_depth(settings, pattern->name);
	if (pattern->kind == PATTERN_PREFIX &&
	    is_wide(pattern)) /* else its text is found by itself */
		return add_prefix(settings, &pattern->prefix, key);
	return 0;
}

/* is_alone() - does no other host in the settings mean @pattern's as well? If @wide is full, who knows */
static bool is_alone(const struct pattern *pattern, const struct pattern_set *wide)
{
	struct net_name name = { .kind = NET_NAME_NONE };

	if (pattern->kind == PATTERN_EXACT &&
	    net_name_parse(&name, (struct span){ pattern->name, pattern->len }) != NULL)
		return false;
	if (pattern->kind == PATTERN_PREFIX && !is_wide(pattern))
		name = net_name_of_address(&pattern->prefix.address);
	return name.kind != NET_NAME_NONE && wide->count < PATTERN_SET_MAX &&
	       pattern_set_match(wide, &name, PATTERN_PORT_UNKNOWN) < 0;
}

/* add_place() - the host and port of @pattern, empty as yet */
static int add_place(json_t *settings, const struct pattern *pattern,
		     const struct pattern_set *wide)
{
	const char *const ports[] = { "*", "?", NULL };
	char key[KEY_OCTETS], port[SETTINGS_PORT_OCTETS];
	int bad = 0;

	key_of(key, pattern);
	settings_port(port, pattern->port);
	bad |= add_host(settings, pattern, key);
	json_t *at = settings_member(json_object_get(settings, "by_host"), key);
	if (is_alone(pattern, wide))
		bad |= json_object_set_new(at, "alone", json_true());
	for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
		const char *place = ports[i] != NULL ? ports[i] : port;

		if (json_object_get(at, place) == NULL)
			bad |= json_object_set_new(at, place, json_pack("{s:[]}", "rules"));
	}
	return bad;
}

/* note() - @pattern where it matches: at its port, and at none; without a port at all there are */
static int note(json_t *settings, const struct pattern *pattern, size_t number,
		int (*how)(json_t *entry, size_t number, bool ported))
{
	char key[KEY_OCTETS], port[SETTINGS_PORT_OCTETS];
	const char *place = NULL;
	json_t *entry = NULL;
	int bad = 0;

	key_of(key, pattern);
	settings_port(port, pattern->port);
	json_object_foreach(
	    json_object_get(json_object_get(settings, "by_host"), key), place,
	    entry) if (json_is_object(entry) &&
		       (pattern->port == 0 || strcmp(place, "?") == 0 || strcmp(place, port) == 0))
	    bad |= how(entry, number, pattern->port != 0);
	return bad;
}

static int add_places(json_t *settings, const struct policy *policy, const struct pattern_set *wide)
{
	const struct pattern_set *hosts = &policy->allowed_hosts;
	int bad = 0;

	for (size_t i = 0; bad == 0 && i < policy->rules_len; i++)
		bad |= add_place(settings, &policy->rules[i].host, wide);
	for (size_t i = 0; bad == 0 && i < hosts->count; i++)
		bad |= add_place(settings, &hosts->entries[i].pattern, wide);
	return bad;
}

static int fill(json_t *settings, const struct policy *policy, const struct pattern_set *wide)
{
	const struct pattern_set *hosts = &policy->allowed_hosts;
	json_t *rules = json_object_get(settings, "rules");
	int bad = settings == NULL || add_places(settings, policy, wide) != 0;

	for (size_t i = 0; bad == 0 && i < policy->rules_len; i++) {
		bad |= json_array_append_new(rules, settings_rule(&policy->rules[i], i));
		bad |= note(settings, &policy->rules[i].host, i, note_rule);
	}
	for (size_t i = 0; bad == 0 && i < hosts->count; i++)
		bad |= note(settings, &hosts->entries[i].pattern, i, note_allowed);
	return bad;
}

/* gather_wide() - the patterns that mean more than one host. Return: 0; -ENOSPC; -ENOMEM */
static int gather_wide(struct pattern_set *ret, const struct policy *policy)
{
	const struct pattern_set *hosts = &policy->allowed_hosts;
	int r = 0;

	for (size_t i = 0; r == 0 && i < policy->rules_len; i++)
		if (is_wide(&policy->rules[i].host))
			r = pattern_set_add(ret, &policy->rules[i].host);
	for (size_t i = 0; r == 0 && i < hosts->count; i++)
		if (is_wide(&hosts->entries[i].pattern))
			r = pattern_set_add(ret, &hosts->entries[i].pattern);
	return r;
}

/* oblige_entry() - with what holds if nothing but the host and port matters, by action */
static int oblige_entry(json_t *entry, const json_t *rules)
{
	const json_t *numbers = json_object_get(entry, "rules");
	const size_t first = (size_t)json_integer_value(json_array_get(numbers, 0));
	const json_t *rule = json_array_get(rules, first);
	const size_t count = json_array_size(numbers);
	int bad = 0;

	if (count == 0)
		return json_object_set_new(entry, "net.connect", json_object()) |
		       json_object_set_new(entry, "http.request", json_object());
	if (count == 1)
		bad |= json_object_set(entry, "net.connect", json_object_get(rule, "flow"));
	if (json_object_get(rule, "any_method") != NULL &&
	    json_object_get(rule, "any_path") != NULL)
		bad |= json_object_set(entry, "http.request", json_object_get(rule, "request"));
	return bad;
}

/* add_only() - @at, of @host, if it is all that can be said of that host, whatever the port */
static int add_only(json_t *only, const char *host, json_t *at, json_t *rules)
{
	enum { MEMBERS = 3 }; /* "alone", "*", "?" */
	json_t *entry = json_object_get(at, "*");

	if (json_object_get(at, "alone") == NULL || json_object_size(at) != MEMBERS)
		return 0;
	return oblige_entry(entry, rules) | json_object_set(only, host, entry);
}

static int add_onlies(json_t *settings)
{
	json_t *at = NULL;
	const char *host = NULL;
	int bad = 0;

	json_object_foreach(json_object_get(settings, "by_host"), host, at) bad |= add_only(
	    settings_member(settings, "only"), host, at, json_object_get(settings, "rules"));
	return bad;
}

static int settings_of(char **ret, const struct policy *policy, const struct pattern_set *wide,
		       struct diag *diag)
{
	json_t *settings =
	    json_pack("{s:b,s:b,s:[],s:{},s:{},s:[],s:{}}", "empty",
		      policy->rules_len + policy->allowed_hosts.count == 0, "narrow",
		      wide->count == 0, "rules", "by_host", "only", "depths", "prefixes");
	int bad = fill(settings, policy, wide);

	bad |= add_onlies(settings);
	return settings_text(ret, json_pack("{s:{s:o}}", "immure", "settings", settings), bad,
			     diag);
}

int policy_settings_text(char **ret, const struct policy_rules *rules, struct diag *diag)
{
	CLEANUP(policy_freep) struct policy *policy = NULL;
	CLEANUP(pattern_set_free) struct pattern_set wide = { 0 };
	int r = policy_new(&policy, rules, diag);

	if (r < 0)
		return r;
	r = gather_wide(&wide, policy);
	if (r < 0 && r != -ENOSPC)
		return diag_set(diag, r, "out of memory");
	return settings_of(ret, policy, &wide, diag);
}
