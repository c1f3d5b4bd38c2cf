// SPDX-License-Identifier: Apache-2.0
#include "cli/reach.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "rpc/rpc_client.h"
#include "warden/state.h"

enum {
	REQUEST_ID = 1,
	SOCKET_TRIES_MAX = 250, /* of 2 ms */
	CALL_PATIENCE_S = 10,
};

/* reach() - a sandbox that began just now makes its socket a little later. Return: 0 or -errno. */
static int reach(int *ret_fd, int home, int dir, const char *id)
{
	const struct timespec moment = { .tv_nsec = 2000000 };
	struct state_entry entry;
	int r = -ENOENT;

	for (int i = 0; i < SOCKET_TRIES_MAX; i++) {
		r = rpc_connect(ret_fd, dir, "socket");
		bool soon = r == -ENOENT || r == -ECONNREFUSED; /* not there, not listening yet */

		if (!soon || state_read(&entry, home, id) < 0 || entry.pid <= 0)
			return r;
		(void)nanosleep(&moment, NULL);
	}
	return r;
}

int reach_dial(const char *id, struct diag *diag)
{
	CLEANUP_FD int home = -1;
	CLEANUP_FD int dir = -1;
	int fd = -1;
	int r = state_home(&home, diag);

	if (r == 0)
		r = state_open(&dir, home, id, diag);
	if (r < 0)
		return r;
	r = reach(&fd, home, dir, id);
	if (r == -ENOENT || r == -ECONNREFUSED)
		return diag_set(diag, -ESRCH, "%s does not run: 'immure list' shows what does", id);
	return r < 0 ? diag_set(diag, r, "cannot reach %s: %s", id, strerror(-r)) : fd;
}

/* A call under way. */
struct one_call {
	struct loop *loop;
	const char *id;
	struct diag *diag;
	struct loop_timer patience;
};

static void on_received(void *context, const struct rpc_message *message)
{
	struct one_call *one = context;

	if (message->method != NULL || json_integer_value(message->id) != REQUEST_ID)
		return; /* an event */
	loop_stop(one->loop, message->error == NULL
				 ? 0
				 : diag_set(one->diag, -EIO, "%s: %s", one->id, message->error));
}

static void on_closed(void *context, int error)
{
	struct one_call *one = context;

	loop_stop(one->loop, diag_set(one->diag, -EIO, "%s: the sandbox ended%s%s", one->id,
				      error != 0 ? ": " : "", error != 0 ? strerror(-error) : ""));
}

static void patience_over(struct loop_timer *timer)
{
	struct one_call *one = container_of(timer, struct one_call, patience);

	loop_stop(one->loop, diag_set(one->diag, -ETIMEDOUT, "%s: no answer in %d seconds", one->id,
				      CALL_PATIENCE_S));
}

/* converse() - @params: consumed */
static int converse(struct one_call *one, int fd, const char *method, json_t *params)
{
	const struct rpc_client_config config = { .context = one,
						  .received = on_received,
						  .closed = on_closed };
	struct rpc_client *client = NULL;
	int r = rpc_client_new(&client, one->loop, fd, fd, &config);

	if (r == 0)
		r = rpc_client_send(client, REQUEST_ID, method, json_incref(params));
	json_decref(params);
	if (r < 0) {
		rpc_client_free(client);
		return diag_set(one->diag, r, "cannot speak to %s: %s", one->id, strerror(-r));
	}
	one->patience.fired = patience_over;
	loop_arm(one->loop, &one->patience, CALL_PATIENCE_S * INT64_C(1000000000));
	r = loop_run(one->loop);
	loop_disarm(&one->patience);
	rpc_client_free(client);
	return r;
}

int reach_call(const char *id, const char *method, json_t *params, struct diag *diag)
{
	CLEANUP(loop_freep) struct loop *loop = NULL;
	struct one_call one = { .id = id, .diag = diag };
	int r = loop_new(&loop);

	if (r < 0)
		diag_set(diag, r, "cannot make a loop: %s", strerror(-r));
	one.loop = loop;
	int fd = r == 0 ? reach_dial(id, diag) : r;
	if (fd < 0) {
		json_decref(params);
		return fd;
	}
	return converse(&one, fd, method, params);
}
