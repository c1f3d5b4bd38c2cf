/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli - the command line: one table (table.c) of commands and options. Parsing, --help, the man
 * page immure(1) and the completions of bash, zsh and fish are readers of that table, so that none
 * of them can know an option which another does not.
 *
 * A command is one row and one function in cli_NAME.c. It prints facts to call->out, complaints
 * about one of several things through cli_complain(), and returns:
 *
 *	0 to 255	the exit status (enum cli_exit, or the status of the user's program)
 *	negative errno	it failed; call->diag says why, main() prints it and exits with
 *			CLI_EXIT_FAILED
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdio.h>

#include "base/base.h"

enum cli_exit {
	CLI_EXIT_NONE = 1,     /* the answer is no: no such sandbox, it does not run, ... */
	CLI_EXIT_FAILED = 125, /* our own errors, so that they differ from the program's */
};

/* What an option takes. It decides how its value is read and what a shell completes it with. */
enum cli_kind {
	CLI_FLAG,     /* nothing */
	CLI_WORD,     /* any text, or one of option->words */
	CLI_COUNT,    /* a whole number, 0 included */
	CLI_REAL,     /* a decimal number */
	CLI_SIZE,     /* "512M", "1G": whole MiB */
	CLI_DURATION, /* "90s", "5m": whole seconds */
	CLI_FILE,     /* a file of the caller */
	CLI_FOLDER,   /* a folder of the caller */
	CLI_LIST,     /* one more entry of a list in the configuration */
	CLI_VOLUME,   /* HOST:PATH[:ro|:rw] */
	CLI_TMPFS,    /* PATH[:SIZE] */
	CLI_ENV,      /* NAME=VALUE, or NAME for the caller's value */
	CLI_HOST,     /* NAME:ADDRESS */
	CLI_SECRET,   /* NAME@HOST[,HOST]: NAME of the caller's environment */
};

struct cli_option {
	const char *name; /* long form, without "--"; NULL ends a list */
	char letter;      /* short form; 0: none */
	enum cli_kind kind;
	bool repeats;      /* each use counts; else the last one does */
	const char *arg;   /* what --help calls the value; NULL exactly for a CLI_FLAG */
	const char *text;  /* what it does: no capital, no full stop */
	const char *key;   /* setting it lays over the configuration; NULL: none */
	const char *words; /* values to offer, separated by blanks; NULL: whatever suits the kind */
};

/* A list of options that several commands share. */
struct cli_group {
	const char *title; /* its heading in --help */
	const struct cli_option *options;
};

/* What the words after the options are. A program also ends the options: the rest is its own. */
enum cli_operand {
	CLI_NOTHING,
	CLI_ANY_ID,     /* sandboxes */
	CLI_RUNNING_ID, /* sandboxes that run */
	CLI_PROGRAM,    /* a program and its arguments */
	CLI_ID_PROGRAM, /* a running sandbox, then a program and its arguments */
	CLI_COMMAND,    /* the name of a command of ours */
	CLI_SHELL,      /* the name of a shell */
	CLI_CA,         /* what to do with the certificate authority */
	CLI_AUDIT,      /* what to do with the audit log, then a file of it */
	CLI_POLICY,     /* what to do with policies, then files of them */
	CLI_OPERAND_COUNT,
};

enum { CLI_GROUPS_MAX = 5 }; /* of one command */

struct cli_call;

struct cli_command {
	const char *name;    /* the word after "immure"; NULL ends the table */
	const char *alias;   /* another spelling; NULL: none */
	const char *section; /* its heading in `immure --help`; NULL: hidden */
	const char *usage;   /* what may follow the name */
	const char *text;    /* what it does, in a line: no full stop */
	const char *more;    /* paragraphs that explain it, separated by a newline; NULL: none */
	enum cli_operand operand;
	size_t operands_min, operands_max;
	const struct cli_group *groups[CLI_GROUPS_MAX]; /* NULL ends them early */
	int (*run)(struct cli_call *call);
};

/* A term and what it means: for the tables of the man page. */
struct cli_note {
	const char *term; /* NULL ends a list */
	const char *text;
};

extern const struct cli_command cli_commands[];
extern const struct cli_note cli_exits[], cli_variables[], cli_files[], cli_examples[];

/* cli_option_at() - the @i-th option of all groups of @command; NULL: there are no more */
const struct cli_option *cli_option_at(const struct cli_command *command, size_t i);

struct cli_value {
	const struct cli_option *option;
	const char *text; /* borrowed from argv; NULL for a flag */
};

/* One command line, taken apart. */
struct cli_call {
	const char *const *argv; /* borrowed */
	const struct cli_command *command;
	struct cli_value *values; /* owned; in the order given */
	size_t values_len;
	const char **operands; /* owned, NULL-terminated; the texts are borrowed from argv */
	size_t operands_len;
	FILE *out, *err; /* borrowed */
	struct diag diag;
};

/**
 * cli_parse() - take a command line apart
 * @call:	zeroed but for out and err; release with cli_call_free(), also after a failure
 * @argv:	borrowed for the life of @call; argv[0] is skipped, NULL ends it
 *
 * Long options take their value after '=' or as the next word, letters right after them or as the
 * next word; letters without a value cluster ("-tf"). "--" ends the options, and so does the first
 * other word when the rest is a program. Without a command it is "help"; --help anywhere among the
 * options makes it "help COMMAND".
 *
 * Return: 0; -EINVAL: refused, call->diag says what and where to look; -ENOMEM.
 */
MUST_USE int cli_parse(struct cli_call *call, const char *const *argv);
void cli_call_free(struct cli_call *call);

#define CLEANUP_CALL CLEANUP(cli_call_free)

/* cli_find() - the row of that name or alias; NULL: there is none */
const struct cli_command *cli_find(const char *name);

/* cli_has() - was --@name given? The command must have such an option. */
MUST_USE bool cli_has(const struct cli_call *call, const char *name);

/* cli_value() - the last value given for --@name; NULL: it was not given */
MUST_USE const char *cli_value(const struct cli_call *call, const char *name);

/* cli_count() - a whole number from @text, without sign or blanks. Return: 0, -EINVAL or -ERANGE.
 */
MUST_USE int cli_count(uint64_t *ret, const char *text);

/**
 * cli_complain() - print call->diag as a line of its own, for a command that goes on with its next
 * ID
 *
 * Return: the exit status that fits @error: CLI_EXIT_NONE for -ENOENT, -ESRCH and -EBUSY, else
 * CLI_EXIT_FAILED.
 */
int cli_complain(struct cli_call *call, int error);

#endif
