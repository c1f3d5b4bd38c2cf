// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/test_net.h"
#include "warden/broker_test_priv.h"

enum { TYPE_A = 1, TYPE_CNAME = 5, TYPE_AAAA = 28, HEADER_OCTETS = 12, TRUNCATION = 0x02 };

/* A message as it grows. */
struct message {
	unsigned char octets[FAKE_MESSAGE_OCTETS];
	size_t len;
	unsigned answers;
};

static void put(struct message *m, const void *octets, size_t len)
{
	CHECK(m->len + len <= sizeof(m->octets), "%zu", m->len);
	memcpy(m->octets + m->len, octets, len);
	m->len += len;
}

static void put16(struct message *m, unsigned number)
{
	unsigned char octets[2] = { (unsigned char)(number >> 8), (unsigned char)number };

	put(m, octets, sizeof(octets));
}

static void put_name(struct message *m, const char *name)
{
	struct span rest = span_of(name);

	while (rest.ptr != NULL) {
		struct span label = span_cut(&rest, '.');
		unsigned char len = (unsigned char)label.len;

		put(m, &len, 1);
		put(m, label.ptr, label.len);
	}
	put(m, "", 1);
}

static void put_record(struct message *m, const char *owner, unsigned type, const void *data,
		       size_t len)
{
	put_name(m, owner);
	put16(m, type);
	put16(m, 1); /* IN */
	put16(m, 0);
	put16(m, 60); /* TTL */
	put16(m, (unsigned)len);
	put(m, data, len);
	m->answers++;
}

/* put_addresses() - a record for each address in @list */
static void put_addresses(struct message *m, const char *owner, unsigned type, const char *list)
{
	struct span rest = span_of(list != NULL ? list : "");

	while (rest.len > 0) {
		struct span word = span_cut(&rest, ' ');
		unsigned char octets[16];
		char text[64] = "";

		memcpy(text, word.ptr, word.len);
		CHECK(inet_pton(type == TYPE_A ? AF_INET : AF_INET6, text, octets) == 1, "%s",
		      text);
		put_record(m, owner, type, octets, type == TYPE_A ? 4 : 16);
	}
}

/* put_alias() - @name is an alias of an alias of @alias. Return: who owns the addresses. */
static const char *put_alias(struct message *m, const char *name, const char *alias)
{
	struct message data = { 0 };

	if (alias == NULL)
		return name;
	put_name(&data, "middle.example");
	put_record(m, name, TYPE_CNAME, data.octets, data.len);
	data.len = 0;
	put_name(&data, alias);
	put_record(m, "middle.example", TYPE_CNAME, data.octets, data.len);
	return alias;
}

static void put_records(struct message *m, struct fake_name *name, unsigned type)
{
	const char *owner = put_alias(m, name->name, name->alias);

	if (type == TYPE_A) {
		bool later = name->later != NULL && name->asked++ > 0;

		put_addresses(m, owner, type, later ? name->later : name->v4);
	} else if (type == TYPE_AAAA) {
		put_addresses(m, owner, type, name->v6);
	}
	for (unsigned i = 0; type == TYPE_A && i < name->many; i++) {
		const unsigned char octets[4] = { 198, 51, 100, (unsigned char)i };

		put_record(m, owner, type, octets, sizeof(octets));
	}
}

/* read_question() - the name in @query as text, and its type. Return: octets with header; 0: none. */
static size_t read_question(char *ret, unsigned *ret_type, const unsigned char *query, size_t len)
{
	size_t at = HEADER_OCTETS, out = 0;

	while (at < len && query[at] != 0 && at + query[at] < len && out + query[at] + 1U < 256) {
		memcpy(ret + out, query + at + 1, query[at]);
		out += query[at];
		ret[out++] = '.';
		at += query[at] + 1U;
	}
	ret[out > 0 ? out - 1 : 0] = '\0';
	if (at + 5 > len)
		return 0;
	*ret_type = (unsigned)(query[at + 1] << 8 | query[at + 2]);
	return at + 5;
}

static struct fake_name *find(struct fake_dns *dns, const char *text)
{
	static struct fake_name nowhere;

	for (struct fake_name *at = dns->names; at->name != NULL; at++)
		if (strcasecmp(at->name, text) == 0)
			return at;
	dns->unknown++;
	nowhere = (struct fake_name){ .rcode = 3 };
	return &nowhere;
}

