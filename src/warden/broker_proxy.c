// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: which proxy there is, is said by the settings or by our own environment (that of
 * the caller, never the sandbox's), once for each sandbox. HTTPS_PROXY counts for every flow, whatever it
 * will carry: a flow is connected before it says what it is, and CONNECT is what HTTPS_PROXY is for.
 * HTTP_PROXY is not looked at: such a proxy need not know CONNECT.
 *
 * Behind a proxy nobody here knows which address is dialled. So what a name alone says is judged by
 * the table below, and what this machine's resolvers say of it, as far as they know it: of a name that
 * does not exist for them, the proxy may know more. Of any other without addresses we just do not know
 * enough, and a program can bring that about: by slow names of its own, by asking for very many. So it
 * is not asked for, unless it is this machine that has no resolvers: none has said a word for a minute,
 * not even an error. Names are looked up even then, if not for long, for a program that made us believe
 * so by a slow name is not to gain anything.
 */
#include <errno.h>
#include <stdlib.h>

#include "warden/broker_priv.h"

enum { EXEMPT_OCTETS_MAX = 65536 };

/* variable() - the first of @names that is not empty; *@ret_name: which; NULL: none */
static const char *variable(const char **ret_name, const char *const *names, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		const char *value =
		    secure_getenv(names[i]); /* NOLINT(concurrency-mt-unsafe): one thread */

		if (value != NULL && value[0] != '\0') {
			*ret_name = names[i];
			return value;
		}
	}
	return NULL;
}

/* read_exempt() - NO_PROXY, as long as it may be; owned */
static int read_exempt(char **ret, struct diag *diag)
{
	static const char *const names[] = { "no_proxy", "NO_PROXY" };
	const char *name = "";
	const char *text = variable(&name, names, ARRAY_SIZE(names));

	if (text == NULL)
		return 0;
	if (strlen(text) > EXEMPT_OCTETS_MAX)
		return diag_set(diag, -E2BIG, "%s is longer than %d octets", name,
				EXEMPT_OCTETS_MAX);
	*ret = strdup(text);
	return *ret == NULL ? diag_set(diag, -ENOMEM, "out of memory") : 0;
}

int broker_proxy_read(struct broker_proxy *proxy, const struct config_network *network,
		      struct diag *diag)
{
	/* in the order in which curl looks at them */
	static const char *const names[] = { "https_proxy", "HTTPS_PROXY", "all_proxy",
					     "ALL_PROXY" };
	const char *name = "network.proxy", *text = network->proxy;

	if (!config_network_allows(network) ||
	    (text != NULL && strcmp(text, CONFIG_PROXY_NONE) == 0))
		return 0;
	if (text == NULL)
		text = variable(&name, names, ARRAY_SIZE(names));
	if (text == NULL)
		return 0;
	const char *fault = proxy_parse(&proxy->proxy, span_of(text));
	if (fault != NULL)
		return diag_set(diag, -EINVAL,
				"%s: the proxy cannot be used: %s; --upstream-proxy gives another, "
				"or \"none\"",
				name, fault);
	proxy->given = true;
	return read_exempt(&proxy->exempt, diag);
}

void broker_proxy_free(struct broker_proxy *proxy)
{
	free(proxy->exempt);
	explicit_bzero(proxy, sizeof(*proxy));
}

bool broker_proxy_serves(const struct broker_proxy *proxy, const struct net_name *host,
			 const struct net_address *fixed)
{
	struct span exempt = proxy->exempt != NULL ? span_of(proxy->exempt) : (struct span){ 0 };
	struct net_name name;

	if (!proxy->given || proxy_exempts(exempt, host))
		return false;
	if (fixed == NULL)
		return true;
	name = net_name_of_address(fixed);
	return net_judge(fixed).class != NET_LOOPBACK && !proxy_exempts(exempt, &name);
}

bool broker_addresses_are_loopback(const struct broker_addresses *addresses)
{
	for (size_t i = 0; i < addresses->len; i++)
		if (net_judge(&addresses->items[i]).class != NET_LOOPBACK)
			return false;
	return addresses->len > 0;
}

void broker_hear(struct broker_hearing *hearing, int64_t now_ns)
{
	hearing->heard_ns = now_ns;
	hearing->deaf_until_ns = 0;
}

