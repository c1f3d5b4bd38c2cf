// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a question is told of by who needs it (struct question), to each of whom it is a wait of
 * his own. Questions are the same if action, host, port, method and target are, which is what the owner
 * sees and says yes to.
 */
#include "warden/consent.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/list.h"
#include "warden/decider_cache.h"
#include "warden/egress_quota.h"

struct question {
	struct consents *consents;
	struct list_node node;
	uint32_t id;
	struct decider_key key;
	struct loop_timer patience;
	struct consent_wait *first, **end;
};

struct consent_wait {
	struct question *question;
	struct consent_wait *next;
	void (*done)(void *context, enum consent_answer answer);
	void *context;
};

struct consents {
	struct loop *loop;
	const char *app;
	struct consent_hooks hooks;
	struct list open;
	size_t open_len, waiting_len;
	uint32_t last_id;
	struct egress_quota quota;
};

static const char *const names[CONSENT_ANSWERS] = {
	[CONSENT_NONE] = "none", [CONSENT_DENY] = "deny",     [CONSENT_ONCE] = "once",
	[CONSENT_RUN] = "run",   [CONSENT_ALWAYS] = "always", [CONSENT_DENY_ALWAYS] = "deny_always",
};

const char *consent_answer_name(enum consent_answer answer)
{
	return names[(size_t)answer < CONSENT_ANSWERS ? answer : CONSENT_NONE];
}

enum consent_answer consent_answer_find(const char *name)
{
	for (size_t i = CONSENT_DENY; i < CONSENT_ANSWERS; i++)
		if (strcmp(names[i], name) == 0)
			return (enum consent_answer)i;
	return CONSENT_NONE;
}

int consents_new(struct consents **ret, struct loop *loop, const char *app,
		 const struct consent_hooks *hooks)
{
	struct consents *consents = calloc(1, sizeof(*consents));

	if (consents == NULL)
		return -ENOMEM;
	consents->loop = loop;
	consents->app = app;
	consents->hooks = *hooks;
	list_init(&consents->open);
	*ret = consents;
	return 0;
}

static struct question *question_of(struct list_node *node)
{
	return container_of(node, struct question, node);
}

/* find() - what is open by key, or by id if @key is NULL */
static struct question *find(struct consents *consents, const struct decider_key *key, uint32_t id)
{
	for (struct list_node *at = list_first(&consents->open); at != NULL;
	     at = list_next(&consents->open, at)) {
		struct question *question = question_of(at);

		if (key == NULL ? question->id == id
				: question->key.len == key->len &&
				      memcmp(question->key.octets, key->octets, key->len) == 0)
			return question;
	}
	return NULL;
}

/* take_down() - it is open no more; who waits for it is told by nobody yet */
static void take_down(struct question *question)
{
	struct consents *consents = question->consents;

	loop_disarm(&question->patience);
	list_remove(&question->node);
	consents->open_len--;
}

/* release() - one that was taken down: tell all who wait for it */
static void release(struct question *question, enum consent_answer answer, const char *by)
{
	struct consents *consents = question->consents;

	if (consents->hooks.settled != NULL)
		consents->hooks.settled(consents->hooks.context, question->id, answer, by);
	while (question->first != NULL) {
		struct consent_wait *wait = question->first;

		question->first = wait->next;
		if (question->first == NULL)
			question->end = &question->first;
		consents->waiting_len--;
		if (wait->done != NULL)
			wait->done(wait->context, answer);
		free(wait);
	}
	free(question);
}

static void settle(struct question *question, enum consent_answer answer, const char *by)
{
	take_down(question);
	release(question, answer, by);
}

static void patience_over(struct loop_timer *timer)
{
	settle(container_of(timer, struct question, patience), CONSENT_NONE, "");
}

/* tell() - the owner. Return: is there one? */
static bool tell(struct consents *consents, uint32_t id, const struct policy_request *request,
		 const char *why)
{
	const bool http = request->kind == POLICY_HTTP_REQUEST;
	const struct consent_question told = {
		.id = id,
		.app = consents->app,
		.action = policy_kind_name(request->kind),
		.host = request->host->text,
		.port = request->port,
		.method = http ? request->method : SPAN(""),
		.target = http ? request->target : SPAN(""),
		.https = request->https,
		.websocket = request->websocket,
		.pid = request->pid,
		.program = request->program.ptr != NULL ? request->program : SPAN(""),
		.why = why,
		.seconds = CONSENT_PATIENCE_S,
	};

	return consents->hooks.asked != NULL &&
	       consents->hooks.asked(consents->hooks.context, &told);
}

