// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: each lookup has a c-ares channel of its own. So it reads resolv.conf and
 * /etc/hosts as they are now, asks from ports nobody can foresee (RFC 5452), and ends at once and
 * wholly when it is given up. The channel's sockets are sources of our loop. c-ares calls back from
 * within its functions; the answer is only noted then, and passed on when it has returned.
 *
 * A and AAAA are two searches that begin at once, for of one over both c-ares tells but the last status:
 * so whoever judges a name knows whether its addresses are all there. /etc/hosts comes first, as one
 * search over both: what it lists, in whichever family, nobody is asked about.
 *
 * No search domain is ever added: the name is canonical, and policy has judged just this one.
 */
#include <ares.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/time.h>

#include "base/clock.h"
#include "warden/broker_priv.h"

enum {
	/* a UDP and a TCP socket of each resolver; those of more resolvers are not heard */
	SOCKETS_MAX = 2 * CONFIG_DNS_SERVERS_MAX,
	ANSWER_OCTETS = 1232, /* of UDP, https://www.dnsflagday.net/2020/ */
};

struct lookup_socket {
	struct loop_source source;
	struct broker_lookup *lookup; /* NULL: free */
};

/* One search. */
struct part {
	struct broker_lookup *lookup;
	bool ended;
	int status; /* c-ares's */
	struct broker_addresses v4, v6;
};

struct broker_lookup {
	struct loop *loop;
	struct loop_timer timer; /* c-ares's next time-out; or there is an answer to pass on */
	ares_channel channel;    /* owned; NULL: none yet */
	struct lookup_socket sockets[SOCKETS_MAX];
	struct broker_hearing *hearing; /* borrowed; NULL: none */
	struct part parts[2];           /* for A, for AAAA; or of /etc/hosts, and ended */
	bool answered;                  /* both */
	bool opened;                    /* there was a socket to ask by */
	bool broken;                    /* and one that we cannot listen to */
	bool heard;                     /* whatever it was, a resolver said something */
	struct broker_answer answer;
	void (*done)(void *context, const struct broker_answer *answer);
	void *context;
};

static bool holds(const struct broker_addresses *addresses, const struct net_address *address)
{
	for (size_t i = 0; i < addresses->len; i++)
		if (net_address_equal(&addresses->items[i], address))
			return true;
	return false;
}

static void append(struct broker_addresses *ret, const struct net_address *address)
{
	if (holds(ret, address))
		return;
	if (ret->len < BROKER_ADDRESSES_MAX)
		ret->items[ret->len++] = *address;
	else
		ret->truncated = true;
}

/* add() - the @i-th of @from, if there is one */
static void add(struct broker_addresses *ret, const struct broker_addresses *from, size_t i)
{
	if (i < from->len)
		append(ret, &from->items[i]);
}

void broker_interleave(struct broker_addresses *ret, const struct broker_addresses *v4,
		       const struct broker_addresses *v6)
{
	*ret = (struct broker_addresses){ .truncated = v4->truncated || v6->truncated };
	for (size_t i = 0; i < BROKER_ADDRESSES_MAX; i++) {
		add(ret, v6, i);
		add(ret, v4, i);
	}
}

enum broker_finding broker_lookup_late(const struct broker_lookup *lookup)
{
	bool silent = lookup != NULL && lookup->opened && !lookup->broken && !lookup->heard;

	return silent ? BROKER_SILENT : BROKER_FAULTY;
}

