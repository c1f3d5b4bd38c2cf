/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inject - secrets in place of their placeholders on the way out, and placeholders in place of secrets on
 * the way in. Pure functions on names and values: whichever version of HTTP they come from.
 *
 * A placeholder is found in its plain form and with any of its characters %-encoded, in a Basic
 * credential also within the base64. One that may not stand where it is refuses the request; none is
 * passed on. In a URL a value is %-encoded, and where the placeholder itself was; in JSON its quotes and
 * backslashes are escaped.
 *
 * Back from the server, each value that this host may know is hidden, as itself and as it was encoded.
 */
#ifndef GATEWAY_INJECT_H
#define GATEWAY_INJECT_H

#include "wire/substitution.h"

enum {
	/* the longest that is looked for in a response: a Basic credential, or a value, %-encoded */
	INJECT_TEXT_OCTETS_MAX = 64 * 1024,
};

/* What one request may have: NULL: nothing. It keeps copies, wiped when it is freed. */
struct inject;

enum inject_verdict {
	INJECT_REFUSED = 0, /* *why says why, static */
	INJECT_AS_IS,
	INJECT_CHANGED,
};

/* Octets the caller lends, and wipes. */
struct inject_room {
	char *ptr;
	size_t size, used;
};

enum inject_form { INJECT_PLAIN, INJECT_PERCENT, INJECT_JSON };

/* inject_new() - @data as in a REQUEST; @ret: NULL if that is empty. Return: 0; -EPROTO; -ENOMEM. */
MUST_USE int inject_new(struct inject **ret, struct span data);
void inject_free(struct inject *inject); /* NULL is fine */

/* inject_has() - may any secret stand there? @where: of enum substitution_where */
MUST_USE bool inject_has(const struct inject *inject, unsigned where);

/* inject_finds() - is there a placeholder in it? */
MUST_USE bool inject_finds(struct span text);

/* inject_field() - a field of a request's head; @ret borrows from @room, or is @value */
MUST_USE enum inject_verdict inject_field(struct span *ret, const char **why, struct inject *inject,
					  struct inject_room *room, struct span name,
					  struct span value);

/* inject_target() - path and query of a request: @text, whose path is @path */
MUST_USE enum inject_verdict inject_target(struct span *ret, const char **why,
					   const struct inject *inject, struct inject_room *room,
					   struct span path, struct span text);

/* inject_changes_body() - may a body of that content type be changed on its way out? Messages of gRPC, whose
 * lengths are said within them, may not. */
MUST_USE bool inject_changes_body(const struct inject *inject, struct span content_type);

/* A body that goes out as it is. */
struct inject_scan {
	const struct inject *inject; /* borrowed */
	const char *why;             /* a placeholder was found: refused; static */
	size_t tail_len;
	char tail[3 * SUBSTITUTION_PLACEHOLDER_OCTETS]; /* the begin of one, which is out already */
};

/* inject_scan() - the next octets. Return: false: they shall not go out */
MUST_USE bool inject_scan(struct inject_scan *scan, struct span data);

/* inject_skips_field() - a request with secrets goes without it, or the response could hide them: in
 * pieces, or compressed */
MUST_USE bool inject_skips_field(const struct inject *inject, struct span name);

/* inject_hide() - the value of a response's field. Return: AS_IS, CHANGED; REFUSED: no room */
MUST_USE enum inject_verdict inject_hide(struct span *ret, const struct inject *inject,
					 struct inject_room *room, struct span value);

/* inject_shows_name() - is there a secret in the name of a response's field, in whatever case? */
MUST_USE bool inject_shows_name(const struct inject *inject, struct span name);

/* inject_form_of() - how a body of that content type wants values; inject_is_text() - is it text? An
 * empty type is, gRPC is not. */
enum inject_form inject_form_of(struct span content_type);
MUST_USE bool inject_is_text(struct span content_type);

/* A body on its way. */
struct inject_body {
	const struct inject *inject; /* borrowed */
	bool hide;                   /* of a response; else of a request */
	enum inject_form form;       /* of a request */
	bool full;                   /* the last call stopped for want of room */
	const char *why;             /* refused */
};

/**
 * inject_body() - the next octets
 * @room:	what comes out is put there
 * @last:	nothing follows @in
 *
 * Return: octets of @in that are done with; what is left must come again, with more behind it.
 */
size_t inject_body(struct inject_body *body, struct inject_room *room, struct span in, bool last);

#endif
