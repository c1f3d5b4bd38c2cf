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

void web_shut(struct web *web, unsigned status, struct span why)
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

static struct web *web_of_stream(struct exchange2_stream *stream)
{
	return container_of(stream->exchange, struct web, exchange2);
}

static bool on_ask_stream(struct exchange2_stream *stream, struct span what, bool websocket)
{
	struct web *web = web_of_stream(stream);

	if (web->door == 0)
		return web->owner->ask_stream(web, stream, what,
					      (web->exchange2.host.https ? GATE_HTTPS : 0U) |
						  (websocket ? GATE_WEBSOCKET : 0U));
	stream->caps.retry_after_s = web->door_retry_s;
	exchange2_verdict(stream, web->door, span_of(web->door_why));
	return true;
}

static void on_stream_left(struct exchange2_stream *stream)
{
	web_of_stream(stream)->owner->stream_left(web_of_stream(stream), stream);
}

static void on_stream_ended(struct exchange2_stream *stream, const struct exchange1_end *end)
{
	web_of_stream(stream)->owner->stream_ended(web_of_stream(stream), stream, end);
}

static void on_refused2(struct exchange2 *exchange, unsigned status, const char *why)
{
	struct web *web = container_of(exchange, struct web, exchange2);

	web->owner->refused(web, status, why);
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

static void on_again2(struct exchange2 *exchange)
{
	on_ready(exchange->ends);
}

static void on_over2(struct exchange2 *exchange, bool clean)
{
	close_down(container_of(exchange, struct web, exchange2), clean);
}

static const struct exchange2_owner exchange2_owner = {
	.ask = on_ask_stream,
	.left = on_stream_left,
	.ended = on_stream_ended,
	.refused = on_refused2,
	.over = on_over2,
	.again = on_again2,
};

static const struct exchange1_owner exchange_owner = {
	.ask = on_ask, .ended = on_ended, .refused = on_refused, .over = on_over, .again = on_again
};

/* begin_exchange2() - @first: what was read before. Return: 0 or -ENOMEM */
static int begin_exchange2(struct web *web, struct loop *loop, bool https, struct span first)
{
	web->ends.opening = false;
	web->exchange2 = (struct exchange2){
		.ends = &web->ends,
		.loop = loop,
		.owner = &exchange2_owner,
		.host = { .text = web->host.text, .port = web->port, .https = https },
		.secrets = web->secrets,
	};
	int r = exchange2_start(&web->exchange2, first);
	web->two = r == 0;
	return r;
}

/* begin_exchange() - @open: no version was agreed on */
static void begin_exchange(struct web *web, struct loop *loop, bool https, bool open)
{
	web->ends.opening = false;
	web->exchange = (struct exchange1){
		.id = web->exchange.id,
		.ends = &web->ends,
		.loop = loop,
		.owner = &exchange_owner,
		.host = { .text = web->host.text, .port = web->port, .https = https },
		.raw = web->raw && web->door == 0,
		.two = open,
		.secrets = web->secrets,
		.caps.retry_after_s = web->door_retry_s,
	};
	exchange1_start(&web->exchange);
}

/* change_version() - exchange1 has seen the preface of HTTP/2. Return: 0 or -ENOMEM */
static int change_version(struct web *web)
{
	struct exchange1 *one = &web->exchange;

	int r = begin_exchange2(web, one->loop, one->host.https, buf_span(&one->left[TLS_INSIDE]));
	exchange1_stop(one);
	return r;
}

/* Opening. */

static void explain(struct web *web, enum tls_side side, unsigned status)
{
	const char *why = "";
	char text[WEB_WHY_OCTETS];

	(void)bridge_fault(web->ends.bridge, side, &why);
	(void)snprintf(text, sizeof(text), "TLS with %s %s: %s",
		       side == TLS_UPSTREAM ? "the server" : "the program",
		       side == TLS_UPSTREAM && web->ends.fd[side] < 0 ? "was not begun" : "failed",
		       *why != '\0' ? why : "it broke off");
	if (side == TLS_UPSTREAM)
		web_shut(web, status, span_of(text));
	web->owner->refused(web, side == TLS_UPSTREAM ? status : 0, text);
}

/* take_refusal() - of the upstream: the program shall hear why */
static void take_refusal(struct web *web)
{
	if (web->door == 0)
		explain(web, TLS_UPSTREAM, 502);
	ends_drop(&web->ends, TLS_UPSTREAM);
	bridge_answer(web->ends.bridge, web->offers_two ? "h2" : "http/1.1");
}

/* want_leaf() - ask for one, unless there is one or one is on its way */
static void want_leaf(struct web *web)
{
	if (web->awaits_leaf || tls_context_has_leaf(web->context, &web->host))
		return;
	web->awaits_leaf = true;
	web->owner->ask_leaf(web);
}

/* begin_agreed() - the version that the server chose. Return: as step_opening() */
static bool begin_agreed(struct web *web)
{
	struct loop *loop = web->ends.source[TLS_INSIDE].loop;
	struct span version = bridge_alpn(web->ends.bridge);

	if (!span_is(version, "h2")) {
		begin_exchange(web, loop, true, version.len == 0);
	} else if (begin_exchange2(web, loop, true, (struct span){ 0 }) < 0) {
		close_down(web, false);
		return false;
	}
	return true;
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
	if (state == BRIDGE_LEAF) /* the one that came before may have been dropped for others */
		want_leaf(web);
	if (state != BRIDGE_OPEN) {
		ends_watch(&web->ends, both);
		return true;
	}
	return begin_agreed(web);
}

/* step() - whichever exchange it is. Return: false: it is over, and the owner told */
static bool step(struct web *web)
{
	if (!web->two && !exchange1_step(&web->exchange))
		return false;
	if (!web->two && web->exchange.preface && change_version(web) < 0) {
		close_down(web, false);
		return false;
	}
	return !web->two || exchange2_step(&web->exchange2);
}

static bool is_brisk(struct web *web)
{
	return web->two ? exchange2_is_brisk(&web->exchange2) : exchange1_is_brisk(&web->exchange);
}

static void on_ready(struct ends *ends)
{
	struct web *web = container_of(ends, struct web, ends);

	if (ends->opening && !step_opening(web))
		return;
	if (!ends->opening && !step(web))
		return;
	web->owner->moved(web, ends->opening || is_brisk(web));
}

void web_leaf(struct web *web, struct span der)
{
	web->awaits_leaf = false;
	if (!web->ends.opening)
		return;
	if (der.len == 0 || tls_context_put_leaf(web->context, &web->host, der) < 0 ||
	    !tls_context_has_leaf(web->context, &web->host)) { /* or it would be asked for again */
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

void web_stream_verdict(struct exchange2_stream *stream, unsigned status, struct span why)
{
	struct ends *ends = stream->exchange->ends;

	exchange2_verdict(stream, status, why);
	on_ready(ends);
}

void web_stop(struct web *web)
{
	loop_disarm(&web->later);
	if (web->two)
		exchange2_stop(&web->exchange2);
	else if (!web->ends.opening)
		exchange1_stop(&web->exchange);
	ends_reset(&web->ends);
}

/* Starting. */

static void begin(struct loop_timer *timer)
{
	on_ready(&container_of(timer, struct web, later)->ends);
}

/* is_named() - does the hello name @host, or none? */
static bool is_named(const struct net_name *host, const struct tls_hello *hello)
{
	struct net_name name;

	if (hello->host_name.ptr == NULL)
		return true;
	return net_name_parse(&name, hello->host_name) == NULL &&
	       strcmp(name.text, host->text) == 0;
}

/* offer_of() - the protocols that the program offers. Return: octets */
static size_t offer_of(char offer[BRIDGE_ALPN_OCTETS_MAX], bool *two, const struct tls_hello *hello)
{
	size_t len = 0;

	for (size_t i = 0; i < hello->alpn_count; i++) {
		struct span name = hello->alpn[i];

		if (len + 1 + name.len > BRIDGE_ALPN_OCTETS_MAX)
			continue;
		*two = *two || span_is(name, "h2");
		offer[len++] = (char)name.len;
		memcpy(offer + len, name.ptr, name.len);
		len += name.len;
	}
	return len;
}

static const char other_host[] = "TLS names another host than the one connected to";

const char *web_hello_fault(const struct net_name *host, int inside)
{
	static char room[TLS_HELLO_OCTETS_MAX];
	struct tls_hello hello = { 0 };
	struct span octets = { 0 };

	if (sniff_peek(&octets, inside) < 0 ||
	    tls_hello_parse(&hello, octets, room, sizeof(room)) != TLS_HELLO_WHOLE)
		return hello.fault != NULL ? hello.fault : "TLS broke off";
	return is_named(host, &hello) ? NULL : other_host;
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
	if (!is_named(&web->host, &hello)) {
		web->owner->refused(web, 421, other_host);
		return -EPROTO;
	}
	const struct bridge_plan plan = {
		.context = web->context,
		.name = web->host,
		.port = web->port,
		.fd = { inside, upstream },
		.pins = web->pins,
		.alpn = { offer, offer_of(offer, &web->offers_two, &hello) },
	};
	return bridge_new(&web->ends.bridge, &plan);
}

/* begin_kind() - soon. Return: 0; -ENOMEM: the sockets were reset */
static int begin_kind(struct web *web, struct loop *loop, enum sniff_kind kind)
{
	if (kind == SNIFF_HTTP1)
		begin_exchange(web, loop, false, false);
	else if (kind == SNIFF_HTTP2 && begin_exchange2(web, loop, false, (struct span){ 0 }) < 0) {
		ends_reset(&web->ends);
		return -ENOMEM;
	}
	web->later.fired = begin;
	loop_arm(loop, &web->later, 0);
	return 0;
}

int web_start(struct web *web, struct loop *loop, int inside, int upstream, enum sniff_kind kind)
{
	bool tls = kind == SNIFF_TLS;
	int r = tls ? make_bridge(web, inside, upstream) : 0;

	web->ends.ready = on_ready;
	web->ends.opening = tls;
	if (r == 0)
		r = ends_open(&web->ends, loop, inside, upstream);
	if (r < 0) {
		bridge_free(web->ends.bridge);
		web->ends.bridge = NULL;
		relay_reset(&inside);
		relay_reset(&upstream);
		return r;
	}
	if (tls) /* it is made while the server's handshake goes on, and needed even if that fails */
		want_leaf(web);
	return begin_kind(web, loop, kind);
}
