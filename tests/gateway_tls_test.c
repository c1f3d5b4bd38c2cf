// SPDX-License-Identifier: Apache-2.0
/* TLS opened by the gateway: what passes, what is refused, and what is said of it. */
#include "gateway_tls_rig.h"

/* One name on all floors: it works; another Host is told so, and the warden (A6). */
static void test_open(const struct rig *rig, const char *sni)
{
	struct talk t = begin(rig, 0);

	(void)server_shows(&t, outside, host);
	program_speaks(&t, sni);
	open_both(&t);
	CHECK(SSL_get_verify_result(t.p) == X509_V_OK, "certificate");
	ask(&t);
	put(t.s, OK);
	check_gets(&t, t.p, OK);
	CHECK(hear(&t, GATE_END_REQUEST).verdict == GATE_CLOSED, "broken");
	put(t.p, OTHER);
	CHECK(hear(&t, GATE_REFUSED).status == 421, "%s", t.why);
	check_gets(&t, t.p, "HTTP/1.1 421 ");
	finish(&t, GATE_NONE);
}

/* What cannot be read of a hello, or names another host, is refused, whatever else may pass. */
static void test_bad_hello(const struct rig *rig, unsigned flags, const char *sni,
			   const char *octets)
{
	struct talk t = begin(rig, flags);
	char octet = 0;

	if (octets == NULL) {
		program_speaks(&t, sni);
		turn(&t);
	} else {
		rig_send(t.program, octets);
		(void)shutdown(t.program, SHUT_WR); /* unless it was refused by then */
	}
	(void)hear(&t, GATE_REFUSED);
	CHECK(hear(&t, GATE_END).up == 0, "octets went out");
	CHECK(recv(t.server, &octet, 1, 0) <= 0, "the server got something");
	end(&t);
}

static void test_passthrough(const struct rig *rig)
{
	struct talk t = begin(rig, GATE_PASSTHROUGH);
	char octets[3] = "";

	program_speaks(&t, host);
	for (int i = 0; i < TURNS && recv(t.server, octets, 3, MSG_PEEK) < 3; i++)
		turn(&t);
	CHECK(memcmp(octets, "\x16\x03\x01", 3) == 0, "no hello");
	fd_close(&t.server);
	finish(&t, GATE_NONE);
}

/* The program hears which server is not to be trusted, and why; none of its octets gets there. */
static void test_bad_server(const struct rig *rig, const struct authority *by, const char *name,
			    const char *why)
{
	struct talk t = begin(rig, 0);
	char text[2048];

	(void)server_shows(&t, by, name);
	program_speaks(&t, host);
	CHECK(hear(&t, GATE_REFUSED).status == 502 && strstr(t.why, why) != NULL, "%s", t.why);
	for (int i = 0; i < TURNS && !t.program_open; i++)
		turn(&t);
	CHECK(t.program_open, "not opened");
	put(t.p, GET);
	(void)get(&t, t.p, text, sizeof(text));
	CHECK(strncmp(text, "HTTP/1.1 502 ", 13) == 0 && strstr(text, why) != NULL, "%s", text);
	finish(&t, GATE_NONE);
}

/* A body without a length ends where TLS says so, and breaks off where it does not. */
static void test_end_of_body(const struct rig *rig, bool said)
{
	struct talk t = begin(rig, 0);
	char text[256];

	(void)server_shows(&t, outside, host);
	program_speaks(&t, host);
	open_both(&t);
	ask(&t);
	put(t.s, "HTTP/1.1 200 OK\r\n\r\npart");
	if (said)
		(void)SSL_shutdown(t.s);
	fd_close(&t.server);
	while (get(&t, t.p, text, sizeof(text)))
		;
	CHECK(((SSL_get_shutdown(t.p) & SSL_RECEIVED_SHUTDOWN) != 0) == said, "%d", said);
	CHECK(hear(&t, GATE_END_REQUEST).verdict == (said ? GATE_CLOSED : GATE_RESET), "%d", said);
	finish(&t, said ? GATE_CLOSED : GATE_RESET);
}

static void test_raw_inside(const struct rig *rig, bool may)
{
	struct talk t = begin(rig, may ? GATE_RAW : 0);

	(void)server_shows(&t, outside, host);
	program_speaks(&t, host);
	open_both(&t);
	put(t.p, "\1raw");
	if (may) {
		check_gets(&t, t.s, "\1raw");
		put(t.s, "\2you");
		check_gets(&t, t.p, "\2you");
	} else {
		CHECK(hear(&t, GATE_REFUSED).status == 400, "%s", t.why);
		check_gets(&t, t.p, "HTTP/1.1 400 ");
	}
	SSL_free(t.s);
	t.s = NULL;
	fd_close(&t.server);
	finish(&t, GATE_NONE);
}

static void test_no_leaf(const struct rig *rig)
{
	struct talk t = begin(rig, 0);

	t.no_leaf = true;
	(void)server_shows(&t, outside, host);
	program_speaks(&t, host);
	(void)hear(&t, GATE_REFUSED);
	CHECK(hear(&t, GATE_END).verdict == GATE_RESET, "not reset");
	end(&t);
}

int main(void)
{
	struct rig rig;
	int r = rig_open(&rig);

	if (r != 0)
		return r;
	(void)signal(SIGPIPE, SIG_IGN);
	world_new();
	start(&rig);
	test_no_leaf(&rig);
	test_open(&rig, host);
	test_open(&rig, NULL);
	test_bad_hello(&rig, 0, "other.test", NULL);
	test_bad_hello(&rig, GATE_RAW, "other.test", NULL);
	test_bad_hello(&rig, GATE_PASSTHROUGH, "other.test", NULL);
	test_bad_hello(&rig, 0, NULL, "\x16\x03\x01\x01\x02xx");
	test_bad_hello(&rig, GATE_RAW, NULL, "\x16\x03\x01\x01\x02xx");
	test_bad_hello(&rig, GATE_RAW, NULL, "\x16\x03\x01");
	test_passthrough(&rig);
	test_bad_server(&rig, nobody, host, "TLS with the server failed");
	test_bad_server(&rig, outside, "other.test", "TLS with the server failed");
	test_end_of_body(&rig, true);
	test_end_of_body(&rig, false);
	test_raw_inside(&rig, true);
	test_raw_inside(&rig, false);
	CHECK(rig_end(&rig) == 0, "exit code");
	world_end();
	return test_failures > 0;
}