/* answer() - to @query. Return: how the name is to be treated; SILENT also for what is no query. */
static enum fake_manner answer(struct message *m, struct fake_dns *dns, const unsigned char *query,
			       size_t len, bool udp)
{
	char text[256] = "";
	unsigned type = 0;
	size_t question = len > HEADER_OCTETS ? read_question(text, &type, query, len) : 0;

	if (question == 0)
		return FAKE_SILENT;
	struct fake_name *name = find(dns, text);
	unsigned *lost = name->lost > 0   ? &name->lost
			 : type == TYPE_A ? &name->lost4
					  : &name->lost6;
	unsigned rcode = name->rcode | (type == TYPE_A ? name->rcode4 : name->rcode6);
	if (*lost > 0) {
		(*lost)--;
		return FAKE_SILENT;
	}
	bool truncated = udp && name->manner == FAKE_TRUNCATED;
	put(m, query, question);
	m->octets[2] = (unsigned char)(0x80 | (query[2] & 1) | (truncated ? TRUNCATION : 0));
	m->octets[3] = (unsigned char)(0x80 | rcode);
	if (rcode == 0 && !truncated)
		put_records(m, name, type);
	memset(m->octets + 6, 0, 6);
	m->octets[6] = (unsigned char)(m->answers >> 8);
	m->octets[7] = (unsigned char)m->answers;
	return name->manner;
}

static void udp_ready(struct loop_source *source, uint32_t events)
{
	struct fake_dns *dns = container_of(source, struct fake_dns, udp);
	unsigned char query[FAKE_MESSAGE_OCTETS];
	struct sockaddr_storage peer;
	socklen_t peer_len = sizeof(peer);
	struct message m = { 0 };
	const struct sockaddr *to = (const struct sockaddr *)&peer;

	(void)events;
	ssize_t len = recvfrom(source->fd, query, sizeof(query), MSG_DONTWAIT,
			       (struct sockaddr *)&peer, &peer_len);
	if (len < 0)
		return;
	dns->udp_queries++;
	enum fake_manner manner = answer(&m, dns, query, (size_t)len, true);
	if (manner == FAKE_SILENT)
		return;
	if (manner == FAKE_EMPTY)
		(void)!sendto(source->fd, "", 0, 0, to, peer_len);
	if (manner == FAKE_WRONG_ID) {
		struct message lie = m;

		lie.octets[0] ^= 0x55;
		if (lie.answers > 0)
			lie.octets[lie.len - 1] ^= 0x7f;
		(void)!sendto(source->fd, lie.octets, lie.len, 0, to, peer_len);
	}
	if (manner == FAKE_GARBAGE)
		memset(m.octets + HEADER_OCTETS, 0xff, m.len - HEADER_OCTETS);
	CHECK(sendto(source->fd, m.octets, m.len, 0, to, peer_len) == (ssize_t)m.len, "%s",
	      strerror(errno));
}

static void stream_ready(struct loop_source *source, uint32_t events)
{
	struct fake_stream *stream = container_of(source, struct fake_stream, source);
	unsigned char query[FAKE_MESSAGE_OCTETS], prefix[2];
	struct message m = { 0 };
	int fd = source->fd;
	ssize_t len = recv(fd, query, sizeof(query), MSG_DONTWAIT);

	(void)events;
	if (len <= 2) {
		loop_remove(source);
		close(fd);
		stream->dns = NULL;
		return;
	}
	/* queries come whole, but two may come at once */
	for (size_t at = 0; at + 2 < (size_t)len;) {
		size_t one = (size_t)(query[at] << 8 | query[at + 1]);

		stream->dns->tcp_queries++;
		m = (struct message){ 0 };
		if (at + 2 + one > (size_t)len ||
		    answer(&m, stream->dns, query + at + 2, one, false) == FAKE_SILENT)
			return;
		prefix[0] = (unsigned char)(m.len >> 8);
		prefix[1] = (unsigned char)m.len;
		CHECK(send(fd, prefix, 2, MSG_MORE) == 2, "%s", strerror(errno));
		CHECK(send(fd, m.octets, m.len, 0) == (ssize_t)m.len, "%s", strerror(errno));
		at += 2 + one;
	}
}

static void tcp_ready(struct loop_source *source, uint32_t events)
{
	struct fake_dns *dns = container_of(source, struct fake_dns, tcp);
	int fd = accept4(source->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)events;
	for (size_t i = 0; fd >= 0 && i < FAKE_STREAMS_MAX; i++) {
		struct fake_stream *stream = &dns->streams[i];

		if (stream->dns != NULL)
			continue;
		stream->dns = dns;
		stream->source.ready = stream_ready;
		CHECK(loop_add(dns->loop, &stream->source, fd, EPOLLIN) == 0, "stream");
		return;
	}
	CHECK(fd < 0, "too many streams");
}

