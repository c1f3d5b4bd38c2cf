// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a cursor takes octets off the front of the packet, and any shortage makes
 * the whole query malformed. Besides the question a query may hold one OPT record (RFC 6891) and
 * nothing else, up to the last octet: what is not understood cannot be carried along.
 *
 *	header		id, flags, then the counts of questions, answers, authorities, additions
 *	question	labels (length, octets), a zero length; type; class
 *	OPT		zero name, type 41, UDP size, extended rcode and flags, data length, data
 */
#include "wire/dns.h"

#include <ctype.h>
#include <errno.h>

enum {
	FLAG_ANSWER = 0x8000,
	FLAG_RECURSION_DESIRED = 0x0100,
	/* without it glibc and Go take an empty answer for a referral and ask the next server */
	FLAG_RECURSION_AVAILABLE = 0x0080,
	OPCODE_SHIFT = 11,
	OPCODE_MASK = 0xf,
	LABEL_OCTETS_MAX = 63,
	TYPE_OPT = 41,
	QUESTION_POINTER = 0xc000 | DNS_HEADER_OCTETS, /* RFC 1035 section 4.1.4 */
	OPT_OCTETS = 11,                               /* without data */
	OPT_UDP_OCTETS = 1232, /* what we receive, as DNS Flag Day 2020 has it: no fragments */
};

static bool take_u8(uint8_t *ret, struct span *rest)
{
	if (rest->len < 1)
		return false;
	*ret = (uint8_t)rest->ptr[0];
	*rest = span_drop(*rest, 1);
	return true;
}

static bool take_u16(uint16_t *ret, struct span *rest)
{
	uint8_t high = 0, low = 0;

	if (rest->len < 2 || !take_u8(&high, rest) || !take_u8(&low, rest))
		return false;
	*ret = (uint16_t)(high << 8 | low);
	return true;
}

static bool is_label_octet(char c)
{
	return isalnum((unsigned char)c) || c == '-' || c == '_';
}

static char lower(char c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

/* take_label() - append @len octets to *@at, in lower case */
static bool take_label(char **at, const char *end, struct span *rest, size_t len)
{
	if (len > LABEL_OCTETS_MAX || len > rest->len || len >= (size_t)(end - *at))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!is_label_octet(rest->ptr[i]))
			return false;
		*(*at)++ = lower(rest->ptr[i]);
	}
	*rest = span_drop(*rest, len);
	return true;
}

static bool take_name(char name[DNS_NAME_OCTETS], struct span *rest)
{
	char *at = name, *end = name + DNS_NAME_OCTETS;
	uint8_t len = 0;

	while (take_u8(&len, rest)) {
		if (len == 0) {
			*at = '\0';
			return true;
		}
		if (at != name) {
			if (end - at < 2)
				return false;
			*at++ = '.';
		}
		if (!take_label(&at, end, rest, len))
			return false;
	}
	return false;
}

static bool take_opt(struct span *rest)
{
	uint16_t type = 0, size = 0, data_len = 0;
	uint8_t name = 0;

	if (!take_u8(&name, rest) || !take_u16(&type, rest) || !take_u16(&size, rest) ||
	    rest->len < 4)
		return false;
	*rest = span_drop(*rest, 4);
	if (name != 0 || type != TYPE_OPT || !take_u16(&data_len, rest) || data_len > rest->len)
		return false;
	*rest = span_drop(*rest, data_len);
	return true;
}

/* take_body() - all that follows the header; @counts: questions, answers, authorities, additions */
static bool take_body(struct dns_query *query, const uint16_t counts[4], struct span rest)
{
	struct span start = rest;

	if (counts[0] != 1 || counts[1] != 0 || counts[2] != 0 || counts[3] > 1)
		return false;
	if (!take_name(query->name, &rest) || !take_u16(&query->type, &rest) ||
	    !take_u16(&query->class, &rest))
		return false;
	query->question = (struct span){ start.ptr, start.len - rest.len };
	query->edns = counts[3] == 1;
	if (query->edns && !take_opt(&rest))
		return false;
	return rest.len == 0;
}

int dns_query_decode(struct dns_query *ret, struct span packet)
{
	struct dns_query query = { 0 };
	uint16_t flags = 0, counts[4] = { 0 };

	if (packet.len < DNS_HEADER_OCTETS || packet.len > DNS_QUERY_OCTETS_MAX ||
	    !take_u16(&query.id, &packet) || !take_u16(&flags, &packet))
		return -EBADMSG;
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		if (!take_u16(&counts[i], &packet))
			return -EBADMSG;
	if ((flags & FLAG_ANSWER) != 0)
		return -EBADMSG;
	query.opcode = (uint8_t)(flags >> OPCODE_SHIFT & OPCODE_MASK);
	query.recursion = (flags & FLAG_RECURSION_DESIRED) != 0;

	struct dns_query whole = query;
	if (query.opcode != 0)
		query.fault = DNS_NOTIMP;
	else if (!take_body(&whole, counts, packet))
		query.fault = DNS_FORMERR;
	*ret = query.fault == DNS_NOERROR ? whole : query;
	return 0;
}

static void put_u16(char **at, unsigned value)
{
	*(*at)++ = (char)(value >> 8);
	*(*at)++ = (char)(value & 0xff);
}

static void put_octets(char **at, const void *octets, size_t len)
{
	memcpy(*at, octets, len);
	*at += len;
}

/* put_name() - @text is a sound name: see take_name() */
static void put_name(char **at, const char *text)
{
	struct span rest = span_of(text);

	while (rest.len > 0) {
		struct span label = span_cut(&rest, '.');

		*(*at)++ = (char)label.len;
		put_octets(at, label.ptr, label.len);
	}
	*(*at)++ = 0;
}

/* put_record() - its owner is a pointer to the question, so it has the letter case of that */
static void put_record(char **at, const struct dns_answer *answer)
{
	put_u16(at, QUESTION_POINTER);
	put_u16(at, answer->type);
	put_u16(at, DNS_CLASS_IN);
	put_u16(at, 0);
	put_u16(at, DNS_TTL_S);

	char *len = *at;
	*at += 2;
	if (answer->type == DNS_TYPE_PTR)
		put_name(at, answer->name);
	else
		put_octets(at, answer->address, answer->type == DNS_TYPE_A ? 4 : 16);
	put_u16(&len, (unsigned)(*at - len - 2));
}

static void put_opt(char **at)
{
	memset(*at, 0, OPT_OCTETS);
	char *opt = *at + 1;
	put_u16(&opt, TYPE_OPT);
	put_u16(&opt, OPT_UDP_OCTETS);
	*at += OPT_OCTETS;
}

size_t dns_reply_encode(char *ret, const struct dns_query *query, const struct dns_answer *answer)
{
	bool asked = query->question.len > 0, record = asked && answer->type != 0;
	unsigned flags = FLAG_ANSWER | FLAG_RECURSION_AVAILABLE |
			 (unsigned)query->opcode << OPCODE_SHIFT | (unsigned)answer->rcode;
	char *at = ret;

	put_u16(&at, query->id);
	put_u16(&at, flags | (query->recursion ? FLAG_RECURSION_DESIRED : 0));
	put_u16(&at, asked);
	put_u16(&at, record);
	put_u16(&at, 0);
	put_u16(&at, query->edns);
	if (asked)
		put_octets(&at, query->question.ptr, query->question.len);
	if (record)
		put_record(&at, answer);
	if (query->edns)
		put_opt(&at);
	return (size_t)(at - ret);
}
