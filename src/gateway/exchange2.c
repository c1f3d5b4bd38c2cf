// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a step reads what there is from either side into a room that all exchanges share, and
 * feeds it to that side's session; what this makes the sessions say is gathered into writes as large as may
 * be. An idle exchange holds its two sessions and no buffer.
 */
#include "gateway/exchange2_priv.h"

#include <errno.h>

enum {
	IN_OCTETS = 64 * 1024,
	ROUNDS = 16, /* then other flows have their turn */
	DRAIN_OCTETS_MAX = 1024 * 1024,
	HEADS_OCTETS_MANY = 256 * 1024, /* then a server is not read that might say more of them */
	QUEUE_MAX = 1000, /* frames that wait: then what would make more of them is not read */
};

enum move { STILL, MOVED, BROKE };

struct exchange2_outlet exchange2_outlet;
static char room[IN_OCTETS];

/* The end of the server, or of its session. */

void exchange2_leave(struct exchange2 *x)
{
	nghttp2_session *session = x->session[TLS_INSIDE];

	if (x->leaving)
		return;
	x->leaving = true;
	(void)nghttp2_submit_goaway(session, NGHTTP2_FLAG_NONE,
				    nghttp2_session_get_last_proc_stream_id(session),
				    NGHTTP2_NO_ERROR, NULL, 0);
}

static void orphan(struct exchange2_stream *s)
{
	s->id[TLS_UPSTREAM] = 0;
	if (s->way[TLS_UPSTREAM].ended) {
		exchange2_closed(s, TLS_UPSTREAM, NGHTTP2_NO_ERROR);
	} else if (s->responded) {
		exchange2_closed(s, TLS_UPSTREAM, NGHTTP2_INTERNAL_ERROR);
	} else {
		s->end.status = 502;
		s->end.why = "the server closed the connection without a response";
		exchange2_answer(s, 502, span_of(s->end.why));
	}
}

static void lose_server(struct exchange2 *x)
{
	struct list_node *node = x->streams.head.next, *next = NULL;

	nghttp2_session_del(x->session[TLS_UPSTREAM]);
	x->session[TLS_UPSTREAM] = NULL;
	x->block[TLS_UPSTREAM] = NULL;
	x->lost = true;
	for (; node != &x->streams.head; node = next) {
		struct exchange2_stream *s = container_of(node, struct exchange2_stream, node);

		next = node->next;
		if (s->id[TLS_UPSTREAM] != 0)
			orphan(s);
	}
	exchange2_leave(x);
}

/* Moves. */

static bool wants(const struct exchange2 *x, enum tls_side from)
{
	if (x->seeing_off)
		return from == TLS_INSIDE;
	if (x->session[from] == NULL || (from == TLS_UPSTREAM && x->heads > HEADS_OCTETS_MANY))
		return false;
	for (int i = 0; i < TLS_SIDES; i++)
		if (x->session[i] != NULL &&
		    nghttp2_session_get_outbound_queue_size(x->session[i]) > QUEUE_MAX)
			return false;
	return true;
}

static enum move feed(struct exchange2 *x, enum tls_side from, struct span octets)
{
	ssize_t n =
	    nghttp2_session_mem_recv(x->session[from], (const uint8_t *)octets.ptr, octets.len);

	if (n >= 0)
		return MOVED;
	x->owner->refused(x, from == TLS_INSIDE ? 400 : 502, nghttp2_strerror((int)n));
	if (from == TLS_INSIDE)
		return BROKE;
	x->lost = true;
	return MOVED;
}

/* pull() - read from @from once */
static enum move pull(struct exchange2 *x, enum tls_side from)
{
	size_t len = 0;

	if (!wants(x, from))
		return STILL;
	if (from == TLS_INSIDE && buf_len(&x->first) > 0) {
		enum move move = feed(x, from, buf_span(&x->first));

		buf_free(&x->first);
		return move;
	}
	if (ends_read(&len, x->ends, from, room, sizeof(room)) != TLS_DONE)
		return STILL;
	enum move move = x->seeing_off ? MOVED : feed(x, from, (struct span){ room, len });
	x->drained += x->seeing_off ? len : 0;
	if (x->secrets)
		explicit_bzero(room, len);
	return move;
}

/* gather() - frames for @to into the outlet. Return: false: a fault of ours, or no memory */
static bool gather(nghttp2_session *session)
{
	struct exchange2_outlet *out = &exchange2_outlet;
	const uint8_t *frame = NULL;

	out->len = 0;
	while (sizeof(out->octets) - out->len >= EXCHANGE2_FRAME_OCTETS) {
		size_t before = out->len; /* bodies put themselves there, a frame a call */
		ssize_t n = nghttp2_session_mem_send(session, &frame);

		if (n < 0 || (size_t)n > sizeof(out->octets) - out->len)
			return false;
		if (n > 0)
			memcpy(out->octets + out->len, frame, (size_t)n);
		out->len += (size_t)n;
		if (out->len == before)
			break;
	}
	return true;
}

/* push() - write to @to once */
static enum move push(struct exchange2 *x, enum tls_side to)
{
	nghttp2_session *session = x->session[to];

