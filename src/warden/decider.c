// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a question that cannot be answered at once goes through up to two stations: the policy's
 * process, then the owner. It is the same question at both, and whoever asked knows nothing of them.
 *
 * What the owner answers for longer than once is kept as a grant: exactly what he was shown, no more. Grants
 * answer only what would be asked again; they do not reach what a rule forbids, nor the guard of addresses.
 * Those of an app are read when its sandbox begins, and what is added is kept for the next one (grants.h).
 */
#include "warden/decider.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/list.h"
#include "warden/decider_grants.h"
#include "warden/decider_rules.h"
#include "warden/grants.h"
#include "warden/policy_asker.h"

#define RULE_UNKNOWN "default" /* of a verdict about what no rule speaks of */
#define RULE_CONSENT "consent"

struct decider {
	struct policy *settings;    /* NULL: a policy decides */
	struct policy_asker *asker; /* NULL: the settings decide */
	struct consents *consents;
	enum policy_mode mode;
	char *app, *workspace; /* owned */
	size_t rules_len;      /* of the settings */
	struct decider_grants grants;
	struct grants_keeper *keeper; /* NULL: without an app, nothing is kept */
	char *unread;                 /* owned: why what was kept could not be read; NULL: it was */
	const char *by;               /* who answers just now; borrowed */
	struct list orphans;          /* questions that wait for the owner, and nobody for them */
	struct consent_hooks hooks;
};

struct decider_question {
	struct decider *decider;
	struct policy_question *asked; /* the policy; NULL: not, or not any more */
	struct consent_wait *waits;    /* for the owner; likewise */
	void (*done)(void *context, struct policy_verdict *verdict); /* NULL: an orphan */
	void *context;
	struct list_node node;         /* of the orphans */
	struct policy_verdict verdict; /* that the owner is asked about */
	struct net_name host;
	struct policy_request request; /* its texts are its own: */
	char texts[];
};

static void deny(struct policy_verdict *verdict, const char *rule, const char *why)
{
	struct policy_verdict denied = { .answer = POLICY_DENY };

	(void)snprintf(denied.rule, sizeof(denied.rule), "%s", rule);
	(void)snprintf(denied.why, sizeof(denied.why), "%s", why);
	*verdict = denied; /* whose rule may be @rule */
}

/* allow() - without obligations; what was consented to is a host and port, so it may be spoken to in anything */
static void allow(struct policy_verdict *verdict, const char *rule, const char *why)
{
	deny(verdict, rule, why);
	verdict->answer = POLICY_ALLOW;
	verdict->raw = true;
	verdict->consented = strcmp(rule, RULE_CONSENT) == 0;
}

static bool is_unknown(const struct policy_verdict *verdict)
{
	return verdict->answer == POLICY_DENY && strcmp(verdict->rule, RULE_UNKNOWN) == 0;
}

/* is_to_be_asked() - the owner, about that verdict */
static bool is_to_be_asked(const struct decider *decider, const struct policy_verdict *verdict)
{
	return verdict->answer == POLICY_ASK ||
	       (decider->mode == POLICY_MODE_ASK && is_unknown(verdict));
}

/* keep_answer() - for this run, and if it is for longer also for those to come; without room for it, it holds
 * once. Who asked for the same has brought it here already. */
static void keep_answer(struct decider *decider, const struct policy_request *request,
			enum consent_answer answer)
{
	const bool denied = answer == CONSENT_DENY_ALWAYS;
	struct grant grant;

	if (decider_grants_find(&decider->grants, request) != GRANTED_NOTHING ||
	    !decider_grants_add(&decider->grants, request, denied) || answer == CONSENT_RUN ||
	    decider->keeper == NULL)
		return;
	decider_grants_of(&grant, request, denied, decider->app, decider->by);
	grants_keep(decider->keeper, &grant);
}

/* watch_only() - allow it, without obligations; what it would have been is still said */
static void watch_only(struct policy_verdict *verdict)
{
	struct policy_verdict watched = { .answer = POLICY_ALLOW, .raw = true };

	watched.unheld = verdict->answer != POLICY_ALLOW;
	memcpy(watched.rule, verdict->rule, sizeof(watched.rule));
	memcpy(watched.why, verdict->why, sizeof(watched.why));
	*verdict = watched;
}

