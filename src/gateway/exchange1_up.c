// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a head is read twice, as its spans borrow from octets that may move: once to
 * judge and ask, once, when it is allowed, to write it. Nothing of it is kept in between but the
 * octets themselves.
 */
#include <stdio.h>
#include <strings.h>

#include "gateway/exchange1_priv.h"
#include "gateway/sniff.h"

static struct http1_request request; /* too large for the stack of a step */
static char path_room[EXCHANGE1_TARGET_OCTETS_MAX + 1];

struct judged {
	unsigned status; /* 0: sound */
	const char *why;
	struct http1_path path;
};

static struct judged refuse(unsigned status, const char *why)
{
	return (struct judged){ .status = status, .why = why };
}

/* is_for_host() - does the request name the host and port that its flow goes to? */
static bool is_for_host(const struct exchange1 *x)
{
	const struct http1_authority *asked = &request.authority;

	if (request.form == HTTP1_ABSOLUTE && request.https != x->host.https)
		return false;
	if (asked->kind == HTTP1_HOST_ABSENT)
		return true; /* HTTP/1.0: it is the flow's */
	return strcmp(asked->host, x->host.text) == 0 &&
	       (asked->port == 0 || asked->port == x->host.port);
}

/* judge() - what of a sound head the gateway refuses by itself */
static struct judged judge(const struct exchange1 *x)
{
	struct judged sound = { 0 };

	if (request.method == HTTP1_CONNECT)
		return refuse(405, "CONNECT would open a tunnel; connect to the host itself");
	if (!is_for_host(x))
		return refuse(421, "Host names another host than the one that was connected to");
	if (request.form == HTTP1_ASTERISK) {
		sound.path.text = span_of("*");
		return sound;
	}
	if (request.origin.len >= sizeof(path_room))
		return refuse(414, http1_fault_text(HTTP1_TARGET_LONG));
	if (!http1_path_read(&sound.path, path_room, request.origin))
		return refuse(http1_fault_status(sound.path.fault),
			      http1_fault_text(sound.path.fault));
	return sound;
}

static void refuse_request(struct exchange1 *x, const struct judged *judged, bool head)
{
	x->last = x->unread = true;
	x->owner->refused(x, judged->status, judged->why);
	exchange1_answer(x, judged->status, span_of(judged->why), head);
}

static void ask(struct exchange1 *x, const struct judged *judged)
{
	static char what[HTTP1_METHOD_OCTETS_MAX + 1 + sizeof(path_room)];
	size_t len = request.method_text.len;

	if (len > 0) /* which it always is */
		memcpy(what, request.method_text.ptr, len);
	what[len++] = ' ';
	if (judged->path.text.len > 0) /* which it always is */
		memcpy(what + len, judged->path.text.ptr, judged->path.text.len);
	x->up = UP_ASKED;
	x->asked = (struct http1_asked){ request.method, request.websocket };
	x->old = request.minor == 0;
	x->last = !request.persistent;
	x->bodied = request.framing != HTTP1_BODY_NONE;
	x->head_octets = request.head_octets;
	x->body_octets = request.framing == HTTP1_BODY_LENGTH ? request.length : 0;
	x->owner->ask(x, (struct span){ what, len + judged->path.text.len }, request.websocket);
}

/* is_http() - the first octets of a connection. Return: false: no, or not known yet */
static bool is_http(struct exchange1 *x, struct span input, unsigned ended)
{
	const struct judged other = refuse(400, "what was sent is no HTTP/1");
	enum sniff_kind kind = sniff_octets(input);

	if (kind == SNIFF_MORE)
		return input.len == 0 || ended != 0;
	x->preface = kind == SNIFF_HTTP2 && x->two;
	if (x->preface)
		return false;
	x->fresh = false;
	if (kind == SNIFF_HTTP1)
		return true;
	if (x->raw)
		exchange1_tunnel(x);
	else
		refuse_request(x, &other, false);
	return false;
}

