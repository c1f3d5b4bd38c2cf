// SPDX-License-Identifier: Apache-2.0
#include "wire/http1_priv.h"

#define NAME(text, id, hop)                     \
	{                                       \
		text, sizeof(text) - 1, id, hop \
	}

/*
 * known[] - what we act on; none of it may be a trailer. One hop: RFC 9110 section 7.6.1; and
 * Proxy-Auth*, which is between a client and its proxy (section 11.7), and that is us.
 */
static const struct http1_known known[] = {
	/* clang-format off */
	NAME("connection", HTTP1_CONNECTION, true),
	NAME("content-length", HTTP1_CONTENT_LENGTH, false),
	NAME("expect", HTTP1_EXPECT, false),
	NAME("host", HTTP1_HOST, false),
	NAME("keep-alive", HTTP1_KEEP_ALIVE, true),
	NAME("proxy-authenticate", HTTP1_PROXY_AUTHENTICATE, true),
	NAME("proxy-authorization", HTTP1_PROXY_AUTHORIZATION, true),
	NAME("proxy-connection", HTTP1_PROXY_CONNECTION, true),
	NAME("sec-websocket-accept", HTTP1_WEBSOCKET_ACCEPT, false),
	NAME("sec-websocket-key", HTTP1_WEBSOCKET_KEY, false),
	NAME("sec-websocket-version", HTTP1_WEBSOCKET_VERSION, false),
	NAME("te", HTTP1_TE, true),
	NAME("trailer", HTTP1_TRAILER, false),
	NAME("transfer-encoding", HTTP1_TRANSFER_ENCODING, true),
	NAME("upgrade", HTTP1_UPGRADE, true),
	/* clang-format on */
};

static const struct http1_known other = { "", 0, HTTP1_OTHER, false };

/* Further fields that are no trailers (RFC 9110 section 6.5.1): routing, authentication, control,
 * and what says how to read the content. */
static const char *const head_only[] = {
	/* clang-format off */
	"age", "authentication-info", "authorization", "cache-control", "content-encoding",
	"content-range", "content-type", "cookie", "date", "expires", "forwarded", "http2-settings",
	"if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since",
	"location", "max-forwards", "origin", "pragma", "proxy-authentication-info", "range",
	"retry-after", "sec-websocket-extensions", "sec-websocket-protocol", "set-cookie", "vary",
	"via", "warning", "www-authenticate", "x-forwarded-for", "x-forwarded-host",
	"x-forwarded-proto",
	/* clang-format on */
};

static char fold(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c - 'A' + 'a');
	if (c == '_') /* CGI and its heirs take one for the other */
		return '-';
	return c;
}

/* Most fields are of no known length, which one test tells. */
enum {
	KNOWN_OCTETS_MAX = 21,
	KNOWN_LENGTHS = 1 << 2 | 1 << 4 | 1 << 6 | 1 << 7 | 1 << 10 | 1 << 14 | 1 << 16 | 1 << 17 |
			1 << 18 | 1 << 19 | 1 << 20 | 1 << 21,
};

static bool folds_to(struct span name, const char *text)
{
	for (size_t i = 0; i < name.len; i++)
		if (fold(name.ptr[i]) != text[i])
			return false;
	return true;
}

const struct http1_known *http1_name_find(struct span name)
{
	if (name.len > KNOWN_OCTETS_MAX || (KNOWN_LENGTHS >> name.len & 1) == 0)
		return &other;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (known[i].octets == name.len && folds_to(name, known[i].text))
			return &known[i];
	return &other;
}

bool http1_name_is_alias(struct span name, const struct http1_known *as)
{
	return as->id != HTTP1_OTHER && memchr(name.ptr, '_', name.len) != NULL;
}

bool http1_name_is_trailer(struct span name)
{
	for (size_t i = 0; i < ARRAY_SIZE(head_only); i++)
		if (strlen(head_only[i]) == name.len && folds_to(name, head_only[i]))
			return false;
	return http1_name_find(name)->id == HTTP1_OTHER;
}
