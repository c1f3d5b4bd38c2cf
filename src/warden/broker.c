// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a request goes through the states below, forward only. One timer drives it:
 * it starts it, bounds the resolving, then the dialling, and brings a failure that was found within
 * somebody else's call. end() is the only way out that calls back: it takes the request out of
 * everything first, so that the callback may do as it likes.
 *
 *	BEGUN ──► WAITING ──► RESOLVING ──► DIALLING ──► (called back and gone)
 *	  └── an address, or a fixed one ──────┘
 *	ENDING: a result is there and waits for the timer
 */
#include "warden/broker.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/fd.h"
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
};

enum state { BEGUN, WAITING, RESOLVING, DIALLING, ENDING };

struct broker_request {
	struct broker *broker;
	struct broker_request *next, *previous;
	enum state state;
	struct loop_timer timer;
	struct net_name host;
	uint16_t port;
	struct broker_lookup *lookup; /* owned; of RESOLVING */
	struct broker_dial dial;      /* of DIALLING */
	struct broker_result result;
	void (*done)(void *context, struct broker_result *result);
	void *context;
};

struct broker {
	struct loop *loop; /* borrowed */
	struct broker_limits limits;
	struct broker_resolver resolver;
	struct broker_guard guard;
	struct broker_hosts hosts;
	struct broker_request *first, *last; /* all requests, in the order of asking */
	unsigned requests, lookups;
	struct broker_budget attempts;
	struct loop_timer refill; /* a lookup was cancelled: others may begin */
};

static int64_t ms(unsigned milliseconds)
{
	return (int64_t)milliseconds * 1000000;
}

/* leave() - take the request out of everything; it is the caller's memory then */
static void leave(struct broker_request *request)
{
	struct broker *broker = request->broker;

	loop_disarm(&request->timer);
	broker_dial_stop(&request->dial);
	broker_lookup_free(request->lookup);
	request->lookup = NULL;
	broker->lookups -= request->state == RESOLVING;
	broker->requests--;
	*(request->previous != NULL ? &request->previous->next : &broker->first) = request->next;
	*(request->next != NULL ? &request->next->previous : &broker->last) = request->previous;
}

static void fill_lookups(struct broker *broker);

/* end() - call back with the request's result; the broker may be gone afterwards */
static void end(struct broker_request *request)
{
	struct broker *broker = request->broker;

	leave(request);
	fill_lookups(broker);
	request->done(request->context, &request->result);
	fd_close(&request->result.fd);
	free(request);
}

/* end_later() - the same, out of a call that goes on with the broker afterwards */
static void end_later(struct broker_request *request)
{
	broker_lookup_free(request->lookup);
	request->lookup = NULL;
	request->broker->lookups -= request->state == RESOLVING;
	request->state = ENDING;
	loop_arm(request->broker->loop, &request->timer, 0);
}

static struct broker_result *fail(struct broker_request *request, enum broker_outcome outcome,
				  const char *why)
{
	struct broker_result *result = &request->result;

	result->outcome = outcome;
	snprintf(result->why, sizeof(result->why), "%s: %s", request->host.text, why);
	return result;
}

static void refuse(struct broker_request *request, const struct net_address *address,
		   const struct broker_judgement *judgement)
{
	struct broker_result *result = fail(request, BROKER_REFUSED, judgement->why);
	bool nested = judgement->inside != NULL, named = request->host.kind == NET_NAME_DNS;
	char text[NET_ADDRESS_TEXT_OCTETS] = "";

	net_address_format(text, address);
	result->address = *address;
	result->class = judgement->class;
	result->only_by_address = judgement->own || judgement->class == NET_METADATA ||
				  judgement->class == NET_LOOPBACK ||
				  judgement->class == NET_UNSPECIFIED;
	snprintf(result->why, sizeof(result->why), "%s%s%s: %s%s%s%s",
		 named ? request->host.text : "", named ? " resolves to " : "", text,
		 judgement->why, nested ? ", in an address of " : "",
		 nested ? judgement->inside : "", nested ? " form" : "");
}

