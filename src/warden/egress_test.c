// SPDX-License-Identifier: Apache-2.0
/*
 * The test plays the gateway: it stands in for gate.c, so each message is said and heard at once, and a
 * channel is full when the test says so. Policy, broker, and the events that come of it are real.
 */
#include "warden/egress.h"

#include <errno.h>
#include <stdlib.h>

#include "base/fd.h"
#include "base/test.h"
#include "warden/broker_test_priv.h"
#include "warden/gate.h"
#include "warden/server_priv.h"

enum { EVENTS_MAX = 64 };

static struct loop *the_loop;
static struct gate *warden; /* its side of the channel */
static uint16_t port, closed_port;

/* What the warden did to the gateway. */
static struct {
	bool full, held, ended, crowded; /* crowded: no descriptor can go along */
	unsigned answers;
	struct gate_message last; /* of the answers */
	char data[GATE_DATA_OCTETS_MAX + 1];
	bool had_fd;
} seen;

static json_t *events[EVENTS_MAX];
static size_t events_len, events_all;

int gate_open(struct gate *gate, struct loop *loop, int tcp, int dns)
{
	(void)tcp;
	(void)dns;
	(void)loop;
	warden = gate;
	return 0;
}

int gate_send(struct gate *gate, const struct gate_message *message, int fd)
{
	static char packet[GATE_OCTETS_MAX];
	size_t len = 0;

	(void)gate;
	if (seen.full)
		return -EAGAIN;
	if (seen.crowded && fd >= 0)
		return -ETOOMANYREFS;
	CHECK(gate_message_encode(&len, packet, message) == 0, "kind %d: no message",
	      message->kind);
	CHECK(gate_message_decode(&seen.last, &(struct span){ packet, len }) == 0, "kind %d",
	      message->kind);
	memcpy(seen.data, seen.last.data.ptr, seen.last.data.len);
	seen.data[seen.last.data.len] = '\0';
	seen.answers++;
	seen.had_fd = fd >= 0;
	loop_stop(the_loop, 0);
	return 0;
}

void gate_roots(struct gate *gate, int fd)
{
	(void)gate;
	(void)fd;
}

void gate_hold(struct gate *gate, bool hold)
{
	(void)gate;
	seen.held = hold;
}

int gate_last(struct gate *gate)
{
	(void)gate;
	return 0;
}

void gate_break(struct gate *gate)
{
	(void)gate;
}

void gate_close(struct gate *gate)
{
	(void)gate;
	seen.ended = true;
}

static void on_report(void *context, const struct egress_report *report)
{
	json_t *event = network_event(report);

	(void)context;
	CHECK(event != NULL, "kind %d: no event", report->kind);
	events_all++;
	if (events_len < EVENTS_MAX)
		events[events_len++] = event;
	else
		json_decref(event);
}

/* What was about to begin. */
static struct {
	bool refused;            /* nothing may */
	unsigned count, answers; /* answers: that were given before the last of them */
	enum egress_kind kind;
	uint32_t id;
	char method[16];
	bool websocket;
} begun;

static bool on_begin(void *context, const struct egress_report *report, char why[EGRESS_WHY_OCTETS])
{
	(void)context;
	begun.count++;
	begun.answers = seen.answers;
	begun.kind = report->kind;
	begun.id = report->id;
	begun.websocket = report->websocket;
	snprintf(begun.method, sizeof(begun.method), "%.*s", (int)report->method.len,
		 report->method.len > 0 ? report->method.ptr : "");
	CHECK(!report->begun && report->why[0] == '\0' && !report->blocked, "%s", report->why);
	if (begun.refused)
		snprintf(why, EGRESS_WHY_OCTETS, "no paper");
	return !begun.refused;
}

static void on_drained(void *context)
{
	(void)context;
}

static void forget_events(void)
{
	while (events_len > 0)
		json_decref(events[--events_len]);
	events_all = 0;
}

static struct egress *open_egress(void)
{
	static const char *get[] = { "GET" }, *paths[] = { "/v1/**" };
	static char with_port[32];
	const char *allowed[] = { "plain.test", with_port, "inside.test", "[2001:db8::1]:443" };
	const char *private[] = { "127.0.0.1" };
	static uint8_t pins[2][CONFIG_PIN_OCTETS] = { { 'p' }, { 'q' } };
	struct config_rule rules[] = {
		{ .host = "api.test", .methods = { get, 1 }, .paths = { paths, 1 } },
		{ .host = "pinned.test", .passthrough = true, .raw_given = true, .raw = true },
		{ .host = "caps.test",
		  .caps = { 100, 200, 3, 2, 9, 300, 4 },
		  .pins = pins,
		  .pins_len = 2 },
		{ .host = "raw.test",
		  .caps = { .requests_per_minute = 3, .concurrency = 2 },
		  .raw_given = true,
		  .raw = true },
	};
	struct config_host hosts[] = {
		{ "plain.test", "127.0.0.1" }, { "port.test", "127.0.0.1" },
		{ "api.test", "127.0.0.1" },   { "pinned.test", "127.0.0.1" },
		{ "caps.test", "127.0.0.1" },  { "raw.test", "127.0.0.1" },
		{ "inside.test", "10.0.0.5" }
	};
	char none[] = CONFIG_PROXY_NONE;
	struct config settings = { .working_dir = "/tmp/workspace" };
	struct config_network network = {
		.rules = rules,
		.rules_len = ARRAY_SIZE(rules),
		.allowed_hosts = { allowed, ARRAY_SIZE(allowed) },
		.allow_private = { private, 1 },
		.hosts = hosts,
		.hosts_len = ARRAY_SIZE(hosts),
		.block_private_ips = true,
		.proxy = none, /* whatever our environment says */
	};
	struct egress_config config = {
		.settings = &settings,
		.sandbox = "vm-00000000",
		.tcp = -1,
		.dns = -1,
		.hooks = { .begin = on_begin, .report = on_report, .drained = on_drained },
	};
	struct egress *egress = NULL;
	struct diag diag = { 0 };

