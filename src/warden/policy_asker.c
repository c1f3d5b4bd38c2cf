// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a question is written as a PolicyInput and sent to immure-judge, unless the answer to
 * one like it was kept. The judge holds what it was started with; what changes that starts another and empties
 * the kept answers first, so none outlives what it came from.
 *
 * Rules of a policy have names; who counts by them wants numbers: the first to be named is 0.
 */
#include "warden/policy_asker.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fd.h"
#include "policy/settings.h"
#include "warden/decider_cache.h"
#include "warden/decider_rules.h"
#include "warden/egress_text.h"
#include "warden/policy_load.h"
#include "warden/service.h"
#include "wire/judge.h"

struct policy_asker {
	struct policy_asker_facts facts;
	int load; /* owned */
	char hash[POLICY_LOAD_HASH_OCTETS];
	struct service *judge;
	struct decider_cache cache;
	unsigned
	    terms; /* how often the mode has changed: who was asked before says nothing any more */
	unsigned reads; /* what the policy looks at, since the first answer said so */
	char *names[POLICY_RULES_MAX]; /* owned; of rules that count */
	size_t names_len;
};

struct policy_question {
	struct policy_asker *asker;
	struct service_question *asked;
	void (*done)(void *context, struct policy_verdict *verdict);
	void *context;
	const struct policy_request *request; /* borrowed */
	unsigned terms;                       /* of the asker, when it was asked */
};

/* deny() - for what went wrong; by no rule, as the rule "default" means that none speaks of it */
static void deny(struct policy_verdict *ret, const char *why)
{
	*ret = (struct policy_verdict){ .answer = POLICY_DENY };
	snprintf(ret->why, sizeof(ret->why), "%s", why);
}

/* number_of() - the rule of that name. Return: false: there are too many */
static bool number_of(size_t *ret, struct policy_asker *asker, struct span name)
{
	for (size_t i = 0; i < asker->names_len; i++)
		if (span_is(name, asker->names[i])) {
			*ret = i;
			return true;
		}
	if (asker->names_len == POLICY_RULES_MAX)
		return false;
	char *copy = strndup(name.ptr, name.len);
	if (copy == NULL)
		return false;
	*ret = asker->names_len;
	asker->names[asker->names_len++] = copy;
	return true;
}

/* take_quotas() - Return: false: more rules count than can be */
static bool take_quotas(struct policy_verdict *ret, struct policy_asker *asker,
			const struct judge_answer *answer)
{
	_Static_assert((int)JUDGE_QUOTAS == (int)ARRAY_SIZE(ret->quota), "as many");
	for (size_t i = 0; i < JUDGE_QUOTAS; i++) {
		if ((answer->quotas[i].per_minute | answer->quotas[i].at_once) == 0)
			continue;
		ret->quota[i].per_minute = answer->quotas[i].per_minute;
		ret->quota[i].at_once = answer->quotas[i].at_once;
		if (!number_of(&ret->quota[i].rule, asker, answer->quotas[i].rule))
			return false;
	}
	return true;
}

static enum policy_answer answer_of(enum judge_verdict verdict)
{
	static const enum policy_answer answers[] = {
		[JUDGE_DENY] = POLICY_DENY, [JUDGE_ALLOW] = POLICY_ALLOW, [JUDGE_ASK] = POLICY_ASK
	};

	return answers[verdict];
}

/* take_verdict() - what @answer says, made fit to be shown */
static void take_verdict(struct policy_verdict *ret, struct policy_asker *asker,
			 const struct judge_answer *answer)
{
	_Static_assert((int)JUDGE_PINS_MAX == (int)POLICY_PINS_MAX &&
			   (int)JUDGE_PIN_OCTETS == (int)POLICY_PIN_OCTETS,
		       "the pins of an answer fit a verdict");
	*ret = (struct policy_verdict){
		.answer = answer_of(answer->verdict),
		.raw = (answer->flags & JUDGE_RAW) != 0,
		.passthrough = (answer->flags & JUDGE_PASSTHROUGH) != 0,
		.request_octets = answer->request_octets,
		.response_octets = answer->response_octets,
		.idle_ms = answer->idle_ms,
		.message_octets = answer->message_octets,
		.messages_per_minute = answer->messages_per_minute,
		.pins_len = answer->pins_len,
	};
	if (answer->pins_len > 0)
		memcpy(ret->pins, answer->pins, answer->pins_len * JUDGE_PIN_OCTETS);
	egress_text(ret->rule, sizeof(ret->rule), answer->rule);
	egress_text(ret->why, sizeof(ret->why), answer->why);
	if (ret->why[0] == '\0')
		snprintf(ret->why, sizeof(ret->why), "the policy %s it without a reason",
			 answer->verdict == JUDGE_ALLOW ? "allows" : "denies");
	if (!take_quotas(ret, asker, answer) ||
	    (answer->messages_per_minute > 0 &&
	     !number_of(&ret->messages_rule, asker, answer->rule)))
		deny(ret, "more rules of the policy count requests than can be counted");
}

