// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: is_sound() is the table in gate.h; encoder and decoder ask the same
 * question, so there is exactly one packet for each report. Octets are moved one field after the
 * other by the two cursors below, whose order is the format.
 */
#include "wire/gate.h"

#include <errno.h>

/* Which fields a kind uses. */
static const struct {
	bool address, query, count;
} uses[] = {
	[GATE_FLOW] = { .address = true },
	[GATE_DNS] = { .address = true, .query = true },
	[GATE_DNS_MALFORMED] = { .address = true },
	[GATE_DROPPED] = { .count = true },
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
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

static bool name_is_sound(const char name[GATE_NAME_OCTETS])
{
	size_t len = strnlen(name, GATE_NAME_OCTETS);

	if (len == GATE_NAME_OCTETS || !all_zero(name + len, GATE_NAME_OCTETS - len))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_host_octet(name[i]))
			return false;
	return true;
}

static bool is_sound(const struct gate_report *r)
{
	size_t used = r->family == 4 ? 4 : r->family == 6 ? 16 : 0;

	if (r->kind < GATE_FLOW || r->kind > GATE_DROPPED)
		return false;
	if ((used != 0) != uses[r->kind].address || !all_zero(r->address + used, 16 - used))
		return false;
	if (!uses[r->kind].address && (r->family != 0 || r->port != 0))
		return false;
	if (!uses[r->kind].query && (r->qtype != 0 || r->name[0] != '\0'))
		return false;
	return uses[r->kind].count == (r->count != 0) && name_is_sound(r->name);
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

int gate_report_encode(char *ret, const struct gate_report *report)
{
	char *at = ret;

	if (!is_sound(report))
		return -EINVAL;
	put(&at, GATE_VERSION, 2);
	put(&at, report->kind, 2);
	put(&at, report->family, 2);
	put(&at, report->port, 2);
	put(&at, report->qtype, 2);
	put(&at, strlen(report->name), 2);
	put(&at, 0, 4);
	put(&at, report->count, 8);
	memcpy(at, report->address, sizeof(report->address));
	memcpy(at + sizeof(report->address), report->name, sizeof(report->name));
	return 0;
}

int gate_report_decode(struct gate_report *ret, struct span packet)
{
	struct gate_report r = { 0 };
	const char *at = packet.ptr;

	if (packet.len != GATE_OCTETS || take(&at, 2) != GATE_VERSION)
		return -EPROTO;
	uint64_t kind = take(&at, 2), family = take(&at, 2);
	if (kind > GATE_DROPPED || family > 6)
		return -EPROTO;
	r.kind = (enum gate_kind)kind;
	r.family = (uint8_t)family;
	r.port = (uint16_t)take(&at, 2);
	r.qtype = (uint16_t)take(&at, 2);
	uint64_t name_len = take(&at, 2), zero = take(&at, 4);
	r.count = take(&at, 8);
	memcpy(r.address, at, sizeof(r.address));
	memcpy(r.name, at + sizeof(r.address), sizeof(r.name));
	if (zero != 0 || !is_sound(&r) || name_len != strlen(r.name))
		return -EPROTO;
	*ret = r;
	return 0;
}
