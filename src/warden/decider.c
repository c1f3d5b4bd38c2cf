// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a question to a policy is written as a PolicyInput and sent to immure-judge, unless the
 * answer to one like it was kept. The judge holds what it was started with; what changes that starts another
 * and empties the kept answers first, so none outlives what it came from.
 *
 * Rules of a policy have names; who counts by them wants numbers: the first to be named is 0.
 */
#include "warden/decider.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fd.h"
#include "policy/input.h"
#include "policy/settings.h"
#include "warden/decider_cache.h"
#include "warden/decider_rules.h"
#include "warden/egress_text.h"
#include "warden/policy_load.h"
#include "warden/service.h"
#include "wire/judge.h"

struct decider {
	struct policy *settings; /* NULL: a policy decides */
	const char *sandbox;
	char *app, *workspace; /* owned */
	int64_t started_ns;
	size_t rules_len; /* of the settings */

	int load; /* owned; -1: none */
	char hash[POLICY_LOAD_HASH_OCTETS];
	struct service *judge;
	struct decider_cache cache;
	unsigned reads; /* what the policy looks at, since the first answer said so */
	char *names[DECIDER_RULES_MAX]; /* owned; of rules that count */
	size_t names_len;
};

struct decider_question {
	struct decider *decider;
	struct service_question *asked;
	void (*done)(void *context, struct policy_verdict *verdict);
	void *context;
	struct net_name host;
	struct policy_request like; /* what was asked, all its own: */
	char texts[];
};

static void deny(struct policy_verdict *ret, const char *why)
{
	*ret = (struct policy_verdict){ .answer = POLICY_DENY, .rule = "default" };
	snprintf(ret->why, sizeof(ret->why), "%s", why);
}

/* number_of() - the rule of that name. Return: false: there are too many */
static bool number_of(size_t *ret, struct decider *decider, struct span name)
{
	for (size_t i = 0; i < decider->names_len; i++)
		if (span_is(name, decider->names[i])) {
			*ret = i;
			return true;
		}
	if (decider->names_len == DECIDER_RULES_MAX)
		return false;
	char *copy = strndup(name.ptr, name.len);
	if (copy == NULL)
		return false;
	*ret = decider->names_len;
	decider->names[decider->names_len++] = copy;
	return true;
}

/* take_quotas() - Return: false: more rules count than can be */
static bool take_quotas(struct policy_verdict *ret, struct decider *decider,
			const struct judge_answer *answer)
{
	_Static_assert((int)JUDGE_QUOTAS == (int)ARRAY_SIZE(ret->quota), "as many");
	for (size_t i = 0; i < JUDGE_QUOTAS; i++) {
		if ((answer->quotas[i].per_minute | answer->quotas[i].at_once) == 0)
			continue;
		ret->quota[i].per_minute = answer->quotas[i].per_minute;
		ret->quota[i].at_once = answer->quotas[i].at_once;
		if (!number_of(&ret->quota[i].rule, decider, answer->quotas[i].rule))
			return false;
	}
	return true;
}

