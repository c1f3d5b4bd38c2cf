// SPDX-License-Identifier: Apache-2.0
#include "wire/diag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/test.h"
#include "base/test_net.h"

enum { ID = 7, PORT = 8080 };

struct message {
	struct nlmsghdr header;
	struct inet_diag_msg body;
};

static struct message plain(void)
{
	return (struct message){
		.header = { .nlmsg_len = sizeof(struct message),
			    .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			    .nlmsg_seq = ID },
		.body = { .idiag_family = AF_INET,
			  .idiag_state = TCP_LISTEN,
			  .id = { .idiag_sport = htons(PORT),
				  .idiag_src = { htonl(0x7f000001), 1, 2, 3 } } },
	};
}

static void test_messages(void)
{
	struct row {
		const char *what;
		struct message message;
		size_t len; /* of the datagram */
		enum diag_item item;
	} rows[] = {
		{ "a listener", plain(), sizeof(struct message), DIAG_LISTENER },
		{ "of IPv6", plain(), sizeof(struct message), DIAG_LISTENER },
		{ "the end", plain(), sizeof(struct message), DIAG_DONE },
		{ "an error", plain(), sizeof(struct message), DIAG_FAILED },
		{ "the answer to another", plain(), sizeof(struct message), DIAG_NOTHING },
		{ "of another family", plain(), sizeof(struct message), DIAG_FAILED },
		{ "connected", plain(), sizeof(struct message), DIAG_FAILED },
		{ "without a port", plain(), sizeof(struct message), DIAG_FAILED },
		{ "too short for its header", plain(), 12, DIAG_FAILED },
		{ "longer than the datagram", plain(), sizeof(struct message) - 4, DIAG_FAILED },
		{ "shorter than a header", plain(), sizeof(struct message), DIAG_FAILED },
		{ "of a short body", plain(), sizeof(struct message), DIAG_FAILED },
		{ "nothing", plain(), 0, DIAG_NOTHING },
	};

	rows[1].message.body.idiag_family = AF_INET6;
	rows[2].message.header.nlmsg_type = NLMSG_DONE;
	rows[3].message.header.nlmsg_type = NLMSG_ERROR;
	rows[4].message.header.nlmsg_seq = ID + 1;
	rows[5].message.body.idiag_family = AF_UNIX;
	rows[6].message.body.idiag_state = TCP_ESTABLISHED;
	rows[7].message.body.id.idiag_sport = 0;
	rows[10].message.header.nlmsg_len = sizeof(struct nlmsghdr) - 1;
	rows[11].message.header.nlmsg_len = sizeof(struct message) - 1;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct span rest = { (const char *)&rows[i].message, rows[i].len };
		struct diag_listener got = { 0 };
		enum diag_item item = diag_next(&got, &rest, ID);

		CHECK(item == rows[i].item, "%s: %d", rows[i].what, item);
		CHECK(rest.len == 0 && diag_next(&got, &rest, ID) == DIAG_NOTHING, "%s: it goes on",
		      rows[i].what);
		if (item == DIAG_LISTENER)
			CHECK(got.port == PORT && got.family == (i == 1 ? 6 : 4) &&
				  got.address[0] == 127 && (got.address[4] != 0) == (i == 1),
			      "%s: %u %u", rows[i].what, got.family, got.port);
	}
}

