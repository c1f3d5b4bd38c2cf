// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: one request that answers in parts, and `stdin`, `resize` and `kill` requests
 * beside it that name it by its id. Our stdin is not read further before the server has said that
 * the program took the last piece; the server does not send more output than our socket takes.
 */
#include "cli/remote.h"
#include "cli/signals.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/reach.h"
#include "cli/relay.h"
#include "cli/terminal.h"
#include "rpc/rpc_client.h"
#include "wire/base64.h"

enum {
	REQUEST_ID = 1,
	STDIN_ID = 2,
	CONTROL_ID = 3,
	DATA_OCTETS_MAX = 1024 * 1024,
};

struct remote {
	const struct remote_options *options;
	struct loop *loop;
	struct rpc_client *client;
	struct diag *diag;
	bool tty;
	int insisted; /* signals that ask for the end */
	struct terminal terminal;
	struct relay_in in;
	struct relay_out out[2];
	struct loop_source signals;
	int signal_fd;
};

/* target() - how other requests name the program */
static json_t *target(const struct remote *r)
{
	return r->options->detaches ? json_string("main") : json_integer(REQUEST_ID);
}

static void control(struct remote *r, int64_t id, const char *method, json_t *params)
{
	json_object_set_new(params, "exec", target(r));
	(void)!rpc_client_send(r->client, id, method,
			       params); /* a dead server is told by closed() */
}

static void send_size(struct remote *r)
{
	uint16_t rows, columns;

	terminal_size(STDIN_FILENO, &rows, &columns);
	control(r, CONTROL_ID, "resize", json_pack("{s:i, s:i}", "rows", rows, "columns", columns));
}

/* lost() - a stream of ours failed: what comes of the program would be taken for whole */
static int lost(struct remote *r, const char *what, int error)
{
	return diag_set(r->diag, error, "%s: %s", what, strerror(-error));
}

static void on_input(void *context, struct span data)
{
	struct remote *r = context;

	if (r->in.error < 0) {
		loop_stop(r->loop, lost(r, "standard input cannot be read", r->in.error));
		return;
	}
	struct buf text = BUF(DATA_OCTETS_MAX);
	json_t *params = json_object();

	if (data.len == 0) {
		json_object_set_new(params, "eof", json_true());
	} else if (base64_encode(&text, data) == 0) {
		json_object_set_new(params, "data",
				    json_stringn(buf_span(&text).ptr, buf_len(&text)));
		relay_in_pause(&r->in, true); /* until it is answered */
	}
	buf_free(&text);
	control(r, STDIN_ID, "stdin", params);
}

/* print_stream() - one part's "stdout" or "stderr" */
static void print_stream(struct remote *r, json_t *result, const char *name, int stream)
{
	const char *text = json_string_value(json_object_get(result, name));
	struct buf data = BUF(RPC_LINE_OCTETS_MAX);

	if (text != NULL && base64_decode(&data, span_of(text)) == 0 && buf_len(&data) > 0)
		relay_out_write(&r->out[stream - 1], buf_span(&data));
	buf_free(&data);
	if (relay_out_full(&r->out[stream - 1])) /* meanwhile the server sees that we do not read */
		relay_out_drain(&r->out[stream - 1]);
}

/* begin_terminal() - the program has a terminal inside: give it ours */
static void begin_terminal(struct remote *r)
{
	relay_out_drive(&r->out[0]);
	relay_out_drive(&r->out[1]);
	if (isatty(STDIN_FILENO) != 1)
		return;
	r->tty = true;
	(void)!terminal_raw(&r->terminal, STDIN_FILENO);
	send_size(r);
}

static void take_part(struct remote *r, json_t *result)
{
	json_t *code = json_object_get(result, "exit_code");

	if (json_is_true(json_object_get(result, "tty")))
		begin_terminal(r);
	print_stream(r, result, "stdout", 1);
	print_stream(r, result, "stderr", 2);
	if (code != NULL) {
		if (json_is_string(json_object_get(result, "error")))
			diag_set(r->diag, 0, "%s",
				 json_string_value(json_object_get(result, "error")));
		loop_stop(r->loop, (int)json_integer_value(code) & 0xff);
	}
}

