// SPDX-License-Identifier: Apache-2.0
#include "gateway/web.h"

#include <errno.h>
#include <stdio.h>
#include <strings.h>

#include "base/fd.h"
#include "gateway/sniff.h"
#include "relay/relay.h"
#include "wire/gate.h"
#include "wire/tls_hello.h"

static struct web *web_of(struct exchange1 *exchange)
{
	return container_of(exchange, struct web, exchange);
}

static void shut_door(struct web *web, unsigned status, struct span why)
{
	size_t len = why.len < sizeof(web->door_why) - 1 ? why.len : sizeof(web->door_why) - 1;

	web->door = status;
	if (len > 0)
		memcpy(web->door_why, why.ptr, len);
	web->door_why[len] = '\0';
}

/* The exchange's owner. */

static void at_the_door(struct loop_timer *timer)
{
	struct web *web = container_of(timer, struct web, later);

	web_verdict(web, web->door, span_of(web->door_why));
}

static void on_ask(struct exchange1 *exchange, struct span what, bool websocket)
{
	struct web *web = web_of(exchange);

	if (web->door == 0) {
		web->owner->ask(web, what,
				(exchange->host.https ? GATE_HTTPS : 0U) |
				    (websocket ? GATE_WEBSOCKET : 0U));
		return;
	}
	web->later.fired = at_the_door;
	loop_arm(exchange->loop, &web->later, 0);
}

static void on_ended(struct exchange1 *exchange, const struct exchange1_end *end)
{
	web_of(exchange)->owner->ended(web_of(exchange), end);
}

static void on_refused(struct exchange1 *exchange, unsigned status, const char *why)
{
	web_of(exchange)->owner->refused(web_of(exchange), status, why);
}

static void close_down(struct web *web, bool clean)
{
	loop_disarm(&web->later);
	if (clean)
		ends_finish(&web->ends);
	else
		ends_reset(&web->ends);
	web->owner->over(web, clean);
}

static void on_ready(struct ends *ends);

static void on_again(struct exchange1 *exchange)
{
	on_ready(exchange->ends);
}

static void on_over(struct exchange1 *exchange, bool clean)
{
	close_down(web_of(exchange), clean);
}

static const struct exchange1_owner exchange_owner = {
	.ask = on_ask, .ended = on_ended, .refused = on_refused, .over = on_over, .again = on_again
};

static void begin_exchange(struct web *web, struct loop *loop, bool https)
{
	web->ends.opening = false;
	web->exchange = (struct exchange1){
		.ends = &web->ends,
		.loop = loop,
		.owner = &exchange_owner,
		.host = { .text = web->host.text, .port = web->port, .https = https },
		.raw = web->raw && web->door == 0,
	};
	exchange1_start(&web->exchange);
}

/* Opening. */

static void explain(struct web *web, enum tls_side side, unsigned status)
{
	const char *why = "";
	char text[WEB_WHY_OCTETS];

	(void)bridge_fault(web->ends.bridge, side, &why);
	(void)snprintf(text, sizeof(text), "TLS with %s %s: %s",
		       side == TLS_UPSTREAM ? "the server" : "the program",
		       web->ends.fd[TLS_UPSTREAM] < 0 ? "was not begun" : "failed",
		       *why != '\0' ? why : "it broke off");
	if (side == TLS_UPSTREAM)
		shut_door(web, status, span_of(text));
	web->owner->refused(web, side == TLS_UPSTREAM ? status : 0, text);
}

/* take_refusal() - of the upstream: the program shall hear why */
static void take_refusal(struct web *web)
{
	if (web->door == 0)
		explain(web, TLS_UPSTREAM, 502);
	ends_drop(&web->ends, TLS_UPSTREAM);
	bridge_answer(web->ends.bridge, "http/1.1");
}

static void ask_leaf(struct web *web)
{
	if (web->asked_leaf)
		return;
	web->asked_leaf = true;
	web->owner->ask_leaf(web);
}

/* step_opening() - Return: false: it is over, and the owner told */
static bool step_opening(struct web *web)
{
	static const bool both[TLS_SIDES] = { true, true };
	enum bridge_state state = bridge_step(web->ends.bridge);

	if (state == BRIDGE_REFUSED) {
		take_refusal(web);
		state = bridge_step(web->ends.bridge);
	}
	if (state == BRIDGE_DEAD) {
		explain(web, TLS_INSIDE, 0);
		close_down(web, false);
		return false;
	}
	if (state == BRIDGE_LEAF)
		ask_leaf(web);
	if (state == BRIDGE_OPEN)
		begin_exchange(web, web->ends.source[TLS_INSIDE].loop, true);
	else
		ends_watch(&web->ends, both);
	return true;
}

