// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: the kernel works through a batch before sendto() returns, so its replies are
 * all there afterwards and reading them never waits. It reports each request that failed, asked or
 * not; one that succeeded only if it carries NLM_F_ACK. So one NLM_F_ACK a batch is enough to tell
 * "all done" from "not looked at", and silence is a failure.
 */
#include "jail/netlink.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"

enum { REPLY_OCTETS_MAX = 4096 }; /* an error echoes its request, of some 300 octets */

void nl_start(struct nl_batch *batch)
{
	batch->len = batch->message = 0;
	batch->count = 0;
}

/* append() - add octets, and zeros up to the 4-octet boundary at which the next item starts */
static void append(struct nl_batch *batch, const void *data, size_t len)
{
	size_t room = NLMSG_ALIGN(len);

	assert(len <= NL_BATCH_OCTETS_MAX && room <= NL_BATCH_OCTETS_MAX - batch->len);
	memset(batch->octets + batch->len, 0, room);
	if (len > 0)
		memcpy(batch->octets + batch->len, data, len);
	batch->len += room;
	if (batch->count > 0) {
		uint32_t message_len = (uint32_t)(batch->len - batch->message);

		memcpy(batch->octets + batch->message, &message_len, sizeof(message_len));
	}
}

void nl_request(struct nl_batch *batch, unsigned type, unsigned flags, const char *stage,
		const void *head, size_t head_len)
{
	struct nlmsghdr header = {
		.nlmsg_type = (uint16_t)type,
		.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags),
		.nlmsg_seq = batch->count + 1,
	};

	assert(batch->count < NL_MESSAGES_MAX);
	_Static_assert(offsetof(struct nlmsghdr, nlmsg_len) == 0, "append() writes it there");
	batch->stages[batch->count++] = stage;
	batch->message = batch->len;
	append(batch, &header, sizeof(header));
	append(batch, head, head_len);
}

void nl_put(struct nl_batch *batch, unsigned type, const void *data, size_t len)
{
	struct nlattr header = {
		.nla_len = (uint16_t)(sizeof(header) + len),
		.nla_type = (uint16_t)type,
	};

	assert(len <= NL_BATCH_OCTETS_MAX);
	append(batch, &header, sizeof(header));
	append(batch, data, len);
}

void nl_put_be32(struct nl_batch *batch, unsigned type, uint32_t value)
{
	value = htonl(value);
	nl_put(batch, type, &value, sizeof(value));
}

void nl_put_text(struct nl_batch *batch, unsigned type, const char *text)
{
	nl_put(batch, type, text, strlen(text) + 1);
}

size_t nl_nest(struct nl_batch *batch, unsigned type)
{
	size_t nest = batch->len;

	nl_put(batch, type | NLA_F_NESTED, NULL, 0);
	return nest;
}

void nl_nest_end(struct nl_batch *batch, size_t nest)
{
	uint16_t len = (uint16_t)(batch->len - nest);

	_Static_assert(offsetof(struct nlattr, nla_len) == 0, "this writes it there");
	memcpy(batch->octets + nest, &len, sizeof(len));
}

/* read_reply() - judge one datagram. Return: 1: a confirmation; 0: nothing of ours; -errno:
 * refused. */
static int read_reply(const struct nl_batch *batch, const char *reply, size_t len,
		      const char **ret_stage)
{
	struct nlmsghdr header;
	struct nlmsgerr refusal;

	if (len < NLMSG_HDRLEN + sizeof(refusal))
		return 0;
	memcpy(&header, reply, sizeof(header));
	memcpy(&refusal, reply + NLMSG_HDRLEN, sizeof(refusal));
	if (header.nlmsg_type != NLMSG_ERROR)
		return 0;
	if (refusal.error == 0)
		return 1;
	if (header.nlmsg_seq >= 1 && header.nlmsg_seq <= batch->count)
		*ret_stage = batch->stages[header.nlmsg_seq - 1];
	return refusal.error < 0 ? refusal.error : -EPROTO;
}

/* read_replies() - the first refusal counts; without one, somebody must have confirmed */
static int read_replies(const struct nl_batch *batch, int fd, const char **ret_stage)
{
	char reply[REPLY_OCTETS_MAX];
	bool confirmed = false;

	for (;;) {
		ssize_t n = recv(fd, reply, sizeof(reply), MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return confirmed ? 0 : -EPROTO;
		if (n < 0)
			return -errno;
		int r = read_reply(batch, reply, (size_t)n, ret_stage);
		if (r < 0)
			return r;
		confirmed |= r > 0;
	}
}

int nl_run_keep(int *ret, struct nl_batch *batch, int protocol, const char **ret_stage)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	const char *stage = "netlink socket";
	int r = -EPROTO;

	CLEANUP_FD int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	if (fd < 0) {
		r = -errno;
	} else {
		stage = batch->stages[0];
		ssize_t n = sendto(fd, batch->octets, batch->len, 0,
				   (const struct sockaddr *)&kernel, sizeof(kernel));

		r = n < 0 ? -errno : read_replies(batch, fd, &stage);
	}
	if (r < 0)
		*ret_stage = stage;
	else
		*ret = fd_take(&fd);
	return r;
}

int nl_run(struct nl_batch *batch, int protocol, const char **ret_stage)
{
	int fd = -1;
	int r = nl_run_keep(&fd, batch, protocol, ret_stage);

	fd_close(&fd);
	return r;
}
