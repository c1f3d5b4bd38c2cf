// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "policy/settings.h"
#include "policy/settings_priv.h"

static json_t *grant_of(const struct policy_grant *grant)
{
	json_t *ret = json_pack("{s:s,s:s,s:s*}", "action", policy_action_name(grant->action),
				"effect", grant->deny ? "deny" : "allow", "app", grant->app);
	char stamp[POLICY_STAMP_OCTETS + 1];

	policy_stamp(stamp, grant->expires_ns);
	if (grant->expires_ns == 0 || json_object_set_new(ret, "expires", json_string(stamp)) == 0)
		return ret;
	json_decref(ret);
	return NULL;
}

static int note_grant(json_t *ports, const char *port, json_t *grant)
{
	json_t *grants = json_object_get(ports, port);

	if (grants == NULL && json_object_set_new(ports, port, json_array()) == 0)
		grants = json_object_get(ports, port);
	return json_array_append(grants, grant);
}

static int add_grant(json_t *hosts, const struct policy_grant *grant, const char *host)
{
	json_t *ports = settings_member(hosts, host), *json = grant_of(grant);
	char port[SETTINGS_PORT_OCTETS];

	settings_port(port, grant->port);
	int bad = note_grant(ports, port, json);
	bad |= note_grant(ports, "?", json);
	json_decref(json);
	return bad;
}

/* read_host() - of a grant. Return: NULL; else why it is refused */
static const char *read_host(struct net_name *ret, const struct policy_grant *grant)
{
	if (grant->action != POLICY_ACTION_DNS_QUERY &&
	    grant->action != POLICY_ACTION_NET_CONNECT &&
	    grant->action != POLICY_ACTION_HTTP_REQUEST)
		return "its action is not about a host";
	return grant->host != NULL ? net_name_parse(ret, span_of(grant->host)) : "it has no host";
}

int policy_consent_text(char **ret, const struct policy_grant *grants, size_t len,
			struct diag *diag)
{
	json_t *hosts = json_object();
	struct net_name host = { 0 };
	const char *fault = NULL;
	int bad = hosts == NULL;

	if (len > POLICY_GRANTS_MAX)
		fault = "there are too many";
	for (size_t i = 0; bad == 0 && fault == NULL && i < len; i++) {
		fault = read_host(&host, &grants[i]);
		if (fault == NULL)
			bad = add_grant(hosts, &grants[i], host.text);
	}
	if (fault != NULL) {
		json_decref(hosts);
		return diag_set(diag, len > POLICY_GRANTS_MAX ? -ENOSPC : -EINVAL, "consent: %s",
				fault);
	}
	return settings_text(ret, json_pack("{s:{s:o}}", "consent", "hosts", hosts), bad, diag);
}
