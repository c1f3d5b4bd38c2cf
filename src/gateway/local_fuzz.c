// SPDX-License-Identifier: Apache-2.0
/*
 * Input: a name. Property: a reverse name leads to the address that it writes, digit by digit; an
 * answer is one that can be encoded; the root is never asked for.
 */
#include <stdint.h>
#include <stdlib.h>

#include "gateway/local.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void write_reverse(char ret[96], const struct net_address *a)
{
	size_t at = 0;

	if (a->family == 4) {
		snprintf(ret, 96, "%u.%u.%u.%u.in-addr.arpa", a->octets[3], a->octets[2],
			 a->octets[1], a->octets[0]);
		return;
	}
	for (int i = 15; i >= 0; i--, at += 4)
		snprintf(ret + at, 96 - at, "%x.%x.", a->octets[i] & 15U, a->octets[i] >> 4U);
	snprintf(ret + at, 96 - at, "ip6.arpa");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct names names;
	static bool begun;
	struct dns_query query = { .class = DNS_CLASS_IN };
	struct dns_answer answer = { 0 };
	struct net_address address = { 0 };
	char text[96];

	if (!begun) {
		begun = true;
		names_init(&names);
		must(names_get(&names, "a.example", 1) != NULL);
	}
	if (size < 1 || size > 254)
		return 0;
	query.type = data[0];
	memcpy(query.name, data + 1, size - 1);
	if (local_reverse(&address, query.name)) {
		write_reverse(text, &address);
		must(strcmp(text, query.name) == 0);
	}
	if (!local_answer(&answer, &query, &names)) {
		must(query.name[0] != '\0');
		return 0;
	}
	must(answer.type == 0 || (answer.rcode == DNS_NOERROR && answer.type == query.type));
	must((answer.type == DNS_TYPE_PTR) == (answer.name != NULL));
	return 0;
}
