/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transport - carries whole frames between init and the warden. One file per kind of channel
 * implements it; transport_seqpacket.c is the only one that carries descriptors.
 */
#ifndef AGENT_TRANSPORT_H
#define AGENT_TRANSPORT_H

#include "base/fd.h"
#include "wire/agent.h"

struct transport {
	int fd; /* borrowed */
	/* The frame received last; one octet more, so that its last text can be terminated too. */
	char frame[AGENT_FRAME_OCTETS_MAX + 1];
};

/* A frame as received. Writable, and the octet after it is too. */
struct packet {
	char *ptr; /* borrowed, until the next transport_receive() */
	size_t len;
	int fds[FD_PASS_MAX]; /* owned by whoever received it */
	size_t fds_count;
};

/* transport_send() - Return: 0; -EAGAIN: poll for EPOLLOUT; -ENOMEM; else the channel is dead. */
MUST_USE int transport_send(struct transport *transport, struct span frame);

/**
 * transport_receive() - take one frame
 *
 * Return: 0; -EAGAIN: poll for EPOLLIN; -EPIPE: the warden closed the channel; else it is broken.
 */
MUST_USE int transport_receive(struct packet *ret, struct transport *transport);

/* transport_fd() - what to poll */
MUST_USE int transport_fd(const struct transport *transport);

#endif