/* settle_known() - what needs no owner: by the mode, a grant, or as it is. Return: false: he is to be asked */
static bool settle_known(const struct decider *decider, const struct policy_request *request,
			 struct policy_verdict *verdict)
{
	if (decider->mode == POLICY_MODE_AUDIT) {
		watch_only(verdict);
		return true;
	}
	if (!is_to_be_asked(decider, verdict))
		return true;
	const enum decider_granted granted = decider_grants_find(&decider->grants, request);
	if (granted == GRANTED_NO)
		deny(verdict, RULE_CONSENT, "its owner said no");
	else if (granted == GRANTED_RUN)
		allow(verdict, RULE_CONSENT, "its owner said yes, for this run");
	else if (granted == GRANTED_BEFORE)
		allow(verdict, RULE_CONSENT, "its owner said yes to it before");
	else if (request->kind == POLICY_DNS_QUERY)
		allow(verdict, RULE_UNKNOWN, "its owner is asked when it is connected to");
	else if (request->consented && strcmp(verdict->rule, RULE_UNKNOWN) == 0)
		allow(verdict, RULE_CONSENT, "its owner said yes to the host and port");
	else
		return false;
	return true;
}

static void obey_owner(struct policy_verdict *verdict, enum consent_answer answer)
{
	if (answer == CONSENT_ONCE || answer == CONSENT_RUN || answer == CONSENT_ALWAYS)
		allow(verdict, RULE_CONSENT, "its owner said yes");
	else if (answer == CONSENT_NONE)
		deny(verdict, RULE_CONSENT, "its owner was asked and gave no answer");
	else
		deny(verdict, RULE_CONSENT, "its owner said no");
}

static void finish(struct decider_question *question)
{
	if (question->done != NULL)
		question->done(question->context, &question->verdict);
	list_remove(&question->node);
	free(question);
}

static void on_answered(void *context, enum consent_answer answer)
{
	struct decider_question *question = context;

	question->waits = NULL;
	/* the mode may be another by now, which may know */
	if (answer != CONSENT_NONE ||
	    !settle_known(question->decider, &question->request, &question->verdict)) {
		obey_owner(&question->verdict, answer);
		if (answer == CONSENT_RUN || answer == CONSENT_ALWAYS ||
		    answer == CONSENT_DENY_ALWAYS)
			keep_answer(question->decider, &question->request, answer);
	}
	finish(question);
}

/* ask_owner() - Return: does the question wait? Else its verdict says why not */
static bool ask_owner(struct decider_question *question)
{
	struct policy_verdict *verdict = &question->verdict;
	const char *unread = question->decider->unread;
	char why[POLICY_WHY_OCTETS + DIAG_OCTETS + 2];

	(void)snprintf(why, sizeof(why), "%s%s%s", verdict->why, unread != NULL ? "; " : "",
		       unread != NULL ? unread : "");
	int r = consents_wait(&question->waits, question->decider->consents, &question->request,
			      why, on_answered, question);

	if (r == 0)
		return true;
	if (r == -ENOTTY)
		deny(verdict, verdict->rule, "its owner is to be asked, and nobody is there");
	else if (r == -EBUSY)
		deny(verdict, verdict->rule,
		     "its owner is to be asked, and was asked too much already");
	else
		deny(verdict, verdict->rule, "out of memory");
	return false;
}

