// SPDX-License-Identifier: Apache-2.0
/* Rows A4, A20 to A25: whatever sends something. */
#include "hostile.h"

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/vm_sockets.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

enum { PATIENCE_MS = 5000 };

/* address_of() - "1.2.3.4" or "::1", and a port. Return: length; 0: no such address */
static socklen_t address_of(struct sockaddr_storage *ret, const char *text, int port)
{
	struct sockaddr_in *v4 = (void *)ret;
	struct sockaddr_in6 *v6 = (void *)ret;

	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
		return sizeof(*v4);
	}
	if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)port);
		return sizeof(*v6);
	}
	return 0;
}

static int wait_for(int fd, short events)
{
	struct pollfd ready = { .fd = fd, .events = events };

	return poll(&ready, 1, PATIENCE_MS);
}

/* outcome() - how a flow ended; what the tests compare is the word, and how long it took */
static void outcome(const char *kind, const char *address, int port, const char *word,
		    int64_t since)
{
	see(kind, "%s %d %s %lld", address, port, word, (long long)(now_ms() - since));
}

/* tcp_end() - speak, and wait for the end of a connection that was accepted */
static const char *tcp_end(int fd)
{
	char data[1024] = "";

	(void)send(fd, "GET / HTTP/1.0\r\n\r\n", 18, MSG_NOSIGNAL);
	if (wait_for(fd, POLLIN) <= 0)
		return "TIMEOUT";
	ssize_t n = recv(fd, data, sizeof(data) - 1, 0);
	if (n > 0) /* the gateway says why, itself */
		return strncmp(data, "HTTP/1.1 403 ", 13) == 0 &&
			       strstr(data, "Proxy-Status: immure; error=http_request_denied") !=
				   NULL
			   ? "DENIED"
			   : "DATA";
	return n == 0 ? "EOF" : strerrorname_np(errno);
}

static const char *tcp_try(const char *address, int port)
{
	struct sockaddr_storage to;
	socklen_t len = address_of(&to, address, port);
	int fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0), error = 0;
	const char *word;

	if (fd < 0)
		return strerrorname_np(errno);
	if (connect(fd, (struct sockaddr *)&to, len) < 0 && errno != EINPROGRESS) {
		word = strerrorname_np(errno);
	} else if (wait_for(fd, POLLOUT) <= 0) {
		word = "TIMEOUT";
	} else {
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &(socklen_t){ sizeof(error) });
		word = error != 0 ? strerrorname_np(error) : tcp_end(fd);
	}
	close(fd);
	return word;
}

static int net_tcp(int argc, char **argv)
{
	for (int i = 1; i + 1 < argc; i += 2) {
		int64_t since = now_ms();

		outcome("tcp", argv[i], atoi(argv[i + 1]), tcp_try(argv[i], atoi(argv[i + 1])),
			since);
	}
	return 0;
}

static int net_udp(int argc, char **argv)
{
	for (int i = 1; i + 1 < argc; i += 2) {
		struct sockaddr_storage to;
		socklen_t len = address_of(&to, argv[i], atoi(argv[i + 1]));
		int fd = socket(to.ss_family, SOCK_DGRAM, 0), on = 1;
		int64_t since = now_ms();
		char data[64];
		const char *word;

		setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on));
		setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on,
			   sizeof(on)); /* tell errors before connect() */
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof(on));
		if (sendto(fd, "hello", 5, 0, (struct sockaddr *)&to, len) < 0)
			word = strerrorname_np(errno);
		else if (wait_for(fd, POLLIN) <= 0)
			word = "TIMEOUT";
		else
			word =
			    recv(fd, data, sizeof(data), 0) >= 0 ? "DATA" : strerrorname_np(errno);
		outcome("udp", argv[i], atoi(argv[i + 1]), word, since);
		close(fd);
	}
	return 0;
}

/* put_query() - a question for @name, of @type. Return: its length */
static size_t put_query(unsigned char *to, const char *name, int type)
{
	unsigned char *at = to + 12;

	memset(to, 0, 12);
	to[0] = 0x12;
	to[2] = 1; /* recursion desired */
	to[5] = 1; /* one question */
	while (*name != '\0') {
		size_t len = strcspn(name, ".");

		*at++ = (unsigned char)len;
		memcpy(at, name, len);
		at += len;
		name += len + (name[len] == '.');
	}
	*at++ = 0;
	*at++ = 0;
	*at++ = (unsigned char)type;
	*at++ = 0;
	*at++ = 1;
	return (size_t)(at - to);
}

