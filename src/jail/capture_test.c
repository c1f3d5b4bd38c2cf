// SPDX-License-Identifier: Apache-2.0
/*
 * Each case runs in a child with a network namespace of its own, so all traffic stays within a
 * namespace that has no interface but lo. Three kinds of user: as we are, with a user namespace;
 * root without one; nobody with one.
 */
#include "jail/capture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/test.h"
#include "base/test_net.h"

enum { COST_RUNS = 50, NOBODY = 65534 };

/* shown() - an address as "text port", a mapped one as IPv4; static memory */
static const char *shown(const struct sockaddr_storage *a)
{
	static char line[80];
	char text[INET6_ADDRSTRLEN] = "?";
	struct sockaddr_in v4 = { 0 };
	struct sockaddr_in6 v6 = { 0 };

	memcpy(&v4, a, sizeof(v4));
	memcpy(&v6, a, sizeof(v6));
	if (a->ss_family == AF_INET)
		inet_ntop(AF_INET, &v4.sin_addr, text, sizeof(text));
	else if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr))
		inet_ntop(AF_INET, v6.sin6_addr.s6_addr + 12, text, sizeof(text));
	else
		inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof(text));
	snprintf(line, sizeof(line), "%s %u", text, (unsigned)ntohs(v4.sin_port));
	return line;
}

static int pending_error(int fd)
{
	int error = 0;
	socklen_t len = sizeof(error);

	CHECK(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0, "%d", errno);
	return error;
}

/* dial() - connect, from the address @from if it is not NULL. Return: 0 or -errno, -ETIME: hangs.
 */
