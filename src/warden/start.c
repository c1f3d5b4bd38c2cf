// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: once the builder has its plan, three descriptors tell how it goes: control
 * (the builder's report, end of file when it became init), the channel (init's HELLO, then its
 * events), and the pidfd (it died). The state folder is made at the builder's first word, beside its
 * last stages: before that, two processes build the sandbox, and would have to wait for us.
 *
 * A warm sandbox goes all that way before its settings are there, on a guess of the plan that they
 * will lead to. It has no record and tells nobody how it fares. Settings that lead to that very plan
 * take it up where it stands; others leave it.
 */
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "warden/sandbox_priv.h"
#include "wire/selftest.h"

/* prepare() - what the program needs of us, made once, while it does not need it yet */
static int prepare(struct sandbox *sandbox, struct diag *diag)
{
	if (sandbox->config == NULL) /* it is warm */
		return 0;
	int r = sandbox->dir < 0 ? record_create(sandbox, diag) : 0;

	if (r < 0 || sandbox->environment.given != NULL)
		return r;
	r = environment_make(&sandbox->environment, sandbox->config, sandbox->secrets);
	if (r < 0)
		diag_set(diag, r, "cannot make the environment: %s", strerror(-r));
	return r;
}

static void control_ready(struct loop_source *source, uint32_t events)
{
	struct sandbox *sandbox = container_of(source, struct sandbox, control);

	(void)events;
	for (;;) {
		int tcp = sandbox->jail.capture[CAPTURE_TCP];
		int r = jail_report_read(&sandbox->jail, &sandbox->report, &sandbox->why);
		bool more = r == 0 && tcp < 0 && sandbox->jail.capture[CAPTURE_TCP] >= 0;

		if (r > 0) { /* jail_report_read() closed it, so epoll forgot it */
			sandbox->control.loop = NULL;
			return;
		}
		if (r == 0)
			r = prepare(sandbox, &sandbox->why);
		if (r < 0) {
			loop_remove(&sandbox->control);
			sandbox_end_soon(sandbox);
			return;
		}
		if (!more)
			return;
	}
}

/* is_excused() - were all @walls (names, blanks between) that refuse an attempt declared degraded? */
static bool is_excused(const struct sandbox *sandbox, const char *walls)
{
	struct span rest = span_of(walls);

	while (rest.ptr != NULL) {
		enum jail_wall wall = jail_wall_by_name(span_cut(&rest, ' '));

		if (wall == WALL_COUNT || (sandbox->report.missing & (1ULL << wall)) == 0)
			return false;
	}
	return true;
}

/* judge_hello() - Return: 0; -EPERM and why it must not go on */
static int judge_hello(struct sandbox *sandbox, const struct agent_hello *hello)
{
	if (hello->version != AGENT_VERSION)
		return diag_set(&sandbox->why, -EPERM,
				"init speaks another version of the protocol; it was ended");
	for (size_t i = 0; i < SELFTEST_COUNT; i++)
		if ((hello->escaped & (1ULL << i)) != 0 &&
		    !is_excused(sandbox, agent_selftest_walls[i]))
			return diag_set(
			    &sandbox->why, -EPERM,
			    "the self-test found a way out of the sandbox: %s; nothing was "
			    "run, see 'immure doctor'",
			    agent_selftest_names[i]);
	return 0;
}

/* note_start() - it has run for a while, and may itself have filled the disk: then try again at the end */
static void note_start(struct loop_timer *timer)
{
	struct sandbox *sandbox = container_of(timer, struct sandbox, note);

	loop_disarm(timer);
	sandbox->note_failed = record_start(sandbox) < 0 && !sandbox->stop_asked;
}

/* announce() - tell the owner, who starts programs; how it went is written down beside them, or first, if the
 * owner will tell others at once, who may look it up */
static void announce(struct sandbox *sandbox)
{
	const int64_t settle_ns = sandbox->hooks.settle_ns;
	int r = settle_ns > 0 ? 0 : record_start(sandbox);

	if (r < 0) {
		diag_set(&sandbox->why, r, "cannot record the start: %s", strerror(-r));
		sandbox_end_soon(sandbox);
		return;
	}
	sandbox_set_status(sandbox, LIFE_HELLO);
	sandbox->ran = true;
	if (sandbox->hooks.running != NULL)
		sandbox->hooks.running(sandbox->hooks.context);
	sandbox->note.fired = note_start;
	if (settle_ns > 0) /* after what was armed in there: answers */
		loop_arm(sandbox->loop, &sandbox->note, settle_ns);
}

static void on_report(void *context, const struct egress_report *report)
{
	struct sandbox *sandbox = context;

	refusals_note(sandbox->refusals, report);
	journal_note(sandbox->journal, report);
	if (sandbox->hooks.flow != NULL)
		sandbox->hooks.flow(sandbox->hooks.context, report);
}

static bool on_asked(void *context, const struct consent_question *question)
{
	struct sandbox *sandbox = context;

	return sandbox->hooks.asked != NULL &&
	       sandbox->hooks.asked(sandbox->hooks.context, question);
}

