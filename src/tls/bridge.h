/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bridge - an intercepted flow: a TLS connection with the program and one with the upstream, and
 * plaintext between them for its owner to judge.
 *
 * The upstream comes first: the program is offered what the upstream chose (ALPN), and hears of an
 * upstream that cannot be trusted before it has said anything.
 *
 *	UPSTREAM ──► LEAF ──► INSIDE ──► OPEN		bridge_step() goes on from state to state
 *	    │         ▲  		  │
 *	    ▼         │    INSIDE ──► DEAD		the program left, or did not accept
 *	 REFUSED ─────┘					by bridge_answer(), to tell the program why
 *
 * With upstream_fd of -1 it starts REFUSED. In LEAF it waits for tls_context_put_leaf(): ask the
 * authority for the name, then step on.
 *
 * A bridge polls nothing and keeps no plaintext. Its descriptors are non-blocking and stay the
 * caller's, who watches them (bridge_wants()) and calls again. Reading is possible long after the
 * descriptor had its last octet, as a record holds much: read until TLS_WANT_READ.
 *
 * An end without close_notify is never a clean one: TLS_TRUNCATED, upon which the caller resets the
 * other side unless it knows that all was said. Renegotiation and early data are refused.
 */
#ifndef TLS_BRIDGE_H
#define TLS_BRIDGE_H

#include "base/base.h"
#include "net/name.h"
#include "tls/context.h"

enum {
	BRIDGE_HEAD_OCTETS_MAX = 32 * 1024,
	BRIDGE_ALPN_OCTETS_MAX = 512,
	BRIDGE_PIN_OCTETS = 32,
	BRIDGE_WRITE_OCTETS_MAX = 64 * 1024, /* taken by one write */
};

enum bridge_state {
	BRIDGE_DEAD = 0,
	BRIDGE_UPSTREAM, /* handshake with the upstream */
	BRIDGE_REFUSED,  /* the upstream is not to be trusted, or not there */
	BRIDGE_LEAF,     /* waits for a certificate */
	BRIDGE_INSIDE,   /* handshake with the program */
	BRIDGE_OPEN,
};

enum tls_side {
	TLS_INSIDE,   /* the program; we are its server */
	TLS_UPSTREAM, /* we are its client */
	TLS_SIDES,
};

enum tls_result {
	TLS_FAILED = 0, /* the peer broke the protocol, or memory ran out: bridge_fault() */
	TLS_DONE,
	TLS_WANT_READ,
	TLS_WANT_WRITE, /* the peer does not read */
	TLS_CLOSED,     /* the peer said it would send no more */
	TLS_TRUNCATED,  /* the flow ended, but the peer did not say so */
};

enum tls_fault {
	TLS_FAULT_NONE = 0,
	TLS_FAULT_EXPIRED,
	TLS_FAULT_NOT_YET_VALID,
	TLS_FAULT_UNTRUSTED, /* no chain to a root */
	TLS_FAULT_WRONG_NAME,
	TLS_FAULT_CERTIFICATE, /* bad in another way */
	TLS_FAULT_PIN,         /* good, but not one that was asked for */
	TLS_FAULT_NOT_TLS,
	TLS_FAULT_VERSION, /* none in common */
	TLS_FAULT_ALERT,   /* the peer refused */
	TLS_FAULT_CLOSED,  /* the peer went away */
	TLS_FAULT_SNI,     /* of the program: not the name that was judged */
	TLS_FAULT_ALPN,
	TLS_FAULT_PROTOCOL, /* anything else */
};

struct bridge_plan {
	struct tls_context *context; /* borrowed, until the bridge is freed */
	struct net_name name;        /* who was asked for and judged */
	uint16_t port;               /* sessions are kept by name and port */
	int fd[TLS_SIDES];           /* borrowed, non-blocking, stream */
	struct span head;            /* octets that were read from the program already; copied */
	/* The chain by which the upstream is trusted must have a certificate whose SubjectPublicKeyInfo has one of
	 * these SHA-256, BRIDGE_PIN_OCTETS each (RFC 7469 section 2.4); copied; empty: any. With pins no
	 * session is resumed, nor kept: there the chain would not be seen. */
	struct span pins;
	struct span alpn; /* what the program offers: RFC 7301 ProtocolName list without its length;
			     copied; empty: nothing */
};