/* read_head() - and ask about it; @input keeps it */
static void read_head(struct exchange1 *x, struct span input, unsigned ended)
{
	struct judged judged = { 0 };
	bool whole = false;

	if (x->fresh && !is_http(x, input, ended))
		return;
	switch (http1_request_read(&request, &x->scan[TLS_INSIDE], input, &exchange1_limits)) {
	case HTTP1_DONE:
		whole = true;
		judged = judge(x);
		break;
	case HTTP1_REFUSED:
		judged = refuse(http1_fault_status(request.fault), http1_fault_text(request.fault));
		break;
	case HTTP1_MORE:
	case HTTP1_DATA:
		if (ended == 0)
			return;
		if (input.len == 0) { /* it is done */
			x->up = UP_DRAIN;
			return;
		}
		judged = refuse(400, http1_fault_text(HTTP1_TRUNCATED));
		break;
	}
	x->scan[TLS_INSIDE] = (struct http1_scan){ 0 };
	if (judged.status != 0)
		refuse_request(x, &judged, whole && request.method == HTTP1_HEAD);
	else
		ask(x, &judged);
}

/* own_authority() - of the flow, for a request that names none */
static struct http1_authority own_authority(const struct exchange1_host *host)
{
	struct http1_authority own = { 0 };
	char text[HTTP1_HOST_OCTETS + 2];
	bool six = strchr(host->text, ':') != NULL;

	(void)snprintf(text, sizeof(text), six ? "[%s]" : "%s", host->text);
	if (!http1_authority_read(&own, span_of(text)))
		return (struct http1_authority){ 0 }; /* which cannot be written */
	own.port = host->port == (host->https ? 443 : 80) ? 0 : host->port;
	return own;
}

/* refuse_allowed() - the warden allowed it, but nothing of it shall go out, or no more; @status: as it
 * is answered */
static void refuse_allowed(struct exchange1 *x, unsigned status, const char *why)
{
	x->allowed = true;
	x->end.status = status;
	x->end.why = why;
	x->unread = x->bodied;
	x->last = x->last || x->bodied;
	x->owner->refused(x, status, why);
	exchange1_answer(x, status, span_of(why), x->asked.method == HTTP1_HEAD);
}

/* framing_out() - of a body that may become longer: in chunks */
static enum http1_framing framing_out(const struct exchange1 *x)
{
	return request.framing == HTTP1_BODY_LENGTH &&
		       inject_changes_body(x->inject, change_field(&request.fields, "content-type"))
		   ? HTTP1_BODY_CHUNKED
		   : request.framing;
}

/* write_head() - for the server. Return: false: it cannot be, which is a fault of ours. */
static bool write_head(const struct exchange1 *x, const struct judged *judged, struct outlet *out)
{
	struct http1_authority host = request.authority;
	size_t len = 0;

	if (host.kind == HTTP1_HOST_ABSENT)
		host = own_authority(&x->host);
	const struct http1_request_out head = {
		.method = request.method_text,
		.form = request.form == HTTP1_ASTERISK ? HTTP1_ASTERISK : HTTP1_ORIGIN,
		.path = judged->path,
		.authority = &host,
		.fields = request.fields.at,
		.count = request.fields.count,
		.hop = { .framing = framing_out(x),
			 .length = request.length,
			 .close = x->last,
			 .websocket = request.websocket,
			 .trailers = request.takes_trailers },
	};
	const struct http1_room room = { out->octets, sizeof(out->octets) };
	if (http1_request_write(&len, room, &head) < 0)
		return false;
	out->len = len;
	return true;
}