/* tcp_ask() - as a resolver would over TCP. Return: the answer's octets; -1: see errno. */
static ssize_t tcp_ask(const struct sockaddr_storage *to, socklen_t len, const unsigned char *query,
		       size_t octets, unsigned char answer[600])
{
	unsigned char frame[602] = { (unsigned char)(octets >> 8), (unsigned char)octets };
	int fd = socket(to->ss_family, SOCK_STREAM, 0);
	ssize_t n = -1;

	memcpy(frame + 2, query, octets);
	if (connect(fd, (const struct sockaddr *)to, len) == 0 &&
	    send(fd, frame, octets + 2, MSG_NOSIGNAL) == (ssize_t)octets + 2) {
		errno = ETIMEDOUT;
		if (wait_for(fd, POLLIN) > 0)
			n = recv(fd, frame, sizeof(frame), 0);
	}
	close(fd);
	if (n >= 2)
		memcpy(answer, frame + 2, (size_t)n - 2);
	return n < 2 ? n : n - 2;
}

/* net_dns_tcp() RESOLVER NAME TYPE ... - as net_dns() */
static int net_dns_tcp(int argc, char **argv)
{
	for (int i = 1; i + 2 < argc; i += 3) {
		struct sockaddr_storage to;
		socklen_t len = address_of(&to, argv[i], 53);
		unsigned char query[600], answer[600];
		size_t octets = put_query(query, argv[i + 1], atoi(argv[i + 2]));
		int64_t since = now_ms();
		char word[32];
		ssize_t n = tcp_ask(&to, len, query, octets, answer);

		if (n < 12)
			snprintf(word, sizeof(word), "%s",
				 n < 0 ? strerrorname_np(errno) : "SHORT");
		else
			snprintf(word, sizeof(word), "rcode%d-answers%d", answer[3] & 15,
				 answer[7]);
		outcome("dns-tcp", argv[i], atoi(argv[i + 2]), word, since);
	}
	return 0;
}

/* net_dns() RESOLVER NAME TYPE ... - word: the response code */
static int net_dns(int argc, char **argv)
{
	for (int i = 1; i + 2 < argc; i += 3) {
		struct sockaddr_storage to;
		socklen_t len = address_of(&to, argv[i], 53);
		int fd = socket(to.ss_family, SOCK_DGRAM, 0);
		unsigned char query[600], answer[600];
		size_t octets = put_query(query, argv[i + 1], atoi(argv[i + 2]));
		int64_t since = now_ms();
		char word[32];
		ssize_t n = 0;

		if (sendto(fd, query, octets, 0, (struct sockaddr *)&to, len) < 0)
			snprintf(word, sizeof(word), "%s", strerrorname_np(errno));
		else if (wait_for(fd, POLLIN) <= 0)
			snprintf(word, sizeof(word), "TIMEOUT");
		else if ((n = recv(fd, answer, sizeof(answer), 0)) < 12)
			snprintf(word, sizeof(word), "%s",
				 n < 0 ? strerrorname_np(errno) : "SHORT");
		else
			snprintf(word, sizeof(word), "rcode%d-answers%d", answer[3] & 15,
				 answer[7]);
		outcome("dns", argv[i], atoi(argv[i + 2]), word, since);
		close(fd);
	}
	return 0;
}

/* a24_sockets() - every family and type there is */
static int a24_sockets(int argc, char **argv)
{
	static const int protocols[] = { 0,  1,  2,  4,  6,   17,  33,  41,
					 47, 50, 58, 89, 132, 136, 255, 262 };
	static const int types[] = { 1, 2, 3, 4, 5, 6, 10 };

	(void)argc;
	(void)argv;
	for (int family = 0; family < 50; family++)
		for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
			size_t last = family == AF_INET || family == AF_INET6 ||
					      family == AF_NETLINK || family == AF_PACKET
					  ? ARRAY_SIZE(protocols)
					  : 1;
			for (size_t p = 0; p < last; p++) {
				int fd = socket(family, types[i], protocols[p]);

				if (fd >= 0)
					see("socket", "%d %d %d", family, types[i], protocols[p]);
				if (fd >= 0)
					close(fd);
			}
		}
	for (int protocol = 0; protocol < 25; protocol++) {
		int fd = socket(AF_NETLINK, SOCK_RAW, protocol);

		if (fd >= 0)
			see("netlink", "%d", protocol);
		if (fd >= 0)
			close(fd);
	}
	int pair[2];
	for (int family = 2; family < 50; family++)
		if (socketpair(family, SOCK_STREAM, 0, pair) == 0)
			see("socketpair", "%d", family);
	int fd = socket((int)(AF_VSOCK), SOCK_STREAM, 0);
	tell_fd(fd, "vsock");
	tell_fd((int)syscall(SYS_socket, AF_PACKET | 1UL << 32, SOCK_RAW, 0),
		"packet with high bits");
	tell_fd((int)syscall(SYS_socket, AF_INET | 1UL << 32, SOCK_RAW | 1UL << 32, 1UL),
		"raw with high bits");
	return 0;
}

