// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a grant is found by a key of all that its question showed. One that has expired stays
 * where it is and is not found, whatever becomes of the clock.
 */
#include "warden/decider_grants.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "policy/settings.h"
#include "warden/decider.h"
#include "warden/decider_cache.h"
#include "warden/grants.h"

struct kept {
	struct decider_key key;
	bool deny, before;
	int64_t expires_s; /* Unix time; 0: never */
	/* for decider_grants_text(): */
	bool connects; /* net.connect */
	char host[NET_NAME_OCTETS];
	uint16_t port;
	struct kept *next;
};

/* key_of() - just what the owner sees. Return: false: it is too long for one */
static bool key_of(struct decider_key *ret, const struct policy_request *request)
{
	return decider_key_of(ret, request,
			      JUDGE_READS_METHOD | JUDGE_READS_PATH | JUDGE_READS_QUERY);
}

enum decider_granted decider_grants_find(const struct decider_grants *grants,
					 const struct policy_request *request)
{
	struct decider_key key;

	if (grants->first == NULL || !key_of(&key, request))
		return GRANTED_NOTHING;
	for (const struct kept *at = grants->first; at != NULL; at = at->next)
		if (at->key.len == key.len && memcmp(at->key.octets, key.octets, key.len) == 0 &&
		    (at->expires_s == 0 || clock_unix_s() < at->expires_s))
			return at->deny ? GRANTED_NO : at->before ? GRANTED_BEFORE : GRANTED_RUN;
	return GRANTED_NOTHING;
}

/* add() - Return: the new one, first in line; NULL: there is no room */
static struct kept *add(struct decider_grants *grants, const struct policy_request *request,
			bool deny)
{
	struct kept *kept = grants->len < DECIDER_GRANTS_MAX ? calloc(1, sizeof(*kept)) : NULL;

	if (kept == NULL)
		return NULL;
	if (!key_of(&kept->key, request)) {
		free(kept);
		return NULL;
	}
	kept->deny = deny;
	kept->connects = request->kind == POLICY_NET_CONNECT;
	kept->port = request->port;
	memcpy(kept->host, request->host->text, sizeof(kept->host));
	kept->next = grants->first;
	grants->first = kept;
	grants->len++;
	return kept;
}

bool decider_grants_add(struct decider_grants *grants, const struct policy_request *request,
			bool deny)
{
	return add(grants, request, deny) != NULL;
}

/* take_one() - as the question for it would be asked; one that fits no question is of no use */
static void take_one(void *context, const struct grant *grant)
{
	struct decider_grants *grants = context;
	const bool http = grant->action == GRANT_HTTP_REQUEST;
	struct net_name host;

	if (net_name_parse(&host, grant->host) != NULL)
		return;
	const struct policy_request request = {
		.kind = http ? POLICY_HTTP_REQUEST : POLICY_NET_CONNECT,
		.host = &host,
		.port = grant->port,
		.https = (grant->flags & GRANT_HTTPS) != 0,
		.websocket = (grant->flags & GRANT_WEBSOCKET) != 0,
		.method = http ? grant->method : (struct span){ 0 },
		.target = http ? grant->target : (struct span){ 0 },
	};
	struct kept *kept = add(grants, &request, (grant->flags & GRANT_DENY) != 0);
	if (kept == NULL)
		return;
	kept->before = true;
	kept->expires_s = grant->expires;
}

int decider_grants_load(struct decider_grants *ret, int home, const char *app, struct diag *diag)
{
	struct decider_grants grants = { 0 };
	int r = grants_read(home, app, take_one, &grants, diag);

	if (r < 0)
		decider_grants_free(&grants);
	else
		*ret = grants;
	return r;
}

int decider_grants_text(char **ret, const struct decider_grants *grants, const char *app,
			struct diag *diag)
{
	struct policy_grant *list = calloc(grants->len + 1, sizeof(*list)); /* never of 0 */
	size_t len = 0;

	if (list == NULL)
		return diag_set(diag, -ENOMEM, "out of memory");
	for (const struct kept *at = grants->first; at != NULL; at = at->next)
		/* what allows and ends is for decider_grants_find(): this text is never made anew */
		if (at->connects && (at->deny || at->expires_s == 0))
			list[len++] = (struct policy_grant){
				.action = POLICY_ACTION_NET_CONNECT,
				.host = at->host,
				.port = at->port,
				.app = app,
				.deny = at->deny,
				.expires_ns = at->expires_s < INT64_MAX / 1000000000
						  ? at->expires_s * 1000000000
						  : 0,
			};
	int r = policy_consent_text(ret, list, len, diag);
	free(list);
	return r;
}

void decider_grants_of(struct grant *ret, const struct policy_request *request, bool deny,
		       const char *app, const char *by)
{
	const bool http = request->kind == POLICY_HTTP_REQUEST;

	*ret = (struct grant){
		.app = span_of(app),
		.action = http ? GRANT_HTTP_REQUEST : GRANT_NET_CONNECT,
		.flags = (deny ? GRANT_DENY : 0) | (http && request->https ? GRANT_HTTPS : 0) |
			 (http && request->websocket ? GRANT_WEBSOCKET : 0),
		.host = { request->host->text, request->host->len },
		.port = request->port,
		.method = http ? request->method : (struct span){ 0 },
		.target = http ? request->target : (struct span){ 0 },
		.created = clock_unix_s(),
		.by = span_of(by),
		.uid = getuid(),
	};
}

void decider_grants_free(struct decider_grants *grants)
{
	while (grants->first != NULL) {
		struct kept *kept = grants->first;

		grants->first = kept->next;
		free(kept);
	}
	grants->len = 0;
}
