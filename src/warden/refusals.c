// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: the first refusal of a thing is written at once, and the thing is remembered for
 * a second; what comes of it meanwhile is counted, and written with its count when the second is over,
 * from which on the next begins. There is room for so many things a second; what is beyond is only
 * counted. So a program that floods us makes some hundred lines a second, and one of another kind in
 * between still gets its own. Who floods us spends our time outside of its limits, so a line is made
 * only when one is written: whether a thing is known is told by its key, octets with a hash of them.
 *
 * The file is renamed when half of the room is used up, and takes the place of the one before: nothing
 * is read or copied. A line is written whole or taken back; then it counts as dropped.
 */
#include "warden/refusals.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/hash.h"
#include "warden/refusals_text.h"
#include "warden/remedy.h"
#include "warden/server_priv.h"
#include "warden/state_priv.h"

#define NOW    "refused.jsonl"
#define BEFORE "refused.jsonl.1"

enum {
	HALF_OCTETS = REFUSALS_OCTETS_MAX / 2,
	KEY_OCTETS_MAX = 4096,
	THINGS_MAX = 64,
	READ_TRIES_MAX = 3, /* while the halves change places */
};
static const int64_t SECOND_NS = 1000000000;

/* What a thing is told by. */
struct key {
	size_t len;
	char text[KEY_OCTETS_MAX];
};

/* One that was refused within the last second. */
struct thing {
	uint64_t hash; /* of its key */
	char *key;     /* owned */
	size_t key_len;
	json_t *line;                   /* owned: as it is written, but for count and ids */
	uint32_t ids[REFUSALS_IDS_MAX]; /* the oldest first */
	size_t ids_len;
	int64_t told_ns;
	uint64_t count; /* since then */
};

struct refusals {
	struct loop *loop;
	struct loop_timer timer; /* armed while there are things, or something is to be told */
	int dir, fd;
	bool broken; /* there can be no file */
	off_t size;
	uint64_t count, half_counts[2]; /* in all; of them written in the halves, the newer first */
	uint64_t dropped, dropped_told;
	struct thing things[THINGS_MAX]; /* the oldest first */
	size_t len;
};

static void drop(struct refusals *refusals, uint64_t count)
{
	refusals->dropped += count;
}

/* open_file() - what lies there already is not ours */
static void open_file(struct refusals *refusals)
{
	enum { FLAGS = O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC };

	refusals->fd = openat(refusals->dir, NOW, FLAGS, 0600);
	refusals->broken = refusals->fd < 0;
	refusals->size = 0;
	refusals->half_counts[0] = 0;
}

/* put() - @line: consumed. Return: is it written? */
static bool put(struct refusals *refusals, json_t *line)
{
	char text[REFUSALS_LINE_OCTETS_MAX];
	size_t len = line != NULL ? json_dumpb(line, text, sizeof(text) - 1, JSON_COMPACT) : 0;

	json_decref(line);
	if (len == 0 || len >= sizeof(text) || refusals->fd < 0)
		return false;
	text[len++] = '\n';
	if (fd_write_all(refusals->fd, (struct span){ text, len }) < 0) {
		(void)!ftruncate(refusals->fd, refusals->size);
		return false;
	}
	refusals->size += (off_t)len;
	return true;
}

static void tell_dropped(struct refusals *refusals)
{
	if (refusals->dropped == refusals->dropped_told)
		return;
	if (put(refusals, json_pack("{s:s, s:I, s:{s:I}}", "type", "dropped", "timestamp",
				    (json_int_t)clock_unix_s(), "dropped", "count",
				    (json_int_t)refusals->dropped)))
		refusals->dropped_told = refusals->dropped;
}

/* make_room() - for a line; the older half goes */
static void make_room(struct refusals *refusals)
{
	if (refusals->fd < 0 && !refusals->broken)
		open_file(refusals);
	if (refusals->fd < 0 || refusals->size <= HALF_OCTETS - 2 * REFUSALS_LINE_OCTETS_MAX)
		return;
	fd_close(&refusals->fd);
	drop(refusals, refusals->half_counts[1]);
	refusals->half_counts[1] = refusals->half_counts[0];
	refusals->broken = renameat(refusals->dir, NOW, refusals->dir, BEFORE) < 0;
	if (!refusals->broken)
		open_file(refusals);
	refusals->dropped_told = 0; /* the file that said so may go next */
	tell_dropped(refusals);
}

static json_t *ids_json(const struct thing *thing)
{
	json_t *ids = json_array();

	for (size_t i = 0; i < thing->ids_len; i++)
		(void)json_array_append_new(ids, json_sprintf("req-%08x", thing->ids[i]));
	return ids;
}

