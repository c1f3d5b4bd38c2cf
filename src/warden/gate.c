// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: as long as no program of the sandbox opens a flow, the capture sockets wait
 * in our loop and there is no gateway. The first flow starts it: a program of its own, with the
 * capture sockets and a channel and nothing else. From then on the warden
 * hears of flows by fixed messages and touches no byte of them.
 *
 * A gateway that died, or could not be started, has a successor, but not at once: flows that wait would
 * start the next right away, and one that cannot live would keep us busy for ever.
 */
#include "warden/gate.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "warden/sibling.h"

static const int64_t RETRY_NS = 100000000;

static void stop_waiting(struct gate *gate)
{
	loop_remove(&gate->tcp);
	loop_remove(&gate->dns);
}

static void retry_later(struct gate *gate);

static void retry_fired(struct loop_timer *timer)
{
	struct gate *gate = container_of(timer, struct gate, retry);

	if (gate_open(gate, gate->loop, gate->tcp_fd, gate->dns_fd) < 0)
		retry_later(gate);
}

/* retry_later() - there is no gateway; until there is one, flows wait and nothing passes */
static void retry_later(struct gate *gate)
{
	gate_close(gate);
	gate->retry.fired = retry_fired;
	loop_arm(gate->loop, &gate->retry, RETRY_NS);
}

/* lose() - it died, or says what no gateway says */
static void lose(struct gate *gate)
{
	if (gate->last)
		gate_close(gate);
	else
		retry_later(gate);
	gate->gone(gate->context);
}

/* Messages on their way out: empty, but while a packet of this gate's gateway is answered. One thread. */
static struct {
	const struct gate *of; /* what it is told is gathered; NULL: nobody's is */
	size_t len;
	char octets[GATE_PACKET_OCTETS_MAX];
} out;

/* post() - Return: 0; -EAGAIN: no room; -ETOOMANYREFS: not with @fd; -errno: the gateway is lost */
static int post(struct gate *gate, struct span packet, int fd)
{
	int r = packet.len == 0 ? 0 : fd_send(gate->fd, packet, &fd, fd >= 0);

	/* for any other reason an answer is lost: then it shall not wait for it */
	if (r < 0 && r != -EAGAIN && r != -ETOOMANYREFS)
		(void)shutdown(gate->fd, SHUT_RDWR);
	return r;
}

/* clear_out() - and wipe it, as it may hold secrets */
static void clear_out(void)
{
	explicit_bzero(out.octets, out.len);
	out.len = 0;
}

/* post_late() - what found no room before. Return: as post() */
static int post_late(struct gate *gate)
{
	int r = post(gate, buf_span(&gate->late), -1);

	if (r != -EAGAIN)
		buf_free(&gate->late);
	return r;
}

/* post_out() - with @fd; but for -EAGAIN it is empty then */
static int post_out(struct gate *gate, int fd)
{
	int r = post(gate, (struct span){ out.octets, out.len }, fd);

	if (r != -EAGAIN)
		clear_out();
	return r;
}

/* put_out() - Return: 0; -EAGAIN: no room; -errno */
static int put_out(struct gate *gate, const struct gate_message *message)
{
	size_t len = 0;
	int r = sizeof(out.octets) - out.len < GATE_OCTETS_MAX ? post_out(gate, -1) : 0;

	if (r == 0)
		r = gate_message_encode(&len, out.octets + out.len, message);
	if (r == 0)
		out.len += len;
	return r;
}

int gate_send(struct gate *gate, const struct gate_message *message, int fd)
{
	const bool gathered = out.of == gate;
	int r = gate->fd < 0 ? -ENOTCONN : post_late(gate);

	if (r == 0 && gathered && fd >= 0)
		r = post_out(gate, -1);
	if (r == 0)
		r = put_out(gate, message);
	if (r < 0 || (gathered && fd < 0))
		return r;
	r = post_out(gate, fd);
	clear_out(); /* with -EAGAIN the caller keeps it */
	return r;
}

/* listen_on() - for messages; or for room, if it is held or something found none */
static void listen_on(struct gate *gate)
{
	const bool full = gate->held || buf_len(&gate->late) > 0;

	if (gate->fd >= 0)
		loop_change(&gate->channel, full ? EPOLLOUT : EPOLLIN);
}

void gate_hold(struct gate *gate, bool hold)
{
	gate->held = hold;
	listen_on(gate);
}

/* take_packet() - Return: 0; -EAGAIN: there is none; else it is to be ended */
static int take_packet(struct gate *gate)
{
	struct gate_message message;
	static char packet[GATE_PACKET_OCTETS_MAX + 1]; /* handled before the next is read */
	int fds[FD_PASS_MAX];
	size_t len = 0, count = 0;
	int r = fd_recv(&len, gate->fd, packet, sizeof(packet), fds, &count);

	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++)
		fd_close(&fds[i]);
	struct span rest = { packet, len };
	r = len == 0 ? -ECONNRESET : 0;
	while (r == 0 && rest.len > 0) {
		r = gate_message_decode(&message, &rest);
		if (r == 0)
			r = gate->message(gate->context, &message);
	}
	return r;
}

