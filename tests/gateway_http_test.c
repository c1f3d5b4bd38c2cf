// SPDX-License-Identifier: Apache-2.0
/* HTTP/1 without TLS through the gateway as a process: we are the warden, the program and the server. */
#include <signal.h>
#include <sys/ioctl.h>

#include "gateway_rig.h"

enum {
	MANY = 1000,
	BULK = 8 * 1024 * 1024,
	TICKS_MAX = 20, /* of 10 ms: what the gateway may use while a program does not read */
};

#define HEAD " HTTP/1.1\r\nHost: 192.0.2.1\r\n"
#define GET  "GET /" HEAD "\r\n"
#define OK   "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

struct talk {
	int program, server;
	uint32_t flow;
};

static void say(const struct rig *rig, struct gate_message message, int fd)
{
	int r = -EAGAIN;

	while (r == -EAGAIN && test_ready(rig->warden, POLLOUT))
		r = gate_test_say(rig->warden, &message, fd);
	CHECK(r == 0, "%d", r);
}

/* begin() - a flow that is allowed with @flags; @first is sent before the verdict */
static struct talk begin(const struct rig *rig, unsigned flags, const char *first)
{
	struct talk t = { .program = rig_dial("192.0.2.1", 80) };
	CLEANUP_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	rig_send(t.program, first);
	t.flow = rig_hear_kind(rig, GATE_ASK_FLOW).id;
	CHECK(connect(fd, (const struct sockaddr *)&rig->server_at, sizeof(rig->server_at)) == 0 &&
		  fcntl(fd, F_SETFL, O_NONBLOCK) == 0,
	      "%d", errno);
	t.server = accept4(rig->server, NULL, NULL, SOCK_CLOEXEC);
	say(rig,
	    (struct gate_message){
		.kind = GATE_FLOW, .id = t.flow, .verdict = GATE_ALLOW, .flags = (uint16_t)flags },
	    fd);
	return t;
}

/* asked() - "METHOD target" is. Return: the id of the ask */
static uint32_t asked(const struct rig *rig, const struct talk *t, const char *want)
{
	struct gate_message ask = rig_hear_kind(rig, GATE_ASK_REQUEST);

	CHECK(ask.flow == t->flow && ask.data.len == strlen(want) &&
		  memcmp(ask.data.ptr, want, ask.data.len) == 0,
	      "%x: %.*s", ask.flow, (int)ask.data.len, ask.data.ptr);
	return ask.id;
}

static void judge(const struct rig *rig, uint32_t id, enum gate_verdict verdict)
{
	say(rig, (struct gate_message){ .kind = GATE_REQUEST, .id = id, .verdict = verdict }, -1);
}

static void check_ended(const struct rig *rig, uint32_t id, enum gate_verdict how, unsigned status)
{
	struct gate_message end = rig_hear_kind(rig, GATE_END_REQUEST);

	CHECK(end.id == id && end.verdict == how && end.status == status, "%x %d %u: %.*s", end.id,
	      (int)end.verdict, end.status, (int)end.data.len, end.data.ptr);
}

static void check_over(const struct rig *rig, const struct talk *t, enum gate_verdict how)
{
	struct gate_message end = rig_hear_kind(rig, GATE_END);

	CHECK(end.id == t->flow && end.verdict == how, "%x: %d", end.id, (int)end.verdict);
}

static void check_refused(const struct rig *rig, const struct talk *t, unsigned status)
{
	struct gate_message refused = rig_hear_kind(rig, GATE_REFUSED);

	CHECK(refused.flow == t->flow && refused.status == status && refused.data.len > 0, "%u",
	      refused.status);
}

/* check_begins() - what comes begins so, is all there at once, and ends with @end */
static void check_begins(int fd, const char *begin, const char *end)
{
	char octets[4096] = "";
	size_t len = 0;

	while (test_ready(fd, POLLIN)) {
		ssize_t n = recv(fd, octets + len, sizeof(octets) - 1 - len, MSG_DONTWAIT);

		if (n <= 0)
			break;
		len += (size_t)n;
		octets[len] = '\0';
		if (len >= strlen(end) && strcmp(octets + len - strlen(end), end) == 0)
			break;
	}
	CHECK(strncmp(octets, begin, strlen(begin)) == 0 && len >= strlen(end) &&
		  strcmp(octets + len - strlen(end), end) == 0,
	      "%s: %s", begin, octets);
}

