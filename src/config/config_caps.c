// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: what a rule's caps and pins ask for only holds where the gateway reads what passes.
 * So settings that let the same rule's flows pass unread are refused; what another rule lets pass is that
 * rule's matter.
 */
#include <errno.h>
#include <stdlib.h>

#include "config/config_priv.h"
#include "wire/base64.h"

#define PIN_PREFIX "sha256/"

int config_parse_pin(uint8_t ret[CONFIG_PIN_OCTETS], struct span text)
{
	char octets[CONFIG_PIN_OCTETS + 1]; /* the last is of the padding */
	const size_t prefix = strlen(PIN_PREFIX);
	size_t len = 0;

	if (text.len != prefix + BASE64_OCTETS((size_t)CONFIG_PIN_OCTETS) ||
	    memcmp(text.ptr, PIN_PREFIX, prefix) != 0)
		return -EINVAL;
	if (base64_decode_into(&len, octets, span_drop(text, prefix)) < 0 ||
	    len != CONFIG_PIN_OCTETS)
		return -EINVAL;
	memcpy(ret, octets, CONFIG_PIN_OCTETS);
	return 0;
}

const char *config_pin_fault(const char *text)
{
	uint8_t pin[CONFIG_PIN_OCTETS];

	return config_parse_pin(pin, span_of(text)) < 0
		   ? "it is not sha256/ and the base64 of 32 bytes"
		   : NULL;
}

/* refuse_key() - if @wanted: the rule's @key lets pass what @why says */
static int refuse_key(struct config_judge *judge, const struct config_at *at, json_t *value,
		      const char *key, bool wanted, const char *why)
{
	struct config_at here = { .up = at, .parent = value, .key = key };

	return wanted ? config_judge_refuse(judge, &here, CONFIG_SPOT_VALUE, "%s", why) : 0;
}

static bool has_either(const json_t *caps, const char *one, const char *other)
{
	return json_object_get(caps, one) != NULL || json_object_get(caps, other) != NULL;
}

int config_caps_also(struct config_judge *judge, const struct config_at *at, json_t *value)
{
	static const char octets[] = "would go round request_bytes and response_bytes of this "
				     "rule: leave it out, or those";
	static const char messages[] = "would go round message_bytes and messages_per_minute of "
				       "this rule: leave it out, or those";
	const json_t *caps = json_object_get(value, "caps"), *pins = json_object_get(value, "pins");
	const char *tls = json_string_value(json_object_get(value, "tls"));
	bool passthrough = tls != NULL && strcmp(tls, "passthrough") == 0;
	bool raw = json_is_true(json_object_get(value, "raw"));
	const char *why = has_either(caps, "request_bytes", "response_bytes")        ? octets
			  : has_either(caps, "message_bytes", "messages_per_minute") ? messages
										     : NULL;
	int r = refuse_key(judge, at, value, "pins", pins != NULL && json_array_size(pins) == 0,
			   "is empty: leave it out to take any certificate that is trusted");

	if (r == 0)
		r = refuse_key(judge, at, value, "tls", passthrough && pins != NULL,
			       "shows no certificate that pins could be compared with: leave it "
			       "out, or those");
	if (r == 0)
		r = refuse_key(judge, at, value, "tls", passthrough && why != NULL, why);
	if (r == 0)
		r = refuse_key(judge, at, value, "raw", raw && why != NULL, why);
	return r;
}

/* measure() - of what was judged; 0: it is not there */
static uint64_t measure(const json_t *caps, const char *key,
			int (*parse)(uint64_t *ret, struct span text))
{
	const json_t *value = json_object_get(caps, key);
	uint64_t number = (uint64_t)json_integer_value(value);

	if (parse != NULL && json_is_string(value) &&
	    parse(&number, span_of(json_string_value(value))) < 0)
		return 0; /* which cannot be */
	return number;
}

void config_caps_fill(struct config_caps *caps, const json_t *tree)
{
	*caps = (struct config_caps){
		.request_bytes = measure(tree, "request_bytes", config_parse_octets),
		.response_bytes = measure(tree, "response_bytes", config_parse_octets),
		.requests_per_minute = measure(tree, "requests_per_minute", NULL),
		.concurrency = measure(tree, "concurrency", NULL),
		.idle_s = measure(tree, "idle", config_parse_duration_s),
		.message_bytes = measure(tree, "message_bytes", config_parse_octets),
		.messages_per_minute = measure(tree, "messages_per_minute", NULL),
	};
}

int config_pins_fill(struct config_rule *rule, const json_t *list)
{
	size_t len = json_array_size(list);

	if (len == 0)
		return 0;
	rule->pins = calloc(len, sizeof(*rule->pins));
	if (rule->pins == NULL)
		return -ENOMEM;
	for (; rule->pins_len < len; rule->pins_len++) {
		const char *text = json_string_value(json_array_get(list, rule->pins_len));
		int r = config_parse_pin(rule->pins[rule->pins_len], span_of(text));

		if (r < 0)
			return r;
	}
	return 0;
}