static void on_decided(void *context, struct policy_verdict *verdict)
{
	struct decider_question *question = context;

	question->asked = NULL;
	question->verdict = *verdict;
	if (settle_known(question->decider, &question->request, &question->verdict) ||
	    !ask_owner(question))
		finish(question);
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

static struct decider_question *question_new(struct decider *decider,
					     const struct policy_request *request)
{
	size_t octets = request->method.len + request->target.len + request->program.len;
	struct decider_question *question = calloc(1, sizeof(*question) + octets);

	if (question == NULL)
		return NULL;
	question->decider = decider;
	question->host = *request->host;
	question->request = *request;
	question->request.host = &question->host;
	char *at = keep(&question->request.method, question->texts);
	at = keep(&question->request.target, at);
	(void)keep(&question->request.program, at);
	return question;
}

/* ask_policy() - Return: is question->verdict there? */
static bool ask_policy(struct decider_question *question)
{
	struct decider *decider = question->decider;

	if (decider->asker != NULL)
		return policy_ask(&question->verdict, &question->asked, decider->asker,
				  &question->request, on_decided, question);
	policy_decide(&question->verdict, decider->settings, &question->request);
	return true;
}

bool decider_ask(struct policy_verdict *ret, struct decider_question **ret_question,
		 struct decider *decider, const struct policy_request *request,
		 void (*done)(void *context, struct policy_verdict *verdict), void *context)
{
	if (decider->asker == NULL) { /* the most common way by far, without memory */
		policy_decide(ret, decider->settings, request);
		if (settle_known(decider, request, ret))
			return true;
	}
	struct decider_question *question = question_new(decider, request);
	if (question == NULL) {
		deny(ret, "", "out of memory");
		return true;
	}
	question->done = done;
	question->context = context;
	if (!ask_policy(question) ||
	    (!settle_known(decider, request, &question->verdict) && ask_owner(question))) {
		*ret_question = question;
		return false;
	}
	*ret = question->verdict;
	free(question);
	return true;
}

void decider_cancel(struct decider_question *question)
{
	if (question == NULL)
		return;
	policy_ask_cancel(question->asked);
	if (question->waits == NULL) {
		free(question);
		return;
	}
	/* the owner reads it already, and "never" must not be lost as the program did not wait for it */
	question->done = NULL;
	list_append(&question->decider->orphans, &question->node);
}

int decider_reply(struct decider *decider, uint32_t id, enum consent_answer answer, const char *by)
{
	const char *before = decider->by; /* an answer may bring another along */

	decider->by = by;
	int r = consents_reply(decider->consents, id, answer, by);
	decider->by = before;
	return r;
}

void decider_set_mode(struct decider *decider, enum policy_mode mode)
{
	if (decider->mode == mode)
		return;
	decider->mode = mode;
	if (decider->asker != NULL)
		policy_asker_set_mode(decider->asker, mode);
	consents_settle_all(decider->consents);
}

enum policy_mode decider_mode(const struct decider *decider)
{
	return decider->mode;
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

static void on_unkept(void *context, const char *why)
{
	struct decider *decider = context;

	if (decider->hooks.unkept != NULL)
		decider->hooks.unkept(decider->hooks.context, why);
}

/* open_grants() - of its app, if it has one. What cannot be read is as if it were not there: then it is asked
 * again, and whoever is asked is told. Return: 0 or -ENOMEM. */
static int open_grants(struct decider *decider, struct loop *loop, int home)
{
	struct diag diag;

	if (decider->app[0] == '\0' || home < 0)
		return 0;
	if (decider_grants_load(&decider->grants, home, decider->app, &diag) < 0) {
		on_unkept(decider, diag.why);
		decider->unread = strdup(diag.why);
	}
	return grants_keeper_new(&decider->keeper, loop, home, on_unkept, decider);
}

/* open_policy() - with what was consented to as its data */
static int open_policy(struct decider *decider, struct loop *loop, const struct config *config,
		       struct policy_asker_facts *facts, struct diag *diag)
{
	char *consent = NULL;
	int r = decider->grants.len > 0
		    ? decider_grants_text(&consent, &decider->grants, decider->app, diag)
		    : 0;

	facts->consent = consent;
	if (r == 0)
		r = policy_asker_new(&decider->asker, loop, config, facts, diag);
	free(consent);
	return r;
}

/* open_parts() - who decides, and who asks the owner */
static int open_parts(struct decider *decider, struct loop *loop,
		      const struct decider_config *config, struct diag *diag)
{
	struct policy_asker_facts facts = {
		.app = decider->app,
		.sandbox = config->sandbox,
		.workspace = decider->workspace,
		.started_ns = clock_unix_ns(),
		.mode = decider->mode,
	};

	if (decider->app == NULL || decider->workspace == NULL ||
	    consents_new(&decider->consents, loop, decider->app, &decider->hooks) < 0 ||
	    open_grants(decider, loop, config->home) < 0)
		return diag_set(diag, -ENOMEM, "out of memory");
	return config->settings->policy != NULL
		   ? open_policy(decider, loop, config->settings, &facts, diag)
		   : open_settings(decider, config->settings, diag);
}

int decider_new(struct decider **ret, struct loop *loop, const struct decider_config *config,
		struct diag *diag)
{
	struct decider *decider = calloc(1, sizeof(*decider));
	const struct config *settings = config->settings;

	if (decider == NULL)
		return diag_set(diag, -ENOMEM, "out of memory");
	list_init(&decider->orphans);
	decider->hooks = *config->hooks;
	decider->mode = policy_mode_find(settings->mode);
	decider->app = strdup(settings->app != NULL ? settings->app : "");
	decider->workspace = strdup(settings->working_dir);
	int r = open_parts(decider, loop, config, diag);
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
	policy_asker_free(decider->asker);
	consents_free(decider->consents);
	for (struct list_node *at = list_first(&decider->orphans), *next = NULL; at != NULL;
	     at = next) {
		next = list_next(&decider->orphans, at);
		free(container_of(at, struct decider_question, node));
	}
	policy_free(decider->settings);
	grants_keeper_free(decider->keeper);
	decider_grants_free(&decider->grants);
	free(decider->unread);
	free(decider->app);
	free(decider->workspace);
	free(decider);
}

const char *decider_policy_hash(const struct decider *decider)
{
	return decider->asker != NULL ? policy_asker_hash(decider->asker) : NULL;
}

bool decider_has_policy(const struct decider *decider)
{
	return decider->settings == NULL;
}

size_t decider_rules_max(const struct decider *decider)
{
	return decider->settings == NULL ? POLICY_RULES_MAX : decider->rules_len + 1;
}
