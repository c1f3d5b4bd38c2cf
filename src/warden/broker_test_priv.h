/* SPDX-License-Identifier: Apache-2.0 */
/*
 * broker_test_priv - a small DNS server in the test's own loop, and listeners, for the broker's
 * tests. What goes wrong is said by CHECK.
 */
#ifndef WARDEN_BROKER_TEST_PRIV_H
#define WARDEN_BROKER_TEST_PRIV_H

#include "base/test.h"
#include "loop/loop.h"

enum {
	FAKE_STREAMS_MAX = 8,
	FAKE_MESSAGE_OCTETS = 8192,
};

enum fake_manner {
	FAKE_PLAIN = 0,
	FAKE_SILENT,    /* says nothing */
	FAKE_TRUNCATED, /* over UDP: TC and no record */
	FAKE_WRONG_ID,  /* over UDP: first lies under another id, then says the truth */
	FAKE_EMPTY,     /* over UDP: an empty datagram first */
	FAKE_GARBAGE,   /* octets that are no answer, and nothing else */
};

/* What the server knows of a name; ends with one whose name is NULL. Others do not exist. */
struct fake_name {
	const char *name;
	const char *v4, *v6;    /* addresses, a blank between them; "" or NULL: none */
	const char *alias;      /* the name is that one's alias, whose addresses are above */
	uint8_t rcode;          /* 2: SERVFAIL, 3: NXDOMAIN, 5: REFUSED */
	uint8_t rcode4, rcode6; /* the same of queries for A, or AAAA, alone */
	unsigned lost4, lost6;  /* as lost, of those alone */
	enum fake_manner manner;
	unsigned lost;     /* so many queries are not heard, and counted down */
	unsigned many;     /* as many records more: 198.51.100.x */
	const char *later; /* v4 from the second query for A on */
	unsigned asked;    /* queries for A so far */
};

struct fake_stream {
	struct loop_source source;
	struct fake_dns *dns;
};

struct fake_dns {
	struct loop *loop;
	struct fake_name *names; /* borrowed; counts */
	struct loop_source udp, tcp;
	struct fake_stream streams[FAKE_STREAMS_MAX];
	uint16_t port;
	unsigned udp_queries, tcp_queries, unknown; /* unknown: of names not in the table */
};

/* fake_dns_open() - on @address, "127.0.0.1"; @port 0: any */
void fake_dns_open(struct fake_dns *dns, struct loop *loop, struct fake_name *names,
		   const char *address, uint16_t port);
void fake_dns_close(struct fake_dns *dns);

/* fake_listen() - a listener on @address; @port 0: any, and it is set. Return: its descriptor. */
int fake_listen(const char *address, uint16_t *port, int backlog);

/* fake_blackhole() - a listener that answers no further connection: its queue is full of the two
 * in @filled */
int fake_blackhole(int filled[2], const char *address, uint16_t *port);

/* fake_network() - enter a network namespace, with @more namespaces, where lo is up and holds
 * @address (IPv4) as well. Return: false: this machine has none for us. */
bool fake_network(int more, const char *address);

/* fake_count_fds() - open descriptors of this process */
size_t fake_count_fds(void);

/* fake_run() - let the loop run until loop_stop(), at most @ms. Return: was it stopped? */
bool fake_run(struct loop *loop, int ms);

#endif
