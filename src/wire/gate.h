/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gate - what gateway and warden say to each other: one message or some, one behind the other, in a
 * SOCK_SEQPACKET packet.
 *
 * The gateway asks, the warden answers; an ask carries an id that its answer repeats. Numbers are
 * little-endian:
 *
 *	u16 version	GATE_VERSION
 *	u16 kind	enum gate_kind
 *	u32 id		of the ask, chosen by the gateway, never 0; 0 in what is no ask and no answer
 *	u32 flow	id of the allowed flow that it is about
 *	u16 family	0, 4 or 6
 *	u16 port	destination port
 *	u16 qtype	DNS type
 *	u16 verdict	enum gate_verdict; in END and END_REQUEST: how it ended
 *	u16 status	HTTP status; 0: none
 *	u16 flags	enum gate_flag
 *	u16 name_len	octets of the name
 *	u16 data_len	octets of the data
 *	u64 up		octets from the program to the outside; DROPPED: reports lost; of answers: see
 *			there; below 2^63, as is:
 *	u64 down	octets from the outside to the program
 *	u8  address[16]	destination; IPv4 in the first four, the rest 0
 *	u64 message	most octets of a message of WebSocket, below 2^63; 0: any
 *	u32 rate	most of them that begin in a minute; 0: any
 *	u16 rule	with whose they count
 *	u8  name[name_len]	host name in canonical form (net/name.h)
 *	u8  data[data_len]
 *
 *	kind		from	id flow address port qtype name verdict status up down	flags	data
 *	ASK_NAME	gateway	x  -    -       -    x     x    -       -      -  -	-	-
 *	ASK_FLOW	gateway	x  -    x       x    -     o    -       -      -  -	-	o: its ends
 *	ASK_LEAF	gateway	x  x    -       -    -     -    -       -      -  -	-	public key
 *	ASK_REQUEST	gateway	x  x    -       -    -     -    -       -      -  -	HTTPS..	method, target
 *	END		gateway	x  -    -       -    -     -    x       -      x  x	-	-
 *	END_REQUEST	gateway	x  -    -       -    -     -    x       o      x  x	WEBSOCKET	o: why
 *	REFUSED		gateway	-  x    -       -    -     -    -       o      -  -	-	why
 *	MALFORMED	gateway	-  -    x       x    -     -    -       -      -  -	-	-
 *	DROPPED		gateway	-  -    -       -    -     -    -       -      x  -	-	-
 *	NAME		warden	x  -    -       -    -     -    x       -      -  -	-	-
 *	FLOW		warden	x  -    -       -    -     -    x       o      o  -	RAW..	o: pins, why not
 *	LEAF		warden	x  -    -       -    -     -    x       -      -  -	-	certificate
 *	REQUEST		warden	x  -    -       -    -     -    x       o      o  o	-	o: secrets; why not
 *	LAST		warden	-  -    -       -    -     -    -       -      -  -	-	-
 *
 * "x": given, "-": 0, "o": may be given. ASK_FLOW has either a name, when the destination is an address
 * that a name was given for, or an address and family. A FLOW that allows is alone in its packet and
 * carries one descriptor: a connected TCP socket, non-blocking, which nobody else reads or writes any more.
 * Message, rate and rule are for REQUESTs that allow; flags of END_REQUEST: WEBSOCKET.
 *
 *	ASK_NAME	may this name be known?
 *	ASK_FLOW	may this flow go out? Its ends, by which the program can be told that asked for it:
 *			the program's address, its port (u16), the address that it asked for; IPv4 as
 *			::ffff:a.b.c.d. Nothing is decided by them.
 *			FLOW that allows may have an idle time, up, in ms; 0: the usual; and pins, 32
 *			octets each: the server's verified chain must have a key with one of these SHA-256.
 *	ASK_LEAF	certify that this key serves the host of an allowed flow: a point of P-256,
 *			uncompressed (SEC 1 section 2.3.3). LEAF that allows has a DER certificate.
 *	ASK_REQUEST	may this HTTP request go out on that flow? "GET /path?query": method, a blank,
 *			the target as it will be sent, of visible ASCII. END_REQUEST says how an allowed
 *			one ended; each is ended before its flow. REQUEST that allows may have caps: most
 *			octets of the body, up of the request, down of the response; 0: any. END_REQUEST
 *			with DENY: it was refused or broken off for them. With WEBSOCKET, what went
 *			over it is said before why: of the program, then of the server, frames,
 *			messages, octets of these (u64 each, below 2^63), and the code of its Close
 *			(u16; 0: none came).
 *	REFUSED		the gateway itself refused something on that flow: what is no HTTP, a name that
 *			is not the flow's, an upstream that cannot be trusted
 *	MALFORMED	what came was no DNS query
 *	DROPPED		so many reports were lost
 *
 * REQUEST that allows has the secrets that may stand in this request (wire/substitution.h): none for
 * one that is not HTTPS.
 * FLOW and REQUEST that deny may have the status to answer with, and up: seconds after which it may be
 * tried again.
 *
 * Data that is text is UTF-8 for people; whoever shows it makes it safe first.
 *
 * After LAST the gateway still takes and asks about flows that wait, carries what their programs sent,
 * ends each as soon as that is done, and then itself.
 *
 * DROPPED counts what ended unasked and unreported: queries and flows that were refused because a
 * table of the gateway or this channel was full, and MALFORMED ones that found no room.
 *
 * The gateway gives up an ask after a time of its own, without a word. A FLOW that allows and comes
 * later is answered by END as any other: RESET, no octets. A late answer of another kind needs none. A
 * leaf or a request is given up with its flow only: END ends all that was asked about that.
 *
 * The gateway reads hostile bytes, so the warden trusts no message of it: one that does not decode,
 * or repeats the id of a name, flow or request under way, ends the gateway.
 */
