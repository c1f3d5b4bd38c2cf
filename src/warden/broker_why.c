// SPDX-License-Identifier: Apache-2.0
/* Results of requests that came to nothing, in words for people: "NAME: why". */
#include <errno.h>

#include "warden/broker_priv.h"

void broker_fail(struct broker_result *result, const struct net_name *host,
		 enum broker_outcome outcome, const char *why)
{
	result->outcome = outcome;
	(void)snprintf(result->why, sizeof(result->why), "%s: %s", host->text, why);
}

void broker_refuse(struct broker_result *result, const struct net_name *host,
		   const struct net_address *address, const struct broker_judgement *judgement)
{
	bool nested = judgement->inside != NULL, named = host->kind == NET_NAME_DNS;
	char text[NET_ADDRESS_TEXT_OCTETS] = "";

	net_address_format(text, address);
	result->outcome = BROKER_REFUSED;
	result->address = *address;
	result->class = judgement->class;
	result->only_by_address = judgement->own || judgement->class == NET_METADATA ||
				  judgement->class == NET_LOOPBACK ||
				  judgement->class == NET_UNSPECIFIED;
	(void)snprintf(result->why, sizeof(result->why), "%s%s%s: %s%s%s%s",
		       named ? host->text : "", named ? " resolves to " : "", text, judgement->why,
		       nested ? ", in an address of " : "", nested ? judgement->inside : "",
		       nested ? " form" : "");
}

void broker_fail_unjudged(struct broker_result *result, const struct net_name *host,
			  const char *why)
{
	result->outcome = BROKER_UNREACHABLE;
	result->error = EHOSTUNREACH;
	(void)snprintf(result->why, sizeof(result->why),
		       "%s: %s; its addresses cannot be judged, so the proxy is not asked for it",
		       host->text, why);
}

void broker_fail_proxy(struct broker_result *result, const struct net_name *host,
		       const struct proxy *proxy, const struct broker_tunnel_end *end)
{
	bool bracketed = strchr(proxy->host.text, ':') != NULL;
	const char *why = end->why;
	char answered[32] = "";

	if (end->status != 0)
		(void)snprintf(answered, sizeof(answered), " answered %u", end->status);
	else if (why == NULL)
		why = strerror(end->error);
	*result =
	    (struct broker_result){ BROKER_UNREACHABLE, .fd = result->fd, .error = end->error };
	(void)snprintf(result->why, sizeof(result->why),
		       bracketed ? "%s: proxy [%s]:%u%s%s%s" : "%s: proxy %s:%u%s%s%s", host->text,
		       proxy->host.text, proxy->port, answered, why != NULL ? ": " : "",
		       why != NULL ? why : "");
}