static void on_settled(void *context, uint32_t id, enum consent_answer answer, const char *by)
{
	struct sandbox *sandbox = context;

	if (sandbox->hooks.settled != NULL)
		sandbox->hooks.settled(sandbox->hooks.context, id, answer, by);
}

static bool on_begin(void *context, const struct egress_report *report, char why[EGRESS_WHY_OCTETS])
{
	struct sandbox *sandbox = context;

	return journal_begin(sandbox->journal, report, why);
}

static void on_unkept(void *context, const char *why)
{
	struct sandbox *sandbox = context;

	if (sandbox->hooks.unkept != NULL)
		sandbox->hooks.unkept(sandbox->hooks.context, why);
}

static void on_drained(void *context)
{
	struct sandbox *sandbox = context;

	egress_close(sandbox->egress);
	sandbox->egress = NULL;
	sandbox_drained(sandbox);
}

static void on_ports_drained(void *context)
{
	struct sandbox *sandbox = context;

	publish_close(sandbox->publish);
	sandbox->publish = NULL;
	sandbox_drained(sandbox);
}

static void on_ports(void *context)
{
	struct sandbox *sandbox = context;
	struct diag diag;

	(void)!record_ports(sandbox,
			    &diag); /* a full disk must not end it: others are told all the same */
	if (sandbox->hooks.ports != NULL)
		sandbox->hooks.ports(sandbox->hooks.context);
}

/* open_ports() - for who connects from outside; they were taken when it was started */
static int open_ports(struct sandbox *sandbox)
{
	const struct egress_hooks hooks = { .begin = on_begin,
					    .report = on_report,
					    .drained = on_ports_drained,
					    .context = sandbox };

	if (sandbox->publish == NULL)
		return 0;
	int r = publish_start(sandbox->publish, sandbox->jail.capture[CAPTURE_TCP], &hooks,
			      on_ports, &sandbox->why);
	return r < 0 ? r : record_ports(sandbox, &sandbox->why);
}

/* run() - every wall stands, and its settings are there */
static void run(struct sandbox *sandbox)
{
	const struct egress_config config = {
		.settings = sandbox->config,
		.sandbox = sandbox->id,
		.home = sandbox->home,
		.secrets = sandbox->secrets,
		.tcp = sandbox->jail.capture[CAPTURE_TCP],
		.dns = sandbox->jail.capture[CAPTURE_DNS],
		.diag = sandbox->jail.capture[CAPTURE_DIAG],
		.init = sandbox->jail.pid,
		.hooks = { .begin = on_begin,
			   .report = on_report,
			   .drained = on_drained,
			   .context = sandbox },
		.consent = { .asked = on_asked,
			     .settled = on_settled,
			     .unkept = on_unkept,
			     .context = sandbox },
	};
	int r = prepare(sandbox, &sandbox->why);

	if (r == 0)
		r = refusals_open(&sandbox->refusals, sandbox->loop, sandbox->dir);
	if (r == 0)
		r = journal_new(&sandbox->journal, sandbox->loop, sandbox->home, sandbox->id,
				sandbox->config->app);
	if (r == 0)
		r = egress_open(&sandbox->egress, sandbox->loop, &config, &sandbox->why);
	if (r == 0)
		r = refused_open(&sandbox->refused, sandbox->loop,
				 sandbox->jail.capture[CAPTURE_LOG], &config.hooks);
	if (r == 0)
		r = open_ports(sandbox);
	if (r < 0)
		sandbox_end_soon(sandbox);
	else
		announce(sandbox);
}

void sandbox_hello(struct sandbox *sandbox, const struct agent_hello *hello)
{
	if (sandbox->status != STATE_STARTING || sandbox->greeted)
		return;
	sandbox->hello = *hello;
	sandbox->greeted = true;
	if (judge_hello(sandbox, hello) < 0)
		sandbox_end_soon(sandbox);
	else if (sandbox->config != NULL)
		run(sandbox);
}

static void pidfd_ready(struct loop_source *source, uint32_t events)
{
	struct sandbox *sandbox = container_of(source, struct sandbox, pidfd);
	siginfo_t info = { 0 };

	(void)events;
	/* the last words: a report or exits that were sent before it died */
	if (sandbox->control.loop != NULL)
		sandbox->control.ready(&sandbox->control, EPOLLIN);
	if (sandbox->channel.loop != NULL)
		sandbox->channel.ready(&sandbox->channel, EPOLLIN);
	if (sandbox->why.why[0] == '\0' && !sandbox->stop_asked) {
		(void)waitid(P_PIDFD, (id_t)sandbox->jail.pidfd, &info, WEXITED | WNOWAIT);
		diag_set(&sandbox->why, 0, "the sandbox died: its init was ended by %s %d",
			 info.si_code == CLD_EXITED ? "exit code" : "signal", info.si_status);
	}
	sandbox_finish(sandbox);
}

static int watch(struct sandbox *sandbox)
{
	sandbox->control.ready = control_ready;
	sandbox->pidfd.ready = pidfd_ready;
	int r = loop_add(sandbox->loop, &sandbox->control, sandbox->jail.control, EPOLLIN);
	if (r == 0)
		r = loop_add(sandbox->loop, &sandbox->pidfd, sandbox->jail.pidfd, EPOLLIN);
	if (r == 0)
		r = channel_open(sandbox);
	return r;
}

