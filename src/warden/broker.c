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
 *
 * By a proxy it goes twice through WAITING and RESOLVING: for the name itself, if only to judge it, and
 * then for the proxy's (seeks_proxy). After DIALLING comes TUNNELLING. What is not known of the name
 * ends it as a rule: broker_proxy.c says when it does not.
 */
#include "warden/broker.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fd.h"
#include "warden/broker_priv.h"

enum state { BEGUN, WAITING, RESOLVING, DIALLING, TUNNELLING, ENDING };

struct broker_request {
	struct broker *broker;
	struct broker_request *next, *previous;
	enum state state;
	struct loop_timer timer;
	struct net_name host;
	uint16_t port;
	struct broker_lookup *lookup; /* owned; of RESOLVING */
	struct broker_dial dial;      /* of DIALLING */
	bool proxied;                 /* it is to be reached by the proxy */
	bool seeks_proxy;             /* and what is resolved and dialled is the proxy */
	int64_t asked_ns;             /* of RESOLVING: since when */
	int64_t deadline_ns;          /* by a proxy */
	struct broker_tunnel *tunnel; /* owned; of TUNNELLING; counts as an attempt */
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
	struct broker_proxy proxy;
	struct broker_hearing hearing;
	struct broker_request *first, *last; /* all requests, in the order of asking */
	unsigned requests, lookups;
	struct broker_budget attempts;
	struct loop_timer refill; /* a lookup was cancelled: others may begin */
};

static int64_t ms(unsigned milliseconds)
{
	return (int64_t)milliseconds * 1000000;
}

/* end_lookup() - if there is one */
static void end_lookup(struct broker_request *request)
{
	broker_lookup_free(request->lookup);
	request->lookup = NULL;
	request->broker->lookups -= request->state == RESOLVING;
	request->state = BEGUN;
}

/* leave() - take the request out of everything; it is the caller's memory then */
static void leave(struct broker_request *request)
{
	struct broker *broker = request->broker;

	loop_disarm(&request->timer);
	broker_dial_stop(&request->dial);
	end_lookup(request);
	if (request->tunnel != NULL)
		broker->attempts.used--;
	broker_tunnel_free(request->tunnel);
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
	end_lookup(request);
	request->state = ENDING;
	loop_arm(request->broker->loop, &request->timer, 0);
}

static void fail(struct broker_request *request, enum broker_outcome outcome, const char *why)
{
	broker_fail(&request->result, &request->host, outcome, why);
}

/* fail_proxy() - @why: NULL: what @error says */
static void fail_proxy(struct broker_request *request, int error, const char *why)
{
	broker_fail_proxy(&request->result, &request->host, &request->broker->proxy.proxy,
			  &(struct broker_tunnel_end){ .error = error, .why = why });
}

/* unreachable() - the host, or its proxy */
static void unreachable(struct broker_request *request, int error)
{
	if (request->proxied) {
		fail_proxy(request, error, NULL);
		return;
	}
	request->result.error = error;
	fail(request, BROKER_UNREACHABLE, strerror(error));
}

/* judges_for_proxy() - is the name resolved only to be judged? */
static bool judges_for_proxy(const struct broker_request *request)
{
	return request->proxied && !request->seeks_proxy;
}

static void unresolved(struct broker_request *request, const char *why)
{
	if (judges_for_proxy(request))
		broker_fail_unjudged(&request->result, &request->host, why);
	else if (request->proxied)
		fail_proxy(request, EHOSTUNREACH, why);
	else
		fail(request, BROKER_UNRESOLVED, why);
}

static void tunnel_done(void *context, const struct broker_tunnel_end *done)
{
	struct broker_request *request = context;
	struct broker_result *result = &request->result;

	if (done->error != 0) {
		broker_fail_proxy(result, &request->host, &request->broker->proxy.proxy, done);
	} else {
		result->outcome = BROKER_CONNECTED;
		result->fd = done->fd;
	}
	end(request);
}