/* fault_of() - what went wrong, in words that follow "NAME: " */
static const char *fault_of(enum broker_finding *ret, const struct broker_lookup *lookup,
			    int status)
{
	/* c-ares says the same of resolvers that fail or refuse, and of faults of our own */
	const enum broker_finding silent = broker_lookup_late(lookup);
	const struct {
		int status;
		enum broker_finding finding;
		const char *why;
	} rows[] = {
		{ ARES_ENOTFOUND, BROKER_ABSENT, "no such name" },
		{ ARES_ENODATA, BROKER_ABSENT, "the name has no address" },
		{ ARES_ESERVFAIL, BROKER_FAULTY, "the resolver failed" },
		{ ARES_EREFUSED, BROKER_FAULTY, "the resolver refuses to answer" },
		{ ARES_ETIMEOUT, silent, "no resolver answered in time" },
		{ ARES_ECONNREFUSED, silent, "no resolver gave an answer" },
		{ ARES_ENOMEM, BROKER_FAULTY, "out of memory" },
	};

	*ret = BROKER_FAULTY;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].status != status)
			continue;
		*ret = rows[i].finding;
		return rows[i].why;
	}
	return "the resolver's answer makes no sense";
}

/* is_known() - has a search that ended with @status told all that there is? */
static bool is_known(int status)
{
	return status == ARES_SUCCESS || status == ARES_ENODATA || status == ARES_ENOTFOUND;
}

static void append_all(struct broker_addresses *ret, const struct broker_addresses *from)
{
	for (size_t i = 0; i < from->len; i++)
		append(ret, &from->items[i]);
	ret->truncated = ret->truncated || from->truncated;
}

/* conclude() - from both searches; an IPv4-mapped address is IPv4, whichever found it */
static void conclude(struct broker_lookup *lookup)
{
	struct broker_answer *answer = &lookup->answer;
	struct part *a = &lookup->parts[0], *aaaa = &lookup->parts[1];
	enum broker_finding finding = BROKER_FOUND;
	/* the one that tells more: a failure, else that there is no such name */
	int status = !is_known(a->status) || (is_known(aaaa->status) && a->status == ARES_ENOTFOUND)
			 ? a->status
			 : aaaa->status;

	append_all(&a->v4, &aaaa->v4);
	append_all(&a->v6, &aaaa->v6);
	broker_interleave(&answer->addresses, &a->v4, &a->v6);
	if (answer->addresses.len > 0) {
		answer->lacks = is_known(status) ? NULL : fault_of(&finding, lookup, status);
		return;
	}
	answer->fault = fault_of(&finding, lookup, status == ARES_SUCCESS ? ARES_ENODATA : status);
	answer->finding = finding;
}

static void end_part(struct part *part, int status)
{
	struct broker_lookup *lookup = part->lookup;

	part->ended = true;
	part->status = status;
	lookup->answered = lookup->parts[0].ended && lookup->parts[1].ended;
	if (lookup->answered)
		conclude(lookup);
}

/* answer_came() - c-ares's callback: at the end of a search, or of the channel */
static void answer_came(void *context, int status, int timeouts, struct ares_addrinfo *info)
{
	struct part *part = context;

	(void)timeouts;
	for (const struct ares_addrinfo_node *at = info != NULL ? info->nodes : NULL; at != NULL;
	     at = at->ai_next) {
		struct net_address address = broker_address_of(at->ai_addr);

		if (address.family != 0)
			append(address.family == 4 ? &part->v4 : &part->v6, &address);
	}
	if (info != NULL)
		ares_freeaddrinfo(info);
	end_part(part, status);
}

/* settle() - after any call into c-ares: pass the answer on, or wait for what it waits for */
static void settle(struct broker_lookup *lookup)
{
	struct timeval room, *wait = NULL;

	if (lookup->answered) {
		lookup->done(lookup->context, &lookup->answer);
		return;
	}
	wait = ares_timeout(lookup->channel, NULL, &room);
	if (wait == NULL)
		loop_disarm(&lookup->timer);
	else
		loop_arm(lookup->loop, &lookup->timer,
			 (int64_t)wait->tv_sec * 1000000000 + (int64_t)wait->tv_usec * 1000);
}

