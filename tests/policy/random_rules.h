/* SPDX-License-Identifier: Apache-2.0 */
/* random_rules - settings and requests by chance, out of few words, so that much of it meets. */
#ifndef TESTS_POLICY_RANDOM_RULES_H
#define TESTS_POLICY_RANDOM_RULES_H

#include "policy/policy.h"

enum { RANDOM_RULES_MAX = 24, RANDOM_HOSTS_MAX = 12, RANDOM_LIST_MAX = 6, RANDOM_PINS = 40 };

struct random_rules {
	struct policy_rules rules; /* points into the rest */
	struct policy_rule rule[RANDOM_RULES_MAX];
	const char *methods[RANDOM_RULES_MAX][RANDOM_LIST_MAX];
	const char *paths[RANDOM_RULES_MAX][RANDOM_LIST_MAX];
	const char *hosts[RANDOM_HOSTS_MAX];
	unsigned kinds; /* how many of the patterns it is made of */
};

/* random_below() - 0 to @most - 1, by @seed, which moves on */
unsigned random_below(uint64_t *seed, unsigned most);

void random_rules(struct random_rules *ret, uint64_t *seed);

/* random_request() - @name: what it borrows */
void random_request(struct policy_request *ret, struct net_name *name, uint64_t *seed);

#endif
