// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: routes first, since they bring the addresses; then the rules, since a packet
 * before them would be none of ours; then the sockets. MECHANISMS: raw netlink takes a twentieth of
 * the time of ip and nft.
 *
 * Both sockets are dual-stack: AF_INET6, on which IPv4 peers appear as ::ffff:a.b.c.d. The flag
 * that IPV6_TRANSPARENT sets is the same that IP_TRANSPARENT sets (inet->transparent), so one call
 * serves. The DNS socket needs no tproxy, as its port is fixed and every address is local;
 * IPV6_FREEBIND lets it answer from the address that was asked.
 *
 * Our end of a captured flow to port 443 of anywhere occupies local port 443: without SO_REUSEADDR
 * on it, no server in the sandbox could bind that port while the flow is open or in TIME_WAIT.
 * SO_LINGER of 0 makes close() reset a flow, and so does the gateway's death: a clean end is never
 * faked, and who means one says so with shutdown(). All three are inherited when a connection is
 * made, so they are set before listen(): a process that gets the listener later would miss the
 * first flows.
 */
#include "jail/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "jail/capture_priv.h"

struct option {
	int level, name, value;
};

/* open_socket() - a bound dual-stack socket with @options, up to one whose level is 0 */
static int open_socket(int *ret, int type, uint16_t port, const struct option *options)
{
	const struct sockaddr_in6 any = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(port),
	};
	CLEANUP_FD int fd = socket(AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	for (const struct option *o = options; o->level != 0; o++)
		if (setsockopt(fd, o->level, o->name, &o->value, sizeof(o->value)) < 0)
			return -errno;
	if (bind(fd, (const struct sockaddr *)&any, sizeof(any)) < 0)
		return -errno;
	*ret = fd_take(&fd);
	return 0;
}

static int open_tcp(int *ret)
{
	static const struct option options[] = {
		{ IPPROTO_IPV6, IPV6_V6ONLY, 0 },
		{ IPPROTO_IPV6, IPV6_TRANSPARENT, 1 },
		{ SOL_SOCKET, SO_REUSEADDR, 1 },
		{ SOL_SOCKET, SO_OOBINLINE, 1 }, /* of flows, so that no urgent octet is lost */
		{ SOL_SOCKET, SO_MARK, CAPTURE_MARK },
		{ 0 },
	};
	const struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	CLEANUP_FD int fd = -1;

	int r = open_socket(&fd, SOCK_STREAM, CAPTURE_TCP_PORT, options);
	if (r < 0)
		return r;
	if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) < 0 ||
	    listen(fd, CAPTURE_BACKLOG) < 0)
		return -errno;
	*ret = fd_take(&fd);
	return 0;
}

static int open_dns(int *ret)
{
	static const struct option options[] = {
		{ IPPROTO_IPV6, IPV6_V6ONLY, 0 },
		{ IPPROTO_IPV6, IPV6_RECVPKTINFO, 1 },
		{ IPPROTO_IPV6, IPV6_FREEBIND, 1 },
		{ SOL_SOCKET, SO_MARK, CAPTURE_MARK },
		{ 0 },
	};

	return open_socket(ret, SOCK_DGRAM, CAPTURE_DNS_PORT, options);
}

/*
 * open_low_ports() - let unprivileged programs bind ports below 1024, as nothing of the host's is
 * there to be impersonated. A comfort: in a container /proc/sys may be read-only, and that is fine.
 */
static void open_low_ports(void)
{
	CLEANUP_FD int fd =
	    open("/proc/sys/net/ipv4/ip_unprivileged_port_start", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || fd_write_all(fd, SPAN("0")) < 0)
		return;
}

/* open_rules() - with a log of what they refuse, where the kernel can */
static int open_rules(int *ret_log, const char **ret_stage)
{
	CLEANUP_FD int log = -1;
	int r = capture_log(&log, ret_stage);

	if (r < 0 && r != -ENOENT)
		return r;
	r = capture_nft(log >= 0, ret_stage);
	if (r == -ENOENT && log >= 0 && *ret_stage == CAPTURE_LOG_STAGE) {
		fd_close(&log);
		r = capture_nft(false, ret_stage);
	}
	if (r == 0)
		*ret_log = fd_take(&log);
	return r;
}

/* open_sockets() - Return: 0 or -errno; those that are open are the caller's either way */
static int open_sockets(int ret[CAPTURE_SOCKETS], const char **ret_stage)
{
	int r = open_tcp(&ret[CAPTURE_TCP]);

	if (r < 0) {
		*ret_stage = "TCP listener";
		return r;
	}
	r = open_dns(&ret[CAPTURE_DNS]);
	if (r < 0) {
		*ret_stage = "DNS socket";
		return r;
	}
	ret[CAPTURE_DIAG] =
	    socket(AF_NETLINK, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	return 0;
}

int capture_open(int ret[CAPTURE_SOCKETS], const char **ret_stage)
{
	int sockets[CAPTURE_SOCKETS] = { -1, -1, -1, -1 };

	int r = capture_lo(ret_stage);
	if (r == 0)
		r = open_rules(&sockets[CAPTURE_LOG], ret_stage);
	if (r == 0)
		r = open_sockets(sockets, ret_stage);
	if (r < 0) {
		for (size_t i = 0; i < ARRAY_SIZE(sockets); i++)
			fd_close(&sockets[i]);
		return r;
	}
	open_low_ports();
	memcpy(ret, sockets, sizeof(sockets));
	return 0;
}
