// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a sandbox ends in one place, sandbox_finish(), whatever the reason, and tells
 * so from the loop, never from within a call. How it starts: start.c; what it says: channel.c.
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
#include "jail/dialler.h"
#include "warden/sandbox_priv.h"
#include "wire/selftest.h"

static const int64_t STOP_GRACE_NS = 2000000000; /* between SIGTERM and the end */

void sandbox_set_status(struct sandbox *sandbox, enum lifecycle_event event)
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
	sandbox->oom_kills = sandbox_oom_kills(sandbox);
	cgroup_free(sandbox->cgroup);
	sandbox->cgroup = NULL;
}

/* tell_oom() - that the kernel killed for the limit of memory; without init, it explains the crash */
static void tell_oom(struct sandbox *sandbox)
{
	if (sandbox->oom_kills == 0)
		return;
	if (sandbox->status == STATE_CRASHED)
		diag_set(&sandbox->why, 0,
			 "the sandbox died: the kernel killed its init for its limit of memory");
	if (sandbox->dir >= 0)
		(void)!record_end(sandbox); /* a full disk must not keep it from ending */
}

/*
 * drop_record() - remove what nobody will look for: the record of a sandbox that never ran (whoever
 * started it is told why), and of one whose settings say so; but a crash stays to be looked at
 */
static void drop_record(struct sandbox *sandbox)
{
	bool wanted = sandbox->config->remove && sandbox->status == STATE_STOPPED;
	struct diag diag = { 0 };

	if (sandbox->ran && !wanted)
		return;
	/* a crashed one is kept from others while its warden lives, which is us; what cannot be
	 * removed is left to prune */
	(void)!state_set_status(sandbox->dir, STATE_STOPPED);
	(void)!state_remove(sandbox->home, sandbox->id, &diag);
}

void sandbox_drained(struct sandbox *sandbox)
{
	if (!sandbox_is_over(sandbox))
		return;
	refusals_flush(sandbox->refusals);
	journal_close(sandbox->journal);
	sandbox->journal = NULL;
	if (sandbox->hooks.ended != NULL && sandbox->config != NULL)
		sandbox->hooks.ended(sandbox->hooks.context, sandbox->status, sandbox->why.why);
}

static void close_network(struct sandbox *sandbox, bool egress, bool publish)
{
	if (egress) { /* while the capture sockets are open, which it may watch */
		egress_close(sandbox->egress);
		sandbox->egress = NULL;
	}
	if (publish) {
		publish_close(sandbox->publish);
		sandbox->publish = NULL;
	}
}

/* drain_network() - let go out what programs sent, if anybody waits for the end */
static void drain_network(struct sandbox *sandbox)
{
	bool waits = sandbox->hooks.ended != NULL;
	bool egress = waits && sandbox->egress != NULL && egress_drain(sandbox->egress);
	bool publish = waits && sandbox->publish != NULL && publish_drain(sandbox->publish);

	refused_close(sandbox->refused);
	sandbox->refused = NULL;
	close_network(sandbox, !egress, !publish);
}

void sandbox_finish(struct sandbox *sandbox)
{
	if (sandbox->finished) { /* asked again while it drains: then at once */
		if (!sandbox_is_over(sandbox)) {
			close_network(sandbox, true, true);
			sandbox_drained(sandbox);
		}
		return;
	}
	sandbox->finished = true;
	loop_remove(&sandbox->control);
	channel_close(sandbox);
	loop_remove(&sandbox->pidfd);
	loop_disarm(&sandbox->timer);
	jail_kill(&sandbox->jail); /* its end takes a while: the rest is done meanwhile */
	if (sandbox->note.deadline_ns != 0 || sandbox->note_failed) {
		int r = record_start(sandbox);

		if (r < 0 && sandbox->why.why[0] == '\0')
			diag_set(&sandbox->why, r, "cannot record the start: %s", strerror(-r));
	}
	loop_disarm(&sandbox->note);
	drain_network(sandbox);
	if (sandbox->dir >= 0) {
		(void)unlinkat(sandbox->dir, "socket", 0);
		(void)unlinkat(sandbox->dir, "ports.json", 0);
	}
	sandbox_set_status(sandbox, LIFE_DIED);
	jail_end(&sandbox->jail); /* its mounts and its network go after it was told */
	release_cgroup(sandbox);
	tell_oom(sandbox);
	channel_lose_all(sandbox);
	if (sandbox->dir >= 0)
		drop_record(sandbox);
	sandbox_drained(sandbox); /* if nothing drains */
}

static void timer_fired(struct loop_timer *timer)
{
	sandbox_finish(container_of(timer, struct sandbox, timer));
}

void sandbox_end_soon(struct sandbox *sandbox)
{
	sandbox->timer.fired = timer_fired;
	loop_arm(sandbox->loop, &sandbox->timer, 0);
}

void sandbox_broken(struct sandbox *sandbox, const char *why)
{
	loop_remove(&sandbox->channel);
	diag_set(&sandbox->why, 0, "%s; it was ended", why);
	sandbox_end_soon(sandbox);
}