/* listen_to() - did somebody speak on @fd, or is there just an error to read, as if nobody is there? */
static void listen_to(struct broker_lookup *lookup, int fd, uint32_t events)
{
	int octets = 0;
	bool error = (events & (EPOLLERR | EPOLLHUP)) != 0;

	if ((events & EPOLLIN) == 0 || (error && (ioctl(fd, FIONREAD, &octets) < 0 || octets == 0)))
		return;
	lookup->heard = true;
	if (lookup->hearing != NULL)
		broker_hear(lookup->hearing, clock_mono_ns());
}

static void socket_ready(struct loop_source *source, uint32_t events)
{
	struct lookup_socket *socket = container_of(source, struct lookup_socket, source);
	struct broker_lookup *lookup = socket->lookup;
	int fd = source->fd;
	bool input = (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0;
	bool output = (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0;

	listen_to(lookup, fd, events);
	ares_process_fd(lookup->channel, input ? fd : ARES_SOCKET_BAD,
			output ? fd : ARES_SOCKET_BAD);
	settle(lookup);
}

static void timer_fired(struct loop_timer *timer)
{
	struct broker_lookup *lookup = container_of(timer, struct broker_lookup, timer);

	if (!lookup->answered)
		ares_process_fd(lookup->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	settle(lookup);
}

/* find_socket() - that of @fd, else a free one; NULL: all are taken */
static struct lookup_socket *find_socket(struct broker_lookup *lookup, int fd)
{
	struct lookup_socket *spare = NULL;

	for (size_t i = 0; i < SOCKETS_MAX; i++) {
		struct lookup_socket *socket = &lookup->sockets[i];

		if (socket->lookup != NULL && socket->source.fd == fd)
			return socket;
		if (socket->lookup == NULL && spare == NULL)
			spare = socket;
	}
	return spare;
}

/* socket_changed() - c-ares's callback: wait for @fd, or, before it is closed, for neither */
static void socket_changed(void *context, ares_socket_t fd, int readable, int writable)
{
	struct broker_lookup *lookup = context;
	struct lookup_socket *socket = find_socket(lookup, fd);
	uint32_t events = (readable ? (uint32_t)EPOLLIN : 0) | (writable ? (uint32_t)EPOLLOUT : 0);

	if (socket == NULL) {
		lookup->broken = true;
		return;
	}
	if (events == 0) {
		loop_remove(&socket->source);
		socket->lookup = NULL;
	} else if (socket->lookup != NULL) {
		loop_change(&socket->source, events);
	} else {
		socket->source.ready = socket_ready;
		if (loop_add(lookup->loop, &socket->source, fd, events) == 0)
			socket->lookup = lookup;
		else
			lookup->broken = true;
	}
}

/* socket_made() - c-ares's callback: there is a descriptor, connected or not */
static int socket_made(ares_socket_t fd, int type, void *context)
{
	struct broker_lookup *lookup = context;

	(void)fd;
	(void)type;
	lookup->opened = true;
	return 0;
}

static int set_servers(ares_channel channel, const struct broker_resolver *resolver)
{
	struct ares_addr_port_node nodes[CONFIG_DNS_SERVERS_MAX] = { 0 };

	for (size_t i = 0; i < resolver->servers_len; i++) {
		const struct broker_server *server = &resolver->servers[i];
		struct ares_addr_port_node *node = &nodes[i];

		node->next = i + 1 < resolver->servers_len ? node + 1 : NULL;
		node->family = server->address.family == 4 ? AF_INET : AF_INET6;
		node->udp_port = node->tcp_port = server->port;
		memcpy(&node->addr, server->address.octets, sizeof(node->addr));
	}
	return ares_set_servers_ports(channel, nodes);
}

/* open_channel() - to ask resolvers, or just to read /etc/hosts. Return: 0; -ENOMEM; -EIO */
static int open_channel(struct broker_lookup *lookup, const struct broker_resolver *resolver,
			bool hosts)
{
	static char files[] = "f", dns[] = "b", nothing[] = "/dev/null";
	bool has_servers = resolver->servers_len > 0;
	struct ares_options options = {
		.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_EDNS,
		.timeout = (int)resolver->try_ms,
		.tries = (int)resolver->rounds,
		.ndomains = 0,
		.lookups = hosts ? files : dns,
		.sock_state_cb = socket_changed,
		.sock_state_cb_data = lookup,
		.ednspsz = ANSWER_OCTETS,
		.resolvconf_path = nothing,
	};
	int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_DOMAINS |
		   ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB | ARES_OPT_EDNSPSZ;
	int status = ares_init_options(&lookup->channel, &options,
				       mask | (has_servers || hosts ? ARES_OPT_RESOLVCONF : 0));

	if (status == ARES_SUCCESS && has_servers)
		status = set_servers(lookup->channel, resolver);
	if (status == ARES_SUCCESS)
		return 0;
	return status == ARES_ENOMEM ? -ENOMEM : -EIO;
}

static void search(struct broker_lookup *lookup, struct part *part, const char *name, int family)
{
	const struct ares_addrinfo_hints hints = { .ai_flags = ARES_AI_NOSORT,
						   .ai_family = family,
						   .ai_socktype = SOCK_STREAM };

	ares_getaddrinfo(lookup->channel, name, NULL, &hints, answer_came, part);
}

/* look_in_hosts() - which takes no time. Return: 0: as far as parts[0] says; -ENOMEM; -EIO */
static int look_in_hosts(struct broker_lookup *lookup, const struct broker_resolver *resolver,
			 const char *name)
{
	int r = open_channel(lookup, resolver, true);

	if (r < 0)
		return r;
	search(lookup, &lookup->parts[0], name, AF_UNSPEC);
	if (lookup->parts[0].ended && lookup->parts[0].status == ARES_SUCCESS) {
		end_part(&lookup->parts[1], ARES_ENODATA);
		return 0;
	}
	ares_destroy(lookup->channel);
	lookup->channel = NULL;
	lookup->parts[0] = (struct part){ .lookup = lookup };
	return 0;
}

/* ask_resolvers() - Return: 0; -ENOMEM; -EIO */
static int ask_resolvers(struct broker_lookup *lookup, const struct broker_resolver *resolver,
			 const char *name)
{
	int r = open_channel(lookup, resolver, false);

	if (r < 0)
		return r;
	ares_set_socket_configure_callback(lookup->channel, socket_made, lookup);
	search(lookup, &lookup->parts[0], name, AF_INET);
	search(lookup, &lookup->parts[1], name, AF_INET6);
	return 0;
}

int broker_lookup_start(struct broker_lookup **ret, const struct broker_resolver *resolver,
			const char *name,
			void (*done)(void *context, const struct broker_answer *answer),
			void *context)
{
	struct broker_lookup *lookup = calloc(1, sizeof(*lookup));

	if (lookup == NULL)
		return -ENOMEM;
	lookup->loop = resolver->loop;
	lookup->hearing = resolver->hearing;
	lookup->timer.fired = timer_fired;
	lookup->done = done;
	lookup->context = context;
	for (size_t i = 0; i < ARRAY_SIZE(lookup->parts); i++)
		lookup->parts[i].lookup = lookup;
	int r = resolver->servers_len == 0 ? look_in_hosts(lookup, resolver, name) : 0;
	if (r == 0 && !lookup->answered)
		r = ask_resolvers(lookup, resolver, name);
	if (r < 0) {
		broker_lookup_free(lookup);
		return r;
	}
	if (lookup->answered)
		loop_arm(lookup->loop, &lookup->timer, 0);
	else
		settle(lookup);
	*ret = lookup;
	return 0;
}

void broker_lookup_free(struct broker_lookup *lookup)
{
	if (lookup == NULL)
		return;
	if (lookup->channel != NULL)
		ares_destroy(lookup->channel);
	loop_disarm(&lookup->timer);
	free(lookup);
}
