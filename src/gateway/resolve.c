// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: an ask is a name and its verdict, found by hash. Without a verdict it is in
 * the list of those asking and collects queries; with one it is in the list of those known until it
 * has its age, or a new name needs the place. Both lists are in order of time, so one timer for the
 * head of asking suffices; known ones are looked at when they are found.
 */
#include "gateway/resolve.h"

#include <errno.h>

#include "base/clock.h"
#include "base/hash.h"
#include "gateway/local.h"

static uint16_t *bucket_of(struct resolve *resolve, const char *name)
{
	return &resolve->buckets[hash_text(name) % RESOLVE_ASKS_MAX];
}

static struct resolve_ask *find(struct resolve *resolve, const char *name)
{
	for (uint16_t at = *bucket_of(resolve, name); at != 0; at = resolve->asks[at - 1].next)
		if (strcmp(resolve->asks[at - 1].name, name) == 0)
			return &resolve->asks[at - 1];
	return NULL;
}

static void forget(struct resolve *resolve, struct resolve_ask *ask)
{
	uint16_t *at = bucket_of(resolve, ask->name);

	while (&resolve->asks[*at - 1] != ask)
		at = &resolve->asks[*at - 1].next;
	*at = ask->next;
	list_remove(&ask->node);
}

static void reply(struct resolve *resolve, const struct resolve_origin *origin,
		  const struct dns_query *query, const struct dns_answer *answer)
{
	char packet[DNS_REPLY_OCTETS_MAX];
	size_t len = dns_reply_encode(packet, query, answer);

	resolve->reply(resolve->context, origin, (struct span){ packet, len });
}

static struct dns_answer answer_allowed(struct resolve *resolve, const struct dns_query *query)
{
	struct dns_answer answer = { 0 };

	if (query->type != DNS_TYPE_A && query->type != DNS_TYPE_AAAA)
		return answer;
	const struct names_entry *entry = names_get(resolve->names, query->name, clock_mono_ns());
	if (entry == NULL) {
		talk_lose(resolve->talk);
		return (struct dns_answer){ .rcode = DNS_SERVFAIL };
	}
	struct net_address address =
	    names_address(resolve->names, entry, query->type == DNS_TYPE_A ? 4 : 6);
	answer.type = query->type;
	memcpy(answer.address, address.octets, sizeof(answer.address));
	return answer;
}

static void reply_verdict(struct resolve *resolve, const struct resolve_origin *origin,
			  const struct dns_query *query, enum gate_verdict verdict)
{
	struct dns_answer answer = { .rcode = DNS_SERVFAIL };

	if (verdict == GATE_ALLOW)
		answer = answer_allowed(resolve, query);
	else if (verdict == GATE_DENY)
		answer.rcode = DNS_NXDOMAIN;
	reply(resolve, origin, query, &answer);
}

static void settle(struct resolve *resolve, struct resolve_ask *ask, enum gate_verdict verdict)
{
	struct list_node *node = NULL;

	ask->verdict = verdict;
	ask->since_ns = clock_mono_ns();
	list_append(&resolve->known, &ask->node);
	while ((node = list_first(&ask->waiting)) != NULL) {
		struct resolve_pending *p = container_of(node, struct resolve_pending, node);

		list_append(&resolve->spare, node);
		reply_verdict(resolve, &p->origin, &p->query, verdict);
	}
}

static void schedule(struct resolve *resolve)
{
	struct list_node *first = list_first(&resolve->asking);

	if (first == NULL || resolve->timer.loop != NULL)
		return;
	int64_t since_ns = container_of(first, struct resolve_ask, node)->since_ns;
	loop_arm(resolve->loop, &resolve->timer, since_ns + resolve->wait_ns - clock_mono_ns());
}

static void fired(struct loop_timer *timer)
{
	struct resolve *resolve = container_of(timer, struct resolve, timer);
	int64_t before_ns = clock_mono_ns() - resolve->wait_ns;
	struct list_node *first = NULL;

	while ((first = list_first(&resolve->asking)) != NULL) {
		struct resolve_ask *ask = container_of(first, struct resolve_ask, node);

		if (ask->since_ns > before_ns)
			break;
		if (ask->item.node.next != NULL) { /* the warden has not even heard of it */
			list_remove(&ask->item.node);
			talk_lose(resolve->talk);
		}
		settle(resolve, ask, GATE_UNREACHABLE);
	}
	schedule(resolve);
}

/* new_ask() - one that is free, else the one known for longest. Return: NULL: all are asking. */
static struct resolve_ask *new_ask(struct resolve *resolve)
{
	if (resolve->asks_made < RESOLVE_ASKS_MAX)
		return &resolve->asks[resolve->asks_made++];

