// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: the ledger first, which gives a list of logs: when each was opened and closed, and
 * with each close how many lines it had and the hash of the last. Then each log of the list, all
 * its parts as one chain, which must come to each of these ends, and at last whether there are files of
 * logs that the list does not have.
 *
 * Sandboxes go on meanwhile. What they write is no matter, but one that starts has a file the list does not
 * have, and one that opens its log again goes on behind its end. The ledger is told before anything is
 * written: so where something is wrong and the ledger has grown, it is read anew, and the log looked at once
 * more.
 */
#include "audit/verify.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "audit/audit.h"
#include "audit/key.h"
#include "audit/verify_priv.h"
#include "base/fd.h"

enum { LOGS_MAX = 4 * 1024 * 1024, TRIES_MAX = 3 };

struct ledger {
	struct chain chain;
	struct known *known; /* owned; by log and, of each, in the order of the ledger */
	size_t len, capacity;
	off_t size; /* of its file, before that was read */
};

static int by_name(const void *a, const void *b)
{
	const struct known *one = a, *other = b;
	int order = strcmp(one->log, other->log);

	if (order != 0)
		return order;
	return (one->order > other->order) - (one->order < other->order);
}

static int known_add(struct ledger *ledger, const struct known *known)
{
	if (ledger->len == ledger->capacity) {
		size_t capacity = ledger->capacity > 0 ? 2 * ledger->capacity : 64;
		struct known *more = capacity <= LOGS_MAX
					 ? reallocarray(ledger->known, capacity, sizeof(*more))
					 : NULL;

		if (more == NULL)
			return -ENOMEM;
		ledger->known = more;
		ledger->capacity = capacity;
	}
	ledger->known[ledger->len] = *known;
	ledger->known[ledger->len].order = ledger->len;
	ledger->len++;
	return 0;
}

static int ledger_line(struct chain *chain, const struct audit_entry *entry)
{
	struct ledger *ledger = container_of(chain, struct ledger, chain);
	struct known known = { .is_closed = span_is(entry->ledger.event, "closed") };
	struct span log = entry->ledger.log;

	if (span_is(entry->ledger.event, "repaired"))
		return 0;
	if (log.len >= sizeof(known.log)) {
		fault(chain, chain->line, "it names no log");
		return 0;
	}
	memcpy(known.log, log.ptr != NULL ? log.ptr : "", log.len);
	known.entries = entry->ledger.entries.value;
	if (!audit_log_name_valid(known.log) ||
	    (known.is_closed && !audit_unhex(known.last, sizeof(known.last), entry->ledger.last))) {
		fault(chain, chain->line, "it says nothing of a log");
		return 0;
	}
	return known_add(ledger, &known);
}

