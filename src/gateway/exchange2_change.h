/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exchange2_change - placeholders and secrets in what exchange2 carries, as inject.h says, a stream at a time.
 *
 * A body that may be changed is held until it is asked for, and is then searched as far as there is room;
 * one that may not be changed is searched as it comes.
 */
#ifndef GATEWAY_EXCHANGE2_CHANGE_H
#define GATEWAY_EXCHANGE2_CHANGE_H

#include "gateway/exchange2.h"

/* For sessions in whose memory values are: what is freed is wiped. */
nghttp2_mem *change2_memory(void);

/**
 * change2_request() - put secrets into its head; look for placeholders in its body from now on
 *
 * What is put borrows from a room that change2_wipe() wipes. Return: NULL; else why nothing of it may go
 * out, static.
 */
MUST_USE const char *change2_request(struct exchange2_stream *s, struct http2_request *request);

/* change2_mark() - what is secret in @list is kept by no table of HPACK */
void change2_mark(struct http2_list *list);

/* change2_response() - hide secrets in its head, and from now on in its body, of which there is @some. Room as
 * above. Return: false: no room, or no memory */
MUST_USE bool change2_response(struct exchange2_stream *s, struct http2_response *response,
			       bool some);

/* change2_trailers() - those that came from @from. Room as above. Return: false: they may not go on */
MUST_USE bool change2_trailers(const struct exchange2_stream *s, enum tls_side from,
			       struct http2_fields *trailers);

void change2_wipe(void);

/* change2_take() - octets of a body. Return: 0; -EPERM: *why they may not go on; -ENOMEM */
MUST_USE int change2_take(struct exchange2_way *way, const char **why, struct span data);

/* change2_holds() - is it a body that is held? change2_held() - so many octets */
MUST_USE bool change2_holds(const struct exchange2_way *way);
MUST_USE size_t change2_held(const struct exchange2_way *way);

/* change2_waits() - is there more than that, for which there was no room? */
MUST_USE bool change2_waits(const struct exchange2_way *way);

/* change2_fill() - from what is held to way->data. Return: octets that are done with; *why: the rest may not
 * go on, static */
size_t change2_fill(struct exchange2_way *way, const char **why);

/* change2_clear() - free way->data, which may hold values */
void change2_clear(struct exchange2_way *way);

/* change2_drop() - forget the body that @way has, and stop looking for anything */
void change2_drop(struct exchange2_way *way);

#endif