/* take_verdict() - what @answer says, made fit to be shown */
static void take_verdict(struct policy_verdict *ret, struct decider *decider,
			 const struct judge_answer *answer)
{
	_Static_assert((int)JUDGE_PINS_MAX == (int)POLICY_PINS_MAX &&
			   (int)JUDGE_PIN_OCTETS == (int)POLICY_PIN_OCTETS,
		       "the pins of an answer fit a verdict");
	*ret = (struct policy_verdict){
		.answer = answer->verdict == JUDGE_ALLOW ? POLICY_ALLOW : POLICY_DENY,
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
	if (answer->verdict == JUDGE_ASK)
		snprintf(ret->why, sizeof(ret->why),
			 "the policy wants its owner to be asked, and nobody can be");
	else if (ret->why[0] == '\0')
		snprintf(ret->why, sizeof(ret->why), "the policy %s it without a reason",
			 answer->verdict == JUDGE_ALLOW ? "allows" : "denies");
	if (!take_quotas(ret, decider, answer) ||
	    (answer->messages_per_minute > 0 &&
	     !number_of(&ret->messages_rule, decider, answer->rule)))
		deny(ret, "more rules of the policy count requests than can be counted");
}

/* keep_answer() - for the next question like it, if it does not depend on what is never the same */
static void keep_answer(struct decider *decider, const struct decider_question *question,
			const struct judge_answer *answer, struct span packet)
{
	struct decider_key key;

	if ((answer->reads & JUDGE_READS_ELSE) != 0)
		return;
	if (decider->reads != answer->reads)
		decider_cache_empty(&decider->cache);
	decider->reads = answer->reads;
	if (decider_key_of(&key, &question->like, decider->reads))
		decider_cache_put(&decider->cache, &key, packet);
}

static void on_answer(void *context, struct span packet)
{
	struct decider_question *question = context;
	struct policy_verdict verdict;
	struct judge_answer answer;

	if (packet.ptr == NULL || judge_answer_decode(&answer, packet) < 0) {
		deny(&verdict, "the policy cannot be asked: its engine broke");
	} else {
		take_verdict(&verdict, question->decider, &answer);
		keep_answer(question->decider, question, &answer, packet);
	}
	question->done(question->context, &verdict);
	free(question);
}

/* look_up() - Return: is the answer known? */
static bool look_up(struct policy_verdict *ret, struct decider *decider,
		    const struct policy_request *request)
{
	struct decider_key key;
	struct judge_answer answer;

	if (!decider_key_of(&key, request, decider->reads))
		return false;
	struct span packet = decider_cache_get(&decider->cache, &key);
	if (packet.ptr == NULL || judge_answer_decode(&answer, packet) < 0)
		return false;
	take_verdict(ret, decider, &answer);
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

/* put_question() - Return: 0; -errno: it cannot be written */
static int put_question(struct buf *buf, const struct decider *decider,
			const struct policy_request *request)
{
	const bool http = request->kind == POLICY_HTTP_REQUEST;
	char id[16];

	snprintf(id, sizeof(id), "req-%08x", request->id);
	const struct policy_input input = {
		.request_id = span_of(id),
		.policy_hash = span_of(decider->hash),
		.timestamp_ns = clock_unix_ns(),
		.started_ns = decider->started_ns,
		.mode = POLICY_MODE_ENFORCE,
		.app = span_of(decider->app),
		.sandbox = span_of(decider->sandbox),
		.pid = request->pid,
		.program = request->program,
		.workspace_root = span_of(decider->workspace),
		.action = action_of(request->kind),
		.resource = {
			.host = { request->host->text, request->host->len },
			.is_address = request->host->kind == NET_NAME_ADDRESS,
			.port = request->port,
			.websocket = request->websocket,
			.scheme = !http            ? (struct span){ 0 }
				  : request->https ? SPAN("https")
						   : SPAN("http"),
			.method = request->method,
			.target = request->target,
		},
	};
	return policy_input_put(buf, &input);
}

/* keep() - move what @text borrows to @at. Return: behind it */
static char *keep(struct span *text, char *at)
{
	if (text->len > 0)
		memcpy(at, text->ptr, text->len);
	if (text->ptr != NULL)
		text->ptr = at;
	return at + text->len;
}

/* question_new() - with copies of what an answer is kept by */
static struct decider_question *question_new(struct decider *decider,
					     const struct policy_request *request)
{
	size_t octets = request->method.len + request->target.len + request->program.len;
	struct decider_question *question = calloc(1, sizeof(*question) + octets);

	if (question == NULL)
		return NULL;
	question->decider = decider;
	question->host = *request->host;
	question->like = *request;
	question->like.host = &question->host;
	char *at = keep(&question->like.method, question->texts);
	at = keep(&question->like.target, at);
	(void)keep(&question->like.program, at);
	return question;
}

/* send_question() - Return: NULL: done() will be called; else why not */
static const char *send_question(struct decider_question *question,
				 const struct policy_request *request)
{
	CLEANUP_BUF struct buf text = BUF(JUDGE_QUESTION_OCTETS_MAX);

	if (put_question(&text, question->decider, request) < 0)
		return "the request is too long to ask the policy about";
	int r = service_ask(&question->asked, question->decider->judge, buf_span(&text), on_answer,
			    question);
	if (r < 0)
		return r == -ENOBUFS ? "too many questions wait for the policy"
				     : "the policy cannot be asked: its engine broke a moment ago";
	return NULL;
}

bool decider_ask(struct policy_verdict *ret, struct decider_question **ret_question,
		 struct decider *decider, const struct policy_request *request,
		 void (*done)(void *context, struct policy_verdict *verdict), void *context)
{
	if (decider->settings != NULL) {
		policy_decide(ret, decider->settings, request);
		return true;
	}
	if (look_up(ret, decider, request))
		return true;
	struct decider_question *question = question_new(decider, request);
	const char *why = "out of memory";
	if (question != NULL) {
		question->done = done;
		question->context = context;
		why = send_question(question, request);
	}
	if (why != NULL) {
		free(question);
		deny(ret, why);
		return true;
	}
	*ret_question = question;
	return false;
}

void decider_cancel(struct decider_question *question)
{
	if (question == NULL)
		return;
	service_cancel(question->asked);
	free(question);
}

/* open_load() - for the judge, which gets a descriptor of its own */
static int open_load(void *context)
{
	const struct decider *decider = context;
	int fd = fcntl(decider->load, F_DUPFD_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

static int read_answer(struct span *answer)
{
	struct judge_answer ignored;

	return judge_answer_decode(&ignored, *answer);
}

/* load_policy() - with the settings as data. Return: a descriptor; -errno with *diag */
static int load_policy(char ret_hash[POLICY_LOAD_HASH_OCTETS], const struct config *config,
		       struct diag *diag)
{
	struct policy_rules rules;
	char *data = NULL;
	int r = decider_rules(&rules, &config->network);

	if (r < 0)
		return diag_set(diag, r, "out of memory");
	r = policy_settings_text(&data, &rules, diag);
	free((void *)(uintptr_t)rules.rules);
	if (r == 0)
		r = policy_load(ret_hash, config->policy, span_of(data), diag);
	free(data);
	return r;
}

static int open_policy(struct decider *decider, struct loop *loop, const struct config *config,
		       struct diag *diag)
{
	const struct service_config judge = {
		.program = JUDGE_PROGRAM,
		.role = JUDGE_SERVE,
		.answer_octets_max = JUDGE_ANSWER_OCTETS_MAX,
		.answer_ms = DECIDER_ANSWER_MS,
		.open = open_load,
		.read = read_answer,
		.context = decider,
	};

	decider->load = load_policy(decider->hash, config, diag);
	if (decider->load < 0)
		return decider->load;
	int r = service_new(&decider->judge, loop, &judge);
	return r < 0 ? diag_set(diag, r, "out of memory") : 0;
}

static int open_settings(struct decider *decider, const struct config *config, struct diag *diag)
{
	struct policy_rules rules;
	int r = decider_rules(&rules, &config->network);

	if (r < 0)
		return diag_set(diag, r, "out of memory");
	r = policy_new(&decider->settings, &rules, diag);
	decider->rules_len = rules.rules_len;
	free((void *)(uintptr_t)rules.rules);
	return r;
}

int decider_new(struct decider **ret, struct loop *loop, const struct config *config,
		const char *sandbox, struct diag *diag)
{
	struct decider *decider = calloc(1, sizeof(*decider));

	if (decider == NULL)
		return diag_set(diag, -ENOMEM, "out of memory");
	decider->load = -1;
	decider->sandbox = sandbox;
	decider->reads = JUDGE_READS_ELSE;
	decider->started_ns = clock_unix_ns();
	decider->app = strdup(config->app != NULL ? config->app : "");
	decider->workspace = strdup(config->working_dir);
	int r = decider->app == NULL || decider->workspace == NULL
		    ? diag_set(diag, -ENOMEM, "out of memory")
		: config->policy != NULL ? open_policy(decider, loop, config, diag)
					 : open_settings(decider, config, diag);
	if (r < 0) {
		decider_free(decider);
		return r;
	}
	*ret = decider;
	return 0;
}

void decider_free(struct decider *decider)
{
	if (decider == NULL)
		return;
	service_free(decider->judge);
	decider_cache_empty(&decider->cache);
	for (size_t i = 0; i < decider->names_len; i++)
		free(decider->names[i]);
	policy_free(decider->settings);
	fd_close(&decider->load);
	free(decider->app);
	free(decider->workspace);
	free(decider);
}

int decider_check(const struct config *config, struct diag *diag)
{
	char hash[POLICY_LOAD_HASH_OCTETS];

	if (config->policy == NULL)
		return 0;
	CLEANUP_FD int load = load_policy(hash, config, diag);
	return load < 0 ? load : policy_load_check(load, diag);
}

bool decider_has_policy(const struct decider *decider)
{
	return decider->settings == NULL;
}

size_t decider_rules_max(const struct decider *decider)
{
	return decider->settings == NULL ? DECIDER_RULES_MAX : decider->rules_len + 1;
}
