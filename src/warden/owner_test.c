// SPDX-License-Identifier: Apache-2.0
#include "warden/owner.h"

#include <errno.h>
#include <linux/netlink.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/test.h"
#include "base/test_net.h"

enum { MANY = 3000, SOME = 40 };

static struct sockaddr_in server; /* listens */

static int dial(struct diag_connection *ret)
{
	struct sockaddr_in own = { 0 };
	socklen_t len = sizeof(own);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(connect(fd, (struct sockaddr *)&server, sizeof(server)) == 0 &&
		  getsockname(fd, (struct sockaddr *)&own, &len) == 0,
	      "%d", errno);
	*ret = (struct diag_connection){ .from = { [10] = 0xff, 0xff },
					 .to = { [10] = 0xff, 0xff },
					 .from_port = ntohs(own.sin_port),
					 .to_port = ntohs(server.sin_port) };
	memcpy(ret->from + 12, &own.sin_addr, 4);
	memcpy(ret->to + 12, &server.sin_addr, 4);
	return fd;
}

static struct owners ours(void)
{
	struct owners owners = OWNERS;

	owners.diag = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	owners.init = getpid();
	owners.search_ns = INT64_MAX / 4;
	return owners;
}

static void check_found(struct owners *owners, const struct diag_connection *connection, pid_t pid)
{
	char self[OWNER_PROGRAM_OCTETS] = "";
	struct owner got;

	(void)!readlink("/proc/self/exe", self, sizeof(self) - 1);
	owners->credit_ns = owners->counted_ns != 0 ? OWNER_CREDIT_NS : 0;
	owners_find(&got, owners, connection);
	CHECK(got.pid == (uint32_t)pid, "%u, not %d", got.pid, pid);
	CHECK(pid == 0 ? got.program[0] == '\0' : strcmp(got.program, self) == 0, "'%s'",
	      got.program);
}

static void test_own(struct owners *owners)
{
	struct diag_connection connections[SOME];
	int fds[SOME];

	for (int i = 0; i < SOME; i++) {
		fds[i] = dial(&connections[i]);
		check_found(owners, &connections[i], getpid());
	}
	for (int i = SOME - 1; i >= 0; i--) /* the hint leads the wrong way */
		check_found(owners, &connections[i], getpid());
	connections[0].to_port++;
	check_found(owners, &connections[0], 0);
	for (int i = 0; i < SOME; i++)
		fd_close(&fds[i]);
	connections[0].to_port--;
	check_found(owners, &connections[0], 0);
}

/* child() - of another process: dials, and says so; then ends when its channel does */
static void child(int channel)
{
	struct diag_connection connection;
	int fd = dial(&connection);

	(void)!send(channel, &connection, sizeof(connection), 0);
	char octet = 0;
	(void)!recv(channel, &octet, 1, 0);
	(void)close(fd);
	_exit(test_failures > 0);
}

static void test_other(struct owners *owners)
{
	struct diag_connection connection;
	int pair[2], status = 0;

	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0, "%d", errno);
	pid_t pid = fork();
	if (pid == 0) {
		(void)close(pair[0]);
		child(pair[1]);
	}
	fd_close(&pair[1]);
	CHECK(recv(pair[0], &connection, sizeof(connection), MSG_WAITALL) == sizeof(connection),
	      "%d", errno);
	check_found(owners, &connection, pid);
	fd_close(&pair[0]);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0, "%d", status);
	check_found(owners, &connection, 0);
}

/* In a table of many descriptors the next one of the last is found. */
static void test_many(struct owners *owners)
{
	struct diag_connection connection, next;
	static int spare[MANY];
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_max < MANY + 100)
		return;
	files.rlim_cur = files.rlim_max;
	CHECK(setrlimit(RLIMIT_NOFILE, &files) == 0, "%d", errno);
	for (int i = 0; i < MANY; i++)
		spare[i] = dup(owners->diag);
	int fd = dial(&connection), second = dial(&next);
	owners->pid = (uint32_t)getpid();
	owners->fd = (uint32_t)fd;
	check_found(owners, &next, getpid());
	fd_close(&fd);
	fd_close(&second);
	for (int i = 0; i < MANY; i++)
		fd_close(&spare[i]);
}

/* However long the programs make a search: what it takes is counted, and when the credit is used up there is none
 * until it was earned again. */
static void test_credit(struct owners *owners)
{
	struct diag_connection connection;
	struct owner got;
	int fd = dial(&connection);

	check_found(owners, &connection, getpid());
	CHECK(owners->credit_ns < OWNER_CREDIT_NS, "a search costs nothing");
	owners->credit_ns = -100 * OWNER_CREDIT_NS;
	owners_find(&got, owners, &connection);
	CHECK(got.pid == 0, "found without credit");
	CHECK(owners->credit_ns < -99 * OWNER_CREDIT_NS, "%lld", (long long)owners->credit_ns);
	owners->counted_ns -= INT64_C(20) * 101 * OWNER_CREDIT_NS;
	owners_find(&got, owners, &connection);
	CHECK(got.pid == (uint32_t)getpid(), "not found with credit");
	CHECK(owners->credit_ns <= OWNER_CREDIT_NS, "it has no bound");
	fd_close(&fd);
}

/* What is not there, or not ours to see, is nobody. */
static void test_nothing(void)
{
	struct diag_connection connection;
	int fd = dial(&connection);
	struct owners none = OWNERS, owners = ours();

	check_found(&none, &connection, 0);
	owners.init = -1;
	check_found(&owners, &connection, 0);
	owners_close(&owners);
	fd_close(&owners.diag);
	fd_close(&fd);
}

int main(void)
{
	socklen_t len = sizeof(server);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	server = (struct sockaddr_in){ .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	CHECK(bind(listener, (struct sockaddr *)&server, len) == 0 && listen(listener, 4096) == 0 &&
		  getsockname(listener, (struct sockaddr *)&server, &len) == 0,
	      "%d", errno);
	struct owners owners = ours();
	if (owners.diag < 0)
		return 77;
	test_nothing();
	test_own(&owners);
	test_other(&owners);
	test_many(&owners);
	test_credit(&owners);
	owners_close(&owners);
	fd_close(&owners.diag);
	fd_close(&listener);
	return test_failures > 0;
}
