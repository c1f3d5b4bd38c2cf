// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: net_judge() says what kind of place an address is; the table in broker.h says
 * which exceptions count for that kind. What belongs to this machine is asked of the kernel, and
 * again when the answer is old. Addresses that no interface has but a route makes local show when
 * connected: both ends are the same.
 */
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fd.h"
#include "warden/broker_priv.h"

static struct net_address address_of_octets(uint8_t family, const void *octets, size_t len)
{
	struct net_address address = { .family = family };

	memcpy(address.octets, octets, len);
	return net_address_unmap(&address);
}

struct net_address broker_address_of(const struct sockaddr *address)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (address != NULL && address->sa_family == AF_INET) {
		memcpy(&v4, address, sizeof(v4));
		return address_of_octets(4, &v4.sin_addr, sizeof(v4.sin_addr));
	}
	if (address != NULL && address->sa_family == AF_INET6) {
		memcpy(&v6, address, sizeof(v6));
		return address_of_octets(6, &v6.sin6_addr, sizeof(v6.sin6_addr));
	}
	return (struct net_address){ 0 };
}

/* take_own() - keep the addresses in @list */
static int take_own(struct broker_guard *guard, const struct ifaddrs *list)
{
	size_t count = 0;

	for (const struct ifaddrs *at = list; at != NULL; at = at->ifa_next)
		count++;
	struct net_address *own = calloc(count + 1, sizeof(*own));
	if (own == NULL)
		return -ENOMEM;
	free(guard->own);
	guard->own = own;
	guard->own_len = 0;
	for (const struct ifaddrs *at = list; at != NULL; at = at->ifa_next) {
		struct net_address address = broker_address_of(at->ifa_addr);

		if (address.family != 0)
			own[guard->own_len++] = address;
	}
	return 0;
}

int broker_guard_refresh(struct broker_guard *guard)
{
	struct ifaddrs *list = NULL;
	int64_t now = clock_mono_ns();

	if (guard->own_read_ns != 0 && now - guard->own_read_ns < guard->own_max_age_ns)
		return 0;
	if (getifaddrs(&list) < 0)
		return -errno;
	int r = take_own(guard, list);
	freeifaddrs(list);
	if (r == 0)
		guard->own_read_ns = now;
	return r;
}

void broker_guard_free(struct broker_guard *guard)
{
	pattern_set_free(&guard->exceptions);
	free(guard->own);
	guard->own = NULL;
}

static bool is_own(const struct broker_guard *guard, const struct net_address *address)
{
	for (size_t i = 0; i < guard->own_len; i++)
		if (net_address_equal(&guard->own[i], address))
			return true;
	return false;
}

/* is_named() - do the exceptions name @host? An address only counts as one. */
static bool is_named(const struct broker_guard *guard, const struct net_name *host)
{
	return host->kind == NET_NAME_DNS &&
	       pattern_set_match(&guard->exceptions, host, PATTERN_PORT_UNKNOWN) >= 0;
}

static bool is_covered(const struct broker_guard *guard, const struct net_address *address)
{
	struct net_name name = net_name_of_address(address);

	return pattern_set_match(&guard->exceptions, &name, PATTERN_PORT_UNKNOWN) >= 0;
}

/* is_listed() - is exactly this address among the exceptions, not just a prefix around it? */
static bool is_listed(const struct broker_guard *guard, const struct net_address *address)
{
	for (size_t i = 0; i < guard->exceptions.count; i++) {
		const struct pattern *pattern = &guard->exceptions.entries[i].pattern;

		if (pattern->kind == PATTERN_PREFIX &&
		    pattern->prefix.bits == net_address_bits(address) &&
		    net_address_equal(&pattern->prefix.address, address))
			return true;
	}
	return false;
}

bool broker_may_be_private(const struct broker_guard *guard, const struct net_name *host)
{
	return !guard->block_private || is_named(guard, host);
}

/* judge() - @own: it is known to be this machine's */
static struct broker_judgement judge(const struct broker_guard *guard, const struct net_name *host,
				     const struct net_address *address, bool own)
{
	struct net_judgement place = net_judge(address);
	struct broker_judgement ret = { false, place.class, place.why, place.inside, own };

	if (place.class == NET_NO_ADDRESS)
		return ret;
	if (place.class == NET_METADATA) {
		ret.allowed = is_listed(guard, address);
		return ret;
	}
	if (own && place.class != NET_LOOPBACK) {
		ret.why = "an address of this machine";
		ret.inside = NULL;
	}
	if (own || place.class == NET_LOOPBACK || place.class == NET_UNSPECIFIED)
		ret.allowed = is_covered(guard, address);
	else
		ret.allowed = net_class_is_public(place.class) || is_covered(guard, address) ||
			      broker_may_be_private(guard, host);
	return ret;
}

struct broker_judgement broker_judge(const struct broker_guard *guard, const struct net_name *host,
				     const struct net_address *address)
{
	return judge(guard, host, address, is_own(guard, address));
}

void broker_judge_all(struct broker_addresses *ret, const struct broker_guard *guard,
		      const struct net_name *host, const struct broker_addresses *all,
		      struct broker_result *result)
{
	for (size_t i = 0; i < all->len; i++) {
		struct broker_judgement judgement = broker_judge(guard, host, &all->items[i]);

		if (judgement.allowed)
			ret->items[ret->len++] = all->items[i];
		else if (result->why[0] == '\0')
			broker_refuse(result, host, &all->items[i], &judgement);
	}
}

struct broker_judgement broker_judge_peer(const struct broker_guard *guard,
					  const struct net_name *host,
					  const struct net_address *address, int fd)
{
	struct sockaddr_storage here = { 0 };
	socklen_t len = sizeof(here);
	bool known = getsockname(fd, (struct sockaddr *)&here, &len) == 0;
	struct net_address own = broker_address_of((const struct sockaddr *)&here);

	return judge(guard, host, address, !known || net_address_equal(&own, address));
}

void broker_take(struct broker_result *result, const struct broker_guard *guard,
		 const struct net_name *host, const struct net_address *address, int *fd)
{
	struct broker_judgement judgement = broker_judge_peer(guard, host, address, *fd);

	if (!judgement.allowed) {
		broker_refuse(result, host, address, &judgement);
		return;
	}
	result->outcome = BROKER_CONNECTED;
	result->fd = fd_take(fd);
	result->address = *address;
	result->class = judgement.class;
}
