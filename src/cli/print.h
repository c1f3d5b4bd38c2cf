/* SPDX-License-Identifier: Apache-2.0 */
/*
 * print - text for people and programs. What came out of a sandbox may hold terminal escape
 * sequences, newlines or letters that turn the line around: it goes through print_safe().
 */
#ifndef CLI_PRINT_H
#define CLI_PRINT_H

#include <jansson.h>
#include <stdio.h>

#include "base/base.h"

struct cli_call;

/* print_safe_octets() - length of the harmless character at the front of @s (not empty); 0: none is */
MUST_USE size_t print_safe_octets(struct span s);

/* print_is_beginning() - may more octets make a character, or a line end, of @s (not empty)? */
MUST_USE bool print_is_beginning(struct span s);

/* print_safe() - print well-formed UTF-8 as it is; controls and all else as \xNN, an octet each */
void print_safe(FILE *out, const char *text);
void print_safe_span(FILE *out, struct span text);

/**
 * print_safe_part() - the same for a piece of a longer text, with newlines and tabs as they are
 *
 * Return: octets of @part it printed. Up to 3 at the end, the beginning of a character or a
 * carriage return, are left: they belong in front of the next piece.
 */
MUST_USE size_t print_safe_part(FILE *out, struct span part);

/**
 * print_json() - print one value and a newline, indented; on a terminal in ASCII alone
 * @value:	borrowed; NULL is taken for -ENOMEM
 *
 * Return: 0, or -errno and call->diag says why.
 */
MUST_USE int print_json(struct cli_call *call, const json_t *value);

/* print_wrapped() - words from @column to 80, later lines indented by @indent; ends with a newline
 */
void print_wrapped(FILE *out, struct span text, int column, int indent);

enum { PRINT_TIME_OCTETS = 32 };

/* print_age() - "5 minutes ago" into @ret; "-" when @then is 0 (unknown) */
void print_age(char ret[PRINT_TIME_OCTETS], int64_t then_s, int64_t now_s);

/* print_rfc3339() - "2024-01-15T10:30:00Z" into @ret */
void print_rfc3339(char ret[PRINT_TIME_OCTETS], int64_t unix_s);

/* print_is_utf8() - does the environment say that the terminal takes UTF-8? */
MUST_USE bool print_is_utf8(void);

#endif
