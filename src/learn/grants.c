// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: three passes over one list. What is allowed is copied, with what it takes; equal ones are
 * joined. Then all that differs in its host alone stands together, sorted by the owner of the host, and a run
 * of three hosts or more can become one: a path that one host alone was asked for stays with that host. At last
 * the order is that of the rules.
 *
 * Who is sandboxed chooses what is tried, so a denial narrows: where a call of the same form was denied a path
 * stands for itself, and below a name of which one host was denied there is no "*.x".
 */
#include "learn/grants.h"

#include <errno.h>
#include <stdlib.h>

#include "learn/hosts.h"
#include "learn/segment.h"

enum { PORT_HTTP = 80, PORT_HTTPS = 443 };

static int compare_spans(struct span a, struct span b)
{
	const size_t len = a.len < b.len ? a.len : b.len;
	const int r = len > 0 ? memcmp(a.ptr, b.ptr, len) : 0;

	return r != 0 ? r : (a.len > b.len) - (a.len < b.len);
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int compare_templates(struct span a, struct span b)
{
	char one[LEARN_PATH_OCTETS_MAX + 1], other[LEARN_PATH_OCTETS_MAX + 1];

	if (a.len == 0 || b.len == 0)
		return compare_spans(a, b);
	const size_t one_len = segment_template(one, a), other_len = segment_template(other, b);
	return compare_spans((struct span){ one, one_len }, (struct span){ other, other_len });
}

/* compare_what() - without the host and the path */
static int compare_what(const struct learn_call *a, const struct learn_call *b)
{
	const int rows[] = {
		compare_numbers(a->action, b->action), compare_numbers(a->port, b->port),
		compare_numbers(a->https, b->https),   compare_numbers(a->websocket, b->websocket),
		compare_spans(a->method, b->method),
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i] != 0)
			return rows[i];
	return 0;
}

/* compare_same() - 0: they are one but for their numbers */
static int compare_same(const void *a, const void *b)
{
	const struct learn_call *one = &((const struct grant *)a)->call;
	const struct learn_call *other = &((const struct grant *)b)->call;
	const bool exact = ((const struct grant *)a)->exact;
	int r = compare_what(one, other);

	if (r == 0)
		r = compare_spans(one->host, other->host);
	if (r == 0)
		r = compare_numbers(exact, ((const struct grant *)b)->exact);
	if (r != 0)
		return r;
	return exact ? compare_spans(one->path, other->path)
		     : compare_templates(one->path, other->path);
}

/* compare_owners() - 0: they differ in the host alone, and one owner has both */
static int compare_owners(const struct grant *a, const struct grant *b)
{
	int r = compare_what(&a->call, &b->call);

	if (r == 0)
		r = compare_spans(a->domain, b->domain);
	return r != 0 ? r : compare_templates(a->call.path, b->call.path);
}

/* by_owner() - what is exact, which is never widened, behind all others */
static int by_owner(const void *a, const void *b)
{
	int r = compare_numbers(((const struct grant *)a)->exact, ((const struct grant *)b)->exact);

	if (r == 0)
		r = compare_owners(a, b);
	return r != 0 ? r
		      : compare_spans(((const struct grant *)a)->call.host,
				      ((const struct grant *)b)->call.host);
}

/* by_rule() - names, flows, requests; those of one rule beside each other */
static int by_rule(const void *a, const void *b)
{
	const struct grant *one = a, *other = b;
	const int rows[] = {
		compare_numbers(one->call.action, other->call.action),
		one->call.action == POLICY_ACTION_HTTP_REQUEST
		    ? 0
		    : compare_numbers(one->below, other->below),
		one->call.action == POLICY_ACTION_NET_CONNECT
		    ? compare_numbers(one->call.port, other->call.port)
		    : 0,
		compare_numbers(one->unread, other->unread),
		compare_spans(one->call.host, other->call.host),
		compare_numbers(one->below, other->below),
		compare_what(&one->call, &other->call),
		compare_numbers(one->open, other->open),
		compare_spans(one->call.path, other->call.path),
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i] != 0)
			return rows[i];
	return 0;
}

static void join(struct grant *one, const struct grant *other)
{
	struct learn_call *call = &one->call;

	if (call->path.len > 0 && other->call.path.len > 0)
		call->varied |=
		    other->call.varied | segment_differences(call->path, other->call.path);
	call->allowed += other->call.allowed;
	call->denied += other->call.denied;
	for (size_t i = 0; i < other->call.refs_len && call->refs_len < LEARN_REFS; i++)
		call->refs[call->refs_len++] = other->call.refs[i];
}

static struct grant grant_of(const struct learn_call *call)
{
	const struct span none = { 0 };

	return (struct grant){
		.call = *call,
		.domain = call->is_address ? none : hosts_domain(call->host),
		.hosts = 1,
	};
}

static void put(struct grants *grants, const struct learn_call *call)
{
	grants->all[grants->len++] = grant_of(call);
}