static void check_silent(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	CHECK(poll(&p, 1, 50) == 0, "something came");
}

static void cut(int *fd)
{
	const struct linger reset = { 1, 0 };

	CHECK(setsockopt(*fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) == 0, "%d", errno);
	fd_close(fd);
}

static void finish(const struct rig *rig, struct talk *t, enum gate_verdict how)
{
	fd_close(&t->program);
	check_over(rig, t, how);
	fd_close(&t->server);
}

/* allowed() - a flow whose first request is out */
static struct talk allowed(const struct rig *rig, uint32_t *ret_id, const char *request,
			   const char *what)
{
	struct talk t = begin(rig, 0, request);

	*ret_id = asked(rig, &t, what);
	check_silent(t.server);
	judge(rig, *ret_id, GATE_ALLOW);
	rig_check_gets(t.server, request);
	return t;
}

/* Kept, pipelined, each asked for itself and silent until then (A11); a verdict twice is one. */
static void test_pipeline(const struct rig *rig)
{
	struct talk t = begin(rig, 0, GET "GET /second" HEAD "\r\n");
	uint32_t first = asked(rig, &t, "GET /");

	check_silent(t.server);
	judge(rig, first, GATE_ALLOW);
	judge(rig, first, GATE_ALLOW);
	rig_check_gets(t.server, GET);
	check_silent(t.server);
	rig_send(t.server, OK);
	rig_check_gets(t.program, OK);
	check_ended(rig, first, GATE_CLOSED, 200);
	uint32_t second = asked(rig, &t, "GET /second");
	judge(rig, first, GATE_ALLOW);
	check_silent(t.server);
	judge(rig, second, GATE_DENY);
	check_begins(t.program, "HTTP/1.1 403 Forbidden\r\n", "\"}\n");
	rig_send(t.program, "GET /third" HEAD "\r\n");
	uint32_t third = asked(rig, &t, "GET /third");
	judge(rig, third, GATE_ALLOW);
	rig_check_gets(t.server, "GET /third" HEAD "\r\n");
	rig_send(t.server, OK);
	rig_check_gets(t.program, OK);
	check_ended(rig, third, GATE_CLOSED, 200);
	finish(rig, &t, GATE_CLOSED);
}

/* The answer for a flow that is gone comes late: it is not one for the next in its slot. */
static void test_late_verdict(const struct rig *rig)
{
	struct talk t = begin(rig, 0, GET);
	uint32_t late = asked(rig, &t, "GET /");

	cut(&t.program);
	check_over(rig, &t, GATE_RESET);
	check_begins(t.server, "", "");
	fd_close(&t.server);
	struct talk next = begin(rig, 0, "DELETE /" HEAD "\r\n");
	uint32_t id = asked(rig, &next, "DELETE /");
	CHECK(id != late, "%x twice", id);
	judge(rig, late, GATE_ALLOW);
	check_silent(next.server);
	judge(rig, id, GATE_DENY);
	check_begins(next.program, "HTTP/1.1 403 ", "\"}\n");
	finish(rig, &next, GATE_CLOSED);
}

/* All of a body that is denied is read, or the program might never see the answer. */
static void test_denied_upload(const struct rig *rig)
{
	static char body[300 * 1024];
	struct talk t = begin(rig, 0, "POST /" HEAD "Content-Length: 307200\r\n\r\n");

	judge(rig, asked(rig, &t, "POST /"), GATE_DENY);
	for (size_t i = 0; i < sizeof(body);) {
		ssize_t n = send(t.program, body + i, sizeof(body) - i, MSG_NOSIGNAL);

		CHECK(n > 0, "%d", errno);
		if (n <= 0)
			break;
		i += (size_t)n;
	}
	check_begins(t.program, "HTTP/1.1 403 ", "\"}\n");
	finish(rig, &t, GATE_CLOSED);
}

