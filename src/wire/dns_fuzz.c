// SPDX-License-Identifier: Apache-2.0
/*
 * Input: a packet. Property: a name is canonical and what the question says; each answer is within
 * its bound, echoes the id, and is itself never answered; without a record it is as sound as the
 * query was.
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

/* check_record() - an answer with a record: what precedes it is the question */
static void check_record(const struct dns_query *query, const struct dns_answer *answer)
{
	char reply[DNS_REPLY_OCTETS_MAX];
	size_t len = dns_reply_encode(reply, query, answer);
	struct dns_query again;

	must(len > DNS_HEADER_OCTETS + query->question.len && len <= sizeof(reply));
	must(memcmp(reply + DNS_HEADER_OCTETS, query->question.ptr, query->question.len) == 0);
	must(dns_query_decode(&again, (struct span){ reply, len }) < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct dns_answer none = { .rcode = DNS_NXDOMAIN };
	char reply[DNS_REPLY_OCTETS_MAX];
	struct dns_query query, again;

	if (dns_query_decode(&query, (struct span){ (const char *)data, size }) < 0)
		return 0;
	if (query.fault == DNS_NOERROR) {
		check_name(&query);
		check_record(&query, &(struct dns_answer){ .type = DNS_TYPE_A });
		check_record(&query, &(struct dns_answer){ .type = DNS_TYPE_AAAA });
		check_record(&query,
			     &(struct dns_answer){ .type = DNS_TYPE_PTR, .name = query.name });
	}
	size_t len = dns_reply_encode(reply, &query, &none);
	must(len >= DNS_HEADER_OCTETS && len <= sizeof(reply) && memcmp(reply, data, 2) == 0);
	must(dns_query_decode(&again, (struct span){ reply, len }) < 0);
	reply[2] =
	    (char)(reply[2] & 0x7f); /* as if it were a query: it must be as sound as the first */
	must(dns_query_decode(&again, (struct span){ reply, len }) == 0);
	must(query.fault != DNS_NOERROR || strcmp(query.name, again.name) == 0);
	return 0;
}