/* find_denied() - what was denied of the form of @grant, and of the same owner. Return: how many */
static size_t find_denied(const struct grant **ret, const struct grants *grants,
			  const struct grant *grant)
{
	size_t low = 0, high = grants->denied_len, len = 0;

	while (low < high) {
		const size_t at = (low + high) / 2;

		if (compare_owners(&grants->denied[at], grant) < 0)
			low = at + 1;
		else
			high = at;
	}
	*ret = &grants->denied[low];
	while (low + len < grants->denied_len &&
	       compare_owners(&grants->denied[low + len], grant) == 0)
		len++;
	return len;
}

/* was_denied() - how often was a call of the form of @grant, by its host? */
static uint64_t was_denied(const struct grants *grants, const struct grant *grant)
{
	const struct grant *denied =
	    grants->denied_len == 0
		? NULL
		: bsearch(grant, grants->denied, grants->denied_len, sizeof(*denied), by_owner);

	return denied != NULL ? denied->call.denied : 0;
}

/* put_request() - as a template; or, if one of its form was denied or may have been, the paths that are known */
static void put_request(struct grants *grants, const struct learn_call *call)
{
	struct grant grant = grant_of(call);

	grant.call.denied = was_denied(grants, &grant);
	grant.exact =
	    call->path.len > 0 && (grant.call.denied > 0 || grants->learn->lost_denied > 0);
	if (!grant.exact) {
		grants->all[grants->len++] = grant;
		return;
	}
	grant.call.varied = 0;
	for (size_t i = 0; i < call->examples_len; i++) {
		grant.call.path = call->examples[i];
		grants->all[grants->len++] = grant;
	}
}

/* add() - @call, and what it takes */
static void add(struct grants *grants, const struct learn_call *call)
{
	struct learn_call taken = {
		.action = POLICY_ACTION_NET_CONNECT,
		.port = call->port,
		.is_address = call->is_address,
		.host = call->host,
	};

	put_request(grants, call);
	if (call->action == POLICY_ACTION_HTTP_REQUEST)
		put(grants, &taken);
	taken.action = POLICY_ACTION_DNS_QUERY;
	taken.port = 0;
	if (call->action != POLICY_ACTION_DNS_QUERY && !call->is_address)
		put(grants, &taken);
}

/* by_flow() - of pointers to calls */
static int by_flow(const void *a, const void *b)
{
	const struct learn_call *one = *(const struct learn_call *const *)a;
	const struct learn_call *other = *(const struct learn_call *const *)b;
	int r = compare_numbers(one->port, other->port);

	return r != 0 ? r : compare_spans(one->host, other->host);
}

/* has_requests() - were any read on the flow, whatever came of them? */
static bool has_requests(const struct grants *grants, const struct learn_call *flow)
{
	return grants->requests_len > 0 &&
	       bsearch(&flow, grants->requests, grants->requests_len,
		       sizeof(const struct learn_call *), by_flow) != NULL;
}

static void join_same(struct grants *grants)
{
	size_t len = 0;

	if (grants->len > 1)
		qsort(grants->all, grants->len, sizeof(grants->all[0]), compare_same);
	for (size_t i = 0; i < grants->len; i++)
		if (len > 0 && compare_same(&grants->all[len - 1], &grants->all[i]) == 0)
			join(&grants->all[len - 1], &grants->all[i]);
		else
			grants->all[len++] = grants->all[i];
	grants->len = len;
	/* a request is read on these ports or none is sent; on others a flow may be anything */
	for (size_t i = 0; i < grants->len; i++) {
		struct grant *grant = &grants->all[i];

		grant->unread = grant->call.action == POLICY_ACTION_NET_CONNECT &&
				grant->call.port != PORT_HTTP && grant->call.port != PORT_HTTPS &&
				!has_requests(grants, &grant->call);
	}
}

/* common_of() - what is in front of which the hosts below @domain differ. Return: how many there are */
static size_t common_of(struct span *ret, const struct grant *first, size_t len, struct span domain)
{
	size_t below = 0;

	for (size_t i = 0; i < len; i++)
		if (hosts_is_below(first[i].call.host, domain)) {
			*ret = below == 0 ? first[i].call.host
					  : hosts_common(*ret, first[i].call.host);
			below++;
		}
	return below;
}

/* is_denied_below() - was the same denied to a host below @common? */
static bool is_denied_below(const struct grants *grants, const struct grant *grant,
			    struct span common)
{
	const struct grant *denied = NULL;
	const size_t len = find_denied(&denied, grants, grant);

	for (size_t i = 0; i < len; i++)
		if (hosts_is_below(denied[i].call.host, common))
			return true;
	return false;
}