/* open_question() - Return: 0 or -errno as consents_wait() */
static int open_question(struct question **ret, struct consents *consents,
			 const struct decider_key *key, const struct policy_request *request,
			 const char *why)
{
	unsigned ignored = 0;

	if (consents->open_len >= CONSENT_OPEN_MAX ||
	    egress_quota_take(&consents->quota, &ignored, CONSENT_PER_MINUTE, 0, clock_mono_ns()) <
		0)
		return -EBUSY;
	egress_quota_give(&consents->quota);
	struct question *question = calloc(1, sizeof(*question));
	if (question == NULL)
		return -ENOMEM;
	*question =
	    (struct question){ .consents = consents, .id = ++consents->last_id, .key = *key };
	question->end = &question->first;
	if (!tell(consents, question->id, request, why)) {
		free(question);
		return -ENOTTY;
	}
	list_append(&consents->open, &question->node);
	consents->open_len++;
	question->patience.fired = patience_over;
	loop_arm(consents->loop, &question->patience, CONSENT_PATIENCE_S * INT64_C(1000000000));
	*ret = question;
	return 0;
}

int consents_wait(struct consent_wait **ret, struct consents *consents,
		  const struct policy_request *request, const char *why,
		  void (*done)(void *context, enum consent_answer answer), void *context)
{
	const unsigned same = JUDGE_READS_METHOD | JUDGE_READS_PATH | JUDGE_READS_QUERY;
	struct decider_key key;

	if (consents->waiting_len >= CONSENT_WAITING_MAX || !decider_key_of(&key, request, same))
		return -EBUSY;
	struct consent_wait *wait = calloc(1, sizeof(*wait));
	if (wait == NULL)
		return -ENOMEM;
	struct question *question = find(consents, &key, 0);
	int r = question == NULL ? open_question(&question, consents, &key, request, why) : 0;
	if (r < 0) {
		free(wait);
		return r;
	}
	*wait = (struct consent_wait){ .question = question, .done = done, .context = context };
	*question->end = wait;
	question->end = &wait->next;
	consents->waiting_len++;
	*ret = wait;
	return 0;
}

void consents_cancel(struct consent_wait *wait)
{
	if (wait != NULL)
		wait->done = NULL; /* the question stays: its answer may be of use */
}

int consents_reply(struct consents *consents, uint32_t id, enum consent_answer answer,
		   const char *by)
{
	struct question *question = find(consents, NULL, id);

	if (answer <= CONSENT_NONE || answer >= CONSENT_ANSWERS)
		return -EINVAL;
	if (question == NULL)
		return -ENOENT;
	if (answer == CONSENT_ALWAYS && consents->app[0] == '\0')
		answer = CONSENT_RUN; /* and whoever is told hears so */
	settle(question, answer, by);
	return 0;
}

void consents_settle_all(struct consents *consents)
{
	struct question *all[CONSENT_OPEN_MAX]; /* what opens meanwhile is asked by the new terms */
	size_t len = 0;

	for (struct list_node *at = list_first(&consents->open);
	     at != NULL && len < ARRAY_SIZE(all); at = list_next(&consents->open, at))
		all[len++] = question_of(at);
	for (size_t i = 0; i < len; i++)
		take_down(all[i]);
	for (size_t i = 0; i < len; i++)
		release(all[i], CONSENT_NONE, "");
}

void consents_free(struct consents *consents)
{
	struct list_node *next = NULL;

	if (consents == NULL)
		return;
	for (struct list_node *at = list_first(&consents->open); at != NULL; at = next) {
		struct question *question = question_of(at);

		next = list_next(&consents->open, at);
		loop_disarm(&question->patience);
		while (question->first != NULL) {
			struct consent_wait *wait = question->first;

			question->first = wait->next;
			free(wait);
		}
		free(question);
	}
	free(consents);
}