int fake_listen(const char *address, uint16_t *port, int backlog)
{
	struct sockaddr_storage here;
	socklen_t len = test_address(&here, address, *port);
	int fd = socket(here.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const int on = 1;

	CHECK(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0, "reuse");
	CHECK(bind(fd, (const struct sockaddr *)&here, len) == 0 && listen(fd, backlog) == 0,
	      "%s %u: %s", address, *port, strerror(errno));
	CHECK(getsockname(fd, (struct sockaddr *)&here, &len) == 0, "%s", strerror(errno));
	*port = ntohs(here.ss_family == AF_INET ? ((struct sockaddr_in *)&here)->sin_port
						: ((struct sockaddr_in6 *)&here)->sin6_port);
	return fd;
}

int fake_blackhole(int filled[2], const char *address, uint16_t *port)
{
	int fd = fake_listen(address, port, 0);
	struct sockaddr_storage peer;
	socklen_t len = test_address(&peer, address, *port);

	for (size_t i = 0; i < 2; i++) {
		filled[i] = socket(peer.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		CHECK(connect(filled[i], (const struct sockaddr *)&peer, len) == 0 ||
			  errno == EINPROGRESS,
		      "%s", strerror(errno));
		if (i == 0)
			CHECK(test_ready(filled[0], POLLOUT), "the first fits");
	}
	return fd;
}

void fake_dns_open(struct fake_dns *dns, struct loop *loop, struct fake_name *names,
		   const char *address, uint16_t port)
{
	struct sockaddr_storage here;

	*dns = (struct fake_dns){ .loop = loop, .names = names, .port = port };
	int tcp = fake_listen(address, &dns->port, 8);
	socklen_t len = test_address(&here, address, dns->port);
	int udp = socket(here.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	CHECK(bind(udp, (const struct sockaddr *)&here, len) == 0, "%s", strerror(errno));
	dns->udp.ready = udp_ready;
	dns->tcp.ready = tcp_ready;
	CHECK(loop_add(loop, &dns->udp, udp, EPOLLIN) == 0, "udp");
	CHECK(loop_add(loop, &dns->tcp, tcp, EPOLLIN) == 0, "tcp");
}

static void drop(struct loop_source *source)
{
	int fd = source->fd;

	loop_remove(source);
	close(fd);
}

void fake_dns_close(struct fake_dns *dns)
{
	for (size_t i = 0; i < FAKE_STREAMS_MAX; i++)
		if (dns->streams[i].dns != NULL)
			drop(&dns->streams[i].source);
	drop(&dns->udp);
	drop(&dns->tcp);
}

/* tune_lo() - one ioctl on an interface of lo's, with its flags or address */
static void tune_lo(const char *name, unsigned long request, const char *address)
{
	struct ifreq row = { 0 };
	CLEANUP_FD int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_storage here;

	memcpy(row.ifr_name, name, strlen(name));
	row.ifr_flags = IFF_UP;
	if (address != NULL) {
		test_address(&here, address, 0);
		memcpy(&row.ifr_addr, &here, sizeof(row.ifr_addr));
	}
	CHECK(ioctl(fd, request, &row) == 0, "%s: %s", name, strerror(errno));
}

bool fake_network(int more, const char *address)
{
	if (!test_enter(CLONE_NEWUSER | CLONE_NEWNET | more)) {
		fprintf(stderr, "skipped: no namespaces here\n");
		return false;
	}
	tune_lo("lo", SIOCSIFFLAGS, NULL);
	tune_lo("lo:1", SIOCSIFADDR, address);
	return true;
}

size_t fake_count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t count = 0;

	while (dir != NULL && readdir(dir) != NULL)
		count++;
	CHECK(dir != NULL && closedir(dir) == 0, "/proc/self/fd");
	return count;
}

struct patience {
	struct loop_timer timer;
	struct loop *loop;
};

static void patience_ended(struct loop_timer *timer)
{
	loop_stop(container_of(timer, struct patience, timer)->loop, -ETIME);
}

bool fake_run(struct loop *loop, int ms)
{
	struct patience patience = { .timer.fired = patience_ended, .loop = loop };

	loop_arm(loop, &patience.timer, (int64_t)ms * 1000000);
	int r = loop_run(loop);
	loop_disarm(&patience.timer);
	CHECK(r == 0 || r == -ETIME, "%d", r);
	return r == 0;
}
