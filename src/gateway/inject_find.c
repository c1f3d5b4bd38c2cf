// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a text is walked once. Runs in which nothing can begin are copied; where
 * something can, it is there, it is not, or it cannot be told before more octets have come: then the
 * walk ends, and what is left is walked again with those. So there is no window that anything could
 * be split over.
 */
#include "gateway/inject_priv.h"

enum match { NOTHING = 0, PARTLY, WHOLE };

struct found {
	size_t used;
	struct span with;
	enum inject_form form;
};

static const char not_meant[] = "a placeholder of a secret that is not meant for this host, or "
				"not without TLS";
static const char wrong_place[] = "a placeholder of a secret that may not stand in this part of a "
				  "request";
static const char unchangeable[] =
    "a placeholder of a secret in a message of gRPC, which cannot be "
    "changed";

static bool put_octets(struct inject_room *room, const char *octets, size_t len)
{
	if (room->size - room->used < len)
		return false;
	memcpy(room->ptr + room->used, octets, len);
	room->used += len;
	return true;
}

static bool put_percent(struct inject_room *room, unsigned char c)
{
	static const char digits[] = "0123456789ABCDEF";
	const char text[3] = { '%', digits[c >> 4], digits[c & 15] };
	bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			  (c >= '0' && c <= '9') ||
			  (c > 0 && c < 0x80 && strchr("-._~", c) != NULL);

	return unreserved ? put_octets(room, (const char[]){ (char)c }, 1)
			  : put_octets(room, text, sizeof(text));
}

static bool put_json(struct inject_room *room, char c)
{
	const char text[2] = { '\\', c };

	return c == '"' || c == '\\' ? put_octets(room, text, 2) : put_octets(room, &c, 1);
}

bool inject_put(struct inject_room *room, struct span value, enum inject_form form)
{
	size_t before = room->used;
	bool fits = true;

	if (form == INJECT_PLAIN)
		return put_octets(room, value.ptr, value.len);
	for (size_t i = 0; fits && i < value.len; i++)
		fits = form == INJECT_PERCENT ? put_percent(room, (unsigned char)value.ptr[i])
					      : put_json(room, value.ptr[i]);
	if (!fits)
		room->used = before;
	return fits;
}

