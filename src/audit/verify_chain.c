// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a line is good if it is spelled as we spell, has the next number, names the
 * hash of the line before, and, if it is signed, is signed by the key. So a line that was changed is
 * noticed in the next one, and the last in the next checkpoint or in the ledger. Each place where the
 * ledger says that the log was closed must be come to, with the line it names, also if the log went on
 * behind it: a log that was cut and continued has another there, or does not reach it. The first fault ends
 * the look at a chain: behind it nothing is vouched for.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "audit/key.h"
#include "audit/verify_priv.h"
#include "base/fd.h"

void fault(struct chain *chain, uint64_t line, const char *format, ...)
{
	struct audit_verdict *verdict = chain->verdict;
	va_list args;

	chain->is_broken = true;
	verdict->faults_all++;
	if (verdict->faults_len == AUDIT_FAULTS_MAX)
		return;
	struct audit_fault *to = &verdict->faults[verdict->faults_len++];
	memcpy(to->file, chain->file, sizeof(to->file));
	to->line = line;
	va_start(args, format);
	(void)vsnprintf(to->why, sizeof(to->why), format, args);
	va_end(args);
}

static bool judge_place(struct chain *chain, const struct audit_entry *entry)
{
	if (!chain->is_begun) {
		chain->is_begun = true;
		chain->seq = entry->seq;
		memcpy(chain->hash, entry->prev, sizeof(chain->hash));
	}
	if (entry->seq != chain->seq) {
		fault(chain, chain->line,
		      "its seq is %llu, not %llu: lines are missing, added or moved",
		      (unsigned long long)entry->seq, (unsigned long long)chain->seq);
		return false;
	}
	if (memcmp(entry->prev, chain->hash, sizeof(chain->hash)) == 0)
		return true;
	if (chain->seq == 0)
		fault(chain, chain->line, "it is no first line");
	else
		fault(chain, chain->line,
		      "the line before it is not the one it was written behind: one of both was "
		      "changed");
	return false;
}

/* judge_kind() - does such a line belong into this chain, and is it signed? */
static bool judge_kind(struct chain *chain, const struct audit_entry *entry, struct span line)
{
	const char *why = NULL;

	if (chain->is_ledger != (entry->ledger.event.ptr != NULL))
		why = "such a line does not belong into this file";
	else if (entry->checkpoint.log.ptr != NULL && !span_is(entry->checkpoint.log, chain->log))
		why = "it is a checkpoint of another log";
	else if (!audit_is_entry(entry) && !audit_signed_by(line, entry, chain->key))
		why = "its signature is not by this key, or it was changed";
	if (why != NULL)
		fault(chain, chain->line, "%s", why);
	return why == NULL;
}

static bool is_repair(const struct audit_entry *entry)
{
	return audit_is_entry(entry) ? span_is(entry->action, "audit.repair")
				     : span_is(entry->ledger.event, "repaired");
}

void chain_pass(struct chain *chain)
{
	while (!chain->is_broken && chain->passed < chain->closed_len) {
		const struct known *next = &chain->closed[chain->passed];

		if (next->is_closed && next->entries != chain->seq)
			return;
		if (next->is_closed && memcmp(chain->hash, next->last, sizeof(chain->hash)) != 0)
			fault(chain, chain->line,
			      "it is not the line with which the log was closed");
		chain->passed++;
	}
}

static int chain_line(struct chain *chain, struct span line)
{
	struct audit_entry entry;
	struct diag diag = { 0 };

	chain->line++;
	if (audit_parse(&entry, line, &diag) < 0) {
		fault(chain, chain->line, "it is no line of a log: %s", diag.why);
		return 0;
	}
	if (!judge_place(chain, &entry) || !judge_kind(chain, &entry, line))
		return 0;
	chain->seq++;
	sha256(chain->hash, line);
	chain->since = audit_is_entry(&entry) ? chain->since + 1 : 0;
	chain->verdict->lines++;
	chain->verdict->octets += line.len + 1;
	chain->verdict->checkpoints += !audit_is_entry(&entry);
	chain->verdict->repairs += is_repair(&entry);
	chain_pass(chain);
	return chain->seen != NULL ? chain->seen(chain, &entry) : 0;
}

/* is_ours() - is @r, not 0, something that this process lacks, rather than the file? */
static bool is_ours(int r)
{
	return r == -ENOMEM || r == -EMFILE || r == -ENFILE;
}

/* no_file() - a file that cannot be read vouches for nothing, but the others are looked at all the same */
static int no_file(struct chain *chain, const char *what, int r)
{
	if (is_ours(r) || r == -ENOENT)
		return r;
	fault(chain, 0, "it does not %s: %s", what, strerrordesc_np(-r));
	return 0;
}

int chain_fd(struct chain *chain, int fd)
{
	struct audit_lines lines = { 0 };
	struct span line = { 0 };

	if (fd < 0)
		return no_file(chain, "open", fd);
	int r = audit_lines_open(&lines, fd, 0);
	if (r < 0)
		return r;
	chain->line = 0;
	chain->verdict->files++;
	do
		r = audit_lines_next(&line, &lines);
	while (r == 1 && (r = chain_line(chain, line)) == 0 && !chain->is_broken);
	if (r == -E2BIG) {
		fault(chain, chain->line + 1, "it is longer than a line can be");
		r = 0;
	}
	chain->torn = (off_t)audit_lines_rest(&lines);
	audit_lines_close(&lines);
	return r < 0 ? no_file(chain, "read", r) : 0;
}

int chain_file(struct chain *chain, int folder)
{
	CLEANUP_FD int fd = audit_file_open(folder, chain->file);

	return chain_fd(chain, fd);
}