static int dial(int *ret, const char *from, const char *to, uint16_t port)
{
	struct sockaddr_storage peer, local;
	socklen_t len = test_address(&peer, to, port);
	CLEANUP_FD int fd = socket(peer.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (from != NULL) {
		socklen_t local_len = test_address(&local, from, 0);

		CHECK(bind(fd, (struct sockaddr *)&local, local_len) == 0, "%s: %d", from, errno);
	}
	if (connect(fd, (struct sockaddr *)&peer, len) < 0) {
		if (errno != EINPROGRESS)
			return -errno;
		if (!test_ready(fd, POLLOUT))
			return -ETIME;
		int error = pending_error(fd);
		if (error != 0)
			return -error;
	}
	*ret = fd_take(&fd);
	return 0;
}

static void check_exchange(int a, int b, const char *what)
{
	char c = 0;

	CHECK(send(a, "x", 1, MSG_NOSIGNAL) == 1 && test_ready(b, POLLIN), "%s: %d", what, errno);
	CHECK(recv(b, &c, 1, MSG_DONTWAIT) == 1 && c == 'x', "%s: %d", what, errno);
	CHECK(send(b, "y", 1, MSG_NOSIGNAL) == 1 && test_ready(a, POLLIN), "%s: %d", what, errno);
	CHECK(recv(a, &c, 1, MSG_DONTWAIT) == 1 && c == 'y', "%s: %d", what, errno);
}

static void test_tcp(int tcp)
{
	const struct {
		const char *from, *to;
		uint16_t port;
		const char *want;
	} rows[] = {
		{ NULL, "198.51.100.7", 443, "198.51.100.7 443" },
		{ NULL, "203.0.113.9", 22, "203.0.113.9 22" },
		{ NULL, "2001:db8::1", 5432, "2001:db8::1 5432" },
		{ NULL, "10.0.2.2", 9999, "10.0.2.2 9999" },
		{ NULL, "8.8.8.8", 53, "8.8.8.8 53" },
		{ NULL, "169.254.169.254", 80, "169.254.169.254 80" },
		{ NULL, "::ffff:198.51.100.8", 65535, "198.51.100.8 65535" },
		{ NULL, "64:ff9b::7f00:1", 1, "64:ff9b::7f00:1 1" },
		{ "192.0.2.1", "198.51.100.7", 443, "198.51.100.7 443" }, /* a borrowed address */
		{ "127.0.0.1", "198.51.100.7", 1, "198.51.100.7 1" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_FD int near = -1, far = -1;
		struct sockaddr_storage asked = { 0 };
		socklen_t len = sizeof(asked);

		int r = dial(&near, rows[i].from, rows[i].to, rows[i].port);
		CHECK(r == 0, "%s: %d", rows[i].to, r);
		far = accept4(tcp, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		CHECK(far >= 0, "%s: accept: %d", rows[i].to, errno);
		CHECK(getsockname(far, (struct sockaddr *)&asked, &len) == 0, "%d", errno);
		CHECK(strcmp(shown(&asked), rows[i].want) == 0, "row %zu: %s", i, shown(&asked));
		if (r == 0)
			check_exchange(near, far, rows[i].to);
	}
}

static void check_own(const char *own)
{
	CLEANUP_FD int server = -1, near = -1, far = -1;
	struct sockaddr_storage a;
	socklen_t len = test_address(&a, own, 8080);

	server = socket(a.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	CHECK(bind(server, (struct sockaddr *)&a, len) == 0, "%s: %d", own, errno);
	CHECK(listen(server, 1) == 0, "%d", errno);
	int r = dial(&near, NULL, own, 8080);
	CHECK(r == 0, "%s: %d", own, r);
	far = accept4(server, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	CHECK(far >= 0, "%s: %d", own, errno);
	if (r == 0)
		check_exchange(near, far, own);
	CHECK(dial(&near, NULL, own, 8081) == -ECONNREFUSED, "%s: closed", own);
}

/* Programs inside reach each other, and we do not hear of it. */
static void test_own(int tcp)
{
	const char *const rows[] = { "127.0.0.1", "127.0.0.53", "::1", CAPTURE_ADDR4,
				     CAPTURE_ADDR6 };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		check_own(rows[i]);
	CHECK(accept(tcp, NULL, NULL) == -1 && errno == EAGAIN, "captured an own flow");
}

/* A program that listens where the world would be cannot take a captured flow. */
static void test_steal(int tcp)
{
	CLEANUP_FD int thief = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	CLEANUP_FD int near = -1, far = -1;
	struct sockaddr_storage a;
	socklen_t len = test_address(&a, "198.51.100.9", 443);

	CHECK(bind(thief, (struct sockaddr *)&a, len) == 0 && listen(thief, 1) == 0, "%d", errno);
	CHECK(dial(&near, NULL, "198.51.100.9", 443) == 0, "connect");
	CHECK(accept(thief, NULL, NULL) == -1 && errno == EAGAIN, "stolen");
	far = accept4(tcp, NULL, NULL, SOCK_CLOEXEC);
	CHECK(far >= 0, "%d", errno);
}

/* Our end of a flow to port 8443 keeps nobody from serving port 8443, while open and afterwards. */
static void test_same_port(int tcp)
{
	CLEANUP_FD int near = -1, far = -1;

	CHECK(dial(&near, NULL, "198.51.100.7", 8443) == 0, "connect");
	far = accept4(tcp, NULL, NULL, SOCK_CLOEXEC);
	for (int closed = 0; closed <= 1; closed++) {
		CLEANUP_FD int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		struct sockaddr_storage a;
		socklen_t len = test_address(&a, "0.0.0.0", 8443);

		CHECK(setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)) == 0,
		      "%d", errno);
		CHECK(bind(server, (struct sockaddr *)&a, len) == 0 && listen(server, 1) == 0,
		      "closed %d: %d", closed, errno);
		fd_close(&far); /* first, so that the wait in TIME_WAIT is ours */
	}
}

/* echo_dns() - answer the datagram that waits on @dns from the address that it was sent to */
static void echo_dns(int dns, const char *want)
{
	struct sockaddr_storage peer = { 0 }, asked = { .ss_family = AF_INET6 };
	char text[64], control[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	struct iovec part = { text, sizeof(text) };
	struct msghdr m = {
		.msg_name = &peer,
		.msg_namelen = sizeof(peer),
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct in6_pktinfo info = { 0 };

	CHECK(test_ready(dns, POLLIN), "%s: nothing came", want);
	ssize_t n = recvmsg(dns, &m, MSG_DONTWAIT);
	CHECK(n == 5, "%zd %d", n, errno);
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	if (n < 0 || c == NULL)
		return;
	CHECK(c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO, "%d", c->cmsg_type);
	memcpy(&info, CMSG_DATA(c), sizeof(info));
	((struct sockaddr_in6 *)&asked)->sin6_addr = info.ipi6_addr;
	CHECK(strncmp(shown(&asked), want, strlen(want)) == 0, "%s", shown(&asked));
	part.iov_len = (size_t)n;
	CHECK(sendmsg(dns, &m, 0) == n, "%s: %d", want, errno);
}

static void test_dns(int dns)
{
	const char *const rows[] = { "8.8.8.8",     "2001:4860:4860::8888", "10.0.2.3",
				     CAPTURE_ADDR4, CAPTURE_ADDR6,          "127.0.0.53" };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct sockaddr_storage a;
		socklen_t len = test_address(&a, rows[i], 53);
		CLEANUP_FD int near = socket(a.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		char text[8];

		/* connected: the kernel drops an answer from any other address or port */
		CHECK(connect(near, (struct sockaddr *)&a, len) == 0, "%s: %d", rows[i], errno);
		CHECK(send(near, "query", 5, 0) == 5, "%s: %d", rows[i], errno);
		echo_dns(dns, rows[i]);
		CHECK(test_ready(near, POLLIN), "%s: no answer", rows[i]);
		CHECK(recv(near, text, sizeof(text), MSG_DONTWAIT) == 5, "%s: %d", rows[i], errno);
	}
}

struct refused {
	const char *to;
	uint16_t port;
	int type, protocol;
	int waiting; /* the error a waiting socket wakes with; 0: none */
};

static void check_refused(const struct refused *row)
{
	const char text[16] = { 8 }; /* an echo request, where that matters */
	struct sockaddr_storage a;
	socklen_t len = test_address(&a, row->to, row->port);
	CLEANUP_FD int fd = socket(a.ss_family, row->type | SOCK_CLOEXEC, row->protocol);
	char octet = 0;

	CHECK(sendto(fd, text, 16, 0, (struct sockaddr *)&a, len) == -1 && errno == EPERM,
	      "%s: unconnected: %d", row->to, errno);
	CHECK(connect(fd, (struct sockaddr *)&a, len) == 0, "%s: %d", row->to, errno);
	CHECK(send(fd, text, 16, 0) == -1 && errno == EPERM, "%s: %d", row->to, errno);
	if (row->waiting == 0)
		return;
	CHECK(test_ready(fd, POLLIN), "%s: no wake-up", row->to);
	CHECK(recv(fd, &octet, 1, MSG_DONTWAIT) == -1 && errno == row->waiting, "%s: %d", row->to,
	      errno);
}

static void test_refused(void)
{
	const struct refused rows[] = {
		{ "203.0.113.9", 443, SOCK_DGRAM, 0, ECONNREFUSED },
		{ "2001:db8::1", 443, SOCK_DGRAM, 0, ECONNREFUSED },
		{ "8.8.8.8", 54, SOCK_DGRAM, 0, ECONNREFUSED },
		{ "224.0.0.251", 5353, SOCK_DGRAM, 0, 0 },
		{ "ff05::fb", 5353, SOCK_DGRAM, 0, 0 },
		{ "203.0.113.9", 0, SOCK_RAW, IPPROTO_SCTP, 0 },
		{ "203.0.113.9", 0, SOCK_RAW, IPPROTO_ICMP, 0 },
		{ "2001:db8::1", 0, SOCK_RAW, IPPROTO_SCTP, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		check_refused(&rows[i]);
}

/* drain_log() - Return: how many packets were told of; @to (@len octets) is in each; NULL: any */
static int drain_log_of(int log, const void *to, size_t len)
{
	char told[8192];
	ssize_t n = 0;
	int count = 0;

	while ((n = recv(log, told, sizeof(told), 0)) > 0) {
		CHECK(n < 512, "%zd octets of one packet", n);
		CHECK(to == NULL || memmem(told, (size_t)n, to, len) != NULL, "of another packet");
		count++;
	}
	CHECK(n == -1 && errno == EAGAIN, "%zd %d", n, errno);
	return count;
}

static void drain_log(int log)
{
	(void)drain_log_of(log, NULL, 0);
}

/* send_to() - @count datagrams */
static void send_to(const char *to, uint16_t port, int count)
{
	struct sockaddr_storage a;
	socklen_t len = test_address(&a, to, port);
	CLEANUP_FD int fd = socket(a.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char text[1200] = { 0 };

	for (int i = 0; i < count; i++)
		(void)!sendto(fd, text, sizeof(text), 0, (struct sockaddr *)&a, len);
}

/* What is refused is told of, whole in its headers; what is not, is not; a flood is cut short. */
static void test_log(int log)
{
	CHECK(drain_log_of(log, NULL, 0) == 16, "two packets a row of test_refused()");
	send_to("198.51.100.99", 4711, 1);
	CHECK(drain_log_of(log, "\xc6\x33\x64\x63", 4) == 1, "not told of");
	send_to("2001:db8::63", 4711, 1);
	CHECK(drain_log_of(log, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x63", 16) == 1,
	      "not told of");
	send_to("127.0.0.1", 4711, 1); /* whose ICMP answer is an own flow, too */
	CHECK(drain_log_of(log, NULL, 0) == 0, "told of an own flow");
	send_to("198.51.100.99", 4711, 1000);
	int told = drain_log_of(log, NULL, 0);
	CHECK(told > 0 && told < 100, "%d of a flood", told);
}

/* glibc: EAI_NONAME for a family that has none but loopback addresses, even if there is no lookup
 */
static void test_addrconfig(void)
{
	const struct {
		int family;
		const char *name;
	} rows[] = { { AF_INET, "198.51.100.7" }, { AF_INET6, "2001:db8::1" } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct addrinfo hints = {
			.ai_family = rows[i].family,
			.ai_flags = AI_ADDRCONFIG | AI_NUMERICHOST,
		};
		struct addrinfo *found = NULL;
		int r = getaddrinfo(rows[i].name, NULL, &hints, &found);

		CHECK(r == 0, "%s: %s", rows[i].name, gai_strerror(r));
		if (r == 0)
			freeaddrinfo(found);
	}
}

/* check_ports() - port 80 is free for all where /proc/sys was writable; port 53 is ours */
static void check_ports(void)
{
	CLEANUP_FD int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CLEANUP_FD int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	CLEANUP_FD int low = open("/proc/sys/net/ipv4/ip_unprivileged_port_start", O_RDONLY);
	struct sockaddr_storage a;
	char start = 0;

	socklen_t len = test_address(&a, "127.0.0.1", 80);
	if (read(low, &start, 1) == 1 && start == '0')
		CHECK(bind(tcp, (struct sockaddr *)&a, len) == 0, "port 80: %d", errno);
	len = test_address(&a, "8.8.8.8", 53);
	CHECK(setsockopt(udp, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)) == 0, "%d",
	      errno);
	CHECK(bind(udp, (struct sockaddr *)&a, len) == -1, "took over DNS");
}

/* What the program is: in a nested user namespace, without power over the network namespace. */
static void test_powerless(void)
{
	CLEANUP_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const char *stage = "none";
	int mark = CAPTURE_MARK, all[CAPTURE_SOCKETS] = { -1, -1, -1, -1 };

	CHECK(unshare(CLONE_NEWUSER) == 0, "%d", errno);
	CHECK(setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) == -1 && errno == EPERM,
	      "posed as the gateway");
	int r = capture_open(all, &stage);
	CHECK(r == -EPERM && strcmp(stage, "lo up") == 0, "%d %s", r, stage);
	for (size_t i = 0; i < CAPTURE_SOCKETS; i++)
		CHECK(all[i] == -1, "%zu: written on failure", i);
	check_ports();
}

static void test_twice(void)
{
	const char *stage = NULL;
	int all[CAPTURE_SOCKETS] = { -1, -1, -1, -1 };
	int r = capture_open(all, &stage);

	CHECK(r == -EEXIST && strcmp(stage, "IPv4 address") == 0, "%d %s", r, stage);
}

static void test_gateway_gone(int *tcp)
{
	CLEANUP_FD int near = -1;

	fd_close(tcp);
	CHECK(dial(&near, NULL, "198.51.100.7", 443) == -ECONNREFUSED,
	      "IPv4 does not fail at once");
	CHECK(dial(&near, NULL, "2001:db8::1", 443) == -ECONNREFUSED, "IPv6 does not fail at once");
}

/* wait_for() - run @body in a child. Return: what it returned, -1: a signal ended it. */
static int wait_for(int (*body)(const void *arg), const void *arg)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(body(arg));
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid, "%d", errno);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int powerless(const void *arg)
{
	(void)arg;
	test_failures = 0;
	test_powerless();
	return test_failures > 0;
}

struct mode {
	const char *name;
	bool drop; /* become nobody first */
	int namespaces;
};

static bool enter(const struct mode *mode)
{
	if (mode->drop && (setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
			   setresuid(NOBODY, NOBODY, NOBODY) < 0 || prctl(PR_SET_DUMPABLE, 1) < 0))
		return false;
	return test_enter(mode->namespaces);
}

static int all_tests(const void *arg)
{
	const char *stage = "none";
	int all[CAPTURE_SOCKETS] = { -1, -1, -1, -1 };

	if (!enter(arg)) {
		fprintf(stderr, "%s: no namespaces here: %d\n", ((const struct mode *)arg)->name,
			errno);
		return 77;
	}
	int r = capture_open(all, &stage);
	CHECK(r == 0, "%s: %s", stage, strerrordesc_np(-r));
	if (r < 0)
		return 1;
	int tcp = all[CAPTURE_TCP], dns = all[CAPTURE_DNS], log = all[CAPTURE_LOG];
	CHECK(log >= 0, "no log of what is refused: has this kernel nfnetlink_log?");
	CHECK(all[CAPTURE_DIAG] >= 0, "nothing tells whose a connection is: has it sock_diag?");
	for (size_t i = 0; i < CAPTURE_SOCKETS; i++)
		CHECK((fcntl(all[i], F_GETFD) & FD_CLOEXEC) != 0 &&
			  (fcntl(all[i], F_GETFL) & O_NONBLOCK) != 0,
		      "%zu: close-on-exec, non-blocking", i);
	test_tcp(tcp);
	test_own(tcp);
	test_steal(tcp);
	test_same_port(tcp);
	test_dns(dns);
	drain_log(log);
	test_refused();
	test_log(log);
	test_addrconfig();
	test_twice();
	CHECK(wait_for(powerless, NULL) == 0, "see above");
	test_gateway_gone(&tcp);
	return test_failures > 0;
}

/* Two numbers in nanoseconds, shared with the children that measure. */
struct cost {
	int pipe;
	struct mode mode;
};

static int measure(const void *arg)
{
	const struct cost *cost = arg;
	const char *stage = NULL;
	int all[CAPTURE_SOCKETS] = { -1, -1, -1, -1 };
	int64_t start = clock_mono_ns();

	if (!enter(&cost->mode))
		return 77;
	int64_t entered = clock_mono_ns();
	if (capture_open(all, &stage) < 0)
		return 1;
	int64_t spent[2] = { clock_mono_ns() - entered, clock_mono_ns() - start };
	return write(cost->pipe, spent, sizeof(spent)) != sizeof(spent);
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Information, never a verdict: the machine may be busy. */
static void print_cost(void)
{
	int64_t capture[COST_RUNS] = { 0 }, whole[COST_RUNS] = { 0 }, spent[2] = { 0 };
	int ends[2] = { -1, -1 };

	CHECK(pipe(ends) == 0, "%d", errno);
	struct cost cost = { ends[1], { "cost", false, CLONE_NEWUSER | CLONE_NEWNET } };
	for (int i = 0; i < COST_RUNS; i++) {
		if (wait_for(measure, &cost) != 0 ||
		    read(ends[0], spent, sizeof(spent)) != sizeof(spent))
			return;
		capture[i] = spent[0];
		whole[i] = spent[1];
	}
	qsort(capture, COST_RUNS, sizeof(*capture), by_size);
	qsort(whole, COST_RUNS, sizeof(*whole), by_size);
	printf("capture_open() %lld us, with its namespaces %lld us (median of %d)\n",
	       (long long)capture[COST_RUNS / 2] / 1000, (long long)whole[COST_RUNS / 2] / 1000,
	       COST_RUNS);
}

int main(void)
{
	static const struct mode modes[] = {
		{ "as we are", false, CLONE_NEWUSER | CLONE_NEWNET },
		{ "root", false, CLONE_NEWNET },
		{ "nobody", true, CLONE_NEWUSER | CLONE_NEWNET },
	};
	int ran = 0;

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		if (i > 0 && geteuid() != 0)
			break;
		int r = wait_for(all_tests, &modes[i]);
		CHECK(r == 0 || r == 77, "%s: %d", modes[i].name, r);
		ran += r == 0;
	}
	print_cost();
	if (test_failures == 0 && ran == 0)
		return 77; /* meson: skipped, since this machine has no such namespaces for us */
	return test_failures > 0;
}
