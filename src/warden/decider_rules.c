// SPDX-License-Identifier: Apache-2.0
#include "warden/decider_rules.h"

#include <errno.h>
#include <stdlib.h>

static struct policy_rule rule_of(const struct config_rule *rule)
{
	return (struct policy_rule){
		.host = rule->host,
		.methods = rule->methods.items,
		.methods_len = rule->methods.len,
		.paths = rule->paths.items,
		.paths_len = rule->paths.len,
		.raw = !rule->raw_given ? POLICY_RAW_WITH_PORT
		       : rule->raw      ? POLICY_RAW_ALWAYS
					: POLICY_RAW_NEVER,
		.passthrough = rule->passthrough,
		.caps = { .request_octets = rule->caps.request_bytes,
			  .response_octets = rule->caps.response_bytes,
			  .per_minute = (uint32_t)rule->caps.requests_per_minute,
			  .at_once = (uint32_t)rule->caps.concurrency,
			  .idle_ms = rule->caps.idle_s * 1000,
			  .message_octets = rule->caps.message_bytes,
			  .messages_per_minute = (uint32_t)rule->caps.messages_per_minute },
		.pins = (const uint8_t(*)[POLICY_PIN_OCTETS])rule->pins,
		.pins_len = rule->pins_len,
	};
}

int decider_rules(struct policy_rules *ret, const struct config_network *network)
{
	struct policy_rule *list = calloc(network->rules_len + 1, sizeof(*list)); /* never of 0 */

	if (list == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < network->rules_len; i++)
		list[i] = rule_of(&network->rules[i]);
	*ret = (struct policy_rules){
		.allowed_hosts = network->allowed_hosts.items,
		.allowed_hosts_len = network->allowed_hosts.len,
		.rules = list,
		.rules_len = network->rules_len,
	};
	return 0;
}
