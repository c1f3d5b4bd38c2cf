// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a step carries as much as it can in either direction, a piece at a time: what
 * was left over and one read into a room that all exchanges share, through the direction's function,
 * into one write. What cannot be used yet is kept in a buffer that exists for so long only, so an
 * idle exchange has none.
 */
#include "gateway/exchange1_priv.h"

enum {
	ROUNDS = 16, /* then other flows have their turn */
	DRAIN_OCTETS_MAX = 1 << 20,
};

enum move { STILL, MOVED, BROKE };

const struct http1_limits exchange1_limits = {
	.head_octets_max = EXCHANGE1_HEAD_OCTETS_MAX,
	.target_octets_max = EXCHANGE1_TARGET_OCTETS_MAX,
	.fields_max = HTTP1_FIELDS_MAX,
	.trailer_octets_max = EXCHANGE1_TRAILER_OCTETS_MAX,
	.body_octets_max = INT64_MAX,
};

static char room[EXCHANGE1_IN_OCTETS];
static size_t room_len; /* what is in it */
static struct outlet outlet;

void outlet_put(struct outlet *out, struct span data)
{
	if (data.len > sizeof(out->octets) - out->len) {
		out->full = true;
		return;
	}
	if (data.len > 0)
		memcpy(out->octets + out->len, data.ptr, data.len);
	out->len += data.len;
}

void exchange1_put_chunk(struct outlet *out, struct span data)
{
	char head[HTTP1_CHUNK_HEAD_OCTETS];

	outlet_put(out, (struct span){ head, http1_chunk_head_write(head, data.len) });
	outlet_put(out, data);
	outlet_put(out, (struct span){ "\r\n", 2 });
}

void exchange1_end_chunks(struct outlet *out, const struct http1_fields *trailers)
{
	const struct http1_room left = { out->octets + out->len, sizeof(out->octets) - out->len };
	size_t len = 0;

	if (http1_chunks_end(&len, left, trailers != NULL ? trailers->at : NULL,
			     trailers != NULL ? trailers->count : 0) < 0)
		out->full = true;
	out->len += len;
}

enum http1_step exchange1_carry_body(struct exchange1 *x, enum tls_side from, struct span *input,
				     struct outlet *out, bool closed)
{
	struct http1_body *body = &x->body[from];
	bool chunks = body->framing == HTTP1_BODY_CHUNKED && (from == TLS_INSIDE || !x->old);
	enum http1_step step = HTTP1_DATA;
	struct span data = { 0 };

	if (x->change[from].on)
		return change_carry(x, from, input, out, closed);
	while ((step = http1_body_next(body, &data, input)) == HTTP1_DATA) {
		if (from == TLS_INSIDE && x->scans && !inject_scan(&x->scan_out, data))
			return HTTP1_REFUSED;
		*(from == TLS_INSIDE ? &x->end.up : &x->end.down) += data.len;
		if (chunks)
			exchange1_put_chunk(out, data);
		else
			outlet_put(out, data);
	}
	if (step == HTTP1_DONE && chunks)
		exchange1_end_chunks(out, change_trailers(x, from));
	change_wipe();
	/* without framing only an end that was said is one; TLS says it (RFC 9112 section 9.8) */
	if (step == HTTP1_MORE && closed && input->len == 0 && body->framing == HTTP1_BODY_CLOSE)
		step = http1_body_end(body);
	return step;
}

void exchange1_answer(struct exchange1 *x, unsigned status, struct span why, bool head)
{
	const bool capped = x->allowed && x->end.blocked;
	struct reply reply =
	    capped ? reply_of_cap(status, why, x->id) : reply_of_status(status, why, x->id);

	if (!x->allowed)
		reply.retry_after_s = x->caps.retry_after_s;
	x->reply = BUF(REPLY_OCTETS_MAX);
	if (reply_http1(&x->reply, &reply, head, x->last) < 0) { /* then it hears nothing */
		buf_free(&x->reply);
		x->last = true;
	}
	x->up = UP_DONE;
	x->down = DOWN_DONE;
}

