// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a colon can only belong to IPv6. All else is copied label by label in lower
 * case. If the last label is a number, as inet_aton() and the URL standard (WHATWG, "ends in a
 * number") see it, the whole must be an IPv4 address in its strict form; no top-level domain is a
 * number (RFC 3696 section 2), so no name is lost.
 */
#include "net/name.h"

#include <ctype.h>

enum {
	LABEL_OCTETS_MAX = 63, /* RFC 1035 section 2.3.4 */
};

/* octet_fault() - why no name may hold @c; NULL: it may */
static const char *octet_fault(unsigned char c)
{
	static const struct {
		unsigned char octet;
		const char *why;
	} rows[] = {
		{ '\0', "it holds a NUL" },
		{ ' ', "it holds a blank" },
		{ '/', "it holds a \"/\": give the host alone, without scheme or path" },
		{ '@', "it holds a \"@\": give the host alone, without a user" },
		{ ':', "it holds a \":\": the port is given apart" },
		{ '%', "it holds a \"%\"" },
		{ '*', "it holds a \"*\"" },
	};

	if (isalnum(c) || c == '-' || c == '_')
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (c == rows[i].octet)
			return rows[i].why;
	if (c >= 0x80)
		return "it holds a character that is not ASCII: write it in its xn-- form";
	return iscntrl(c) ? "it holds a control character"
			  : "only letters, digits, \"-\", \"_\" and dots make a name";
}

static const char *label_fault(struct span label)
{
	if (label.len == 0)
		return "a label is empty";
	for (size_t i = 0; i < label.len; i++) {
		const char *fault = octet_fault((unsigned char)label.ptr[i]);

		if (fault != NULL)
			return fault;
	}
	if (label.len > LABEL_OCTETS_MAX)
		return "a label is longer than 63 octets";
	if (label.ptr[0] == '-' || label.ptr[label.len - 1] == '-')
		return "a label starts or ends with \"-\"";
	return NULL;
}

static bool holds_only(struct span text, const char *set)
{
	for (size_t i = 0; i < text.len; i++)
		if (memchr(set, text.ptr[i], strlen(set)) == NULL)
			return false;
	return true;
}

/* is_number() - would strtoul() with base 0 read all of @label? "0x" alone counts, "0b" is C23's. */
static bool is_number(struct span label)
{
	bool radix = label.len >= 2 && label.ptr[0] == '0';

	if (radix && label.ptr[1] == 'x')
		return holds_only(span_drop(label, 2), "0123456789abcdef");
	if (radix && label.ptr[1] == 'b')
		return holds_only(span_drop(label, 2), "01");
	return holds_only(label, "0123456789");
}

/* parse_dns() - the labels of @text, at most 253 octets */
static const char *parse_dns(struct net_name *ret, struct span text)
{
	struct span rest = text, label = { 0 };

	ret->kind = NET_NAME_DNS;
	ret->len = (uint8_t)text.len;
	for (size_t i = 0; i < text.len; i++)
		ret->text[i] = (char)tolower((unsigned char)text.ptr[i]);

	for (rest.ptr = ret->text; rest.ptr != NULL;) {
		label = span_cut(&rest, '.');
		const char *fault = label_fault(label);

		if (fault != NULL)
			return fault;
	}
	if (!is_number(label))
		return NULL;
	if (net_address_parse(&ret->address, (struct span){ ret->text, ret->len }) < 0)
		return "it ends in a number, but is not an IPv4 address of four decimal numbers";
	*ret = net_name_of_address(&ret->address);
	return NULL;
}

/* parse_v6() - @text holds a colon or starts with a bracket */
static const char *parse_v6(struct net_name *ret, struct span text)
{
	struct net_address address = { 0 };
	const char *colon = memchr(text.ptr, ':', text.len);

	if (text.ptr[0] == '[') {
		if (text.len < 2 || text.ptr[text.len - 1] != ']')
			return "\"[\" without \"]\" at the end";
		text = (struct span){ text.ptr + 1, text.len - 2 };
	} else if (colon == memrchr(text.ptr, ':', text.len)) {
		return octet_fault(':');
	}
	if (text.len > 0 && memchr(text.ptr, '%', text.len) != NULL)
		return "an IPv6 address with a zone (\"%\") means something on one machine only";
	if (net_address_parse(&address, text) < 0 || address.family != 6)
		return "it is not an IPv6 address";
	*ret = net_name_of_address(&address);
	return NULL;
}

const char *net_name_parse(struct net_name *ret, struct span text)
{
	struct net_name name = { 0 };
	const char *fault = NULL;

	if (text.len == 0)
		return "it is empty";
	if (text.ptr[0] == '[' || memchr(text.ptr, ':', text.len) != NULL) {
		fault = parse_v6(&name, text);
	} else {
		if (text.ptr[text.len - 1] == '.')
			text.len--;
		if (text.len == 0)
			return "it is empty";
		if (text.len >= NET_NAME_OCTETS)
			return "it is longer than 253 octets";
		fault = parse_dns(&name, text);
	}
	if (fault == NULL)
		*ret = name;
	return fault;
}

struct net_name net_name_of_address(const struct net_address *address)
{
	struct net_name name = { .kind = NET_NAME_ADDRESS, .address = net_address_unmap(address) };

	name.len = (uint8_t)net_address_format(name.text, &name.address);
	return name;
}