/* widen() - one that stands for those of @len from @first on that are below one name. Return: is it made? */
static bool widen(struct grant *ret, const struct grants *grants, const struct grant *first,
		  size_t len)
{
	struct span common = { 0 };
	struct grant all = { 0 };
	size_t hosts = 0;

	if (first->domain.ptr == NULL || grants->learn->lost_denied > 0 ||
	    common_of(&common, first, len, first->domain) < GRANTS_HOSTS_MIN ||
	    is_denied_below(grants, first, common))
		return false;
	/* the labels in common may be one of the hosts, which is not below itself */
	for (size_t i = 0; i < len; i++) {
		if (!hosts_is_below(first[i].call.host, common))
			continue;
		if (hosts++ == 0)
			all = first[i];
		else
			join(&all, &first[i]);
		all.unread = all.unread && first[i].unread;
	}
	all.call.host = common;
	all.below = true;
	all.hosts = hosts;
	*ret = all;
	return hosts >= GRANTS_HOSTS_MIN;
}

/* widen_run() - the same asked of hosts of one owner: its own name stays as it is. Return: how many are left */
static size_t widen_run(struct grants *grants, struct grant *ret, struct grant *first, size_t len)
{
	struct grant all;
	size_t left = 0;

	if (len < GRANTS_HOSTS_MIN || !widen(&all, grants, first, len)) {
		memmove(ret, first, len * sizeof(*ret));
		return len;
	}
	for (size_t i = 0; i < len; i++) {
		const bool below = hosts_is_below(first[i].call.host, all.call.host);

		if (below && grants->wildcards)
			continue;
		ret[left] = first[i];
		if (below)
			ret[left].could = all.call.host;
		left++;
	}
	if (grants->wildcards)
		ret[left++] = all;
	return left;
}

static void join_hosts(struct grants *grants)
{
	size_t len = 0, run = 0;

	if (grants->len > 1)
		qsort(grants->all, grants->len, sizeof(grants->all[0]), by_owner);
	for (size_t i = 0; i < grants->len; i += run) {
		run = 1;
		while (!grants->all[i].exact && i + run < grants->len &&
		       !grants->all[i + run].exact &&
		       compare_owners(&grants->all[i], &grants->all[i + run]) == 0)
			run++;
		len += widen_run(grants, &grants->all[len], &grants->all[i], run);
	}
	grants->len = len;
}

/* sort_calls() - what was denied, and all requests */
static void sort_calls(struct grants *grants)
{
	const struct learn *learn = grants->learn;

	for (size_t i = 0; i < learn->calls_len; i++) {
		if (learn->calls[i].denied > 0)
			grants->denied[grants->denied_len++] = grant_of(&learn->calls[i]);
		if (learn->calls[i].action == POLICY_ACTION_HTTP_REQUEST)
			grants->requests[grants->requests_len++] = &learn->calls[i];
	}
	if (grants->denied_len > 1)
		qsort(grants->denied, grants->denied_len, sizeof(grants->denied[0]), by_owner);
	if (grants->requests_len > 1)
		qsort(grants->requests, grants->requests_len, sizeof(const struct learn_call *),
		      by_flow);
}

static void fill(struct grants *grants)
{
	const struct learn *learn = grants->learn;

	sort_calls(grants);
	for (size_t i = 0; i < learn->calls_len; i++)
		if (learn->calls[i].allowed > 0)
			add(grants, &learn->calls[i]);
	join_same(grants);
	join_hosts(grants);
	for (size_t i = 0; i < grants->len; i++) {
		struct grant *grant = &grants->all[i];

		grant->open =
		    !grant->exact && segment_is_open(grant->call.path, grant->call.varied);
	}
	if (grants->len > 1)
		qsort(grants->all, grants->len, sizeof(grants->all[0]), by_rule);
}

int grants_make(struct grants *ret, const struct learn *learn, bool wildcards)
{
	enum { EACH = LEARN_EXAMPLES + 2 }; /* the paths of a request, its flow, its name */
	struct grants grants = { .learn = learn, .wildcards = wildcards };
	int r = -ENOMEM;

	grants.all = calloc(learn->calls_len * EACH + 1, sizeof(*grants.all));
	grants.denied = calloc(learn->calls_len + 1, sizeof(*grants.denied));
	grants.requests = calloc(learn->calls_len + 1, sizeof(const struct learn_call *));
	if (grants.all != NULL && grants.denied != NULL && grants.requests != NULL) {
		fill(&grants);
		r = 0;
	}
	free(grants.denied);
	free(grants.requests);
	grants.denied = NULL;
	grants.requests = NULL;
	if (r == 0)
		*ret = grants;
	else
		free(grants.all);
	return r;
}

void grants_free(struct grants *grants)
{
	free(grants->all);
	*grants = (struct grants){ 0 };
}

bool grants_is_rule(const struct grant *one, const struct grant *other)
{
	if (one->call.action != other->call.action || one->below != other->below)
		return false;
	if (one->call.action == POLICY_ACTION_DNS_QUERY)
		return true;
	if (one->call.action == POLICY_ACTION_NET_CONNECT)
		return one->call.port == other->call.port && one->unread == other->unread;
	return one->open == other->open && compare_what(&one->call, &other->call) == 0 &&
	       compare_spans(one->call.host, other->call.host) == 0;
}