static void end_request(struct exchange1 *x, bool clean)
{
	if (!x->allowed)
		return;
	x->allowed = false;
	x->end.clean = clean;
	x->owner->ended(x, &x->end);
}

static void give_up(struct exchange1 *x, bool clean)
{
	end_request(x, false);
	exchange1_stop(x);
	x->dead = true;
	x->owner->over(x, clean);
}

static bool wants(const struct exchange1 *x, enum tls_side from)
{
	if (x->preface)
		return false;
	if (from == TLS_INSIDE)
		return x->up == UP_HEAD || x->up == UP_GO || x->up == UP_BODY ||
		       x->up == UP_TUNNEL || (x->up == UP_DRAIN && x->unread);
	return x->down != DOWN_DONE && x->up != UP_DRAIN;
}

/* load() - what was left, and what else there is. Return: octets that are new */
static size_t load(struct exchange1 *x, enum tls_side from, struct span *ret)
{
	struct span left = buf_span(&x->left[from]);
	size_t len = 0;

	if (left.len > 0 && left.ptr != NULL)
		memcpy(room, left.ptr, left.len);
	if (left.len < sizeof(room) &&
	    ends_read(&len, x->ends, from, room + left.len, sizeof(room) - left.len) != TLS_DONE)
		len = 0;
	room_len = left.len + len;
	*ret = (struct span){ room, room_len };
	return len;
}

/* keep() - what was not used, until there is more. Return: false: no memory */
static bool keep(struct exchange1 *x, enum tls_side from, struct span rest)
{
	struct buf *left = &x->left[from];

	if (rest.len == 0) {
		buf_free(left);
		return true;
	}
	buf_drop(left, buf_len(left));
	return buf_append(left, rest) == 0;
}

/* lose_server() - it takes no more of the request, but may have said why */
static enum move lose_server(struct exchange1 *x)
{
	if (x->up == UP_GO)
		return exchange1_bad_gateway(x, "the server closed the connection") ? MOVED : BROKE;
	if (x->up == UP_HEAD && x->down == DOWN_IDLE) { /* between two requests: nothing is lost */
		x->last = true;
		x->up = UP_DRAIN;
		return MOVED;
	}
	if (x->up != UP_BODY && x->up != UP_DONE)
		return BROKE;
	x->last = true;
	x->unread = x->unread || x->up == UP_BODY;
	x->up = UP_DONE;
	return MOVED;
}

/* flush() - make room for what goes to @to. Return: STILL: there is none yet; MOVED: there is */
static enum move flush(struct exchange1 *x, enum tls_side to)
{
	if (x->up == UP_DRAIN)
		return MOVED; /* nothing goes out any more */
	enum tls_result r = ends_flush(x->ends, to);
	if (r == TLS_WANT_WRITE)
		return STILL;
	return r == TLS_DONE ? MOVED : BROKE;
}

/* carry_piece() - in one direction */
static enum move carry_piece(struct exchange1 *x, enum tls_side from)
{
	enum tls_side to = from == TLS_INSIDE ? TLS_UPSTREAM : TLS_INSIDE;
	const int up = (int)x->up, down = (int)x->down;
	struct span input = { 0 };

	if (!wants(x, from))
		return STILL;
	enum move room_made = flush(x, to);
	if (room_made == STILL)
		return STILL;
	if (room_made == BROKE)
		return to == TLS_UPSTREAM ? lose_server(x) : BROKE;
	size_t fresh = load(x, from, &input), len = input.len;
	unsigned ended = x->ends->ended[from];
	outlet.len = 0;
	outlet.full = false;
	bool sound = from == TLS_INSIDE ? exchange1_up(x, &input, &outlet, ended)
					: exchange1_down(x, &input, &outlet, ended);
	if (!sound || outlet.full || !keep(x, from, input))
		return BROKE;
	if (outlet.len > 0 &&
	    ends_write(x->ends, to, (struct span){ outlet.octets, outlet.len }) != TLS_DONE)
		return to == TLS_UPSTREAM ? lose_server(x) : BROKE;
	bool moved = fresh > 0 || input.len != len || outlet.len > 0;
	return moved || up != (int)x->up || down != (int)x->down ? MOVED : STILL;
}

