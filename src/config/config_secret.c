// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: the judged tree, which config.json shows, holds all of a secret but its value.
 * That is taken from the tree as it was given, once nothing is wrong with it, and wiped with the struct
 * that has it. Where a value comes from a variable, a file or a command, it is not read here.
 */
#include <errno.h>
#include <stdlib.h>

#include "config/config_priv.h"
#include "net/pattern.h"
#include "wire/substitution.h"

static const struct {
	const char *name;
	enum config_secret_kind kind;
} origins[] = {
	{ "value", CONFIG_SECRET_VALUE },
	{ "env", CONFIG_SECRET_ENV },
	{ "file", CONFIG_SECRET_FILE },
	{ "command", CONFIG_SECRET_COMMAND },
};

static const struct {
	const char *name;
	enum substitution_where where;
} places[] = {
	{ "header", SUBSTITUTION_HEADER },
	{ "query", SUBSTITUTION_QUERY },
	{ "basic", SUBSTITUTION_BASIC },
	{ "body", SUBSTITUTION_BODY },
};

const char *config_secret_fault(const char *text)
{
	return substitution_value_fault(span_of(text));
}

const char *config_secret_host_fault(const char *text)
{
	struct pattern pattern;
	const char *fault = pattern_parse(&pattern, span_of(text));

	if (fault == NULL && pattern.kind == PATTERN_ANY)
		return "a secret for every host is none: name the hosts that are meant";
	return fault;
}

static unsigned place_of(const char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (strcmp(places[i].name, text) == 0)
			return places[i].where;
	return 0;
}

const char *config_where_fault(const char *text)
{
	return place_of(text) != 0 ? NULL : "it is not one of header, query, basic, body";
}

/* refuse_empty() - a list that allows nothing is a mistake */
static int refuse_empty(struct config_judge *judge, const struct config_at *at, json_t *value,
			const char *key)
{
	struct config_at here = { .up = at, .parent = value, .key = key };
	const json_t *list = json_object_get(value, key);

	if (list == NULL || json_array_size(list) > 0)
		return 0;
	return config_judge_refuse(judge, &here, CONFIG_SPOT_KEY, "is empty: it could go nowhere");
}

int config_secret_also(struct config_judge *judge, const struct config_at *at, json_t *value)
{
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(origins); i++)
		count += json_object_get(value, origins[i].name) != NULL;
	if (count != 1)
		return config_judge_refuse(
		    judge, at, CONFIG_SPOT_KEY,
		    "needs exactly one of value, env, file, command; it has %zu", count);
	int r = refuse_empty(judge, at, value, "hosts");
	return r < 0 ? r : refuse_empty(judge, at, value, "where");
}

/* ends_with() - is @name that domain, or below it? */
static bool ends_with(const char *name, const char *domain)
{
	size_t len = strlen(name), tail = strlen(domain);

	return len >= tail && strcmp(name + len - tail, domain) == 0 &&
	       (len == tail || name[len - tail - 1] == '.');
}

static bool is_named(const struct pattern *pattern)
{
	return pattern->kind == PATTERN_EXACT || pattern->kind == PATTERN_BELOW;
}

/* meets() - is there a host that both patterns mean? */
static bool meets(const struct pattern *a, const struct pattern *b)
{
	struct net_name name = { 0 };

	if (a->port != 0 && b->port != 0 && a->port != b->port)
		return false;
	if (a->kind == PATTERN_ANY || b->kind == PATTERN_ANY)
		return true;
	if (is_named(a) != is_named(b))
		return false;
	if (!is_named(a)) { /* one of two prefixes holds the other, or they share nothing */
		name = net_name_of_address(&a->prefix.address);
		if (pattern_match(b, &name, b->port))
			return true;
		name = net_name_of_address(&b->prefix.address);
		return pattern_match(a, &name, a->port);
	}
	if (a->kind == PATTERN_EXACT && b->kind == PATTERN_EXACT)
		return strcmp(a->name, b->name) == 0;
	if (a->kind == PATTERN_BELOW && b->kind == PATTERN_BELOW)
		return ends_with(a->name, b->name) || ends_with(b->name, a->name);
	const struct pattern *exact = a->kind == PATTERN_EXACT ? a : b;
	const struct pattern *below = a->kind == PATTERN_EXACT ? b : a;
	return strcmp(exact->name, below->name) != 0 && ends_with(exact->name, below->name);
}

static bool text_meets(const struct pattern *pattern, const json_t *text)
{
	struct pattern other;

	return pattern_parse(&other, span_of(json_string_value(text))) == NULL &&
	       meets(pattern, &other);
}

