// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: the sandbox's warden is a child of ours in a session of its own. It tells
 * through a pipe, in one line, how the start went: "+ID" or "-reason"; then we go and it stays.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/ports.h"
#include "cli/sandbox_options.h"
#include "cli/signals.h"
#include "warden/server.h"

enum { REPORT_OCTETS = 512 };

struct background {
	struct loop *loop;
	struct server *server;
	struct cli_call *call;
	int report; /* owned: the pipe to the process that waits for the start */
	int null;
	int signal_fd;
	struct loop_source signals;
};

static void tell(struct background *b, char sign, const char *text)
{
	char line[REPORT_OCTETS];
	int len = snprintf(line, sizeof(line), "%c%s", sign, text);

	if (b->report >= 0 && len > 0)
		(void)!fd_write_all(b->report, span_of(line));
	fd_close(&b->report);
}

static void on_program_ended(void *context, const struct session_result *result)
{
	struct background *b = context;

	(void)result;
	sandbox_stop(server_get(b->server), true);
}

/* start_program() - the command, with /dev/null for its stdin and the log for the rest */
static int start_program(struct background *b)
{
	struct sandbox *sandbox = server_get(b->server);
	size_t env_len = 0, argc = b->call->operands_len;
	const struct span *env = sandbox_env(sandbox, &env_len);
	const int fds[3] = { b->null, SESSION_PIPED, SESSION_PIPED };
	struct span *words = calloc(argc + env_len, sizeof(*words));

	if (words == NULL)
		return diag_set(&b->call->diag, -ENOMEM, "out of memory");
	for (size_t i = 0; i < argc; i++)
		words[i] = span_of(b->call->operands[i]);
	memcpy(words + argc, env, env_len * sizeof(*env));
	const struct agent_exec exec = {
		.working_dir = span_of(sandbox_config(sandbox)->working_dir),
		.argc = (uint32_t)argc,
		.envc = (uint32_t)env_len,
		.words = words,
	};
	int r = server_program(b->server, &exec, fds, on_program_ended, b, &b->call->diag);
	free(words);
	return r;
}

static void on_running(void *context)
{
	struct background *b = context;
	int r = b->call->operands_len > 0 ? start_program(b) : 0;

	if (r < 0)
		sandbox_stop(server_get(b->server), true);
}

static void on_listening(void *context)
{
	struct background *b = context;

	if (sandbox_status(server_get(b->server)) == STATE_RUNNING)
		tell(b, '+', sandbox_id(server_get(b->server)));
}

static void on_ended(void *context, enum state_status status, const char *why)
{
	struct background *b = context;

	(void)status;
	tell(b, '-', b->call->diag.why[0] != '\0' ? b->call->diag.why : why);
	server_stop(b->server);
}

static void signals_ready(struct loop_source *source, uint32_t events)
{
	struct background *b = container_of(source, struct background, signals);

	(void)events;
	while (signals_next(b->signal_fd) > 0)
		sandbox_stop(server_get(b->server), false);
}

static int watch_signals(struct background *b)
{
	static const int watched[] = { SIGTERM, SIGINT };

	(void)signal(SIGHUP, SIG_IGN);
	b->signals.ready = signals_ready;
	return signals_watch(&b->signal_fd, b->loop, &b->signals, watched, ARRAY_SIZE(watched));
}

/* leave_caller() - a session of our own, and none of the caller's streams */
static int leave_caller(struct background *b)
{
	if (dup2(b->report, 3) < 0 || close_range(4, ~0U, 0) < 0)
		return -errno;
	b->report = 3; /* and nothing else of the caller's */
	b->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (b->null < 0 || setsid() < 0)
		return -errno;
	for (int fd = 0; fd < 3; fd++)
		if (dup2(b->null, fd) < 0)
			return -errno;
	return 0;
}

static json_t *command_json(const struct cli_call *call)
{
	json_t *command = json_array();

	for (size_t i = 0; i < call->operands_len; i++)
		json_array_append_new(command, json_string(call->operands[i]));
	return command;
}

/* run_background() - the whole life of the warden. @config: consumed. */
static int run_background(struct background *b, struct config *config)
{
	const struct server_main main = {
		.running = on_running, .listening = on_listening, .ended = on_ended, .context = b
	};
	json_t *command = command_json(b->call);
	struct diag *diag = &b->call->diag;
	int r = leave_caller(b);

	if (r == 0)
		r = loop_new(&b->loop);
	if (r == 0)
		r = server_new(&b->server, b->loop);
	if (r == 0)
		r = watch_signals(b);
	if (r < 0)
		diag_set(diag, r, "cannot go to the background: %s", strerror(-r));
	if (r == 0)
		r = server_prepare(b->server, &main, false, diag);
	if (r == 0)
		r = server_sandbox(b->server, config, command, diag);
	else
		config_free(config);
	json_decref(command);
	if (r == 0)
		r = loop_run(b->loop);
	server_free(b->server);
	if (r < 0) /* now that nothing is left of it */
		tell(b, '-', diag->why);
	loop_free(b->loop);
	return r;
}

/* show_start() - print the ID, and what became of the ports it is to publish */
static int show_start(struct cli_call *call, const char *id, const struct config *config)
{
	struct state_entry entry = { 0 };
	CLEANUP_FD int home = -1;
	json_auto_t *ports = NULL;

	if (config->network.publish_len > 0 && state_home(&home, &call->diag) == 0 &&
	    state_read(&entry, home, id) == 0)
		ports = ports_read(home, &entry);
	if (cli_has(call, "json")) {
		json_auto_t *value = json_pack("{s:s, s:O*}", "id", id, "ports", ports);
		char *text = value != NULL ? json_dumps(value, 0) : NULL;

		if (text == NULL)
			return diag_set(&call->diag, -ENOMEM, "out of memory");
		fprintf(call->out, "%s\n", text);
		free(text);
		return 0;
	}
	fprintf(call->out, "%s\n", id);
	ports_tell(call->err, ports, &config->network);
	return 0;
}

/* await_start() - what the child told. Return: 0 with the ID printed, or -EIO with the diag. */
static int await_start(struct cli_call *call, int report, const struct config *config)
{
	char line[REPORT_OCTETS] = { 0 };
	size_t len = 0;
	ssize_t n = 0;

	while (len < sizeof(line) - 1 &&
	       (n = read(report, line + len, sizeof(line) - 1 - len)) != 0) {
		if (n < 0 && errno != EINTR)
			break;
		len += n > 0 ? (size_t)n : 0;
	}
	if (line[0] != '+')
		return diag_set(&call->diag, -EIO, "%s",
				len > 1 ? line + 1 : "the sandbox died at its start");
	return show_start(call, line + 1, config);
}

int cli_start(struct cli_call *call)
{
	struct background b = { .call = call, .report = -1, .null = -1, .signal_fd = -1 };
	struct config *config = NULL;
	int ends[2];
	int r = sandbox_options_read(&config, call);

	if (r < 0)
		return r;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return diag_set(&call->diag, -errno, "cannot make a pipe: %s", strerror(errno));
	CLEANUP_FD int report = ends[0];
	b.report = ends[1];
	pid_t child = fork();
	if (child == 0) {
		fd_close(&report);
		r = run_background(&b, config);
		_exit(r < 0 ? CLI_EXIT_FAILED : 0);
	}
	fd_close(&b.report);
	r = child < 0 ? diag_set(&call->diag, -errno, "cannot fork: %s", strerror(errno))
		      : await_start(call, report, config);
	config_free(config);
	return r;
}
