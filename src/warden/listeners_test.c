// SPDX-License-Identifier: Apache-2.0
/* A network of the test's own, whose kernel is asked. */
#include "warden/listeners.h"

#include <linux/netlink.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/test.h"
#include "base/test_net.h"
#include "jail/capture.h"

static struct loop *the_loop;
static int times;

static void on_seen(void *context, const struct listeners *listeners)
{
	(void)context;
	(void)listeners;
	times++;
	loop_stop(the_loop, 0);
}

static void look(void)
{
	times = 0;
	CHECK(loop_run(the_loop) == 0 && times == 1, "loop");
}

static size_t count(const struct listeners *listeners)
{
	size_t ret = 0;

	for (unsigned port = 0; port < LISTENERS_PORTS; port++)
		ret += listeners_has(listeners, (uint16_t)port);
	return ret;
}

static int listen_at(const char *address, uint16_t port)
{
	struct sockaddr_storage a;
	socklen_t len = test_address(&a, address, port);
	int fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)) == 0, "option");
	CHECK(bind(fd, (struct sockaddr *)&a, len) == 0 && listen(fd, 8) == 0, "%s", address);
	return fd;
}

static void test_addresses(struct listeners *listeners)
{
	static const struct {
		const char *address;
		bool counts;
	} rows[] = {
		{ "127.0.0.1", true },
		{ "0.0.0.0", true },
		{ "::1", true },
		{ "::", true },
		{ "127.0.0.2", false },
		{ "::ffff:127.0.0.1", true },
		{ "::ffff:127.0.0.2", false },
	};
	int fds[ARRAY_SIZE(rows)];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		fds[i] = listen_at(rows[i].address, (uint16_t)(8000 + i));
	look();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CHECK(listeners_has(listeners, (uint16_t)(8000 + i)) == rows[i].counts, "%s",
		      rows[i].address);
		fd_close(&fds[i]);
	}
	CLEANUP_FD int ours = listen_at("0.0.0.0", CAPTURE_TCP_PORT);
	look();
	CHECK(ours >= 0 && count(listeners) == 0, "%zu are left", count(listeners));
}

/* A long answer takes some turns, and is whole. */
static void test_many(struct listeners *listeners)
{
	enum { MANY = 900, BASE = 10000 };
	int fds[MANY];

	for (int i = 0; i < MANY; i++)
		fds[i] = listen_at("127.0.0.1", (uint16_t)(BASE + i));
	look();
	CHECK(count(listeners) == MANY, "%zu", count(listeners));
	for (int i = 0; i < MANY; i++)
		fd_close(&fds[i]);
}

int main(void)
{
	struct listeners listeners = LISTENERS;

	listeners_stop(&listeners);
	if (!test_enter((geteuid() != 0 ? CLONE_NEWUSER : 0) | CLONE_NEWNET))
		return 77;
	int all[CAPTURE_SOCKETS]; /* raises lo */
	const char *stage = NULL;
	int diag = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	if (diag < 0 || capture_open(all, &stage) < 0)
		return 77;
	fd_close(&all[CAPTURE_TCP]);
	CHECK(loop_new(&the_loop) == 0, "loop");
	listeners_start(&listeners, the_loop, diag, on_seen, NULL);
	test_addresses(&listeners);
	test_many(&listeners);
	listeners_stop(&listeners);
	loop_free(the_loop);
	return test_failures > 0;
}
