// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a table of names with their addresses, a suffix deciding for all below it;
 * what it does not have and is a host name (net/name.h) is for the warden, one of one label too: it
 * knows of no search domain that would make it another.
 */
#include "gateway/local.h"

enum { NIBBLES = 32 };

static const struct {
	const char *name;
	bool below; /* and all names below it */
	uint8_t v4[4];
	bool v6; /* ::1 */
} rows[] = {
	{ "localhost", true, { 127, 0, 0, 1 }, true }, /* RFC 6761 section 6.3 */
	{ "bridge.immure", false, { 10, 0, 2, 2 }, false },
};

/* cut_suffix() - @name without @suffix at its end. Return: false: it does not end so. */
static bool cut_suffix(struct span *name, const char *suffix)
{
	size_t len = strlen(suffix);

	if (name->len < len || memcmp(name->ptr + name->len - len, suffix, len) != 0)
		return false;
	name->len -= len;
	return true;
}

/* last_label() - take it off the end of @rest, with its dot */
static struct span last_label(struct span *rest)
{
	const char *dot = rest->len > 0 ? memrchr(rest->ptr, '.', rest->len) : NULL;
	size_t start = dot != NULL ? (size_t)(dot - rest->ptr) + 1 : 0;
	struct span label = span_drop(*rest, start);

	rest->len = start > 0 ? start - 1 : 0;
	return label;
}

static bool take_decimal(uint8_t *ret, struct span label)
{
	unsigned value = 0;

	if (label.len < 1 || label.len > 3 || (label.len > 1 && label.ptr[0] == '0'))
		return false;
	for (size_t i = 0; i < label.len; i++) {
		if (label.ptr[i] < '0' || label.ptr[i] > '9')
			return false;
		value = value * 10 + (unsigned)(label.ptr[i] - '0');
	}
	*ret = (uint8_t)value;
	return value <= 255;
}

static bool take_nibble(uint8_t *ret, struct span label)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = label.len == 1 ? memchr(digits, label.ptr[0], 16) : NULL;

	*ret = at != NULL ? (uint8_t)(at - digits) : 0;
	return at != NULL;
}

static bool reverse6(struct net_address *ret, struct span rest)
{
	ret->family = 6;
	for (size_t i = 0; i < NIBBLES; i++) {
		uint8_t nibble = 0;

		if (!take_nibble(&nibble, last_label(&rest)))
			return false;
		ret->octets[i / 2] = (uint8_t)(ret->octets[i / 2] << 4 | nibble);
	}
	return rest.len == 0;
}

static bool reverse4(struct net_address *ret, struct span rest)
{
	ret->family = 4;
	for (size_t i = 0; i < 4; i++)
		if (!take_decimal(&ret->octets[i], last_label(&rest)))
			return false;
	return rest.len == 0;
}

bool local_reverse(struct net_address *ret, const char *name)
{
	struct span rest = span_of(name);
	struct net_address address = { 0 };
	bool is = false;

	if (*name == '.')
		return false;
	if (cut_suffix(&rest, ".in-addr.arpa"))
		is = reverse4(&address, rest);
	else if (cut_suffix(&rest, ".ip6.arpa"))
		is = reverse6(&address, rest);
	if (is)
		*ret = address;
	return is;
}

static struct dns_answer answer_reverse(const struct dns_query *query, struct names *names)
{
	struct net_address address;
	struct names_entry *entry =
	    local_reverse(&address, query->name) ? names_find(names, &address) : NULL;

	if (entry == NULL)
		return (struct dns_answer){ .rcode = DNS_NXDOMAIN };
	if (query->type != DNS_TYPE_PTR)
		return (struct dns_answer){ 0 };
	return (struct dns_answer){ .type = DNS_TYPE_PTR, .name = entry->name };
}

static struct dns_answer answer_row(size_t i, uint16_t type)
{
	struct dns_answer answer = { 0 };

	if (type == DNS_TYPE_A) {
		answer.type = type;
		memcpy(answer.address, rows[i].v4, sizeof(rows[i].v4));
	} else if (type == DNS_TYPE_AAAA && rows[i].v6) {
		answer.type = type;
		answer.address[15] = 1;
	}
	return answer;
}

static bool is_row(size_t i, const char *name)
{
	struct span rest = span_of(name);

	return cut_suffix(&rest, rows[i].name) &&
	       (rest.len == 0 || (rows[i].below && rest.ptr[rest.len - 1] == '.'));
}

static bool is_arpa(const char *name)
{
	struct span rest = span_of(name);

	return cut_suffix(&rest, ".arpa");
}

bool local_answer(struct dns_answer *ret, const struct dns_query *query, struct names *names)
{
	struct net_name parsed;

	if (query->class != DNS_CLASS_IN ||
	    (query->type >= DNS_TYPE_IXFR && query->type <= DNS_TYPE_MAILA)) {
		*ret = (struct dns_answer){ .rcode = DNS_NOTIMP };
		return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (is_row(i, query->name)) {
			*ret = answer_row(i, query->type);
			return true;
		}
	if (is_arpa(query->name)) {
		*ret = answer_reverse(query, names);
		return true;
	}
	*ret = (struct dns_answer){ .rcode = DNS_NXDOMAIN };
	return net_name_parse(&parsed, span_of(query->name)) != NULL || parsed.kind != NET_NAME_DNS;
}
