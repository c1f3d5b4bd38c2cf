// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: what a host, pattern or address is, src/net says; here its judgements are put
 * as the schema wants them, and what was judged is laid out in struct config. All texts borrow from
 * the tree.
 */
#include <errno.h>
#include <stdlib.h>

#include "config/config_priv.h"
#include "net/glob.h"
#include "net/pattern.h"
#include "wire/http1_path.h"

const char *config_pattern_fault(const char *text)
{
	struct pattern pattern;

	return pattern_parse(&pattern, span_of(text));
}

const char *config_private_fault(const char *text)
{
	struct pattern pattern;
	const char *fault = pattern_parse(&pattern, span_of(text));

	if (fault != NULL)
		return fault;
	if (pattern.kind == PATTERN_ANY)
		return "name the hosts or addresses that are meant";
	return pattern.port != 0 ? "a port cannot be given here" : NULL;
}

const char *config_method_fault(const char *text)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ-";
	size_t len = strlen(text);

	if (len == 0 || len > HTTP1_METHOD_OCTETS_MAX || strspn(text, letters) != len)
		return "it is not a method in capitals, as GET";
	if (strcmp(text, "CONNECT") == 0 || strcmp(text, "TRACE") == 0)
		return "no request of this method is let out";
	return NULL;
}

/* A glob in another form than paths have would never match. */
const char *config_glob_fault(const char *text)
{
	const char *fault = glob_fault(span_of(text));
	char room[GLOB_OCTETS_MAX + 1];
	struct http1_path path;

	if (fault != NULL)
		return fault;
	if (!http1_path_read(&path, room, span_of(text)))
		return "no path of a request can be such";
	return span_is(path.path, text) ? NULL
					: "write it as paths are sent: without \".\", \"..\" and "
					  "%-encoded letters, encodings in capitals";
}

/* refuse_way() - is @key, which would go round the rule's methods or paths, @wanted? */
static int refuse_way(struct config_judge *judge, const struct config_at *at, json_t *value,
		      const char *key, bool wanted)
{
	struct config_at here = { .up = at, .parent = value, .key = key };

	if (!wanted)
		return 0;
	return config_judge_refuse(
	    judge, &here, CONFIG_SPOT_VALUE,
	    "would go round the methods and paths of this rule: leave it out, "
	    "or those");
}

/* refuse_empty() - no method at all is no rule; everything it cannot mean */
static int refuse_empty(struct config_judge *judge, const struct config_at *at, json_t *value,
			const char *key)
{
	struct config_at here = { .up = at, .parent = value, .key = key };
	const json_t *list = json_object_get(value, key);

	if (list == NULL || json_array_size(list) > 0)
		return 0;
	return config_judge_refuse(judge, &here, CONFIG_SPOT_KEY,
				   "is empty: leave it out to allow any of them");
}

int config_rule_also(struct config_judge *judge, const struct config_at *at, json_t *value)
{
	const char *tls = json_string_value(json_object_get(value, "tls"));
	bool limited =
	    json_object_get(value, "methods") != NULL || json_object_get(value, "paths") != NULL;
	int r = refuse_empty(judge, at, value, "methods");

	if (r == 0)
		r = refuse_empty(judge, at, value, "paths");
	if (r == 0)
		r = refuse_way(judge, at, value, "raw",
			       limited && json_is_true(json_object_get(value, "raw")));
	if (r == 0)
		r = refuse_way(judge, at, value, "tls",
			       limited && tls != NULL && strcmp(tls, "passthrough") == 0);
	return r < 0 ? r : config_caps_also(judge, at, value);
}

const char *config_name_fault(const char *text)
{
	struct net_name name;
	const char *fault = net_name_parse(&name, span_of(text));

	if (fault != NULL)
		return fault;
	if (name.kind != NET_NAME_DNS)
		return "an address stands for itself: only a name can be given another";
	/* two spellings of one name would be two keys */
	return strcmp(name.text, text) != 0 ? "write it in lower case, without a dot at its end"
					    : NULL;
}

const char *config_address_fault(const char *text)
{
	struct net_address address;

	return net_address_parse(&address, span_of(text)) < 0 ? "it is not an IPv4 or IPv6 address"
							      : NULL;
}

const char *config_server_fault(const char *text)
{
	struct net_address address;
	uint16_t port = 0;

	return config_parse_server(&address, &port, span_of(text)) < 0
		   ? "it is not an address as 192.0.2.1, 192.0.2.1:53 or [2001:db8::1]:53"
		   : NULL;
}

