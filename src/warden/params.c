// SPDX-License-Identifier: Apache-2.0
#include "warden/server_priv.h"

static bool type_fits(json_t *value, json_type type)
{
	switch (type) {
	case JSON_TRUE:
	case JSON_FALSE:
		return json_is_boolean(value);
	case JSON_REAL:
		return json_is_number(value);
	case JSON_NULL:
		return true;
	case JSON_OBJECT:
	case JSON_ARRAY:
	case JSON_STRING:
	case JSON_INTEGER:
		break;
	}
	return json_typeof(value) == type;
}

static const char *type_name(json_type type)
{
	static const char *const names[] = {
		[JSON_OBJECT] = "an object",    [JSON_ARRAY] = "an array",
		[JSON_STRING] = "a string",     [JSON_INTEGER] = "an integer",
		[JSON_REAL] = "a number",       [JSON_TRUE] = "true or false",
		[JSON_FALSE] = "true or false", [JSON_NULL] = "anything",
	};

	return names[type];
}

static const struct params_key *find_key(const struct params_key *keys, const char *name)
{
	for (; keys->name != NULL; keys++)
		if (strcmp(keys->name, name) == 0)
			return keys;
	return NULL;
}

bool params_judge(struct rpc_call *call, json_t *params, const struct params_key *keys)
{
	const char *name = NULL;
	json_t *value = NULL;

	if (params != NULL && !json_is_object(params)) {
		rpc_fail(call, RPC_INVALID_PARAMS, "params must be an object");
		return false;
	}
	json_object_foreach(params, name, value)
	{
		const struct params_key *key = find_key(keys, name);

		if (key == NULL) {
			rpc_fail(call, RPC_INVALID_PARAMS, "unknown parameter \"%.64s\"", name);
			return false;
		}
		if (key->type == JSON_INTEGER && json_integer_value(value) < 0) { /* none may be */
			rpc_fail(call, RPC_INVALID_PARAMS, "%s must not be negative", name);
			return false;
		}
		/* clients send null for what they leave out */
		if (!json_is_null(value) && !type_fits(value, key->type)) {
			rpc_fail(call, RPC_INVALID_PARAMS, "%s must be %s", name,
				 type_name(key->type));
			return false;
		}
	}
	for (; keys->name != NULL; keys++)
		if (keys->needed && json_object_get(params, keys->name) == NULL) {
			rpc_fail(call, RPC_INVALID_PARAMS, "%s is missing", keys->name);
			return false;
		}
	return true;
}

uint64_t params_uint(json_t *params, const char *name, uint64_t otherwise)
{
	json_t *value = json_object_get(params, name);
	json_int_t number = json_integer_value(value);

	return json_is_integer(value) && number >= 0 ? (uint64_t)number : otherwise;
}

const char *params_text(json_t *params, const char *name, const char *otherwise)
{
	json_t *value = json_object_get(params, name);

	return json_is_string(value) ? json_string_value(value) : otherwise;
}
