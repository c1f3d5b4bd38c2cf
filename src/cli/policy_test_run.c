// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: X_test.rego is run with X.rego beside it, each such pair in an engine of its own, since
 * every policy defines data.immure.decision. A test file that has no such partner gets all that were named.
 * Its tests are the rules whose lines begin with "test_"; each is asked by itself.
 */
#include <errno.h>
#include <glob.h>
#include <jansson.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/policy.h"
#include "policy/texts.h"

#define TEST_TAIL "_test.rego"

enum { FILES_MAX = 1000, PATH_OCTETS = 4096, NAME_OCTETS = 512 };

struct run {
	struct cli_call *call;
	json_t *results; /* owned; NULL: they are printed */
	const char *files[FILES_MAX];
	size_t files_len;
	unsigned passed, all;
};

static bool is_test(const char *path)
{
	size_t len = strlen(path), tail = strlen(TEST_TAIL);

	return len >= tail && strcmp(path + len - tail, TEST_TAIL) == 0;
}

static struct span word_of(struct span text)
{
	size_t len = 0;

	while (len < text.len && memchr(" \t\r:={[(#", text.ptr[len], 10) == NULL)
		len++;
	return (struct span){ text.ptr, len };
}

static bool begins(struct span line, const char *with)
{
	return line.len >= strlen(with) && memcmp(line.ptr, with, strlen(with)) == 0;
}

static void tell(struct run *run, const char *name, const char *result, double ms, const char *why)
{
	run->all++;
	run->passed += strcmp(result, "PASS") == 0;
	if (run->results != NULL)
		(void)json_array_append_new(run->results,
					    json_pack("{s:s,s:s,s:f,s:s*}", "name", name, "result",
						      result, "ms", ms, "why", why));
	else if (strcmp(result, "PASS") != 0)
		fprintf(run->call->out, "%s: %s (%.1fms)%s%s\n", name, result, ms,
			why != NULL ? "\n  " : "", why != NULL ? why : "");
}

static void run_one(struct run *run, struct rego *rego, const char *name)
{
	struct rego_error error = { 0 };
	struct rego_text text = { 0 };
	struct diag diag = { 0 };
	int64_t begun = clock_mono_ns();
	int r = rego_eval_rule(&text, rego, name, strlen(name), &error);
	double ms = (double)(clock_mono_ns() - begun) / 1e6;
	const bool holds = r == 0 && text.octets == 4 && memcmp(text.ptr, "true", 4) == 0;

	rego_text_free(&text);
	if (r < 0 && r != -ENODATA) {
		(void)policy_blame(&diag, r, name, &error);
		tell(run, name, "ERROR", ms, diag.why);
	} else {
		tell(run, name, holds ? "PASS" : "FAIL", ms, NULL);
	}
}

/* run_all() - the tests in @text, once each */
static void run_all(struct run *run, struct rego *rego, struct span text)
{
	struct span package = { 0 }, before = { 0 };
	char name[NAME_OCTETS];

	while (text.ptr != NULL) {
		struct span line = span_cut(&text, '\n'), test = word_of(line);

		if (begins(line, "package "))
			package = word_of(span_trim(span_drop(line, strlen("package "))));
		if (!begins(test, "test_") ||
		    (test.len == before.len && memcmp(test.ptr, before.ptr, test.len) == 0))
			continue;
		before = test;
		(void)snprintf(name, sizeof(name), "data.%.*s.%.*s", (int)package.len, package.ptr,
			       (int)test.len, test.ptr);
		run_one(run, rego, name);
	}
}

/* add_partners() - what is tested by @path */
static int add_partners(struct run *run, struct rego *rego, const char *path,
			struct rego_error *error)
{
	struct diag *diag = &run->call->diag;
	char partner[PATH_OCTETS];
	int r = 0;

	(void)snprintf(partner, sizeof(partner), "%.*s.rego",
		       (int)(strlen(path) - strlen(TEST_TAIL)), path);
	if (access(partner, F_OK) == 0)
		return policy_add_file(rego, partner, error, diag);
	for (size_t i = 0; r == 0 && i < run->files_len; i++)
		if (!is_test(run->files[i]))
			r = policy_add_file(rego, run->files[i], error, diag);
	return r;
}

