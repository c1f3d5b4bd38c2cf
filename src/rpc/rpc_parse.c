// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a line is first measured without parsing it: how deep arrays and objects
 * nest and how many values there can be. Only then jansson builds the tree, so its recursion (and
 * every later one: dumping, freeing, a method's own walk) is bounded by RPC_DEPTH_MAX and its
 * memory by RPC_VALUES_MAX, whatever the line holds. measure() need not see errors, only never
 * count less than jansson will build.
 *
 * Which error: -32700 for what is not a JSON text (RFC 8259 grammar, UTF-8 included); -32600 for a
 * JSON text that we do not take: duplicate keys, U+0000 in a string (C code would read a shorter
 * one), numbers beyond 64 bits or a double, too deep, too many values. All of these concern a whole
 * line, a batch included, and are answered once with id null.
 *
 * One leniency beyond section 4 of the specification: "params": null means that params is omitted;
 * the Go client of ADR-0001 sends that.
 */
#include <errno.h>

#include "base/json_heap.h"
#include "rpc/rpc_priv.h"

/* skip_string() - Return: what follows the string whose first quote is before @at. */
static const char *skip_string(const char *at, const char *end)
{
	while (at < end) {
		const char *quote = memchr(at, '"', (size_t)(end - at));
		const char *slashes = quote;

		if (quote == NULL)
			return end;
		while (slashes > at && slashes[-1] == '\\')
			slashes--;
		at = quote + 1;
		if ((quote - slashes) % 2 == 0)
			break;
	}
	return at;
}

/* measure() - what is beyond our bounds in @line, or NULL */
static const char *measure(struct span line)
{
	const char *at = line.ptr, *end = line.ptr + line.len;
	size_t depth = 0, values = 1;

	while (at < end) {
		switch (*at++) {
		case '"':
			at = skip_string(at, end);
			break;
		case '[':
		case '{':
			if (++depth > RPC_DEPTH_MAX)
				return "arrays and objects nest deeper than 64";
			values++;
			break;
		case ']':
		case '}':
			depth -= depth > 0;
			break;
		case ',':
		case ':':
			values++;
			break;
		default:
			break;
		}
	}
	return values > RPC_VALUES_MAX ? "more than 1048576 values" : NULL;
}

static int fault_set(struct rpc_fault *fault, enum rpc_error code, const char *detail)
{
	fault->code = code;
	(void)snprintf(fault->detail, sizeof(fault->detail), "%s", detail);
	return -EINVAL;
}

/* judge() - which fault a jansson error is */
static int judge(struct rpc_fault *fault, const json_error_t *error)
{
	switch ((int)json_error_code(error)) {
	case json_error_out_of_memory:
		return -ENOMEM;
	case json_error_duplicate_key:
	case json_error_null_character:
	case json_error_null_byte_in_key:
	case json_error_numeric_overflow:
	case json_error_stack_overflow:
		fault->code = RPC_INVALID_REQUEST;
		break;
	default:
		fault->code = RPC_PARSE_ERROR;
		break;
	}
	(void)snprintf(fault->detail, sizeof(fault->detail), "octet %d: %s", error->position,
		       error->text);
	return -EINVAL;
}

int rpc_parse_line(json_t **ret, struct span line, struct rpc_fault *fault)
{
	json_error_t error = { 0 };
	const char *excess = measure(line);
	unsigned long failures = json_heap_failures();

	if (excess != NULL)
		return fault_set(fault, RPC_INVALID_REQUEST, excess);
	json_t *message =
	    json_loadb(line.ptr, line.len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);
	if (json_heap_failures() != failures) { /* it may be a part only */
		json_decref(message);
		return -ENOMEM;
	}
	if (message == NULL)
		return judge(fault, &error);
	*ret = message;
	return 0;
}

static bool is_id(const json_t *id)
{
	return json_is_string(id) || json_is_number(id) || json_is_null(id);
}

/* request_fault() - what is wrong with the request object @message, or NULL once *@ret is set */
static const char *request_fault(struct rpc_request *ret, json_t *message)
{
	json_t *id = json_object_get(message, "id");
	json_t *params = json_object_get(message, "params");
	const char *version = json_string_value(json_object_get(message, "jsonrpc"));

	if (id != NULL && !is_id(id))
		return "id must be a string, a number or null";
	if (json_is_string(id) && json_string_length(id) > RPC_ID_OCTETS_MAX)
		return "id longer than 255 octets";
	ret->id = id;
	if (version == NULL || strcmp(version, "2.0") != 0)
		return "jsonrpc must be \"2.0\"";
	ret->method = json_string_value(json_object_get(message, "method"));
	if (ret->method == NULL)
		return "method must be a string";
	if (params != NULL && !json_is_object(params) && !json_is_array(params) &&
	    !json_is_null(params))
		return "params must be an object or an array";
	ret->params = json_is_null(params) ? NULL : params;
	return NULL;
}

int rpc_parse_request(struct rpc_request *ret, json_t *message, struct rpc_fault *fault)
{
	*ret = (struct rpc_request){ 0 };
	const char *why =
	    json_is_object(message) ? request_fault(ret, message) : "a request is an object";
	return why == NULL ? 0 : fault_set(fault, RPC_INVALID_REQUEST, why);
}
