/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox_priv - what the files that make up a sandbox share. */
#ifndef WARDEN_SANDBOX_PRIV_H
#define WARDEN_SANDBOX_PRIV_H

#include "base/buf.h"
#include "jail/cgroup.h"
#include "jail/jail.h"
#include "warden/environment.h"
#include "warden/journal.h"
#include "warden/publish.h"
#include "warden/refusals.h"
#include "warden/refused.h"
#include "warden/sandbox.h"

struct sandbox {
	struct loop *loop;
	struct sandbox_hooks hooks;
	enum state_status status;
	bool stop_asked;
	bool finished; /* sandbox_finish() was there */
	bool ran;      /* it was running once, so its record is worth keeping */
	struct jail jail;
	struct jail_report report;
	struct agent_hello hello;
	struct cgroup *cgroup; /* owned; NULL: no limit needs one */
	struct cgroup_held held;
	bool unheld; /* a limit that was asked for does not hold for all together, with leave */
	uint64_t oom_kills;    /* once the cgroup is gone */
	struct config *config; /* owned */
	json_t *command;       /* owned; NULL: none is recorded */
	struct jail_plan
	    *warm;    /* owned: the guess it was built by, ahead of its settings; NULL: none */
	bool greeted; /* init said HELLO */
	struct secrets *secrets; /* owned; NULL: none */
	struct environment environment;
	struct state_draft draft; /* of the record, while it is warm */
	int home, dir, log;       /* owned descriptors; -1 until they are needed */
	char id[STATE_ID_OCTETS];
	struct loop_source control, channel, pidfd;
	struct loop_timer note;    /* of how the start went */
	bool note_failed;          /* once; the end will try again */
	struct loop_timer timer;   /* grace time of a stop, or "end at once" */
	struct egress *egress;     /* owned; NULL before it runs */
	struct refused *refused;   /* likewise */
	struct refusals *refusals; /* likewise */
	struct journal *journal;   /* likewise */
	struct publish *publish;   /* owned; NULL: no port is published */
	struct pending *pending;   /* frames that init's full queue did not take yet */
	size_t pending_len;
	struct operation *operations;
	uint32_t last_id;
	struct diag why; /* why it ended */
};

/* lifecycle.c: the table of legal moves; an illegal one is our bug and asserts */
enum lifecycle_event { LIFE_START, LIFE_HELLO, LIFE_STOP, LIFE_DIED };
MUST_USE enum state_status lifecycle_next(enum state_status status, enum lifecycle_event event,
					  bool stop_asked);

/* channel.c: frames to and from init */
MUST_USE int channel_open(struct sandbox *sandbox);
void channel_close(struct sandbox *sandbox);
MUST_USE int channel_send(struct sandbox *sandbox, struct buf *frame, const int *fds, size_t count);
void channel_lose_all(struct sandbox *sandbox); /* OPERATION_LOST to every operation */

/* start.c: init greets; once */
void sandbox_hello(struct sandbox *sandbox, const struct agent_hello *hello);

/* sandbox.c */
void sandbox_set_status(struct sandbox *sandbox, enum lifecycle_event event);
void sandbox_end_soon(struct sandbox *sandbox); /* sandbox_finish() from the loop */
/* sandbox_finish() - it is dead or shall be: release what it held, record the end, tell the owner */
void sandbox_finish(struct sandbox *sandbox);
/* sandbox_drained() - perhaps all that its programs sent is out: tell the owner */
void sandbox_drained(struct sandbox *sandbox);
void sandbox_broken(struct sandbox *sandbox, const char *why);

/*
 * plan.c: settings as a plan for the builder. Return: 0; with *diag: -EINVAL: no such wall; -E2BIG:
 * too many mounts; another -errno: what a setting names of the host is not there.
 */
MUST_USE int plan_fill(struct jail_plan *plan, const struct config *config, struct diag *diag);

/* plan.c: what of the host must never be shared: our state, our settings (THREATS C18) */
MUST_USE int plan_guard(struct jail_plan *plan, const struct config *config, int home,
			struct diag *diag);

/* plan.c: what programs shall trust if they may reach anything; @home: of the state */
MUST_USE int plan_trust(struct jail_plan *plan, const struct config *config, int home,
			struct diag *diag);

/*
 * limits.c: put the builder, which waits, into a cgroup that holds what was asked for. Return: 0;
 * -EPERM and *diag: no cgroup can, and the wall "limits" is not waived; another -errno and *diag.
 */
MUST_USE int limits_hold(struct sandbox *sandbox, struct diag *diag);

/* record.c: its folder in the state, with its settings */
MUST_USE int record_create(struct sandbox *sandbox, struct diag *diag);

/* record.c: logs/end.json, of an end that has more to tell than its status */
MUST_USE int record_end(const struct sandbox *sandbox);

/* record.c: ports.json, of one that publishes ports */
MUST_USE int record_ports(const struct sandbox *sandbox, struct diag *diag);

/* record.c: logs/start.json: walls, limits and self-test of this start */
MUST_USE int record_start(const struct sandbox *sandbox);

#endif