/* keep_answer() - for the next question like it, if it does not depend on what is never the same */
static void keep_answer(struct policy_asker *asker, const struct policy_question *question,
			const struct judge_answer *answer, struct span packet)
{
	struct decider_key key;

	if ((answer->reads & JUDGE_READS_ELSE) != 0)
		return;
	if (asker->reads != answer->reads)
		decider_cache_empty(&asker->cache);
	asker->reads = answer->reads;
	if (decider_key_of(&key, question->request, asker->reads))
		decider_cache_put(&asker->cache, &key, packet);
}

static const char *send_question(struct policy_question *question);

static void on_answer(void *context, struct span packet)
{
	struct policy_question *question = context;
	struct policy_verdict verdict;
	struct judge_answer answer;

	if (question->terms != question->asker->terms) {
		const char *why = send_question(question);

		if (why == NULL)
			return;
		deny(&verdict, why);
	} else if (packet.ptr == NULL || judge_answer_decode(&answer, packet) < 0) {
		deny(&verdict, "the policy cannot be asked: its engine broke");
	} else {
		take_verdict(&verdict, question->asker, &answer);
		keep_answer(question->asker, question, &answer, packet);
	}
	question->done(question->context, &verdict);
	free(question);
}

/* look_up() - Return: is the answer known? */
static bool look_up(struct policy_verdict *ret, struct policy_asker *asker,
		    const struct policy_request *request)
{
	struct decider_key key;
	struct judge_answer answer;

	if (!decider_key_of(&key, request, asker->reads))
		return false;
	struct span packet = decider_cache_get(&asker->cache, &key);
	if (packet.ptr == NULL || judge_answer_decode(&answer, packet) < 0)
		return false;
	take_verdict(ret, asker, &answer);
	return true;
}

static enum policy_action action_of(enum policy_kind kind)
{
	switch (kind) {
	case POLICY_DNS_QUERY:
		return POLICY_ACTION_DNS_QUERY;
	case POLICY_NET_CONNECT:
		return POLICY_ACTION_NET_CONNECT;
	case POLICY_HTTP_REQUEST:
		return POLICY_ACTION_HTTP_REQUEST;
	case POLICY_NOTHING:
		break;
	}
	return POLICY_ACTION_NONE;
}

/* scheme_of() - of a request; nothing else has one */
static struct span scheme_of(const struct policy_request *request)
{
	if (request->kind != POLICY_HTTP_REQUEST)
		return (struct span){ 0 };
	return span_of(request->https ? "https" : "http");
}

/* put_question() - Return: 0; -errno: it cannot be written */
static int put_question(struct buf *buf, const struct policy_asker *asker,
			const struct policy_request *request)
{
	char id[16];

	snprintf(id, sizeof(id), "req-%08x", request->id);
	const struct policy_input input = {
		.request_id = span_of(id),
		.policy_hash = span_of(asker->hash),
		.timestamp_ns = clock_unix_ns(),
		.started_ns = asker->facts.started_ns,
		.mode = asker->facts.mode,
		.app = span_of(asker->facts.app),
		.sandbox = span_of(asker->facts.sandbox),
		.pid = request->pid,
		.program = request->program,
		.workspace_root = span_of(asker->facts.workspace),
		.action = action_of(request->kind),
		.resource = {
			.host = { request->host->text, request->host->len },
			.is_address = request->host->kind == NET_NAME_ADDRESS,
			.port = request->port,
			.websocket = request->websocket,
			.scheme = scheme_of(request),
			.method = request->method,
			.target = request->target,
		},
	};
	return policy_input_put(buf, &input);
}

/* send_question() - Return: NULL: done() will be called; else why not */
static const char *send_question(struct policy_question *question)
{
	CLEANUP_BUF struct buf text = BUF(JUDGE_QUESTION_OCTETS_MAX);

	question->terms = question->asker->terms;
	if (put_question(&text, question->asker, question->request) < 0)
		return "the request is too long to ask the policy about";
	int r = service_ask(&question->asked, question->asker->judge, buf_span(&text), on_answer,
			    question);
	if (r < 0)
		return r == -ENOBUFS ? "too many questions wait for the policy"
				     : "the policy cannot be asked: its engine broke a moment ago";
	return NULL;
}

