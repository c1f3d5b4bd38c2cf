// SPDX-License-Identifier: Apache-2.0
#include "consent/place.h"

#include <errno.h>

#include "base/number.h"

int place_read(struct net_name *ret_host, uint16_t *ret_port, const char *text, struct diag *diag)
{
	const char *colon = strrchr(text, ':');
	struct net_name host;
	uint64_t port = 0;

	if (colon == NULL || !number_parse(&port, span_of(colon + 1), UINT16_MAX) || port == 0)
		return diag_set(diag, -EINVAL, "'%s' is no HOST:PORT", text);
	const struct span name = { text, (size_t)(colon - text) };
	/* "::1:443" could be an address alone */
	if (name.len > 0 && name.ptr[0] != '[' && memchr(name.ptr, ':', name.len) != NULL)
		return diag_set(diag, -EINVAL, "'%s': an IPv6 address stands in brackets", text);
	const char *fault = net_name_parse(&host, name);
	if (fault != NULL)
		return diag_set(diag, -EINVAL, "'%s': %s", text, fault);
	*ret_host = host;
	*ret_port = (uint16_t)port;
	return 0;
}
