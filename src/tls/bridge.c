// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: two ends and the order between them. Nothing of the program's flow is read
 * before the upstream is known, but for the hello that its owner has read to find the name.
 */
#include "tls/bridge.h"

#include <errno.h>
#include <sys/epoll.h>

#include "tls/tls_priv.h"

enum { RELAY_ROUNDS = 8 }; /* of BRIDGE_WRITE_OCTETS_MAX; then others have their turn */

struct bridge {
	enum bridge_state state;
	bool alone; /* there is no upstream */
	struct net_name name;
	const char *answer_alpn; /* static */
	struct span offer;       /* in octets */
	struct tls_end end[TLS_SIDES];
	size_t octets_len;
	char *octets; /* owned; head, then what the program offers */
};

static int keep_octets(struct bridge *b, const struct bridge_plan *plan)
{
	size_t len = plan->head.len + plan->alpn.len + plan->pins.len;

	if (plan->pins.len % BRIDGE_PIN_OCTETS != 0)
		return -EINVAL;
	if (plan->head.len > BRIDGE_HEAD_OCTETS_MAX || plan->alpn.len > BRIDGE_ALPN_OCTETS_MAX)
		return -EINVAL;
	if (len == 0)
		return 0;
	b->octets = malloc(len);
	if (b->octets == NULL)
		return -ENOMEM;
	if (plan->head.len > 0)
		memcpy(b->octets, plan->head.ptr, plan->head.len);
	if (plan->alpn.len > 0)
		memcpy(b->octets + plan->head.len, plan->alpn.ptr, plan->alpn.len);
	char *pins = b->octets + plan->head.len + plan->alpn.len;
	if (plan->pins.len > 0)
		memcpy(pins, plan->pins.ptr, plan->pins.len);
	b->end[TLS_UPSTREAM].pins = (struct span){ pins, plan->pins.len };
	b->end[TLS_UPSTREAM].pinned = plan->pins.len > 0;
	b->end[TLS_INSIDE].head = (struct span){ b->octets, plan->head.len };
	b->offer = (struct span){ b->octets + plan->head.len, plan->alpn.len };
	return 0;
}

int bridge_new(struct bridge **ret, const struct bridge_plan *plan)
{
	CLEANUP(bridge_freep) struct bridge *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return -ENOMEM;
	b->name = plan->name;
	for (int side = 0; side < TLS_SIDES; side++)
		b->end[side] = (struct tls_end){
			.context = plan->context,
			.name = &b->name,
			.port = plan->port,
			.fd = plan->fd[side],
		};
	int r = keep_octets(b, plan);
	b->state = plan->fd[TLS_UPSTREAM] < 0 ? BRIDGE_REFUSED : BRIDGE_UPSTREAM;
	if (r == 0 && b->state == BRIDGE_UPSTREAM)
		r = end_connect(&b->end[TLS_UPSTREAM], b->offer);
	if (r < 0)
		return r;
	*ret = b;
	b = NULL;
	return 0;
}

void bridge_free(struct bridge *bridge)
{
	if (bridge == NULL)
		return;
	for (int side = 0; side < TLS_SIDES; side++)
		end_free(&bridge->end[side]);
	free(bridge->octets);
	free(bridge);
}

/* refuse_protocol() - the upstream chose what nobody offered */
static enum bridge_state refuse_protocol(struct tls_end *end)
{
	end->ended = TLS_FAILED;
	end->fault = TLS_FAULT_ALPN;
	(void)snprintf(end->why, sizeof(end->why), "it chose a protocol that was not offered");
	return BRIDGE_REFUSED;
}

static enum bridge_state step_upstream(struct bridge *b)
{
	struct tls_end *end = &b->end[TLS_UPSTREAM];
	enum tls_result r = end_handshake(end);

	if (r == TLS_WANT_READ)
		return BRIDGE_UPSTREAM;
	if (r != TLS_DONE || !end_has_pin(end))
		return BRIDGE_REFUSED;
	struct span chosen = end_alpn(end);
	if (chosen.len > 0 && alpn_find(b->offer, chosen) == NULL)
		return refuse_protocol(end);
	b->end[TLS_INSIDE].alpn = chosen; /* lives as long as the upstream's end */
	return BRIDGE_LEAF;
}

static enum bridge_state step_leaf(struct bridge *b)
{
	int r = end_accept(&b->end[TLS_INSIDE]);

	if (r == -ENOENT)
		return BRIDGE_LEAF;
	return r == 0 ? BRIDGE_INSIDE : BRIDGE_DEAD;
}

/* step_inside() - what the program offered and said is of no use once it has shaken hands */
static enum bridge_state step_inside(struct bridge *b)
{
	enum tls_result r = end_handshake(&b->end[TLS_INSIDE]);