bool policy_ask(struct policy_verdict *ret, struct policy_question **ret_question,
		struct policy_asker *asker, const struct policy_request *request,
		void (*done)(void *context, struct policy_verdict *verdict), void *context)
{
	if (look_up(ret, asker, request))
		return true;
	struct policy_question *question = calloc(1, sizeof(*question));
	const char *why = "out of memory";
	if (question != NULL) {
		*question = (struct policy_question){
			.asker = asker, .done = done, .context = context, .request = request
		};
		why = send_question(question);
	}
	if (why != NULL) {
		free(question);
		deny(ret, why);
		return true;
	}
	*ret_question = question;
	return false;
}

void policy_ask_cancel(struct policy_question *question)
{
	if (question == NULL)
		return;
	service_cancel(question->asked);
	free(question);
}

const char *policy_asker_hash(const struct policy_asker *asker)
{
	return asker->hash;
}

void policy_asker_set_mode(struct policy_asker *asker, enum policy_mode mode)
{
	asker->facts.mode = mode;
	asker->terms++;
	asker->reads = JUDGE_READS_ELSE;
	decider_cache_empty(&asker->cache);
}

/* open_load() - for the judge, which gets a descriptor of its own */
static int open_load(void *context)
{
	const struct policy_asker *asker = context;
	int fd = fcntl(asker->load, F_DUPFD_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

static int read_answer(struct span *answer)
{
	struct judge_answer ignored;

	return judge_answer_decode(&ignored, *answer);
}

/* merge() - what @consent has into *data, which is replaced. Return: 0 or -ENOMEM. */
static int merge(char **data, const char *consent)
{
	json_t *all = json_loads(*data, 0, NULL), *more = json_loads(consent, 0, NULL);
	char *text = NULL;

	if (all != NULL && more != NULL && json_object_update(all, more) == 0)
		text = json_dumps(all, JSON_COMPACT);
	json_decref(all);
	json_decref(more);
	if (text == NULL)
		return -ENOMEM;
	free(*data);
	*data = text;
	return 0;
}

/* load_policy() - with the settings as data, and @consent unless NULL. Return: a descriptor; -errno with
 * *diag */
static int load_policy(char ret_hash[POLICY_LOAD_HASH_OCTETS], const struct config *config,
		       const char *consent, struct diag *diag)
{
	struct policy_rules rules;
	char *data = NULL;
	int r = decider_rules(&rules, &config->network);

	if (r < 0)
		return diag_set(diag, r, "out of memory");
	r = policy_settings_text(&data, &rules, diag);
	free((void *)(uintptr_t)rules.rules);
	if (r == 0 && consent != NULL && merge(&data, consent) < 0)
		r = diag_set(diag, -ENOMEM, "out of memory");
	if (r == 0)
		r = policy_load(ret_hash, config->policy, span_of(data), diag);
	free(data);
	return r;
}

int policy_asker_new(struct policy_asker **ret, struct loop *loop, const struct config *config,
		     const struct policy_asker_facts *facts, struct diag *diag)
{
	struct policy_asker *asker = calloc(1, sizeof(*asker));
	const struct service_config judge = {
		.program = JUDGE_PROGRAM,
		.role = JUDGE_SERVE,
		.answer_octets_max = JUDGE_ANSWER_OCTETS_MAX,
		.answer_ms = POLICY_ASKER_ANSWER_MS,
		.open = open_load,
		.read = read_answer,
		.context = asker,
	};

	if (asker == NULL)
		return diag_set(diag, -ENOMEM, "out of memory");
	asker->facts = *facts;
	asker->facts.consent = NULL;
	asker->reads = JUDGE_READS_ELSE;
	asker->load = load_policy(asker->hash, config, facts->consent, diag);
	int r = asker->load;
	if (r >= 0) {
		r = service_new(&asker->judge, loop, &judge);
		if (r < 0)
			diag_set(diag, r, "out of memory");
	}
	if (r < 0) {
		policy_asker_free(asker);
		return r;
	}
	*ret = asker;
	return 0;
}

void policy_asker_free(struct policy_asker *asker)
{
	if (asker == NULL)
		return;
	service_free(asker->judge);
	decider_cache_empty(&asker->cache);
	for (size_t i = 0; i < asker->names_len; i++)
		free(asker->names[i]);
	fd_close(&asker->load);
	free(asker);
}

int policy_asker_check(const struct config *config, struct diag *diag)
{
	char hash[POLICY_LOAD_HASH_OCTETS];
	CLEANUP_FD int load = load_policy(hash, config, NULL, diag);

	return load < 0 ? load : policy_load_check(load, diag);
}
