// SPDX-License-Identifier: Apache-2.0
/* Happy eyeballs over listeners on loopback that accept, refuse, or say nothing. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/test_net.h"
#include "warden/broker_priv.h"
#include "warden/broker_test_priv.h"

enum { STAGGER_MS = 60, SLOW_MS = 1000 };

static struct loop *loop;

/* What a dial came to. */
static struct {
	unsigned calls;
	int fd;
	struct net_address address;
	int error;
	int64_t end_ns;
} outcome;

static void done(struct broker_dial *dial, int fd, const struct net_address *address)
{
	outcome.calls++;
	outcome.fd = fd;
	outcome.error = dial->error;
	outcome.end_ns = clock_mono_ns();
	if (address != NULL)
		outcome.address = *address;
	loop_stop(loop, 0);
}

static struct broker_addresses list_of(const char *text)
{
	struct broker_addresses list = { 0 };
	struct span rest = span_of(text);

	while (rest.len > 0)
		CHECK(net_address_parse(&list.items[list.len++], span_cut(&rest, ' ')) == 0, "%s",
		      text);
	return list;
}

/* dial() - @ret_ms: how long it took. Return: the address that answered, "": none did. */
static const char *dial(const char *addresses, uint16_t port, int *ret_ms)
{
	static char text[NET_ADDRESS_TEXT_OCTETS];
	struct broker_addresses list = list_of(addresses);
	struct broker_dial dial = { 0 };
	int64_t start = clock_mono_ns();

	memset(&outcome, 0, sizeof(outcome));
	outcome.fd = -1;
	broker_dial_start(&dial, loop, &list, port, STAGGER_MS * 1000000LL, done);
	CHECK(outcome.calls == 0, "called back from within");
	(void)!fake_run(loop, SLOW_MS);
	broker_dial_stop(&dial);
	CHECK(outcome.calls <= 1, "%u calls", outcome.calls);
	*ret_ms = (int)((outcome.end_ns - start) / 1000000);
	text[0] = '\0';
	net_address_format(text, &outcome.address);
	return text;
}

static void check_socket(int fd)
{
	int on = 0, type = 0;
	socklen_t len = sizeof(on);

	CHECK((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0, "close-on-exec");
	CHECK((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0, "non-blocking");
	CHECK(getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_STREAM, "type");
	CHECK(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &len) == 0 && on != 0, "nodelay");
}

static void test_one(void)
{
	uint16_t port = 0;
	CLEANUP_FD int listener = fake_listen("127.0.0.1", &port, 4);
	int ms = 0;

	CHECK(strcmp(dial("127.0.0.1", port, &ms), "127.0.0.1") == 0, "%d", outcome.error);
	check_socket(outcome.fd);
	CLEANUP_FD int other = accept(listener, NULL, NULL);
	CHECK(other >= 0 && send(outcome.fd, "x", 1, 0) == 1 && test_ready(other, POLLIN), "data");
	fd_close(&outcome.fd);
}

static void test_refused(void)
{
	uint16_t port = 0;
	int listener = fake_listen("127.0.0.1", &port, 4), ms = 0;

	fd_close(&listener);
	CHECK(strcmp(dial("127.0.0.1", port, &ms), "") == 0 && outcome.calls == 1, "refused");
	CHECK(outcome.error == ECONNREFUSED && outcome.fd == -1, "%d", outcome.error);
	(void)dial("0.0.0.0 255.255.255.255 127.0.0.1", port, &ms);
	CHECK(outcome.calls == 1 && outcome.fd == -1, "%d", outcome.error);
}

/* A refusal moves on at once; silence, after the stagger; and the first to answer ends the rest. */
static void test_order(void)
{
	uint16_t port = 0;
	int filled[2], ms = 0;
	int hole = fake_blackhole(filled, "127.0.0.3", &port);
	int listener = fake_listen("127.0.0.2", &port, 4);
	int last = fake_listen("127.0.0.4", &port, 4);
	size_t fds = fake_count_fds();

	CHECK(strcmp(dial("127.0.0.1 127.0.0.2", port, &ms), "127.0.0.2") == 0, "%d",
	      outcome.error);
	CHECK(ms < STAGGER_MS, "moved on after %d ms", ms);
	fd_close(&outcome.fd);
	CHECK(strcmp(dial("127.0.0.3 127.0.0.4 127.0.0.2", port, &ms), "127.0.0.4") == 0, "%d",
	      outcome.error);
	CHECK(ms >= STAGGER_MS && ms < 2 * STAGGER_MS, "after %d ms", ms);
	fd_close(&outcome.fd);
	CHECK(strcmp(dial("127.0.0.3 127.0.0.1 127.0.0.3 127.0.0.2", port, &ms), "127.0.0.2") == 0,
	      "%d", outcome.error);
	CHECK(ms >= 2 * STAGGER_MS, "after %d ms", ms);
	fd_close(&outcome.fd);
	CHECK(strcmp(dial("127.0.0.3 127.0.0.1", port, &ms), "") == 0 && outcome.calls == 0,
	      "one is still under way: %u", outcome.calls);
	CHECK(fake_count_fds() == fds, "%zu descriptors, not %zu", fake_count_fds(), fds);
	fd_close(&filled[0]);
	fd_close(&filled[1]);
	fd_close(&hole);
	fd_close(&listener);
	fd_close(&last);
}

/* Sixteen silent addresses are all under way at the end, and all are closed. */
static void test_all_silent(void)
{
	struct broker_addresses list = { .len = BROKER_ADDRESSES_MAX };
	struct broker_dial dial = { 0 };
	uint16_t port = 0;
	int filled[2];
	int hole = fake_blackhole(filled, "127.0.0.3", &port);
	size_t fds = fake_count_fds();

	for (size_t i = 0; i < list.len; i++)
		list.items[i] = list_of("127.0.0.3").items[0];
	outcome.calls = 0;
	broker_dial_start(&dial, loop, &list, port, 1000000, done);
	(void)!fake_run(loop, 100);
	CHECK(fake_count_fds() == fds + BROKER_ADDRESSES_MAX, "%zu", fake_count_fds() - fds);
	broker_dial_stop(&dial);
	(void)!fake_run(loop, 10);
	CHECK(fake_count_fds() == fds && outcome.calls == 0, "%zu", fake_count_fds() - fds);
	fd_close(&filled[0]);
	fd_close(&filled[1]);
	fd_close(&hole);
}

/* What an address that answered says weighs more than that there is no way to another family. */
static void test_no_way(void)
{
	uint16_t port = 0;
	int ms = 0;

	if (!fake_network(0, "192.0.2.1"))
		return;
	int listener = fake_listen("127.0.0.1", &port, 4);
	CHECK(strcmp(dial("2001:db8::1 198.51.100.1 127.0.0.1", port, &ms), "127.0.0.1") == 0, "%d",
	      outcome.error);
	CHECK(ms < STAGGER_MS, "moved on after %d ms", ms);
	fd_close(&outcome.fd);
	fd_close(&listener);
	CHECK(strcmp(dial("2001:db8::1 127.0.0.1 2001:db8::1", port, &ms), "") == 0, "refused");
	CHECK(outcome.error == ECONNREFUSED, "%d", outcome.error);
	CHECK(strcmp(dial("2001:db8::1", port, &ms), "") == 0, "no way");
	CHECK(outcome.error == ENETUNREACH, "%d", outcome.error);
}

int main(void)
{
	CHECK(loop_new(&loop) == 0, "loop");
	test_one();
	test_refused();
	test_order();
	test_all_silent();
	test_no_way();
	loop_free(loop);
	return test_failures > 0;
}
