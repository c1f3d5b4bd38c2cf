/* SPDX-License-Identifier: Apache-2.0 */
/*
 * settings - what the owner allowed, as data for the default policy (policies/default.rego): whole data
 * documents, for rego_set_data() and rego_merge_data().
 *
 * {"immure": {"settings": {
 *	"empty": true	nothing is allowed at all
 *	"narrow": true	no pattern means more than one host
 *	"rules": [{	in the owner's order
 *		"name": "rules[0]"
 *		"any_method": true, or "methods": {"GET": true}, "methods_text": "GET, HEAD" (160 octets, for reasons)
 *		"any_path": true, or "paths": {"exact": {"/a": true}, "below": ["/b/"] of "/b/" and two stars,
 *			"level": ["/c/"] of "/c/" and one, "regex": [...] of what is not so simple}
 *		"request": {...}	the obligations of a request that it allows
 *		"flow": {...}	those of a flow, if no other rule matches
 *		"raw", "passthrough": true, "idle_ms": n, "pins": [...], "quota": {...}}]	to join with those of others
 *	"by_host": {HOST: {	what matches there
 *		"alone": true	no other HOST can mean the same
 *		PORT: {"name": of the first, "rules": [numbers], "allowed": number of the first, "ported": one names the port}}}
 *	"only": {HOST: what is there at PORT "*", and ACTION: obligations}	if that is all that can be said of it,
 *		whatever the port; ACTION: if that is all that matters
 *	"depths": [n]	how many labels the ".suffix" there have
 *	"prefixes": {BEGIN: ["10.0.0.0/8"]}	those there by the first one or two parts of an address, or none: ""
 * }}}
 * HOST is a name, ".suffix" of "*.suffix", "*", an address or a prefix. PORT is "443", with all that holds for it; "*" for ports not
 * mentioned; "?" for whatever is said of that host, as a query for a name has no port.
 */
#ifndef POLICY_SETTINGS_H
#define POLICY_SETTINGS_H

#include "policy/input.h"
#include "policy/policy.h"

enum { POLICY_GRANTS_MAX = 65536 }; /* a bound on memory: some 20 MiB */

/**
 * policy_settings_text() - @ret: owned by the caller: free()
 *
 * Return: 0; -EINVAL, -ENOSPC: as policy_new(), which it calls; -ENOMEM.
 */
MUST_USE int policy_settings_text(char **ret, const struct policy_rules *rules, struct diag *diag);

/* What somebody consented to, or refused. */
struct policy_grant {
	enum policy_action action; /* net.connect: its requests and its name as well */
	const char *host;          /* canonical name or address, no pattern */
	uint16_t port;             /* 0: any */
	const char *app;           /* NULL: any */
	bool deny;
	int64_t expires_ns; /* Unix time; 0: never */
};

/**
 * policy_consent_text() - {"consent": {"hosts": {HOST: {PORT: [GRANT]}}}}, HOST and PORT as above
 *
 * GRANT is {"action", "app", "effect": "allow" or "deny", "expires"}, what does not limit it is absent. No
 * policy is to look at "expires", or no answer of it could be kept: who makes this leaves out what is over.
 *
 * Return: as above; -EINVAL: a host is none, or the action is not about one.
 */
MUST_USE int policy_consent_text(char **ret, const struct policy_grant *grants, size_t len,
				 struct diag *diag);

#endif