/* write_thing() - that it was refused @count times */
static void write_thing(struct refusals *refusals, struct thing *thing, uint64_t count)
{
	json_t *line = json_deep_copy(thing->line);
	json_t *network = json_object_get(line, "network");
	int r = json_object_set_new(network, "count", json_integer((json_int_t)count));

	r |= json_object_set_new(network, "request_ids", ids_json(thing));
	r |= json_object_set_new(line, "timestamp", json_integer((json_int_t)clock_unix_s()));
	make_room(refusals);
	if (r == 0 && put(refusals, line)) {
		refusals->half_counts[0] += count;
	} else {
		if (r < 0)
			json_decref(line);
		drop(refusals, count);
	}
	thing->ids_len = 0;
}

static void forget(struct refusals *refusals, size_t i)
{
	json_decref(refusals->things[i].line);
	free(refusals->things[i].key);
	refusals->len--;
	memmove(&refusals->things[i], &refusals->things[i + 1],
		(refusals->len - i) * sizeof(refusals->things[0]));
}

static void arm(struct refusals *refusals, int64_t now)
{
	if (refusals->len > 0)
		loop_arm(refusals->loop, &refusals->timer,
			 refusals->things[0].told_ns + SECOND_NS - now);
	else if (refusals->dropped != refusals->dropped_told && !refusals->broken)
		loop_arm(refusals->loop, &refusals->timer, SECOND_NS);
}

/* first_second_over() - write what came in it of the oldest thing, or forget that */
static void first_second_over(struct refusals *refusals, int64_t now)
{
	struct thing thing = refusals->things[0];

	if (thing.count == 0) {
		forget(refusals, 0);
		return;
	}
	write_thing(refusals, &thing, thing.count);
	thing.count = 0;
	thing.told_ns = now;
	memmove(&refusals->things[0], &refusals->things[1],
		(refusals->len - 1) * sizeof(refusals->things[0]));
	refusals->things[refusals->len - 1] = thing;
}

static void timer_fired(struct loop_timer *timer)
{
	struct refusals *refusals = container_of(timer, struct refusals, timer);
	int64_t now = clock_mono_ns();

	while (refusals->len > 0 && refusals->things[0].told_ns + SECOND_NS <= now)
		first_second_over(refusals, now);
	make_room(refusals);
	tell_dropped(refusals);
	arm(refusals, now);
}

/* add() - a field to @key, with an end that no field holds; what there is no room for is cut */
static void add(struct key *key, struct span field)
{
	size_t room = sizeof(key->text) - 1 - key->len;
	size_t len = field.len < room ? field.len : room;

	if (len > 0)
		memcpy(key->text + key->len, field.ptr, len);
	key->len += len;
	if (key->len < sizeof(key->text) - 1)
		key->text[key->len++] = '\0';
}

/* key_of() - two refusals are about the same thing if their keys are equal */
static void key_of(struct key *ret, const struct egress_report *report)
{
	char head[64];
	struct span target = report->target;
	int len = snprintf(head, sizeof(head), "%d %u %d %u", (int)report->kind, report->port,
			   report->https, report->status);

	if (target.len > REFUSALS_URL_OCTETS_MAX) /* the rest is not written either */
		target.len = REFUSALS_URL_OCTETS_MAX;
	ret->len = 0;
	add(ret, (struct span){ head, (size_t)len });
	add(ret, span_of(report->host));
	add(ret, span_of(report->protocol != NULL ? report->protocol : ""));
	add(ret, span_of(report->rule));
	add(ret, report->method);
	add(ret, target);
	add(ret, span_of(report->why));
}

static void cut_url(json_t *network)
{
	static const char more[] = "...";
	const char *url = json_string_value(json_object_get(network, "url"));
	char cut[REFUSALS_URL_OCTETS_MAX + 1];

	if (url == NULL || strlen(url) <= REFUSALS_URL_OCTETS_MAX)
		return;
	memcpy(cut, url, sizeof(cut) - sizeof(more)); /* visible ASCII: no character is cut */
	memcpy(cut + sizeof(cut) - sizeof(more), more, sizeof(more));
	(void)json_object_set_new(network, "url", json_string(cut));
}

/* line_of() - owned; NULL: out of memory */
static json_t *line_of(const struct egress_report *report)
{
	json_t *line = network_event(report);
	json_t *remedy = remedy_of(report);

	cut_url(json_object_get(line, "network"));
	(void)json_object_del(json_object_get(line, "network"), "request_id");
	if (json_object_set_new(line, "remedy", remedy != NULL ? remedy : json_null()) == 0)
		return line;
	json_decref(line);
	return NULL;
}

/* add_id() - the newest stay */
static void add_id(struct thing *thing, uint32_t id)
{
	if (id == 0)
		return;
	if (thing->ids_len == REFUSALS_IDS_MAX)
		memmove(&thing->ids[0], &thing->ids[1], --thing->ids_len * sizeof(thing->ids[0]));
	thing->ids[thing->ids_len++] = id;
}

