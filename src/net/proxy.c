// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: what precedes the last "@" is user and password, what follows is judged as a
 * host and a port by those who know (net/pattern.h). NO_PROXY is walked anew for each host: it is
 * short, and so there is nothing to keep in step.
 */
#include "net/proxy.h"

#include "net/pattern.h"

/* digit() - the value of a hexadecimal digit; -1: it is none */
static int digit(char c)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	const char *at = c != '\0' ? strchr(digits, c) : NULL;

	if (at == NULL)
		return -1;
	return (int)(at - digits) < 16 ? (int)(at - digits) : (int)(at - digits) - 6;
}

/* decode_one() - an octet of @text, %-encoded or not. Return: octets taken; 0: it is malformed. */
static size_t decode_one(unsigned char *ret, struct span text)
{
	if (text.ptr[0] != '%') {
		*ret = (unsigned char)text.ptr[0];
		return 1;
	}
	int high = text.len > 2 ? digit(text.ptr[1]) : -1;
	int low = text.len > 2 ? digit(text.ptr[2]) : -1;

	if (high < 0 || low < 0)
		return 0;
	*ret = (unsigned char)(high * 16 + low);
	return 3;
}

/* decode() - append @text to proxy->user */
static const char *decode(struct proxy *proxy, size_t *len, struct span text)
{
	while (text.len > 0) {
		unsigned char c = 0;
		size_t octets = decode_one(&c, text);

		if (octets == 0)
			return "a \"%\" in user or password is not followed by two hexadecimal "
			       "digits";
		if (c < ' ' || c == 0x7f)
			return "user or password hold a control character";
		if (*len + 1 >= sizeof(proxy->user))
			return "user and password are longer than 511 octets";
		proxy->user[(*len)++] = (char)c;
		text = span_drop(text, octets);
	}
	return NULL;
}

/* parse_user() - the colon between the two is the first; a user cannot hold one (RFC 7617) */
static const char *parse_user(struct proxy *proxy, struct span text)
{
	struct span password = text;
	struct span user = span_cut(&password, ':');
	size_t len = 0;
	const char *fault = decode(proxy, &len, user);

	if (fault == NULL && (len == 0 || memchr(proxy->user, ':', len) != NULL))
		fault = "its user is empty or holds a colon";
	if (fault == NULL)
		fault = decode(proxy, &len, SPAN(":"));
	if (fault == NULL)
		fault = decode(proxy, &len, password);
	proxy->user[len] = '\0';
	proxy->authenticates = true;
	return fault;
}

/* parse_place() - a pattern of one host and a port is what we want */
static const char *parse_place(struct proxy *proxy, struct span text)
{
	struct pattern pattern;
	const char *fault = pattern_parse(&pattern, text);

	if (fault != NULL)
		return fault;
	if (pattern.port == 0)
		return "it needs a port: http://HOST:PORT";
	if (pattern.kind == PATTERN_PREFIX && memchr(text.ptr, '/', text.len) == NULL) {
		proxy->host = net_name_of_address(&pattern.prefix.address);
	} else if (pattern.kind == PATTERN_EXACT) {
		fault = net_name_parse(&proxy->host, (struct span){ pattern.name, pattern.len });
	} else {
		fault = "it is more than one host";
	}
	proxy->port = pattern.port;
	return fault;
}

/* cut_scheme() - take "http://" off the front of @text. Return: false: it is another scheme. */
static bool cut_scheme(struct span *text)
{
	static const struct span http = { "http://", sizeof("http://") - 1 };

	if (text->len >= http.len && strncasecmp(text->ptr, http.ptr, http.len) == 0) {
		*text = span_drop(*text, http.len);
		return true;
	}
	return text->len == 0 || memmem(text->ptr, text->len, "://", 3) == NULL;
}

const char *proxy_parse(struct proxy *ret, struct span text)
{
	struct proxy proxy = { 0 };
	const char *fault = NULL;

	if (text.len > PROXY_TEXT_OCTETS_MAX)
		return "it is longer than 4096 octets";
	if (!cut_scheme(&text))
		return "only proxies of http:// are spoken to, not those of TLS or SOCKS";
	if (text.len > 0 && text.ptr[text.len - 1] == '/')
		text.len--;
	const char *at = text.len > 0 ? memrchr(text.ptr, '@', text.len) : NULL;
	if (at != NULL) {
		size_t len = (size_t)(at - text.ptr);

		fault = parse_user(&proxy, (struct span){ text.ptr, len });
		text = span_drop(text, len + 1);
	}
	if (fault == NULL)
		fault = text.len == 0 ? "it names no host" : parse_place(&proxy, text);
	if (fault == NULL)
		*ret = proxy;
	explicit_bzero(&proxy, sizeof(proxy));
	return fault;
}

/* ends_in() - is @host the name @top, or below it? */
static bool ends_in(const struct net_name *host, const struct net_name *top)
{
	size_t head = (size_t)host->len - top->len;

	return host->len >= top->len && memcmp(host->text + head, top->text, top->len) == 0 &&
	       (head == 0 || host->text[head - 1] == '.');
}

static bool exempts_address(struct span entry, const struct net_name *host)
{
	struct net_prefix prefix;

	if (entry.len > 2 && entry.ptr[0] == '[' && entry.ptr[entry.len - 1] == ']')
		entry = (struct span){ entry.ptr + 1, entry.len - 2 };
	return net_prefix_parse(&prefix, entry) == NULL &&
	       net_prefix_contains(&prefix, &host->address);
}

static bool exempts_name(struct span entry, const struct net_name *host)
{
	struct net_name top;

	if (entry.len > 1 && entry.ptr[0] == '*' && entry.ptr[1] == '.')
		entry = span_drop(entry, 1);
	if (entry.len > 1 && entry.ptr[0] == '.')
		entry = span_drop(entry, 1);
	return net_name_parse(&top, entry) == NULL && top.kind == NET_NAME_DNS &&
	       ends_in(host, &top);
}

bool proxy_exempts(struct span list, const struct net_name *host)
{
	while (list.len > 0) {
		size_t len = 0;

		while (len < list.len && memchr(", \t", list.ptr[len], 3) == NULL)
			len++;
		struct span entry = { list.ptr, len };
		list = span_drop(list, len < list.len ? len + 1 : len);
		if (span_is(entry, "*") ||
		    (host->kind == NET_NAME_DNS ? exempts_name(entry, host)
						: exempts_address(entry, host)))
			return true;
	}
	return false;
}