	settings.network = network;
	snprintf(with_port, sizeof(with_port), "port.test:%u", port);
	memset(&seen, 0, sizeof(seen));
	CHECK(egress_open(&egress, the_loop, &config, &diag) == 0, "%s", diag.why);
	return egress;
}

static void close_egress(struct egress *egress)
{
	egress_close(egress);
	forget_events();
}

/* say() - as the gateway, what is a message. Return: what it is answered with. */
static int say(struct gate_message message)
{
	static char packet[GATE_OCTETS_MAX];
	struct gate_message heard;
	size_t len = 0;

	CHECK(!seen.held, "kind %d: not heard", message.kind);
	CHECK(gate_message_encode(&len, packet, &message) == 0, "kind %d: no message",
	      message.kind);
	CHECK(gate_message_decode(&heard, &(struct span){ packet, len }) == 0, "decode");
	return warden->message(warden->context, &heard);
}

static int ask_flow(uint32_t id, const char *host, uint16_t to)
{
	struct gate_message message = { .kind = GATE_ASK_FLOW, .id = id, .port = to };

	snprintf(message.name, sizeof(message.name), "%s", host);
	return say(message);
}

static int ask_request(uint32_t id, uint32_t flow, uint16_t flags, const char *text)
{
	return say((struct gate_message){ .kind = GATE_ASK_REQUEST,
					  .id = id,
					  .flow = flow,
					  .flags = flags,
					  .data = span_of(text) });
}

static int end_request(uint32_t id, uint16_t status, enum gate_verdict verdict, const char *why)
{
	return say((struct gate_message){ .kind = GATE_END_REQUEST,
					  .id = id,
					  .status = status,
					  .verdict = verdict,
					  .up = 11,
					  .down = 22,
					  .data = span_of(why) });
}

static int end_flow(uint32_t id)
{
	return say((struct gate_message){
	    .kind = GATE_END, .id = id, .verdict = GATE_CLOSED, .up = 1, .down = 2 });
}

/* carry() - have a flow to @host that is allowed, and forget what was told about it */
static void carry(uint32_t id, const char *host)
{
	CHECK(ask_flow(id, host, port) == 0, "%s", host);
	CHECK(fake_run(the_loop, 2000), "%s", host);
	CHECK(seen.last.id == id && seen.last.verdict == GATE_ALLOW && seen.had_fd, "%s: %s", host,
	      seen.data);
	forget_events();
}

/* What an event has to say. */
struct wanted {
	const char *method, *url;
	int status, up, down;
	bool blocked;
	const char *reason, *rule;
};

static void check_event(const char *what, size_t i, const struct wanted *want)
{
	const char *method = "", *url = "", *reason = "", *rule = "", *id = NULL;
	int status = -1, up = -1, down = -1, ms = -1, blocked = -1;
	json_t *facts = i < events_len ? json_object_get(events[i], "network") : NULL;

	CHECK(facts != NULL, "%s: event %zu of %zu", what, i, events_len);
	if (facts == NULL)
		return;
	CHECK(json_unpack(facts, "{s:s, s:s, s:i, s:i, s:i, s:i, s:b, s:s, s:s, s?s !}", "method",
			  &method, "url", &url, "status_code", &status, "request_bytes", &up,
			  "response_bytes", &down, "duration_ms", &ms, "blocked", &blocked,
			  "reason", &reason, "rule", &rule, "request_id", &id) == 0,
	      "%s", what);
	CHECK(id == NULL ||
		  (strlen(id) == 12 && strncmp(id, "req-", 4) == 0 && strncmp(url, "dns:", 4) != 0),
	      "%s: %s", what, id);
	CHECK(strcmp(method, want->method) == 0, "%s: %s", what, method);
	CHECK(strcmp(url, want->url) == 0, "%s: %s", what, url);
	CHECK(status == want->status && up == want->up && down == want->down, "%s: %d %d %d", what,
	      status, up, down);
	CHECK((blocked != 0) == want->blocked, "%s: %d", what, blocked);
	CHECK(strcmp(reason, want->reason) == 0, "%s: %s", what, reason);
	CHECK(strcmp(rule, want->rule) == 0, "%s: %s", what, rule);
	CHECK(ms >= 0 && ms < 60000, "%s: %d", what, ms);
}

