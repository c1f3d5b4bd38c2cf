// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: is_sound() is the table in gate.h; encoder and decoder ask the same
 * question, so there is exactly one packet for each message. Octets are moved one field after the
 * other by the two cursors below, whose order is the format.
 */
#include "wire/gate.h"

#include <errno.h>

enum {
	NAME_CHARS_MAX = 253,  /* RFC 1035 section 2.3.4 */
	LABEL_OCTETS_MAX = 63, /* likewise */
	STATUS_MAX = 999,
	ANSWERS = 1U << GATE_ALLOW | 1U << GATE_DENY | 1U << GATE_UNREACHABLE,
	ENDS = 1U << GATE_CLOSED | 1U << GATE_RESET,
	NO_VERDICT = 1U << GATE_NONE,
};

/* Which fields a kind uses. */
static const struct uses {
	bool id, flow, address, port, qtype, name, status, up, down, socket;
	unsigned verdicts; /* a bit for each that it may carry */
	unsigned flags;
	size_t data_min, data_max;
} uses[] = {
	[GATE_ASK_NAME] = { .id = true, .qtype = true, .name = true, .verdicts = NO_VERDICT },
	/* address or name: see is_sound() */
	[GATE_ASK_FLOW] = { .id = true,
			    .address = true,
			    .port = true,
			    .verdicts = NO_VERDICT,
			    .data_max = GATE_ENDS_OCTETS },
	[GATE_ASK_LEAF] = { .id = true,
			    .flow = true,
			    .verdicts = NO_VERDICT,
			    .data_min = GATE_KEY_OCTETS,
			    .data_max = GATE_KEY_OCTETS },
	[GATE_ASK_REQUEST] = { .id = true,
			       .flow = true,
			       .verdicts = NO_VERDICT,
			       .flags = GATE_HTTPS | GATE_WEBSOCKET,
			       .data_min = 3, /* more: see is_sound() */
			       .data_max = GATE_DATA_OCTETS_MAX },
	[GATE_END] = { .id = true, .up = true, .down = true, .verdicts = ENDS },
	[GATE_END_REQUEST] = { .id = true,
			       .status = true,
			       .up = true,
			       .down = true,
			       .verdicts = ENDS | 1U << GATE_DENY,
			       .flags = GATE_WEBSOCKET,
			       .data_max = GATE_SOCKET_OCTETS + GATE_WHY_OCTETS_MAX },
	[GATE_REFUSED] = { .flow = true,
			   .status = true,
			   .verdicts = NO_VERDICT,
			   .data_min = 1,
			   .data_max = GATE_WHY_OCTETS_MAX },
	[GATE_MALFORMED] = { .address = true, .port = true, .verdicts = NO_VERDICT },
	[GATE_DROPPED] = { .up = true, .verdicts = NO_VERDICT },
	[GATE_NAME] = { .id = true, .verdicts = ANSWERS },
	[GATE_FLOW] = { .id = true,
			.status = true,
			.up = true,
			.verdicts = ANSWERS,
			.flags = GATE_RAW | GATE_PASSTHROUGH | GATE_SECRETS,
			.data_max = GATE_WHY_OCTETS_MAX },
	[GATE_LEAF] = { .id = true, .verdicts = ANSWERS, .data_max = GATE_LEAF_OCTETS_MAX },
	[GATE_REQUEST] = { .id = true,
			   .status = true,
			   .up = true,
			   .down = true,
			   .socket = true,
			   .verdicts = ANSWERS,
			   .data_max = GATE_DATA_OCTETS_MAX },
	[GATE_LAST] = { .verdicts = NO_VERDICT },
};

static void put(char **at, uint64_t value, size_t octets)
{
	for (size_t i = 0; i < octets; i++)
		*(*at)++ = (char)(value >> (8 * i) & 0xff);
}

static uint64_t take(const char **at, size_t octets)
{
	uint64_t value = 0;

	for (size_t i = 0; i < octets; i++)
		value |= (uint64_t)(uint8_t) * (*at)++ << (8 * i);
	return value;
}

static bool all_zero(const void *octets, size_t len)
{
	const uint8_t *at = octets;

	while (len > 0 && at[len - 1] == 0)
		len--;
	return len == 0;
}

