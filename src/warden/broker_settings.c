// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: the texts of the settings are read once, when the broker is made. The schema
 * has judged them; what it would not have let pass is refused here all the same.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "warden/broker_priv.h"

const struct broker_limits broker_default_limits = {
	.requests_max = 1024,
	.lookups_max = 64,
	.attempts_max = 1024,
	.resolve_ms = 5000,
	.try_ms = 1500,
	.rounds = 2,
	.connect_ms = 15000,
	.stagger_ms = 250, /* RFC 8305 section 8 */
	.own_max_age_ms = 5000,
	.judge_ms = 2000,
	.deaf_ms = 60000,
	.proxy_ms = 20000,
	.proxied_ms = 29000, /* less than a flow waits for its verdict: 30 s */
};

int broker_guard_read(struct broker_guard *guard, const struct config_network *network,
		      struct diag *diag)
{
	const struct config_texts *texts = &network->allow_private;

	guard->block_private = network->block_private_ips;
	for (size_t i = 0; i < texts->len; i++) {
		struct pattern pattern;
		const char *fault = pattern_parse(&pattern, span_of(texts->items[i]));

		if (fault != NULL)
			return diag_set(diag, -EINVAL, "allow_private[%zu]: %s", i, fault);
		int r = pattern_set_add(&guard->exceptions, &pattern);
		if (r < 0)
			return diag_set(diag, r, "allow_private[%zu]: %s", i, strerror(-r));
	}
	return 0;
}

int broker_resolver_read(struct broker_resolver *resolver, const struct config_network *network,
			 struct diag *diag)
{
	const struct config_texts *texts = &network->dns_servers;

	if (texts->len > ARRAY_SIZE(resolver->servers))
		return diag_set(diag, -ENOSPC, "dns_servers: more than %zu",
				ARRAY_SIZE(resolver->servers));
	for (size_t i = 0; i < texts->len; i++) {
		struct broker_server *server = &resolver->servers[i];

		if (config_parse_server(&server->address, &server->port, span_of(texts->items[i])) <
		    0)
			return diag_set(diag, -EINVAL, "dns_servers[%zu]: no address", i);
		resolver->servers_len++;
	}
	return 0;
}

int broker_hosts_read(struct broker_hosts *hosts, const struct config_network *network,
		      struct diag *diag)
{
	hosts->items = calloc(network->hosts_len + 1, sizeof(*hosts->items));
	if (hosts->items == NULL)
		return diag_set(diag, -ENOMEM, "out of memory");
	for (size_t i = 0; i < network->hosts_len; i++) {
		const struct config_host *given = &network->hosts[i];
		struct broker_host *host = &hosts->items[hosts->len++];
		const char *fault = net_name_parse(&host->name, span_of(given->name));

		if (fault == NULL && net_address_parse(&host->address, span_of(given->address)) < 0)
			fault = "no address";
		if (fault != NULL)
			return diag_set(diag, -EINVAL, "hosts.%s: %s", given->name, fault);
		host->address = net_address_unmap(&host->address);
	}
	return 0;
}

const struct net_address *broker_hosts_find(const struct broker_hosts *hosts,
					    const struct net_name *name)
{
	for (size_t i = 0; i < hosts->len; i++)
		if (strcmp(hosts->items[i].name.text, name->text) == 0)
			return &hosts->items[i].address;
	return NULL;
}

bool broker_hosts_known(struct broker_addresses *ret, const struct broker_hosts *hosts,
			const struct net_name *name)
{
	const struct net_address *fixed = broker_hosts_find(hosts, name);

	if (fixed == NULL && name->kind != NET_NAME_ADDRESS)
		return false;
	*ret = (struct broker_addresses){ .items = { fixed != NULL ? *fixed : name->address },
					  .len = 1 };
	return true;
}

void broker_hosts_free(struct broker_hosts *hosts)
{
	free(hosts->items);
	*hosts = (struct broker_hosts){ 0 };
}

static unsigned at_most(unsigned number, rlim_t bound)
{
	return bound >= number ? number : bound < 1 ? 1 : (unsigned)bound;
}

void broker_limits_fit(struct broker_limits *limits)
{
	struct rlimit files = { .rlim_cur = RLIM_INFINITY };

	(void)getrlimit(RLIMIT_NOFILE, &files);
	limits->attempts_max = at_most(limits->attempts_max, files.rlim_cur / 4);
	limits->lookups_max = at_most(limits->lookups_max, files.rlim_cur / 8);
}