	struct list_node *oldest = list_first(&resolve->known);
	if (oldest == NULL)
		return NULL;
	struct resolve_ask *ask = container_of(oldest, struct resolve_ask, node);
	forget(resolve, ask);
	return ask;
}

static void fill_ask(struct talk_item *item, struct gate_message *message)
{
	struct resolve_ask *ask = container_of(item, struct resolve_ask, item);

	message->kind = GATE_ASK_NAME;
	message->id = ask->id;
	message->qtype = ask->qtype;
	memcpy(message->name, ask->name, sizeof(ask->name));
}

static void ask_warden(struct resolve *resolve, struct resolve_ask *ask, uint16_t qtype)
{
	ask->qtype = qtype;
	ask->verdict = GATE_NONE;
	ask->since_ns = clock_mono_ns();
	ask->id = id_next(ask->id, ID_NAMES + (unsigned)(ask - resolve->asks));
	ask->item.fill = fill_ask;
	list_init(&ask->waiting);
	list_append(&resolve->asking, &ask->node);
	schedule(resolve);
	talk_send(resolve->talk, &ask->item);
}

static struct resolve_ask *begin_ask(struct resolve *resolve, const char *name)
{
	struct resolve_ask *ask = new_ask(resolve);

	if (ask == NULL)
		return NULL;
	uint16_t *bucket = bucket_of(resolve, name);
	memset(ask->name, 0, sizeof(ask->name));
	memcpy(ask->name, name, strlen(name));
	ask->next = *bucket;
	*bucket = (uint16_t)(ask - resolve->asks + 1);
	return ask;
}

/* ask_for() - that of the name, asked anew if its verdict is old. Return: NULL: no room. */
static struct resolve_ask *ask_for(struct resolve *resolve, const struct dns_query *query)
{
	struct resolve_ask *ask = find(resolve, query->name);
	bool old = ask != NULL && ask->verdict != GATE_NONE &&
		   clock_mono_ns() - ask->since_ns > resolve->known_ns;

	if (ask != NULL && !old)
		return ask;
	if (ask == NULL)
		ask = begin_ask(resolve, query->name);
	if (ask != NULL)
		ask_warden(resolve, ask, query->type);
	return ask;
}

static struct resolve_pending *new_pending(struct resolve *resolve)
{
	struct list_node *spare = list_first(&resolve->spare);

	if (spare != NULL) {
		list_remove(spare);
		return container_of(spare, struct resolve_pending, node);
	}
	return resolve->pending_made < RESOLVE_PENDING_MAX
		   ? &resolve->pending[resolve->pending_made++]
		   : NULL;
}

static bool wait_for(struct resolve *resolve, struct resolve_ask *ask,
		     const struct dns_query *query, const struct resolve_origin *origin)
{
	struct resolve_pending *p = new_pending(resolve);

	if (p == NULL)
		return false;
	p->origin = *origin;
	p->query = *query;
	memcpy(p->question, query->question.ptr, query->question.len);
	p->query.question.ptr = p->question;
	list_append(&ask->waiting, &p->node);
	return true;
}

int resolve_query(struct resolve *resolve, struct span packet, const struct resolve_origin *origin)
{
	struct dns_answer answer = { 0 };
	struct dns_query query;

	if (dns_query_decode(&query, packet) < 0)
		return -EBADMSG;
	if (query.fault != DNS_NOERROR) {
		answer.rcode = query.fault;
		reply(resolve, origin, &query, &answer);
		return -EBADMSG;
	}
	if (local_answer(&answer, &query, resolve->names)) {
		reply(resolve, origin, &query, &answer);
		return 0;
	}
	struct resolve_ask *ask = ask_for(resolve, &query);
	if (ask != NULL && ask->verdict != GATE_NONE) {
		reply_verdict(resolve, origin, &query, ask->verdict);
	} else if (ask == NULL || !wait_for(resolve, ask, &query, origin)) {
		talk_lose(resolve->talk);
		reply_verdict(resolve, origin, &query, GATE_UNREACHABLE);
	}
	return 0;
}

void resolve_verdict(struct resolve *resolve, uint32_t id, enum gate_verdict verdict)
{
	unsigned index = id_owner(id) - ID_NAMES;

	if (index < resolve->asks_made && resolve->asks[index].id == id &&
	    resolve->asks[index].verdict != GATE_ALLOW)
		settle(resolve, &resolve->asks[index], verdict);
}

void resolve_start(struct resolve *resolve)
{
	list_init(&resolve->asking);
	list_init(&resolve->known);
	list_init(&resolve->spare);
	resolve->timer.fired = fired;
}