static bool is_allowed(const json_t *network, const char *host)
{
	const json_t *hosts = json_object_get(network, "allowed_hosts");
	const json_t *rules = json_object_get(network, "rules");
	struct pattern pattern;

	if (pattern_parse(&pattern, span_of(host)) != NULL)
		return false;
	for (size_t i = 0; i < json_array_size(hosts); i++)
		if (text_meets(&pattern, json_array_get(hosts, i)))
			return true;
	for (size_t i = 0; i < json_array_size(rules); i++)
		if (text_meets(&pattern, json_object_get(json_array_get(rules, i), "host")))
			return true;
	return false;
}

int config_network_also(struct config_judge *judge, const struct config_at *at, json_t *value)
{
	json_t *secrets = json_object_get(value, "secrets"), *secret = NULL;
	struct config_at map = { .up = at, .parent = value, .key = "secrets" };
	struct config_at one = { .up = &map, .parent = secrets };

	json_object_foreach(secrets, one.key, secret)
	{
		struct config_at list = { .up = &one, .parent = secret, .key = "hosts" };
		json_t *hosts = json_object_get(secret, "hosts");
		struct config_at here = { .up = &list, .parent = hosts };

		for (; here.index < json_array_size(hosts); here.index++) {
			const char *host = json_string_value(json_array_get(hosts, here.index));

			if (!is_allowed(value, host))
				return config_judge_refuse(
				    judge, &here, CONFIG_SPOT_VALUE,
				    "\"%s\" may not be reached: add it to allowed_hosts or rules",
				    config_show(host).text);
		}
	}
	return 0;
}

/* is_reference() - "${NAME}", which is a placeholder inside */
static bool is_reference(const char *text)
{
	size_t len = strlen(text);

	return len > 3 && memcmp(text, "${", 2) == 0 && strchr(text, '}') == text + len - 1;
}

int config_env_also(struct config_judge *judge, const struct config_at *at, json_t *value)
{
	const json_t *secrets = json_object_get(json_object_get(value, "network"), "secrets");
	json_t *env = json_object_get(value, "env"), *text = NULL;
	struct config_at map = { .up = at, .parent = value, .key = "env" };
	struct config_at one = { .up = &map, .parent = env };

	json_object_foreach(env, one.key, text)
	{
		if (json_object_get(secrets, one.key) != NULL &&
		    !is_reference(json_string_value(text)))
			return config_judge_refuse(
			    judge, &one, CONFIG_SPOT_KEY,
			    "is a secret, whose placeholder this variable holds: leave it out");
	}
	return 0;
}

/* texts_of() - Return: 0 or -ENOMEM */
static int texts_of(struct config_texts *ret, const json_t *list)
{
	ret->items = calloc(json_array_size(list) + 1, sizeof(*ret->items));
	if (ret->items == NULL)
		return -ENOMEM;
	for (; ret->len < json_array_size(list); ret->len++)
		ret->items[ret->len] = json_string_value(json_array_get(list, ret->len));
	return 0;
}

static int secret_of(struct config_secret *ret, json_t *given, json_t *tree)
{
	const json_t *where = json_object_get(tree, "where");

	for (size_t i = 0; i < ARRAY_SIZE(origins); i++)
		if (json_object_get(given, origins[i].name) != NULL)
			ret->kind = origins[i].kind;
	for (size_t i = 0; i < ARRAY_SIZE(origins); i++)
		if (origins[i].kind == ret->kind) /* of VALUE there is none */
			ret->origin = json_string_value(json_object_get(tree, origins[i].name));
	for (size_t i = 0; i < json_array_size(where); i++)
		ret->where |= place_of(json_string_value(json_array_get(where, i)));
	if (ret->where == 0)
		ret->where = SUBSTITUTION_HEADER;
	if (ret->kind == CONFIG_SECRET_VALUE) {
		ret->value = strdup(json_string_value(json_object_get(given, "value")));
		if (ret->value == NULL)
			return -ENOMEM;
	}
	return texts_of(&ret->hosts, json_object_get(tree, "hosts"));
}

int config_secrets_fill(struct config_network *network, json_t *given, json_t *tree)
{
	size_t len = json_object_size(tree);
	const char *name = NULL;
	json_t *secret = NULL;
	int r = 0;

	if (len == 0)
		return 0;
	network->secrets = calloc(len, sizeof(*network->secrets));
	if (network->secrets == NULL)
		return -ENOMEM;
	json_object_foreach(tree, name, secret)
	{
		struct config_secret *one = &network->secrets[network->secrets_len++];

		one->name = name;
		r = r < 0 ? r : secret_of(one, json_object_get(given, name), secret);
	}
	return r;
}

void config_secrets_free(struct config_network *network)
{
	for (size_t i = 0; i < network->secrets_len; i++) {
		struct config_secret *one = &network->secrets[i];

		if (one->value != NULL)
			explicit_bzero(one->value, strlen(one->value));
		free(one->value);
		free(one->hosts.items);
	}
	free(network->secrets);
}