static void dial_done(struct broker_dial *dial, int fd, const struct net_address *address)
{
	struct broker_request *request = container_of(dial, struct broker_request, dial);
	struct broker_result *result = &request->result;

	if (fd < 0) {
		result->error = dial->error;
		fail(request, BROKER_UNREACHABLE, strerror(dial->error));
		end(request);
		return;
	}
	struct broker_judgement judgement =
	    broker_judge_peer(&request->broker->guard, &request->host, address, fd);
	if (judgement.allowed) {
		result->outcome = BROKER_CONNECTED;
		result->fd = fd_take(&fd);
		result->address = *address;
		result->class = judgement.class;
	} else {
		refuse(request, address, &judgement);
	}
	fd_close(&fd);
	end(request);
}

/* judge_all() - those of @all that may be dialled; if none may, the reason for the first */
static void judge_all(struct broker_addresses *ret, struct broker_request *request,
		      const struct broker_addresses *all)
{
	for (size_t i = 0; i < all->len; i++) {
		struct broker_judgement judgement =
		    broker_judge(&request->broker->guard, &request->host, &all->items[i]);

		if (judgement.allowed)
			ret->items[ret->len++] = all->items[i];
		else if (request->result.why[0] == '\0')
			refuse(request, &all->items[i], &judgement);
	}
}

/* use() - judge @addresses and dial */
static void use(struct broker_request *request, const struct broker_addresses *addresses)
{
	struct broker *broker = request->broker;
	struct broker_addresses allowed = { 0 };

	if (broker_guard_refresh(&broker->guard) < 0) {
		fail(request, BROKER_REFUSED, "this machine's own addresses are not known");
		end_later(request);
		return;
	}
	judge_all(&allowed, request, addresses);
	if (allowed.len == 0) {
		end_later(request);
		return;
	}
	request->result = (struct broker_result){ .fd = -1 };
	request->state = DIALLING;
	loop_arm(broker->loop, &request->timer, ms(broker->limits.connect_ms));
	request->dial.budget = &broker->attempts;
	broker_dial_start(&request->dial, broker->loop, &allowed, request->port,
			  ms(broker->limits.stagger_ms), dial_done);
}

static void lookup_done(void *context, const char *fault, const struct broker_addresses *addresses)
{
	struct broker_request *request = context;
	struct broker *broker = request->broker;
	struct broker_addresses kept = *addresses; /* the lookup's own end here */

	broker_lookup_free(request->lookup);
	request->lookup = NULL;
	broker->lookups--;
	request->state = BEGUN;
	if (fault != NULL) {
		fail(request, BROKER_UNRESOLVED, fault);
		end(request);
		return;
	}
	use(request, &kept);
	fill_lookups(broker);
}

/* fill_lookups() - resolve for those that wait, as many as may at a time */
static void fill_lookups(struct broker *broker)
{
	for (struct broker_request *at = broker->first; at != NULL; at = at->next) {
		if (broker->lookups >= broker->limits.lookups_max)
			return;
		if (at->state != WAITING)
			continue;
		int r = broker_lookup_start(&at->lookup, &broker->resolver, at->host.text,
					    lookup_done, at);
		if (r < 0) {
			fail(at, BROKER_UNRESOLVED, "the resolver cannot be set up");
			end_later(at);
			continue;
		}
		at->state = RESOLVING;
		broker->lookups++;
	}
}

static void begin(struct broker_request *request)
{
	struct broker *broker = request->broker;
	const struct net_address *fixed = broker_hosts_find(&broker->hosts, &request->host);
	struct broker_addresses one = { .len = 1 };

	if (fixed != NULL || request->host.kind == NET_NAME_ADDRESS) {
		one.items[0] = fixed != NULL ? *fixed : request->host.address;
		use(request, &one);
		return;
	}
	request->state = WAITING;
	loop_arm(broker->loop, &request->timer, ms(broker->limits.resolve_ms));
	fill_lookups(broker);
}

