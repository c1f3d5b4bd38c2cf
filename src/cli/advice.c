// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: the remedy (warden/remedy.h) was judged when it was read: hosts are patterns,
 * methods capitals, paths visible ASCII. It is quoted all the same, for a shell or as JSON, which is
 * YAML too. Without a remedy, what was refused says whether there is any other way.
 */
#include "cli/advice.h"

#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "cli/print.h"

static const char *text_of(const json_t *value, const char *name)
{
	const char *text = json_string_value(json_object_get(value, name));

	return text != NULL ? text : "";
}

static bool is_plain_word(const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789.:/_,@%+-";

	return text[0] != '\0' && text[0] != '-' && strspn(text, plain) == strlen(text);
}

void advice_word(FILE *out, const char *text)
{
	if (is_plain_word(text)) {
		fputs(text, out);
		return;
	}
	fputc('\'', out);
	for (struct span rest = span_of(text); rest.len > 0;) {
		size_t len = print_safe_octets(rest);

		if (rest.ptr[0] == '\'')
			fputs("'\\''", out);
		else if (len > 0)
			fwrite(rest.ptr, 1, len, out);
		else
			fputc('?', out);
		rest = span_drop(rest, len > 0 ? len : 1);
	}
	fputc('\'', out);
}

/* put_json() - a text as JSON, in ASCII alone */
static void put_json(FILE *out, const char *before, const char *text)
{
	json_t *value = json_string(text);
	char *quoted = json_dumps(value, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);

	fprintf(out, "%s%s", before, quoted != NULL ? quoted : "\"\"");
	free(quoted);
	json_decref(value);
}

static void put_options(FILE *out, const json_t *remedy)
{
	static const char *const names[][2] = { { "allow_host", "--allow-host " },
						{ "allow_private", "--allow-private " } };
	const char *between = "";

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *text = text_of(remedy, names[i][0]);

		if (text[0] == '\0')
			continue;
		fprintf(out, "%s%s", between, names[i][1]);
		advice_word(out, text);
		between = " ";
	}
	fputc('\n', out);
}

/* put_all_of() - @host without its port: with one, it would be allowed what is not HTTP as well */
static void put_all_of(FILE *out, const char *host)
{
	char text[512];
	const char *end = strrchr(host, ':');
	bool bracketed = host[0] == '[';

	if (end != NULL && !bracketed && strchr(host, ':') != end)
		end = NULL; /* IPv6 */
	if (bracketed)
		end = strchr(++host, ']');
	size_t len = end != NULL ? (size_t)(end - host) : strlen(host);
	(void)snprintf(text, sizeof(text), "%.*s", len < sizeof(text) ? (int)len : 0, host);
	advice_word(out, text);
}

static void put_rule(FILE *out, const json_t *rule, int indent)
{
	fputs("in the settings (-c FILE), one more of network.rules:\n", out);
	fprintf(out, "%*s  - {", indent, "");
	put_json(out, "host: ", text_of(rule, "host"));
	put_json(out, ", methods: [", text_of(rule, "method"));
	put_json(out, "], paths: [", text_of(rule, "path"));
	fputs("]}\n", out);
	fprintf(out, "%*sor, if ALL of that host may be reached: --allow-host ", indent, "");
	put_all_of(out, text_of(rule, "host"));
	fputc('\n', out);
}

static const char *no_remedy(const json_t *refusal)
{
	enum { DENIED = 403 };
	const char *url = text_of(refusal, "url"), *reason = text_of(refusal, "reason");

	if (strncmp(text_of(refusal, "rule"), "rules[", 6) == 0 &&
	    json_integer_value(json_object_get(refusal, "status_code")) == DENIED)
		return "no rule can say this method and path alone: one that allows it would allow "
		       "more than was refused";
	if (strncmp(url, "udp://", 6) == 0)
		return "no setting allows UDP; what speaks HTTP/3 falls back to TCP by itself";
	if (strncmp(url, "tcp://", 6) != 0 && strncmp(url, "http", 4) != 0)
		return "no setting allows this";
	if (strstr(reason, "certificate") != NULL)
		return "if that certificate is to be trusted: --upstream-ca FILE";
	return "no setting allows this: it is for the program to change";
}

void advice_print(FILE *out, const json_t *refusal, int indent)
{
	const json_t *remedy = json_object_get(refusal, "remedy");
	const json_t *rule = json_object_get(remedy, "rule");

	if (rule != NULL)
		put_rule(out, rule, indent);
	else if (json_is_true(json_object_get(remedy, "policy")))
		fputs("the policy decides (--policy FILE): change it there\n", out);
	else if (json_object_size(remedy) > 0)
		put_options(out, remedy);
	else
		fprintf(out, "%s\n", no_remedy(refusal));
}
