// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: set up while everything is still allowed, without reading one octet; then
 * confine; then read. So nothing hostile is ever handled outside the wall.
 */
#include "gateway/gateway.h"

#include <errno.h>
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/fd.h"
#include "gateway/gateway_priv.h"
#include "gateway/roots.h"

#define NS_PER_S INT64_C(1000000000)

enum {
	/* that are no flow's: ours and a margin, pipes, DNS over TCP, a FLOW that comes too late */
	FILES_OWN = 16 + 2 * PIPES_MAX + DNS_TCP_MAX + FD_PASS_MAX,
	FILES_WANTED = FILES_OWN + 2 * FLOWS_MAX,
	FLOWS_LEAST = 8, /* with fewer there is no point */
	HEAP_PIECE_OCTETS = 16 * 1024 * 1024,
};

/* limit_files() - have all descriptors we want, if root may or the hard limit is as high, else as
 * many as it allows; and never more. Return: -EMFILE: that is too few. */
static int limit_files(unsigned *ret)
{
	struct rlimit limit = { FILES_WANTED, FILES_WANTED };

	if (setrlimit(RLIMIT_NOFILE, &limit) < 0) {
		if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
			return -errno;
		limit.rlim_cur = limit.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
			return -errno;
	}
	*ret = (unsigned)limit.rlim_cur;
	return *ret < FILES_OWN + 2 * FLOWS_LEAST ? -EMFILE : 0;
}

static void answer(void *context, const struct gate_message *message, int fd)
{
	struct gateway *gateway = context;

	if (message->kind == GATE_NAME)
		resolve_verdict(&gateway->resolve, message->id, message->verdict);
	else if (message->kind == GATE_LAST)
		flows_last(&gateway->flows);
	else
		flows_answer(&gateway->flows, message, fd);
}

static void reply(void *context, const struct resolve_origin *origin, struct span packet)
{
	struct gateway *gateway = context;

	if (origin->connection < 0)
		dns_udp_reply(&gateway->dns_udp, origin, packet);
	else
		dns_tcp_reply(&gateway->dns_tcp, origin, packet);
}

static void connect_parts(struct gateway *g, unsigned files)
{
	unsigned flows_max = (files - FILES_OWN) / 2;

	g->talk.answer = answer;
	g->talk.context = g;
	g->resolve.talk = &g->talk;
	g->resolve.names = &g->names;
	g->resolve.loop = g->loop;
	g->resolve.reply = reply;
	g->resolve.context = g;
	g->resolve.wait_ns = RESOLVE_WAIT_S * NS_PER_S;
	g->resolve.known_ns = RESOLVE_KNOWN_S * NS_PER_S;
	g->dns_udp.resolve = &g->resolve;
	g->flows.verdict_ns = FLOWS_VERDICT_S * NS_PER_S;
	g->flows.wait_ns = FLOWS_WAIT_S * NS_PER_S;
	g->flows.idle_ns = FLOWS_IDLE_S * NS_PER_S;
	g->flows.loop = g->loop;
	g->flows.talk = &g->talk;
	g->flows.names = &g->names;
	g->flows.dns = &g->dns_tcp;
	g->flows.pipes = &g->pipes;
	g->flows.context = g->tls;
	g->flows.max = flows_max < FLOWS_MAX ? flows_max : FLOWS_MAX;
}

static int start_parts(struct gateway *g)
{
	names_init(&g->names);
	resolve_start(&g->resolve);
	dns_tcp_start(&g->dns_tcp, g->loop, &g->resolve);
	int r = talk_start(&g->talk, g->loop, GATEWAY_FD_WARDEN);
	if (r == 0)
		r = dns_udp_start(&g->dns_udp, g->loop, GATEWAY_FD_DNS);
	return r < 0 ? r : flows_start(&g->flows, GATEWAY_FD_TCP);
}

/* set_up() - Return: 0, or -errno with *@ret_step set. */
static int set_up(struct gateway *gateway, const char **ret_step)
{
	unsigned files = 0;

	/* memory comes from the heap alone, and stays: no calls for each flow */
	(void)mallopt(M_MMAP_THRESHOLD, HEAP_PIECE_OCTETS);
	(void)mallopt(M_TRIM_THRESHOLD, HEAP_PIECE_OCTETS);
	*ret_step = "close descriptors";
	if (close_range(GATEWAY_FD_ROOTS + 1, ~0U, 0) < 0)
		return -errno;
	*ret_step = "TLS"; /* before anything else gets its descriptor's number */
	int r = roots_context(&gateway->tls, GATEWAY_FD_ROOTS);
	if (r < 0)
		return r;
	*ret_step = "limit on descriptors";
	r = limit_files(&files);
	if (r < 0)
		return r;
	*ret_step = "pipes";
	r = pipes_open(&gateway->pipes);
	if (r < 0)
		return r;
	*ret_step = "event loop";
	r = loop_new(&gateway->loop);
	if (r < 0)
		return r;
	*ret_step = "sockets";
	connect_parts(gateway, files);
	r = start_parts(gateway);
	return r < 0 ? r : gateway_confine(ret_step);
}

int gateway_main(void)
{
	static struct gateway gateway;
	const char *step = NULL;

	int r = set_up(&gateway, &step);
	if (r < 0) {
		fprintf(stderr, "immure: gateway: %s: %s\n", step, strerrordesc_np(-r));
		return 1;
	}
	return loop_run(gateway.loop) == 0 ? 0 : 1;
}