static int digit_of(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* octet_at() - the one that @text begins with, perhaps %-encoded; @width: 0: more is needed to tell */
static char octet_at(struct span text, size_t *width)
{
	*width = 1;
	if (text.ptr[0] != '%')
		return text.ptr[0];
	if (text.len > 1 && digit_of(text.ptr[1]) < 0)
		return '%';
	if (text.len < 3) {
		*width = 0;
		return '%';
	}
	if (digit_of(text.ptr[2]) < 0)
		return '%';
	*width = 3;
	return (char)(digit_of(text.ptr[1]) << 4 | digit_of(text.ptr[2]));
}

static bool fits_at(char c, size_t i)
{
	if (i < SUBSTITUTION_PREFIX_OCTETS)
		return c == SUBSTITUTION_PREFIX[i];
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/* read_placeholder() - does @text begin with one? */
static enum match read_placeholder(char name[SUBSTITUTION_PLACEHOLDER_OCTETS], size_t *used,
				   struct span text)
{
	size_t at = 0, width = 0;

	for (size_t i = 0; i < SUBSTITUTION_PLACEHOLDER_OCTETS; i++, at += width) {
		if (at == text.len)
			return PARTLY;
		char c = octet_at(span_drop(text, at), &width);
		if (width == 0)
			return PARTLY;
		if (!fits_at(c, i))
			return NOTHING;
		name[i] = c;
	}
	*used = at;
	return WHOLE;
}

static const struct substitution *known(const struct inject *inject, const char *name)
{
	for (size_t i = 0; inject != NULL && i < inject->list.count; i++)
		if (memcmp(inject->list.at[i].placeholder.ptr, name,
			   SUBSTITUTION_PLACEHOLDER_OCTETS) == 0)
			return &inject->list.at[i];
	return NULL;
}

static enum match look_out(struct found *ret, struct inject_task *task, struct span text)
{
	char name[SUBSTITUTION_PLACEHOLDER_OCTETS];
	enum match match = read_placeholder(name, &ret->used, text);

	if (match != WHOLE)
		return match;
	const struct substitution *one = known(task->inject, name);
	if (one == NULL)
		task->why = not_meant;
	else if ((one->where & task->where) == 0)
		task->why = wrong_place;
	else
		ret->with = one->value;
	ret->form = ret->used > sizeof(name) ? INJECT_PERCENT : task->form;
	return WHOLE;
}

/* look_in() - the longest needle, once no longer one is possible */
static enum match look_in(struct found *ret, const struct inject_task *task, struct span text)
{
	bool partly = false;

	*ret = (struct found){ .form = INJECT_PLAIN };
	for (size_t i = 0; i < task->inject->needles_len; i++) {
		const struct inject_needle *needle = &task->inject->needles[i];
		bool whole = needle->text.len <= text.len;

		if (needle->text.len <= ret->used ||
		    memcmp(needle->text.ptr, text.ptr, whole ? needle->text.len : text.len) != 0)
			continue;
		partly = partly || !whole;
		if (whole) {
			ret->used = needle->text.len;
			ret->with = needle->with;
		}
	}
	return partly && !task->last ? PARTLY : ret->used > 0 ? WHOLE : NOTHING;
}

/* run_out() - octets at the front of @text with which no placeholder begins */
static size_t run_out(struct span text)
{
	size_t n = 0;

	while (n < text.len && text.ptr[n] != 'I' && text.ptr[n] != '%')
		n++;
	return n;
}

/* run_of() - the same, of whatever is looked for */
static size_t run_of(const struct inject_task *task, struct span text)
{
	size_t n = 0;

	if (task->where != 0)
		return run_out(text);
	while (n < text.len && !task->inject->starts[(uint8_t)text.ptr[n]])
		n++;
	return n;
}

/* copy() - as much as there is room for. Return: octets */
static size_t copy(struct inject_task *task, struct inject_room *room, struct span text, size_t len)
{
	if (len > room->size - room->used) {
		len = room->size - room->used;
		task->full = true;
	}
	(void)put_octets(room, text.ptr, len);
	return len;
}

size_t inject_change(struct inject_task *task, struct inject_room *room, struct span in)
{
	struct span rest = in;

	while (rest.len > 0) {
		struct found found = { 0 };
		size_t run = run_of(task, rest);

		rest = span_drop(rest, copy(task, room, rest, run));
		if (task->full || rest.len == 0)
			break;
		enum match match =
		    task->where != 0 ? look_out(&found, task, rest) : look_in(&found, task, rest);
		if (task->why != NULL || (match == PARTLY && !task->last))
			break;
		if (match != WHOLE) {
			rest = span_drop(rest, copy(task, room, rest, 1));
		} else if (inject_put(room, found.with, found.form)) {
			rest = span_drop(rest, found.used);
			task->count++;
		} else {
			task->full = true;
		}
		if (task->full)
			break;
	}
	return in.len - rest.len;
}

bool inject_finds(struct span text)
{
	char name[SUBSTITUTION_PLACEHOLDER_OCTETS];
	size_t used = 0;

	for (; text.len > 0; text = span_drop(text, 1))
		if ((text.ptr[0] == 'I' || text.ptr[0] == '%') &&
		    read_placeholder(name, &used, text) == WHOLE)
			return true;
	return false;
}

size_t inject_find(const char **why, const struct inject *inject, struct span in)
{
	char name[SUBSTITUTION_PLACEHOLDER_OCTETS];
	struct span rest = span_drop(in, run_out(in));
	size_t used = 0;

	for (; rest.len > 0; rest = span_drop(rest, run_out(rest))) {
		enum match match = read_placeholder(name, &used, rest);

		if (match == WHOLE) {
			const struct substitution *one = known(inject, name);

			*why = one == NULL                             ? not_meant
			       : (one->where & SUBSTITUTION_BODY) == 0 ? wrong_place
								       : unchangeable;
		}
		if (match != NOTHING)
			break;
		rest = span_drop(rest, 1);
	}
	return in.len - rest.len;
}
