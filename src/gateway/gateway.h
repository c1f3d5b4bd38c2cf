/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway - the process in which all flows of one sandbox end. It asks the warden and decides
 * nothing.
 *
 * There is no policy yet, so it refuses, visibly: a TCP flow is reset, a DNS query is answered
 * REFUSED (FORMERR, NOTIMP: it was none), and the warden is told of each (wire/gate.h). It never
 * waits for the warden: reports that do not fit the channel are counted, and the number follows.
 */
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

/* The descriptors it is started with, and all that it keeps. */
enum gateway_fd {
	GATEWAY_FD_WARDEN = 3, /* SOCK_SEQPACKET; its end ends the gateway */
	GATEWAY_FD_TCP = 4, /* listener, non-blocking; getsockname() of a flow is its destination */
	GATEWAY_FD_DNS = 5, /* UDP socket with IPV6_RECVPKTINFO and IPV6_FREEBIND */
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