static int run_file(struct run *run, const char *path)
{
	CLEANUP_BUF struct buf text = BUF(POLICY_FILE_OCTETS_MAX + 16384);
	struct rego_error error = { 0 };
	struct rego *rego = NULL;
	int r = policy_read(&text, path, &run->call->diag);

	if (r == 0)
		r = policy_engine(&rego, &run->call->diag);
	if (r == 0)
		r = add_partners(run, rego, path, &error);
	if (r == 0)
		r = policy_add(rego, path, buf_span(&text), &error, &run->call->diag);
	if (r == 0)
		run_all(run, rego, buf_span(&text));
	rego_free(rego);
	return r;
}

static int run_shipped(struct run *run, const struct policy_text *test)
{
	struct diag *diag = &run->call->diag;
	struct rego_error error = { 0 };
	const struct span text = { test->text, test->octets };
	struct rego *rego = NULL;
	char name[NAME_OCTETS];

	(void)snprintf(name, sizeof(name), "%.*s.rego",
		       (int)(strlen(test->name) - strlen(TEST_TAIL)), test->name);
	const struct policy_text *partner = policy_text_find(name);
	int r = policy_engine(&rego, diag);
	if (r == 0 && partner != NULL && !policy_text_is_library(partner))
		r = policy_add(rego, name, (struct span){ partner->text, partner->octets }, &error,
			       diag);
	if (r == 0)
		r = policy_add(rego, test->name, text, &error, diag);
	if (r == 0)
		run_all(run, rego, text);
	rego_free(rego);
	return r;
}

static int take_file(struct run *run, const char *path)
{
	if (run->files_len == FILES_MAX)
		return diag_set(&run->call->diag, -EFBIG, "policy test: more than %d files",
				FILES_MAX);
	run->files[run->files_len++] = path;
	return 0;
}

/* run_files() - those named, and the .rego files of folders that are */
static int run_files(struct run *run, glob_t *found)
{
	char pattern[PATH_OCTETS];
	struct stat info;
	int r = 0;

	for (size_t i = 1; r == 0 && i < run->call->operands_len; i++) {
		const char *path = run->call->operands[i];

		if (stat(path, &info) < 0)
			return diag_set(&run->call->diag, -errno, "%s: %s", path,
					strerrordesc_np(errno));
		if (!S_ISDIR(info.st_mode)) {
			r = take_file(run, path);
			continue;
		}
		(void)snprintf(pattern, sizeof(pattern), "%s/*.rego", path);
		const size_t before = found->gl_pathc;
		(void)glob(pattern, before > 0 ? GLOB_APPEND : 0, NULL, found);
	}
	for (size_t i = 0; r == 0 && i < found->gl_pathc; i++)
		r = take_file(run, found->gl_pathv[i]);
	for (size_t i = 0; r == 0 && i < run->files_len; i++)
		if (is_test(run->files[i]))
			r = run_file(run, run->files[i]);
	return r;
}

static int finish(struct run *run)
{
	FILE *out = run->call->out;

	if (run->results != NULL) {
		(void)json_dumpf(run->results, out, JSON_INDENT(2));
		fputc('\n', out);
	} else {
		fprintf(out, "PASS: %u/%u\n", run->passed, run->all);
		if (run->passed < run->all)
			fprintf(out, "FAIL: %u/%u\n", run->all - run->passed, run->all);
	}
	if (run->all == 0)
		return diag_set(
		    &run->call->diag, -EINVAL,
		    "policy test: there are no tests: rules test_... in files ..._test.rego");
	return run->passed == run->all ? 0 : CLI_EXIT_NONE;
}

int policy_test(struct cli_call *call)
{
	static struct run run; /* large */
	glob_t found = { 0 };
	int r = 0;

	run = (struct run){ .call = call };
	if (cli_has(call, "json"))
		run.results = json_array();
	for (size_t i = 0; r == 0 && call->operands_len == 1 && i < policy_texts_len; i++)
		if (policy_text_is_test(&policy_texts[i]))
			r = run_shipped(&run, &policy_texts[i]);
	if (call->operands_len > 1)
		r = run_files(&run, &found);
	if (r == 0)
		r = finish(&run);
	json_decref(run.results);
	globfree(&found);
	return r;
}
