// SPDX-License-Identifier: Apache-2.0
#include "wire/nflog.h"

#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netlink.h>
#include <netinet/in.h>

#include "base/test.h"

#define V4(protocol) "\x45\0\0\x20\0\0\0\0\x40" protocol "\0\0\x0a\0\2\x0f\xc0\0\2\7"
#define V4_FRAGMENT  "\x45\0\0\x20\0\0\0\1\x40\x11\0\0\x0a\0\2\x0f\xc0\0\2\7"
#define V4_OPTIONS   "\x46\0\0\x20\0\0\0\0\x40\x11\0\0\x0a\0\2\x0f\xc0\0\2\7\1\1\1\1"
#define V6_ENDS                                \
	"\xfd\0\0\0\0\0\0\0\0\0\0\0\0\2\0\x15" \
	"\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\7"
#define V6(next)           "\x60\0\0\0\0\x10" next "\x40" V6_ENDS
#define PORTS              "\x9c\x40\x12\x68\0\x08\0\0"
#define OPTIONS(next, len) next len "\1\4\0\0\0\0"

#define TEXT(literal)                          \
	{                                      \
		(literal), sizeof(literal) - 1 \
	}

struct row {
	const char *what;
	struct span packet;
	uint8_t family; /* 0: malformed */
	uint8_t protocol;
	uint16_t port;
	bool error;
};

static const struct row rows[] = {
	{ "UDP", TEXT(V4("\x11") PORTS), 4, 17, 4712, false },
	{ "UDP over IPv6", TEXT(V6("\x11") PORTS), 6, 17, 4712, false },
	{ "UDP-Lite", TEXT(V4("\x88") PORTS), 4, 136, 4712, false },
	{ "SCTP", TEXT(V4("\x84") PORTS), 4, 132, 4712, false },
	{ "DCCP", TEXT(V6("\x21") PORTS), 6, 33, 4712, false },
	{ "options", TEXT(V4_OPTIONS PORTS), 4, 17, 4712, false },
	{ "later fragment", TEXT(V4_FRAGMENT PORTS), 4, 17, 0, false },
	{ "ports not copied", TEXT(V4("\x11") "\x9c\x40\x12"), 4, 17, 0, false },
	{ "ports just copied", TEXT(V4("\x11") "\x9c\x40\x12\x68"), 4, 17, 4712, false },
	{ "no ports: GRE", TEXT(V4("\x2f") PORTS), 4, 47, 0, false },
	{ "echo request", TEXT(V4("\1") "\x08\0\0\0"), 4, 1, 0, false },
	{ "port unreachable", TEXT(V4("\1") "\3\3\0\0"), 4, 1, 0, true },
	{ "ICMP, type not copied", TEXT(V4("\1")), 4, 1, 0, false },
	{ "echo request v6", TEXT(V6("\x3a") "\x80\0\0\0"), 6, 58, 0, false },
	{ "port unreachable v6", TEXT(V6("\x3a") "\1\4\0\0"), 6, 58, 0, true },
	{ "extensions", TEXT(V6("\0") OPTIONS("\x3c", "\0") OPTIONS("\x11", "\0") PORTS), 6, 17,
	  4712, false },
	{ "long extension", TEXT(V6("\0") OPTIONS("\x11", "\1") "12345678" PORTS), 6, 17, 4712,
	  false },
	{ "authentication", TEXT(V6("\x33") OPTIONS("\x11", "\1") "1234" PORTS), 6, 17, 4712,
	  false },
	{ "first fragment v6", TEXT(V6("\x2c") "\x11\0\0\1abcd" PORTS), 6, 17, 4712, false },
	{ "later fragment v6",
	  TEXT(V6("\x2c") "\x11\0\0\x08"
			  "abcd" PORTS),
	  6, 44, 0, false },
	{ "extension not copied", TEXT(V6("\0") OPTIONS("\x11", "\2")), 6, 0, 0, false },
	{ "extension of 7 octets", TEXT(V6("\0") "\x11\0\1\4\0\0\0"), 6, 0, 0, false },
	{ "short IPv4", { V4("\x11"), 19 }, 0, 0, 0, false },
	{ "short IPv6", { V6("\x11"), 39 }, 0, 0, 0, false },
	{ "IHL below 5", TEXT("\x44\0\0\x20\0\0\0\0\x40\x11\0\0\x0a\0\2\x0f\xc0\0\2\7"), 0, 0, 0,
	  false },
	{ "IHL beyond", { V4_OPTIONS, 23 }, 0, 0, 0, false },
	{ "IP version 5", TEXT("\x55\0\0\x20\0\0\0\0\x40\x11\0\0\x0a\0\2\x0f\xc0\0\2\7"), 0, 0, 0,
	  false },
	{ "empty", TEXT(""), 0, 0, 0, false },
};

