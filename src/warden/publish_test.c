// SPDX-License-Identifier: Apache-2.0
/* Outside and inside are the same network here, one of the test's own; the dialler is the real one. */
#include "warden/publish.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/test.h"
#include "base/test_net.h"
#include "jail/capture.h"
#include "warden/publish_priv.h"

enum { PORT = 8000, TICK_NS = 2000000, TICKS_MAX = 2000 };

struct told {
	int reports, drained;
	unsigned begins;
	uint64_t up, down;
	char why[64], host[64], rule[32];
};

static struct loop *the_loop;
static struct told told;

static void on_report(void *context, const struct egress_report *report)
{
	(void)context;
	told.reports++;
	told.up = report->up;
	told.down = report->down;
	CHECK(report->kind == EGRESS_ACCEPTED && report->port == PORT &&
		  report->blocked == !report->begun,
	      "%d %u", report->kind, report->port);
	snprintf(told.why, sizeof(told.why), "%s", report->why);
	snprintf(told.host, sizeof(told.host), "%s", report->host);
	snprintf(told.rule, sizeof(told.rule), "%s", report->rule);
}

static void on_drained(void *context)
{
	(void)context;
	told.drained++;
}

static bool refuses; /* what is to begin */

static bool on_begin(void *context, const struct egress_report *report, char why[EGRESS_WHY_OCTETS])
{
	(void)context;
	CHECK(report->kind == EGRESS_ACCEPTED && report->number == ++told.begins && !report->begun,
	      "%u", report->number);
	snprintf(why, EGRESS_WHY_OCTETS, "no paper");
	return !refuses;
}

static const struct egress_hooks hooks = { .begin = on_begin,
					   .report = on_report,
					   .drained = on_drained };

/* What a run of the loop waits for. */
struct wait {
	struct loop_timer timer;
	int ticks, fd;
	const int *count; /* until it is @want */
	int want;
};

static void tick(struct loop_timer *timer)
{
	struct wait *wait = container_of(timer, struct wait, timer);
	struct pollfd p = { .fd = wait->fd, .events = POLLIN };

	if (wait->ticks++ < TICKS_MAX && (wait->fd < 0 || poll(&p, 1, 0) == 0) &&
	    (wait->count == NULL || *wait->count < wait->want))
		loop_arm(the_loop, timer, TICK_NS);
	else
		loop_stop(the_loop, 0);
}

/* run_until() - @fd (-1: none) is readable, or *@count (NULL: none) is @want */
static void run_until(int fd, const int *count, int want)
{
	struct wait wait = { .timer = { .fired = tick }, .fd = fd, .count = count, .want = want };

	loop_arm(the_loop, &wait.timer, 0);
	CHECK(loop_run(the_loop) == 0, "loop");
	CHECK(wait.ticks <= TICKS_MAX, "it did not come");
}

/* run_a_while() - for what does not happen */
static void run_a_while(void)
{
	struct wait wait = { .timer = { .fired = tick }, .fd = -1, .want = 10 };

	wait.count = &wait.ticks;
	loop_arm(the_loop, &wait.timer, 0);
	CHECK(loop_run(the_loop) == 0, "loop");
}

static int listen_at(const char *address, uint16_t port)
{
	struct sockaddr_storage a;
	socklen_t len = test_address(&a, address, port);
	int fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)) == 0, "%d", errno);
	CHECK(bind(fd, (struct sockaddr *)&a, len) == 0 && listen(fd, 8) == 0, "%s: %d", address,
	      errno);
	return fd;
}

static int connect_to(const struct publish *publish)
{
	struct sockaddr_storage a;
	socklen_t len = test_address(&a, "127.0.0.1", publish->doors[0].at.host_port);
	int fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(connect(fd, (struct sockaddr *)&a, len) == 0, "%d", errno);
	return fd;
}

static struct publish *open_one(uint16_t host_port)
{
	struct config_publish at = { .address = { .family = 4, .octets = { 127, 0, 0, 1 } },
				     .host_port = host_port,
				     .port = PORT };
	const struct config_network network = { .publish = &at, .publish_len = 1 };
	struct publish *publish = NULL;
	struct diag diag = { 0 };