/* send_head() - the request at the front of @input is allowed. Return: false: the exchange broke. */
static bool send_head(struct exchange1 *x, struct span *input, struct outlet *out)
{
	static struct http1_fields trailers; /* used and forgotten in exchange1_carry_body() */
	struct http1_scan scan = { 0 };

	/* what is left is of before, too: while the program does not read, nothing else looks at it */
	if (x->spoke || buf_len(&x->left[TLS_UPSTREAM]) > 0)
		return exchange1_bad_gateway(x, "the server spoke before it was asked");
	if (http1_request_read(&request, &scan, *input, &exchange1_limits) != HTTP1_DONE)
		return false;
	struct judged judged = judge(x);
	if (judged.status != 0)
		return false;
	const struct span type = change_field(&request.fields, "content-type");
	const bool chunks = framing_out(x) == HTTP1_BODY_CHUNKED;
	const char *why = change_request(x, &request.fields, &judged.path);
	bool written = why == NULL && write_head(x, &judged, out);
	change_wipe();
	*input = span_drop(*input, request.head_octets);
	x->end.up = request.head_octets;
	if (why != NULL || (!written && x->inject != NULL)) {
		refuse_allowed(x, why != NULL ? 403 : 431,
			       why != NULL ? why : "with its secrets the request is too long");
		return true;
	}
	if (!written)
		return false;
	x->websocket.offered = request.websocket && exchange1_offers_deflate(&request.fields);
	exchange1_begin_body(x, TLS_INSIDE, request.framing, request.length, &trailers);
	change_begin_request(x, type, chunks);
	x->up = UP_BODY;
	x->down = DOWN_HEAD;
	return true;
}

/* refuse_body() - what it holds shall not go out. Return: false: too late to answer */
static bool refuse_body(struct exchange1 *x, struct outlet *out)
{
	const char *why = change_why(x);

	if (x->down != DOWN_HEAD) {
		x->end.why = why;
		x->owner->refused(x, 0, why);
		return false;
	}
	out->len = 0;
	ends_drop(x->ends, TLS_UPSTREAM); /* reset: it shall not take what it has for a request */
	refuse_allowed(x, 403, why);
	return true;
}

static bool carry_body(struct exchange1 *x, struct span *input, struct outlet *out, unsigned ended)
{
	switch (exchange1_carry_body(x, TLS_INSIDE, input, out, false)) {
	case HTTP1_DONE:
		x->up = UP_DONE;
		return true;
	case HTTP1_MORE:
		return ended == 0; /* else the body is cut short, so the request shall be, too */
	case HTTP1_DATA:
		return true;
	case HTTP1_REFUSED:
		if (change_why(x) != NULL)
			return refuse_body(x, out);
		break;
	}
	if (x->body[TLS_INSIDE].fault == HTTP1_BODY_LONG)
		return exchange1_over_cap(x, TLS_INSIDE, out);
	x->end.why = http1_fault_text(x->body[TLS_INSIDE].fault);
	return false;
}

/* fits() - may what came with a head go out with it? With secrets that may be long. As much as a body may always
 * have: what is left after the longest read is for its chunks. */
static bool fits(const struct span *input, const struct outlet *out)
{
	enum { SLACK = (EXCHANGE1_OUT_OCTETS - EXCHANGE1_IN_OCTETS) / 4 };

	return out->len + input->len <= EXCHANGE1_IN_OCTETS + SLACK;
}

bool exchange1_up(struct exchange1 *x, struct span *input, struct outlet *out, unsigned ended)
{
	switch (x->up) {
	case UP_HEAD:
		read_head(x, *input, ended);
		return true;
	case UP_GO:
		return send_head(x, input, out) &&
		       (x->up != UP_BODY || !fits(input, out) || carry_body(x, input, out, ended));
	case UP_BODY:
		return carry_body(x, input, out, ended);
	case UP_TUNNEL:
		return exchange1_carry_tunnel(x, TLS_INSIDE, input, out);
	case UP_DRAIN:
		x->drained += input->len;
		*input = (struct span){ 0 };
		return true;
	case UP_ASKED:
	case UP_DONE:
		break;
	}
	return true;
}
