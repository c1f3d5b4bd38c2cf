// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: print_safe_octets() alone judges what may reach a terminal. It takes one
 * well-formed character (RFC 3629: shortest form, no surrogates) and refuses those that are not
 * plain (base/utf8.h): controls, and what reorders, hides or breaks a line. Each octet refused is shown as
 * \xNN, so the reader sees what was there.
 */
#include "cli/print.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/utf8.h"
#include "cli/cli.h"

enum { COLUMNS = 80 };

/* is_joiner() - invisible, but scripts and emoji are not written without: these pass, here alone */
static bool is_joiner(uint32_t c)
{
	return c == 0x200c || c == 0x200d;
}

size_t print_safe_octets(struct span s)
{
	uint32_t c = 0;
	size_t len = utf8_decode(&c, s);

	return utf8_is_plain(c) || is_joiner(c) ? len : 0;
}

static void print_escaped(FILE *out, char octet)
{
	fprintf(out, "\\x%02x", (unsigned)(unsigned char)octet);
}

void print_safe_span(FILE *out, struct span text)
{
	struct span rest = text;

	while (rest.len > 0) {
		size_t len = print_safe_octets(rest);

		if (len > 0)
			fwrite(rest.ptr, 1, len, out);
		else
			print_escaped(out, rest.ptr[0]);
		rest = span_drop(rest, len > 0 ? len : 1);
	}
}

void print_safe(FILE *out, const char *text)
{
	print_safe_span(out, span_of(text));
}

bool print_is_beginning(struct span s)
{
	if (s.ptr[0] == '\r')
		return s.len == 1;
	/* the length first: a long run of continuation octets is not to be walked for each of them */
	if (s.len >= utf8_length((unsigned char)s.ptr[0]))
		return false;
	for (size_t i = 1; i < s.len; i++)
		if (((unsigned char)s.ptr[i] & 0xc0) != 0x80)
			return false;
	return true;
}

size_t print_safe_part(FILE *out, struct span part)
{
	struct span rest = part;

	while (rest.len > 0) {
		size_t len = print_safe_octets(rest);

		if (len == 0 && print_is_beginning(rest))
			break;
		if (len == 0 && (rest.ptr[0] == '\n' || rest.ptr[0] == '\t'))
			len = 1;
		if (len > 0)
			fwrite(rest.ptr, 1, len, out);
		else if (rest.ptr[0] != '\r' ||
			 rest.ptr[1] != '\n') /* a lone one overwrites a line */
			print_escaped(out, rest.ptr[0]);
		rest = span_drop(rest, len > 0 ? len : 1);
	}
	return part.len - rest.len;
}

int print_json(struct cli_call *call, const json_t *value)
{
	/* jansson escapes C0 controls, not C1 or reordering ones: on a terminal all beyond ASCII */
	int fd = fileno(call->out);
	size_t flags = JSON_INDENT(2) | (fd >= 0 && isatty(fd) ? JSON_ENSURE_ASCII : 0U);

	if (value == NULL)
		return diag_set(&call->diag, -ENOMEM, "out of memory");
	if (json_dumpf(value, call->out, flags) < 0 || fputc('\n', call->out) == EOF)
		return diag_set(&call->diag, -EIO, "the output cannot be written");
	return 0;
}

void print_wrapped(FILE *out, struct span text, int column, int indent)
{
	struct span rest = text;
	bool first = true;

	while (rest.ptr != NULL) {
		struct span word = span_cut(&rest, ' ');

		if (!first && column + 1 + (int)word.len > COLUMNS) {
			fprintf(out, "\n%*s", indent, "");
			column = indent;
		} else if (!first) {
			fputc(' ', out);
			column++;
		}
		fwrite(word.ptr, 1, word.len, out);
		column += (int)word.len;
		first = false;
	}
	fputc('\n', out);
}

void print_age(char ret[PRINT_TIME_OCTETS], int64_t then_s, int64_t now_s)
{
	static const struct {
		int64_t seconds;
		const char *unit;
	} units[] = { { INT64_C(365) * 86400, "year" },
		      { INT64_C(30) * 86400, "month" },
		      { INT64_C(7) * 86400, "week" },
		      { 86400, "day" },
		      { 3600, "hour" },
		      { 60, "minute" },
		      { 1, "second" } };
	int64_t age = now_s - then_s;

	if (then_s <= 0) {
		snprintf(ret, PRINT_TIME_OCTETS, "-");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		long long count = age / units[i].seconds;

		if (count < 1)
			continue;
		snprintf(ret, PRINT_TIME_OCTETS, "%lld %s%s ago", count, units[i].unit,
			 count == 1 ? "" : "s");
		return;
	}
	snprintf(ret, PRINT_TIME_OCTETS, "just now");
}

void print_rfc3339(char ret[PRINT_TIME_OCTETS], int64_t unix_s)
{
	time_t time = (time_t)unix_s;
	struct tm utc = { 0 };

	if (gmtime_r(&time, &utc) == NULL ||
	    strftime(ret, PRINT_TIME_OCTETS, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
		snprintf(ret, PRINT_TIME_OCTETS, "-");
}

bool print_is_utf8(void)
{
	static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" }; /* as setlocale(3) */

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *value =
		    getenv(names[i]); /* NOLINT(concurrency-mt-unsafe): one thread */

		if (value != NULL && value[0] != 0)
			return strcasestr(value, "utf-8") != NULL ||
			       strcasestr(value, "utf8") != NULL;
	}
	return false;
}