/* The server says no in the middle of an upload, and slams the door. */
static void test_early_response(const struct rig *rig, bool slams)
{
	static const char no[] = "HTTP/1.1 413 Large\r\nContent-Length: 0\r\n\r\n";
	uint32_t id = 0;
	struct talk t = allowed(rig, &id, "POST /" HEAD "Content-Length: 9000\r\n\r\n", "POST /");

	rig_send(t.program, "a part");
	check_begins(t.server, "a part", "");
	rig_send(t.server, no);
	if (slams)
		cut(&t.server);
	check_begins(t.program, "HTTP/1.1 413 Large\r\n", "\r\n\r\n");
	check_ended(rig, id, GATE_RESET, 413);
	finish(rig, &t, GATE_CLOSED);
}

static void test_no_response(const struct rig *rig, bool reset)
{
	uint32_t id = 0;
	struct talk t = allowed(rig, &id, GET, "GET /");

	if (reset)
		cut(&t.server);
	else
		fd_close(&t.server);
	check_begins(t.program, "HTTP/1.1 502 Bad Gateway\r\n", "\"}\n");
	check_ended(rig, id, GATE_RESET, 502);
	finish(rig, &t, GATE_CLOSED);
}

/* Without framing an end is an end, and a reset is none. */
static void test_until_close(const struct rig *rig, bool reset)
{
	uint32_t id = 0;
	struct talk t = allowed(rig, &id, GET, "GET /");

	rig_send(t.server, "HTTP/1.1 200 OK\r\n\r\nwhole?");
	check_begins(t.program, "HTTP/1.1 200 OK\r\n", "whole?");
	if (reset)
		cut(&t.server);
	else
		fd_close(&t.server);
	rig_check_gets(t.program, reset ? NULL : "");
	check_ended(rig, id, reset ? GATE_RESET : GATE_CLOSED, 200);
	finish(rig, &t, reset ? GATE_RESET : GATE_CLOSED);
}

/* The program goes away: while its request is out, while the response comes, while it uploads. */
static void test_gone(const struct rig *rig, int when)
{
	static const char *const request[] = { GET, GET,
					       "POST /" HEAD "Content-Length: 9\r\n\r\n" };
	static const char *const what[] = { "GET /", "GET /", "POST /" };
	uint32_t id = 0;
	struct talk t = allowed(rig, &id, request[when], what[when]);

	if (when == 1) {
		rig_send(t.server, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi");
		check_begins(t.program, "HTTP/1.1 200 ", "hi");
	}
	cut(&t.program);
	if (when == 1)
		rig_send(t.server, "there");
	rig_check_gets(t.server, NULL);
	check_ended(rig, id, GATE_RESET, when == 1 ? 200 : 0);
	finish(rig, &t, GATE_RESET);
}

/* What a server says before it is asked is no answer, and it is not asked any more. */
static void test_out_of_turn(const struct rig *rig)
{
	struct talk t = begin(rig, 0, GET);
	uint32_t id = asked(rig, &t, "GET /");

	rig_send(t.server, OK);
	check_silent(t.program);
	judge(rig, id, GATE_ALLOW);
	check_begins(t.program, "HTTP/1.1 502 Bad Gateway\r\n", "\"}\n");
	check_silent(t.server);
	check_ended(rig, id, GATE_RESET, 502);
	finish(rig, &t, GATE_CLOSED);
}

static bool test_ready_soon(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 5) == 1;
}

/* A server that answered and reads no more: what else is sent is taken, so that the answer is read. */
static void test_upload_into_the_void(const struct rig *rig)
{
	static char octets[65536];
	static const char no[] = "HTTP/1.1 413 Large\r\nContent-Length: 0\r\n\r\n";
	struct talk t = begin(rig, 0, "POST /" HEAD "Content-Length: 900000000\r\n\r\n");
	uint32_t id = asked(rig, &t, "POST /");

	judge(rig, id, GATE_ALLOW);
	for (int quiet = 0; quiet < 5; quiet++)
		while (send(t.program, octets, sizeof(octets), MSG_DONTWAIT | MSG_NOSIGNAL) > 0 ||
		       poll(NULL, 0, 20) != 0)
			quiet = 0;
	rig_send(t.server, no);
	check_begins(t.program, no, "\r\n\r\n");
	check_ended(rig, id, GATE_RESET, 413);
	/* up to a megabyte of it, then it is over */
	for (int i = 0; i < 200 && !test_ready_soon(rig->warden); i++)
		(void)!send(t.program, octets, sizeof(octets), MSG_DONTWAIT | MSG_NOSIGNAL);
	check_over(rig, &t, GATE_CLOSED);
	fd_close(&t.program);
	fd_close(&t.server);
}

