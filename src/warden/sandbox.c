// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: the builder works in its own process while we write the state folder; then
 * three descriptors tell how it goes: control (the builder's report, end of file when it became
 * init), the channel (init's HELLO, then its events), and the pidfd (it died). The sandbox ends in
 * one place, finish(), whatever the reason, and tells so from the loop, never from within a call.
 */
#include "warden/sandbox.h"

#include <assert.h>
#include <errno.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "warden/sandbox_priv.h"
#include "wire/selftest.h"

static const int64_t STOP_GRACE_NS = 2000000000; /* between SIGTERM and the end */

static void set_status(struct sandbox *sandbox, enum lifecycle_event event)
{
	enum state_status next = lifecycle_next(sandbox->status, event, sandbox->stop_asked);

	if (next == sandbox->status)
		return;
	sandbox->status = next;
	if (sandbox->dir >= 0)
		(void)!state_set_status(sandbox->dir,
					next); /* a full disk must not keep it from ending */
}

static void release_cgroup(struct sandbox *sandbox)
{
	if (sandbox->cgroup == NULL)
		return;

	struct cgroup_events events = { 0 };

	if (cgroup_events(&events, sandbox->cgroup) == 0)
		sandbox->oom = events.oom_kills > 0;
	cgroup_free(sandbox->cgroup);
	sandbox->cgroup = NULL;
}

/* finish() - it is dead or shall be: release what it held, record the end, tell the owner */
static void finish(struct sandbox *sandbox)
{
	loop_remove(&sandbox->control);
	channel_close(sandbox);
	loop_remove(&sandbox->pidfd);
	loop_disarm(&sandbox->timer);
	gate_close(&sandbox->gate);
	jail_free(&sandbox->jail);
	release_cgroup(sandbox);
	if (sandbox->dir >= 0)
		(void)unlinkat(sandbox->dir, "socket", 0);
	set_status(sandbox, LIFE_DIED);
	channel_lose_all(sandbox);
	if (sandbox->hooks.ended != NULL)
		sandbox->hooks.ended(sandbox->hooks.context, sandbox->status, sandbox->why.why);
}

static void timer_fired(struct loop_timer *timer)
{
	finish(container_of(timer, struct sandbox, timer));
}

/* end_soon() - finish() from the loop, so that no caller is surprised within its call */
static void end_soon(struct sandbox *sandbox)
{
	sandbox->timer.fired = timer_fired;
	loop_arm(sandbox->loop, &sandbox->timer, 0);
}

void sandbox_idle(struct sandbox *sandbox)
{
	end_soon(sandbox);
}

void sandbox_broken(struct sandbox *sandbox, const char *why)
{
	loop_remove(&sandbox->channel);
	diag_set(&sandbox->why, 0, "%s; it was ended", why);
	end_soon(sandbox);
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
	finish(sandbox);
}

static void control_ready(struct loop_source *source, uint32_t events)
{
	struct sandbox *sandbox = container_of(source, struct sandbox, control);

	(void)events;
	for (;;) {
		int tcp = sandbox->jail.capture_tcp;
		int fd = sandbox->jail.control;
		int r = jail_report_read(&sandbox->jail, &sandbox->report, &sandbox->why);

		if (r == 0 && tcp < 0 && sandbox->jail.capture_tcp >= 0)
			continue; /* capture sockets; perhaps more is waiting */
		if (r == 0)
			return;
		(void)fd;
		sandbox->control.loop = NULL; /* jail_report_read() closed it, so epoll forgot it */
		if (r < 0)
			end_soon(sandbox);
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

static void on_flow(void *context, const struct gate_report *report)
{
	struct sandbox *sandbox = context;

	if (sandbox->hooks.flow != NULL)
		sandbox->hooks.flow(sandbox->hooks.context, report);
}

void sandbox_hello(struct sandbox *sandbox, const struct agent_hello *hello)
{
	sandbox->hello = *hello;
	if (sandbox->status != STATE_STARTING)
		return;
	if (hello->version != AGENT_VERSION) {
		sandbox_broken(sandbox, "init speaks another version of the protocol");
		return;
	}
	for (size_t i = 0; i < SELFTEST_COUNT; i++)
		if ((hello->escaped & (1ULL << i)) != 0 &&
		    !is_excused(sandbox, agent_selftest_walls[i])) {
			diag_set(&sandbox->why, 0,
				 "the self-test found a way out of the sandbox: %s; nothing was "
				 "run, see "
				 "'immure doctor'",
				 agent_selftest_names[i]);
			end_soon(sandbox);
			return;
		}
	int r = gate_open(&sandbox->gate, sandbox->loop, sandbox->jail.capture_tcp,
			  sandbox->jail.capture_dns);
	if (r == 0) {
		set_status(sandbox, LIFE_HELLO);
		if (sandbox->hooks.running != NULL)
			sandbox->hooks.running(sandbox->hooks.context);
		r = record_start(sandbox); /* while the program starts */
	}
	if (r < 0) {
		diag_set(&sandbox->why, 0, "cannot record the start: %s", strerror(-r));
		end_soon(sandbox);
	}
}

int sandbox_new(struct sandbox **ret, struct loop *loop, const struct sandbox_hooks *hooks,
		bool ahead, struct diag *diag)
{
	struct sandbox *sandbox = calloc(1, sizeof(*sandbox));

	if (sandbox == NULL)
		return diag_set(diag, -ENOMEM, "out of memory");
	sandbox->loop = loop;
	sandbox->hooks = *hooks;
	sandbox->home = sandbox->dir = sandbox->log = -1;
	sandbox->gate = (struct gate){ .fd = -1, .flow = on_flow, .context = sandbox };
	int r = jail_spawn(&sandbox->jail, ahead, diag);
	if (r < 0) {
		free(sandbox);
		return r;
	}
	*ret = sandbox;
	return 0;
}

/* hold_limits() - put the builder into a cgroup where one is needed to hold what was asked for */
static int hold_limits(struct sandbox *sandbox, struct diag *diag)
{
	const struct config *config = sandbox->config;
	const struct cgroup_limits limits = { .cpus = config->cpus,
					      .memory_mb = config->memory_mb };
	char name[64];

	snprintf(name, sizeof(name), "immure-%s", sandbox->id);
	int r = cgroup_open(&sandbox->cgroup, name, &limits, &sandbox->held, diag);
	if (r < 0)
		return r;
	if (config->cpus > 0 && sandbox->held.cpus == CGROUP_NONE)
		return -ENOTSUP; /* cgroup_open() said why */
	if (config->memory_mb > 0 && sandbox->held.memory == CGROUP_NONE)
		sandbox->jail.plan->memory_mb = config->memory_mb; /* each process by itself */
	r = cgroup_add(sandbox->cgroup, sandbox->jail.pid);
	return r < 0 ? diag_set(diag, r, "cannot enter the sandbox's cgroup: %s", strerror(-r)) : 0;
}

/* config_text() - what config.json holds: the settings and the command. @ret: owned. */
static int config_text(char **ret, struct config *config, json_t *command)
{
	json_t *tree = json_copy(config->tree);
	int r = tree == NULL ? -ENOMEM : 0;

	if (r == 0 && json_object_set_new(tree, "image", json_string(config->image)) < 0)
		r = -ENOMEM;
	if (r == 0 && command != NULL && json_object_set(tree, "command", command) < 0)
		r = -ENOMEM;
	if (r == 0) {
		*ret = json_dumps(tree, JSON_INDENT(2));
		r = *ret == NULL ? -ENOMEM : 0;
	}
	json_decref(tree);
	return r;
}

/* register_sandbox() - its folder under ~/.immure/vms */
static int register_sandbox(struct sandbox *sandbox, json_t *command, struct diag *diag)
{
	char *text = NULL;
	int r = config_text(&text, sandbox->config, command);

	if (r < 0)
		return diag_set(diag, r, "out of memory");
	r = state_create(&sandbox->dir, sandbox->id, sandbox->home, span_of(text), diag);
	free(text);
	if (r == 0) {
		r = state_log_open(&sandbox->log, sandbox->dir);
		if (r < 0)
			diag_set(diag, r, "cannot open the log: %s", strerror(-r));
	}
	return r;
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

int sandbox_start(struct sandbox *sandbox, struct config *config, json_t *command,
		  struct diag *diag)
{
	assert(sandbox->config == NULL);
	sandbox->config = config;
	int r = plan_fill(sandbox->jail.plan, config, diag);
	bool limited = config->cpus > 0 || config->memory_mb > 0;
	if (r == 0)
		r = state_home(&sandbox->home, diag);
	if (r == 0)
		r = plan_guard(sandbox->jail.plan, config, sandbox->home, diag);
	if (r == 0 && !limited) /* beside what follows; nothing runs in it before it is running */
		r = build(sandbox, diag);
	if (r == 0)
		r = register_sandbox(sandbox, command, diag);
	if (r == 0 && limited) { /* the plan depends on what can be held, the cgroup on the id */
		r = hold_limits(sandbox, diag);
		if (r == 0)
			r = build(sandbox, diag);
	}
	if (r == 0) { /* beside the builder, which is at work now */
		r = environment_make(&sandbox->environment, config);
		if (r < 0)
			diag_set(diag, r, "cannot make the environment: %s", strerror(-r));
	}
	if (r == 0)
		set_status(sandbox, LIFE_START);
	return r;
}

static void grace_over(struct loop_timer *timer)
{
	finish(container_of(timer, struct sandbox, timer));
}

void sandbox_stop(struct sandbox *sandbox, bool now)
{
	bool running = sandbox->status == STATE_RUNNING;

	sandbox->stop_asked = true;
	set_status(sandbox, LIFE_STOP);
	if (now || !running || sandbox->operations == NULL) {
		end_soon(sandbox);
		return;
	}
	for (struct operation *op = sandbox->operations; op != NULL; op = op->next)
		sandbox_signal(sandbox, op, SIGTERM);
	sandbox->timer.fired = grace_over;
	loop_arm(sandbox->loop, &sandbox->timer, STOP_GRACE_NS);
}

void sandbox_free(struct sandbox *sandbox)
{
	if (sandbox == NULL)
		return;
	sandbox->hooks = (struct sandbox_hooks){ 0 };
	sandbox->stop_asked = true;
	if (sandbox->status != STATE_STOPPED && sandbox->status != STATE_CRASHED)
		finish(sandbox);
	environment_free(&sandbox->environment);
	config_free(sandbox->config);
	fd_close(&sandbox->home);
	fd_close(&sandbox->dir);
	fd_close(&sandbox->log);
	free(sandbox);
}

enum state_status sandbox_status(const struct sandbox *sandbox)
{
	return sandbox->status;
}

struct loop *sandbox_loop(const struct sandbox *sandbox)
{
	return sandbox->loop;
}

const char *sandbox_id(const struct sandbox *sandbox)
{
	return sandbox->id;
}

const struct config *sandbox_config(const struct sandbox *sandbox)
{
	return sandbox->config;
}

int sandbox_dir(const struct sandbox *sandbox)
{
	return sandbox->dir;
}

int sandbox_log(const struct sandbox *sandbox)
{
	return sandbox->log;
}

bool sandbox_out_of_memory(const struct sandbox *sandbox)
{
	return sandbox->oom;
}

void sandbox_lend_pipe(const struct sandbox *sandbox, int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) == 0 && fs.f_type == PIPEFS_MAGIC)
		(void)!fchown(fd, sandbox->jail.host_uid, sandbox->jail.host_uid);
}

const struct span *sandbox_env(const struct sandbox *sandbox, size_t *ret_len)
{
	*ret_len = sandbox->environment.len;
	return sandbox->environment.variables;
}

json_t *sandbox_env_json(const struct sandbox *sandbox)
{
	return json_deep_copy(sandbox->environment.given);
}