	if (session == NULL || x->seeing_off || (to == TLS_UPSTREAM && x->unheard)) {
		(void)!ends_flush(x->ends, to); /* else it is told for ever that there is room */
		return STILL;
	}
	enum tls_result r = ends_flush(x->ends, to);
	if (r == TLS_WANT_WRITE || (r == TLS_DONE && nghttp2_session_want_write(session) == 0))
		return STILL;
	bool sound = r != TLS_DONE || gather(session);
	if (r == TLS_DONE && sound)
		r = ends_write(x->ends, to,
			       (struct span){ exchange2_outlet.octets, exchange2_outlet.len });
	if (x->secrets)
		explicit_bzero(exchange2_outlet.octets, exchange2_outlet.len);
	if (sound && r == TLS_DONE)
		return exchange2_outlet.len > 0 ? MOVED : STILL;
	if (to == TLS_INSIDE || !sound)
		return BROKE;
	x->unheard = true; /* what it has said may still be there */
	return MOVED;
}

/* is_over() - has the session with @side nothing more to do? */
static bool is_over(const struct exchange2 *x, enum tls_side side)
{
	nghttp2_session *session = x->session[side];

	return nghttp2_session_want_read(session) == 0 && nghttp2_session_want_write(session) == 0;
}

/* settle() - what the moves have led to. Return: was there anything? */
static enum move settle(struct exchange2 *x)
{
	if (x->seeing_off)
		return STILL;
	if (x->session[TLS_UPSTREAM] != NULL &&
	    (x->lost || x->ends->ended[TLS_UPSTREAM] != 0 || is_over(x, TLS_UPSTREAM))) {
		lose_server(x);
		return MOVED;
	}
	if (!is_over(x, TLS_INSIDE))
		return STILL;
	x->seeing_off = true;
	return MOVED;
}

/* look_for_end() - Return: the exchange is over, and the owner told */
static bool look_for_end(struct exchange2 *x, bool broke)
{
	unsigned ended = x->ends->ended[TLS_INSIDE];
	bool idle = x->stream_count == 0;
	bool over = ended != 0;

	if (x->seeing_off)
		over = ends_close(x->ends, TLS_INSIDE) != TLS_WANT_WRITE &&
		       (over || x->drained > DRAIN_OCTETS_MAX);
	if (!over && !broke)
		return false;
	exchange2_stop(x);
	x->dead = true;
	x->owner->over(x, !broke && ended == TLS_CLOSED && idle);
	return true;
}

static void step_again(struct loop_timer *timer)
{
	struct exchange2 *x = container_of(timer, struct exchange2, again);

	x->owner->again(x);
}

/* move_all() - in the order in which octets go round, what they led to at last */
static enum move move_all(struct exchange2 *x)
{
	enum move most = pull(x, TLS_INSIDE);

	for (int i = 0; i < 4 && most != BROKE; i++) {
		enum move one = i == 0   ? push(x, TLS_UPSTREAM)
				: i == 1 ? pull(x, TLS_UPSTREAM)
				: i == 2 ? push(x, TLS_INSIDE)
					 : settle(x);

		most = one > most ? one : most;
	}
	return most;
}

bool exchange2_step(struct exchange2 *x)
{
	enum move move = MOVED;

	loop_disarm(&x->again);
	for (int i = 0; i < ROUNDS && move == MOVED; i++)
		move = move_all(x);
	if (look_for_end(x, move == BROKE))
		return false;
	if (move == MOVED)
		loop_arm(x->loop, &x->again, 0);
	ends_watch(x->ends, (const bool[]){ wants(x, TLS_INSIDE), wants(x, TLS_UPSTREAM) });
	return true;
}

void exchange2_verdict(struct exchange2_stream *s, unsigned status, struct span text)
{
	struct exchange2 *x = s->exchange;

	if (s->state != STREAM_ASKED)
		return;
	x->asked--;
	x->verdicts++;
	s->state = STREAM_OPEN;
	s->allowed = status == 0;
	if (s->allowed && inject_new(&s->inject, text) < 0) {
		s->end.status = status = 503;
		s->end.why = "its secrets could not be read";
		text = span_of(s->end.why);
	}
	if (s->broken || (status == 0 && exchange2_refuse_known(s)))
		return;
	if (status == 0)
		exchange2_go(s);
	else
		exchange2_answer(s, status, text);
}

bool exchange2_is_brisk(struct exchange2 *x)
{
	bool head = x->block[TLS_INSIDE] != NULL && x->blocks == x->paced_blocks;
	bool asked = x->asked > 0 && x->verdicts == x->paced_verdicts;

	x->paced_blocks = x->blocks;
	x->paced_verdicts = x->verdicts;
	return head || asked || !x->settled || x->seeing_off;
}

int exchange2_start(struct exchange2 *x, struct span first)
{
	list_init(&x->streams);
	x->again.fired = step_again;
	x->first = BUF(IN_OCTETS);
	int r = buf_append(&x->first, first);
	x->session[TLS_INSIDE] = exchange2_session(x, TLS_INSIDE);
	if (x->ends->fd[TLS_UPSTREAM] >= 0)
		x->session[TLS_UPSTREAM] = exchange2_session(x, TLS_UPSTREAM);
	if (r == 0 && x->session[TLS_INSIDE] != NULL &&
	    (x->session[TLS_UPSTREAM] != NULL || x->ends->fd[TLS_UPSTREAM] < 0))
		return 0;
	exchange2_stop(x);
	return -ENOMEM;
}

void exchange2_stop(struct exchange2 *x)
{
	struct list_node *first = NULL;

	loop_disarm(&x->again);
	while ((first = list_first(&x->streams)) != NULL)
		exchange2_stream_free(container_of(first, struct exchange2_stream, node));
	for (int i = 0; i < TLS_SIDES; i++) {
		nghttp2_session_del(x->session[i]);
		x->session[i] = NULL;
	}
	buf_free(&x->first);
}