static void test_half_close(const struct rig *rig)
{
	uint32_t id = 0;
	struct talk t = allowed(rig, &id, GET, "GET /");

	CHECK(shutdown(t.program, SHUT_WR) == 0, "%d", errno);
	rig_send(t.server, OK);
	rig_check_gets(t.program, OK);
	rig_check_gets(t.program, "");
	check_ended(rig, id, GATE_CLOSED, 200);
	finish(rig, &t, GATE_CLOSED);
}

#define WS_KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
#define WS_HOP "Connection: upgrade\r\nUpgrade: websocket\r\n"

/* check_socket() - its end says what went over it */
static void check_socket(const struct rig *rig, uint32_t id)
{
	struct gate_message end = rig_hear_kind(rig, GATE_END_REQUEST);
	struct gate_socket socket = { 0 };

	CHECK(end.id == id && end.verdict == GATE_CLOSED && end.status == 101 &&
		  end.flags == GATE_WEBSOCKET && gate_socket_take(&socket, &end.data) &&
		  end.data.len == 0,
	      "%x %d %u", end.id, (int)end.verdict, end.status);
	CHECK(socket.up.frames == 1 && socket.up.messages == 1 && socket.up.octets == 4, "up");
	CHECK(socket.down.frames == 1 && socket.down.octets == 5 && socket.down.close_code == 0,
	      "down");
}

/* What is said instead of a frame ends the flow. */
static void test_no_frames(const struct rig *rig)
{
	static const char ask[] = "GET /" HEAD WS_KEY WS_HOP "\r\n";
	static const char yes[] =
	    "HTTP/1.1 101 Switching\r\nSec-WebSocket-Accept: x\r\n" WS_HOP "\r\n";
	struct talk t = begin(rig, 0, ask);
	struct gate_message message = rig_hear_kind(rig, GATE_ASK_REQUEST);
	struct gate_socket socket = { 0 };

	judge(rig, message.id, GATE_ALLOW);
	rig_check_gets(t.server, ask);
	rig_send(t.server, yes);
	rig_check_gets(t.program, yes);
	rig_send(t.program, "GET / HTTP/1.1\r\n\r\n");
	rig_check_gets(t.server, NULL);
	rig_check_gets(t.program, NULL);
	check_refused(rig, &t, 0);
	struct gate_message end = rig_hear_kind(rig, GATE_END_REQUEST);
	CHECK(end.verdict == GATE_RESET && gate_socket_take(&socket, &end.data) &&
		  end.data.len > 0 && socket.up.frames == 0,
	      "%d", (int)end.verdict);
	finish(rig, &t, GATE_RESET);
}

static void test_websocket(const struct rig *rig)
{
	static const char ask[] = "GET /" HEAD WS_KEY WS_HOP "\r\n";
	static const char yes[] =
	    "HTTP/1.1 101 Switching\r\nSec-WebSocket-Accept: x\r\n" WS_HOP "\r\n";
	struct talk t = begin(rig, 0, ask);
	struct gate_message message = rig_hear_kind(rig, GATE_ASK_REQUEST);

	CHECK(message.flags == GATE_WEBSOCKET, "%x", message.flags);
	judge(rig, message.id, GATE_ALLOW);
	rig_check_gets(t.server, ask);
	rig_send(t.server, yes);
	rig_check_gets(t.program, yes);
	rig_send(t.program, "\x81\x84    GET/");
	rig_check_gets(t.server, "\x81\x84    GET/");
	rig_send(t.server, "\x81\x05hello");
	rig_check_gets(t.program, "\x81\x05hello");
	CHECK(shutdown(t.program, SHUT_WR) == 0, "%d", errno);
	rig_check_gets(t.server, "");
	fd_close(&t.server);
	rig_check_gets(t.program, "");
	check_socket(rig, message.id);
	finish(rig, &t, GATE_CLOSED);
}

