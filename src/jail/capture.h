/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capture - make every flow of a network namespace end on two sockets of ours.
 *
 * In the namespace there is nothing but lo. Afterwards, whatever a program in there sends:
 *
 *	to an own address (127.0.0.0/8, ::1, CAPTURE_ADDR4, CAPTURE_ADDR6)
 *			reaches the program that listens there, as on any host
 *	TCP to any other address and port
 *			is a connection to accept() on the TCP socket; its getsockname() is the
 *			destination that was asked for, v4 as ::ffff:a.b.c.d; close() resets it
 *	UDP to port 53 of any other address
 *			arrives on the DNS socket; the IPV6_PKTINFO control message is the address
 *			that was asked, and is to be sent back with the answer
 *	anything else	is refused at once: the send fails with EPERM, and an ICMP port (UDP) or
 *			administratively prohibited (the rest) error follows for who waits in recv();
 *			the head of it is told on the log socket, of twenty a second at most
 *			(wire/nflog.h)
 *
 * What a program notices:
 *
 *	- it cannot bind UDP port 53 of any address, nor TCP port CAPTURE_TCP_PORT (EADDRINUSE)
 *	- TCP to CAPTURE_TCP_PORT, and UDP to port 53, of an own address reach our sockets too,
 *	  which see that address as the destination
 *	- a server that goes without SO_REUSEADDR cannot bind a TCP port while a flow to that port
 *	  of anywhere is open or was until a minute ago
 *	- it can bind an address that is not its own, and gains nothing: what it sends is captured
 *	- it may bind any port without privilege where /proc/sys is writable, else from 1024
 */
#ifndef JAIL_CAPTURE_H
#define JAIL_CAPTURE_H

#include "base/base.h"

#define CAPTURE_ADDR4 \
	"10.0.2.15" /* global, for glibc's AI_ADDRCONFIG; 10.0.2.2 is for the bridge */
#define CAPTURE_ADDR6 "fd00::2:15"

enum {
	CAPTURE_TCP_PORT = 1, /* tcpmux, RFC 7805: historic, so nobody misses it */
	CAPTURE_DNS_PORT = 53,
	CAPTURE_BACKLOG = 1024,  /* connections that wait for accept() */
	CAPTURE_MARK = 0x696d6d, /* on every packet our two sockets send */
};

/* Its sockets; each is non-blocking and closed on exec. */
enum capture_socket {
	CAPTURE_TCP, /* the listener */
	CAPTURE_DNS, /* UDP */
	CAPTURE_LOG, /* netlink: tells what was refused; -1: this kernel has no nfnetlink_log */
	CAPTURE_DIAG, /* netlink: tells whose a connection is (wire/diag.h); -1: it has no sock_diag */
	CAPTURE_SOCKETS,
};

/**
 * capture_open() - capture the network namespace of the calling process
 * @ret:	owned by the caller
 * @ret_stage:	on failure, what failed; static text
 *
 * The namespace must be fresh and the caller hold CAP_NET_ADMIN and CAP_NET_BIND_SERVICE over it;
 * who runs in it later must not. On failure no socket is open, and the namespace is fit for
 * nothing.
 *
 * Return: 0; a negative errno: -EPERM: not our namespace; -EAFNOSUPPORT, -EOPNOTSUPP: a kernel
 * without IPv6; -ENOENT or -EOPNOTSUPP at an nft stage: without nf_tables, its tproxy or reject.
 */
MUST_USE int capture_open(int ret[CAPTURE_SOCKETS], const char **ret_stage);

#endif
