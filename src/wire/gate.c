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
	ANSWERS = 1U << GATE_ALLOW | 1U << GATE_DENY | 1U << GATE_UNREACHABLE,
	ENDS = 1U << GATE_CLOSED | 1U << GATE_RESET,
	NO_VERDICT = 1U << GATE_NONE,
};

/* Which fields a kind uses. */
static const struct {
	bool id, address, port, qtype, name, up, down;
	unsigned verdicts; /* a bit for each that it may carry */
} uses[] = {
	[GATE_ASK_NAME] = { .id = true, .qtype = true, .name = true, .verdicts = NO_VERDICT },
	/* address or name: see is_sound() */
	[GATE_ASK_FLOW] = { .id = true, .address = true, .port = true, .verdicts = NO_VERDICT },
	[GATE_END] = { .id = true, .up = true, .down = true, .verdicts = ENDS },
	[GATE_MALFORMED] = { .address = true, .port = true, .verdicts = NO_VERDICT },
	[GATE_DROPPED] = { .up = true, .verdicts = NO_VERDICT },
	[GATE_NAME] = { .id = true, .verdicts = ANSWERS },
	[GATE_FLOW] = { .id = true, .verdicts = ANSWERS },
	[GATE_LAST] = { .verdicts = NO_VERDICT },
};

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

/* name_is_sound() - a name of @want labels or none, then zeros */
static bool name_is_sound(const char name[GATE_NAME_OCTETS], bool want)
{
	struct span rest = { name, strnlen(name, GATE_NAME_OCTETS) };

	if (rest.len > NAME_CHARS_MAX || !all_zero(name + rest.len, GATE_NAME_OCTETS - rest.len))
		return false;
	if (!want || rest.len == 0)
		return !want && rest.len == 0;
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

static bool is_sound(const struct gate_message *m)
{
	if (m->kind < GATE_ASK_NAME || m->kind > GATE_LAST || m->verdict > GATE_RESET)
		return false;

	bool named = uses[m->kind].name, placed = uses[m->kind].address;
	if (m->kind == GATE_ASK_FLOW && m->name[0] != '\0') {
		named = true;
		placed = false;
	}
	if (!name_is_sound(m->name, named) || !address_is_sound(m, placed))
		return false;
	if (uses[m->kind].id != (m->id != 0) || (uses[m->kind].verdicts & 1U << m->verdict) == 0)
		return false;
	if ((!uses[m->kind].port && m->port != 0) || (!uses[m->kind].qtype && m->qtype != 0))
		return false;
	if ((!uses[m->kind].up && m->up != 0) || (!uses[m->kind].down && m->down != 0))
		return false;
	if (m->up > INT64_MAX || m->down > INT64_MAX)
		return false;
	return m->kind != GATE_DROPPED || m->up != 0;
}

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

int gate_message_encode(char *ret, const struct gate_message *message)
{
	char *at = ret;

	if (!is_sound(message))
		return -EINVAL;
	put(&at, GATE_VERSION, 2);
	put(&at, message->kind, 2);
	put(&at, message->id, 4);
	put(&at, message->family, 2);
	put(&at, message->port, 2);
	put(&at, message->qtype, 2);
	put(&at, message->verdict, 2);
	put(&at, strlen(message->name), 2);
	put(&at, 0, 6);
	put(&at, message->up, 8);
	put(&at, message->down, 8);
	memcpy(at, message->address, sizeof(message->address));
	memcpy(at + sizeof(message->address), message->name, sizeof(message->name));
	return 0;
}

int gate_message_decode(struct gate_message *ret, struct span packet)
{
	struct gate_message m = { 0 };
	const char *at = packet.ptr;

	if (packet.len != GATE_OCTETS || take(&at, 2) != GATE_VERSION)
		return -EPROTO;
	uint64_t kind = take(&at, 2);
	m.id = (uint32_t)take(&at, 4);
	uint64_t family = take(&at, 2);
	m.port = (uint16_t)take(&at, 2);
	m.qtype = (uint16_t)take(&at, 2);
	uint64_t verdict = take(&at, 2), name_len = take(&at, 2), zero = take(&at, 6);
	if (kind > GATE_LAST || family > 6 || verdict > GATE_RESET || zero != 0)
		return -EPROTO;
	m.kind = (enum gate_kind)kind;
	m.family = (uint8_t)family;
	m.verdict = (enum gate_verdict)verdict;
	m.up = take(&at, 8);
	m.down = take(&at, 8);
	memcpy(m.address, at, sizeof(m.address));
	memcpy(m.name, at + sizeof(m.address), sizeof(m.name));
	if (!is_sound(&m) || name_len != strlen(m.name))
		return -EPROTO;
	*ret = m;
	return 0;
}
