// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: the port is cut off first. A bracket or a second colon means IPv6, so only
 * a single colon can start a port there. Then the host is one of: "*"; something with a "/", which
 * must be a prefix; something with a "*", whose rest must be a name; a name or address.
 */
#include "net/pattern.h"

#include <ctype.h>

enum {
	PORT_MAX = 65535,
};

static bool holds(struct span text, char c)
{
	return text.len > 0 && memchr(text.ptr, c, text.len) != NULL;
}

static const char *parse_port(uint16_t *ret, struct span text)
{
	const char *fault = "the port after \":\" must be 1 to 65535";
	unsigned port = 0;

	if (holds(text, '/'))
		return "a host has no scheme (\"https://\") and no path";
	if (text.len == 0 || text.len > 5 || text.ptr[0] == '0')
		return fault;
	for (size_t i = 0; i < text.len; i++) {
		if (!isdigit((unsigned char)text.ptr[i]))
			return fault;
		port = 10 * port + (unsigned)(text.ptr[i] - '0');
	}
	if (port > PORT_MAX)
		return fault;
	*ret = (uint16_t)port;
	return NULL;
}

static const char *parse_prefix(struct pattern *ret, struct span text)
{
	struct net_address unused;
	struct span rest = text;

	if (net_address_parse(&unused, span_cut(&rest, '/')) < 0)
		return "it holds a \"/\", but is no prefix as 10.0.0.0/8; a host has no scheme or "
		       "path";
	ret->kind = PATTERN_PREFIX;
	return net_prefix_parse(&ret->prefix, text);
}

static const char *parse_below(struct pattern *ret, struct span text)
{
	struct net_name name;

	if (text.ptr[0] != '*')
		return "\"*\" may only stand at the front: *.example.com";
	if (text.len < 2 || text.ptr[1] != '.')
		return "\"*\" stands for whole labels: *.example.com";
	text = span_drop(text, 2);
	if (text.len == 0)
		return "no name follows \"*.\"";
	if (holds(text, '*'))
		return "\"*\" may only stand once, at the front: *.example.com";

	const char *fault = net_name_parse(&name, text);
	if (fault != NULL)
		return fault;
	if (name.kind != NET_NAME_DNS)
		return "no names are below an address; a prefix is written as 10.0.0.0/8";
	ret->kind = PATTERN_BELOW;
	ret->len = name.len;
	memcpy(ret->name, name.text, sizeof(ret->name));
	return NULL;
}

static const char *parse_exact(struct pattern *ret, struct span text)
{
	struct net_name name;
	const char *fault = net_name_parse(&name, text);

	if (fault != NULL)
		return fault;
	if (name.kind == NET_NAME_ADDRESS) {
		ret->kind = PATTERN_PREFIX;
		ret->prefix.address = name.address;
		ret->prefix.bits = (uint8_t)net_address_bits(&name.address);
		return NULL;
	}
	ret->kind = PATTERN_EXACT;
	ret->len = name.len;
	memcpy(ret->name, name.text, sizeof(ret->name));
	return NULL;
}

static const char *parse_host(struct pattern *ret, struct span text)
{
	if (text.len == 0)
		return "it names no host";
	if (span_is(text, "*")) {
		ret->kind = PATTERN_ANY;
		return NULL;
	}
	if (holds(text, '/'))
		return parse_prefix(ret, text);
	return holds(text, '*') ? parse_below(ret, text) : parse_exact(ret, text);
}

/* parse_bracketed() - [IPv6 address or prefix], perhaps with a port */
static const char *parse_bracketed(struct pattern *ret, struct span text)
{
	struct span rest = span_drop(text, 1);
	struct span host = span_cut(&rest, ']');

	if (rest.ptr == NULL)
		return "\"[\" without \"]\"";
	if (!holds(host, ':'))
		return "only IPv6 addresses stand in brackets";
	const char *fault = parse_host(ret, host);
	if (fault != NULL || rest.len == 0)
		return fault;
	if (rest.ptr[0] != ':')
		return "only a port may follow \"]\"";
	return parse_port(&ret->port, span_drop(rest, 1));
}

const char *pattern_parse(struct pattern *ret, struct span text)
{
	struct pattern pattern = { 0 };
	struct span rest = text;
	struct span host = span_cut(&rest, ':');
	const char *fault = NULL;

	if (text.len > 0 && text.ptr[0] == '[')
		fault = parse_bracketed(&pattern, text);
	else if (rest.ptr == NULL || holds(rest, ':'))
		fault = parse_host(&pattern, text);
	else if ((fault = parse_host(&pattern, host)) == NULL)
		fault = parse_port(&pattern.port, rest);
	if (fault == NULL)
		*ret = pattern;
	return fault;
}

/* format_prefix() - without the length if it is one address; in brackets if a port follows */
static size_t format_prefix(char *ret, const struct pattern *pattern)
{
	const struct net_prefix *prefix = &pattern->prefix;
	bool brackets = pattern->port != 0 && prefix->address.family == 6;
	char text[NET_PREFIX_TEXT_OCTETS];

	if (prefix->bits == net_address_bits(&prefix->address))
		net_address_format(text, &prefix->address);
	else
		net_prefix_format(text, prefix);
	return (size_t)snprintf(ret, PATTERN_TEXT_OCTETS, brackets ? "[%s]" : "%s", text);
}

size_t pattern_format(char *ret, const struct pattern *pattern)
{
	size_t len = 0;

	ret[0] = '\0';
	if (pattern->kind == PATTERN_PREFIX)
		len = format_prefix(ret, pattern);
	else if (pattern->kind == PATTERN_ANY)
		len = (size_t)snprintf(ret, PATTERN_TEXT_OCTETS, "*");
	else if (pattern->kind != PATTERN_NONE)
		len = (size_t)snprintf(ret, PATTERN_TEXT_OCTETS, "%s%s",
				       pattern->kind == PATTERN_BELOW ? "*." : "", pattern->name);
	if (pattern->port != 0)
		len += (size_t)snprintf(ret + len, PATTERN_TEXT_OCTETS - len, ":%u", pattern->port);
	return len;
}

/* is_below() - does @name end in a dot and @top, with something before? */
static bool is_below(const struct net_name *name, const struct pattern *top)
{
	size_t head = (size_t)name->len - top->len;

	return name->len > top->len + 1 && name->text[head - 1] == '.' &&
	       memcmp(name->text + head, top->name, top->len) == 0;
}

bool pattern_match(const struct pattern *pattern, const struct net_name *name, unsigned port)
{
	if (name->kind == NET_NAME_NONE)
		return false;
	if (pattern->port != 0 && port != PATTERN_PORT_UNKNOWN && port != pattern->port)
		return false;
	switch (pattern->kind) {
	case PATTERN_NONE:
		return false;
	case PATTERN_EXACT:
		return name->kind == NET_NAME_DNS && name->len == pattern->len &&
		       memcmp(name->text, pattern->name, name->len) == 0;
	case PATTERN_BELOW:
		return name->kind == NET_NAME_DNS && is_below(name, pattern);
	case PATTERN_ANY:
		return true;
	case PATTERN_PREFIX:
		return name->kind == NET_NAME_ADDRESS &&
		       net_prefix_contains(&pattern->prefix, &name->address);
	}
	return false;
}