/* hear() - a packet, and answer it with as few as can be. Return: as take_packet() */
static int hear(struct gate *gate)
{
	out.of = gate;
	int r = take_packet(gate), sent = post_out(gate, -1);
	out.of = NULL;
	if (sent == -EAGAIN) {
		sent = buf_append(&gate->late, (struct span){ out.octets, out.len });
		clear_out();
	}
	listen_on(gate);
	return r == 0 ? sent : r;
}

static void find_room(struct gate *gate)
{
	if (post_late(gate) == -EAGAIN)
		return;
	listen_on(gate);
	if (gate->held)
		gate->room(gate->context);
}

static void channel_ready(struct loop_source *source, uint32_t events)
{
	struct gate *gate = container_of(source, struct gate, channel);
	const bool full = (source->events & EPOLLOUT) != 0;

	if (full && (events & EPOLLOUT) != 0) {
		find_room(gate);
		return;
	}
	int r = full ? -EAGAIN : hear(gate);
	/* full, it is not read, and only so does its end show */
	bool ended = full && (events & (EPOLLHUP | EPOLLERR)) != 0;
	if ((r < 0 && r != -EAGAIN) || ended)
		lose(gate);
}

/* open_roots() - from their beginning, where a gateway before this one was at their end */
static int open_roots(const struct gate *gate)
{
	CLEANUP_FD int fd = gate->has_roots ? fcntl(gate->roots_fd, F_DUPFD_CLOEXEC, 0)
					    : open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || (gate->has_roots && lseek(fd, 0, SEEK_SET) < 0))
		return -errno;
	return fd_take(&fd);
}

/* spawn() - the process, with descriptors as gateway/gateway.h has them. Return: 0 or -errno. */
static int spawn(struct gate *gate)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	CLEANUP_FD int roots = open_roots(gate);
	const int fds[] = { pair[1], gate->tcp_fd, gate->dns_fd, roots };
	int r = roots;
	if (roots >= 0)
		r = sibling_start(&gate->pid, GATEWAY_PROGRAM, NULL, fds, ARRAY_SIZE(fds));
	fd_close(&pair[1]);
	if (r < 0)
		fd_close(&pair[0]);
	else
		gate->fd = pair[0];
	return r;
}

static void start_gateway(struct gate *gate)
{
	stop_waiting(gate);
	int r = spawn(gate);
	if (r == 0) {
		gate->channel.ready = channel_ready;
		r = loop_add(gate->loop, &gate->channel, gate->fd, EPOLLIN);
	}
	if (r < 0)
		retry_later(gate);
}

static void tcp_ready(struct loop_source *source, uint32_t events)
{
	(void)events;
	start_gateway(container_of(source, struct gate, tcp));
}

static void dns_ready(struct loop_source *source, uint32_t events)
{
	(void)events;
	start_gateway(container_of(source, struct gate, dns));
}

static bool flow_waits(const struct gate *gate)
{
	struct pollfd tcp = { .fd = gate->tcp_fd, .events = POLLIN };

	return gate->tcp.loop != NULL && poll(&tcp, 1, 0) > 0;
}

int gate_last(struct gate *gate)
{
	const struct gate_message last = { .kind = GATE_LAST };

	if (gate->fd < 0 && flow_waits(gate))
		start_gateway(gate);
	gate->last = true;
	return gate_send(gate, &last, -1);
}

void gate_break(struct gate *gate)
{
	if (gate->fd >= 0)
		(void)shutdown(gate->fd, SHUT_RDWR); /* its channel tells */
}

void gate_roots(struct gate *gate, int fd)
{
	gate->roots_fd = fd;
	gate->has_roots = true;
}

int gate_open(struct gate *gate, struct loop *loop, int tcp, int dns)
{
	gate->loop = loop;
	gate->fd = -1;
	gate->late = BUF_SECRET(GATE_PACKET_OCTETS_MAX);
	gate->tcp_fd = tcp;
	gate->dns_fd = dns;
	if (tcp < 0 || dns < 0)
		return 0; /* the capture wall is waived: there is no network at all */
	gate->tcp.ready = tcp_ready;
	gate->dns.ready = dns_ready;
	int r = loop_add(loop, &gate->tcp, tcp, EPOLLIN);
	return r < 0 ? r : loop_add(loop, &gate->dns, dns, EPOLLIN);
}

void gate_close(struct gate *gate)
{
	stop_waiting(gate);
	loop_disarm(&gate->retry);
	loop_remove(&gate->channel);
	if (gate->pid > 0) {
		(void)kill(gate->pid, SIGKILL);
		while (waitpid(gate->pid, NULL, 0) < 0 && errno == EINTR)
			;
		gate->pid = 0;
		fd_close(&gate->fd);
		gate->held = false;
		buf_free(&gate->late);
	}
}
