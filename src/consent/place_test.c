// SPDX-License-Identifier: Apache-2.0
#include "consent/place.h"

#include <errno.h>

#include "base/test.h"

int main(void)
{
	static const struct {
		const char *text, *host; /* NULL: refused */
		uint16_t port;
	} rows[] = {
		{ "A.test:443", "a.test", 443 },
		{ "192.0.2.1:65535", "192.0.2.1", 65535 },
		{ "[2001:DB8::1]:1", "2001:db8::1", 1 },
		{ "a.test", NULL, 0 },
		{ "a.test:", NULL, 0 },
		{ "a.test:0", NULL, 0 },
		{ "a.test:65536", NULL, 0 },
		{ "a.test:https", NULL, 0 },
		{ ":443", NULL, 0 },
		{ "*.a.test:443", NULL, 0 },
		{ "2001:db8::1:443", NULL, 0 },
		{ "a\x1b[0m:443", NULL, 0 },
		{ "", NULL, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct net_name host = { 0 };
		uint16_t port = 0;
		struct diag diag = { 0 };
		int r = place_read(&host, &port, rows[i].text, &diag);

		CHECK(r == (rows[i].host != NULL ? 0 : -EINVAL), "row %zu: %d", i, r);
		CHECK(port == rows[i].port &&
			  (r < 0 || rows[i].host == NULL || strcmp(host.text, rows[i].host) == 0),
		      "row %zu", i);
	}
	return test_failures > 0;
}