/* build() - let the builder go on; one that is dead already has said why */
static int build(struct sandbox *sandbox, struct diag *diag)
{
	int r = jail_build(&sandbox->jail);

	if (r == 0)
		r = watch(sandbox);
	if (r == 0)
		return 0;
	diag_set(diag, r, "the builder died early: %s; see 'immure doctor'", strerror(-r));
	for (int i = 0; i < 2; i++) /* perhaps its capture sockets, then its report */
		if (jail_report_read(&sandbox->jail, &sandbox->report, diag) != 0)
			break;
	return r;
}

/* In use for a moment only. Of our own, since at its second use its pages are there. */
static struct jail_plan guess;

/* plan_equal() - a plan has no padding, and its texts lie in the order of its members */
static bool plan_equal(const struct jail_plan *a, const struct jail_plan *b)
{
	return memcmp(a, b, offsetof(struct jail_plan, text)) == 0 &&
	       memcmp(a->text, b->text, a->text_len) == 0;
}

static bool is_limited(const struct config *config)
{
	return config->cpus > 0 || config->memory_mb > 0;
}

/* make_plan() - all of @ret is set that plan_equal() looks at */
static int make_plan(struct jail_plan *ret, struct sandbox *sandbox, const struct config *config,
		     struct diag *diag)
{
	memset(ret, 0, offsetof(struct jail_plan, text) + 1);
	int r = plan_fill(ret, config, diag);

	if (r == 0 && sandbox->home < 0)
		r = state_home(&sandbox->home, diag);
	if (r == 0)
		r = plan_guard(ret, config, sandbox->home, diag);
	return r == 0 ? plan_trust(ret, config, sandbox->home, diag) : r;
}

static void greeted_fired(struct loop_timer *timer)
{
	run(container_of(timer, struct sandbox, timer));
}

/* take_up() - it is warm, and may have greeted already */
static void take_up(struct sandbox *sandbox)
{
	if (!sandbox->greeted)
		return;
	sandbox->timer.fired = greeted_fired;
	loop_arm(sandbox->loop, &sandbox->timer, 0);
}

int sandbox_start(struct sandbox *sandbox, struct config *config, json_t *command,
		  struct diag *diag)
{
	assert(sandbox->config == NULL);
	sandbox->config = config;
	sandbox->command = json_incref(command);
	int r = publish_open(&sandbox->publish, sandbox->loop, &config->network, diag);
	if (r < 0)
		return r;
	r = secrets_load(&sandbox->secrets, &config->network, diag);
	if (r < 0)
		return r;
	if (sandbox->warm != NULL) {
		take_up(sandbox);
		return 0;
	}
	r = make_plan(sandbox->jail.plan, sandbox, config, diag);
	if (r == 0 && is_limited(config)) { /* the plan depends on what can be held, the cgroup on
					       the id */
		r = prepare(sandbox, diag);
		if (r == 0)
			r = limits_hold(sandbox, diag);
	}
	if (r == 0)
		r = build(sandbox, diag);
	if (r == 0)
		sandbox_set_status(sandbox, LIFE_START);
	return r;
}

/* names_host() - do the settings show anything of the host by its name? */
static bool names_host(const struct config *config)
{
	bool shown = config->rootfs != NULL;

	for (size_t i = 0; i < config->mounts_len; i++)
		shown |= config->mounts[i].host_path != NULL;
	return shown;
}

int sandbox_warm(struct sandbox *sandbox, const struct config *config, struct diag *diag)
{
	assert(sandbox->config == NULL && sandbox->warm == NULL);
	if (is_limited(config))
		return diag_set(diag, -ENOTSUP, "a cgroup is made for settings that are there");
	if (names_host(config))
		return diag_set(diag, -ENOTSUP, "what it shows may be another folder by then");
	int r = make_plan(&guess, sandbox, config, diag);
	if (r < 0)
		return r;
	sandbox->warm = malloc(sizeof(*sandbox->warm));
	if (sandbox->warm == NULL)
		return diag_set(diag, -ENOMEM, "out of memory");
	size_t octets = offsetof(struct jail_plan, text) + guess.text_len;
	memcpy(sandbox->warm, &guess, octets);
	memcpy(sandbox->jail.plan, &guess, octets);
	r = build(sandbox, diag);
	if (r == 0) {
		sandbox_set_status(sandbox, LIFE_START);
		r = state_draft(&sandbox->draft, sandbox->home, diag);
	}
	return r;
}

bool sandbox_suits(struct sandbox *sandbox, const struct config *config)
{
	struct diag diag = { 0 };

	/* one that is to end, as its self-test failed perhaps, has its timer set or was told to stop */
	if (sandbox->warm == NULL || sandbox->status != STATE_STARTING || sandbox->stop_asked ||
	    sandbox->timer.deadline_ns != 0 || sandbox->why.why[0] != '\0' || is_limited(config))
		return false;
	return make_plan(&guess, sandbox, config, &diag) == 0 && plan_equal(&guess, sandbox->warm);
}