/* open_tunnel() - @fd: connected to the proxy at @address; consumed */
static void open_tunnel(struct broker_request *request, int fd, const struct net_address *address)
{
	struct broker *broker = request->broker;
	const struct net_address *fixed = broker_hosts_find(&broker->hosts, &request->host);
	char text[NET_ADDRESS_TEXT_OCTETS] = "";

	if (fixed != NULL)
		net_address_format(text, fixed);
	request->result.address = *address;
	request->result.class = net_judge(address).class;
	const struct broker_tunnel_plan plan = { &broker->proxy.proxy,
						 fixed != NULL ? text : request->host.text,
						 request->port };
	int r =
	    broker_tunnel_start(&request->tunnel, broker->loop, fd, &plan, tunnel_done, request);
	if (r < 0) {
		fail_proxy(request, -r, NULL);
		end(request);
		return;
	}
	request->state = TUNNELLING;
	broker->attempts.used++;
}

static void dial_done(struct broker_dial *dial, int fd, const struct net_address *address)
{
	struct broker_request *request = container_of(dial, struct broker_request, dial);
	struct broker_result *result = &request->result;

	if (fd < 0) {
		unreachable(request, dial->error);
		end(request);
		return;
	}
	if (request->proxied) {
		open_tunnel(request, fd, address);
		return;
	}
	broker_take(result, &request->broker->guard, &request->host, address, &fd);
	fd_close(&fd);
	end(request);
}

static void dial(struct broker_request *request, const struct broker_addresses *addresses,
		 uint16_t port, int64_t within_ns)
{
	struct broker *broker = request->broker;

	request->result = (struct broker_result){ .fd = -1 };
	request->state = DIALLING;
	loop_arm(broker->loop, &request->timer, within_ns);
	request->dial.budget = &broker->attempts;
	broker_dial_start(&request->dial, broker->loop, addresses, port,
			  ms(broker->limits.stagger_ms), dial_done);
}

/* seek() - resolve the name of @request, or the proxy's */
static void seek(struct broker_request *request)
{
	request->state = WAITING;
	loop_arm(request->broker->loop, &request->timer, ms(request->broker->limits.resolve_ms));
	fill_lookups(request->broker);
}

static void dial_proxy(struct broker_request *request, const struct broker_addresses *addresses)
{
	const struct broker *broker = request->broker;
	int64_t left = request->deadline_ns - clock_mono_ns(), within = ms(broker->limits.proxy_ms);

	dial(request, addresses, broker->proxy.proxy.port, left < within ? left : within);
}

/* go_by_proxy() - wherever it is: its place is the caller's wish, and not judged */
static void go_by_proxy(struct broker_request *request)
{
	struct broker *broker = request->broker;
	const struct proxy *proxy = &broker->proxy.proxy;
	struct broker_addresses addresses;

	request->seeks_proxy = true;
	if (broker_hosts_known(&addresses, &broker->hosts, &proxy->host))
		dial_proxy(request, &addresses);
	else
		seek(request);
}

/* use() - judge @addresses and dial, or have the proxy do so, which may take any of them */
static void use(struct broker_request *request, const struct broker_addresses *addresses)
{
	struct broker *broker = request->broker;
	struct broker_addresses allowed = { 0 };

	if (broker_guard_refresh(&broker->guard) < 0) {
		fail(request, BROKER_REFUSED, "this machine's own addresses are not known");
		end_later(request);
		return;
	}
	broker_judge_all(&allowed, &broker->guard, &request->host, addresses, &request->result);
	if (allowed.len == 0 ||
	    (request->proxied &&
	     !broker_may_take_any(&request->result, &request->host, addresses, &allowed))) {
		end_later(request);
		return;
	}
	/* what is on this machine, the proxy would look for on its own */
	request->proxied = request->proxied && !broker_addresses_are_loopback(&allowed);
	if (request->proxied)
		go_by_proxy(request);
	else
		dial(request, &allowed, request->port, ms(broker->limits.connect_ms));
}

/* goes_unjudged() - does the proxy get a name of which a lookup has found no address? */
static bool goes_unjudged(struct broker_request *request, enum broker_finding finding)
{
	struct broker *broker = request->broker;

	return judges_for_proxy(request) &&
	       broker_may_go_unjudged(&broker->hearing, finding, request->asked_ns, clock_mono_ns(),
				      ms(broker->limits.deaf_ms));
}