/* The kernel itself: a listener of ours is found, in its family. */
static void test_kernel(uint8_t family, const char *address)
{
	struct sockaddr_storage name;
	socklen_t len = test_address(&name, address, 0);
	CLEANUP_FD int listener = socket(name.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CLEANUP_FD int diag = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	static char text[DIAG_DATAGRAM_OCTETS];
	enum diag_item item = DIAG_NOTHING;
	struct diag_listener got = { 0 };
	bool found = false;

	if (diag < 0 || bind(listener, (struct sockaddr *)&name, len) < 0 ||
	    listen(listener, 1) < 0 || getsockname(listener, (struct sockaddr *)&name, &len) < 0)
		return; /* a kernel without it, or without IPv6 */
	diag_ask(text, family, ID);
	CHECK(send(diag, text, DIAG_ASK_OCTETS, 0) == DIAG_ASK_OCTETS, "send");
	while (item != DIAG_DONE && item != DIAG_FAILED) {
		struct span rest = { text, (size_t)recv(diag, text, sizeof(text), 0) };

		CHECK(rest.len <= sizeof(text), "recv");
		while ((item = diag_next(&got, &rest, ID)) == DIAG_LISTENER)
			found |= got.family == family &&
				 got.port == ntohs(((struct sockaddr_in *)&name)->sin_port);
	}
	CHECK(item == DIAG_FAILED || found, "%s: not found", address);
}

static void map(uint8_t ret[16], uint16_t *ret_port, const struct sockaddr_storage *name)
{
	struct sockaddr_in6 v6;
	struct sockaddr_in v4;

	memcpy(&v6, name, sizeof(v6));
	memcpy(&v4, name, sizeof(v4));
	*ret_port = ntohs(v4.sin_port);
	memcpy(ret, &v6.sin6_addr, 16);
	if (name->ss_family == AF_INET6)
		return;
	memcpy(ret, (const uint8_t[12]){ [10] = 0xff, 0xff }, 12);
	memcpy(ret + 12, &v4.sin_addr, 4);
}

static uint32_t ask_kernel(int diag, const struct diag_connection *connection)
{
	static char text[DIAG_DATAGRAM_OCTETS];

	diag_ask_socket(text, connection, ID);
	CHECK(send(diag, text, DIAG_ASK_OCTETS, 0) == DIAG_ASK_OCTETS, "send");
	ssize_t n = recv(diag, text, sizeof(text), MSG_DONTWAIT);
	CHECK(n > 0, "the kernel has not answered at once: %d", errno);
	return diag_socket((struct span){ text, n > 0 ? (size_t)n : 0 }, ID);
}

/* The kernel tells the socket of the side that asked for a connection, and of no other. */
static void test_kernel_socket(const char *address)
{
	struct sockaddr_storage name = { 0 }, own = { 0 };
	socklen_t len = test_address(&name, address, 0), own_len = sizeof(own);
	CLEANUP_FD int listener = socket(name.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CLEANUP_FD int program = socket(name.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CLEANUP_FD int diag = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	struct diag_connection connection;
	struct stat info = { 0 };

	if (diag < 0 || bind(listener, (struct sockaddr *)&name, len) < 0 ||
	    listen(listener, 1) < 0 || getsockname(listener, (struct sockaddr *)&name, &len) < 0)
		return; /* a kernel without it, or without IPv6 */
	CHECK(connect(program, (struct sockaddr *)&name, len) == 0 &&
		  getsockname(program, (struct sockaddr *)&own, &own_len) == 0 &&
		  fstat(program, &info) == 0,
	      "%d", errno);
	map(connection.from, &connection.from_port, &own);
	map(connection.to, &connection.to_port, &name);
	CHECK(ask_kernel(diag, &connection) == info.st_ino, "%s: another socket", address);
	connection.from_port ^= 1;
	CHECK(ask_kernel(diag, &connection) == 0, "%s: one that there is not", address);
}

static void test_socket_messages(void)
{
	struct message good = plain();

	good.body.idiag_inode = 77;
	for (size_t len = 0; len <= sizeof(good); len++) {
		struct message message = good;

		message.header.nlmsg_len = (uint32_t)len;
		CHECK(diag_socket((struct span){ (const char *)&message, len }, ID) ==
			  (len == sizeof(good) ? 77 : 0),
		      "%zu octets", len);
	}
	CHECK(diag_socket((struct span){ (const char *)&good, sizeof(good) }, ID + 1) == 0,
	      "of another");
	good.header.nlmsg_type = NLMSG_ERROR;
	CHECK(diag_socket((struct span){ (const char *)&good, sizeof(good) }, ID) == 0, "an error");
}

int main(void)
{
	test_socket_messages();
	test_kernel_socket("127.0.0.1");
	test_kernel_socket("::1");
	test_messages();
	test_kernel(4, "127.0.0.1");
	test_kernel(6, "::1");
	return test_failures > 0;
}
