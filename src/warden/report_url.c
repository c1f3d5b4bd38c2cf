// SPDX-License-Identifier: Apache-2.0
#include "warden/report_url.h"

#include <stdio.h>

enum { SCHEME_OCTETS = 16 };

/* put_scheme() - of the URL that stands for it */
static void put_scheme(char ret[SCHEME_OCTETS], const struct egress_report *report)
{
	static const char *const names[] = {
		[EGRESS_NAME] = "dns",     [EGRESS_FLOW] = "tcp",      [EGRESS_REQUEST] = "http",
		[EGRESS_REFUSED] = "tcp",  [EGRESS_MALFORMED] = "dns", [EGRESS_DROPPED] = "",
		[EGRESS_ACCEPTED] = "tcp",
	};
	const char *name = report->kind == EGRESS_PACKETS ? report->protocol : names[report->kind];

	(void)snprintf(ret, SCHEME_OCTETS, "%s%s", name, report->https ? "s" : "");
	for (char *c = ret; *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
}

static bool shows_port(const struct egress_report *report)
{
	if (report->kind == EGRESS_REQUEST)
		return report->port != (report->https ? 443 : 80);
	if (report->kind == EGRESS_PACKETS)
		return report->port != 0;
	return report->kind != EGRESS_NAME;
}

size_t report_url(char ret[REPORT_URL_OCTETS], const struct egress_report *report)
{
	bool bracketed = report->is_address && strchr(report->host, ':') != NULL;
	char scheme[SCHEME_OCTETS];

	put_scheme(scheme, report);
	const size_t size = REPORT_URL_OCTETS;
	int len = snprintf(ret, size, bracketed ? "%s://[%s]" : "%s://%s", scheme, report->host);
	if (shows_port(report))
		len += snprintf(ret + len, size - (size_t)len, ":%u", report->port);
	/* "OPTIONS *" has no path (RFC 9112 section 3.3) */
	if (report->kind == EGRESS_REQUEST && !span_is(report->target, "*"))
		len += snprintf(ret + len, size - (size_t)len, "%.*s", (int)report->target.len,
				report->target.ptr);
	return (size_t)len < size ? (size_t)len : size - 1;
}
