// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a sandbox ends with its warden, so only the warden is signalled, through a
 * pidfd that state_pidfd() made sure of: a number that another process got since is never hit. All
 * are signalled before the first is waited for, so that many take no longer than one.
 */
#include "cli/ending.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "base/clock.h"
#include "base/fd.h"

enum { FORCE_WAIT_S = 5 }; /* SIGKILL is prompt; longer means a process stuck in the kernel */

static int send_signal(int pidfd, int number)
{
	return syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0) < 0 ? -errno : 0;
}

/* has_ended() - wait for the process until @deadline_ns on clock_mono_ns() */
static bool has_ended(int pidfd, int64_t deadline_ns)
{
	struct pollfd watch = { .fd = pidfd, .events = POLLIN };
	int n = 0;

	do {
		int64_t left_ms = (deadline_ns - clock_mono_ns()) / 1000000;

		left_ms = left_ms < 0 ? 0 : left_ms;
		n = poll(&watch, 1, left_ms > 3600000 ? 3600000 : (int)left_ms);
	} while ((n < 0 && errno == EINTR) || (n == 0 && clock_mono_ns() < deadline_ns));
	return n > 0;
}

/* signal_one() - find the warden of @id and send it the signal */
static int signal_one(int *ret_pidfd, struct cli_call *call, int home, const char *id, int number)
{
	CLEANUP_FD int dir = -1;
	CLEANUP_FD int pidfd = -1;
	int r = sandboxes_open(&dir, home, id, call);

	if (r < 0)
		return r;
	r = state_pidfd(&pidfd, home, id);
	if (r == 0)
		r = send_signal(pidfd, number);
	if (r == -ESRCH)
		return diag_set(&call->diag, r, "%s does not run; 'immure list' shows its state",
				id);
	if (r < 0)
		return diag_set(&call->diag, r, "%s cannot be signalled: %s", id,
				strerrordesc_np(-r));
	*ret_pidfd = fd_take(&pidfd);
	return 0;
}

/* await_one() - see one end that was signalled, by force if need be */
static int await_one(const struct ending *ending, struct cli_call *call, const char *id, int pidfd,
		     int64_t deadline_ns)
{
	int r = 0;

	if (ending->wait_s == 0 || has_ended(pidfd, deadline_ns))
		return 0;
	if (!ending->by_force)
		return diag_set(&call->diag, -EBUSY,
				"%s still runs; 'immure kill %s' ends it by force", id, id);
	r = send_signal(pidfd, SIGKILL);
	if (r == -ESRCH || has_ended(pidfd, clock_mono_ns() + FORCE_WAIT_S * 1000000000LL))
		return 0;
	return diag_set(&call->diag, -EBUSY, "%s does not die of SIGKILL: it hangs in the kernel",
			id);
}

int ending_run(const struct ending *ending, const struct sandboxes *chosen, struct cli_call *call)
{
	int *pidfds = calloc(chosen->len + 1, sizeof(*pidfds));
	int64_t deadline_ns = 0;
	int worst = 0;

	if (pidfds == NULL)
		return diag_set(&call->diag, -ENOMEM, "out of memory");
	for (size_t i = 0; i < chosen->len; i++) {
		pidfds[i] = -1;
		int r = signal_one(&pidfds[i], call, chosen->home, chosen->ids[i], ending->signal);
		int status = r < 0 ? cli_complain(call, r) : 0;

		worst = status > worst ? status : worst;
	}
	deadline_ns = clock_mono_ns() + (int64_t)ending->wait_s * 1000000000;
	for (size_t i = 0; i < chosen->len; i++) {
		if (pidfds[i] < 0)
			continue;
		int r = await_one(ending, call, chosen->ids[i], pidfds[i], deadline_ns);
		int status = r < 0 ? cli_complain(call, r) : 0;

		if (r == 0)
			fprintf(call->out, "%s\n", chosen->ids[i]);
		worst = status > worst ? status : worst;
		fd_close(&pidfds[i]);
	}
	free(pidfds);
	return worst;
}
