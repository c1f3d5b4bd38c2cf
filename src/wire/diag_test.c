// SPDX-License-Identifier: Apache-2.0
#include "wire/diag.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

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

int main(void)
{
	test_messages();
	test_kernel(4, "127.0.0.1");
	test_kernel(6, "::1");
	return test_failures > 0;
}
