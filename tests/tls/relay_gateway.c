// SPDX-License-Identifier: Apache-2.0
/*
 * The child of the relay: the gateway's half, and a filter that kills at any system call but those
 * src/tls/context.h names and those of its loop. Its heap is grown before, so that it needs no
 * memory later.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "loop/loop.h"
#include "relay.h"
#include "tls/bridge.h"
#include "wire/tls_hello.h"

enum {
	HEAP_OCTETS = 512 * 1024 * 1024, /* address space; pages are taken as they are used */
	BLOCK_OCTETS =
	    16 * 1024 * 1024, /* the largest that malloc() takes from the heap is 32 MiB */
};

struct flow {
	struct loop_source source[TLS_SIDES];
	struct loop_timer again; /* more is to be moved, though no descriptor says so */
	struct bridge *bridge;   /* owned; NULL: still reading the hello */
	char *head;              /* owned */
	size_t head_len;
	bool asked, answered;
	bool closed[TLS_SIDES], shut[TLS_SIDES];
	int fd[TLS_SIDES]; /* owned */
};

static struct {
	struct loop *loop;
	struct tls_context *context;
	struct net_name name;
	bool full;
	struct loop_source channel;
	struct flow *waiting[4096]; /* for a leaf */
	size_t waiting_count;
} gateway;

