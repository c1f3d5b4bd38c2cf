// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: JSON text straight into a queue. jansson's own trees are always sound; plain
 * text may hold anything (a file's name, the end of a message cut in two), and a line that is not
 * JSON would end the reader's connection, so it is made fit here.
 */
#include <errno.h>

#include "rpc/rpc_priv.h"

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

int rpc_append_json(struct buf *to, const json_t *value)
{
	struct dump dump = { .to = to };
	size_t len = buf_len(to);

	if (json_dump_callback(value, append_dumped, &dump, JSON_COMPACT | JSON_ENCODE_ANY) == 0)
		return 0;
	to->end = to->start + len;
	return dump.r < 0 ? dump.r : -EINVAL;
}

/* clean() - copy @text to @to, at most @capacity - 1 octets, in a form JSON can hold */
static void clean(char *to, size_t capacity, const char *text)
{
	size_t len = strnlen(text, capacity - 1);

	while (len > 0 && text[len] != '\0' && ((unsigned char)text[len] & 0xc0) == 0x80)
		len--; /* do not cut a character in two */
	for (size_t i = 0; i < len; i++)
		to[i] = (unsigned char)text[i] < ' ' || text[i] == 0x7f ? '?' : text[i];
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

int rpc_append_message(struct buf *to, const char *method, const json_t *params)
{
	int r = buf_append(to, SPAN("{\"jsonrpc\":\"2.0\",\"method\":"));

	if (r == 0)
		r = rpc_append_string(to, method);
	if (r == 0 && params != NULL)
		r = buf_append(to, SPAN(",\"params\":"));
	return r == 0 && params != NULL ? rpc_append_json(to, params) : r;
}
