// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: the text is gone through word by word, in strings, too. After the word `input` the
 * path that follows is looked up in a table. Words of functions whose value is not the same each time count
 * wherever they stand. Comments are left out, but not if there are templates ($"..."), as strings stand in
 * those that stand in strings, and only a parser knows where they end.
 *
 * It errs on one side: a word that means something else only keeps answers from being kept.
 */
#include "judge/reads.h"

enum { PATH_OCTETS = 96 };

static const struct {
	const char *path;
	uint16_t reads;
} rows[] = {
	{ "version", 0 },
	{ "policy_hash", 0 },
	{ "mode", 0 },
	{ "workspace_root", 0 },
	{ "caps", 0 },
	{ "request_summary.action", 0 },
	{ "request_summary.resource.host", 0 },
	{ "request_summary.resource.is_address", 0 },
	{ "request_summary.resource.port", 0 },
	{ "request_summary.resource.scheme", 0 },
	{ "request_summary.resource.method", JUDGE_READS_METHOD },
	{ "request_summary.resource.websocket", JUDGE_READS_METHOD },
	{ "request_summary.resource.path", JUDGE_READS_PATH },
	{ "request_summary.resource.query", JUDGE_READS_QUERY },
	{ "request_summary.resource", JUDGE_READS_METHOD | JUDGE_READS_PATH | JUDGE_READS_QUERY },
	{ "request_summary", JUDGE_READS_METHOD | JUDGE_READS_PATH | JUDGE_READS_QUERY },
	{ "caller_identity.app", 0 },
	{ "caller_identity.sandbox", 0 },
	{ "caller_identity.process.program", JUDGE_READS_PROGRAM },
	{ "caller_identity.process.pid", JUDGE_READS_PID },
	{ "caller_identity.process", JUDGE_READS_PROGRAM | JUDGE_READS_PID },
	{ "caller_identity", JUDGE_READS_PROGRAM | JUDGE_READS_PID },
};

/*
 * Of functions that may say another thing each time: time.now_ns, rand.intn, uuid.rfc4122, opa.runtime,
 * http.send, net.lookup_ip_addr; io.jwt.* and crypto.x509.*, as they ask what time it is.
 */
static const char *const fickle[] = {
	"now_ns", "rand", "uuid", "runtime", "send", "lookup_ip_addr", "decode_verify", "x509",
};

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

static struct span word_of(struct span text)
{
	size_t len = 0;

	while (len < text.len && is_word(text.ptr[len]))
		len++;
	return (struct span){ text.ptr, len };
}

/* path_of() - the names behind `input`, each after a point. Return: octets; 0: none, or too many */
static size_t path_of(char ret[PATH_OCTETS], struct span text)
{
	size_t len = 0;

	while (text.len > 1 && text.ptr[0] == '.') {
		struct span word = word_of(span_drop(text, 1));

		if (word.len == 0 || len + word.len + 2 > PATH_OCTETS)
			return 0;
		if (len > 0)
			ret[len++] = '.';
		memcpy(ret + len, word.ptr, word.len);
		len += word.len;
		text = span_drop(text, word.len + 1);
	}
	return len;
}

/* reads_path() - the longest row that the path begins with */
static uint16_t reads_path(struct span path)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t len = strlen(rows[i].path);

		if (path.len >= len && memcmp(path.ptr, rows[i].path, len) == 0 &&
		    (path.len == len || path.ptr[len] == '.'))
			return rows[i].reads;
	}
	return JUDGE_READS_ALL;
}

static bool is_fickle(struct span word)
{
	for (size_t i = 0; i < ARRAY_SIZE(fickle); i++)
		if (span_is(word, fickle[i]))
			return true;
	return false;
}

/* reads_word() - @rest: what follows it */
static uint16_t reads_word(struct span word, struct span rest)
{
	char path[PATH_OCTETS] = { 0 };

	if (is_fickle(word))
		return JUDGE_READS_ELSE;
	if (!span_is(word, "input"))
		return 0;
	size_t len = path_of(path, rest);
	return reads_path((struct span){ path, len });
}

/* skip_comment() - @text begins with it */
static struct span skip_comment(struct span text)
{
	const char *end = memchr(text.ptr, '\n', text.len);

	if (end == NULL)
		return (struct span){ 0 };
	return span_drop(text, (size_t)(end - text.ptr));
}

uint16_t reads_of(struct span text)
{
	const bool skips_comments = memmem(text.ptr, text.len, "$\"", 2) == NULL &&
				    memmem(text.ptr, text.len, "$`", 2) == NULL;
	unsigned reads = 0;
	char quote = 0; /* that ends the string we are in; 0: in none */

	while (text.len > 0) {
		struct span word = word_of(text);
		char c = text.ptr[0];

		if (word.len > 0) {
			text = span_drop(text, word.len);
			reads |= reads_word(word, text);
			continue;
		}
		if (c == '#' && quote == 0 && skips_comments) {
			text = skip_comment(text);
			continue;
		}
		if (quote == '"' && c == '\\' && text.len > 1)
			text = span_drop(text, 1);
		else if (quote != 0 && c == quote)
			quote = 0;
		else if (quote == 0 && (c == '"' || c == '`'))
			quote = c;
		text = span_drop(text, 1);
	}
	return (uint16_t)reads;
}