int sandbox_new(struct sandbox **ret, struct loop *loop, const struct sandbox_hooks *hooks,
		bool ahead, struct diag *diag)
{
	struct sandbox *sandbox = calloc(1, sizeof(*sandbox));

	if (sandbox == NULL)
		return diag_set(diag, -ENOMEM, "out of memory");
	sandbox->loop = loop;
	sandbox->hooks = *hooks;
	sandbox->draft = (struct state_draft){ .vms = -1, .dir = -1 };
	sandbox->home = sandbox->dir = sandbox->log = -1;
	int r = jail_spawn(&sandbox->jail, ahead, diag);
	if (r < 0) {
		free(sandbox);
		return r;
	}
	*ret = sandbox;
	return 0;
}

void sandbox_stop(struct sandbox *sandbox, bool now)
{
	bool running = sandbox->status == STATE_RUNNING;

	sandbox->stop_asked = true;
	if (now || !running || sandbox->operations == NULL) { /* "stopped" is on record at once */
		sandbox->status = lifecycle_next(sandbox->status, LIFE_STOP, true);
		sandbox_end_soon(sandbox);
		return;
	}
	sandbox_set_status(sandbox, LIFE_STOP);
	for (struct operation *op = sandbox->operations; op != NULL; op = op->next)
		sandbox_signal(sandbox, op, SIGTERM);
	sandbox->timer.fired = timer_fired;
	loop_arm(sandbox->loop, &sandbox->timer, STOP_GRACE_NS);
}

bool sandbox_is_over(const struct sandbox *sandbox)
{
	return sandbox->finished && sandbox->egress == NULL && sandbox->publish == NULL;
}

void sandbox_kill(struct sandbox *sandbox)
{
	sandbox->stop_asked = true;
	jail_kill(&sandbox->jail);
}

void sandbox_free(struct sandbox *sandbox)
{
	if (sandbox == NULL)
		return;
	sandbox->hooks = (struct sandbox_hooks){ 0 };
	sandbox->stop_asked = true;
	if (!sandbox->finished)
		sandbox_finish(sandbox);
	close_network(sandbox, true, true);
	secrets_free(sandbox->secrets);
	refusals_close(sandbox->refusals);
	journal_close(sandbox->journal);
	environment_free(&sandbox->environment);
	json_decref(sandbox->command);
	free(sandbox->warm);
	state_draft_drop(&sandbox->draft);
	config_free(sandbox->config);
	fd_close(&sandbox->home);
	fd_close(&sandbox->dir);
	fd_close(&sandbox->log);
	jail_free(&sandbox->jail);
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

int sandbox_log(struct sandbox *sandbox)
{
	if (sandbox->log < 0 && sandbox->dir >= 0) {
		if (sandbox->note.deadline_ns != 0) /* before the log can fill the disk */
			sandbox->note.fired(&sandbox->note);
		(void)!state_log_open(&sandbox->log, sandbox->dir);
	}
	return sandbox->log;
}

uint64_t sandbox_oom_kills(const struct sandbox *sandbox)
{
	struct cgroup_events events = { .oom_kills = sandbox->oom_kills };

	if (sandbox->cgroup != NULL)
		(void)!cgroup_events(&events, sandbox->cgroup);
	return events.oom_kills;
}

int sandbox_diag(const struct sandbox *sandbox)
{
	struct dialler dialler = DIALLER;
	int r = sandbox->jail.capture[CAPTURE_TCP] >= 0
		    ? dialler_start(&dialler, sandbox->jail.capture[CAPTURE_TCP])
		    : -ENOTSUP;

	if (r < 0)
		return r;
	int diag = fd_take(&dialler.diag);
	dialler_end(&dialler);
	return diag >= 0 ? diag : -EPROTONOSUPPORT;
}

uint64_t sandbox_refusals(const struct sandbox *sandbox)
{
	return refusals_count(sandbox->refusals);
}

void sandbox_lend_pipe(const struct sandbox *sandbox, int fd)
{
	struct statfs fs;

	if (sandbox->jail.host_uid == geteuid()) /* it is already */
		return;
	if (fstatfs(fd, &fs) == 0 && fs.f_type == PIPEFS_MAGIC)
		(void)!fchown(fd, sandbox->jail.host_uid, sandbox->jail.host_uid);
}

const struct span *sandbox_env(const struct sandbox *sandbox, size_t *ret_len)
{
	*ret_len = sandbox->environment.len;
	return sandbox->environment.variables;
}

json_t *sandbox_ports_json(const struct sandbox *sandbox)
{
	return sandbox->publish != NULL ? publish_json(sandbox->publish) : NULL;
}

json_t *sandbox_env_json(const struct sandbox *sandbox)
{
	return json_deep_copy(sandbox->environment.given);
}

int sandbox_reply(struct sandbox *sandbox, uint32_t id, enum consent_answer answer, const char *by)
{
	return sandbox->egress == NULL ? -ENOTCONN : egress_reply(sandbox->egress, id, answer, by);
}

int sandbox_set_mode(struct sandbox *sandbox, enum policy_mode mode)
{
	if (sandbox->egress == NULL)
		return -ENOTCONN;
	egress_set_mode(sandbox->egress, mode);
	return 0;
}
