// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: what a host, pattern or address is, src/net says; here its judgements are put
 * as the schema wants them, and what was judged is laid out in struct config. All texts borrow from
 * the tree.
 */
#include <errno.h>
#include <stdlib.h>

#include "config/config_priv.h"
#include "net/pattern.h"

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

int config_network_fill(struct config_network *network, json_t *tree)
{
	int r = texts_of(&network->allowed_hosts, json_object_get(tree, "allowed_hosts"));

	if (r == 0)
		r = texts_of(&network->allow_private, json_object_get(tree, "allow_private"));
	if (r == 0)
		r = texts_of(&network->dns_servers, json_object_get(tree, "dns_servers"));
	return r < 0 ? r : hosts_of(network, json_object_get(tree, "hosts"));
}

bool config_network_allows(const struct config_network *network)
{
	return network->allowed_hosts.len > 0;
}

void config_network_free(struct config_network *network)
{
	free(network->allowed_hosts.items);
	free(network->allow_private.items);
	free(network->dns_servers.items);
	free(network->hosts);
}