/* bound() - the first line of @log or of one @behind it */
static size_t bound(const struct ledger *ledger, const char *log, bool behind)
{
	size_t low = 0, high = ledger->len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(ledger->known[middle].log, log);

		if (order < 0 || (order == 0 && behind))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* known_find() - the lines of @log. Return: how many. */
static size_t known_find(const struct known **ret, const struct ledger *ledger, const char *log)
{
	size_t begin = bound(ledger, log, false), end = bound(ledger, log, true);

	*ret = begin < end ? &ledger->known[begin] : NULL;
	return end - begin;
}

static off_t ledger_size(int folder)
{
	struct stat st;

	return fstatat(folder, AUDIT_LEDGER ".jsonl", &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_size
										     : -1;
}

static int ledger_verify(struct ledger *ret, struct audit_verdict *verdict, int folder,
			 const uint8_t *key)
{
	*ret = (struct ledger){ .size = ledger_size(folder),
				.chain = { .verdict = verdict,
					   .key = key,
					   .log = AUDIT_LEDGER,
					   .is_ledger = true,
					   .is_begun = true,
					   .seen = ledger_line } };
	audit_file_name(ret->chain.file, AUDIT_LEDGER, 0);
	int r = chain_file(&ret->chain, folder);
	if (r == -ENOENT) {
		fault(&ret->chain, 0, "the ledger is gone");
		r = 0;
	}
	verdict->torn_octets += (uint64_t)ret->chain.torn;
	if (ret->len > 0)
		qsort(ret->known, ret->len, sizeof(ret->known[0]), by_name);
	return r;
}

/* refresh() - read the ledger anew, if it has grown; its lines do not count once more.
 * Return: 1: it has; 0: there is nothing new to know; -errno. */
static int refresh(struct ledger *ledger, int folder)
{
	struct audit_verdict *verdict = ledger->chain.verdict, *apart = NULL;
	struct ledger now = { 0 };

	if (ledger->chain.is_broken || ledger_size(folder) <= ledger->size)
		return 0;
	apart = calloc(1, sizeof(*apart));
	if (apart == NULL)
		return -ENOMEM;
	int r = ledger_verify(&now, apart, folder, ledger->chain.key);
	if (r == 0 && !now.chain.is_broken) {
		free(ledger->known);
		*ledger = now;
		ledger->chain.verdict = verdict;
		r = 1;
	} else {
		free(now.known);
	}
	free(apart);
	return r;
}

static void judge_end(struct chain *chain, bool is_closed)
{
	const struct known *last = &chain->closed[chain->closed_len - 1];
	const struct known *missed = chain->passed < chain->closed_len
					 ? &chain->closed[chain->passed]
				     : is_closed && chain->seq != last->entries ? last
										: NULL;

	if (chain->is_broken)
		return;
	chain->verdict->unsigned_lines += chain->since;
	if (missed != NULL)
		fault(chain, chain->line, "the log was closed with %llu lines, and has %llu",
		      (unsigned long long)missed->entries, (unsigned long long)chain->seq);
	else if (is_closed && chain->torn > 0)
		fault(chain, chain->line + 1, "something was added after the log was closed");
	else if (!is_closed)
		chain->verdict->torn_octets += (uint64_t)chain->torn;
}

/* part_verify() - a file that was put aside */
static int part_verify(struct chain *chain, int folder, unsigned part)
{
	audit_file_name(chain->file, chain->log, part);
	int r = chain_file(chain, folder);
	if (r == -ENOENT) {
		fault(chain, 0, "the file is gone");
		r = 0;
	}
	if (r == 0 && chain->torn > 0 && !chain->is_broken)
		fault(chain, chain->line + 1, "it is not finished, and the log goes on");
	return r;
}

/*
 * parts_verify() - all files of a log. The last is opened before the others are counted: if its writer puts
 * it aside meanwhile, it is still the one behind those, or there is one more of them.
 * Return: 0; -ENOENT: there is no last one; another -errno.
 */
static int parts_verify(struct chain *chain, unsigned *parts, int folder)
{
	char name[AUDIT_FILE_NAME_OCTETS];

	audit_file_name(name, chain->log, 0);
	for (;;) {
		CLEANUP_FD int last = audit_file_open(folder, name);
		unsigned there = audit_parts(folder, chain->log);
		bool is_all = there == *parts;

		while (*parts < there && !chain->is_broken) {
			int r = part_verify(chain, folder, ++*parts);

			if (r < 0)
				return r;
		}
		if (chain->is_broken)
			return 0;
		if (is_all) {
			memcpy(chain->file, name, sizeof(name));
			return chain_fd(chain, last);
		}
	}
}

/* log_verify() - all parts of a log, of which the ledger says the @len lines @known */
static int log_verify(struct audit_verdict *verdict, int folder, const uint8_t *key,
		      const struct known *known, size_t len)
{
	struct chain chain = {
		.verdict = verdict,
		.key = key,
		.log = known->log,
		.is_begun = true,
		.closed = known,
		.closed_len = len,
	};
	bool is_closed = known[len - 1].is_closed;
	unsigned parts = 0;
	int r = 0;

	verdict->logs++;
	audit_file_name(chain.file, known->log, 0);
	chain_pass(&chain); /* it may have been closed without a line */
	r = parts_verify(&chain, &parts, folder);
	if (r == -ENOENT && parts > 0 && !is_closed) /* it ended while it was put aside */
		r = 0;
	if (r == -ENOENT) {
		fault(&chain, 0, "the file is gone");
		return 0;
	}
	if (r == 0)
		judge_end(&chain, is_closed);
	return r;
}

/* log_settle() - the same, and once more if it is not as the ledger said and that says more by now */
static int log_settle(struct ledger *ledger, int folder, const char *log)
{
	struct audit_verdict *verdict = ledger->chain.verdict;
	char before[offsetof(struct audit_verdict,
			     faults)]; /* those beyond the old number are none */
	const uint64_t faults = verdict->faults_all;
	int r = 1;

	memcpy(before, verdict, sizeof(before));
	for (unsigned tries = 0; r == 1; tries++) {
		const struct known *known = NULL;
		size_t len = known_find(&known, ledger, log);

		memcpy(verdict, before, sizeof(before));
		r = known != NULL && len > 0
			? log_verify(verdict, folder, ledger->chain.key, known, len)
			: 0;
		if (r == 0 && verdict->faults_all > faults && tries < TRIES_MAX)
			r = refresh(ledger, folder);
	}
	return r;
}

static bool is_known(const struct ledger *ledger, const char *log)
{
	const struct known *known = NULL;

	return known_find(&known, ledger, log) > 0;
}

/* judge_stranger() - a file that may belong to no log of the ledger */
static int judge_stranger(struct ledger *ledger, int folder, const char *name)
{
	struct chain chain = { .verdict = ledger->chain.verdict };
	char log[AUDIT_LOG_NAME_OCTETS];
	struct stat st;
	unsigned part = 0;

	if (!audit_file_split(log, &part, name) || strcmp(log, AUDIT_LEDGER) == 0)
		return 0;
	audit_file_name(chain.file, log, part);
	if (is_known(ledger, log)) {
		if (part > audit_parts(folder, log))
			fault(&chain, 0, "a part before it is gone");
		return 0;
	}
	/* an empty one is of a writer that has not come to tell the ledger */
	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_size == 0)
		return 0;
	int r = refresh(ledger, folder);
	if (r < 0)
		return r;
	if (!is_known(ledger, log))
		fault(&chain, 0, "the ledger does not know this log");
	return 0;
}

static int strangers(struct ledger *ledger, int folder)
{
	int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *all = copy >= 0 ? fdopendir(copy) : NULL;

	if (all == NULL) {
		int r = -errno;

		fd_close(&copy);
		return r;
	}
	struct dirent *one = NULL;
	int r = 0;
	while (r == 0 && (errno = 0, one = readdir(all)) != NULL)
		r = judge_stranger(ledger, folder, one->d_name);
	if (r == 0)
		r = -errno;
	(void)closedir(all);
	return r;
}

int audit_verify(struct audit_verdict *ret, int folder, struct diag *diag)
{
	char log[AUDIT_LOG_NAME_OCTETS];
	uint8_t key[AUDIT_KEY_OCTETS];
	struct ledger ledger = { 0 };
	int r = audit_key_public(key, folder, diag);

	if (r < 0)
		return r;
	*ret = (struct audit_verdict){ 0 };
	memcpy(ret->key, key, sizeof(ret->key));
	r = ledger_verify(&ledger, ret, folder, key);
	for (size_t i = 0; r == 0 && i < ledger.len; i = bound(&ledger, log, true)) {
		memcpy(log, ledger.known[i].log, sizeof(log)); /* it may be read anew */
		r = log_settle(&ledger, folder, log);
	}
	if (r == 0)
		r = strangers(&ledger, folder);
	free(ledger.known);
	return r < 0 ? diag_set(diag, r, "the audit logs do not read: %s", strerrordesc_np(-r)) : 0;
}

int audit_verify_file(struct audit_verdict *ret, int folder, const char *name,
		      const uint8_t key[AUDIT_KEY_OCTETS], struct diag *diag)
{
	char log[AUDIT_LOG_NAME_OCTETS];
	unsigned part = 0;

	if (!audit_file_split(log, &part, name))
		return diag_set(diag, -EINVAL,
				"'%s' is no name of a log: they are like vm-a1b2c3d4.jsonl", name);
	*ret = (struct audit_verdict){ .logs = 1 };
	memcpy(ret->key, key, sizeof(ret->key));
	struct chain chain = {
		.verdict = ret, .key = key, .log = log, .is_ledger = strcmp(log, AUDIT_LEDGER) == 0
	};
	audit_file_name(chain.file, log, part);
	CLEANUP_FD int fd = audit_file_open(folder, chain.file);
	int r = fd < 0 ? fd : chain_fd(&chain, fd);
	if (r < 0)
		return diag_set(diag, r, "%s does not read: %s", name, strerrordesc_np(-r));
	if (!chain.is_broken) {
		ret->unsigned_lines = chain.since;
		ret->torn_octets = (uint64_t)chain.torn;
	}
	return 0;
}
