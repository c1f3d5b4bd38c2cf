// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a request is asked about on a flow that was allowed, and known from there to its
 * END_REQUEST by the id that the gateway gave it. Its text is kept meanwhile, for the report; that of
 * all requests together is bounded. A denied one is reported at once and gone with its answer.
 *
 * Requests hang in their flow, too: a flow that ends takes them along, each of them reported.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "warden/egress_priv.h"
#include "wire/http1.h"

enum { STATUS_DENIED = 403, STATUS_TOO_MANY = 429 };

struct request {
	struct answer answer;
	struct flow *flow;
	bool https, websocket, unheld;
	int64_t since_ns;
	struct decider_question *deciding; /* NULL: that is done */
	struct egress_quota *counted;      /* with whom; NULL: nobody */
	bool begun;                        /* see egress_hooks */
	char rule[POLICY_RULE_OCTETS];
	struct request *next;                /* in its bucket */
	struct request *beside, **beside_at; /* in its flow */
	size_t text_len;
	char text[]; /* as in ASK_REQUEST */
};

static struct request **find(struct egress *egress, uint32_t id)
{
	struct request **at = &egress->requests[id % EGRESS_BUCKETS];

	while (*at != NULL && (*at)->answer.id != id)
		at = &(*at)->next;
	return at;
}

bool request_is_known(struct egress *egress, uint32_t id)
{
	return *find(egress, id) != NULL;
}

static void forget(struct request *request)
{
	struct egress *egress = request->flow->egress;

	decider_cancel(request->deciding);
	*find(egress, request->answer.id) = request->next;
	*request->beside_at = request->beside;
	if (request->beside != NULL)
		request->beside->beside_at = request->beside_at;
	egress->requests_len--;
	egress->requests_octets -= request->text_len;
	if (request->counted != NULL)
		egress_quota_give(request->counted);
	egress_answer_drop(&request->answer);
	free(request);
}

static void on_given(struct answer *answer)
{
	if (answer->verdict != GATE_ALLOW)
		forget(container_of(answer, struct request, answer));
}

/* about_request() - @report, with what all reports of it say; @what: the method and target */
static struct egress_report about_request(const struct request *request, struct span what,
					  struct egress_report report)
{
	const struct flow *flow = request->flow;

	report.kind = EGRESS_REQUEST;
	report.host = flow->host.text;
	report.is_address = flow->host.kind == NET_NAME_ADDRESS;
	report.port = flow->port;
	report.https = request->https;
	report.id = request->answer.id;
	report.rule = request->rule;
	if (flow->owner.pid != 0)
		report.owner = &flow->owner;
	report.unheld = request->unheld && !report.blocked;
	report.by_policy = report.blocked && decider_has_policy(flow->egress->decider);
	report.mode = decider_mode(flow->egress->decider);
	report.policy_hash = decider_policy_hash(flow->egress->decider);
	report.begun = request->begun;
	report.duration_ns = clock_mono_ns() - request->since_ns;
	(void)!gate_request_split(&report.method, &report.target, what); /* it was, when it came */
	return report;
}

static void tell_request(const struct request *request, struct span what,
			 struct egress_report report)
{
	report = about_request(request, what, report);
	egress_tell(request->flow->egress, &report);
}

/* request_new() - on @flow, in the table. Return: NULL: out of memory */
static struct request *request_new(struct flow *flow, const struct gate_message *message)
{
	struct egress *egress = flow->egress;
	const struct span text = message->data;
	struct request *request = calloc(1, sizeof(*request) + text.len);

	if (request == NULL)
		return NULL;
	request->answer =
	    (struct answer){ .kind = GATE_REQUEST, .id = message->id, .fd = -1, .given = on_given };
	request->flow = flow;
	request->https = (message->flags & GATE_HTTPS) != 0;
	request->websocket = (message->flags & GATE_WEBSOCKET) != 0;
	request->since_ns = clock_mono_ns();
	request->text_len = text.len;
	if (text.len > 0)
		memcpy(request->text, text.ptr, text.len);
	*find(egress, message->id) = request;
	request->beside_at = &flow->requests;
	request->beside = flow->requests;
	if (request->beside != NULL)
		request->beside->beside_at = &request->beside;
	flow->requests = request;
	egress->requests_len++;
	egress->requests_octets += text.len;
	return request;
}

/* give_leave() - with what may stand in it: secrets go over TLS only */
static void give_leave(struct flow *flow, struct request *request)
{
	struct secrets *secrets = request->https ? flow->egress->secrets : NULL;

	egress_answer(flow->egress, &request->answer,
		      secrets_for(secrets, &flow->host, flow->port));
	secrets_done(secrets);
}

/* count() - one that is allowed; it is denied if there are too many */
static void count(struct request *request, struct policy_verdict *verdict)
{
	struct egress *egress = request->flow->egress;
	struct answer *answer = &request->answer;
	unsigned retry_s = 0;
	int r = egress_count(egress, &request->counted, &retry_s, &verdict->quota[0], false,
			     verdict->why);

	if (r == 0) {
		answer->up = verdict->request_octets;
		answer->down = verdict->response_octets;
		if (!request->websocket)
			return;
		answer->message = verdict->message_octets;
		answer->rate = verdict->messages_per_minute;
		answer->rule = (uint16_t)verdict->messages_rule;
		return;
	}
	verdict->answer = POLICY_DENY;
	answer->status = STATUS_TOO_MANY;
	answer->up = retry_s;
}