struct message {
	struct nlmsghdr header;
	struct nfgenmsg family;
	struct nlattr mark;
	uint32_t mark_value;
	struct nlattr payload;
	char packet[NFLOG_PACKET_OCTETS];
};

/* message_of() - Return: its octets */
static size_t message_of(struct message *ret, struct span packet)
{
	size_t len = offsetof(struct message, packet) + packet.len;

	*ret = (struct message){
		.header = { .nlmsg_len = (uint32_t)len, .nlmsg_type = NFNL_SUBSYS_ULOG << 8 },
		.mark = { .nla_len = 8, .nla_type = NFULA_MARK },
		.payload = { .nla_len = (uint16_t)(sizeof(struct nlattr) + packet.len),
			     .nla_type = NFULA_PAYLOAD },
	};
	memcpy(ret->packet, packet.ptr, packet.len);
	return len;
}

static void test_row(const struct row *row)
{
	const uint8_t v4[16] = { 192, 0, 2, 7 }, v6[16] = { 0x20, 1, 0x0d, 0xb8, [15] = 7 };
	struct nflog_packet packet = { .family = 99 };
	struct message message;
	struct span rest = { (const char *)&message, message_of(&message, row->packet) };
	int r = nflog_next(&packet, &rest);

	CHECK(r == (row->family == 0 ? -EBADMSG : 1), "%s: %d", row->what, r);
	CHECK(rest.len == 0, "%s: %zu", row->what, rest.len);
	if (row->family == 0) {
		CHECK(packet.family == 99, "%s: written on failure", row->what);
		return;
	}
	CHECK(packet.family == row->family && packet.protocol == row->protocol, "%s: %u %u",
	      row->what, packet.family, packet.protocol);
	CHECK(packet.port == row->port, "%s: %u", row->what, packet.port);
	CHECK(packet.error == row->error, "%s: error", row->what);
	CHECK(memcmp(packet.to, row->family == 4 ? v4 : v6, 16) == 0, "%s: address", row->what);
}

/* Every way in which the frame around a packet can be wrong. */
static void test_frames(void)
{
	static const struct {
		const char *what;
		size_t at;
		uint32_t value;
		size_t octets, cut;
	} frames[] = {
		{ "length 0", 0, 0, 4, 0 },
		{ "length below a header", 0, 15, 4, 0 },
		{ "length beyond the datagram", 0, 1000, 4, 0 },
		{ "no room for the family", 0, 19, 4, 0 },
		{ "nothing after the family", 0, 20, 4, 0 },
		{ "attribute of length 3", offsetof(struct message, mark), 3, 2, 0 },
		{ "attribute beyond the message", offsetof(struct message, payload), 200, 2, 0 },
		{ "no payload", offsetof(struct message, payload) + 2, NFULA_PREFIX, 2, 0 },
		{ "cut", 0, 0, 0, 1 },
		{ "cut in the header", 0, 0, 0, 50 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(frames); i++) {
		struct nflog_packet packet;
		struct message message;
		size_t len = message_of(&message, rows[0].packet);
		struct span rest = { (const char *)&message, len - frames[i].cut };

		memcpy((char *)&message + frames[i].at, &frames[i].value, frames[i].octets);
		int r = nflog_next(&packet, &rest), steps = 0;
		CHECK(r == -EBADMSG, "%s: %d", frames[i].what, r);
		while (rest.len > 0 && steps++ < 100)
			(void)!nflog_next(&packet, &rest);
		CHECK(rest.len == 0, "%s: goes on for ever", frames[i].what);
	}
}

/* Several in one datagram, and between them what is no packet. */
static void test_row_of_messages(void)
{
	struct nflog_packet packet;
	struct {
		struct message one;
		struct nlmsghdr other;
		struct message two;
	} both = { .other = { .nlmsg_len = sizeof(both.other), .nlmsg_type = NLMSG_DONE } };
	struct span rest = { (const char *)&both, sizeof(both) };

	(void)message_of(&both.one, rows[0].packet);
	(void)message_of(&both.two, rows[2].packet);
	both.one.header.nlmsg_len = both.two.header.nlmsg_len = sizeof(both.one);
	CHECK(nflog_next(&packet, &rest) == 1 && packet.protocol == 17, "%u", packet.protocol);
	CHECK(nflog_next(&packet, &rest) == 1 && packet.protocol == 136, "%u", packet.protocol);
	CHECK(nflog_next(&packet, &rest) == 0, "no end");
}

int main(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		test_row(&rows[i]);
	test_frames();
	test_row_of_messages();
	return test_failures > 0;
}
