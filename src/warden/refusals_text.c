// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a line is unpacked strictly, its texts and numbers are held against their
 * bounds, and it is then added to the entry of the same method, url, reason and rule, or becomes one.
 * A later entry moves to the end, since jansson keeps the order in which keys were set.
 */
#include "warden/refusals_text.h"

#include <errno.h>

#include "warden/owner.h"
#include "warden/refusals.h"
#include "warden/remedy.h"

enum {
	METHOD_OCTETS_MAX = 32,
	REASON_OCTETS_MAX = 1024,
	RULE_OCTETS_MAX = 64,
	STATUS_MAX = 999,
	ENTRY_IDS_MAX = 64, /* the newest */
	ID_OCTETS = sizeof("req-0000002a") - 1,
	PID_MAX = 4 * 1024 * 1024, /* linux/threads.h */
};
static const json_int_t COUNT_MAX = INT64_C(1) << 48; /* sums of it do not overflow */
static const json_int_t TIME_MAX = INT64_C(1) << 40;

struct line {
	json_int_t timestamp, status, count;
	const char *method, *url, *reason, *rule;
	json_t *ids, *remedy, *process; /* borrowed; the process may be NULL */
};

static bool is_id(const json_t *value)
{
	const char *text = json_string_value(value);

	return text != NULL && strlen(text) == ID_OCTETS && strncmp(text, "req-", 4) == 0 &&
	       strspn(text + 4, "0123456789abcdef") == ID_OCTETS - 4;
}

static bool are_ids(const json_t *list)
{
	if (!json_is_array(list) || json_array_size(list) > REFUSALS_IDS_MAX)
		return false;
	for (size_t i = 0; i < json_array_size(list); i++)
		if (!is_id(json_array_get(list, i)))
			return false;
	return true;
}

static bool is_process(json_t *value)
{
	const char *program = NULL;
	json_int_t pid = 0;

	return json_unpack(value, "{s:I, s:s!}", "pid", &pid, "program", &program) == 0 &&
	       pid > 0 && pid <= PID_MAX && strlen(program) < OWNER_PROGRAM_OCTETS;
}

static bool is_sound(const struct line *line)
{
	return line->timestamp >= 0 && line->timestamp <= TIME_MAX && line->status >= 0 &&
	       line->status <= STATUS_MAX && line->count >= 1 && line->count <= COUNT_MAX &&
	       strlen(line->method) <= METHOD_OCTETS_MAX &&
	       strlen(line->url) <= REFUSALS_URL_OCTETS_MAX &&
	       strlen(line->reason) <= REASON_OCTETS_MAX && strlen(line->rule) <= RULE_OCTETS_MAX &&
	       are_ids(line->ids) && (line->process == NULL || is_process(line->process)) &&
	       (json_is_null(line->remedy) || remedy_is_sound(line->remedy));
}

/* read_line() - Return: false: it is none of ours */
static bool read_line(struct line *ret, json_t *tree)
{
	const char *type = NULL;
	int blocked = 0;
	json_t *remedy = NULL;

	ret->process = NULL;
	if (json_unpack(tree, "{s:s, s:I, s?o, s:{s:s, s:s, s:I, s:s, s:s, s:b, s:I, s:o, s?o}}",
			"type", &type, "timestamp", &ret->timestamp, "remedy", &remedy, "network",
			"method", &ret->method, "url", &ret->url, "status_code", &ret->status,
			"reason", &ret->reason, "rule", &ret->rule, "blocked", &blocked, "count",
			&ret->count, "request_ids", &ret->ids, "process", &ret->process) < 0)
		return false;
	ret->remedy = remedy != NULL ? remedy : json_null();
	return strcmp(type, "network") == 0 && blocked && is_sound(ret);
}

/* read_dropped() - Return: false: that is not what it says */
static bool read_dropped(uint64_t *ret, json_t *tree)
{
	const char *type = NULL;
	json_int_t timestamp = 0, count = 0;

	if (json_unpack(tree, "{s:s, s:I, s:{s:I!}!}", "type", &type, "timestamp", &timestamp,
			"dropped", "count", &count) < 0 ||
	    strcmp(type, "dropped") != 0 || count < 0 || count > COUNT_MAX)
		return false;
	*ret = (uint64_t)count;
	return true;
}

