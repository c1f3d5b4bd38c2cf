// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: JSON text straight into a queue. jansson's own trees are always sound; plain
 * text may hold anything (a file's name, the end of a message cut in two), and a line that is not
 * JSON would end the reader's connection, so it is made fit here.
 *
 * Trees are walked here rather than by jansson, which writes a string character by character at
 * some 60 MB/s: the long ones, base64, hold nothing to escape and are copied whole.
 */
#include <errno.h>

#include "rpc/rpc_priv.h"

enum { ANSWER_DEPTH_MAX = 2 * RPC_DEPTH_MAX }; /* params may be echoed in an answer */

struct dump {
	struct buf *to;
	int r;
};

static int append_dumped(const char *text, size_t len, void *context)
{
	struct dump *dump = context;

	dump->r = buf_append(dump->to, (struct span){ text, len });
	return dump->r;
}

/* append_dumped_value() - let jansson write it: numbers, and strings that need escapes */
static int append_dumped_value(struct buf *to, const json_t *value)
{
	struct dump dump = { .to = to };

	if (json_dump_callback(value, append_dumped, &dump, JSON_COMPACT | JSON_ENCODE_ANY) == 0)
		return 0;
	return dump.r < 0 ? dump.r : -EINVAL;
}

/* is_plain() - does @text go between quotes as it is? Eight octets at a time. */
static bool is_plain(struct span text)
{
	const uint64_t ones = 0x0101010101010101, tops = 0x80 * ones;
	uint64_t bad = 0, word = 0;

	for (; text.len >= 8; text = span_drop(text, 8)) {
		memcpy(&word, text.ptr, 8);
		uint64_t quote = word ^ '"' * ones, slash = word ^ '\\' * ones;

		/* a top bit: set already, or by a borrow from an octet below 0x20, or below 1 */
		bad |= word | (word - ' ' * ones) | (quote - ones) | (slash - ones);
		if ((bad & tops) != 0)
			return false;
	}
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if (c < ' ' || c >= 0x80 || c == '"' || c == '\\')
			return false;
	}
	return true;
}

static int append_text(struct buf *to, const char *octets, size_t len)
{
	struct span text = { octets, len };

	if (!is_plain(text)) {
		json_t *string = json_stringn(octets, len); /* refuses what is not UTF-8 */
		int r = string != NULL ? append_dumped_value(to, string) : -EINVAL;

		json_decref(string);
		return r;
	}
	int r = buf_append(to, SPAN("\""));
	if (r == 0)
		r = buf_append(to, text);
	return r == 0 ? buf_append(to, SPAN("\"")) : r;
}

static int append_value(struct buf *to, json_t *value, unsigned depth);

static int append_array(struct buf *to, json_t *array, unsigned depth)
{
	int r = buf_append(to, SPAN("["));

	for (size_t i = 0; r == 0 && i < json_array_size(array); i++) {
		if (i > 0)
			r = buf_append(to, SPAN(","));
		if (r == 0)
			r = append_value(to, json_array_get(array, i), depth + 1);
	}
	return r == 0 ? buf_append(to, SPAN("]")) : r;
}

static int append_object(struct buf *to, json_t *object, unsigned depth)
{
	int r = buf_append(to, SPAN("{"));
	void *first = json_object_iter(object);

	for (void *i = first; r == 0 && i != NULL; i = json_object_iter_next(object, i)) {
		if (i != first)
			r = buf_append(to, SPAN(","));
		if (r == 0)
			r = append_text(to, json_object_iter_key(i), json_object_iter_key_len(i));
		if (r == 0)
			r = buf_append(to, SPAN(":"));
		if (r == 0)
			r = append_value(to, json_object_iter_value(i), depth + 1);
	}
	return r == 0 ? buf_append(to, SPAN("}")) : r;
}

static int append_value(struct buf *to, json_t *value, unsigned depth)
{
	if (depth > ANSWER_DEPTH_MAX)
		return -EINVAL;
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return append_object(to, value, depth);
	case JSON_ARRAY:
		return append_array(to, value, depth);
	case JSON_STRING:
		return append_text(to, json_string_value(value), json_string_length(value));
	case JSON_INTEGER:
	case JSON_REAL:
	case JSON_TRUE:
	case JSON_FALSE:
	case JSON_NULL:
		break;
	}
	return append_dumped_value(to, value);
}

int rpc_append_json(struct buf *to, json_t *value)
{
	size_t len = buf_len(to);
	int r = append_value(to, value, 0);

	if (r < 0)
		to->end = to->start + len;
	return r;
}

/* clean() - copy @text to @to, at most @capacity - 1 octets, in a form JSON can hold */
static void clean(char *to, size_t capacity, const char *text)
{
	size_t len = strnlen(text, capacity - 1);

	while (len > 0 && text[len] != '\0' && ((unsigned char)text[len] & 0xc0) == 0x80)
		len--; /* do not cut a character in two */
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			to[i] = '?';
		else
			to[i] = text[i];
	to[len] = '\0';
}

int rpc_append_string(struct buf *to, const char *text)
{
	char copy[RPC_MESSAGE_OCTETS_MAX];

	clean(copy, sizeof(copy), text);
	json_t *string = json_string(copy);
	if (string == NULL) { /* not UTF-8 */
		for (char *c = copy; *c != '\0'; c++)
			if ((unsigned char)*c >= 0x80)
				*c = '?';
		string = json_string(copy);
	}
	if (string == NULL)
		return -ENOMEM;
	int r = rpc_append_json(to, string);
	json_decref(string);
	return r;
}

int rpc_append_message(struct buf *to, const char *method, json_t *params)
{
	int r = buf_append(to, SPAN("{\"jsonrpc\":\"2.0\",\"method\":"));

	if (r == 0)
		r = rpc_append_string(to, method);
	if (r == 0 && params != NULL)
		r = buf_append(to, SPAN(",\"params\":"));
	return r == 0 && params != NULL ? rpc_append_json(to, params) : r;
}