/* What is no HTTP: refused with a word to the warden, unless raw octets may pass (A7). */
static void test_raw(const struct rig *rig)
{
	struct talk t = begin(rig, 0, "SSH-2.0-x\r\n");

	check_refused(rig, &t, 0);
	rig_check_gets(t.program, NULL);
	CHECK(rig_hear_kind(rig, GATE_END).up == 0, "counted");
	rig_check_gets(t.server, NULL);
	fd_close(&t.program);
	fd_close(&t.server);
	t = begin(rig, GATE_RAW, "SSH-2.0-x\r\n");
	rig_check_gets(t.server, "SSH-2.0-x\r\n");
	rig_send(t.server, "SSH-2.0-y\r\n");
	rig_check_gets(t.program, "SSH-2.0-y\r\n");
	cut(&t.server);
	rig_check_gets(t.program, NULL);
	finish(rig, &t, GATE_RESET);
}

/* Nothing was sent, and the program left: nothing was refused. */
static void test_nothing(const struct rig *rig)
{
	struct talk t = begin(rig, 0, "");

	finish(rig, &t, GATE_CLOSED);
}

static void test_refused_request(const struct rig *rig, const char *request, unsigned status)
{
	struct talk t = begin(rig, 0, request);
	char line[32];

	check_refused(rig, &t, status);
	snprintf(line, sizeof(line), "HTTP/1.1 %u ", status);
	check_begins(t.program, line, "\"}\n");
	check_silent(t.server);
	finish(rig, &t, GATE_CLOSED);
}

/* A flow that is refused: who speaks HTTP is told why, each time; the others see a reset. */
static void test_refused_flow(const struct rig *rig)
{
	CLEANUP_FD int http = rig_dial("192.0.2.1", 80);

	rig_send(http, GET);
	uint32_t id = rig_hear_kind(rig, GATE_ASK_FLOW).id;
	rig_say(rig, GATE_FLOW, id, GATE_DENY, -1);
	check_begins(http, "HTTP/1.1 403 ", "\"}\n");
	rig_send(http, GET);
	check_begins(http, "HTTP/1.1 403 ", "\"}\n");
	CLEANUP_FD int raw = rig_dial("192.0.2.1", 80);
	rig_send(raw, "SSH-2.0-x\r\n");
	id = rig_hear_kind(rig, GATE_ASK_FLOW).id;
	rig_say(rig, GATE_FLOW, id, GATE_DENY, -1);
	rig_check_gets(raw, NULL);
}

static unsigned ticks_of(pid_t pid)
{
	unsigned long user = 0, kernel = 0;
	char path[64], text[1024] = "";

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
	const char *rest = n > 0 ? strrchr(text, ')') : NULL;
	/* fields 14 and 15 of proc(5); the name, in brackets, is the second */
	for (int i = 0; rest != NULL && i < 12; i++)
		rest = strchr(rest + 1, ' ');
	if (rest != NULL) {
		char *end = NULL;

		user = strtoul(rest, &end, 10);
		kernel = strtoul(end, NULL, 10);
	}
	CHECK(rest != NULL, "%s", text);
	return (unsigned)(user + kernel);
}

/* A program that does not read: the gateway sleeps meanwhile (A28), and all of it arrives. */
static void test_slow_reader(const struct rig *rig)
{
	static char octets[65536];
	uint32_t id = 0;
	struct talk t = allowed(rig, &id, GET, "GET /");
	size_t sent = 0, got = 0;

	rig_send(t.server,
		 "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 8388608\r\n\r\n");
	unsigned before = ticks_of(rig->pid);
	for (int quiet = 0; quiet < 10;) {
		ssize_t n = send(t.server, octets,
				 BULK - sent < sizeof(octets) ? BULK - sent : sizeof(octets),
				 MSG_DONTWAIT | MSG_NOSIGNAL);
		sent += n > 0 ? (size_t)n : 0;
		quiet = n > 0 && sent < BULK ? 0 : quiet + 1;
		if (n <= 0 || sent == BULK)
			(void)poll(NULL, 0, 100);
	}
	unsigned used = ticks_of(rig->pid) - before;
	CHECK(used <= TICKS_MAX, "%u ticks in a second of waiting", used);
	while (test_ready(t.program, POLLIN)) {
		ssize_t n = recv(t.program, octets, sizeof(octets), MSG_DONTWAIT);

		if (n <= 0)
			break;
		got += (size_t)n;
		while (sent < BULK &&
		       (n = send(t.server, octets, BULK - sent < 65536 ? BULK - sent : 65536,
				 MSG_DONTWAIT | MSG_NOSIGNAL)) > 0)
			sent += (size_t)n;
	}
	CHECK(got > BULK && got < BULK + 200, "%zu of %zu", got, sent);
	struct gate_message end = rig_hear_kind(rig, GATE_END_REQUEST);
	CHECK(end.verdict == GATE_CLOSED && end.down > BULK, "%d %llu", (int)end.verdict,
	      (unsigned long long)end.down);
	finish(rig, &t, GATE_CLOSED);
}