/* carry() - the same, and leaves no secrets behind */
static enum move carry(struct exchange1 *x, enum tls_side from)
{
	room_len = outlet.len = 0;
	enum move move = carry_piece(x, from);
	if (x->inject != NULL) {
		explicit_bzero(outlet.octets, outlet.len);
		explicit_bzero(room, room_len);
	}
	return move;
}

/* send_rest() - of a request that is read to its end: nothing else would write what was not taken */
static enum move send_rest(struct exchange1 *x)
{
	if (x->up != UP_DONE && x->up != UP_ASKED)
		return STILL;
	enum tls_result r = ends_flush(x->ends, TLS_UPSTREAM);
	if (r != TLS_DONE && r != TLS_WANT_WRITE)
		x->last = true; /* it may have answered all the same */
	return STILL;
}

/* send_reply() - ours, when what was written before it is gone */
static enum move send_reply(struct exchange1 *x)
{
	if (buf_len(&x->reply) == 0)
		return STILL;
	enum tls_result r = ends_flush(x->ends, TLS_INSIDE);
	if (r == TLS_DONE)
		r = ends_write(x->ends, TLS_INSIDE, buf_span(&x->reply));
	if (r == TLS_WANT_WRITE)
		return STILL;
	buf_free(&x->reply);
	return r == TLS_DONE ? MOVED : BROKE;
}

/* turn_page() - the response is out: the next request, or the end of the connection */
static enum move turn_page(struct exchange1 *x)
{
	if (x->down != DOWN_DONE || buf_len(&x->reply) > 0 || x->up == UP_DRAIN)
		return STILL;
	x->unread = x->unread || x->up == UP_BODY;
	x->last = x->last || x->unread;
	end_request(x, x->end.why == NULL && !x->unread);
	if (x->last) {
		x->unread = x->unread || buf_len(&x->left[TLS_INSIDE]) > 0;
		x->up = UP_DRAIN;
	} else {
		x->up = UP_HEAD;
		x->down = DOWN_IDLE;
	}
	return MOVED;
}

/* see_off() - nothing more will be said to the program. Return: is it over? */
static bool see_off(struct exchange1 *x)
{
	if (x->up != UP_DRAIN || ends_close(x->ends, TLS_INSIDE) == TLS_WANT_WRITE)
		return false;
	return !x->unread || x->ends->ended[TLS_INSIDE] != 0 || x->drained > DRAIN_OCTETS_MAX;
}

/* holds() - something of @from that has not gone on */
static bool holds(const struct exchange1 *x, int from)
{
	return buf_len(&x->left[from]) > 0 ||
	       (from == TLS_UPSTREAM && x->websocket.change != NULL &&
		websocket_change_waits(x->websocket.change));
}

/* pass_end() - of a tunnel. Return: is it over? */
static bool pass_end(struct exchange1 *x, bool *broke)
{
	for (int from = 0; from < TLS_SIDES; from++) {
		unsigned ended = x->ends->ended[from];

		if (ended == TLS_TRUNCATED)
			*broke = true;
		else if (ended != 0 && !holds(x, from))
			(void)!ends_close(x->ends, (enum tls_side)(1 - from));
	}
	return x->ends->closed[TLS_INSIDE] && x->ends->closed[TLS_UPSTREAM];
}

/* look_for_end() - Return: the exchange is over, and the owner told */
static bool look_for_end(struct exchange1 *x, bool broke)
{
	bool over = false;

	if (x->up == UP_TUNNEL) {
		over = pass_end(x, &broke);
		if (over && !broke)
			end_request(x, true);
	} else {
		over = see_off(x);
	}
	if (broke || over)
		give_up(x, over && !broke);
	return broke || over;
}

