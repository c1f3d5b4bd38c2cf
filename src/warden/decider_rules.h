/* SPDX-License-Identifier: Apache-2.0 */
/* decider_rules - the settings' rules as a policy has them. */
#ifndef WARDEN_DECIDER_RULES_H
#define WARDEN_DECIDER_RULES_H

#include "config/config.h"
#include "policy/policy.h"

/* decider_rules() - *ret borrows from @network, but ret->rules is the caller's to free(). Return: 0 or
 * -ENOMEM. */
MUST_USE int decider_rules(struct policy_rules *ret, const struct config_network *network);

#endif