	CHECK(publish_open(&publish, the_loop, &network, &diag) == 0, "%s", diag.why);
	return publish;
}

static struct publish *start_one(int inside)
{
	struct publish *publish = open_one(0);
	struct diag diag = { 0 };

	told = (struct told){ 0 };
	int r = publish_start(publish, inside, &hooks, NULL, &diag);
	CHECK(r == 0, "%s", diag.why);
	return publish;
}

static void test_open(void)
{
	const struct config_network none = { 0 };
	struct publish *first = open_one(0), *second = first;
	struct config_publish twice[2] = { { .address = { .family = 4, .octets = { 127, 0, 0, 1 } },
					     .port = 1 },
					   first->doors[0].at };
	const struct config_network taken = { .publish = twice, .publish_len = 2 };
	struct diag diag = { 0 };

	json_auto_t *ports = publish_json(first);
	json_auto_t *want = json_pack("[{s:s, s:i, s:i}]", "address", "127.0.0.1", "host_port",
				      (int)first->doors[0].at.host_port, "port", (int)PORT);
	CHECK(first->doors[0].at.host_port != 0 && json_equal(ports, want), "json");
	CHECK(publish_start(first, -1, &hooks, NULL, &diag) == -ENOTSUP, "without a network");
	CHECK(publish_open(&second, the_loop, &taken, &diag) == -EADDRINUSE, "taken");
	CHECK(strstr(diag.why, "cannot publish port 8000: 127.0.0.1 port ") == diag.why, "%s",
	      diag.why);
	CHECK(publish_open(&second, the_loop, &none, &diag) == 0 && second == NULL, "none");
	publish_close(first);
	publish_close(second);
}

/* expect() - octets, then the end, on @fd */
static void expect(int fd, const char *want, bool end)
{
	char text[16] = "";
	ssize_t n = recv(fd, text, sizeof(text), 0);

	CHECK(n == (ssize_t)strlen(want) && strcmp(text, want) == 0, "%zd: %s", n, text);
	if (!end)
		return;
	n = recv(fd, text, sizeof(text), 0);
	CHECK(n == 0, "%zd %d", n, errno);
}

/* talk() - a question with its end, then the answer with its own */
static void talk(int near, int far)
{
	CHECK(send(near, "hello", 5, 0) == 5 && shutdown(near, SHUT_WR) == 0, "%d", errno);
	run_until(far, NULL, 0);
	expect(far, "hello", false);
	CHECK(send(far, "hi", 2, 0) == 2 && shutdown(far, SHUT_WR) == 0, "%d", errno);
	run_until(-1, &told.reports, 1);
	expect(near, "hi", true);
}

/* check_echo() - one connection, answered at @address */
static void check_echo(int inside, const char *address)
{
	struct publish *publish = start_one(inside);
	CLEANUP_FD int server = listen_at(address, PORT);
	CLEANUP_FD int near = connect_to(publish);

	run_until(server, NULL, 0);
	CLEANUP_FD int far = accept(server, NULL, NULL);
	talk(near, far);
	CHECK(told.up == 5 && told.down == 2 && told.why[0] == '\0', "%s", told.why);
	CHECK(strcmp(told.host, address) == 0 && strcmp(told.rule, "publish[0]") == 0, "%s %s",
	      told.host, told.rule);
	CHECK(publish->len == 0 && publish->doors[0].len == 0, "%zu", publish->len);
	CHECK(!publish_drain(publish), "nothing is left");
	publish_close(publish);
}

