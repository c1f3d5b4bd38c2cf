// SPDX-License-Identifier: Apache-2.0
/*
 * Input: a line with a proxy, then a NO_PROXY, then a line with a host. Property: an accepted proxy
 * reads the same when written anew with all of user and password encoded; what these hold can end no
 * header; and only a list that has the host's last label or an address in it exempts the host.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "net/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check_proxy(struct span text)
{
	char again_text[4 * PROXY_USER_OCTETS + NET_NAME_OCTETS + 32];
	struct proxy proxy, again;
	size_t len = 0;

	if (proxy_parse(&proxy, text) != NULL)
		return;
	must(proxy.port != 0 && proxy.host.kind != NET_NAME_NONE);
	must(proxy.authenticates == (strchr(proxy.user, ':') != NULL));
	for (const char *c = proxy.user; *c != '\0'; c++) {
		must((unsigned char)*c >= ' ' && *c != 0x7f);
		bool colon = c == strchr(proxy.user, ':'); /* the one between the two */
		len += (size_t)snprintf(again_text + len, 4, colon ? ":" : "%%%02x",
					(unsigned char)*c);
	}
	bool bracketed = strchr(proxy.host.text, ':') != NULL;
	(void)snprintf(again_text + len, sizeof(again_text) - len,
		       bracketed ? "%s[%s]:%u" : "%s%s:%u", proxy.authenticates ? "@" : "",
		       proxy.host.text, proxy.port);
	must(proxy_parse(&again, span_of(again_text)) == NULL);
	must(strcmp(again.user, proxy.user) == 0 && again.port == proxy.port);
	must(strcmp(again.host.text, proxy.host.text) == 0);
}

static bool has(struct span list, const char *text)
{
	for (size_t i = 0; i + strlen(text) <= list.len; i++)
		if (strncasecmp(list.ptr + i, text, strlen(text)) == 0)
			return true;
	return false;
}

static void check_exempt(struct span list, struct span text)
{
	struct net_name host;

	if (net_name_parse(&host, text) != NULL || !proxy_exempts(list, &host))
		return;
	const char *dot = strrchr(host.text, '.');
	must(host.kind == NET_NAME_ADDRESS || has(list, "*") ||
	     has(list, dot != NULL ? dot + 1 : host.text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = { (const char *)data, size };
	struct span proxy = span_cut(&rest, '\n');
	struct span list = rest.ptr != NULL ? span_cut(&rest, '\n') : (struct span){ 0 };

	check_proxy(proxy);
	check_exempt(list, rest);
	return 0;
}
