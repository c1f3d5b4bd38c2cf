// SPDX-License-Identifier: Apache-2.0
#include "gateway/reply.h"

enum { WHY_OCTETS_MAX = 1024 };

static const struct row {
	unsigned status : 31, retryable : 1;
	const char *reason, *code, *message, *proxy_error; /* the last: RFC 9209 section 2.3 */
} rows[] = {
	{ 400, false, "Bad Request", "malformed_request", "the request is malformed",
	  "http_request_error" },
	{ 403, false, "Forbidden", "policy_denied",
	  "the sandbox's policy does not allow this; its owner can, see immure(1)",
	  "http_request_denied" },
	{ 405, false, "Method Not Allowed", "method_refused", "no sandbox may use this method",
	  "http_request_denied" },
	{ 413, false, "Content Too Large", "cap_exceeded",
	  "the request's body is longer than the sandbox's policy allows; its owner can allow "
	  "more, "
	  "see immure(1)",
	  "http_request_denied" },
	{ 414, false, "URI Too Long", "too_long", "the request's target is too long",
	  "http_request_error" },
	{ 417, false, "Expectation Failed", "malformed_request",
	  "the request expects what is not known", "http_request_error" },
	{ 421, false, "Misdirected Request", "wrong_host",
	  "the request is for another host than its connection", "http_request_denied" },
	{ 429, true, "Too Many Requests", "rate_limited",
	  "the sandbox's policy allows no more of these for now; try again later",
	  "http_request_denied" },
	{ 431, false, "Request Header Fields Too Large", "too_long",
	  "the request's head is too long", "http_request_error" },
	{ 501, false, "Not Implemented", "not_supported",
	  "the request asks for what is not supported", "http_request_error" },
	{ 502, true, "Bad Gateway", "upstream_failed", "the server could not be used",
	  "destination_unavailable" },
	{ 503, true, "Service Unavailable", "busy", "there is no room for this now; try again",
	  "proxy_internal_error" },
	{ 505, false, "HTTP Version Not Supported", "not_supported",
	  "this version of HTTP is not supported", "http_request_error" },
};

static const struct row *find(unsigned status)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].status == status)
			return &rows[i];
	return &rows[0];
}

struct reply reply_of_status(unsigned status, struct span why, uint32_t id)
{
	const struct row *row = find(status);

	return (struct reply){ .status = row->status,
			       .code = row->code,
			       .message = row->message,
			       .why = why,
			       .retryable = row->retryable,
			       .proxy_error = row->proxy_error,
			       .id = id };
}

struct reply reply_of_cap(unsigned status, struct span why, uint32_t id)
{
	struct reply reply = reply_of_status(status, why, id);

	if (status == 413)
		return reply;
	reply.code = "cap_exceeded";
	reply.message = "the response's body is longer than the sandbox's policy allows; its owner "
			"can allow more, see immure(1)";
	reply.proxy_error = "http_response_body_size";
	reply.retryable = false;
	return reply;
}

/* put_text() - as the inside of a JSON string; what is no visible ASCII becomes '?' */
static int put_text(struct buf *to, struct span text)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < text.len && i < WHY_OCTETS_MAX; i++) {
		char c = text.ptr[i];

		if (c == '"' || c == '\\')
			r = buf_append(to, (struct span){ "\\", 1 });
		if (c < ' ' || c > '~')
			c = '?';
		if (r == 0)
			r = buf_append(to, (struct span){ &c, 1 });
	}
	return r;
}

int reply_body(struct buf *to, const struct reply *reply)
{
	int r = buf_printf(to,
			   "{\"error_code\": \"%s\", \"message\": \"%s\", \"retryable\": %s, "
			   "\"policy_explanation\": \"",
			   reply->code, reply->message, reply->retryable ? "true" : "false");

	if (r == 0)
		r = put_text(to, reply->why);
	return r < 0 ? r : buf_printf(to, "\", \"request_id\": \"req-%08x\"}\n", reply->id);
}

int reply_http1(struct buf *to, const struct reply *reply, bool head, bool close)
{
	const struct row *row = find(reply->status);
	CLEANUP_BUF struct buf body = BUF(REPLY_OCTETS_MAX);
	char retry[40] = "";

	if (reply->retry_after_s > 0)
		(void)snprintf(retry, sizeof(retry), "Retry-After: %u\r\n", reply->retry_after_s);
	int r = reply_body(&body, reply);
	if (r == 0)
		r = buf_printf(to,
			       "HTTP/1.1 %u %s\r\nContent-Type: application/json\r\n"
			       "Content-Length: %zu\r\nCache-Control: no-store\r\n"
			       "Proxy-Status: immure; error=%s\r\n%s%s\r\n",
			       row->status, row->reason, buf_len(&body), reply->proxy_error, retry,
			       close ? "Connection: close\r\n" : "");
	return r < 0 || head ? r : buf_append(to, buf_span(&body));
}