static void test_flows(void)
{
	static const struct {
		const char *host;
		const char *why; /* what it begins with */
		enum gate_verdict verdict;
		uint16_t flags;
		bool shut; /* nobody listens there */
	} rows[] = {
		{ "plain.test", "", GATE_ALLOW, 0, false },
		{ "port.test", "", GATE_ALLOW, GATE_RAW, false },
		{ "api.test", "", GATE_ALLOW, 0, false },
		{ "pinned.test", "", GATE_ALLOW, GATE_RAW | GATE_PASSTHROUGH, false },
		{ "port.test", "port.test port ", GATE_DENY, 0, true },
		{ "no.test", "no.test port ", GATE_DENY, 0, false },
		{ "inside.test", "inside.test resolves to 10.0.0.5: private", GATE_DENY, 0, false },
		{ "plain.test", "plain.test", GATE_UNREACHABLE, 0, true },
	};
	struct egress *egress = open_egress();

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		unsigned before = seen.answers;
		uint32_t id = (uint32_t)i + 1;

		CHECK(ask_flow(id, rows[i].host, rows[i].shut ? closed_port : port) == 0, "%zu", i);
		if (seen.answers == before)
			CHECK(fake_run(the_loop, 2000), "row %zu: no answer", i);
		CHECK(seen.last.kind == GATE_FLOW && seen.last.id == id, "row %zu", i);
		CHECK(seen.last.verdict == rows[i].verdict, "row %zu: %d", i, seen.last.verdict);
		CHECK(seen.last.flags == rows[i].flags, "row %zu: %d", i, seen.last.flags);
		CHECK(seen.had_fd == (rows[i].verdict == GATE_ALLOW), "row %zu", i);
		CHECK(strncmp(seen.data, rows[i].why, strlen(rows[i].why)) == 0 &&
			  (rows[i].why[0] != '\0' || seen.data[0] == '\0'),
		      "row %zu: %s", i, seen.data);
	}
	close_egress(egress);
}

/* A denied name is answered without a reason: gate.h has no room for one in NAME. */
static void test_names(void)
{
	struct egress *egress = open_egress();

	for (uint32_t id = 1; id <= 2; id++) {
		struct gate_message message = { .kind = GATE_ASK_NAME, .id = id, .qtype = 1 };

		snprintf(message.name, sizeof(message.name), "%s",
			 id == 1 ? "api.test" : "no.test");
		CHECK(say(message) == 0 && seen.answers == id, "%u", id);
		CHECK(seen.last.verdict == (id == 1 ? GATE_ALLOW : GATE_DENY), "%u", id);
	}
	check_event("a name", 1,
		    &(struct wanted){ "QUERY", "dns://no.test", .blocked = true,
				      .reason = "no.test is not among the allowed hosts",
				      .rule = "default" });
	close_egress(egress);
}

/* check_capped() - request @id on flow @flow gets its caps; or @why it is refused for now */
static void check_capped(uint32_t id, uint32_t flow, const char *why, unsigned retry_s)
{
	CHECK(ask_request(id, flow, 0, "GET /") == 0, "%u", id);
	if (why == NULL) {
		CHECK(seen.last.verdict == GATE_ALLOW && seen.last.up == 100 &&
			  seen.last.down == 200 && seen.last.status == 0,
		      "%u: %s", id, seen.data);
		return;
	}
	CHECK(seen.last.verdict == GATE_DENY && seen.last.status == 429 && seen.last.down == 0,
	      "%u: %d", id, seen.last.status);
	CHECK(seen.last.up == retry_s && strcmp(seen.data, why) == 0, "%u: %s, after %ju s", id,
	      seen.data, (uintmax_t)seen.last.up);
}

/* check_no_socket() - what no gateway of ours says */
static void check_no_socket(uint32_t id, struct span data)
{
	CHECK(say((struct gate_message){ .kind = GATE_END_REQUEST,
					 .id = id,
					 .verdict = GATE_CLOSED,
					 .flags = GATE_WEBSOCKET,
					 .data = data }) == -EPROTO,
	      "%u", id);
}

/* A request for WebSocket has caps of its messages, and what went over it is told. */
static void test_websocket(void)
{
	const struct gate_socket socket = { .up = { 1, 2, 3, 1000 }, .down = { 4, 5, 6, 0 } };
	char data[GATE_SOCKET_OCTETS];
	struct egress *egress = open_egress();
	int messages = -1, frames = -1, bytes = -1, code = -1, down[3] = { -1, -1, -1 };

	gate_socket_put(data, &socket);
	carry(1, "caps.test");
	CHECK(ask_request(10, 1, 0, "GET /") == 0 && seen.last.message == 0 &&
		  seen.last.rate == 0 && seen.last.rule == 0,
	      "no WebSocket");
	CHECK(ask_request(11, 1, GATE_WEBSOCKET, "GET /") == 0 && seen.last.message == 300 &&
		  seen.last.rate == 4 && seen.last.rule == 2,
	      "%ju %u %u", (uintmax_t)seen.last.message, seen.last.rate, seen.last.rule);
	CHECK(say((struct gate_message){ .kind = GATE_END_REQUEST,
					 .id = 11,
					 .verdict = GATE_DENY,
					 .flags = GATE_WEBSOCKET,
					 .data = { data, sizeof(data) } }) == 0,
	      "end");
	json_t *event = events_len == 1 ? json_object_get(events[0], "network") : NULL;
	CHECK(json_unpack(event, "{s:{s:{s:i, s:i, s:i, s:i !}, s:{s:i, s:i, s:i !} !}}",
			  "websocket", "sent", "messages", &messages, "frames", &frames, "bytes",
			  &bytes, "close_code", &code, "received", "messages", &down[0], "frames",
			  &down[1], "bytes", &down[2]) == 0,
	      "event");
	CHECK(frames == 1 && messages == 2 && bytes == 3 && code == 1000, "sent");
	CHECK(down[0] == 5 && down[1] == 4 && down[2] == 6, "received");
	check_no_socket(10, (struct span){ data, sizeof(data) });
	close_egress(egress);
}

