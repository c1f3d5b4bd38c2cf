// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: RFC 3986 lets a host be nearly anything. Here it is a name of letters,
 * digits, '-' and '_' (the same as in dns.h), or an address in the form inet_pton() takes. Nothing
 * else can mean one thing to who judges and another to who connects.
 */
#include <arpa/inet.h>

#include "wire/http1_priv.h"

enum { LABEL_OCTETS_MAX = 63, PORT_DIGITS_MAX = 5 };

static bool read_port(uint16_t *ret, struct span text)
{
	uint64_t port = 0;

	if (text.len > PORT_DIGITS_MAX || !http1_number_read(&port, text) || port == 0 ||
	    port > UINT16_MAX)
		return false;
	*ret = (uint16_t)port;
	return true;
}

static bool is_label(struct span label)
{
	for (size_t i = 0; i < label.len; i++)
		if (!http1_char_is(label.ptr[i], CHAR_LABEL))
			return false;
	return label.len > 0 && label.len <= LABEL_OCTETS_MAX;
}

/* is_number() - would inet_aton() take it for a part of an address? Decimal, octal or 0x.. */
static bool is_number(struct span label)
{
	size_t i = 0;

	if (label.len >= 2 && label.ptr[0] == '0' && (label.ptr[1] == 'x' || label.ptr[1] == 'X')) {
		for (i = 2; i < label.len && http1_hex(label.ptr[i]) >= 0; i++)
			;
		return i == label.len;
	}
	while (i < label.len && label.ptr[i] >= '0' && label.ptr[i] <= '9')
		i++;
	return i == label.len;
}

/* judge_name() - *numeric: its last label is a number */
static bool judge_name(bool *numeric, struct span name)
{
	while (name.ptr != NULL) {
		struct span label = span_cut(&name, '.');

		if (!is_label(label))
			return false;
		*numeric = is_number(label);
	}
	return true;
}

static void copy_lower(char *ret, struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		ret[i] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
	}
	ret[text.len] = '\0';
}

static bool read_name(struct http1_authority *ret, struct span name)
{
	struct in_addr address;
	bool numeric = false;

	if (name.len == 0 || name.len >= sizeof(ret->host) || !judge_name(&numeric, name))
		return false;
	copy_lower(ret->host, name);
	ret->kind = numeric ? HTTP1_HOST_IPV4 : HTTP1_HOST_NAME;
	return !numeric || inet_pton(AF_INET, ret->host, &address) == 1;
}

/* read_ipv6() - @text: between the brackets */
static bool read_ipv6(struct http1_authority *ret, struct span text)
{
	struct in6_addr address;
	char copy[INET6_ADDRSTRLEN];

	if (text.len >= sizeof(copy) || memchr(text.ptr, '\0', text.len) != NULL)
		return false;
	copy_lower(copy, text);
	ret->kind = HTTP1_HOST_IPV6;
	return inet_pton(AF_INET6, copy, &address) == 1 &&
	       inet_ntop(AF_INET6, &address, ret->host, sizeof(ret->host)) != NULL;
}

bool http1_authority_read(struct http1_authority *ret, struct span text)
{
	bool sound = false;
	struct span host;

	ret->port = 0;
	if (text.len == 0)
		return false;
	if (text.ptr[0] == '[') {
		text = span_drop(text, 1);
		host = span_cut(&text, ']');
		sound = text.ptr != NULL && read_ipv6(ret, host);
		if (!sound || text.len == 0)
			return sound;
		return text.ptr[0] == ':' && read_port(&ret->port, span_drop(text, 1));
	}
	host = span_cut(&text, ':');
	return read_name(ret, host) && (text.ptr == NULL || read_port(&ret->port, text));
}
