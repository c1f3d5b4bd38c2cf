// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: what a request may have comes with its verdict and is kept until its response is
 * over. A Basic credential is decoded, changed and encoded again; what became of it is remembered, for
 * a server that echoes heads shows it in that form.
 */
#include "gateway/inject.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#include "gateway/inject_priv.h"
#include "wire/base64.h"

enum { BASIC_OCTETS_MAX = INJECT_TEXT_OCTETS_MAX };

static void wipe_free(char **octets, size_t len)
{
	if (*octets != NULL)
		explicit_bzero(*octets, len);
	free(*octets);
	*octets = NULL;
}

static void add_needle(struct inject *inject, struct span text, struct span with)
{
	inject->needles[inject->needles_len++] = (struct inject_needle){ text, with };
	inject->starts[(uint8_t)text.ptr[0]] = true;
}

/* add_form() - @value with what @put makes of it, unless that is nothing new */
static void add_form(struct inject *inject, const struct substitution *one, enum inject_form form)
{
	struct inject_room room = { inject->forms, inject->forms_size, inject->forms_len };
	struct span text = { inject->forms + inject->forms_len, 0 };

	if (!inject_put(&room, one->value, form))
		return;
	text.len = room.used - inject->forms_len;
	if (text.len == one->value.len)
		return;
	inject->forms_len = room.used;
	add_needle(inject, text, one->placeholder);
}

/* add_slashes() - JSON in which '/' is escaped as well, as PHP has it */
static void add_slashes(struct inject *inject, const struct substitution *one)
{
	char *to = inject->forms + inject->forms_len;
	size_t len = 0;

	if (memchr(one->value.ptr, '/', one->value.len) == NULL)
		return;
	for (size_t i = 0; i < one->value.len; i++) {
		char c = one->value.ptr[i];

		if (c == '/' || c == '"' || c == '\\')
			to[len++] = '\\';
		to[len++] = c;
	}
	inject->forms_len += len;
	add_needle(inject, (struct span){ to, len }, one->placeholder);
}

static int make_needles(struct inject *inject)
{
	inject->forms_size = 7 * inject->data_len; /* 3 of %XX, 2 of each JSON */
	inject->forms = malloc(inject->forms_size);
	if (inject->forms == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < inject->list.count; i++) {
		const struct substitution *one = &inject->list.at[i];

		add_needle(inject, one->value, one->placeholder);
		add_form(inject, one, INJECT_PERCENT);
		add_form(inject, one, INJECT_JSON);
		add_slashes(inject, one);
	}
	return 0;
}

int inject_new(struct inject **ret, struct span data)
{
	if (data.len == 0) {
		*ret = NULL;
		return 0;
	}
	struct inject *inject = calloc(1, sizeof(*inject));
	if (inject == NULL)
		return -ENOMEM;
	inject->data_len = data.len;
	inject->data = malloc(data.len);
	int r = inject->data == NULL ? -ENOMEM : 0;
	if (r == 0) {
		memcpy(inject->data, data.ptr, data.len);
		r = substitutions_decode(&inject->list, (struct span){ inject->data, data.len });
	}
	if (r == 0)
		r = make_needles(inject);
	if (r < 0) {
		inject_free(inject);
		return r;
	}
	*ret = inject;
	return 0;
}

void inject_free(struct inject *inject)
{
	if (inject == NULL)
		return;
	wipe_free(&inject->data, inject->data_len);
	wipe_free(&inject->forms, inject->forms_size);
	wipe_free(&inject->basic, inject->basic_len);
	free(inject);
}

bool inject_has(const struct inject *inject, unsigned where)
{
	for (size_t i = 0; inject != NULL && i < inject->list.count; i++)
		if ((inject->list.at[i].where & where) != 0)
			return true;
	return false;
}

/* change_all() - a text that is whole */
static enum inject_verdict change_all(struct span *ret, const char **why, struct inject_task *task,
				      struct inject_room *room, struct span text)
{
	char *at = room->ptr + room->used;
	size_t before = room->used;

	task->last = true;
	size_t used = inject_change(task, room, text);
	if (task->why != NULL || used < text.len) {
		*why = task->why != NULL ? task->why : "with its secrets the request is too long";
		return INJECT_REFUSED;
	}
	*ret = task->count > 0 ? (struct span){ at, room->used - before } : text;
	if (task->count == 0)
		room->used = before;
	return task->count > 0 ? INJECT_CHANGED : INJECT_AS_IS;
}

static bool is_name(struct span name, const char *want)
{
	return name.len == strlen(want) && strncasecmp(name.ptr, want, name.len) == 0;
}

/* keep_basic() - what was sent, and what stood for it. Return: false: no memory, or a second one */
static bool keep_basic(struct inject *inject, struct span sent, struct span came)
{
	if (inject->basic != NULL || sent.ptr == NULL || sent.len == 0 || came.len == 0)
		return false;
	inject->basic_len = sent.len + came.len;
	inject->basic = malloc(inject->basic_len);
	if (inject->basic == NULL)
		return false;
	memcpy(inject->basic, sent.ptr, sent.len);
	memcpy(inject->basic + sent.len, came.ptr, came.len);
	add_needle(inject, (struct span){ inject->basic, sent.len },
		   (struct span){ inject->basic + sent.len, came.len });
	return true;
}