static void lookup_done(void *context, const struct broker_answer *answer)
{
	struct broker_request *request = context;
	struct broker *broker = request->broker;
	struct broker_addresses addresses = answer->addresses;
	bool unjudged = answer->fault != NULL && goes_unjudged(request, answer->finding);
	const char *lacks = judges_for_proxy(request) ? answer->lacks : NULL; /* it may take any */
	const char *fault = lacks != NULL ? lacks : answer->fault; /* the lookup's own end here */

	end_lookup(request);
	if (fault != NULL && !unjudged) {
		unresolved(request, fault);
		end(request);
		return;
	}
	if (unjudged)
		go_by_proxy(request);
	else if (request->seeks_proxy)
		dial_proxy(request, &addresses);
	else
		use(request, &addresses);
	fill_lookups(broker);
}

/* look_up() - @request is WAITING */
static void look_up(struct broker_request *request)
{
	struct broker *broker = request->broker;
	const struct net_name *name =
	    request->seeks_proxy ? &broker->proxy.proxy.host : &request->host;

	if (broker_lookup_start(&request->lookup, &broker->resolver, name->text, lookup_done,
				request) < 0) {
		unresolved(request, "the resolver cannot be set up");
		end_later(request);
		return;
	}
	request->state = RESOLVING;
	request->asked_ns = clock_mono_ns();
	broker->lookups++;
	if (judges_for_proxy(request)) /* waiting says nothing about resolvers */
		loop_arm(broker->loop, &request->timer,
			 ms(broker_is_deaf(&broker->hearing, request->asked_ns)
				? broker->limits.judge_ms
				: broker->limits.resolve_ms));
}

/* fill_lookups() - resolve for those that wait, as many as may at a time */
static void fill_lookups(struct broker *broker)
{
	for (struct broker_request *at = broker->first; at != NULL; at = at->next) {
		if (broker->lookups >= broker->limits.lookups_max)
			return;
		if (at->state == WAITING)
			look_up(at);
	}
}

static void begin(struct broker_request *request)
{
	struct broker *broker = request->broker;
	struct broker_addresses one;
	bool is_known = broker_hosts_known(&one, &broker->hosts, &request->host);
	struct broker_judgement name = { .allowed = true };

	request->proxied =
	    broker_proxy_serves(&broker->proxy, &request->host, is_known ? &one.items[0] : NULL);
	if (request->proxied && !is_known)
		name = broker_judge_name(&broker->guard, &request->host);
	if (!name.allowed) {
		request->result.class = name.class;
		fail(request, BROKER_REFUSED, name.why);
		end_later(request);
	} else if (is_known) {
		use(request, &one);
	} else {
		seek(request);
	}
}

/* lookup_late() - @request is WAITING or RESOLVING. Return: did it end? */
static bool lookup_late(struct broker_request *request)
{
	struct broker *broker = request->broker;

	if (request->state == WAITING && judges_for_proxy(request)) {
		unresolved(request, "too many names are being resolved");
		return true;
	}
	if (!goes_unjudged(request, broker_lookup_late(request->lookup))) {
		unresolved(request, "no resolver answered in time");
		return true;
	}
	end_lookup(request);
	go_by_proxy(request);
	fill_lookups(broker);
	return false;
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
		if (!lookup_late(request))
			return;
		break;
	case DIALLING:
	case TUNNELLING:
		unreachable(request, ETIMEDOUT);
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
	request->deadline_ns = clock_mono_ns() + ms(broker->limits.proxied_ms);
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

int broker_new(struct broker **ret, struct loop *loop, const struct config_network *network,
	       const struct broker_limits *limits, struct diag *diag)
{
	struct broker *broker = calloc(1, sizeof(*broker));

	if (broker == NULL)
		return diag_set(diag, -ENOMEM, "out of memory");
	broker->loop = loop;
	broker->limits = limits != NULL ? *limits : broker_default_limits;
	broker->refill.fired = refill_fired;
	broker_limits_fit(&broker->limits);
	broker->attempts.max = broker->limits.attempts_max;
	broker->resolver.loop = loop;
	broker->resolver.hearing = &broker->hearing;
	broker->resolver.try_ms = broker->limits.try_ms;
	broker->resolver.rounds = broker->limits.rounds;
	broker->guard.own_max_age_ns = ms(broker->limits.own_max_age_ms);
	int r = broker_guard_read(&broker->guard, network, diag);
	if (r == 0)
		r = broker_resolver_read(&broker->resolver, network, diag);
	if (r == 0)
		r = broker_hosts_read(&broker->hosts, network, diag);
	if (r == 0)
		r = broker_proxy_read(&broker->proxy, network, diag);
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
	broker_proxy_free(&broker->proxy);
	free(broker);
}
