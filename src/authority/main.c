// SPDX-License-Identifier: Apache-2.0
/*
 * immure-authority: started by immure with the descriptors of enum leaf_fd and a role, never by hand.
 * It uses no standard stream: what it has to say goes to LEAF_FD_CHANNEL (wire/leaf.h).
 */
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "authority/process.h"
#include "base/fd.h"
#include "base/worker.h"
#include "wire/leaf.h"

enum { EXIT_USAGE = 2, HASH_FILE_OCTETS_MAX = 64 };

/* put_hash() - beside the key and the certificate, for who makes links in folders of certificates */
static int put_hash(const struct authority *authority, int dir, struct diag *diag)
{
	char want[AUTHORITY_HASH_OCTETS + 1], *have = NULL;
	struct authority_facts facts;
	size_t len = 0;

	authority_describe(&facts, authority);
	(void)snprintf(want, sizeof(want), "%s\n", facts.hash);
	int r = fd_read_file(&have, &len, dir, LEAF_HASH_FILE, HASH_FILE_OCTETS_MAX);
	bool same = r == 0 && strcmp(have, want) == 0;
	free(have);
	if (same)
		return 0;
	r = fd_replace_file(dir, LEAF_HASH_FILE, span_of(want), 0644);
	return r == 0
		   ? 0
		   : diag_set(diag, r, "cannot write %s: %s", LEAF_HASH_FILE, strerrordesc_np(-r));
}

static int write_out(struct span text, struct diag *diag)
{
	int r = fd_write_all(LEAF_FD_CHANNEL, text);

	return r == 0 ? 0 : diag_set(diag, r, "cannot write the answer: %s", strerrordesc_np(-r));
}

static int do_show(const struct authority *authority, struct diag *diag)
{
	struct authority_facts facts;
	char text[256];

	authority_describe(&facts, authority);
	(void)snprintf(text, sizeof(text),
		       "fingerprint %s\nnot_before %" PRId64 "\nnot_after %" PRId64 "\n",
		       facts.fingerprint, facts.not_before_s, facts.not_after_s);
	return write_out(span_of(text), diag);
}

static int do_export(const struct authority *authority, struct diag *diag)
{
	return write_out(authority_certificate(authority), diag);
}

static int do_nothing(const struct authority *authority, struct diag *diag)
{
	(void)authority, (void)diag;
	return 0;
}

static int do_serve(const struct authority *authority, struct diag *diag)
{
	const char *step = "serve";
	int r = worker_confine(&step, RLIM_INFINITY);

	if (r == 0)
		r = process_serve(authority);
	return r == 0 ? 0 : diag_set(diag, r, "%s: %s", step, strerrordesc_np(-r));
}

struct role {
	const char *name;
	bool serve, rotate;
	int (*play)(const struct authority *authority, struct diag *diag);
};

static const struct role roles[] = {
	{ LEAF_SERVE, true, false, do_serve },  { "show", false, false, do_show },
	{ "export", false, false, do_export },  { "rotate", false, true, do_show },
	{ "ensure", false, false, do_nothing },
};

static int play(const struct role *role, struct diag *diag)
{
	CLEANUP(authority_freep) struct authority *authority = NULL;
	const char *step = "";
	int r = worker_harden(&step);

	if (r < 0)
		return diag_set(diag, r, "%s: %s", step, strerrordesc_np(-r));
	if (role->rotate)
		r = authority_rotate(LEAF_FD_FOLDER, diag);
	if (r == 0)
		r = authority_open(&authority, LEAF_FD_FOLDER, diag);
	if (r == 0)
		r = put_hash(authority, LEAF_FD_FOLDER, diag);
	return r == 0 ? role->play(authority, diag) : r;
}

/* complain() - in LEAF_SERVE the channel is for answers, and only standard error can hear it */
static void complain(bool serve, const struct diag *diag)
{
	if (serve)
		fprintf(stderr, "immure: authority: %s\n", diag->why);
	else
		(void)!fd_write_all(LEAF_FD_CHANNEL, span_of(diag->why));
}

int main(int argc, char **argv)
{
	struct diag diag = { 0 };

	/* Ctrl-C is for the program in the sandbox, which may go on and need another leaf */
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGQUIT, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < ARRAY_SIZE(roles); i++) {
		if (argc != 2 || strcmp(argv[1], roles[i].name) != 0 ||
		    fcntl(LEAF_FD_CHANNEL, F_GETFD) < 0 || fcntl(LEAF_FD_FOLDER, F_GETFD) < 0)
			continue;
		int r = play(&roles[i], &diag);
		if (r < 0)
			complain(roles[i].serve, &diag);
		/* not exit(): what OpenSSL wants to do at the end it can do no more behind the wall */
		_exit(r == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
	}
	fprintf(stderr, "immure-authority: immure starts this to make certificates for its "
			"sandboxes; for people there is immure ca\n");
	return EXIT_USAGE;
}
