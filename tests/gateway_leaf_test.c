// SPDX-License-Identifier: Apache-2.0
/*
 * The leaf of a new name is made while the server's handshake goes on: whatever comes first, the
 * program is shown it only when the server was found good, or to be told why it was not. Each row has
 * a gateway of its own, that knows no leaf.
 */
#include "gateway_tls_rig.h"

enum { QUIET_TURNS = 15 };

/* program_hears_nothing() - for a while */
static void program_hears_nothing(struct talk *t)
{
	char octet = 0;

	for (int i = 0; i < QUIET_TURNS; i++)
		turn(t);
	CHECK(!t->program_open && !t->program_broken, "the program heard something");
	CHECK(recv(t->program, &octet, 1, MSG_PEEK) == -1 && errno == EAGAIN, "octets came");
}

/* begin_held() - a flow whose program has spoken, whose leaf was asked for, and whose server was silent */
static struct talk begin_held(const struct rig *rig)
{
	struct talk t = begin(rig, 0);

	t.hold_leaf = true;
	program_speaks(&t, host);
	for (int i = 0; i < TURNS && t.leaf_asks == 0; i++)
		turn(&t);
	CHECK(t.leaf_asks == 1 && !t.has_kept, "the leaf was not asked for at once");
	return t;
}

/* carries() - it is open, and one leaf was enough */
static void carries(struct talk *t)
{
	open_both(t);
	CHECK(SSL_get_verify_result(t->p) == X509_V_OK, "certificate");
	ask(t);
	put(t->s, OK);
	check_gets(t, t->p, OK);
	CHECK(hear(t, GATE_END_REQUEST).verdict == GATE_CLOSED, "broken");
	CHECK(t->leaf_asks == 1, "%u", t->leaf_asks);
	finish(t, GATE_NONE);
}

/* is_told() - 502: the server was no good */
static void is_told(struct talk *t)
{
	for (int i = 0; i < TURNS && !t->program_open; i++)
		turn(t);
	CHECK(t->program_open, "not opened");
	put(t->p, GET);
	check_gets(t, t->p, "HTTP/1.1 502 ");
	CHECK(t->leaf_asks == 1, "%u", t->leaf_asks);
	finish(t, GATE_NONE);
}

static void leaf_first(const struct rig *rig)
{
	struct talk t = begin_held(rig);

	answer_held(&t);
	program_hears_nothing(&t);
	(void)server_shows(&t, outside, host);
	carries(&t);
}

static void server_first(const struct rig *rig)
{
	struct talk t = begin_held(rig);

	(void)server_shows(&t, outside, host);
	for (int i = 0; i < TURNS && !t.server_open; i++)
		turn(&t);
	CHECK(t.server_open, "the server's handshake waits for the leaf");
	program_hears_nothing(&t);
	answer_held(&t);
	carries(&t);
}

static void leaf_then_bad_server(const struct rig *rig)
{
	struct talk t = begin_held(rig);

	answer_held(&t);
	program_hears_nothing(&t);
	(void)server_shows(&t, nobody, host);
	CHECK(hear(&t, GATE_REFUSED).status == 502, "%s", t.why);
	is_told(&t);
}

static void bad_server_then_leaf(const struct rig *rig)
{
	struct talk t = begin_held(rig);

	(void)server_shows(&t, nobody, host);
	CHECK(hear(&t, GATE_REFUSED).status == 502, "%s", t.why);
	program_hears_nothing(&t);
	answer_held(&t);
	is_told(&t);
}

static void no_leaf_before_server(const struct rig *rig)
{
	struct talk t = begin_held(rig);

	t.no_leaf = true;
	answer_held(&t);
	(void)hear(&t, GATE_REFUSED);
	CHECK(hear(&t, GATE_END).verdict == GATE_RESET, "not reset");
	end(&t);
}

/* The program resets its flow meanwhile: that ends it, and an answer that is late is none to the next flow,
 * which has the same slot. */
static void program_left(const struct rig *rig)
{
	const struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	struct talk t = begin_held(rig);

	CHECK(setsockopt(t.program, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) == 0, "%d",
	      errno);
	SSL_free(t.p);
	t.p = NULL;
	fd_close(&t.program);
	answer_held(&t);
	(void)server_shows(&t, outside, host);
	(void)hear(&t, GATE_REFUSED);
	CHECK(hear(&t, GATE_END).verdict == GATE_RESET, "not reset");
	end(&t);
	struct talk next = begin(rig, 0);
	answer_held(&t);
	program_speaks(&next, host);
	(void)server_shows(&next, outside, host);
	next.leaf_asks = 1; /* by the one before */
	carries(&next);
}

/* Two flows ask; the answer to one serves both, that to the other is none to what it asks next. */
static void two_flows(const struct rig *rig)
{
	struct talk one = begin_held(rig), two = begin_held(rig);

	answer_held(&one);
	(void)server_shows(&two, outside, host);
	open_both(&two);
	put(two.p, GET);
	uint32_t id = hear(&two, GATE_ASK_REQUEST).id;
	answer_held(&two);
	for (int i = 0; i < QUIET_TURNS; i++)
		turn(&two);
	say(rig, (struct gate_message){ .kind = GATE_REQUEST, .id = id, .verdict = GATE_ALLOW },
	    -1);
	check_gets(&two, two.s, GET);
	put(two.s, OK);
	check_gets(&two, two.p, OK);
	CHECK(hear(&two, GATE_END_REQUEST).verdict == GATE_CLOSED, "broken");
	finish(&two, GATE_NONE);
	(void)server_shows(&one, outside, host);
	carries(&one);
}

int main(void)
{
	static void (*const rows[])(const struct rig *rig) = {
		leaf_first,
		server_first,
		leaf_then_bad_server,
		bad_server_then_leaf,
		no_leaf_before_server,
		program_left,
		two_flows,
	};
	struct rig rig;
	int r = rig_open(&rig);

	if (r != 0)
		return r;
	(void)signal(SIGPIPE, SIG_IGN);
	world_new();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		unsigned before = test_failures;

		start(&rig);
		rows[i](&rig);
		CHECK(rig_end(&rig) == 0, "exit code");
		CHECK(test_failures == before, "row %zu", i);
	}
	world_end();
	return test_failures > 0;
}
