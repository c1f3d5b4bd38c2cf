// SPDX-License-Identifier: Apache-2.0
/*
 * immure-judge: started by immure with a channel, what to load and a role (wire/judge.h), never by hand.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json_heap.h"
#include "base/worker.h"
#include "judge/judge.h"

enum { EXIT_USAGE = 2 };
#define HEAP_OCTETS_MAX ((rlim_t)512 << 20) /* a policy that wants more is its own end */

/* map_load() - the file as memory. Return: 0; -errno */
static int map_load(struct span *ret)
{
	struct stat st;

	if (fstat(JUDGE_FD_LOAD, &st) < 0)
		return -errno;
	*ret = (struct span){ 0 };
	if (st.st_size == 0)
		return 0;
	if (st.st_size > JUDGE_LOAD_OCTETS_MAX)
		return -EFBIG;
	void *at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, JUDGE_FD_LOAD, 0);
	if (at == MAP_FAILED)
		return -errno;
	*ret = (struct span){ at, (size_t)st.st_size };
	return 0;
}

static int answer(struct judge *judge, struct span question)
{
	char packet[JUDGE_ANSWER_OCTETS_MAX];
	struct judge_answer reply;
	size_t len = 0;

	judge_answer(&reply, judge, question);
	if (judge_answer_encode(&len, packet, &reply) < 0) {
		decision_deny(&reply, "the policy's decision is too long to be told");
		reply.reads = JUDGE_READS_ALL;
		if (judge_answer_encode(&len, packet, &reply) < 0)
			return -EPROTO;
	}
	return worker_give((struct span){ packet, len });
}

static int serve(struct judge *judge, struct diag *diag)
{
	static char packet[JUDGE_QUESTION_OCTETS_MAX + 1];
	size_t len = 0;
	int r = 0;

	while (r == 0) {
		r = worker_take(&len, packet, sizeof(packet));
		if (r == 0 && len == 0)
			return 0;
		if (r == 0)
			r = answer(judge, (struct span){ packet, len });
	}
	if (r == -EPIPE || r == -ECONNRESET)
		return 0; /* nobody wants it any more */
	return diag_set(diag, r, "serve: %s", strerrordesc_np(-r));
}

/* play() - nothing of a policy is parsed before it can do nothing any more but answer */
static int play(bool check, struct diag *diag)
{
	struct span load = { 0 };
	struct judge judge = { 0 };
	const char *step = "";
	int r = worker_harden(&step);

	if (r == 0) {
		step = "cannot read the policy";
		r = map_load(&load);
	}
	if (r == 0)
		r = worker_confine(&step, HEAP_OCTETS_MAX);
	if (r < 0)
		return diag_set(diag, r, "%s: %s", step, strerrordesc_np(-r));
	json_heap_watch();
	r = judge_load(&judge, load, diag);
	if (r < 0)
		return r;
	r = check ? 0 : serve(&judge, diag);
	judge_unload(&judge);
	return r;
}

int main(int argc, char **argv)
{
	bool check = argc == 2 && strcmp(argv[1], JUDGE_CHECK) == 0;
	struct diag diag = { 0 };

	/* Ctrl-C is for the program in the sandbox, which may go on and ask for more */
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGQUIT, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
	if (argc != 2 || (!check && strcmp(argv[1], JUDGE_SERVE) != 0) ||
	    fcntl(WORKER_FD_CHANNEL, F_GETFD) < 0 || fcntl(JUDGE_FD_LOAD, F_GETFD) < 0) {
		fprintf(stderr, "immure-judge: immure starts this to decide what its sandboxes may "
				"do; for people there is immure policy\n");
		return EXIT_USAGE;
	}
	int r = play(check, &diag);
	if (r < 0 && check)
		(void)!worker_give(span_of(diag.why));
	else if (r < 0)
		fprintf(stderr, "immure: judge: %s\n", diag.why);
	_exit(r == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}
