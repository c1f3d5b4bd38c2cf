/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http1 - heads of HTTP/1.1 messages as hostile peers send them (RFC 9110, 9112).
 *
 * What is not exactly the grammar is refused, never repaired: a message we forward must mean the
 * same to us and to the next one who reads it. Where the RFCs leave a choice, the stricter one is
 * taken; docs/http1.md lists them. Nothing here allocates or copies: spans borrow from the caller's
 * input and live as long as it does. http1_body.h reads what follows a head, http1_path.h makes
 * the one form of a path, http1_write.h writes.
 */
#ifndef WIRE_HTTP1_H
#define WIRE_HTTP1_H

#include "base/base.h"
#include "wire/http1_fault.h"

enum {
	HTTP1_FIELDS_MAX = 128,
	HTTP1_METHOD_OCTETS_MAX = 32, /* the longest registered is UPDATEREDIRECTREF, 17 */
	HTTP1_HOST_OCTETS = 254, /* room for a name with its NUL: 253 (RFC 1035 section 2.3.4) */
};

/* What a step came to. Nothing but DONE (and DATA, see http1_body.h) may be acted on. */
enum http1_step {
	HTTP1_REFUSED = 0, /* for good; the fault says why */
	HTTP1_MORE,        /* sound so far; come again with the same input and more after it */
	HTTP1_DATA,
	HTTP1_DONE,
};

/* The first of these that is exceeded refuses the message. */
struct http1_limits {
	size_t head_octets_max;   /* start line, fields and the empty line */
	size_t target_octets_max; /* of a request */
	unsigned fields_max;      /* at most HTTP1_FIELDS_MAX; holds for trailers, too */
	size_t trailer_octets_max;
	uint64_t body_octets_max; /* without chunk heads */
};

/* 64 KiB, 16 KiB, 128 fields, 8 KiB, 2^63-1: what servers in use accept, or a little more */
extern const struct http1_limits http1_limits_default;

/* How far the search for the end of a head went. Zero it before each message. */
struct http1_scan {
	size_t seen; /* octets without an end of head */
	size_t line; /* offset of the line that goes on there */
};

/* Fields that this codec itself acts on. */
enum http1_name {
	HTTP1_OTHER = 0,
	HTTP1_CONNECTION,
	HTTP1_CONTENT_LENGTH,
	HTTP1_EXPECT,
	HTTP1_HOST,
	HTTP1_KEEP_ALIVE,
	HTTP1_PROXY_AUTHENTICATE,
	HTTP1_PROXY_AUTHORIZATION,
	HTTP1_PROXY_CONNECTION,
	HTTP1_TE,
	HTTP1_TRAILER,
	HTTP1_TRANSFER_ENCODING,
	HTTP1_UPGRADE,
	HTTP1_WEBSOCKET_ACCEPT,
	HTTP1_WEBSOCKET_KEY,
	HTTP1_WEBSOCKET_VERSION,
	HTTP1_NAMES,
};

struct http1_field {
	struct span name;  /* a token, as it came */
	struct span value; /* no blanks at its ends, no control character but tabs */
	enum http1_name id;
	bool hop; /* meant for us only: by its name, or because Connection names it */
};

struct http1_fields {
	unsigned count;
	uint8_t times[HTTP1_NAMES]; /* how often it occurs; of HTTP1_OTHER, too */
	uint8_t first[HTTP1_NAMES]; /* where in at[], if it does */
	struct http1_field at[HTTP1_FIELDS_MAX];
};

/* http1_field_value() - the value of the first field @id; ptr is NULL if there is none */
static inline struct span http1_field_value(const struct http1_fields *fields, enum http1_name id)
{
	return fields->times[id] > 0 ? fields->at[fields->first[id]].value : (struct span){ 0 };
}

enum http1_host {
	HTTP1_HOST_ABSENT = 0,
	HTTP1_HOST_NAME,
	HTTP1_HOST_IPV4,
	HTTP1_HOST_IPV6,
};

/* The one form of a host: judge, dial and send this, not what came. */
struct http1_authority {
	enum http1_host kind;
	uint16_t port;                /* 0: none given */
	char host[HTTP1_HOST_OCTETS]; /* name in lower case; address as inet_ntop() has it, no [] */
};