struct bridge;

/* bridge_new() - @ret: owned by the caller. Return: 0; -EINVAL: head or alpn too long, pins cut; -ENOMEM. */
MUST_USE int bridge_new(struct bridge **ret, const struct bridge_plan *plan);
void bridge_free(struct bridge *bridge); /* says nothing to the peers; NULL is fine */
DEFINE_FREEP(struct bridge, bridge_free)

/* bridge_step() - go on as far as the descriptors let it */
enum bridge_state bridge_step(struct bridge *bridge);

/**
 * bridge_answer() - REFUSED only: take the program's handshake without an upstream
 * @alpn:	protocol to choose if the program offers it: "http/1.1"
 *
 * Then step to OPEN, where TLS_INSIDE can be read and written.
 */
void bridge_answer(struct bridge *bridge, const char *alpn);

/* bridge_wants() - EPOLLIN and EPOLLOUT as the state needs them; when OPEN, EPOLLIN is for the
 * caller to mask who does not want to read now. */
uint32_t bridge_wants(const struct bridge *bridge, enum tls_side side);

/**
 * bridge_read() - take plaintext; OPEN only
 *
 * Return: TLS_DONE: 1 to @capacity octets; TLS_WANT_READ; an end, again whenever it is called.
 */
MUST_USE enum tls_result bridge_read(size_t *ret_len, struct bridge *bridge, enum tls_side side,
				     char *buffer, size_t capacity);

/* bridge_is_dry() - the last bridge_read() took all that has come: the next says TLS_WANT_READ unless
 * poll() told of more in between */
bool bridge_is_dry(const struct bridge *bridge, enum tls_side side);

/**
 * bridge_write() - send plaintext; OPEN only
 * @ret_len:	octets taken, up to BRIDGE_WRITE_OCTETS_MAX; they need not be kept
 *
 * Return: TLS_DONE; TLS_WANT_WRITE: nothing was taken; an end.
 */
MUST_USE enum tls_result bridge_write(size_t *ret_len, struct bridge *bridge, enum tls_side side,
				      struct span data);

/* bridge_flush() - send what the descriptor did not take before. Return: TLS_DONE, TLS_WANT_WRITE or
 * TLS_TRUNCATED. */
enum tls_result bridge_flush(struct bridge *bridge, enum tls_side side);

/* bridge_close() - say close_notify: we send no more, but go on reading. Return: as bridge_flush();
 * shut the descriptor down for writing once it is TLS_DONE. */
enum tls_result bridge_close(struct bridge *bridge, enum tls_side side);

/**
 * bridge_relay() - move plaintext from one side to the other, as it is; OPEN only
 * @ret_moved:	octets
 *
 * Return: TLS_DONE: there may be more, others have their turn; TLS_WANT_READ: @from has no more;
 * TLS_WANT_WRITE: the other side takes no more; TLS_CLOSED: @from ended cleanly, and all of it was
 * passed on (close the other); TLS_TRUNCATED, TLS_FAILED: of either side.
 */
MUST_USE enum tls_result bridge_relay(uint64_t *ret_moved, struct bridge *bridge,
				      enum tls_side from);

/* bridge_alpn() - the protocol chosen by the upstream, or for the answer; empty: none; borrowed */
struct span bridge_alpn(const struct bridge *bridge);

/* bridge_resumed() - did the handshake of @side resume an earlier session? */
bool bridge_resumed(const struct bridge *bridge, enum tls_side side);

/* bridge_fault() - what went wrong on @side, and in words, safe to show; borrowed */
enum tls_fault bridge_fault(const struct bridge *bridge, enum tls_side side, const char **ret_why);

#endif