/* A rule's requests count together, whichever flow they are on, until they have ended. */
static void test_counted_requests(void)
{
	static const char busy[] = "2 requests of this rule are under way at once";
	static const char often[] = "more than 3 requests of this rule in a minute";
	struct egress *egress = open_egress();
	char url[80];

	snprintf(url, sizeof(url), "http://caps.test:%u/", port);
	carry(1, "caps.test");
	CHECK(seen.last.up == 9000 && seen.last.data.len == 64 && seen.data[0] == 'p' &&
		  seen.data[32] == 'q',
	      "idle %ju, pins %zu", (uintmax_t)seen.last.up, seen.last.data.len);
	carry(2, "caps.test");
	check_capped(10, 1, NULL, 0);
	check_capped(11, 2, NULL, 0);
	check_capped(12, 1, busy, 1);
	check_event("busy", 0, &(struct wanted){ "GET", url, 429, 0, 0, true, busy, "rules[2]" });
	forget_events();
	CHECK(end_request(10, 413, GATE_DENY, "too long") == 0, "end");
	check_event("too long", 0,
		    &(struct wanted){ "GET", url, 413, 11, 22, true, "too long", "rules[2]" });
	check_capped(13, 1, NULL, 0);
	CHECK(end_flow(2) == 0, "its request is over as well");
	check_capped(14, 1, often, 20);
	CHECK(end_request(13, 200, GATE_CLOSED, "") == 0, "end");
	close_egress(egress);
}

/* What may pass unread counts as flows, and what is then read on it as requests. */
static void test_counted_flows(void)
{
	struct egress *egress = open_egress();

	carry(1, "raw.test");
	CHECK(seen.last.flags == GATE_RAW && seen.last.data.len == 0, "%d", seen.last.flags);
	carry(2, "raw.test");
	CHECK(ask_request(10, 1, 0, "GET /") == 0 && seen.last.verdict == GATE_ALLOW, "a request");
	CHECK(seen.last.up == 0 && seen.last.down == 0, "has no caps");
	CHECK(ask_flow(3, "raw.test", port) == 0 && seen.last.verdict == GATE_DENY, "one too many");
	CHECK(seen.last.status == 429 && seen.last.up == 1 && !seen.had_fd, "%d", seen.last.status);
	CHECK(strcmp(seen.data, "2 flows of this rule are under way at once") == 0, "%s",
	      seen.data);
	CHECK(end_flow(1) == 0, "end");
	carry(3, "raw.test");
	CHECK(end_flow(2) == 0 && end_flow(3) == 0, "end");
	CHECK(ask_flow(4, "raw.test", port) == 0 && seen.last.verdict == GATE_DENY, "too often");
	CHECK(strcmp(seen.data, "more than 3 flows of this rule in a minute") == 0, "%s",
	      seen.data);
	CHECK(seen.last.up == 20, "%ju", (uintmax_t)seen.last.up);
	for (uint32_t id = 5; id < 12; id++)
		carry(id, "caps.test"); /* which are read, so their requests count */
	close_egress(egress);
}

/* What is allowed is told before it takes place: before it is answered, and before anything is dialled. */
static void test_begins(void)
{
	struct egress *egress = open_egress();

	memset(&begun, 0, sizeof(begun));
	CHECK(say((struct gate_message){
		  .kind = GATE_ASK_NAME, .id = 1, .qtype = 1, .name = "no.test" }) == 0 &&
		  ask_flow(2, "no.test", port) == 0 && begun.count == 0,
	      "denied");
	unsigned answers = seen.answers;
	CHECK(say((struct gate_message){
		  .kind = GATE_ASK_NAME, .id = 3, .qtype = 1, .name = "api.test" }) == 0,
	      "a name");
	CHECK(begun.count == 1 && begun.kind == EGRESS_NAME && begun.answers == answers, "a name");
	CHECK(ask_flow(4, "api.test", port) == 0 && begun.count == 2 && begun.kind == EGRESS_FLOW &&
		  begun.id == 4,
	      "%u", begun.count);
	CHECK(fake_run(the_loop, 2000) && seen.last.verdict == GATE_ALLOW, "a flow");
	CHECK(ask_request(5, 4, 0, "POST /") == 0 && begun.count == 2, "denied");
	answers = seen.answers;
	CHECK(ask_request(6, 4, 0, "GET /v1/x") == 0 && begun.count == 3, "a request");
	CHECK(begun.kind == EGRESS_REQUEST && begun.id == 6 && begun.answers == answers,
	      "a request");
	CHECK(strcmp(begun.method, "GET") == 0 && !begun.websocket, "%s", begun.method);
	close_egress(egress);
}