static void test_many(const struct rig *rig)
{
	static struct talk talks[MANY];
	static uint32_t ids[MANY];

	for (int i = 0; i < MANY; i++)
		talks[i] = begin(rig, 0, "");
	for (int i = 0; i < MANY; i++)
		rig_send(talks[i].program, GET);
	for (int i = 0; i < MANY; i++) {
		struct gate_message ask = rig_hear_kind(rig, GATE_ASK_REQUEST);

		for (int k = 0; k < MANY; k++)
			if (talks[k].flow == ask.flow)
				ids[k] = ask.id;
	}
	for (int i = MANY - 1; i >= 0; i--)
		judge(rig, ids[i], i % 2 == 0 ? GATE_ALLOW : GATE_DENY);
	for (int i = 0; i < MANY; i++) {
		if (i % 2 == 0) {
			rig_check_gets(talks[i].server, GET);
			rig_send(talks[i].server, OK);
			rig_check_gets(talks[i].program, OK);
			check_ended(rig, ids[i], GATE_CLOSED, 200);
		} else {
			check_begins(talks[i].program, "HTTP/1.1 403 ", "\"}\n");
		}
		finish(rig, &talks[i], GATE_CLOSED);
	}
}

/* No program is left: what is under way is finished, then the gateway ends by itself. */
static void test_last(struct rig *rig)
{
	struct talk idle = begin(rig, 0, GET);
	uint32_t id = asked(rig, &idle, "GET /");

	judge(rig, id, GATE_ALLOW);
	rig_check_gets(idle.server, GET);
	CHECK(shutdown(idle.program, SHUT_WR) == 0, "%d", errno);
	rig_say(rig, GATE_LAST, 0, GATE_NONE, -1);
	rig_send(idle.server, OK);
	rig_check_gets(idle.program, OK);
	rig_check_gets(idle.program, "");
	check_ended(rig, id, GATE_CLOSED, 200);
	finish(rig, &idle, GATE_CLOSED);
	CHECK(test_ready(rig->warden, POLLIN), "does not end");
}

int main(void)
{
	struct rig rig;
	int r = rig_open(&rig);

	if (r != 0)
		return r;
	rig_start(&rig);
	test_pipeline(&rig);
	test_late_verdict(&rig);
	test_denied_upload(&rig);
	test_early_response(&rig, false);
	test_early_response(&rig, true);
	test_no_response(&rig, false);
	test_no_response(&rig, true);
	test_until_close(&rig, false);
	test_until_close(&rig, true);
	for (int i = 0; i < 3; i++)
		test_gone(&rig, i);
	test_out_of_turn(&rig);
	test_upload_into_the_void(&rig);
	test_half_close(&rig);
	test_websocket(&rig);
	test_no_frames(&rig);
	test_raw(&rig);
	test_nothing(&rig);
	test_refused_request(&rig, "GET / HTTP/1.1\r\nHost: other.test\r\n\r\n", 421);
	test_refused_request(&rig, "TRACE /" HEAD "\r\n", 405);
	test_refused_request(&rig, "CONNECT 192.0.2.1:80" HEAD "\r\n", 405);
	test_refused_request(&rig, "GET /a%2fb" HEAD "\r\n", 400);
	test_refused_request(&rig, "GET /" HEAD "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx",
			     400);
	test_refused_flow(&rig);
	test_slow_reader(&rig);
	test_many(&rig);
	test_last(&rig);
	CHECK(rig_end(&rig) == 0, "exit code");
	return test_failures > 0;
}
