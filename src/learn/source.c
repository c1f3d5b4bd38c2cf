// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: the ledger says which logs there are and whose they are. Of each the parts that were put
 * aside are read, then the one that is written to, which was opened before: what is put aside meanwhile is read
 * by its descriptor. Ends of effects have nothing that is learned from, and are half of all lines: they are known
 * by their beginning and never taken apart.
 */
#include "learn/source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "audit/files.h"
#include "base/fd.h"

enum { APP_OCTETS = 129 }; /* with its NUL: docs/schemas/audit-entry.v1.json */

/* A log and whose it is. */
struct source {
	char log[AUDIT_LOG_NAME_OCTETS];
	char app[APP_OCTETS];
};

struct reading {
	struct learn *learn;
	const struct learn_filter *filter;
	int folder;             /* borrowed */
	struct source *sources; /* owned; in the order of their names */
	size_t len, size;
	const char *whose; /* of the log that is read; "": nobody says */
	char room[AUDIT_LINE_OCTETS_MAX];
};

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct source *)a)->log, ((const struct source *)b)->log);
}

static struct source *find(struct reading *reading, const char *log)
{
	struct source wanted = { 0 };

	(void)snprintf(wanted.log, sizeof(wanted.log), "%s", log);
	return reading->len == 0
		   ? NULL
		   : bsearch(&wanted, reading->sources, reading->len, sizeof(wanted), by_name);
}

static int add_source(struct reading *reading, const char *log)
{
	if (reading->len == LEARN_LOGS_MAX)
		return -ENOSPC;
	if (reading->len == reading->size) {
		size_t size = reading->size > 0 ? 2 * reading->size : 64;
		struct source *more = realloc(reading->sources, size * sizeof(*more));

		if (more == NULL)
			return -ENOMEM;
		reading->sources = more;
		reading->size = size;
	}
	struct source *source = &reading->sources[reading->len++];
	*source = (struct source){ 0 };
	(void)snprintf(source->log, sizeof(source->log), "%s", log);
	return 0;
}

