// SPDX-License-Identifier: Apache-2.0
/*
 * Input: a packet. Property: a name is canonical and what the question says; the answer is within
 * its bound, echoes the id, and is itself never answered.
 */
#include <stdint.h>
#include <stdlib.h>

#include "wire/dns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* must() - end the program, and the fuzzer with it, unless the property holds */
static void must(bool holds)
{
	if (!holds)
		abort();
}

/* check_name() - the labels of the question are the name, letter case aside */
static void check_name(const struct dns_query *query)
{
	const char *text = query->name;
	const char *at = query->question.ptr;

	must(strlen(text) < DNS_NAME_OCTETS);
	while (*at != '\0') {
		size_t len = (uint8_t)*at++;
		const char *dot = strchrnul(text, '.');

		must((size_t)(dot - text) == len && strncasecmp(text, at, len) == 0);
		at += len;
		text = *dot == '.' ? dot + 1 : dot;
	}
	must(*text == '\0' && query->question.ptr + query->question.len == at + 5);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char reply[DNS_REPLY_OCTETS_MAX];
	struct dns_query query, again;

	if (dns_query_decode(&query, (struct span){ (const char *)data, size }) < 0)
		return 0;
	if (query.fault == DNS_NOERROR)
		check_name(&query);
	size_t len = dns_reply_encode(reply, &query, DNS_REFUSED);
	must(len >= DNS_HEADER_OCTETS && len <= sizeof(reply) && memcmp(reply, data, 2) == 0);
	must(dns_query_decode(&again, (struct span){ reply, len }) < 0);
	reply[2] =
	    (char)(reply[2] & 0x7f); /* as if it were a query: it must be as sound as the first */
	must(dns_query_decode(&again, (struct span){ reply, len }) == 0);
	must(query.fault != DNS_NOERROR || strcmp(query.name, again.name) == 0);
	return 0;
}
