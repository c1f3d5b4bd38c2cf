// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/remote.h"
#include "cli/terminal.h"
#include "config/config.h"

/* set_env() - "NAME=VALUE", or "NAME" for the value it has here */
static void set_env(json_t *env, const char *text)
{
	struct span rest = span_of(text);
	struct span name = span_cut(&rest, '=');
	char *copy = strndup(name.ptr, name.len);
	const char *value = rest.ptr != NULL ? rest.ptr : getenv(copy);

	if (value != NULL)
		json_object_set_new(env, copy, json_string(value));
	free(copy);
}

static json_t *exec_params(struct cli_call *call, bool tty)
{
	json_t *params = json_object(), *command = json_array(), *env = json_object();
	const char *timeout = cli_value(call, "timeout");
	uint64_t seconds = 0;

	size_t first = strcmp(call->operands[1], "--") == 0 ? 2 : 1;

	for (size_t i = first; i < call->operands_len; i++)
		json_array_append_new(command, json_string(call->operands[i]));
	for (size_t i = 0; i < call->values_len; i++)
		if (strcmp(call->values[i].option->name, "env") == 0)
			set_env(env, call->values[i].text);
	json_object_set_new(params, "command", command);
	json_object_set_new(params, "env", env);
	json_object_set_new(params, "stdin_open", json_true());
	if (cli_value(call, "workdir") != NULL)
		json_object_set_new(params, "working_dir", json_string(cli_value(call, "workdir")));
	if (timeout != NULL && config_parse_duration_s(&seconds, span_of(timeout)) == 0)
		json_object_set_new(params, "timeout_seconds", json_integer((json_int_t)seconds));
	if (tty) {
		uint16_t rows, columns;

		terminal_size(STDIN_FILENO, &rows, &columns);
		json_object_update_new(params, json_pack("{s:b, s:i, s:i}", "tty", 1, "rows", rows,
							 "columns", columns));
	}
	return params;
}

int cli_exec(struct cli_call *call)
{
	bool both = isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;
	bool tty = cli_has(call, "tty") || (both && !cli_has(call, "no-tty"));
	const struct remote_options options = {
		.id = call->operands[0],
		.method = "exec_stream",
		.params = exec_params(call, tty),
		.tty = tty,
	};
	int r = remote_run(&options, &call->diag);

	if (r >= 0 && call->diag.why[0] != '\0')
		cli_complain(call, 0);
	return r;
}
