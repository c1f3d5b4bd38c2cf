// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: which rule decided tells the cases apart. "default" is what no setting speaks
 * of; a rule of ours that blocks a request is one whose methods or paths did not match; an address is
 * told with what an allowed name led to. What the gateway refuses by itself no setting allows, but
 * for octets that are no HTTP where the setting names no port.
 *
 * The program chooses method and path. A rule is proposed only if it means that request alone: never
 * one with a star, nor one that leaves out what it cannot say.
 */
#include "warden/remedy.h"

#include <stdio.h>

#include "net/glob.h"
#include "net/judge.h"
#include "net/pattern.h"

enum { METHOD_OCTETS_MAX = 32, PORT_HTTP = 80, PORT_HTTPS = 443, STATUS_DENIED = 403 };

/* put_host() - as a pattern; with its port, if one is to be named */
static void put_host(char ret[PATTERN_TEXT_OCTETS], const struct egress_report *report, bool port)
{
	bool bracketed = port && report->is_address && strchr(report->host, ':') != NULL;

	if (port)
		(void)snprintf(ret, PATTERN_TEXT_OCTETS, bracketed ? "[%s]:%u" : "%s:%u",
			       report->host, report->port);
	else
		(void)snprintf(ret, PATTERN_TEXT_OCTETS, "%s", report->host);
}

/* is_inside() - is it an address that the guard will refuse, too? */
static bool is_inside(const struct egress_report *report)
{
	struct net_address address;

	return report->is_address && net_address_parse(&address, span_of(report->host)) == 0 &&
	       !net_class_is_public(net_judge(&address).class);
}

static json_t *allow_host(const struct egress_report *report, bool port)
{
	char host[PATTERN_TEXT_OCTETS];

	put_host(host, report, port);
	return json_pack("{s:s, s:s*}", "allow_host", host, "allow_private",
			 is_inside(report) ? report->host : NULL);
}

static json_t *of_flow(const struct egress_report *report)
{
	if (report->address != NULL)
		return json_pack("{s:s}", "allow_private",
				 report->only_by_address ? report->address : report->host);
	if (strcmp(report->rule, "default") != 0)
		return NULL;
	/* a host without a port may be spoken to in HTTP at any; whatever else needs the port */
	return allow_host(report, report->port != PORT_HTTP && report->port != PORT_HTTPS);
}

/* is_method() - may a rule say it? As config_method_fault() has it. */
static bool is_method(struct span method)
{
	for (size_t i = 0; i < method.len; i++)
		if (method.ptr[i] != '-' && (method.ptr[i] < 'A' || method.ptr[i] > 'Z'))
			return false;
	return method.len > 0 && method.len <= METHOD_OCTETS_MAX && !span_is(method, "CONNECT") &&
	       !span_is(method, "TRACE");
}

/* is_path() - may a rule say it, and does it mean nothing else? */
static bool is_path(struct span path)
{
	if (path.len > 0 && memchr(path.ptr, '*', path.len) != NULL)
		return false;
	for (size_t i = 0; i < path.len; i++)
		if (path.ptr[i] <= ' ' || path.ptr[i] > '~')
			return false;
	return path.len > 0 && path.ptr[0] == '/' && glob_fault(path) == NULL;
}

static json_t *of_request(const struct egress_report *report)
{
	struct span rest = report->target, path = span_cut(&rest, '?');
	struct span method = report->websocket ? SPAN("WEBSOCKET") : report->method;
	char host[PATTERN_TEXT_OCTETS];

	if (strncmp(report->rule, "rules[", 6) != 0 || report->status != STATUS_DENIED)
		return NULL;
	/* of a rule the word means WebSocket, not a method of that name */
	if (!is_method(method) || !is_path(path) ||
	    (!report->websocket && span_is(method, "WEBSOCKET")))
		return NULL;
	put_host(host, report, true); /* without, it would mean all ports, and both schemes */
	return json_pack("{s:{s:s, s:s%, s:s%}}", "rule", "host", host, "method", method.ptr,
			 method.len, "path", path.ptr, path.len);
}

/* of_gateway() - what it said is for people, but this; a false word of it gains nothing but this line */
static json_t *of_gateway(const struct egress_report *report)
{
	return strstr(report->why, "the rule names no port") != NULL ? allow_host(report, true)
								     : NULL;
}

json_t *remedy_of(const struct egress_report *report)
{
	if (report->by_policy)
		return json_pack("{s:b}", "policy", 1);
	switch (report->kind) {
	case EGRESS_NAME:
		return strcmp(report->rule, "default") == 0 ? allow_host(report, false) : NULL;
	case EGRESS_FLOW:
		return of_flow(report);
	case EGRESS_REQUEST:
		return of_request(report);
	case EGRESS_REFUSED:
		return of_gateway(report);
	case EGRESS_MALFORMED:
	case EGRESS_ACCEPTED:
	case EGRESS_PACKETS:
	case EGRESS_DROPPED:
		break;
	}
	return NULL;
}

/* is_host() - one host alone, or none */
static bool is_host(const char *text)
{
	struct pattern pattern;

	return text == NULL ||
	       (pattern_parse(&pattern, span_of(text)) == NULL && strpbrk(text, "*/") == NULL);
}

static bool is_rule(json_t *value)
{
	const char *host = NULL, *method = NULL, *path = NULL;

	return json_unpack(value, "{s:s, s:s, s:s!}", "host", &host, "method", &method, "path",
			   &path) == 0 &&
	       is_host(host) && is_method(span_of(method)) && is_path(span_of(path));
}

bool remedy_is_sound(const json_t *value)
{
	const char *host = NULL, *private = NULL;
	json_t *rule = NULL;
	int policy = 0;

	return json_unpack((json_t *)(uintptr_t)value, "{s?s, s?s, s?o, s?b!}", "allow_host", &host,
			   "allow_private", &private, "rule", &rule, "policy", &policy) == 0 &&
	       is_host(host) && is_host(private) && (rule == NULL || is_rule(rule));
}