/* The port of a proxy of this machine is never taken by "auto", whether the sandbox uses it or not. */
static void test_spares(void)
{
	static const struct {
		const char *proxy, *name, *value; /* the setting; a variable */
		bool allowed;                     /* is any host? */
		unsigned spared[2];
	} rows[] = {
		{ "http://127.0.0.1:3128", NULL, NULL, true, { 3128 } },
		{ "http://user:word@[::1]:3129", NULL, NULL, true, { 3129 } },
		{ "http://localhost:3130", NULL, NULL, true, { 3130 } },
		{ "http://0.0.0.0:3131", NULL, NULL, true, { 3131 } },
		{ "http://192.0.2.1:3128", NULL, NULL, true, { 0 } },
		{ "none", NULL, NULL, true, { 0 } },
		{ "http://127.0.0.1:3128", NULL, NULL, false, { 3128 } },
		{ "none", "HTTPS_PROXY", "http://127.0.0.1:3132", true, { 3132 } },
		{ NULL, "https_proxy", "http://127.0.0.1:3132", false, { 3132 } },
		{ NULL, "all_proxy", "http://proxy.test:3133", false, { 3133 } },
		{ NULL, "ALL_PROXY", "127.0.0.1:3134", true, { 3134 } },
		{ NULL, "http_proxy", "http://127.0.0.1:3135", true, { 3135 } },
		{ NULL, "HTTP_PROXY", "http://127.0.0.1:3136", false, { 3136 } },
		{ NULL, "HTTP_PROXY", "socks://127.0.0.1:3136", false, { 3136 } },
		{ NULL, "ALL_PROXY", "socks5h://u:p@s/@localhost:1081/", false, { 1081 } },
		{ NULL, "ALL_PROXY", "socks5://[::1]", false, { 80, 443 } },
		{ NULL, "https_proxy", "https://u:p@192.0.2.1", false, { 0 } },
		{ NULL, "https_proxy", "", false, { 0 } },
		{ "http://127.0.0.1:3128", "http_proxy", "http://[::1]:1", false, { 3128, 1 } },
	};
	static const char *const names[] = { "https_proxy", "HTTPS_PROXY", "all_proxy",
					     "ALL_PROXY",   "http_proxy",  "HTTP_PROXY" };
	static const char *hosts[] = { "a.test" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		CHECK(unsetenv(names[i]) == 0, "%s", names[i]);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct config_network network = { .publish_auto = true,
						  .allowed_hosts = { hosts, rows[i].allowed } };
		struct publish *publish = NULL;
		struct diag diag = { 0 };

		network.proxy = (char *)(uintptr_t)rows[i].proxy;
		if (rows[i].name != NULL)
			CHECK(setenv(rows[i].name, rows[i].value, 1) == 0, "row %zu", i);
		CHECK(publish_open(&publish, the_loop, &network, &diag) == 0, "%s", diag.why);
		for (size_t k = 0; publish != NULL && k < ARRAY_SIZE(rows[i].spared); k++)
			CHECK((k < publish->spared_len ? publish->spared[k] : 0) ==
				  rows[i].spared[k],
			      "row %zu: not %u", i, rows[i].spared[k]);
		publish_close(publish);
		if (rows[i].name != NULL)
			CHECK(unsetenv(rows[i].name) == 0, "row %zu", i);
	}
}

static void test_nobody_listens(int inside)
{
	struct publish *publish = start_one(inside);
	CLEANUP_FD int near = connect_to(publish);
	char octet = 0;

	run_until(-1, &told.reports, 1);
	CHECK(recv(near, &octet, 1, MSG_DONTWAIT) == -1 && errno == ECONNRESET, "%d", errno);
	CHECK(strcmp(told.why, "no program listens on this port") == 0, "%s", told.why);
	CHECK(strcmp(told.host, "::1") == 0, "%s", told.host);
	publish_close(publish);
}

/* join() - @near's server side, once the flow is carried: its connection alone may be ahead of that */
static int join(int server, int near)
{
	char octet = 0;

	run_until(server, NULL, 0);
	int far = accept(server, NULL, NULL);
	CHECK(far >= 0 && send(near, "x", 1, 0) == 1, "%d", errno);
	run_until(far, NULL, 0);
	CHECK(recv(far, &octet, 1, MSG_DONTWAIT) == 1, "%d", errno);
	return far;
}