static void on_ready(struct ends *ends)
{
	struct web *web = container_of(ends, struct web, ends);

	if (ends->opening && !step_opening(web))
		return;
	if (!ends->opening && !exchange1_step(&web->exchange))
		return;
	web->owner->moved(web, ends->opening || exchange1_is_brisk(&web->exchange));
}

void web_leaf(struct web *web, struct span der)
{
	if (!web->ends.opening)
		return;
	if (der.len == 0 || tls_context_put_leaf(web->context, &web->host, der) < 0) {
		web->owner->refused(web, 0, "no certificate could be made for its name");
		close_down(web, false);
		return;
	}
	on_ready(&web->ends);
}

void web_verdict(struct web *web, unsigned status, struct span why)
{
	exchange1_verdict(&web->exchange, status, why);
	on_ready(&web->ends);
}

void web_stop(struct web *web)
{
	loop_disarm(&web->later);
	if (!web->ends.opening)
		exchange1_stop(&web->exchange);
	ends_reset(&web->ends);
}

/* Starting. */

static void begin(struct loop_timer *timer)
{
	on_ready(&container_of(timer, struct web, later)->ends);
}

/* is_named() - does the hello name the host of the flow, or none? */
static bool is_named(const struct web *web, const struct tls_hello *hello)
{
	struct net_name name;

	if (hello->host_name.ptr == NULL)
		return true;
	return net_name_parse(&name, hello->host_name) == NULL &&
	       strcmp(name.text, web->host.text) == 0;
}

/* offer_of() - the protocols that the program offers and we can read. Return: octets */
static size_t offer_of(char offer[BRIDGE_ALPN_OCTETS_MAX], const struct tls_hello *hello)
{
	size_t len = 0;

	for (size_t i = 0; i < hello->alpn_count; i++) {
		struct span name = hello->alpn[i];

		if ((name.len == 2 && memcmp(name.ptr, "h2", 2) == 0) ||
		    len + 1 + name.len > BRIDGE_ALPN_OCTETS_MAX)
			continue;
		offer[len++] = (char)name.len;
		memcpy(offer + len, name.ptr, name.len);
		len += name.len;
	}
	return len;
}

/* make_bridge() - Return: 0; -EPROTO: the hello is refused, and reported; -errno */
static int make_bridge(struct web *web, int inside, int upstream)
{
	static char room[TLS_HELLO_OCTETS_MAX], offer[BRIDGE_ALPN_OCTETS_MAX];
	struct tls_hello hello = { 0 };
	struct span octets = { 0 };

	int r = sniff_peek(&octets, inside);
	if (r < 0)
		return r;
	if (tls_hello_parse(&hello, octets, room, sizeof(room)) != TLS_HELLO_WHOLE) {
		web->owner->refused(web, 0, hello.fault != NULL ? hello.fault : "TLS broke off");
		return -EPROTO;
	}
	if (!is_named(web, &hello)) {
		web->owner->refused(web, 421, "TLS names another host than the one connected to");
		return -EPROTO;
	}
	const struct bridge_plan plan = {
		.context = web->context,
		.name = web->host,
		.port = web->port,
		.fd = { inside, upstream },
		.alpn = { offer, offer_of(offer, &hello) },
	};
	return bridge_new(&web->ends.bridge, &plan);
}

int web_start(struct web *web, struct loop *loop, int inside, int upstream, bool tls, unsigned door,
	      struct span why)
{
	int r = tls ? make_bridge(web, inside, upstream) : 0;

	web->ends.ready = on_ready;
	web->ends.opening = tls;
	if (door != 0)
		shut_door(web, door, why);
	if (r == 0)
		r = ends_open(&web->ends, loop, inside, upstream);
	if (r < 0) {
		bridge_free(web->ends.bridge);
		web->ends.bridge = NULL;
		relay_reset(&inside);
		relay_reset(&upstream);
		return r;
	}
	if (!tls)
		begin_exchange(web, loop, false);
	web->later.fired = begin;
	loop_arm(loop, &web->later, 0);
	return 0;
}
