/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gate - what the gateway reports to the warden, as one fixed message a SOCK_SEQPACKET packet.
 *
 * Numbers are little-endian:
 *
 *	u16 version	GATE_VERSION
 *	u16 kind	enum gate_kind
 *	u16 family	0, 4 or 6
 *	u16 port	destination port
 *	u16 qtype	DNS type
 *	u16 name_len	octets of the name
 *	u32 zero	must be 0
 *	u64 count	reports lost
 *	u8  address[16]	destination; IPv4 in the first four
 *	u8  name[256]	lower-case host name, then zeros
 *
 *	kind		family address port	qtype name	count
 *	FLOW		yes			-		-	a TCP flow was refused
 *	DNS		yes			yes		-	a DNS query was refused
 *	DNS_MALFORMED	yes			-		-	what came was no query
 *	DROPPED		-			-		yes	so many reports were lost
 *
 * What is "-" is 0. The gateway reads hostile bytes, so the warden trusts no message of it: one
 * that does not decode ends the gateway.
 */
#ifndef WIRE_GATE_H
#define WIRE_GATE_H

#include "base/base.h"

enum {
	GATE_VERSION = 1,
	GATE_NAME_OCTETS = 256,
	GATE_OCTETS = 40 + GATE_NAME_OCTETS,
};

enum gate_kind {
	GATE_FLOW = 1,
	GATE_DNS,
	GATE_DNS_MALFORMED,
	GATE_DROPPED,
};

struct gate_report {
	enum gate_kind kind;
	uint8_t family; /* 4, 6; 0: no address */
	uint16_t port;  /* host order */
	uint16_t qtype; /* e.g. 1: A, 28: AAAA */
	uint8_t address[16];
	uint64_t count;
	char name[GATE_NAME_OCTETS]; /* NUL-terminated; letters in lower case, digits, '-', '_', '.'
				      */
};

/* gate_report_encode() - @ret: room for GATE_OCTETS. Return: 0; -EINVAL: not as the table says. */
MUST_USE int gate_report_encode(char *ret, const struct gate_report *report);

/* gate_report_decode() - Return: 0; -EPROTO: not a report. */
MUST_USE int gate_report_decode(struct gate_report *ret, struct span packet);

#endif