/* begin() - a thing that was not refused within the last second */
static void begin(struct refusals *refusals, const struct egress_report *report,
		  const struct key *key, uint64_t hash, uint64_t count)
{
	struct thing *thing = &refusals->things[refusals->len];
	json_t *line = line_of(report);
	char *text = malloc(key->len);

	if (line == NULL || text == NULL) {
		json_decref(line);
		free(text);
		drop(refusals, count);
		return;
	}
	memcpy(text, key->text, key->len);
	*thing = (struct thing){ .hash = hash,
				 .key = text,
				 .key_len = key->len,
				 .line = line,
				 .told_ns = clock_mono_ns() };
	refusals->len++;
	add_id(thing, report->id);
	write_thing(refusals, thing, count);
}

static bool is_thing(const struct thing *thing, const struct key *key, uint64_t hash)
{
	return thing->hash == hash && thing->key_len == key->len &&
	       memcmp(thing->key, key->text, key->len) == 0;
}

static void note(struct refusals *refusals, const struct egress_report *report, uint64_t count)
{
	struct key key;
	size_t i = 0;

	key_of(&key, report);
	uint64_t hash = hash_octets64((struct span){ key.text, key.len });
	while (i < refusals->len && !is_thing(&refusals->things[i], &key, hash))
		i++;
	if (i < refusals->len) {
		refusals->things[i].count += count;
		add_id(&refusals->things[i], report->id);
	} else if (i < THINGS_MAX) {
		begin(refusals, report, &key, hash, count);
	} else {
		drop(refusals, count);
	}
}

void refusals_note(struct refusals *refusals, const struct egress_report *report)
{
	uint64_t count =
	    report->kind == EGRESS_PACKETS || report->kind == EGRESS_DROPPED ? report->count : 1;

	if (!report->blocked && report->kind != EGRESS_DROPPED)
		return;
	refusals->count += count;
	if (report->kind == EGRESS_DROPPED)
		drop(refusals, count);
	else
		note(refusals, report, count);
	if (refusals->timer.deadline_ns == 0)
		arm(refusals, clock_mono_ns());
}

uint64_t refusals_count(const struct refusals *refusals)
{
	return refusals != NULL ? refusals->count : 0;
}

int refusals_open(struct refusals **ret, struct loop *loop, int dir)
{
	struct refusals *refusals = calloc(1, sizeof(*refusals));

	if (refusals == NULL)
		return -ENOMEM;
	refusals->loop = loop;
	refusals->dir = dir;
	refusals->fd = -1;
	refusals->timer.fired = timer_fired;
	*ret = refusals;
	return 0;
}

void refusals_flush(struct refusals *refusals)
{
	if (refusals == NULL)
		return;
	for (; refusals->len > 0; forget(refusals, 0))
		if (refusals->things[0].count > 0)
			write_thing(refusals, &refusals->things[0], refusals->things[0].count);
	if (refusals->dropped > 0)
		make_room(refusals);
	tell_dropped(refusals);
	loop_disarm(&refusals->timer);
}

void refusals_close(struct refusals *refusals)
{
	if (refusals == NULL)
		return;
	refusals_flush(refusals);
	fd_close(&refusals->fd);
	free(refusals);
}

/* read_half() - Return: 0, also if there is none or it is damaged; -errno: we lack something */
static int read_half(struct refusals_list *list, char *buffer, int dir, const char *name)
{
	struct span text = { 0 };
	int r = state_files_read(&text, buffer, HALF_OCTETS, dir, name);

	if (r == 0)
		return refusals_text_add(list, text);
	return r == -EMFILE || r == -ENFILE || r == -ENOMEM ? r : 0;
}

/* inode_of() - 0: there is none */
static ino_t inode_of(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_ino : 0;
}

int refusals_read(json_t **ret, int dir)
{
	struct refusals_list list = { 0 };
	char *buffer = malloc(HALF_OCTETS);
	int r = buffer != NULL ? 0 : -ENOMEM;
	bool whole = false;

	for (int i = 0; r == 0 && !whole && i < READ_TRIES_MAX; i++) {
		ino_t before = inode_of(dir, BEFORE);

		json_decref(list.by_key);
		list = (struct refusals_list){ 0 };
		r = read_half(&list, buffer, dir, BEFORE);
		if (r == 0)
			r = read_half(&list, buffer, dir, NOW);
		whole = inode_of(dir, BEFORE) == before;
	}
	free(buffer);
	json_t *json = r == 0 ? refusals_text_json(&list) : NULL;
	if (json == NULL) {
		json_decref(list.by_key);
		return r < 0 ? r : -ENOMEM;
	}
	*ret = json;
	return 0;
}