void exchange1_tunnel(struct exchange1 *x)
{
	x->fresh = false;
	x->up = UP_TUNNEL;
	x->down = DOWN_TUNNEL;
}

/* can_take() - from @from; else to poll it would be to poll in vain */
static bool can_take(struct exchange1 *x, enum tls_side from)
{
	return wants(x, from) && flush(x, from == TLS_INSIDE ? TLS_UPSTREAM : TLS_INSIDE) != STILL;
}

/* is_abandoned() - the program is gone, and nothing that is awaited from it would show that */
static bool is_abandoned(const struct exchange1 *x)
{
	return x->ends->ended[TLS_INSIDE] == TLS_TRUNCATED &&
	       (x->up == UP_ASKED || x->up == UP_GO || x->up == UP_BODY || x->up == UP_DONE);
}

static void step_again(struct loop_timer *timer)
{
	struct exchange1 *x = container_of(timer, struct exchange1, again);

	x->owner->again(x);
}

bool exchange1_step(struct exchange1 *x)
{
	enum move move = is_abandoned(x) ? BROKE : MOVED;

	loop_disarm(&x->again);
	for (int i = 0; i < ROUNDS && move == MOVED; i++) {
		const enum move moves[] = { send_reply(x), carry(x, TLS_INSIDE), send_rest(x),
					    carry(x, TLS_UPSTREAM), turn_page(x) };

		move = STILL;
		for (size_t k = 0; k < ARRAY_SIZE(moves); k++)
			move = moves[k] > move ? moves[k] : move;
	}
	if (look_for_end(x, move == BROKE))
		return false;
	if (move == MOVED)
		loop_arm(x->loop, &x->again, 0);
	ends_watch(x->ends, (const bool[]){ can_take(x, TLS_INSIDE), can_take(x, TLS_UPSTREAM) });
	return true;
}

void exchange1_verdict(struct exchange1 *x, unsigned status, struct span text)
{
	if (x->up != UP_ASKED)
		return;
	inject_free(x->inject);
	x->inject = NULL;
	x->up = UP_GO;
	if (status == 0) {
		x->allowed = true;
		x->end = (struct exchange1_end){ 0 };
		x->interims = 0;
	}
	if (status == 0 && inject_new(&x->inject, text) < 0) {
		x->end.status = status = 503;
		x->end.why = "its secrets could not be read";
		text = span_of(x->end.why);
	}
	bool too_long = status == 0 && exchange1_is_over_cap(x, TLS_INSIDE, x->body_octets);
	if (status == 0 && !too_long)
		return;
	buf_drop(&x->left[TLS_INSIDE], x->head_octets);
	x->unread = x->bodied;
	x->last = x->last || x->bodied;
	if (too_long)
		exchange1_refuse_cap(x, TLS_INSIDE);
	else
		exchange1_answer(x, status, text, x->asked.method == HTTP1_HEAD);
}

bool exchange1_is_brisk(const struct exchange1 *x)
{
	/* a reader of the last response may be slow, and owes nothing until it has it */
	return (x->up == UP_DRAIN && x->ends->closed[TLS_INSIDE]) || x->up == UP_ASKED ||
	       (x->up == UP_HEAD && buf_len(&x->left[TLS_INSIDE]) > 0);
}

void exchange1_start(struct exchange1 *x)
{
	x->fresh = true;
	x->again.fired = step_again;
	for (int i = 0; i < TLS_SIDES; i++)
		x->left[i] =
		    x->secrets ? BUF_SECRET(EXCHANGE1_IN_OCTETS) : BUF(EXCHANGE1_IN_OCTETS);
}

void exchange1_stop(struct exchange1 *x)
{
	end_request(x, false);
	loop_disarm(&x->again);
	buf_free(&x->left[TLS_INSIDE]);
	buf_free(&x->left[TLS_UPSTREAM]);
	buf_free(&x->reply);
	change_end(x, TLS_INSIDE);
	change_end(x, TLS_UPSTREAM);
	websocket_free(&x->websocket);
	inject_free(x->inject);
	x->inject = NULL;
}