/**
 * http1_authority_read() - host and perhaps port, and nothing else: no user, no '%', no final dot
 *
 * A host whose last label is a number is an address in its usual form or refused: no resolver gets
 * to make 127.0.0.1 of 0x7f.1.
 */
MUST_USE bool http1_authority_read(struct http1_authority *ret, struct span text);

enum http1_method {
	HTTP1_METHOD_OTHER = 0,
	HTTP1_CONNECT,
	HTTP1_DELETE,
	HTTP1_GET,
	HTTP1_HEAD,
	HTTP1_OPTIONS,
	HTTP1_PATCH,
	HTTP1_POST,
	HTTP1_PUT,
};

/* Forms of a request's target (RFC 9112 section 3.2). */
enum http1_form {
	HTTP1_ORIGIN,    /* /path?query */
	HTTP1_ABSOLUTE,  /* http://authority/path?query */
	HTTP1_AUTHORITY, /* host:port, of CONNECT only */
	HTTP1_ASTERISK,  /* *, of OPTIONS only */
};

/* How the end of a body is known (RFC 9112 section 6.3). */
enum http1_framing {
	HTTP1_BODY_NONE = 0,
	HTTP1_BODY_LENGTH,
	HTTP1_BODY_CHUNKED,
	HTTP1_BODY_CLOSE,  /* up to the end of the connection; responses only */
	HTTP1_BODY_TUNNEL, /* no HTTP any more: after 101 and 2xx to CONNECT; responses only */
};

struct http1_request {
	enum http1_fault fault; /* if refused; else the rest is set */
	size_t head_octets;     /* of the input; the body or the next message begins there */
	enum http1_method method;
	struct span method_text;
	enum http1_form form;
	struct span target;
	struct span origin; /* path and query for http1_path_read(); of ABSOLUTE perhaps "" */
	bool https;         /* of ABSOLUTE */
	/* The target's if it has one, else Host's. If both name one they agree, or the request is
	 * refused (421), although RFC 9112 section 3.2.2 would have a proxy ignore Host. ABSENT is
	 * possible in HTTP/1.0 only. */
	struct http1_authority authority;
	uint8_t minor;         /* HTTP/1.minor: 0 or 1 */
	bool persistent;       /* another request may follow; never in HTTP/1.0 */
	bool expects_continue; /* the body is sent after a 100 (or after a while) */
	bool websocket;        /* a whole request for WebSocket; other upgrades are ignored */
	bool takes_trailers;   /* TE: trailers */
	enum http1_framing framing;
	uint64_t length; /* of BODY_LENGTH */
	struct http1_fields fields;
};

/**
 * http1_request_read() - read the head of a request
 * @ret:	written also if there is no head yet; means nothing then
 * @scan:	carries on between calls for one message; zero at first
 * @input:	begins with the message's first octet; may go on behind its head
 *
 * Return: HTTP1_DONE, HTTP1_MORE, HTTP1_REFUSED (ret->fault is set, nothing else).
 */
MUST_USE enum http1_step http1_request_read(struct http1_request *ret, struct http1_scan *scan,
					    struct span input, const struct http1_limits *limits);

/* What a response must fit; take it from the request. */
struct http1_asked {
	enum http1_method method;
	bool websocket;
};

struct http1_response {
	enum http1_fault fault; /* if refused; whatever it is, a proxy answers 502 */
	size_t head_octets;
	unsigned status;    /* 100 to 999 */
	struct span reason; /* may be empty */
	uint8_t minor;
	bool interim;    /* 1xx but 101: no body, and another response follows */
	bool persistent; /* the connection can carry another exchange after the body */
	enum http1_framing framing;
	/* What the fields say. Differs from framing for HEAD, 204 and 304, where a length is told
	 * and no body follows. */
	enum http1_framing announced;
	uint64_t length; /* if announced is BODY_LENGTH */
	struct http1_fields fields;
};

/* http1_response_read() - read the head of a response. Everything else as in http1_request_read(). */
MUST_USE enum http1_step http1_response_read(struct http1_response *ret, struct http1_scan *scan,
					     struct span input, struct http1_asked asked,
					     const struct http1_limits *limits);

#endif