/* a24_options() - options that would let a packet past the capture */
static int a24_options(int argc, char **argv)
{
	static const struct {
		const char *name;
		int family, type, level, option, value;
	} rows[] = {
		{ "SO_MARK", AF_INET, SOCK_DGRAM, SOL_SOCKET, SO_MARK, 0x696d6d },
		{ "SO_MARK tcp6", AF_INET6, SOCK_STREAM, SOL_SOCKET, SO_MARK, 0x696d6d },
		{ "IP_TRANSPARENT", AF_INET, SOCK_DGRAM, IPPROTO_IP, 19, 1 },
		{ "IPV6_TRANSPARENT", AF_INET6, SOCK_DGRAM, IPPROTO_IPV6, 75, 1 },
		{ "TCP_REPAIR", AF_INET, SOCK_STREAM, IPPROTO_TCP, TCP_REPAIR, 1 },
		{ "TCP_ULP", AF_INET, SOCK_STREAM, IPPROTO_TCP, TCP_ULP, 0x736c74 },
		{ "SO_RCVBUFFORCE", AF_INET, SOCK_DGRAM, SOL_SOCKET, SO_RCVBUFFORCE, 1 << 24 },
		{ "SO_DEBUG", AF_INET, SOCK_STREAM, SOL_SOCKET, SO_DEBUG, 1 },
		{ "IPV6_HDRINCL", AF_INET6, SOCK_DGRAM, IPPROTO_IPV6, 36, 1 },
		{ "IP_HDRINCL", AF_INET, SOCK_DGRAM, IPPROTO_IP, IP_HDRINCL, 1 },
	};

	(void)argc;
	(void)argv;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int fd = socket(rows[i].family, rows[i].type, 0);

		tell(setsockopt(fd, rows[i].level, rows[i].option, &rows[i].value,
				sizeof(rows[i].value)),
		     "%s", rows[i].name);
		close(fd);
	}
	struct sockaddr_storage to;
	socklen_t len = address_of(&to, "192.0.2.1", 80);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int64_t since = now_ms();
	char data[16];
	ssize_t n = sendto(fd, "x", 1, MSG_FASTOPEN | MSG_NOSIGNAL, (struct sockaddr *)&to, len);
	if (n >= 0)
		n = wait_for(fd, POLLIN) > 0 ? recv(fd, data, sizeof(data), 0) : 1;
	tell(n > 0 ? 0 : -1, "fast open");
	see("fastopen-ms", "%lld", (long long)(now_ms() - since));
	return 0;
}

struct request {
	struct nlmsghdr head;
	union {
		struct ifinfomsg link;
		struct ifaddrmsg address;
		struct rtmsg route;
	};
	char space[128];
};

/* ask() - one rtnetlink request; its acknowledgement is the result */
static void ask(struct request *request, int type, size_t len, const char *name)
{
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	struct {
		struct nlmsghdr head;
		struct nlmsgerr error;
		char rest[512];
	} answer;

	request->head.nlmsg_len = (uint32_t)(NLMSG_HDRLEN + len);
	request->head.nlmsg_type = (uint16_t)type;
	request->head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE;
	long result = send(fd, request, request->head.nlmsg_len, 0);
	if (result >= 0 && wait_for(fd, POLLIN) > 0 && recv(fd, &answer, sizeof(answer), 0) > 0) {
		errno = -answer.error.error;
		result = answer.error.error;
	}
	tell(result, "%s", name);
	close(fd);
}