/* What may not begin is refused, and not under way. */
static void test_may_not_begin(void)
{
	struct egress *egress = open_egress();

	carry(1, "caps.test");
	begun.refused = true;
	for (uint32_t id = 10; id < 12; id++) {
		CHECK(ask_request(id, 1, GATE_WEBSOCKET, "GET /") == 0 && begun.websocket, "%u",
		      id);
		CHECK(seen.last.verdict == GATE_DENY && seen.last.status == 503 &&
			  seen.last.up == 0 && strcmp(seen.data, "no paper") == 0,
		      "%d %s", seen.last.status, seen.data);
	}
	forget_events();
	CHECK(ask_flow(2, "raw.test", port) == 0 && seen.last.verdict == GATE_UNREACHABLE,
	      "a flow");
	CHECK(seen.last.status == 503 && strcmp(seen.data, "no paper") == 0, "%s", seen.data);
	CHECK(!fake_run(the_loop, 50), "it was dialled");
	CHECK(say((struct gate_message){
		  .kind = GATE_ASK_NAME, .id = 3, .qtype = 1, .name = "api.test" }) == 0 &&
		  seen.last.verdict == GATE_UNREACHABLE,
	      "a name");
	check_event("a name", 1,
		    &(struct wanted){ "QUERY", "dns://api.test", .blocked = true,
				      .reason = "no paper", .rule = "rules[0]" });
	begun.refused = false;
	check_capped(13, 1, NULL, 0);
	carry(4, "raw.test");
	close_egress(egress);
}

/* An answer that waits for room keeps its pins. */
static void test_queued_pins(void)
{
	struct egress *egress = open_egress();

	seen.full = true;
	CHECK(ask_flow(1, "caps.test", port) == 0, "ask");
	CHECK(!fake_run(the_loop, 300) && seen.answers == 0 && seen.held, "it waits");
	seen.full = false;
	warden->room(warden->context);
	CHECK(seen.answers == 1 && seen.last.verdict == GATE_ALLOW && seen.had_fd, "it goes");
	CHECK(seen.last.data.len == 64 && seen.data[0] == 'p' && seen.data[32] == 'q', "pins");
	CHECK(end_flow(1) == 0, "end");
	close_egress(egress);
}

/* Where its socket cannot go along, that flow alone is refused, whether it had to wait or not. */
static void test_crowded(void)
{
	static const char why[] = "programs of this user have too many file descriptors on their "
				  "way between sockets ('ulimit -Hn')";

	for (int waits = 0; waits < 2; waits++) {
		const char *host = waits != 0 ? "caps.test" : "raw.test"; /* pins; a flag */
		struct egress *egress = open_egress();
		char url[80];
		size_t fds = 0;

		snprintf(url, sizeof(url), "tcp://%s:%u", host, port);
		carry(1, "plain.test");
		fds = fake_count_fds();
		seen.full = waits != 0;
		seen.crowded = true;
		CHECK(ask_flow(2, host, port) == 0, "ask");
		if (waits != 0) {
			CHECK(!fake_run(the_loop, 100) && seen.held, "it waits");
			seen.full = false;
			warden->room(warden->context);
			CHECK(!seen.held, "and then nothing does");
		} else {
			CHECK(fake_run(the_loop, 2000), "no answer");
		}
		CHECK(seen.answers == 2 && seen.last.verdict == GATE_UNREACHABLE && !seen.had_fd,
		      "%d", seen.last.verdict);
		CHECK(seen.last.id == 2 && strcmp(seen.data, why) == 0, "%s", seen.data);
		check_event("crowded", 0,
			    &(struct wanted){ "CONNECT", url, .reason = why,
					      .rule = waits != 0 ? "rules[2]" : "rules[3]" });
		CHECK(fake_count_fds() == fds, "%zu descriptors", fake_count_fds() - fds);
		seen.crowded = false;
		carry(2, host); /* its number is free */
		CHECK(end_flow(1) == 0 && end_flow(2) == 0, "the others go on");
		close_egress(egress);
	}
}