	if (r == TLS_WANT_READ)
		return BRIDGE_INSIDE;
	if (r != TLS_DONE)
		return BRIDGE_DEAD;
	if (b->end[TLS_INSIDE].head.len == 0) {
		free(b->octets);
		b->octets = NULL;
		b->offer = (struct span){ 0 };
		b->end[TLS_UPSTREAM].pins = (struct span){ 0 };
	}
	return BRIDGE_OPEN;
}

enum bridge_state bridge_step(struct bridge *bridge)
{
	static enum bridge_state (*const steps[])(struct bridge *) = {
		[BRIDGE_UPSTREAM] = step_upstream,
		[BRIDGE_LEAF] = step_leaf,
		[BRIDGE_INSIDE] = step_inside,
		[BRIDGE_OPEN] = NULL,
	};
	enum bridge_state before = BRIDGE_DEAD;

	while (bridge->state != before && steps[bridge->state] != NULL) {
		before = bridge->state;
		bridge->state = steps[before](bridge);
	}
	return bridge->state;
}

void bridge_answer(struct bridge *bridge, const char *alpn)
{
	if (bridge->state != BRIDGE_REFUSED)
		return;
	bridge->alone = true;
	bridge->end[TLS_INSIDE].alpn = span_of(alpn);
	bridge->end[TLS_INSIDE].alpn_or_none = true;
	bridge->state = BRIDGE_LEAF;
}

uint32_t bridge_wants(const struct bridge *bridge, enum tls_side side)
{
	static const enum bridge_state shaking[TLS_SIDES] = { BRIDGE_INSIDE, BRIDGE_UPSTREAM };
	const struct tls_end *end = &bridge->end[side];
	bool gone = side == TLS_UPSTREAM && bridge->alone;
	uint32_t wants = buf_len(&end->left) > 0 ? EPOLLOUT : 0;

	if (bridge->state == shaking[side] ||
	    (bridge->state == BRIDGE_OPEN && end->ended == TLS_DONE && !gone))
		wants |= EPOLLIN;
	return wants;
}

/* usable() - NULL: there is nothing to read or write there */
static struct tls_end *usable(struct bridge *b, enum tls_side side)
{
	return b->end[side].open && b->state == BRIDGE_OPEN ? &b->end[side] : NULL;
}

enum tls_result bridge_read(size_t *ret_len, struct bridge *bridge, enum tls_side side,
			    char *buffer, size_t capacity)
{
	struct tls_end *end = usable(bridge, side);

	return end != NULL ? end_read(ret_len, end, buffer, capacity) : TLS_FAILED;
}

bool bridge_is_dry(const struct bridge *bridge, enum tls_side side)
{
	return bridge->end[side].dry;
}

enum tls_result bridge_write(size_t *ret_len, struct bridge *bridge, enum tls_side side,
			     struct span data)
{
	struct tls_end *end = usable(bridge, side);

	return end != NULL ? end_write(ret_len, end, data) : TLS_FAILED;
}

enum tls_result bridge_flush(struct bridge *bridge, enum tls_side side)
{
	return end_flush(&bridge->end[side]);
}

enum tls_result bridge_close(struct bridge *bridge, enum tls_side side)
{
	struct tls_end *end = usable(bridge, side);

	return end != NULL ? end_close(end) : TLS_FAILED;
}

/* move() - one buffer full. Nothing is read before the other side can take all of it. */
static enum tls_result move(uint64_t *moved, struct tls_end *from, struct tls_end *to)
{
	char *plain = from->context->plain;
	size_t len = 0, sent = 0;

	enum tls_result r = end_flush(to);
	if (r != TLS_DONE)
		return r;
	r = end_read(&len, from, plain, BRIDGE_WRITE_OCTETS_MAX);
	if (r != TLS_DONE)
		return r;
	r = end_write(&sent, to, (struct span){ plain, len });
	if (r == TLS_DONE)
		*moved += sent;
	return r;
}

enum tls_result bridge_relay(uint64_t *ret_moved, struct bridge *bridge, enum tls_side from)
{
	struct tls_end *source = usable(bridge, from);
	struct tls_end *sink = usable(bridge, from == TLS_INSIDE ? TLS_UPSTREAM : TLS_INSIDE);
	enum tls_result r = TLS_DONE;

	*ret_moved = 0;
	if (source == NULL || sink == NULL)
		return TLS_FAILED;
	for (int i = 0; i < RELAY_ROUNDS && r == TLS_DONE; i++)
		r = move(ret_moved, source, sink);
	return r;
}

struct span bridge_alpn(const struct bridge *bridge)
{
	const struct tls_end *end = &bridge->end[bridge->alone ? TLS_INSIDE : TLS_UPSTREAM];

	return end->open ? end_alpn(end) : (struct span){ 0 };
}

bool bridge_resumed(const struct bridge *bridge, enum tls_side side)
{
	const struct tls_end *end = &bridge->end[side];

	return end->open && SSL_session_reused(end->ssl) == 1;
}

enum tls_fault bridge_fault(const struct bridge *bridge, enum tls_side side, const char **ret_why)
{
	*ret_why = bridge->end[side].why;
	return bridge->end[side].fault;
}
