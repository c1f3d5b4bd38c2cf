/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway - the process in which all flows of one sandbox end. It asks the warden (wire/gate.h) and
 * decides nothing.
 *
 *	talk		asks and reports to the warden, answers from it
 *	dns_udp, dns_tcp, resolve, local, names
 *			DNS: a name that the warden allows gets a synthetic address
 *	flows, relay, pipes
 *			TCP: a flow that the warden allows is relayed to the socket it hands over
 *	confine		the wall around all that
 *
 * It never waits for the warden, and an answer that does not come is a refusal. Every table is
 * bounded and allocated before the first octet is read.
 */
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

/* The descriptors it is started with, and all that it keeps. */
enum gateway_fd {
	GATEWAY_FD_WARDEN = 3, /* SOCK_SEQPACKET; its end ends the gateway */
	GATEWAY_FD_TCP = 4,   /* listener, non-blocking, SO_LINGER 0; getsockname() of a flow is its
			     * destination */
	GATEWAY_FD_DNS = 5,   /* UDP socket with IPV6_RECVPKTINFO and IPV6_FREEBIND */
	GATEWAY_FD_ROOTS = 6, /* may be missing: a PEM file of certificates that servers are judged
			       * by as well; read and closed at the start */
};

/**
 * gateway_main() - the body of the process: confine itself, then serve until the warden is gone
 *
 * It closes every other descriptor, stdin, stdout and stderr included, and what it gives up (see
 * gateway_priv.h) it cannot get back: call it in a single-threaded process made for it.
 *
 * Return: exit code; 0: the warden closed the channel; 1: it could not be confined (stderr says
 * why), or its channel or its loop failed.
 */
int gateway_main(void);

#endif
