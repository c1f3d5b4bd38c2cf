/* SPDX-License-Identifier: Apache-2.0 */
/* exchange2_priv - what the parts of exchange2 share. One thread: the rooms are used within one call. */
#ifndef GATEWAY_EXCHANGE2_PRIV_H
#define GATEWAY_EXCHANGE2_PRIV_H

#include "gateway/exchange2_change.h"

enum {
	EXCHANGE2_OUT_OCTETS = ENDS_WRITE_OCTETS_MAX,
	EXCHANGE2_FRAME_OCTETS =
	    16 * 1024 + 9 + 256, /* the longest that is written: RFC 9113 4.2 */
};

/* What a step writes to one side. */
struct exchange2_outlet {
	size_t len;
	char octets[EXCHANGE2_OUT_OCTETS];
};

extern struct exchange2_outlet exchange2_outlet;

static inline enum tls_side exchange2_other(enum tls_side side)
{
	return side == TLS_INSIDE ? TLS_UPSTREAM : TLS_INSIDE;
}

/* exchange2_head_octets() - names and values */
static inline uint64_t exchange2_head_octets(const struct http2_block *block)
{
	return block->size - 32 * (uint64_t)block->count;
}

/* exchange2_session() - the session with @side, its settings waiting to be sent. Return: NULL: no memory */
nghttp2_session *exchange2_session(struct exchange2 *x, enum tls_side side);

/* exchange2_spend_interim() - may the server say one more thing before a response? */
MUST_USE bool exchange2_spend_interim(struct exchange2 *x);

/* exchange2_calm_down() - @side had too much: GOAWAY */
void exchange2_calm_down(struct exchange2 *x, enum tls_side side, const char *why);

/* exchange2_stream_new() - for the program's @id. Return: NULL: no memory */
struct exchange2_stream *exchange2_stream_new(struct exchange2 *x, int32_t id);

/* exchange2_stream_free() - tell its owner how it ended, and forget it */
void exchange2_stream_free(struct exchange2_stream *s);

/* exchange2_stream_of() - NULL: it is none of ours any more */
struct exchange2_stream *exchange2_stream_of(struct exchange2 *x, enum tls_side side, int32_t id);

/* exchange2_break() - reset it on both sides. @why: static, for the record; NULL: the first reason stays */
void exchange2_break(struct exchange2_stream *s, uint32_t code, const char *why);

/* exchange2_blame() - as exchange2_break(), for what the program did wrong; reported */
void exchange2_blame(struct exchange2_stream *s, unsigned status, const char *why);

/* exchange2_forbid() - it holds a placeholder that may not go out, and goes no further. @why: static */
void exchange2_forbid(struct exchange2_stream *s, const char *why);

/* exchange2_came() - octets of a body from @side. */
void exchange2_came(struct exchange2_stream *s, enum tls_side side, struct span data);

/* exchange2_waiting_octets() - of all exchanges: that came, and are not paid for or gone */
MUST_USE size_t exchange2_waiting_octets(void);

/* exchange2_unwanted() - the same of what was dropped */
void exchange2_unwanted(struct exchange2_stream *s, enum tls_side side, size_t len);

/* exchange2_ended() - @side has said all it had to */
void exchange2_ended(struct exchange2_stream *s, enum tls_side side);

/* exchange2_drop() - what comes from @side is wanted no more */
void exchange2_drop(struct exchange2_stream *s, enum tls_side side);

/* exchange2_closed() - there is no such stream on @side any more. @code: 0: it ended in order */
void exchange2_closed(struct exchange2_stream *s, enum tls_side side, uint32_t code);

/* exchange2_said_all() - the program has got the end of its response */
void exchange2_said_all(struct exchange2_stream *s);

/* exchange2_answer() - with our own response; nothing of the request has gone out */
void exchange2_answer(struct exchange2_stream *s, unsigned status, struct span why);

/* exchange2_is_over_cap() - is a body of @length octets from @side longer than it may be? exchange2_over_cap() - it
 * is: answer, if nothing of a response has gone out, else break it off */
MUST_USE bool exchange2_is_over_cap(const struct exchange2_stream *s, enum tls_side side,
				    uint64_t length);
void exchange2_over_cap(struct exchange2_stream *s, enum tls_side side);

/* exchange2_refuse_known() - before an allowed request goes out: is its body known to be too long? Then it is
 * answered. */
MUST_USE bool exchange2_refuse_known(struct exchange2_stream *s);

/* exchange2_offers_deflate() - does a field say so? */
MUST_USE bool exchange2_offers_deflate(const struct http2_fields *fields);

/* exchange2_watch() - @data of a WebSocket came from @side. Return: false: it goes no further, nor does the stream */
MUST_USE bool exchange2_watch(struct exchange2_stream *s, enum tls_side side, struct span data);

/* exchange2_vector() - the fields of @list as the library wants them. Valid until the next call. */
const nghttp2_nv *exchange2_vector(const struct http2_list *list);

/* exchange2_head_waits() - @list was submitted for @to */
void exchange2_head_waits(struct exchange2 *x, enum tls_side to, const struct http2_list *list);

/* exchange2_read_body(), exchange2_send_body() - callbacks: what is to be sent of a body */
ssize_t exchange2_read_body(nghttp2_session *session, int32_t id, uint8_t *room, size_t length,
			    uint32_t *flags, nghttp2_data_source *source, void *context);
int exchange2_send_body(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head,
			size_t length, nghttp2_data_source *source, void *context);

/* exchange2_up() - the head of a request, or trailers, are whole: s->head, s->way[].trailers */
void exchange2_up(struct exchange2_stream *s, bool ended);
void exchange2_up_trailers(struct exchange2_stream *s, bool ended);
/* exchange2_go() - it is allowed */
void exchange2_go(struct exchange2_stream *s);

/* exchange2_down() - the same of a response */
void exchange2_down(struct exchange2_stream *s, bool ended);
void exchange2_down_trailers(struct exchange2_stream *s, bool ended);

/* exchange2_leave() - tell the program to open no more streams */
void exchange2_leave(struct exchange2 *x);

#endif