static void test_requests(void)
{
	struct egress *egress = open_egress();
	char url[80], asterisk[80], tcp[80];

	snprintf(url, sizeof(url), "https://api.test:%u/v1/x?y=z", port);
	snprintf(asterisk, sizeof(asterisk), "http://plain.test:%u", port);
	snprintf(tcp, sizeof(tcp), "tcp://api.test:%u", port);
	carry(1, "api.test");
	carry(2, "plain.test");
	CHECK(ask_request(10, 1, GATE_HTTPS, "GET /v1/x?y=z") == 0, "ask");
	CHECK(seen.last.kind == GATE_REQUEST && seen.last.id == 10 &&
		  seen.last.verdict == GATE_ALLOW && seen.data[0] == '\0',
	      "%s", seen.data);
	CHECK(events_len == 0, "it has not ended");
	CHECK(ask_request(11, 2, 0, "OPTIONS *") == 0 && seen.last.verdict == GATE_ALLOW, "*");
	CHECK(end_request(10, 200, GATE_CLOSED, "") == 0, "end");
	CHECK(end_request(11, 0, GATE_RESET, "the server\nbroke it off") == 0, "end");
	check_event("ended", 0, &(struct wanted){ "GET", url, 200, 11, 22, false, "", "rules[0]" });
	check_event("broken off", 1,
		    &(struct wanted){ "OPTIONS", asterisk, 0, 11, 22, false,
				      "the server?broke it off", "allowed_hosts[0]" });
	/* an id that is free again is one like any other */
	CHECK(ask_request(10, 1, 0, "POST /v1/") == 0 && seen.last.verdict == GATE_DENY, "POST");
	CHECK(strcmp(seen.data, "api.test allows GET only, not POST") == 0, "%s", seen.data);
	snprintf(url, sizeof(url), "http://api.test:%u/v1/", port);
	check_event("denied", 2,
		    &(struct wanted){ "POST", url, 403, 0, 0, true,
				      "api.test allows GET only, not POST", "rules[0]" });
	CHECK(ask_request(10, 1, 0, "GET /v1/") == 0 && seen.last.verdict == GATE_ALLOW, "GET");
	CHECK(end_request(10, 101, GATE_RESET, "") == 0, "end");
	check_event("reset", 3,
		    &(struct wanted){ "GET", url, 101, 11, 22, false, "it was reset or timed out",
				      "rules[0]" });
	CHECK(ask_request(10, 1, GATE_WEBSOCKET, "GET /v1/") == 0, "ask");
	CHECK(seen.last.verdict == GATE_DENY, "a WebSocket is no GET");
	CHECK(end_flow(1) == 0, "end");
	check_event("flow", 5, &(struct wanted){ "CONNECT", tcp, 0, 1, 2, false, "", "rules[0]" });
	CHECK(events_all == 6, "%zu", events_all);
	close_egress(egress);
}