bool broker_is_deaf(const struct broker_hearing *hearing, int64_t now_ns)
{
	return now_ns < hearing->deaf_until_ns;
}

bool broker_may_go_unjudged(struct broker_hearing *hearing, enum broker_finding finding,
			    int64_t begun_ns, int64_t now_ns, int64_t deaf_ns)
{
	bool heard = hearing->heard_ns != 0 &&
		     (hearing->heard_ns >= begun_ns || hearing->heard_ns > now_ns - deaf_ns);

	if (finding != BROKER_SILENT || heard)
		return finding == BROKER_ABSENT;
	/* one that began in deafness was not given the time of a whole lookup: it prolongs nothing */
	if (!broker_is_deaf(hearing, begun_ns))
		hearing->deaf_until_ns = now_ns + deaf_ns;
	return true;
}

bool broker_may_take_any(struct broker_result *result, const struct net_name *host,
			 const struct broker_addresses *all, const struct broker_addresses *allowed)
{
	if (allowed->len < all->len)
		return false;
	if (all->truncated)
		broker_fail(result, host, BROKER_REFUSED,
			    "it has more addresses than are judged, and the proxy may take any");
	return !all->truncated;
}

struct name_row {
	const char *name;
	bool below; /* and the names below it */
	enum net_class class;
	const char *why;
};

static bool row_matches(const struct name_row *row, const struct net_name *host)
{
	size_t len = strlen(row->name), head = (size_t)host->len - len;

	if (host->len < len || memcmp(host->text + head, row->name, len) != 0)
		return false;
	return head == 0 || (row->below && host->text[head - 1] == '.');
}

/* is_metadata_inside() - metadata.ZONE.internal and such, whatever the zone */
static bool is_metadata_inside(const struct net_name *host)
{
	static const struct name_row internal = { .name = "internal", .below = true };
	struct span rest = span_of(host->text), label = span_cut(&rest, '.');

	return row_matches(&internal, host) &&
	       (span_is(label, "metadata") || span_is(label, "instance-data"));
}

struct broker_judgement broker_judge_name(const struct broker_guard *guard,
					  const struct net_name *host)
{
	static const char here[] = "a name of the machine itself, be it this one or the proxy",
			  metadata[] = "metadata service of a cloud",
			  inside[] = "a name of private networks";
	static const struct name_row rows[] = {
		/* RFC 6761 section 6.3, and what distributions have in /etc/hosts */
		{ "localhost", true, NET_LOOPBACK, here },
		{ "localdomain", true, NET_LOOPBACK, here },
		{ "ip6-localhost", false, NET_LOOPBACK, here },
		{ "ip6-loopback", false, NET_LOOPBACK, here },
		{ "metadata", false, NET_METADATA, metadata },
		{ "metadata.google.internal", true, NET_METADATA, metadata },
		{ "metadata.goog", false, NET_METADATA, metadata },
		{ "metadata.tencentyun.com", false, NET_METADATA, metadata },
		{ "instance-data", false, NET_METADATA, metadata },
		/* RFC 6762 section 3 and appendix G, RFC 8375, ICANN's .internal */
		{ "local", true, NET_PRIVATE, inside },
		{ "intranet", true, NET_PRIVATE, inside },
		{ "internal", true, NET_PRIVATE, inside },
		{ "private", true, NET_PRIVATE, inside },
		{ "corp", true, NET_PRIVATE, inside },
		{ "home", true, NET_PRIVATE, inside },
		{ "lan", true, NET_PRIVATE, inside },
		{ "home.arpa", true, NET_PRIVATE, inside },
	};
	struct broker_judgement ret = { true, NET_PUBLIC, "", NULL };
	const struct name_row *row = NULL;

	for (size_t i = 0; row == NULL && i < ARRAY_SIZE(rows); i++)
		if (row_matches(&rows[i], host))
			row = &rows[i];
	if (is_metadata_inside(host))
		ret = (struct broker_judgement){ false, NET_METADATA, metadata, NULL };
	else if (row != NULL)
		ret = (struct broker_judgement){ false, row->class, row->why, NULL };
	else if (strchr(host->text, '.') == NULL) /* the proxy may add a domain of its own */
		ret = (struct broker_judgement){ false, NET_PRIVATE, inside, NULL };
	if (ret.class == NET_PRIVATE)
		ret.allowed = broker_may_be_private(guard, host);
	return ret;
}
