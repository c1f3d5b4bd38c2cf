// SPDX-License-Identifier: Apache-2.0
/* The channel of a sandbox on this host: a unix SOCK_SEQPACKET socket, one packet a frame. */
#include <errno.h>

#include "agent/transport.h"

int transport_send(struct transport *transport, struct span frame)
{
	int r = fd_send(transport->fd, frame, NULL, 0);

	return r == -ENOBUFS ? -ENOMEM : r;
}

int transport_receive(struct packet *ret, struct transport *transport)
{
	int r = fd_recv(&ret->len, transport->fd, transport->frame, AGENT_FRAME_OCTETS_MAX,
			ret->fds, &ret->fds_count);

	if (r < 0)
		return r;
	if (ret->len == 0) { /* the end; an empty packet is no frame either */
		for (size_t i = 0; i < ret->fds_count; i++)
			fd_close(&ret->fds[i]);
		return -EPIPE;
	}
	ret->ptr = transport->frame;
	return 0;
}

int transport_fd(const struct transport *transport)
{
	return transport->fd;
}