/* URLs leave out the port of their scheme; an address of IPv6 has brackets. */
static void test_urls(void)
{
	static const struct {
		struct egress_report report;
		const char *method, *url;
	} rows[] = {
		{ { EGRESS_REQUEST, "a.test", .port = 443, .https = true, .method = { "GET", 3 },
		    .target = { "/x?y", 4 } },
		  "GET",
		  "https://a.test/x?y" },
		{ { EGRESS_REQUEST, "a.test", .port = 80, .https = true, .method = { "GET", 3 },
		    .target = { "/", 1 } },
		  "GET",
		  "https://a.test:80/" },
		{ { EGRESS_REQUEST, "a.test", .port = 80, .method = { "PUT", 3 },
		    .target = { "/%s", 3 } },
		  "PUT",
		  "http://a.test/%s" },
		{ { EGRESS_REQUEST, "::1", .is_address = true, .port = 443, .method = { "A", 1 },
		    .target = { "/", 1 } },
		  "A",
		  "http://[::1]:443/" },
		{ { EGRESS_REQUEST, "::1", .is_address = true, .port = 80, .method = { "A", 1 },
		    .target = { "*", 1 } },
		  "A",
		  "http://[::1]" },
		{ { EGRESS_REQUEST, "192.0.2.1", .is_address = true, .port = 8080,
		    .method = { "A", 1 }, .target = { "/", 1 } },
		  "A",
		  "http://192.0.2.1:8080/" },
		{ { EGRESS_FLOW, "a.test", .port = 443 }, "CONNECT", "tcp://a.test:443" },
		{ { EGRESS_REFUSED, "::1", .is_address = true, .port = 443 },
		  "CONNECT",
		  "tcp://[::1]:443" },
		{ { EGRESS_NAME, "a.test" }, "QUERY", "dns://a.test" },
		{ { EGRESS_MALFORMED, "192.0.2.1", .is_address = true, .port = 53 },
		  "QUERY",
		  "dns://192.0.2.1:53" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct egress_report report = rows[i].report;

		report.why = "why";
		report.rule = "rule";
		on_report(NULL, &report);
		check_event(rows[i].url, 0,
			    &(struct wanted){ rows[i].method, rows[i].url, .reason = "why",
					      .rule = "rule" });
		forget_events();
	}
}

/* The longest request there may be has an event, too; one octet more of method ends the gateway. */
static void test_longest(void)
{
	static char text[GATE_DATA_OCTETS_MAX + 1];
	struct egress *egress = open_egress();
	const char *url = "";

	memset(text, 'x', sizeof(text) - 1);
	memcpy(text + 32, " /", 2);
	carry(1, "plain.test");
	CHECK(ask_request(2, 1, 0, text) == 0 && seen.last.verdict == GATE_ALLOW, "longest");
	CHECK(end_request(2, 200, GATE_CLOSED, "") == 0 && events_len == 1, "end");
	if (events_len == 1)
		(void)json_unpack(events[0], "{s:{s:s}}", "network", "url", &url);
	CHECK(strlen(url) > 33 &&
		  strcmp(url + strlen(url) - (sizeof(text) - 1 - 33), text + 33) == 0,
	      "%zu octets", strlen(url));
	memcpy(text + 32, "x ", 2);
	CHECK(ask_request(2, 1, 0, text) == -EPROTO, "33 octets of method");
	close_egress(egress);
}

/* What no gateway of ours says. Flow 1 is allowed, flow 2 is under way, request 3 and name 4 are over,
 * request 5 is under way. */
static void test_lies(void)
{
	static const struct {
		const char *what;
		struct gate_message message;
	} rows[] = {
		{ "a request on no flow", { GATE_ASK_REQUEST, 9, 8, .data = { "GET /v1/", 8 } } },
		{ "a request on a flow that is not answered",
		  { GATE_ASK_REQUEST, 9, 2, .data = { "GET /v1/", 8 } } },
		{ "a request on a request", { GATE_ASK_REQUEST, 9, 5, .data = { "GET /v1/", 8 } } },
		{ "a request twice", { GATE_ASK_REQUEST, 5, 1, .data = { "GET /v1/", 8 } } },
		{ "a request by a flow's id",
		  { GATE_ASK_REQUEST, 1, 1, .data = { "GET /v1/", 8 } } },
		{ "a flow by a request's id", { GATE_ASK_FLOW, 5, .port = 1, .name = "a.test" } },
		{ "a name by a request's id", { GATE_ASK_NAME, 5, .qtype = 1, .name = "a.test" } },
		{ "the end of no request", { GATE_END_REQUEST, 9, .verdict = GATE_CLOSED } },
		{ "the end of a request twice", { GATE_END_REQUEST, 3, .verdict = GATE_CLOSED } },
		{ "the end of a flow as of a request",
		  { GATE_END_REQUEST, 1, .verdict = GATE_CLOSED } },
		{ "the end of a request as of a flow", { GATE_END, 5, .verdict = GATE_CLOSED } },
		{ "the end of a flow under way", { GATE_END, 2, .verdict = GATE_CLOSED } },
		{ "a refusal on no flow", { GATE_REFUSED, .flow = 8, .data = { "x", 1 } } },
		{ "a refusal on a flow under way",
		  { GATE_REFUSED, .flow = 2, .data = { "x", 1 } } },
		{ "our own answer", { GATE_REQUEST, 5, .verdict = GATE_ALLOW } },
		{ "our own word", { GATE_LAST } },
	};
	struct egress *egress = open_egress();

	carry(1, "api.test");
	CHECK(ask_request(3, 1, 0, "GET /v1/") == 0 && end_request(3, 1, GATE_CLOSED, "") == 0,
	      "3");
	CHECK(say((struct gate_message){ GATE_ASK_NAME, 4, .qtype = 1, .name = "a.test" }) == 0,
	      "4");
	CHECK(ask_request(5, 1, 0, "GET /v1/") == 0 && ask_flow(2, "plain.test", port) == 0, "5");
	forget_events();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		CHECK(say(rows[i].message) == -EPROTO, "%s", rows[i].what);
	CHECK(events_all == 0, "%zu events", events_all);
	close_egress(egress);
}

/* What is under way ends with its flow, or with the gateway. */
static void test_ends(void)
{
	struct egress *egress = open_egress();
	char url[80];

	snprintf(url, sizeof(url), "http://plain.test:%u/", port);
	carry(1, "plain.test");
	carry(2, "api.test");
	for (uint32_t id = 10; id < 14; id++)
		CHECK(ask_request(id, id < 13 ? 1 : 2, 0, id < 13 ? "GET /" : "GET /v1/") == 0,
		      "%u", id);
	CHECK(end_request(11, 204, GATE_CLOSED, "") == 0, "the one in the middle");
	CHECK(end_flow(1) == 0 && events_all == 4, "%zu", events_all);
	for (size_t i = 1; i < 3; i++)
		check_event("with its flow", i,
			    &(struct wanted){ "GET", url,
					      .reason = "the flow ended before the request did",
					      .rule = "allowed_hosts[0]" });
	CHECK(end_request(12, 200, GATE_CLOSED, "") == -EPROTO, "it is gone");
	forget_events();
	warden->gone(warden->context);
	CHECK(events_all == 2, "%zu", events_all);
	snprintf(url, sizeof(url), "http://api.test:%u/v1/", port);
	check_event("with the gateway", 0,
		    &(struct wanted){ "GET", url,
				      .reason = "the gateway died, and the flow with it",
				      .rule = "rules[0]" });
	forget_events();
	carry(2, "api.test"); /* of its successor, which counts anew */
	CHECK(ask_request(13, 2, 0, "GET /v1/") == 0 && seen.last.verdict == GATE_ALLOW, "again");
	close_egress(egress);
}

/* Answers that find no room keep their order, and nothing is heard meanwhile. */
static void test_no_room(void)
{
	struct egress *egress = open_egress();

	carry(1, "plain.test");
	carry(2, "api.test");
	CHECK(ask_flow(3, "plain.test", port) == 0, "3");
	unsigned before = seen.answers;
	seen.full = true;
	CHECK(ask_request(10, 2, 0, "POST /v1/") == 0 && seen.held, "held");
	CHECK(events_all == 1, "told at once");
	(void)fake_run(the_loop, 100); /* flow 3 is connected */
	warden->room(warden->context); /* not really */
	CHECK(seen.held && seen.answers == before, "held");
	seen.full = false;
	warden->room(warden->context);
	CHECK(!seen.held && seen.answers == before + 2, "%u answers", seen.answers - before);
	CHECK(seen.last.kind == GATE_FLOW && seen.last.id == 3 && seen.had_fd, "the last is 3");
	seen.full = true;
	CHECK(ask_request(10, 2, 0, "POST /v1/") == 0 && seen.held, "held");
	seen.full = false;
	warden->room(warden->context);
	CHECK(seen.last.id == 10 && seen.last.verdict == GATE_DENY, "denied");
	CHECK(strcmp(seen.data, "api.test allows GET only, not POST") == 0, "%s", seen.data);
	/* one that waits for room when the gateway dies, and when we close */
	for (uint32_t id = 100; id < 102; id++) {
		carry(id, "api.test");
		seen.full = true;
		CHECK(ask_request(10, id, 0, "POST /v1/") == 0 && seen.held, "held");
		seen.full = seen.held = false;
		if (id == 100)
			warden->gone(warden->context);
	}
	close_egress(egress);
}

/* What ends while its answer still waits for room waits no more. */
static void test_end_in_the_queue(void)
{
	struct egress *egress = open_egress();
	const struct gate_message end = { .kind = GATE_END, .id = 1, .verdict = GATE_RESET };

	carry(1, "plain.test");
	carry(2, "plain.test");
	unsigned before = seen.answers;
	seen.full = true;
	for (uint32_t id = 10; id < 20; id++) {
		CHECK(ask_request(id, id % 2 + 1, 0, "GET /") == 0 && seen.held, "held");
		seen.held = false; /* they are of one packet, which is heard to its end */
	}
	CHECK(say(end) == 0, "end");
	seen.full = false;
	warden->room(warden->context);
	CHECK(seen.answers == before + 5 && seen.last.id == 19, "%u", seen.answers - before);
	CHECK(ask_request(20, 2, 0, "GET /") == 0 && seen.last.id == 20, "and the next");
	close_egress(egress);
}

/* Requests under way are bounded, by number and by text. */
static void test_bounds(void)
{
	enum { REQUESTS_MAX = 32 * 1024, TARGET = 16 * 1024 };
	static char text[TARGET + 1];
	struct egress *egress = open_egress();
	uint32_t id = 10;

	memset(text, 'x', TARGET);
	memcpy(text, "A /", 3);
	carry(1, "plain.test");
	while (id < REQUESTS_MAX + 100 && ask_request(id, 1, 0, text) == 0 &&
	       seen.last.verdict == GATE_ALLOW)
		id++;
	CHECK(id - 10 == 1024, "%u of 16 KiB", id - 10);
	CHECK(strcmp(seen.data, "too many requests are under way at once") == 0, "%s", seen.data);
	CHECK(events_all == 1, "%zu", events_all);
	CHECK(end_request(10, 1, GATE_CLOSED, "") == 0 && ask_request(10, 1, 0, text) == 0 &&
		  seen.last.verdict == GATE_ALLOW,
	      "there is room again");
	CHECK(end_flow(1) == 0, "end");
	forget_events();
	carry(1, "plain.test");
	id = 10;
	while (id < REQUESTS_MAX + 100 && ask_request(id, 1, 0, "A /") == 0 &&
	       seen.last.verdict == GATE_ALLOW)
		id++;
	CHECK(id - 10 == REQUESTS_MAX, "%u requests", id - 10);
	CHECK(strcmp(seen.data, "too many requests are under way at once") == 0, "%s", seen.data);
	close_egress(egress);
}

static void test_refused(void)
{
	struct egress *egress = open_egress();
	char tcp[80];

	snprintf(tcp, sizeof(tcp), "tcp://api.test:%u", port);
	carry(1, "api.test");
	CHECK(say((struct gate_message){ .kind = GATE_REFUSED,
					 .flow = 1,
					 .status = 421,
					 .data = SPAN("Host says \"\x1b]0;x\xff\"") }) == 0,
	      "refused");
	check_event(
	    "refused", 0,
	    &(struct wanted){ "CONNECT", tcp, 421, 0, 0, true, "Host says \"?]0;x?\"", "" });
	CHECK(end_flow(1) == 0, "it goes on until its end");
	close_egress(egress);
}

int main(void)
{
	CHECK(loop_new(&the_loop) == 0, "loop");
	CLEANUP_FD int listener = fake_listen("127.0.0.1", &port, 128);
	int unused = fake_listen("127.0.0.1", &closed_port, 1);
	fd_close(&unused);
	test_flows();
	test_names();
	test_websocket();
	test_begins();
	test_may_not_begin();
	test_counted_requests();
	test_counted_flows();
	test_queued_pins();
	test_crowded();
	test_requests();
	test_urls();
	test_longest();
	test_lies();
	test_ends();
	test_no_room();
	test_end_in_the_queue();
	test_bounds();
	test_refused();
	loop_free(the_loop);
	(void)listener;
	return test_failures > 0;
}