static struct span text_of(const struct request *request)
{
	return (struct span){ request->text, request->text_len };
}

static void refuse(struct request *request, const char *why)
{
	request->answer.verdict = GATE_DENY;
	tell_request(request, text_of(request),
		     (struct egress_report){ .blocked = true,
					     .websocket = request->websocket,
					     .status = request->answer.status != 0
							   ? request->answer.status
							   : STATUS_DENIED,
					     .why = why });
	egress_answer(request->flow->egress, &request->answer, span_of(why));
}

/* begin() - put on record that an allowed one takes place, or it is denied */
static void begin(struct request *request, struct policy_verdict *verdict)
{
	const struct egress_report report =
	    about_request(request, text_of(request),
			  (struct egress_report){ .websocket = request->websocket,
						  .why = request->unheld ? verdict->why : "" });

	request->begun = egress_begin(request->flow->egress, &report, verdict->why);
	if (request->begun)
		return;
	verdict->answer = POLICY_DENY;
	request->answer.status = EGRESS_STATUS_UNAVAILABLE;
	request->answer.up = request->answer.down = request->answer.message = 0;
	request->answer.rate = request->answer.rule = 0;
}

static void obey(struct request *request, struct policy_verdict *verdict)
{
	memcpy(request->rule, verdict->rule, sizeof(request->rule));
	request->unheld = verdict->unheld;
	if (verdict->answer == POLICY_ALLOW)
		count(request, verdict);
	if (verdict->answer == POLICY_ALLOW)
		begin(request, verdict);
	if (verdict->answer != POLICY_ALLOW) {
		refuse(request, verdict->why);
		return;
	}
	request->answer.verdict = GATE_ALLOW;
	give_leave(request->flow, request);
}

static void on_decided(void *context, struct policy_verdict *verdict)
{
	struct request *request = context;

	request->deciding = NULL;
	obey(request, verdict);
}

static void decide(struct request *request, struct span method, struct span target)
{
	const struct flow *flow = request->flow;
	const struct policy_request question = {
		.kind = POLICY_HTTP_REQUEST,
		.sandbox = flow->egress->sandbox,
		.host = &flow->host,
		.port = flow->port,
		.https = request->https,
		.websocket = request->websocket,
		.method = method,
		.target = target,
		.id = request->answer.id,
		.consented = flow->consented,
		.pid = (uint32_t)flow->owner.pid,
		.program = flow->owner.pid != 0 ? span_of(flow->owner.program) : (struct span){ 0 },
	};
	struct policy_verdict verdict;

	if (decider_ask(&verdict, &request->deciding, flow->egress->decider, &question, on_decided,
			request))
		obey(request, &verdict);
}

/* is_room() - for one more with so much text */
static bool is_room(const struct egress *egress, size_t octets)
{
	return egress->requests_len < EGRESS_REQUESTS_MAX &&
	       octets <= EGRESS_REQUEST_OCTETS_MAX - egress->requests_octets;
}

int request_ask(struct egress *egress, const struct gate_message *message)
{
	struct flow *flow = flow_carrying(egress, message->flow);
	struct span method, target;

	if (flow == NULL || egress_is_known(egress, message->id) ||
	    !gate_request_split(&method, &target, message->data) ||
	    method.len > HTTP1_METHOD_OCTETS_MAX)
		return -EPROTO;
	bool room = is_room(egress, message->data.len);
	struct request *request = request_new(flow, message);
	if (request == NULL)
		return -ENOMEM;
	if (room)
		decide(request, method, target);
	else
		refuse(request, "too many requests are under way at once");
	return 0;
}

int request_end(struct egress *egress, const struct gate_message *message)
{
	struct request *request = *find(egress, message->id);
	char why[EGRESS_TEXT_OCTETS] = "it was reset or timed out";
	bool websocket = (message->flags & GATE_WEBSOCKET) != 0;
	struct span data = message->data;
	struct gate_socket socket;

	if (request == NULL || request->answer.verdict != GATE_ALLOW ||
	    (websocket && (!request->websocket || !gate_socket_take(&socket, &data))))
		return -EPROTO;
	if (message->verdict != GATE_RESET || data.len > 0)
		egress_text(why, sizeof(why), data);
	tell_request(request, text_of(request),
		     (struct egress_report){
			 .status = message->status,
			 .blocked = message->verdict == GATE_DENY,
			 .why = why,
			 .up = message->up,
			 .down = message->down,
			 .socket = websocket ? &socket : NULL,
		     });
	forget(request);
	return 0;
}

void requests_drop(struct flow *flow, const char *why)
{
	struct request *next = NULL;

	for (struct request *request = flow->requests; request != NULL; request = next) {
		next = request->beside;
		if (why != NULL && request->answer.verdict == GATE_ALLOW)
			tell_request(request, text_of(request),
				     (struct egress_report){ .why = why });
		forget(request);
	}
}