static void timer_fired(struct loop_timer *timer)
{
	struct broker_request *request = container_of(timer, struct broker_request, timer);

	switch (request->state) {
	case BEGUN:
		begin(request);
		return;
	case WAITING:
	case RESOLVING:
		fail(request, BROKER_UNRESOLVED, "no resolver answered in time");
		break;
	case DIALLING:
		request->result.error = ETIMEDOUT;
		fail(request, BROKER_UNREACHABLE, strerror(ETIMEDOUT));
		break;
	case ENDING:
		break;
	}
	end(request);
}

int broker_connect(struct broker_request **ret, struct broker *broker, const struct net_name *host,
		   uint16_t port, void (*done)(void *context, struct broker_result *result),
		   void *context)
{
	if (host->kind == NET_NAME_NONE || port == 0)
		return -EINVAL;
	if (broker->requests >= broker->limits.requests_max)
		return -EBUSY;
	struct broker_request *request = calloc(1, sizeof(*request));
	if (request == NULL)
		return -ENOMEM;
	request->broker = broker;
	request->timer.fired = timer_fired;
	request->host = *host;
	request->port = port;
	request->result.fd = -1;
	request->done = done;
	request->context = context;
	request->previous = broker->last;
	*(broker->last != NULL ? &broker->last->next : &broker->first) = request;
	broker->last = request;
	broker->requests++;
	loop_arm(broker->loop, &request->timer, 0);
	*ret = request;
	return 0;
}

void broker_cancel(struct broker_request *request)
{
	if (request == NULL)
		return;
	struct broker *broker = request->broker;
	leave(request);
	free(request);
	/* later: who cancels one may be about to cancel all, and no name is to be asked for meanwhile */
	loop_arm(broker->loop, &broker->refill, 0);
}

static void refill_fired(struct loop_timer *timer)
{
	fill_lookups(container_of(timer, struct broker, refill));
}

static unsigned at_most(unsigned number, rlim_t bound)
{
	return bound >= number ? number : bound < 1 ? 1 : (unsigned)bound;
}

/* bound_descriptors() - by shares of the soft limit; see broker_default_limits */
static void bound_descriptors(struct broker *broker)
{
	struct rlimit files = { .rlim_cur = RLIM_INFINITY };

	(void)getrlimit(RLIMIT_NOFILE, &files);
	broker->attempts.max = at_most(broker->limits.attempts_max, files.rlim_cur / 4);
	broker->limits.lookups_max = at_most(broker->limits.lookups_max, files.rlim_cur / 8);
}

int broker_new(struct broker **ret, struct loop *loop, const struct config_network *network,
	       const struct broker_limits *limits, struct diag *diag)
{
	struct broker *broker = calloc(1, sizeof(*broker));

	if (broker == NULL)
		return diag_set(diag, -ENOMEM, "out of memory");
	broker->loop = loop;
	broker->limits = limits != NULL ? *limits : broker_default_limits;
	broker->refill.fired = refill_fired;
	bound_descriptors(broker);
	broker->resolver.loop = loop;
	broker->resolver.try_ms = broker->limits.try_ms;
	broker->resolver.rounds = broker->limits.rounds;
	broker->guard.own_max_age_ns = ms(broker->limits.own_max_age_ms);
	int r = broker_guard_read(&broker->guard, network, diag);
	if (r == 0)
		r = broker_resolver_read(&broker->resolver, network, diag);
	if (r == 0)
		r = broker_hosts_read(&broker->hosts, network, diag);
	if (r < 0) {
		broker_free(broker);
		return r;
	}
	*ret = broker;
	return 0;
}

void broker_free(struct broker *broker)
{
	if (broker == NULL)
		return;
	for (struct broker_request *at = broker->first, *next = NULL; at != NULL; at = next) {
		next = at->next;
		leave(at);
		free(at);
	}
	loop_disarm(&broker->refill);
	broker_guard_free(&broker->guard);
	broker_hosts_free(&broker->hosts);
	free(broker);
}
