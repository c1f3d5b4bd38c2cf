// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>

#include "base/test.h"
#include "cli/cli.h"

enum { WORDS_MAX = 12 };

/* show() - a parsed call as text: "run volume=a:b tty | sh -c x" */
static void show(char *ret, size_t size, const struct cli_call *call)
{
	FILE *out = fmemopen(ret, size, "w");

	fputs(call->command->name, out);
	for (size_t i = 0; i < call->values_len; i++)
		fprintf(out, " %s%s%s", call->values[i].option->name,
			call->values[i].text != NULL ? "=" : "",
			call->values[i].text != NULL ? call->values[i].text : "");
	fputs(" |", out);
	for (size_t i = 0; i < call->operands_len; i++)
		fprintf(out, " %s", call->operands[i]);
	CHECK(call->operands[call->operands_len] == NULL, "operands end with NULL");
	fclose(out);
}

static void test_accepted(void)
{
	const struct {
		const char *words[WORDS_MAX];
		const char *want;
	} rows[] = {
		{ { NULL }, "help |" },
		{ { "run", "sh" }, "run | sh" },
		{ { "run", "python3", "-c", "x", "--help" }, "run | python3 -c x --help" },
		{ { "run", "-t", "--", "-x", "--", "y" }, "run tty | -x -- y" },
		{ { "run", "-v", "a:b", "--volume", "c:d", "--volume=e:f", "-vg:h", "sh" },
		  "run volume=a:b volume=c:d volume=e:f volume=g:h | sh" },
		{ { "run", "-tTeA=1", "sh", "-t" }, "run tty no-tty env=A=1 | sh -t" },
		{ { "run", "--env=A=B=C", "--env=", "sh" }, "run env=A=B=C env= | sh" },
		{ { "run", "-e", "-t", "sh" }, "run env=-t | sh" }, /* the value, whatever it is */
		{ { "run", "-", "x" }, "run | - x" },
		{ { "start" }, "start |" },
		{ { "exec", "-t", "vm-1", "ls", "-l" }, "exec tty | vm-1 ls -l" },
		{ { "logs", "vm-1", "-f", "-n5" }, "logs follow lines=5 | vm-1" },
		{ { "logs", "-fn", "5", "vm-1" }, "logs follow lines=5 | vm-1" },
		{ { "logs", "--", "-f" }, "logs | -f" },
		{ { "rm", "a", "--stopped", "b" }, "rm stopped | a b" },
		{ { "ls", "-q" }, "list quiet |" },
		{ { "--rpc", "--config", "x.yaml", "--image", "standard" },
		  "--rpc config=x.yaml image=standard |" },
		{ { "--version" }, "--version |" },
		{ { "-V" }, "version |" },
		{ { "-h", "run" }, "help | run" },
		{ { "run", "--help" }, "help help | run" },
		{ { "kill", "a", "-h", "b" }, "help help | kill" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *argv[WORDS_MAX + 2] = { "immure" };
		char got[256] = { 0 };
		CLEANUP_CALL struct cli_call call = { .out = stdout, .err = stderr };

		memcpy(argv + 1, rows[i].words, sizeof(rows[i].words));
		int r = cli_parse(&call, argv);
		CHECK(r == 0, "row %zu: %d %s", i, r, call.diag.why);
		if (r == 0)
			show(got, sizeof(got), &call);
		CHECK(strcmp(got, rows[i].want) == 0, "row %zu: '%s'", i, got);
	}
}

static void test_refused(void)
{
	const struct {
		const char *words[WORDS_MAX];
		const char *why; /* a part of it */
	} rows[] = {
		{ { "" }, "unknown command ''; see" },
		{ { "lits" }, "did you mean 'list'? See 'immure --help'" },
		{ { "zebra" }, "unknown command 'zebra'; see" },
		{ { "--config", "x" }, "'--config' comes before a command" },
		{ { "run" }, "write 'immure run [OPTIONS] COMMAND" },
		{ { "exec", "vm-1" }, "write 'immure exec" },
		{ { "get" }, "write 'immure get" },
		{ { "get", "a", "b" }, "'b' is one word too many; see 'immure get --help'" },
		{ { "list", "x" }, "'x' is one word too many" },
		{ { "run", "--volme", "a:b", "sh" },
		  "'--volme'; did you mean '--volume'? See 'immure run --help'" },
		{ { "run", "--vol=a:b", "sh" }, "did you mean '--volume'?" }, /* no abbreviations */
		{ { "run", "--runing", "sh" }, "unknown option '--runing'; see" },
		{ { "list", "--runing" }, "did you mean '--running'?" },
		{ { "run", "-tx", "sh" }, "unknown option '-tx'" },
		{ { "run", "--=x", "sh" }, "unknown option '--=x'" },
		{ { "run", "--tty=yes", "sh" }, "--tty takes no value" },
		{ { "run", "--memory" }, "--memory needs SIZE" },
		{ { "logs", "x", "-n" }, "--lines needs N" },
		{ { "run", "--Memory", "1", "sh" }, "did you mean '--memory'?" },
		{ { "man", "--json" }, "unknown option" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *argv[WORDS_MAX + 2] = { "immure" };
		CLEANUP_CALL struct cli_call call = { .out = stdout, .err = stderr };

		memcpy(argv + 1, rows[i].words, sizeof(rows[i].words));
		int r = cli_parse(&call, argv);
		CHECK(r == -EINVAL, "row %zu: %d", i, r);
		CHECK(strstr(call.diag.why, rows[i].why) != NULL, "row %zu: %s", i, call.diag.why);
	}
}

static void test_values(void)
{
	const char *argv[] = { "immure", "logs", "-n1", "--lines=2", "x", NULL };
	CLEANUP_CALL struct cli_call call = { .out = stdout, .err = stderr };

	CHECK(cli_parse(&call, argv) == 0, "%s", call.diag.why);
	CHECK(cli_has(&call, "lines") && !cli_has(&call, "follow"), "has");
	CHECK(strcmp(cli_value(&call, "lines"), "2") == 0, "the last one wins");
	CHECK(cli_value(&call, "raw") == NULL, "not given");
}

static void test_count(void)
{
	const struct {
		const char *text;
		int want;
		uint64_t number;
	} rows[] = {
		{ "0", 0, 0 },
		{ "007", 0, 7 },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "", -EINVAL, 1 },
		{ "-1", -EINVAL, 1 },
		{ "18446744073709551616", -ERANGE, 1 },
		{ " 1", -EINVAL, 1 },
		{ "1x", -EINVAL, 1 },
		{ "99999999999999999999", -ERANGE, 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t number = 1;
		int r = cli_count(&number, rows[i].text);

		CHECK(r == rows[i].want, "row %zu: %d", i, r);
		CHECK(number == rows[i].number, "row %zu", i);
	}
}

int main(void)
{
	test_accepted();
	test_refused();
	test_values();
	test_count();
	return test_failures > 0;
}