/* What may not begin is reset, and nothing is asked of the sandbox. */
static void test_may_not_begin(int inside)
{
	struct publish *publish = start_one(inside);
	CLEANUP_FD int server = listen_at("127.0.0.1", PORT);
	char octet = 0;

	refuses = true;
	CLEANUP_FD int near = connect_to(publish);
	run_until(-1, &told.reports, 1);
	CHECK(recv(near, &octet, 1, 0) == -1 && errno == ECONNRESET, "%d", errno);
	CHECK(strcmp(told.why, "no paper") == 0 && told.begins == 1, "%s", told.why);
	CHECK(publish->len == 0 && publish->doors[0].len == 0, "%zu", publish->len);
	refuses = false;
	CLEANUP_FD int next = connect_to(publish);
	CLEANUP_FD int far = join(server, next);
	CHECK(told.begins == 2 && far >= 0, "%u", told.begins);
	publish_close(publish);
}

/* At most so many of a port; the next one waits. */
static void test_bound(int inside)
{
	struct publish *publish = start_one(inside);
	CLEANUP_FD int server = listen_at("127.0.0.1", PORT);

	publish->len_max = 1;
	CLEANUP_FD int first = connect_to(publish);
	run_until(server, NULL, 0);
	CLEANUP_FD int far = accept(server, NULL, NULL);
	CLEANUP_FD int second = connect_to(publish);
	run_a_while();
	CHECK(publish->len == 1 && publish->doors[0].source.events == 0, "%zu", publish->len);
	fd_close(&first);
	fd_close(&far);
	run_until(server, NULL, 0);
	CHECK(publish->len == 1 && told.reports == 1, "%zu %d", publish->len, told.reports);
	publish_close(publish);
	char octet = 0;
	CHECK(recv(second, &octet, 1, 0) == -1 && errno == ECONNRESET, "%d", errno);
	CHECK(told.reports == 1, "told of what was closed");
}

/* What was sent inside goes out; who reads nothing is not waited for. */
static void test_drain(int inside)
{
	struct publish *publish = start_one(inside);
	CLEANUP_FD int server = listen_at("127.0.0.1", PORT);
	CLEANUP_FD int near = connect_to(publish);

	CLEANUP_FD int far = join(server, near);
	CHECK(send(far, "last", 4, 0) == 4, "%d", errno);
	fd_close(&far);
	CHECK(publish_drain(publish), "something is left");
	CHECK(publish->doors[0].fd == -1 && publish->dialler.pid == 0, "not given up");
	run_until(-1, &told.drained, 1);
	expect(near, "last", true);
	CHECK(told.reports == 1 && told.down == 4, "%d", told.reports);
	publish_close(publish);
}

static void test_drain_is_bounded(int inside)
{
	struct publish *publish = start_one(inside);
	CLEANUP_FD int server = listen_at("127.0.0.1", PORT);
	CLEANUP_FD int near = connect_to(publish);

	CLEANUP_FD int far = join(server, near);
	CHECK(near >= 0 && far >= 0 && publish_drain(publish), "something is left");
	run_until(-1, &told.drained, 1);
	CHECK(told.drained == 1 && told.reports == 0, "%d %d", told.drained, told.reports);
	publish_close(publish);
}

int main(void)
{
	const char *stage = "none";
	int all[CAPTURE_SOCKETS];

	if (!test_enter(CLONE_NEWUSER | CLONE_NEWNET) || capture_open(all, &stage) < 0) {
		fprintf(stderr, "no namespaces here: %s: %d\n", stage, errno);
		return 77;
	}
	int tcp = all[CAPTURE_TCP];
	CHECK(loop_new(&the_loop) == 0, "loop");
	test_open();
	test_spares();
	check_echo(tcp, "127.0.0.1");
	check_echo(tcp, "::1");
	test_nobody_listens(tcp);
	test_may_not_begin(tcp);
	test_bound(tcp);
	test_drain(tcp);
	test_drain_is_bounded(tcp);
	loop_free(the_loop);
	return test_failures > 0;
}