static int a24_netlink(int argc, char **argv)
{
	struct request request;

	(void)argc;
	(void)argv;
	memset(&request, 0, sizeof(request));
	request.link = (struct ifinfomsg){ .ifi_index = 1, .ifi_flags = 0, .ifi_change = IFF_UP };
	ask(&request, RTM_NEWLINK, sizeof(request.link), "lo down");
	memset(&request, 0, sizeof(request));
	request.address =
	    (struct ifaddrmsg){ .ifa_family = AF_INET, .ifa_prefixlen = 32, .ifa_index = 1 };
	ask(&request, RTM_NEWADDR, sizeof(request.address), "add an address");
	memset(&request, 0, sizeof(request));
	request.route = (struct rtmsg){ .rtm_family = AF_INET,
					.rtm_table = RT_TABLE_MAIN,
					.rtm_type = RTN_BLACKHOLE };
	ask(&request, RTM_NEWROUTE, sizeof(request.route), "add a route");
	memset(&request, 0, sizeof(request));
	request.route = (struct rtmsg){ .rtm_family = AF_INET,
					.rtm_table = RT_TABLE_LOCAL,
					.rtm_type = RTN_LOCAL };
	ask(&request, RTM_DELROUTE, sizeof(request.route), "remove the route");
	memset(&request, 0, sizeof(request));
	request.link = (struct ifinfomsg){ .ifi_index = 0 };
	ask(&request, RTM_NEWLINK, sizeof(request.link) + 16, "make an interface");
	memset(&request, 0, sizeof(request));
	request.route = (struct rtmsg){ .rtm_family = AF_INET };
	ask(&request, RTM_DELRULE, sizeof(request.route), "remove a rule");
	return 0;
}

/* a25_interfaces() - names of those that are up, and the addresses of all */
static int a25_interfaces(int argc, char **argv)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	(void)argc;
	(void)argv;
	for (int i = 1; i < 64; i++) {
		struct ifreq row = { .ifr_ifindex = i };

		if (ioctl(fd, SIOCGIFNAME, &row) < 0 || ioctl(fd, SIOCGIFFLAGS, &row) < 0)
			continue;
		see((row.ifr_flags & IFF_UP) != 0 ? "up" : "down", "%s", row.ifr_name);
	}
	struct ifreq row = { .ifr_name = "lo" };
	row.ifr_flags = 0;
	tell(ioctl(fd, SIOCSIFFLAGS, &row), "ioctl lo down");
	tell(ioctl(fd, SIOCSIFADDR, &row), "ioctl set an address");
	return 0;
}

/* a28_flood() ADDRESS PORT COUNT - many flows at once: none is served, none hangs */
static int a28_flood(int argc, char **argv)
{
	int count = argc > 3 ? atoi(argv[3]) : 100, open_flows = 0, refused = 0;
	struct pollfd *fds = calloc((size_t)count, sizeof(*fds));
	struct sockaddr_storage to;
	socklen_t len = address_of(&to, argv[1], atoi(argv[2]));
	int64_t since = now_ms();

	for (int i = 0; i < count; i++) {
		int fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);

		if (fd < 0 ||
		    (connect(fd, (struct sockaddr *)&to, len) < 0 && errno != EINPROGRESS)) {
			refused++;
			close(fd);
			continue;
		}
		fds[open_flows++] = (struct pollfd){ .fd = fd, .events = POLLIN };
	}
	for (int ended = 0; ended < open_flows && now_ms() - since < 10000;) {
		poll(fds, (nfds_t)open_flows, 100);
		for (int i = 0; i < open_flows; i++) {
			char octet;

			if (fds[i].fd < 0 || fds[i].revents == 0)
				continue;
			refused += recv(fds[i].fd, &octet, 1, 0) <= 0;
			close(fds[i].fd);
			fds[i].fd = -1;
			ended++;
		}
	}
	see("flood", "%d of %d refused %lld", refused, count, (long long)(now_ms() - since));
	return 0;
}

const struct command net_commands[] = {
	{ "tcp", net_tcp },
	{ "udp", net_udp },
	{ "dns", net_dns },
	{ "dns-tcp", net_dns_tcp },
	{ "A24", a24_sockets },
	{ "A24-options", a24_options },
	{ "A24-netlink", a24_netlink },
	{ "A25", a25_interfaces },
	{ "flood", a28_flood },
	{ NULL, NULL },
};