static void flow_end(struct flow *flow, bool reset)
{
	const struct linger now = { .l_onoff = 1 };

	for (size_t i = 0; i < gateway.waiting_count; i++)
		if (gateway.waiting[i] == flow)
			gateway.waiting[i] = gateway.waiting[--gateway.waiting_count];
	loop_disarm(&flow->again);
	for (int i = 0; i < TLS_SIDES; i++) {
		loop_remove(&flow->source[i]);
		if (reset)
			(void)setsockopt(flow->fd[i], SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		fd_close(&flow->fd[i]);
	}
	bridge_free(flow->bridge);
	free(flow->head);
	free(flow);
}

static void flow_failed(struct flow *flow)
{
	const char *inside = "", *upstream = "";
	char text[1024];

	if (flow->bridge != NULL) {
		(void)bridge_fault(flow->bridge, TLS_INSIDE, &inside);
		(void)bridge_fault(flow->bridge, TLS_UPSTREAM, &upstream);
	}
	(void)snprintf(text, sizeof(text), "program: %s; upstream: %s", inside, upstream);
	(void)say(REPORT, span_of(text), NULL, 0);
	flow_end(flow, true);
}

/* alpn_of() - the list as it was on the wire. Return: its octets. */
static size_t alpn_of(char ret[BRIDGE_ALPN_OCTETS_MAX], const struct tls_hello *hello)
{
	size_t len = 0;

	for (size_t i = 0; i < hello->alpn_count; i++) {
		size_t n = hello->alpn[i].len;

		if (len + 1 + n > BRIDGE_ALPN_OCTETS_MAX)
			break;
		ret[len++] = (char)n;
		memcpy(ret + len, hello->alpn[i].ptr, n);
		len += n;
	}
	return len;
}

/* begin() - the hello is whole. Return: 0 or -errno. */
static int begin(struct flow *flow, const struct tls_hello *hello)
{
	char alpn[BRIDGE_ALPN_OCTETS_MAX];
	const struct bridge_plan plan = {
		.context = gateway.context,
		.name = gateway.name,
		.port = 443,
		.fd = { flow->fd[TLS_INSIDE], flow->fd[TLS_UPSTREAM] },
		.head = { flow->head, flow->head_len },
		.alpn = { alpn, alpn_of(alpn, hello) },
	};

	if (gateway.full)
		tls_context_forget(gateway.context);
	int r = bridge_new(&flow->bridge, &plan);
	free(flow->head);
	flow->head = NULL;
	return r;
}

/* read_hello() - Return: 1: there is a bridge; 0: not yet; -errno. */
static int read_hello(struct flow *flow)
{
	static char room[TLS_HELLO_OCTETS_MAX];
	struct iovec part = { flow->head + flow->head_len,
			      TLS_HELLO_FLOW_OCTETS_MAX - flow->head_len };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	struct tls_hello hello;
	ssize_t n = recvmsg(flow->fd[TLS_INSIDE], &message, MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	if (n == 0)
		return -ECONNRESET;
	flow->head_len += (size_t)n;
	switch (tls_hello_parse(&hello, (struct span){ flow->head, flow->head_len }, room,
				sizeof(room))) {
	case TLS_HELLO_MORE:
		return 0;
	case TLS_HELLO_WHOLE:
		n = begin(flow, &hello);
		return n < 0 ? (int)n : 1;
	case TLS_HELLO_MALFORMED:
	case TLS_HELLO_SSL2:
	case TLS_HELLO_NOT_TLS:
	default:
		return -EPROTO;
	}
}

/* relay() - one direction. Return: false: the flow is no more. */
static bool relay(struct flow *flow, enum tls_side from)
{
	enum tls_side to = from == TLS_INSIDE ? TLS_UPSTREAM : TLS_INSIDE;
	uint64_t moved = 0;
	enum tls_result r = TLS_CLOSED;

	if (!flow->closed[from])
		r = bridge_relay(&moved, flow->bridge, from);
	if (r == TLS_TRUNCATED || r == TLS_FAILED) {
		flow_failed(flow);
		return false;
	}
	if (r == TLS_DONE)
		loop_arm(gateway.loop, &flow->again, 0);
	if (r != TLS_CLOSED)
		return true;
	flow->closed[from] = true;
	if (!flow->shut[to] && bridge_close(flow->bridge, to) == TLS_DONE) {
		flow->shut[to] = true;
		(void)shutdown(flow->fd[to], SHUT_WR);
	}
	return true;
}

/* say_why() - the upstream is refused: a page of it for the program, then the end */
static void say_why(struct flow *flow)
{
	const char *why = "";
	char page[512];
	size_t len = 0;

	(void)bridge_fault(flow->bridge, TLS_UPSTREAM, &why);
	(void)snprintf(
	    page, sizeof(page),
	    "HTTP/1.1 502 Bad Gateway\r\nconnection: close\r\ncontent-length: %zu\r\n\r\n%s\n",
	    strlen(why) + 1, why);
	if (bridge_write(&len, flow->bridge, TLS_INSIDE, span_of(page)) != TLS_DONE) {
		flow_failed(flow);
		return;
	}
	(void)bridge_close(flow->bridge, TLS_INSIDE);
	(void)shutdown(flow->fd[TLS_INSIDE], SHUT_WR);
	(void)say(REPORT, span_of(why), NULL, 0);
	flow_end(flow, false);
}

static void ask_leaf(struct flow *flow)
{
	if (flow->asked)
		return;
	flow->asked = true;
	if (gateway.waiting_count < ARRAY_SIZE(gateway.waiting)) {
		gateway.waiting[gateway.waiting_count++] = flow;
		(void)say(NAME, (struct span){ gateway.name.text, gateway.name.len }, NULL, 0);
	}
}

/* turn() - all that can be done for a flow now */
static void turn(struct flow *flow)
{
	enum bridge_state state = bridge_step(flow->bridge);

	if (state == BRIDGE_REFUSED) {
		flow->answered = true;
		bridge_answer(flow->bridge, "http/1.1");
		state = bridge_step(flow->bridge);
	}
	if (state == BRIDGE_LEAF)
		ask_leaf(flow);
	if (state == BRIDGE_DEAD) {
		flow_failed(flow);
		return;
	}
	if (state == BRIDGE_OPEN && flow->answered) {
		say_why(flow);
		return;
	}
	if (state == BRIDGE_OPEN) {
		if (!relay(flow, TLS_INSIDE) || !relay(flow, TLS_UPSTREAM))
			return;
		if (flow->shut[TLS_INSIDE] && flow->shut[TLS_UPSTREAM]) {
			flow_end(flow, false);
			return;
		}
	}
	uint32_t in = bridge_wants(flow->bridge, TLS_INSIDE);
	uint32_t out = bridge_wants(flow->bridge, TLS_UPSTREAM);
	if (state == BRIDGE_OPEN && (out & EPOLLOUT) != 0)
		in &= ~(uint32_t)EPOLLIN;
	if (state == BRIDGE_OPEN && (in & EPOLLOUT) != 0)
		out &= ~(uint32_t)EPOLLIN;
	loop_change(&flow->source[TLS_INSIDE], in);
	loop_change(&flow->source[TLS_UPSTREAM], out);
}

static void flow_ready(struct flow *flow, uint32_t events)
{
	if (flow->bridge == NULL) {
		int r = read_hello(flow);

		if (r < 0)
			flow_failed(flow);
		if (r <= 0)
			return;
	} else if ((events & (EPOLLERR | EPOLLHUP)) != 0 &&
		   bridge_step(flow->bridge) != BRIDGE_OPEN &&
		   bridge_wants(flow->bridge, TLS_INSIDE) == 0) {
		flow_failed(flow); /* the program left while nobody reads it */
		return;
	}
	turn(flow);
}

static void inside_ready(struct loop_source *source, uint32_t events)
{
	flow_ready(container_of(source, struct flow, source[TLS_INSIDE]), events);
}

static void upstream_ready(struct loop_source *source, uint32_t events)
{
	(void)events;
	turn(container_of(source, struct flow, source[TLS_UPSTREAM]));
}

static void flow_again(struct loop_timer *timer)
{
	turn(container_of(timer, struct flow, again));
}

static void flow_new(const int fds[TLS_SIDES])
{
	struct flow *flow = calloc(1, sizeof(*flow));
	char *head = malloc(TLS_HELLO_FLOW_OCTETS_MAX);

	if (flow == NULL || head == NULL)
		abort();
	*flow = (struct flow){
		.head = head,
		.fd = { fds[0], fds[1] },
		.source = { { .fd = -1, .ready = inside_ready },
			    { .fd = -1, .ready = upstream_ready } },
		.again.fired = flow_again,
	};
	if (loop_add(gateway.loop, &flow->source[TLS_INSIDE], fds[0], EPOLLIN) < 0 ||
	    loop_add(gateway.loop, &flow->source[TLS_UPSTREAM], fds[1], 0) < 0)
		flow_end(flow, true);
}

static void leaf_came(struct span der)
{
	size_t count = gateway.waiting_count;
	struct flow *waiting[ARRAY_SIZE(gateway.waiting)];

	if (tls_context_put_leaf(gateway.context, &gateway.name, der) < 0)
		abort();
	for (size_t i = 0; i < count; i++)
		waiting[i] = gateway.waiting[i];
	gateway.waiting_count = 0;
	for (size_t i = 0; i < count; i++)
		turn(waiting[i]);
}

static void gateway_message(struct loop_source *source, uint32_t events)
{
	char packet[MESSAGE_OCTETS];
	int fds[FD_PASS_MAX];
	size_t len = 0, count = 0;

	(void)events;
	if (fd_recv(&len, channel, packet, sizeof(packet), fds, &count) < 0)
		return;
	if (len == 0)
		loop_stop(source->loop, 0);
	else if (packet[0] == FLOW && count == TLS_SIDES)
		flow_new(fds);
	else if (packet[0] == LEAF)
		leaf_came((struct span){ packet + 1, len - 1 });
}

/* grow_heap() - so that malloc() never asks the kernel again: blocks side by side, then freed */
static void grow_heap(void)
{
	static void *blocks[HEAP_OCTETS / BLOCK_OCTETS];

	(void)mallopt(M_MMAP_THRESHOLD, 2 * BLOCK_OCTETS);
	(void)mallopt(M_TRIM_THRESHOLD, 2 * HEAP_OCTETS - 1);
	for (size_t i = 0; i < ARRAY_SIZE(blocks); i++)
		blocks[i] = malloc(BLOCK_OCTETS);
	for (size_t i = 0; i < ARRAY_SIZE(blocks); i++)
		free(blocks[i]);
}

#define ALLOW(call)                                                      \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)SYS_##call, 0, 1), \
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static bool confine(void)
{
	struct sock_filter rows[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), /* offsetof(struct seccomp_data, nr) */
		/* TLS */
		ALLOW(recvmsg),
		ALLOW(sendmsg),
		ALLOW(getpid),
		ALLOW(getrandom),
		ALLOW(clock_gettime),
	/* the loop, and the ends of flows */
#ifdef SYS_epoll_wait
		ALLOW(epoll_wait),
#endif
		ALLOW(epoll_pwait),
		ALLOW(epoll_ctl),
		ALLOW(shutdown),
		ALLOW(setsockopt),
		ALLOW(close),
		ALLOW(restart_syscall),
		ALLOW(rt_sigreturn),
		ALLOW(exit_group),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog program = { ARRAY_SIZE(rows), rows };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0;
}

int run_gateway(const struct net_name *name, struct span roots, bool full)
{
	const struct tls_settings settings = { .roots = roots };
	struct authority_key key;
	struct diag diag = { 0 };

	gateway.name = *name;
	gateway.full = full;
	if (tls_context_new(&gateway.context, &settings, &diag) < 0) {
		fprintf(stderr, "relay: %s\n", diag.why);
		return 1;
	}
	tls_context_key(&key, gateway.context);
	if (!say(KEY, (struct span){ (char *)key.point, sizeof(key.point) }, NULL, 0))
		return 1;
	gateway.channel = (struct loop_source){ .fd = -1, .ready = gateway_message };
	if (loop_new(&gateway.loop) < 0 ||
	    loop_add(gateway.loop, &gateway.channel, channel, EPOLLIN) < 0)
		return 1;
#ifndef RELAY_UNCONFINED /* sanitizers map memory as they go */
	grow_heap();
	if (!confine())
		return 1;
#else
	(void)grow_heap, (void)confine;
#endif
	return loop_run(gateway.loop) < 0;
}