/* put_basic() - @plain, which holds a placeholder, as a credential. @came: its base64 */
static enum inject_verdict put_basic(struct span *ret, const char **why, struct inject *inject,
				     struct inject_room *room, struct span plain, struct span came)
{
	struct inject_task task = { .inject = inject, .where = SUBSTITUTION_BASIC };
	struct buf encoded = BUF_SECRET(BASIC_OCTETS_MAX);
	struct span changed = { 0 };
	enum inject_verdict verdict = change_all(&changed, why, &task, room, plain);
	char *at = room->ptr + room->used;

	if (verdict != INJECT_CHANGED)
		return verdict;
	if (base64_encode(&encoded, changed) < 0 ||
	    !inject_put(room, SPAN("Basic "), INJECT_PLAIN) ||
	    !inject_put(room, buf_span(&encoded), INJECT_PLAIN) ||
	    !keep_basic(inject, buf_span(&encoded), came)) {
		*why = "a second Basic credential, or one that is too long";
		verdict = INJECT_REFUSED;
	} else {
		*ret = (struct span){ at, (size_t)(room->ptr + room->used - at) };
	}
	buf_free(&encoded);
	return verdict;
}

/* change_basic() - Return: AS_IS: it is no such credential, or has no placeholder within */
static enum inject_verdict change_basic(struct span *ret, const char **why, struct inject *inject,
					struct inject_room *room, struct span value)
{
	static const char scheme[] = "basic";
	struct buf plain = BUF(BASIC_OCTETS_MAX);
	enum inject_verdict verdict = INJECT_AS_IS;

	*ret = value;
	if (value.len <= sizeof(scheme) ||
	    strncasecmp(value.ptr, scheme, sizeof(scheme) - 1) != 0 ||
	    value.ptr[sizeof(scheme) - 1] != ' ')
		return INJECT_AS_IS;
	struct span came = span_trim(span_drop(value, sizeof(scheme)));
	if (base64_decode(&plain, came) == 0 && inject_finds(buf_span(&plain)))
		verdict = put_basic(ret, why, inject, room, buf_span(&plain), came);
	buf_free(&plain);
	return verdict;
}

enum inject_verdict inject_field(struct span *ret, const char **why, struct inject *inject,
				 struct inject_room *room, struct span name, struct span value)
{
	struct inject_task task = { .inject = inject, .where = SUBSTITUTION_HEADER };

	if (inject_finds(name)) {
		*why = "a placeholder of a secret in the name of a field";
		return INJECT_REFUSED;
	}
	if (is_name(name, "authorization") || is_name(name, "proxy-authorization")) {
		enum inject_verdict verdict = change_basic(ret, why, inject, room, value);

		if (verdict != INJECT_AS_IS)
			return verdict;
	}
	*ret = value;
	return inject_finds(value) ? change_all(ret, why, &task, room, value) : INJECT_AS_IS;
}

enum inject_verdict inject_target(struct span *ret, const char **why, const struct inject *inject,
				  struct inject_room *room, struct span path, struct span text)
{
	struct inject_task task = { .inject = inject,
				    .where = SUBSTITUTION_QUERY,
				    .form = INJECT_PERCENT };

	if (inject_finds(path)) {
		*why = "a placeholder of a secret in the path, where none may stand";
		return INJECT_REFUSED;
	}
	*ret = text;
	return inject_finds(text) ? change_all(ret, why, &task, room, text) : INJECT_AS_IS;
}

bool inject_skips_field(const struct inject *inject, struct span name)
{
	static const char *const names[] = { "accept-encoding", "range", "if-range",
					     "sec-websocket-extensions" };

	for (size_t i = 0; inject != NULL && i < ARRAY_SIZE(names); i++)
		if (is_name(name, names[i]))
			return true;
	return false;
}

enum inject_verdict inject_hide(struct span *ret, const struct inject *inject,
				struct inject_room *room, struct span value)
{
	struct inject_task task = { .inject = inject };
	const char *why = NULL;

	*ret = value;
	return inject == NULL ? INJECT_AS_IS : change_all(ret, &why, &task, room, value);
}

static bool holds(struct span text, struct span word)
{
	for (size_t i = 0; i + word.len <= text.len; i++)
		if (strncasecmp(text.ptr + i, word.ptr, word.len) == 0)
			return true;
	return false;
}

bool inject_shows_name(const struct inject *inject, struct span name)
{
	for (size_t i = 0; inject != NULL && i < inject->needles_len; i++)
		if (holds(name, inject->needles[i].text))
			return true;
	return false;
}

static bool is_grpc(struct span type)
{
	return holds(type, SPAN("application/grpc"));
}

bool inject_changes_body(const struct inject *inject, struct span content_type)
{
	return inject_has(inject, SUBSTITUTION_BODY) && !is_grpc(span_cut(&content_type, ';'));
}

enum inject_form inject_form_of(struct span content_type)
{
	struct span type = span_cut(&content_type, ';');

	return holds(type, SPAN("json"))                    ? INJECT_JSON
	       : holds(type, SPAN("x-www-form-urlencoded")) ? INJECT_PERCENT
							    : INJECT_PLAIN;
}

bool inject_is_text(struct span content_type)
{
	static const char *const words[] = {
		"text/", "json", "xml", "javascript", "x-www-form-urlencoded", "yaml", "graphql"
	};
	struct span type = span_cut(&content_type, ';');

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (holds(type, span_of(words[i])))
			return !is_grpc(type);
	return type.len == 0;
}

size_t inject_body(struct inject_body *body, struct inject_room *room, struct span in, bool last)
{
	struct inject_task task = { .inject = body->inject,
				    .where = body->hide ? 0 : SUBSTITUTION_BODY,
				    .form = body->form,
				    .last = last };
	size_t used = inject_change(&task, room, in);

	body->full = task.full;
	body->why = task.why;
	return used;
}
