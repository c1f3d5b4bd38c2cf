/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gate - what gateway and warden say to each other, one fixed message a SOCK_SEQPACKET packet.
 *
 * The gateway asks, the warden answers; an ask carries an id that its answer repeats. Numbers are
 * little-endian:
 *
 *	u16 version	GATE_VERSION
 *	u16 kind	enum gate_kind
 *	u32 id		of the ask, chosen by the gateway, never 0; 0 in what is no ask and no answer
 *	u16 family	0, 4 or 6
 *	u16 port	destination port
 *	u16 qtype	DNS type
 *	u16 verdict	enum gate_verdict; in END: how it ended
 *	u16 name_len	octets of the name
 *	u16 zero	must be 0
 *	u32 zero	must be 0
 *	u64 up		octets from the program to the outside; DROPPED: reports lost; below 2^63, as is:
 *	u64 down	octets from the outside to the program
 *	u8  address[16]	destination; IPv4 in the first four, the rest 0
 *	u8  name[256]	host name in canonical form (net/name.h), then zeros
 *
 *	kind		from	id family address port qtype name verdict up down	fds
 *	ASK_NAME	gateway	x  -              -    x     x    -       -  -	-	may this name be known?
 *	ASK_FLOW	gateway	x  x              x    -     o    -       -  -	-	may this flow go out?
 *	END		gateway	x  -              -    -     -    x       x  x	-	an allowed flow ended
 *	MALFORMED	gateway	-  x              x    -     -    -       -  -	-	what came was no query
 *	DROPPED		gateway	-  -              -    -     -    -       x  -	-	so many reports were lost
 *	NAME		warden	x  -              -    -     -    x       -  -	-	answer to ASK_NAME
 *	FLOW		warden	x  -              -    -     -    x       -  -	1 if ALLOW	answer to ASK_FLOW
 *	LAST		warden	-  -              -    -     -    -       -  -	-	no program is left: see below
 *
 * "x": given, "-": 0, "o": given when the destination is an address that a name was given for; then
 * address and family are 0. A FLOW that allows carries one descriptor: a connected TCP socket,
 * non-blocking, which nobody else reads or writes any more.
 *
 * After LAST the gateway still takes and asks about flows that wait, carries what their programs sent,
 * ends each as soon as that is done, and then itself.
 *
 * DROPPED counts what ended unasked and unreported: queries and flows that were refused because a
 * table of the gateway or this channel was full, and MALFORMED ones that found no room.
 *
 * The gateway gives up an ask after a time of its own, without a word. A FLOW that allows and comes
 * later is answered by END as any other: RESET, no octets. A late FLOW of another kind, and a late
 * NAME, need no answer.
 *
 * The gateway reads hostile bytes, so the warden trusts no message of it: one that does not decode,
 * or repeats an id under way, ends the gateway.
 */
#ifndef WIRE_GATE_H
#define WIRE_GATE_H

#include "base/base.h"

enum {
	GATE_VERSION = 2,
	GATE_NAME_OCTETS = 256,
	GATE_OCTETS = 56 + GATE_NAME_OCTETS,
};

enum gate_kind {
	GATE_ASK_NAME = 1,
	GATE_ASK_FLOW,
	GATE_END,
	GATE_MALFORMED,
	GATE_DROPPED,
	GATE_NAME,
	GATE_FLOW,
	GATE_LAST,
};

enum gate_verdict {
	GATE_NONE = 0, /* in messages that carry none */
	GATE_ALLOW,
	GATE_DENY,        /* policy says no: NXDOMAIN; TCP reset */
	GATE_UNREACHABLE, /* allowed, but the outside refused or did not answer: SERVFAIL; TCP reset */
	GATE_CLOSED,      /* END: both sides closed in order */
	GATE_RESET,       /* END: one side reset it, or timed out */
};

struct gate_message {
	enum gate_kind kind;
	uint32_t id;
	uint8_t family; /* 4, 6; 0: no address */
	uint16_t port;  /* host order */
	uint16_t qtype; /* e.g. 1: A, 28: AAAA */
	enum gate_verdict verdict;
	uint64_t up, down; /* octets; up of DROPPED: reports */
	uint8_t address[16];
	char name[GATE_NAME_OCTETS]; /* NUL-terminated: labels of 1 to 63 lower-case letters,
				      * digits, '-', '_'; at most 253 octets */
};

/* gate_message_encode() - @ret: room for GATE_OCTETS. Return: 0; -EINVAL: not as the table says. */
MUST_USE int gate_message_encode(char *ret, const struct gate_message *message);

/* gate_message_decode() - Return: 0; -EPROTO: not a message. The caller judges who may send it. */
MUST_USE int gate_message_decode(struct gate_message *ret, struct span packet);

#endif