/* A pattern is an address and perhaps a port, if it is not one of more than one host. */
int config_parse_server(struct net_address *ret, uint16_t *ret_port, struct span text)
{
	struct pattern pattern;

	if (pattern_parse(&pattern, text) != NULL || pattern.kind != PATTERN_PREFIX ||
	    (text.len > 0 && memchr(text.ptr, '/', text.len) != NULL))
		return -EINVAL;
	*ret = pattern.prefix.address;
	*ret_port = pattern.port != 0 ? pattern.port : CONFIG_DNS_PORT;
	return 0;
}

/* texts_of() - the texts of @list, which may be NULL */
static int texts_of(struct config_texts *ret, const json_t *list)
{
	size_t len = json_array_size(list);

	if (len == 0)
		return 0;
	ret->items = calloc(len, sizeof(*ret->items));
	if (ret->items == NULL)
		return -ENOMEM;
	for (; ret->len < len; ret->len++)
		ret->items[ret->len] = json_string_value(json_array_get(list, ret->len));
	return 0;
}

static int hosts_of(struct config_network *network, json_t *map)
{
	size_t len = json_object_size(map);
	const char *name = NULL;
	json_t *address = NULL;

	if (len == 0)
		return 0;
	network->hosts = calloc(len, sizeof(*network->hosts));
	if (network->hosts == NULL)
		return -ENOMEM;
	json_object_foreach(map, name, address)
	{
		network->hosts[network->hosts_len++] =
		    (struct config_host){ name, json_string_value(address) };
	}
	return 0;
}

static int rule_of(struct config_rule *ret, const json_t *tree)
{
	const char *tls = json_string_value(json_object_get(tree, "tls"));
	const json_t *raw = json_object_get(tree, "raw");

	ret->host = json_string_value(json_object_get(tree, "host"));
	ret->passthrough = tls != NULL && strcmp(tls, "passthrough") == 0;
	ret->raw_given = raw != NULL;
	ret->raw = json_is_true(raw);
	config_caps_fill(&ret->caps, json_object_get(tree, "caps"));
	int r = texts_of(&ret->methods, json_object_get(tree, "methods"));
	if (r == 0)
		r = texts_of(&ret->paths, json_object_get(tree, "paths"));
	return r < 0 ? r : config_pins_fill(ret, json_object_get(tree, "pins"));
}

static int rules_of(struct config_network *network, const json_t *list)
{
	size_t len = json_array_size(list);
	int r = 0;

	if (len == 0)
		return 0;
	network->rules = calloc(len, sizeof(*network->rules));
	if (network->rules == NULL)
		return -ENOMEM;
	for (; r == 0 && network->rules_len < len; network->rules_len++)
		r = rule_of(&network->rules[network->rules_len],
			    json_array_get(list, network->rules_len));
	return r;
}

static int publish_of(struct config_network *network, const json_t *list)
{
	size_t len = json_array_size(list);

	if (len == 0)
		return 0;
	network->publish = calloc(len, sizeof(*network->publish));
	if (network->publish == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < len; i++) {
		const char *text = json_string_value(json_array_get(list, i));

		if (strcmp(text, CONFIG_PUBLISH_AUTO) == 0) {
			network->publish_auto = true;
			continue;
		}
		int r =
		    config_parse_publish(&network->publish[network->publish_len++], span_of(text));
		if (r < 0)
			return r;
	}
	return 0;
}

int config_network_fill(struct config_network *network, json_t *tree)
{
	int r = texts_of(&network->allowed_hosts, json_object_get(tree, "allowed_hosts"));

	if (r == 0)
		r = rules_of(network, json_object_get(tree, "rules"));
	if (r == 0)
		r = texts_of(&network->allow_private, json_object_get(tree, "allow_private"));
	if (r == 0)
		r = texts_of(&network->dns_servers, json_object_get(tree, "dns_servers"));
	if (r == 0)
		r = publish_of(network, json_object_get(tree, "publish"));
	return r < 0 ? r : hosts_of(network, json_object_get(tree, "hosts"));
}

bool config_network_allows(const struct config_network *network)
{
	return network->judged || network->allowed_hosts.len > 0 || network->rules_len > 0;
}

void config_network_free(struct config_network *network)
{
	for (size_t i = 0; i < network->rules_len; i++) {
		free(network->rules[i].methods.items);
		free(network->rules[i].paths.items);
		free(network->rules[i].pins);
	}
	config_secrets_free(network);
	free(network->rules);
	free(network->allowed_hosts.items);
	free(network->allow_private.items);
	free(network->dns_servers.items);
	free(network->hosts);
	free(network->publish);
	config_proxy_free(network);
}