/* list() - every log once, sorted. A log has always a file that was not put aside, or is being put aside */
static int list(struct reading *reading)
{
	char log[AUDIT_LOG_NAME_OCTETS];
	unsigned part = 0;
	const struct dirent *entry = NULL;
	int fd = openat(reading->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	if (dir == NULL) {
		r = -errno;
		fd_close(&fd);
		return r;
	}
	while (r == 0 && (entry = readdir(dir)) != NULL)
		if (audit_file_split(log, &part, entry->d_name) && part <= 1 &&
		    strcmp(log, AUDIT_LEDGER) != 0)
			r = add_source(reading, log);
	(void)closedir(dir);
	if (reading->len > 1)
		qsort(reading->sources, reading->len, sizeof(reading->sources[0]), by_name);
	size_t len = 0;
	for (size_t i = 0; i < reading->len; i++)
		if (len == 0 || by_name(&reading->sources[len - 1], &reading->sources[i]) != 0)
			reading->sources[len++] = reading->sources[i];
	reading->len = len;
	return r;
}

/* Return: 0; 1: it does not read to its end; -errno */
static int each_line(struct reading *reading, int fd, uint32_t log,
		     int (*each)(struct reading *reading, struct span line, uint32_t log))
{
	struct audit_lines lines = { 0 };
	struct span line = { 0 };
	int r = audit_lines_open(&lines, fd, 0);

	if (r < 0)
		return r;
	while ((r = audit_lines_next(&line, &lines)) == 1) {
		r = each(reading, line, log);
		if (r != 0)
			break;
	}
	audit_lines_close(&lines);
	return r == -E2BIG || r == -EIO ? 1 : r;
}

/* ledger_line() - the app of a log that was opened */
static int ledger_line(struct reading *reading, struct span line, uint32_t log)
{
	char name[AUDIT_LOG_NAME_OCTETS];
	struct audit_entry entry;
	struct diag diag;

	(void)log;
	if (audit_parse(&entry, line, &diag) < 0)
		return 1;
	audit_unescape(&entry, reading->room);
	if (entry.ledger.app.ptr == NULL || !span_is(entry.ledger.event, "opened") ||
	    entry.ledger.log.len >= sizeof(name) || entry.ledger.app.len >= APP_OCTETS)
		return 0;
	(void)snprintf(name, sizeof(name), "%.*s", (int)entry.ledger.log.len, entry.ledger.log.ptr);
	struct source *source = find(reading, name);
	if (source != NULL)
		(void)snprintf(source->app, sizeof(source->app), "%.*s", (int)entry.ledger.app.len,
			       entry.ledger.app.ptr);
	return 0;
}

static int read_ledger(struct reading *reading, unsigned *bad)
{
	char name[AUDIT_FILE_NAME_OCTETS];

	audit_file_name(name, AUDIT_LEDGER, 0);
	CLEANUP_FD int fd = audit_file_open(reading->folder, name);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	int r = each_line(reading, fd, 0, ledger_line);
	*bad += r == 1;
	return r == 1 ? 0 : r;
}

/* is_end() - of an effect. The phase follows the id, which our own programs made: nothing that a program of a
 * sandbox wrote stands before it. */
static bool is_end(struct span line)
{
	enum { AT_MOST = 512 };
	static const char id[] = "\",\"request_id\":\"", phase[] = "\",\"phase\":\"end\"";
	const size_t len = line.len < AT_MOST ? line.len : AT_MOST;
	const char *at = memmem(line.ptr, len, id, sizeof(id) - 1);

	if (at == NULL)
		return false;
	at += sizeof(id) - 1;
	at = memchr(at, '"', len - (size_t)(at - line.ptr));
	return at != NULL && len - (size_t)(at - line.ptr) >= sizeof(phase) - 1 &&
	       memcmp(at, phase, sizeof(phase) - 1) == 0;
}

/* is_of() - does the entry count for the app that is asked about? */
static bool is_of(const struct reading *reading, const struct audit_entry *entry)
{
	const struct learn_filter *filter = reading->filter;

	if (filter->app == NULL)
		return true;
	if (entry->actor.app.len > 0)
		return span_is(entry->actor.app, filter->app);
	return strcmp(reading->whose, filter->app) == 0 ||
	       (reading->whose[0] == '\0' && filter->sandbox != NULL);
}

static int log_line(struct reading *reading, struct span line, uint32_t log)
{
	struct audit_entry entry;
	struct diag diag;

	if (is_end(line))
		return 0;
	if (audit_parse(&entry, line, &diag) < 0)
		return 1;
	if (!audit_is_entry(&entry) || entry.time_ns < reading->filter->since_ns)
		return 0;
	audit_unescape(&entry, reading->room);
	return is_of(reading, &entry) ? learn_add(reading->learn, &entry, log) : 0;
}

/* read_log() - Return: 0; 1: it does not read to its end; -errno */
static int read_log(struct reading *reading, const char *log)
{
	char name[AUDIT_FILE_NAME_OCTETS];
	uint32_t number = 0;
	bool bad = false;

	audit_file_name(name, log, 0);
	CLEANUP_FD int last = audit_file_open(reading->folder, name);
	const unsigned parts = audit_parts(reading->folder, log);
	int r = learn_log(&number, reading->learn, log);
	for (unsigned part = 1; r >= 0 && part <= parts; part++) {
		audit_file_name(name, log, part);
		CLEANUP_FD int fd = audit_file_open(reading->folder, name);
		r = fd < 0 ? 1 : each_line(reading, fd, number, log_line);
		bad = bad || r == 1;
	}
	if (r >= 0 && last >= 0)
		r = each_line(reading, last, number, log_line);
	return r < 0 ? r : bad || r == 1;
}

static int read_all(unsigned *bad, struct reading *reading)
{
	const char *one = reading->filter->sandbox;
	int r = list(reading);

	if (r == 0)
		r = read_ledger(reading, bad);
	for (size_t i = 0; r >= 0 && i < reading->len; i++)
		if (one == NULL || strcmp(one, reading->sources[i].log) == 0) {
			reading->whose = reading->sources[i].app;
			r = read_log(reading, reading->sources[i].log);
			*bad += r == 1;
		}
	return r < 0 ? r : 0;
}

int learn_read(unsigned *ret_bad, struct learn *learn, int folder,
	       const struct learn_filter *filter, struct diag *diag)
{
	struct reading *reading = calloc(1, sizeof(*reading));

	*ret_bad = 0;
	if (reading == NULL)
		return diag_set(diag, -ENOMEM, "out of memory");
	reading->learn = learn;
	reading->filter = filter;
	reading->folder = folder;
	int r = read_all(ret_bad, reading);
	free(reading->sources);
	free(reading);
	return r == 0 ? 0
		      : diag_set(diag, r, "the audit logs cannot be read: %s", strerrordesc_np(-r));
}
