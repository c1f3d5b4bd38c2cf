/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_net - for tests that live in a network namespace of their own: how to get there, addresses,
 * and waiting for a socket. What goes wrong is said by CHECK.
 */
#ifndef BASE_TEST_NET_H
#define BASE_TEST_NET_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/test.h"

enum { TEST_PATIENCE_MS = 2000 };

static inline bool test_write_self(const char *file, const char *text)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/%s", file);
	CLEANUP_FD int fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && fd_write_all(fd, span_of(text)) == 0;
}

/* test_enter() - into new namespaces (CLONE_NEW...), as root of the user namespace if one is among
 * them. Return: false: this machine has none for us, see errno. */
static inline bool test_enter(int namespaces)
{
	char uid_map[32], gid_map[32];

	snprintf(uid_map, sizeof(uid_map), "0 %u 1", (unsigned)geteuid());
	snprintf(gid_map, sizeof(gid_map), "0 %u 1", (unsigned)getegid());
	if (unshare(namespaces) < 0)
		return false;
	return (namespaces & CLONE_NEWUSER) == 0 ||
	       (test_write_self("setgroups", "deny") && test_write_self("gid_map", gid_map) &&
		test_write_self("uid_map", uid_map));
}

/* test_address() - @text and @port as a socket address. Return: its length in octets. */
static inline socklen_t test_address(struct sockaddr_storage *ret, const char *text, uint16_t port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		return sizeof(*v4);
	}
	CHECK(inet_pton(AF_INET6, text, &v6->sin6_addr) == 1, "%s", text);
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	return sizeof(*v6);
}

/* test_ready() - wait for @events (POLLIN ...). Return: did they come in time? */
static inline bool test_ready(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, TEST_PATIENCE_MS) == 1;
}

#endif
