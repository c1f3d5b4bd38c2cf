// SPDX-License-Identifier: Apache-2.0
/* What a command asks of its parsed command line. */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/print.h"

/* last() - the last use of --@name; asking for an option that the command has not is our bug */
static const struct cli_value *last(const struct cli_call *call, const char *name)
{
	const struct cli_option *option = NULL;
	bool known = false;

	for (size_t i = 0; !known && (option = cli_option_at(call->command, i)) != NULL; i++)
		known = strcmp(option->name, name) == 0;
	assert(known);
	for (size_t i = call->values_len; i-- > 0;)
		if (call->values[i].option == option)
			return &call->values[i];
	return NULL;
}

bool cli_has(const struct cli_call *call, const char *name)
{
	return last(call, name) != NULL;
}

const char *cli_value(const struct cli_call *call, const char *name)
{
	const struct cli_value *value = last(call, name);

	return value != NULL ? value->text : NULL;
}

int cli_count(uint64_t *ret, const char *text)
{
	uint64_t number = 0;

	if (text[0] == 0)
		return -EINVAL;
	for (const char *digit = text; *digit != 0; digit++) {
		if (!isdigit((unsigned char)*digit))
			return -EINVAL;
		if (__builtin_mul_overflow(number, 10U, &number) ||
		    __builtin_add_overflow(number, (uint64_t)(*digit - '0'), &number))
			return -ERANGE;
	}
	*ret = number;
	return 0;
}

int cli_complain(struct cli_call *call, int error)
{
	fputs("immure: ", call->err);
	print_safe(call->err, call->diag.why);
	fputc('\n', call->err);
	return error == -ENOENT || error == -ESRCH || error == -EBUSY ? CLI_EXIT_NONE
								      : CLI_EXIT_FAILED;
}

void cli_call_free(struct cli_call *call)
{
	free(call->values);
	free(call->operands);
	call->values = NULL;
	call->operands = NULL;
}
