// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: every text of a state folder is judged here, without a system call, so that
 * the fuzzer can have it all. Numbers are plain digits; each short file must end with its newline,
 * because "12345 678" may be the front of "12345 67890" after a power cut. A status is always of
 * one length, as it is overwritten in place: a mixture of two is no status and so is noticed. What
 * people will see (image, command) passes through one gate, line_put_char(): it lets a whole
 * printable character pass or writes its octets as \xNN, and cuts only between characters.
 */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/number.h"
#include "base/utf8.h"
#include "warden/state_priv.h"

enum {
	PID_MAX_LIMIT = 4 * 1024 * 1024, /* include/linux/threads.h */
	ID_DIGITS = 8,
	STAT_FIELD_START = 22, /* proc(5), counted from 1 */
};

const char *const state_names[STATE_COUNT] = {
	"created", "starting", "running", "stopping", "stopped", "crashed",
};

static bool is_hex(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!((text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f')))
			return false;
	return true;
}

bool state_id_valid(const char *id)
{
	return strnlen(id, STATE_ID_OCTETS) == STATE_ID_OCTETS - 1 && memcmp(id, "vm-", 3) == 0 &&
	       is_hex(id + 3, ID_DIGITS);
}

/* one_line() - @text without its newline, which must be there. Return: 0 or -EINVAL. */
static int one_line(struct span *ret, struct span text)
{
	if (text.len == 0 || text.ptr[text.len - 1] != '\n')
		return -EINVAL;
	*ret = (struct span){ text.ptr, text.len - 1 };
	return 0;
}

void state_text_put_status(char ret[STATE_STATUS_OCTETS], enum state_status status)
{
	memset(ret, '\n', STATE_STATUS_OCTETS);
	memcpy(ret, state_names[status], strlen(state_names[status]));
}

/* process() - a number of a process and its start, as two texts. Return: 0 or -EINVAL. */
static int process(struct state_process *ret, struct span pid, struct span start)
{
	uint64_t pid_value = 0, start_value = 0;

	if (!number_parse(&pid_value, pid, PID_MAX_LIMIT) || pid_value == 0 ||
	    !number_parse(&start_value, start, UINT64_MAX))
		return -EINVAL;
	*ret = (struct state_process){ (pid_t)pid_value, start_value };
	return 0;
}

int state_text_process(struct state_process *ret, struct span text)
{
	struct span rest = { 0 };
	int r = one_line(&rest, text);

	if (r < 0)
		return r;

	struct span pid = span_cut(&rest, ' ');
	return process(ret, pid, rest);
}

int state_text_draft(struct state_process *ret, struct span name)
{
	struct span new = span_cut(&name, '-');
	struct span pid = span_cut(&name, '-');
	struct span start = span_cut(&name, '-');

	if (!span_is(new, ".new") || name.ptr == NULL || name.len != ID_DIGITS ||
	    !is_hex(name.ptr, name.len))
		return -EINVAL;
	return process(ret, pid, start);
}

int state_text_status(enum state_status *ret, struct span text)
{
	struct span word = text;

	if (text.len != STATE_STATUS_OCTETS)
		return -EINVAL;
	while (word.len > 0 && word.ptr[word.len - 1] == '\n')
		word.len--;
	if (word.len == text.len)
		return -EINVAL;
	for (unsigned i = 0; i < STATE_COUNT; i++) {
		if (!span_is(word, state_names[i]))
			continue;
		*ret = (enum state_status)i;
		return 0;
	}
	return -EINVAL;
}

int state_text_seconds(int64_t *ret, struct span text)
{
	struct span digits = { 0 };
	uint64_t value = 0;
	int r = one_line(&digits, text);

	if (r == 0)
		r = number_parse(&value, digits, INT64_MAX) ? 0 : -EINVAL;
	if (r == 0)
		*ret = (int64_t)value;
	return r;
}

int state_text_stat(uint64_t *ret_start, struct span text)
{
	/* the name in parentheses is the program's choice and may hold ") R 1": only the last ')'
	 * counts */
	const char *end = text.len > 0 ? memrchr(text.ptr, ')', text.len) : NULL;

	if (end == NULL)
		return -EINVAL;

	struct span rest = span_drop(text, (size_t)(end - text.ptr) + 1);
	struct span field = span_cut(&rest, ' '); /* what follows ')' directly: nothing */
	struct span state = { 0 };

	for (unsigned i = 3; i <= STAT_FIELD_START; i++) {
		if (rest.ptr == NULL)
			return -EINVAL;
		field = span_cut(&rest, ' ');
		if (i == 3)
			state = field;
	}
	if (rest.ptr == NULL) /* the last field may have been cut */
		return -EINVAL;
	if (span_is(state, "Z") || span_is(state, "X"))
		return -ESRCH; /* killed, but its parent has not noticed yet */
	return number_parse(ret_start, field, UINT64_MAX) ? 0 : -EINVAL;
}

/* A line for people, of limited size. */
struct line {
	char *ptr;
	size_t size; /* octets of room, the NUL included */
	size_t len;
	size_t keep; /* the last end of a character after which "..." would still fit */
	bool cut;
};

static const struct span dots = { "...", 3 };

static void line_put(struct line *l, struct span piece)
{
	if (l->cut)
		return;
	if (piece.len >= l->size - l->len) {
		l->cut = true;
		l->len = l->keep;
		piece = dots.len < l->size - l->len ? dots : (struct span){ "", 0 };
	}
	memcpy(l->ptr + l->len, piece.ptr, piece.len);
	l->len += piece.len;
	l->ptr[l->len] = '\0';
	if (l->len + dots.len < l->size)
		l->keep = l->len;
}

/* line_put_char() - take one character, or one octet that is none, off @rest and show it */
static void line_put_char(struct line *l, struct span *rest)
{
	static const char hex[] = "0123456789abcdef";
	uint32_t code = 0;
	size_t len = utf8_decode(&code, *rest);

	if (len > 0 && utf8_is_plain(code)) {
		line_put(l, (struct span){ rest->ptr, len });
		*rest = span_drop(*rest, len);
		return;
	}
	for (len = len > 0 ? len : 1; len > 0; len--) {
		unsigned char octet = (unsigned char)rest->ptr[0];
		char escape[] = { '\\', 'x', hex[octet >> 4], hex[octet & 15] };

		line_put(l, (struct span){ escape, sizeof(escape) });
		*rest = span_drop(*rest, 1);
	}
}

static void line_put_text(struct line *l, struct span text)
{
	while (text.len > 0 && !l->cut)
		line_put_char(l, &text);
}

void state_text_escape(char *ret, size_t size, struct span text)
{
	struct line line = { .ptr = ret, .size = size };

	ret[0] = '\0';
	line_put_text(&line, text);
}

/* json_text() - the octets of a JSON string; of anything else, none */
static struct span json_text(const json_t *value)
{
	if (!json_is_string(value))
		return SPAN("");
	return (struct span){ json_string_value(value), json_string_length(value) };
}

static void put_command(struct state_entry *entry, const json_t *command)
{
	struct line line = { .ptr = entry->command, .size = sizeof(entry->command) };

	if (!json_is_array(command)) {
		line_put_text(&line, json_text(command));
		return;
	}
	for (size_t i = 0; i < json_array_size(command) && !line.cut; i++) {
		if (i > 0)
			line_put(&line, SPAN(" "));
		line_put_text(&line, json_text(json_array_get(command, i)));
	}
}

void state_text_config(struct state_entry *entry, struct span json)
{
	json_t *tree =
	    json_loadb(json.ptr, json.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);

	if (tree == NULL)
		return;
	state_text_escape(entry->image, sizeof(entry->image),
			  json_text(json_object_get(tree, "image")));
	put_command(entry, json_object_get(tree, "command"));
	json_decref(tree);
}