#ifndef WIRE_GATE_H
#define WIRE_GATE_H

#include "base/base.h"

enum {
	GATE_VERSION = 6,
	GATE_NAME_OCTETS = 256,
	GATE_DATA_OCTETS_MAX = 20 * 1024, /* a target of 16 KiB with its method, and some */
	GATE_HEAD_OCTETS = 74,
	GATE_OCTETS_MAX = GATE_HEAD_OCTETS + GATE_NAME_OCTETS + GATE_DATA_OCTETS_MAX,
	GATE_PACKET_OCTETS_MAX = 2 * GATE_OCTETS_MAX,
	GATE_ENDS_OCTETS = 16 + 2 + 16,
	GATE_SOCKET_OCTETS = 2 * (3 * 8 + 2),
	GATE_KEY_OCTETS = 65,
	GATE_LEAF_OCTETS_MAX = 2048,
	GATE_WHY_OCTETS_MAX = 1024,
	GATE_PIN_OCTETS = 32,
	GATE_PINS_MAX = 32,
};

enum gate_kind {
	GATE_ASK_NAME = 1,
	GATE_ASK_FLOW,
	GATE_ASK_LEAF,
	GATE_ASK_REQUEST,
	GATE_END,
	GATE_END_REQUEST,
	GATE_REFUSED,
	GATE_MALFORMED,
	GATE_DROPPED,
	GATE_NAME,
	GATE_FLOW,
	GATE_LEAF,
	GATE_REQUEST,
	GATE_LAST,
};

enum gate_verdict {
	GATE_NONE = 0, /* in messages that carry none */
	GATE_ALLOW,
	GATE_DENY,        /* policy says no: NXDOMAIN; TCP reset; HTTP 403 */
	GATE_UNREACHABLE, /* allowed, but the outside refused or did not answer: SERVFAIL; TCP reset;
			     HTTP 502 */
	GATE_CLOSED,      /* END: both sides closed in order */
	GATE_RESET,       /* END: one side reset it, or timed out */
};

enum gate_flag {
	GATE_HTTPS = 1,       /* ASK_REQUEST: over TLS */
	GATE_WEBSOCKET = 2,   /* ASK_REQUEST: it asks for WebSocket; END_REQUEST: it got it */
	GATE_RAW = 4,         /* FLOW that allows: what is neither TLS nor HTTP may pass */
	GATE_PASSTHROUGH = 8, /* FLOW that allows: TLS is to be carried unopened */
	GATE_SECRETS = 16,    /* FLOW that allows: the program has placeholders of secrets: what it
				 sends is to be searched */
};

struct gate_message {
	enum gate_kind kind;
	uint32_t id, flow;
	uint8_t family; /* 4, 6; 0: no address */
	uint16_t port;  /* host order */
	uint16_t qtype; /* e.g. 1: A, 28: AAAA */
	enum gate_verdict verdict;
	uint16_t status;
	uint16_t flags;    /* enum gate_flag */
	uint64_t up, down; /* octets; up of DROPPED: reports; of answers: see above */
	uint8_t address[16];
	uint64_t message; /* octets */
	uint32_t rate;
	uint16_t rule;
	char name[GATE_NAME_OCTETS]; /* NUL-terminated: labels of 1 to 63 lower-case letters,
				      * digits, '-', '_'; at most 253 octets */
	struct span data;            /* borrowed; decoded: from the packet */
};

/**
 * gate_message_encode() - as it goes into a packet
 * @ret:	room for GATE_OCTETS_MAX
 *
 * Return: 0; -EINVAL: not as the table says.
 */
MUST_USE int gate_message_encode(size_t *ret_len, char *ret, const struct gate_message *message);

/* gate_message_decode() - the first of @packet, which is left with those behind it. Return: 0; -EPROTO: not
 * a message. The caller judges who may send it. */
MUST_USE int gate_message_decode(struct gate_message *ret, struct span *packet);

/* gate_request_split() - the data of ASK_REQUEST. Return: false: that is none. */
MUST_USE bool gate_request_split(struct span *ret_method, struct span *ret_target,
				 struct span data);

/* The ends of a flow, the data of ASK_FLOW. */
struct gate_ends {
	uint8_t from[16], to[16];
	uint16_t from_port;
};

void gate_ends_put(char ret[GATE_ENDS_OCTETS], const struct gate_ends *ends);

/* gate_ends_take() - Return: false: they are not given */
MUST_USE bool gate_ends_take(struct gate_ends *ret, struct span data);

/* What went over a WebSocket in one direction. */
struct gate_socket_way {
	uint64_t frames, messages,
	    octets;          /* octets: of messages, whole or not, as they were sent */
	uint16_t close_code; /* 1005: a Close without one; 0: no Close */
};

struct gate_socket {
	struct gate_socket_way up, down;
};

void gate_socket_put(char ret[GATE_SOCKET_OCTETS], const struct gate_socket *socket);

/* gate_socket_take() - off the front of @data. Return: false: it is not there */
MUST_USE bool gate_socket_take(struct gate_socket *ret, struct span *data);

#endif