static bool is_host_octet(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static bool label_is_sound(struct span label)
{
	for (size_t i = 0; i < label.len; i++)
		if (!is_host_octet(label.ptr[i]))
			return false;
	return label.len > 0 && label.len <= LABEL_OCTETS_MAX;
}

/* name_is_sound() - is it there just if it is wanted? */
static bool name_is_sound(const char name[GATE_NAME_OCTETS], bool want)
{
	if (!want || name[0] == '\0')
		return !want && name[0] == '\0';

	struct span rest = { name, strnlen(name, GATE_NAME_OCTETS) };
	if (rest.len > NAME_CHARS_MAX)
		return false;
	while (rest.ptr != NULL)
		if (!label_is_sound(span_cut(&rest, '.')))
			return false;
	return true;
}

static bool address_is_sound(const struct gate_message *m, bool want)
{
	size_t used = m->family == 4 ? 4 : m->family == 6 ? 16 : 0;

	return (m->family == 0 || used != 0) && (used != 0) == want &&
	       all_zero(m->address + used, sizeof(m->address) - used);
}

bool gate_request_split(struct span *ret_method, struct span *ret_target, struct span data)
{
	*ret_target = data;
	*ret_method = span_cut(ret_target, ' ');
	for (size_t i = 0; i < data.len; i++)
		if (data.ptr[i] <= ' ' || data.ptr[i] > '~')
			if (data.ptr + i != ret_method->ptr + ret_method->len)
				return false;
	return ret_method->len > 0 && ret_target->len > 0;
}

/* numbers_are_sound() - those that a kind does not use are 0 */
static bool numbers_are_sound(const struct gate_message *m, const struct uses *use)
{
	if (use->id != (m->id != 0) || use->flow != (m->flow != 0))
		return false;
	if ((!use->port && m->port != 0) || (!use->qtype && m->qtype != 0) ||
	    (!use->status && m->status != 0) || m->status > STATUS_MAX)
		return false;
	if ((!use->up && m->up != 0) || (!use->down && m->down != 0))
		return false;
	if (!use->socket && (m->message != 0 || m->rate != 0 || m->rule != 0))
		return false;
	return m->up <= INT64_MAX && m->down <= INT64_MAX && m->message <= INT64_MAX;
}

/* answer_is_sound() - only what denies has a status and, with it, a time to wait; no caps then */
static bool answer_is_sound(const struct gate_message *m)
{
	if (m->kind != GATE_FLOW && m->kind != GATE_REQUEST)
		return true;
	if (m->verdict == GATE_ALLOW)
		return m->status == 0;
	return m->down == 0 && (m->up == 0 || m->status != 0) && m->message == 0 && m->rate == 0 &&
	       m->rule == 0;
}

/* end_is_sound() - the data of an END_REQUEST */
static bool end_is_sound(const struct gate_message *m)
{
	struct span why = m->data;
	struct gate_socket socket;

	return ((m->flags & GATE_WEBSOCKET) == 0 || gate_socket_take(&socket, &why)) &&
	       why.len <= GATE_WHY_OCTETS_MAX;
}

/* data_is_sound() - only what allows has a certificate, pins or flags, only what denies says why */
static bool data_is_sound(const struct gate_message *m, const struct uses *use)
{
	struct span method, target;

	if (m->data.len < use->data_min || m->data.len > use->data_max)
		return false;
	if (m->kind == GATE_ASK_FLOW)
		return m->data.len == 0 || m->data.len == GATE_ENDS_OCTETS;
	if (m->kind == GATE_ASK_REQUEST)
		return gate_request_split(&method, &target, m->data);
	if (m->kind == GATE_END_REQUEST)
		return end_is_sound(m);
	if (m->kind == GATE_LEAF)
		return (m->verdict == GATE_ALLOW) == (m->data.len > 0);
	return m->kind != GATE_FLOW ||
	       (m->verdict == GATE_ALLOW ? m->data.len % GATE_PIN_OCTETS == 0 : m->flags == 0);
}

static bool is_sound(const struct gate_message *m)
{
	if (m->kind < GATE_ASK_NAME || m->kind > GATE_LAST || m->verdict > GATE_RESET)
		return false;

	const struct uses *use = &uses[m->kind];
	bool named = use->name, placed = use->address;
	if (m->kind == GATE_ASK_FLOW && m->name[0] != '\0') {
		named = true;
		placed = false;
	}
	if (!name_is_sound(m->name, named) || !address_is_sound(m, placed))
		return false;
	if ((use->verdicts & 1U << m->verdict) == 0 || (m->flags & ~use->flags) != 0)
		return false;
	return numbers_are_sound(m, use) && answer_is_sound(m) && data_is_sound(m, use) &&
	       (m->kind != GATE_DROPPED || m->up != 0);
}

void gate_ends_put(char ret[GATE_ENDS_OCTETS], const struct gate_ends *ends)
{
	char *at = ret + sizeof(ends->from);

	memcpy(ret, ends->from, sizeof(ends->from));
	put(&at, ends->from_port, 2);
	memcpy(at, ends->to, sizeof(ends->to));
}

bool gate_ends_take(struct gate_ends *ret, struct span data)
{
	if (data.len != GATE_ENDS_OCTETS)
		return false;
	const char *at = data.ptr + sizeof(ret->from);
	memcpy(ret->from, data.ptr, sizeof(ret->from));
	ret->from_port = (uint16_t)take(&at, 2);
	memcpy(ret->to, at, sizeof(ret->to));
	return true;
}

static void put_way(char **at, const struct gate_socket_way *way)
{
	put(at, way->frames, 8);
	put(at, way->messages, 8);
	put(at, way->octets, 8);
	put(at, way->close_code, 2);
}

static bool take_way(struct gate_socket_way *ret, const char **at)
{
	ret->frames = take(at, 8);
	ret->messages = take(at, 8);
	ret->octets = take(at, 8);
	ret->close_code = (uint16_t)take(at, 2);
	return ret->frames <= INT64_MAX && ret->messages <= INT64_MAX && ret->octets <= INT64_MAX;
}

void gate_socket_put(char ret[GATE_SOCKET_OCTETS], const struct gate_socket *socket)
{
	char *at = ret;

	put_way(&at, &socket->up);
	put_way(&at, &socket->down);
}

bool gate_socket_take(struct gate_socket *ret, struct span *data)
{
	const char *at = data->ptr;

	if (data->len < GATE_SOCKET_OCTETS || !take_way(&ret->up, &at) ||
	    !take_way(&ret->down, &at))
		return false;
	*data = span_drop(*data, GATE_SOCKET_OCTETS);
	return true;
}

int gate_message_encode(size_t *ret_len, char *ret, const struct gate_message *message)
{
	char *at = ret;

	if (!is_sound(message))
		return -EINVAL;
	const size_t name_len = strlen(message->name);
	put(&at, GATE_VERSION, 2);
	put(&at, message->kind, 2);
	put(&at, message->id, 4);
	put(&at, message->flow, 4);
	put(&at, message->family, 2);
	put(&at, message->port, 2);
	put(&at, message->qtype, 2);
	put(&at, message->verdict, 2);
	put(&at, message->status, 2);
	put(&at, message->flags, 2);
	put(&at, name_len, 2);
	put(&at, message->data.len, 2);
	put(&at, message->up, 8);
	put(&at, message->down, 8);
	memcpy(at, message->address, sizeof(message->address));
	at += sizeof(message->address);
	put(&at, message->message, 8);
	put(&at, message->rate, 4);
	put(&at, message->rule, 2);
	memcpy(at, message->name, name_len);
	if (message->data.len > 0)
		memcpy(at + name_len, message->data.ptr, message->data.len);
	*ret_len = GATE_HEAD_OCTETS + name_len + message->data.len;
	return 0;
}

/* take_rest() - name and data, whose lengths the head told. Return: false: they are not there */
static bool take_rest(struct gate_message *m, struct span *rest, size_t name_len, size_t data_len)
{
	if (name_len >= sizeof(m->name) || rest->len < name_len + data_len)
		return false;
	if (name_len > 0)
		memcpy(m->name, rest->ptr, name_len);
	m->data = (struct span){ rest->ptr + name_len, data_len };
	*rest = span_drop(*rest, name_len + data_len);
	return strlen(m->name) == name_len;
}

int gate_message_decode(struct gate_message *ret, struct span *packet)
{
	struct gate_message m = { 0 };
	const char *at = packet->ptr;

	if (packet->len < GATE_HEAD_OCTETS || take(&at, 2) != GATE_VERSION)
		return -EPROTO;
	uint64_t kind = take(&at, 2);
	m.id = (uint32_t)take(&at, 4);
	m.flow = (uint32_t)take(&at, 4);
	uint64_t family = take(&at, 2);
	m.port = (uint16_t)take(&at, 2);
	m.qtype = (uint16_t)take(&at, 2);
	uint64_t verdict = take(&at, 2);
	m.status = (uint16_t)take(&at, 2);
	m.flags = (uint16_t)take(&at, 2);
	uint64_t name_len = take(&at, 2), data_len = take(&at, 2);
	if (kind > GATE_LAST || family > 6 || verdict > GATE_RESET)
		return -EPROTO;
	m.kind = (enum gate_kind)kind;
	m.family = (uint8_t)family;
	m.verdict = (enum gate_verdict)verdict;
	m.up = take(&at, 8);
	m.down = take(&at, 8);
	memcpy(m.address, at, sizeof(m.address));
	at += sizeof(m.address);
	m.message = take(&at, 8);
	m.rate = (uint32_t)take(&at, 4);
	m.rule = (uint16_t)take(&at, 2);
	struct span rest = span_drop(*packet, GATE_HEAD_OCTETS);
	if (!take_rest(&m, &rest, name_len, data_len) || !is_sound(&m))
		return -EPROTO;
	*ret = m;
	*packet = rest;
	return 0;
}