static json_t *entry_new(const struct line *line)
{
	return json_pack("{s:s, s:s, s:I, s:s, s:s, s:I, s:I, s:I, s:[], s:O}", "method",
			 line->method, "url", line->url, "status_code", line->status, "reason",
			 line->reason, "rule", line->rule, "count", (json_int_t)0, "first",
			 line->timestamp, "last", line->timestamp, "request_ids", "remedy",
			 line->remedy);
}

static json_int_t number(const json_t *entry, const char *name)
{
	return json_integer_value(json_object_get(entry, name));
}

/* entry_add() - Return: 0 or -ENOMEM */
static int entry_add(json_t *entry, const struct line *line)
{
	json_t *ids = json_object_get(entry, "request_ids");
	json_int_t count = number(entry, "count"), last = number(entry, "last");
	int r = json_array_extend(ids, line->ids);

	while (json_array_size(ids) > ENTRY_IDS_MAX)
		(void)json_array_remove(ids, 0);
	count = count > COUNT_MAX - line->count ? COUNT_MAX : count + line->count;
	r |= json_object_set_new(entry, "count", json_integer(count));
	if (line->timestamp > last)
		r |= json_object_set_new(entry, "last", json_integer(line->timestamp));
	if (line->process != NULL)
		r |= json_object_set(entry, "process", line->process);
	return r < 0 ? -ENOMEM : 0;
}

/* put_line() - add it to its entry, which becomes the last one. Return: 0 or -ENOMEM */
static int put_line(struct refusals_list *list, const struct line *line)
{
	json_t *key =
	    json_sprintf("%s\n%s\n%s\n%s", line->method, line->url, line->reason, line->rule);
	const char *name = json_string_value(key);
	json_t *entry = name != NULL ? json_object_get(list->by_key, name) : NULL;
	int r = name != NULL ? 0 : -ENOMEM;

	if (r == 0 && entry != NULL) {
		json_incref(entry);
		(void)json_object_del(list->by_key, name);
	} else if (r == 0) {
		entry = entry_new(line);
	}
	if (r == 0)
		r = entry != NULL ? entry_add(entry, line) : -ENOMEM;
	if (r == 0 && json_object_set(list->by_key, name, entry) < 0)
		r = -ENOMEM;
	json_decref(entry);
	json_decref(key);
	return r;
}

static int add_line(struct refusals_list *list, struct span text)
{
	json_t *tree = text.len <= REFUSALS_LINE_OCTETS_MAX
			   ? json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, NULL)
			   : NULL;
	struct line line;
	uint64_t dropped = 0;
	int r = 0;

	if (tree != NULL && read_line(&line, tree))
		r = put_line(list, &line);
	else if (tree == NULL || !read_dropped(&dropped, tree))
		list->dropped += list->dropped < UINT32_MAX;
	else if (dropped > list->dropped)
		list->dropped = dropped; /* each says it of all before */
	json_decref(tree);
	return r;
}

int refusals_text_add(struct refusals_list *list, struct span text)
{
	int r = 0;

	if (list->by_key == NULL)
		list->by_key = json_object();
	if (list->by_key == NULL)
		return -ENOMEM;
	while (r == 0 && text.ptr != NULL && text.len > 0)
		r = add_line(list, span_cut(&text, '\n'));
	return r;
}

json_t *refusals_text_json(struct refusals_list *list)
{
	json_t *refused = json_array(), *entry = NULL;
	const char *key = NULL;
	bool failed = refused == NULL;

	json_object_foreach(list->by_key, key, entry)
	{
		failed |= json_array_append(refused, entry) < 0;
	}
	json_decref(list->by_key);
	json_t *ret =
	    json_pack("{s:o, s:I}", "refused", refused, "dropped", (json_int_t)list->dropped);
	*list = (struct refusals_list){ 0 };
	if (!failed)
		return ret;
	json_decref(ret);
	return NULL;
}
