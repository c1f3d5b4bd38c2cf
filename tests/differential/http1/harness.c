// SPDX-License-Identifier: Apache-2.0
/*
 * Reads what a client sends from standard input and says, a JSON object a line, what our codec
 * makes of it: each request it accepts, then how it ended: "clean", "more" (the input ends within a
 * request) or "refused".
 */
#include <unistd.h>

#include "wire/http1_body.h"
#include "wire/http1_path.h"

enum { INPUT_OCTETS_MAX = 1 << 20 };

static struct http1_request request;
static struct http1_fields trailers;

static void print_hex(const char *key, struct span s)
{
	printf(", \"%s\": \"", key);
	for (size_t i = 0; i < s.len; i++)
		printf("%02x", (unsigned)(unsigned char)s.ptr[i]);
	putchar('"');
}

static int refuse(enum http1_fault fault)
{
	printf("{\"end\": \"refused\", \"status\": %u, \"why\": \"%s\"}\n",
	       http1_fault_status(fault), http1_fault_text(fault));
	return 0;
}

static int more(void)
{
	puts("{\"end\": \"more\"}");
	return 0;
}

/* read_body() - off the front of @input into @body, *len octets */
static enum http1_step read_body(enum http1_fault *fault, char *body, size_t *len,
				 struct span *input)
{
	struct http1_body decoder;
	enum http1_step step;
	struct span data;

	http1_body_begin(&decoder, request.framing, request.length, &trailers,
			 &http1_limits_default);
	for (*len = 0; (step = http1_body_next(&decoder, &data, input)) == HTTP1_DATA;) {
		memcpy(body + *len, data.ptr, data.len);
		*len += data.len;
	}
	*fault = decoder.fault;
	return step;
}

/* judge_path() - of a form that has one */
static enum http1_fault judge_path(char *room)
{
	struct http1_path path;

	if (request.form != HTTP1_ORIGIN && request.form != HTTP1_ABSOLUTE)
		return HTTP1_FAULTLESS;
	return http1_path_read(&path, room, request.origin) ? HTTP1_FAULTLESS : path.fault;
}

/* run() - all of @input; @room: as long and an octet more */
static int run(struct span input, char *room)
{
	while (input.len > 0) {
		struct http1_scan scan = { 0 };
		enum http1_fault fault = HTTP1_FAULTLESS;
		size_t len = 0;
		enum http1_step step =
		    http1_request_read(&request, &scan, input, &http1_limits_default);

		if (step == HTTP1_MORE)
			return more();
		if (step == HTTP1_DONE)
			request.fault = judge_path(room);
		if (request.fault != HTTP1_FAULTLESS)
			return refuse(request.fault);
		input = span_drop(input, request.head_octets);
		step = read_body(&fault, room, &len, &input);
		if (step != HTTP1_DONE)
			return step == HTTP1_MORE ? more() : refuse(fault);
		printf("{\"method\": \"%.*s\", \"framing\": %d", (int)request.method_text.len,
		       request.method_text.ptr, (int)request.framing);
		print_hex("target", request.target);
		print_hex("body", (struct span){ room, len });
		puts("}");
		if (!request.persistent)
			break;
	}
	puts("{\"end\": \"clean\"}");
	return 0;
}

int main(void)
{
	static char input[INPUT_OCTETS_MAX], room[INPUT_OCTETS_MAX + 1];
	size_t len = 0;
	ssize_t n = 0;

	while (len < INPUT_OCTETS_MAX && (n = read(0, input + len, INPUT_OCTETS_MAX - len)) > 0)
		len += (size_t)n;
	return n < 0 ? 1 : run((struct span){ input, len }, room);
}
