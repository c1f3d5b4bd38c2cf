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

enum { KEY_OCTETS = PATTERN_TEXT_OCTETS, PORT_OCTETS = sizeof("65535") };

/* text_of() - dumped, and @json let go of. NULL, also as @json: out of memory */
static int text_of(char **ret, json_t *json, int bad, struct diag *diag)
{
	char *text = bad == 0 && json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;

	json_decref(json);
	if (text == NULL)
		return diag_set(diag, -ENOMEM, "out of memory");
	*ret = text;
	return 0;
}

/* key_of() - the host of @pattern as canonical text, without a port */
static void key_of(char ret[KEY_OCTETS], const struct pattern *pattern)
{
	struct pattern host = *pattern;

	host.port = 0;
	(void)pattern_format(ret, &host);
}

static void port_text(char ret[PORT_OCTETS], uint16_t port)
{
	if (port > 0)
		(void)snprintf(ret, PORT_OCTETS, "%u", port);
	else
		(void)snprintf(ret, PORT_OCTETS, "*");
}

/* note_rule(), note_allowed() - at a host and port */
static int note_rule(json_t *entry, size_t number, bool ported)
{
	json_t *numbers = json_object_get(entry, "rules");

	(void)ported; /* says the rule itself */
	if (numbers == NULL && json_object_set_new(entry, "rules", json_array()) == 0)
		numbers = json_object_get(entry, "rules");
	return json_array_append_new(numbers, json_integer((json_int_t)number));
}

static int note_allowed(json_t *entry, size_t number, bool ported)
{
	int bad = ported ? json_object_set_new(entry, "ported", json_true()) : 0;

	if (json_object_get(entry, "allowed") != NULL) /* the first one counts */
		return bad;
	return bad | json_object_set_new(entry, "allowed", json_integer((json_int_t)number));
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

	if (prefix->bits == net_address_bits(&prefix->address))
		return 0; /* its text is found by itself */
	begin_of(begin, prefix);
	json_t *list = json_object_get(prefixes, begin);
	if (list == NULL && json_object_set_new(prefixes, begin, json_array()) == 0)
		list = json_object_get(prefixes, begin);
	return json_array_append_new(list, json_string(key));
}

/* add_host() - that there is such a host at all */
static int add_host(json_t *settings, const struct pattern *pattern, const char *key)
{
	if (json_object_get(json_object_get(settings, "by_host"), key) != NULL)
		return 0;
	if (pattern->kind == PATTERN_BELOW)
		return add_depth(settings, pattern->name);
	return pattern->kind == PATTERN_PREFIX ? add_prefix(settings, &pattern->prefix, key) : 0;
}

static int add_pattern(json_t *settings, const struct pattern *pattern, size_t number,
		       int (*note)(json_t *entry, size_t number, bool ported))
{
	char key[KEY_OCTETS], port[PORT_OCTETS];

	key_of(key, pattern);
	port_text(port, pattern->port);
	int bad = add_host(settings, pattern, key);
	json_t *ports = settings_member(json_object_get(settings, "by_host"), key);
	bad |= note(settings_member(ports, port), number, pattern->port != 0);
	return bad | note(settings_member(ports, "?"), number, false);
}

static int fill(json_t *settings, const struct policy *policy)
{
	const struct pattern_set *hosts = &policy->allowed_hosts;
	json_t *rules = json_object_get(settings, "rules");
	int bad = settings == NULL;

	for (size_t i = 0; bad == 0 && i < policy->rules_len; i++) {
		bad |= json_array_append_new(rules, settings_rule(&policy->rules[i], i));
		bad |= add_pattern(settings, &policy->rules[i].host, i, note_rule);
	}
	for (size_t i = 0; bad == 0 && i < hosts->count; i++)
		bad |= add_pattern(settings, &hosts->entries[i].pattern, i, note_allowed);
	return bad;
}

int policy_settings_text(char **ret, const struct policy_rules *rules, struct diag *diag)
{
	CLEANUP(policy_freep) struct policy *policy = NULL;
	int r = policy_new(&policy, rules, diag);

	if (r < 0)
		return r;
	json_t *settings = json_pack("{s:b,s:[],s:{},s:[],s:{}}", "empty",
				     policy->rules_len + policy->allowed_hosts.count == 0, "rules",
				     "by_host", "depths", "prefixes");
	int bad = fill(settings, policy);
	return text_of(ret, json_pack("{s:{s:o}}", "immure", "settings", settings), bad, diag);
}

static json_t *grant_of(const struct policy_grant *grant)
{
	json_t *ret = json_pack("{s:s,s:s,s:s*}", "action", policy_action_name(grant->action),
				"effect", grant->deny ? "deny" : "allow", "app", grant->app);
	char stamp[POLICY_STAMP_OCTETS + 1];

	policy_stamp(stamp, grant->expires_ns);
	if (grant->expires_ns == 0 || json_object_set_new(ret, "expires", json_string(stamp)) == 0)
		return ret;
	json_decref(ret);
	return NULL;
}

static int note_grant(json_t *ports, const char *port, json_t *grant)
{
	json_t *grants = json_object_get(ports, port);

	if (grants == NULL && json_object_set_new(ports, port, json_array()) == 0)
		grants = json_object_get(ports, port);
	return json_array_append(grants, grant);
}

static int add_grant(json_t *hosts, const struct policy_grant *grant, const char *host)
{
	json_t *ports = settings_member(hosts, host), *json = grant_of(grant);
	char port[PORT_OCTETS];

	port_text(port, grant->port);
	int bad = note_grant(ports, port, json);
	bad |= note_grant(ports, "?", json);
	json_decref(json);
	return bad;
}

/* read_host() - of a grant. Return: NULL; else why it is refused */
static const char *read_host(struct net_name *ret, const struct policy_grant *grant)
{
	if (grant->action != POLICY_ACTION_DNS_QUERY &&
	    grant->action != POLICY_ACTION_NET_CONNECT &&
	    grant->action != POLICY_ACTION_HTTP_REQUEST)
		return "its action is not about a host";
	return grant->host != NULL ? net_name_parse(ret, span_of(grant->host)) : "it has no host";
}

int policy_consent_text(char **ret, const struct policy_grant *grants, size_t len,
			struct diag *diag)
{
	json_t *hosts = json_object();
	struct net_name host = { 0 };
	const char *fault = NULL;
	int bad = hosts == NULL;

	if (len > POLICY_GRANTS_MAX)
		fault = "there are too many";
	for (size_t i = 0; bad == 0 && fault == NULL && i < len; i++) {
		fault = read_host(&host, &grants[i]);
		if (fault == NULL)
			bad = add_grant(hosts, &grants[i], host.text);
	}
	if (fault != NULL) {
		json_decref(hosts);
		return diag_set(diag, len > POLICY_GRANTS_MAX ? -ENOSPC : -EINVAL, "consent: %s",
				fault);
	}
	return text_of(ret, json_pack("{s:{s:o}}", "consent", "hosts", hosts), bad, diag);
}
