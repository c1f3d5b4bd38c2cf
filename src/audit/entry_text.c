// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: visible ASCII stands for itself but for the quote and the backslash; all else
 * is \uXXXX in lower case, beyond the BMP as a pair (RFC 8259 section 7). An octet that begins no
 * UTF-8 becomes the text \xNN. So each text has one spelling, it drives no terminal, and no tool of
 * the reader's is needed to see a right-to-left mark in it.
 */
#include "audit/entry_priv.h"
#include "base/utf8.h"

enum { ESCAPE_OCTETS = 6, CODE_DIGITS = 4 }; /* "\u00ad" */

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static char *put_code(char *to, uint32_t unit)
{
	uint8_t octets[2] = { (uint8_t)(unit >> 8), (uint8_t)unit };

	to[0] = '\\';
	to[1] = 'u';
	audit_hex(to + 2, octets, sizeof(octets));
	return to + ESCAPE_OCTETS;
}

/* put_foreign() - the character or octet at the front of @text. @used: octets of it. */
static char *put_foreign(char *to, size_t *used, struct span text)
{
	uint32_t code = 0;
	size_t len = utf8_decode(&code, text);

	*used = len > 0 ? len : 1;
	if (len == 0) {
		uint8_t octet = (uint8_t)text.ptr[0];

		memcpy(to, "\\\\x", 3);
		audit_hex(to + 3, &octet, 1);
		return to + 5;
	}
	if (code == '"' || code == '\\') {
		to[0] = '\\';
		to[1] = (char)code;
		return to + 2;
	}
	if (code < 0x10000)
		return put_code(to, code);
	to = put_code(to, 0xd800 + ((code - 0x10000) >> 10));
	return put_code(to, 0xdc00 + ((code - 0x10000) & 0x3ff));
}

/* spelled() - octets that the character at the front of @text has when it was escaped and back */
static size_t spelled(size_t *used, struct span text)
{
	uint32_t code = 0;
	size_t len = utf8_decode(&code, text);

	*used = len > 0 ? len : 1;
	return len > 0 ? len : sizeof("\\x00") - 1;
}

/* fitting() - the length of the longest part of @text that has at most @most octets when it is back */
static size_t fitting(struct span text, size_t most)
{
	size_t sum = 0;
	struct span rest = text;

	while (rest.len > 0) {
		size_t used = 0;

		sum += spelled(&used, rest);
		if (sum > most)
			break;
		rest = span_drop(rest, used);
	}
	return text.len - rest.len;
}

static char *put_all(char *to, struct span text)
{
	size_t i = 0;

	while (i < text.len) {
		size_t used = 1;

		if (is_plain((unsigned char)text.ptr[i]))
			*to++ = text.ptr[i];
		else
			to = put_foreign(to, &used, span_drop(text, i));
		i += used;
	}
	return to;
}

char *escape(char *to, struct span text, size_t most)
{
	static const char more[] = "...";
	/* one octet becomes at most four: a quarter of the room needs no count */
	if (text.len <= most / 4 || fitting(text, most) == text.len)
		return put_all(to, text);
	size_t len = fitting(text, most - (sizeof(more) - 1));
	to = put_all(to, (struct span){ text.ptr, len });
	memcpy(to, more, sizeof(more) - 1);
	return to + sizeof(more) - 1;
}

/* code_at() - of the four digits at @at; UINT32_MAX: none */
static uint32_t code_at(const char *at)
{
	uint8_t octets[2];

	if (!audit_unhex(octets, sizeof(octets), (struct span){ at, CODE_DIGITS }))
		return UINT32_MAX;
	return (uint32_t)octets[0] << 8 | octets[1];
}

/* unescape_one() - the escape at @at, which is a backslash
 * Return: its octets; 0: none that put_foreign() writes. */
static size_t unescape_one(uint32_t *ret, const char *at, const char *end)
{
	if (end - at >= 2 && (at[1] == '"' || at[1] == '\\')) {
		*ret = (uint32_t)(unsigned char)at[1];
		return 2;
	}
	if (end - at < ESCAPE_OCTETS || at[1] != 'u')
		return 0;
	uint32_t code = code_at(at + 2);
	if (code == UINT32_MAX || (code >= 0x20 && code < 0x7f) || (code >> 10) == 0xdc00 >> 10)
		return 0;
	*ret = code;
	if (code >> 10 != 0xd800 >> 10)
		return ESCAPE_OCTETS;
	if (end - at < (ptrdiff_t)2 * ESCAPE_OCTETS || at[6] != '\\' || at[7] != 'u')
		return 0;
	uint32_t low = code_at(at + ESCAPE_OCTETS + 2);
	if (low == UINT32_MAX || low >> 10 != 0xdc00 >> 10)
		return 0;
	*ret = 0x10000 + ((code & 0x3ff) << 10) + (low & 0x3ff);
	return (size_t)2 * ESCAPE_OCTETS;
}

static size_t utf8_octets(uint32_t code)
{
	if (code < 0x80)
		return 1;
	if (code < 0x800)
		return 2;
	return code < 0x10000 ? 3 : 4;
}

static char *utf8_put(char *to, uint32_t code)
{
	static const uint8_t leads[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	size_t len = utf8_octets(code);

	for (size_t i = len; i-- > 1; code >>= 6)
		to[i] = (char)(0x80 | (code & 0x3f));
	to[0] = (char)(leads[len] | code);
	return to + len;
}

/* plain_eight() - are the eight octets at @at all plain? */
static bool plain_eight(const char *at)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones * 0x80;
	uint64_t word = 0;

	memcpy(&word, at, sizeof(word));
	uint64_t quote = word ^ ones * '"', slash = word ^ ones * '\\', del = word ^ ones * 0x7f;
	uint64_t bad = (word - ones * 0x20) | (quote - ones) | (slash - ones) | (del - ones) | word;

	/* a borrow makes a plain octet look bad, never a bad one plain */
	return (bad & tops) == 0;
}

const char *escaped_skip(size_t *ret_octets, const char *at, const char *end)
{
	size_t octets = 0;

	for (;;) {
		while (end - at >= 8 && plain_eight(at)) {
			at += 8;
			octets += 8;
		}
		while (at < end && is_plain((unsigned char)*at)) {
			at++;
			octets++;
		}
		if (at == end || *at == '"')
			break;
		uint32_t code = 0;
		size_t len = *at == '\\' ? unescape_one(&code, at, end) : 0;

		if (len == 0)
			return NULL;
		at += len;
		octets += utf8_octets(code);
	}
	*ret_octets = octets;
	return at < end ? at : NULL;
}

static char *unescape(struct span *text, char *room)
{
	char *to = room;

	if (text->len == 0 || memchr(text->ptr, '\\', text->len) == NULL)
		return room;
	const char *at = text->ptr, *end = at + text->len;
	while (at < end) {
		uint32_t code = (unsigned char)*at;
		size_t len = *at == '\\' ? unescape_one(&code, at, end) : 1;

		to = utf8_put(to, code);
		at += len > 0 ? len : 1; /* audit_parse() has seen it: never 0 */
	}
	*text = (struct span){ room, (size_t)(to - room) };
	return to;
}

void audit_unescape(struct audit_entry *entry, char *room)
{
	for (size_t i = 0; i < FIELDS; i++) {
		const struct field *field = &audit_fields[i];

		if (field->kind == FIELD_TEXT)
			room = unescape(field_slot(entry, field), room);
		if (field->kind == FIELD_LIST) {
			struct audit_list *list = field_slot(entry, field);

			for (size_t k = 0; k < list->len; k++)
				room = unescape(&list->items[k], room);
		}
	}
}