static void on_received(void *context, const struct rpc_message *message)
{
	struct remote *r = context;
	json_int_t id = json_integer_value(message->id);

	if (message->method != NULL)
		return; /* an event */
	if (id == STDIN_ID) {
		if (message->error != NULL)
			relay_in_close(&r->in); /* the program reads no more */
		else
			relay_in_pause(&r->in, false);
	}
	if (id != REQUEST_ID)
		return;
	if (message->error != NULL)
		loop_stop(r->loop,
			  diag_set(r->diag, -EIO, "%s: %s", r->options->id, message->error));
	else
		take_part(r, message->result);
}

static void on_closed(void *context, int error)
{
	struct remote *r = context;

	loop_stop(r->loop, diag_set(r->diag, -EIO, "%s: the sandbox ended%s%s", r->options->id,
				    error != 0 ? ": " : "", error != 0 ? strerror(-error) : ""));
}

static void on_out_changed(void *context)
{
	struct remote *r = context;

	if (r->out[0].broken || r->out[1].broken)
		loop_stop(r->loop, 128 + SIGPIPE);
}

static void take_signal(struct remote *r, int number)
{
	if (number == SIGWINCH) {
		if (r->tty)
			send_size(r);
		return;
	}
	if (r->options->detaches) {
		loop_stop(r->loop, 128 + number);
		return;
	}
	if (number != SIGUSR1 && number != SIGUSR2 && r->insisted++ > 0) {
		loop_stop(r->loop, 128 + number); /* the connection's end is the program's, too */
		return;
	}
	control(r, CONTROL_ID, "kill", json_pack("{s:i}", "signal", number));
}

static void signals_ready(struct loop_source *source, uint32_t events)
{
	struct remote *r = container_of(source, struct remote, signals);
	int number = 0;

	(void)events;
	while ((number = signals_next(r->signal_fd)) > 0)
		take_signal(r, number);
}

static int watch_signals(struct remote *r)
{
	static const int watched[] = {
		SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH
	};

	r->signals.ready = signals_ready;
	return signals_watch(&r->signal_fd, r->loop, &r->signals, watched, ARRAY_SIZE(watched));
}

static int open_streams(struct remote *r)
{
	r->in.data = on_input;
	r->in.context = r;
	for (int i = 0; i < 2; i++) {
		r->out[i].changed = on_out_changed;
		r->out[i].context = r;
		relay_out_open(&r->out[i], r->loop, i + 1);
	}
	int e = relay_in_open(&r->in, r->loop, STDIN_FILENO);
	if (e ==
	    -EPERM) /* a plain file, which epoll does not watch: it is read as fast as it is taken */
		e = relay_in_plain(&r->in, r->loop, STDIN_FILENO);
	if (e == -EBADF) {
		on_input(r, (struct span){ 0 });
		e = 0;
	}
	return e;
}

static int converse(struct remote *r, int fd)
{
	const struct rpc_client_config config = { .context = r,
						  .received = on_received,
						  .closed = on_closed };
	int e = rpc_client_new(&r->client, r->loop, fd, fd, &config);

	if (e == 0)
		e = watch_signals(r);
	if (e == 0)
		e = rpc_client_send(r->client, REQUEST_ID, r->options->method,
				    json_incref(r->options->params));
	if (e == 0)
		e = open_streams(r);
	if (e < 0)
		return diag_set(r->diag, e, "cannot speak to %s: %s", r->options->id, strerror(-e));
	if (r->options->tty)
		begin_terminal(r);
	e = loop_run(r->loop);
	for (int i = 0; i < 2; i++) {
		relay_out_close(&r->out[i]);
		if (r->out[i].error < 0)
			e = lost(r, "output cannot be written", r->out[i].error);
	}
	return e;
}

int remote_run(const struct remote_options *options, struct diag *diag)
{
	CLEANUP(loop_freep) struct loop *loop = NULL;
	struct remote r = { .options = options, .diag = diag, .signal_fd = -1 };
	int e = loop_new(&loop);

	if (e < 0)
		diag_set(diag, e, "cannot make a loop: %s", strerror(-e));
	r.loop = loop;
	if (e == 0)
		e = reach_dial(options->id, diag);
	if (e >= 0)
		e = converse(&r, e);
	terminal_restore(&r.terminal);
	relay_in_close(&r.in);
	rpc_client_free(r.client);
	fd_close(&r.signal_fd);
	json_decref(options->params);
	return e;
}
