// SPDX-License-Identifier: Apache-2.0
/* What is answered: the specification's examples, strictness, batches, ids, late answers. */
#include "rpc/rpc_test_priv.h"

#define PARSE_ERROR                                                            \
	"{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32700,\"message\":\"Parse " \
	"error\"},\"id\":null}"
#define INVALID(id)                                                              \
	"{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32600,\"message\":\"Invalid " \
	"Request\"},\"id\":" id "}"
#define UNKNOWN(id)                                                                 \
	"{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32601,\"message\":\"Method not " \
	"found\"},\"id\":" id "}"
#define RESULT(value, id) "{\"jsonrpc\":\"2.0\",\"result\":" value ",\"id\":" id "}"
#define CALL(method, id)  "{\"jsonrpc\":\"2.0\",\"method\":\"" method "\",\"id\":" id "}"
#define NOTE(method)      "{\"jsonrpc\":\"2.0\",\"method\":\"" method "\"}"
#define A16               "[[[[[[[[[[[[[[[["
#define Z16               "]]]]]]]]]]]]]]]]"
#define L51               "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxy"

/* all kinds of values, escapes and their neighbours at each place of eight octets */
#define TREE                                                                             \
	"[{},[],{\"a\":{\"b\":[1,-2.5,true,false,null]},\"\":\"\",\"k\\\"\\\\\\u0001\":" \
	"\"1234567\\\"\"},\"12345678\\\\\",\"\\u001f2345678\",\"\x7f  "                  \
	"~~~~~!!#[]\",\"1234567\xc3\xa9\",\"\xf0\x9f\x98\x80\"]"

struct row {
	struct span line;
	const char *want; /* NULL: nothing */
};

#define ROW(line, want)                          \
	{                                        \
		{ line, sizeof(line) - 1 }, want \
	}

/* jsonrpc.org/specification section 7, all of it, in its order and with its blanks */
static const struct row examples[] = {
	ROW("{\"jsonrpc\": \"2.0\", \"method\": \"subtract\", \"params\": [42, 23], \"id\": 1}",
	    RESULT("19", "1")),
	ROW("{\"jsonrpc\": \"2.0\", \"method\": \"subtract\", \"params\": [23, 42], \"id\": 2}",
	    RESULT("-19", "2")),
	ROW("{\"jsonrpc\": \"2.0\", \"method\": \"subtract\", \"params\": {\"subtrahend\": 23, "
	    "\"minuend\": 42}, \"id\": 3}",
	    RESULT("19", "3")),
	ROW("{\"jsonrpc\": \"2.0\", \"method\": \"subtract\", \"params\": {\"minuend\": 42, "
	    "\"subtrahend\": 23}, \"id\": 4}",
	    RESULT("19", "4")),
	ROW("{\"jsonrpc\": \"2.0\", \"method\": \"update\", \"params\": [1,2,3,4,5]}", NULL),
	ROW("{\"jsonrpc\": \"2.0\", \"method\": \"foobar\"}", NULL),
	ROW("{\"jsonrpc\": \"2.0\", \"method\": \"foobar\", \"id\": \"1\"}", UNKNOWN("\"1\"")),
	ROW("{\"jsonrpc\": \"2.0\", \"method\": \"foobar, \"params\": \"bar\", \"baz]",
	    PARSE_ERROR),
	ROW("{\"jsonrpc\": \"2.0\", \"method\": 1, \"params\": \"bar\"}", INVALID("null")),
	ROW("[{\"jsonrpc\": \"2.0\", \"method\": \"sum\", \"params\": [1,2,4], \"id\": \"1\"},"
	    "{\"jsonrpc\": \"2.0\", \"method\"]",
	    PARSE_ERROR),
	ROW("[]", INVALID("null")),
	ROW("[1]", "[" INVALID("null") "]"),
	ROW("[1,2,3]", "[" INVALID("null") "," INVALID("null") "," INVALID("null") "]"),
	ROW("[{\"jsonrpc\": \"2.0\", \"method\": \"sum\", \"params\": [1,2,4], \"id\": \"1\"},"
	    "{\"jsonrpc\": \"2.0\", \"method\": \"notify_hello\", \"params\": [7]},"
	    "{\"jsonrpc\": \"2.0\", \"method\": \"subtract\", \"params\": [42,23], \"id\": \"2\"},"
	    "{\"foo\": \"boo\"},"
	    "{\"jsonrpc\": \"2.0\", \"method\": \"foo.get\", \"params\": {\"name\": \"myself\"}, "
	    "\"id\": \"5\"},"
	    "{\"jsonrpc\": \"2.0\", \"method\": \"get_data\", \"id\": \"9\"}]",
	    "[" RESULT("7", "\"1\"") "," RESULT("19", "\"2\"") "," INVALID("null") "," UNKNOWN(
		"\"5\"") "," RESULT("[\"hello\",5]", "\"9\"") "]"),
	ROW("[{\"jsonrpc\": \"2.0\", \"method\": \"notify_sum\", \"params\": [1,2,4]},"
	    "{\"jsonrpc\": \"2.0\", \"method\": \"notify_hello\", \"params\": [7]}]",
	    NULL),
};

static const struct row strict[] = {
	/* not JSON */
	ROW("{", PARSE_ERROR),
	ROW("nonsense", PARSE_ERROR),
	ROW("{}{}", PARSE_ERROR),
	ROW("{\"a\":01}", PARSE_ERROR),
	ROW("\xef\xbb\xbf" CALL("sum", "1"), PARSE_ERROR),
	ROW("\0", PARSE_ERROR),
	ROW("{\"a\":\"\xff\"}", PARSE_ERROR),
	ROW("{\"a\":\"\xed\xa0\x80\"}", PARSE_ERROR), /* a surrogate */
	ROW("{\"a\":\"\xc0\xaf\"}", PARSE_ERROR),     /* overlong */
	ROW("{\"a\":\"\\ud800\"}", PARSE_ERROR),
	ROW("{'a':1}", PARSE_ERROR),
	ROW("{\"a\":1,}", PARSE_ERROR),
	ROW("{\"a\":NaN}", PARSE_ERROR),
	ROW("{\"a\":\"tab\there\"}", PARSE_ERROR),
	/* JSON, but not taken */
	ROW("1", INVALID("null")),
	ROW("null", INVALID("null")),
	ROW("\"text\"", INVALID("null")),
	ROW("{}", INVALID("null")),
	ROW("{\"jsonrpc\":\"2.0\",\"method\":\"sum\",\"id\":1,\"id\":2}", INVALID("null")),
	ROW("{\"jsonrpc\":\"2.0\",\"method\":\"sum\",\"id\":1,\"params\":{\"a\":1,\"a\":1}}",
	    INVALID("null")),
	ROW("{\"jsonrpc\":\"2.0\",\"method\":\"su\\u0000m\",\"id\":1}", INVALID("null")),
	ROW("{\"jsonrpc\":\"2.0\",\"method\":\"sum\",\"id\":1,\"\\u0000\":1}", INVALID("null")),
	ROW("{\"jsonrpc\":\"2.0\",\"method\":\"sum\",\"id\":9223372036854775808}", INVALID("null")),
	ROW("{\"jsonrpc\":\"2.0\",\"method\":\"sum\",\"id\":1e999}", INVALID("null")),
	ROW("{\"jsonrpc\":\"1.0\",\"method\":\"sum\",\"id\":1}", INVALID("1")),
	ROW("{\"jsonrpc\":2.0,\"method\":\"sum\",\"id\":1}", INVALID("1")),
	ROW("{\"method\":\"sum\",\"id\":\"x\"}", INVALID("\"x\"")),
	ROW("{\"jsonrpc\":\"2.0\",\"id\":1}", INVALID("1")),
	ROW("{\"jsonrpc\":\"2.0\",\"method\":null,\"id\":1}", INVALID("1")),
	ROW("{\"jsonrpc\":\"2.0\",\"method\":\"sum\",\"params\":1,\"id\":1}", INVALID("1")),
	ROW("{\"jsonrpc\":\"2.0\",\"method\":\"sum\",\"params\":\"x\",\"id\":1}", INVALID("1")),
	ROW("{\"jsonrpc\":\"2.0\",\"method\":\"sum\",\"params\":\"x\"}", INVALID("null")),
	ROW(CALL("sum", "true"), INVALID("null")),
	ROW(CALL("sum", "[1]"), INVALID("null")),
	ROW(CALL("sum", "{}"), INVALID("null")),
	ROW(CALL("sum", "\"" L51 L51 L51 L51 L51 "\""), RESULT("0", "\"" L51 L51 L51 L51 L51 "\"")),
	ROW(CALL("sum", "\"" L51 L51 L51 L51 L51 "x\""), INVALID("null")),
	/* depth: 64 with the object and the params' own array */
	ROW("{\"jsonrpc\":\"2.0\",\"method\":\"sum\",\"id\":1,\"params\":" A16 A16 A16
	    "[[[[[[[[[[[[[[[" Z16 Z16 Z16 "]]]]]]]]]]]]]]]}",
	    RESULT("0", "1")),
	ROW("{\"jsonrpc\":\"2.0\",\"method\":\"sum\",\"id\":1,\"params\":" A16 A16 A16 A16 Z16 Z16
		Z16 Z16 "}",
	    INVALID("null")),
	ROW("{\"a\":\"" A16 A16 A16 A16 A16 "\\\"" A16 "\\\\\",\"id\":5}", INVALID("5")),
	/* not admitted */
	ROW(CALL("forbidden", "1"), "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32002,"
				    "\"message\":\"on these terms\"}}"),
	ROW("{\"jsonrpc\":\"2.0\",\"method\":\"forbidden\"}", NULL),
	/* taken */
	ROW("", NULL),
	ROW(" \t\r", NULL),
	ROW(" " CALL("sum", "1") " \r", RESULT("0", "1")),
	ROW("{\"jsonrpc\":\"2.0\",\"method\":\"sum\",\"id\":1,\"params\":null}", RESULT("0", "1")),
	ROW("{\"jsonrpc\":\"2.0\",\"method\":\"sum\",\"id\":1,\"more\":{}}", RESULT("0", "1")),
	ROW(CALL("sum", "null"), RESULT("0", "null")),
	ROW(CALL("sum", "0"), RESULT("0", "0")),
	ROW(CALL("sum", "-1"), RESULT("0", "-1")),
	ROW(CALL("sum", "9223372036854775807"), RESULT("0", "9223372036854775807")),
	ROW(CALL("sum", "-9223372036854775808"), RESULT("0", "-9223372036854775808")),
	ROW(CALL("sum", "1.5"), RESULT("0", "1.5")),
	ROW(CALL("sum", "1e300"), RESULT("0", "1e300")),
	ROW(CALL("sum", "\"\""), RESULT("0", "\"\"")),
	ROW(CALL("sum", "\"\\u0001\\n\\\"\xc3\xa9\xf0\x9f\x98\x80\""),
	    RESULT("0", "\"\\u0001\\n\\\"\xc3\xa9\xf0\x9f\x98\x80\"")),
	ROW(CALL("echo", "1"), RESULT("null", "1")),
	ROW("{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":" TREE ",\"id\":1}",
	    RESULT(TREE, "1")),
	ROW(CALL("subtract", "1"),
	    "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32602,\"message\":\"two numbers, ? "
	    "\\\"please\\\"?\"},\"id\":1}"),
	ROW(NOTE("subtract"), NULL), /* errors of a notification are dropped, too */
	ROW(CALL("bad", "1"), "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32603,\"message\":"
			      "\"the answer cannot be JSON\"},\"id\":1}"),
	/* batches */
	ROW("[[]]", "[" INVALID("null") "]"),
	ROW("[" CALL("sum", "1") ",[" CALL("sum", "2") "]]",
	    "[" RESULT("0", "1") "," INVALID("null") "]"),
	ROW("[" NOTE("nothing") "]", NULL),
	ROW("[" CALL("stream", "1") "," CALL("sum", "2") "]",
	    "[" INVALID("1") "," RESULT("0", "2") "]"),
	ROW("[" CALL("careless", "1") "," CALL("sum", "2") "]",
	    "[" INVALID("1") "," RESULT("0", "2") "]"),
	ROW("[" NOTE("careless") "]", NULL),
	ROW("[" CALL("bad", "1") "," CALL("sum", "2") "]",
	    "[{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32603,\"message\":"
	    "\"the answer cannot be JSON\"},\"id\":1}," RESULT("0", "2") "]"),
};

static void test_rows(const struct row *rows, size_t len, const char *name)
{
	CLEANUP(rig_deletep) struct rig *rig = rig_new();

	for (size_t i = 0; i < len; i++) {
		char what[64];

		(void)snprintf(what, sizeof(what), "%s %zu", name, i);
		rig_send(rig, rows[i].line);
		rig_send(rig, SPAN("\n"));
		rig_settle(rig);
		if (rows[i].want != NULL)
			rig_expect(rig, rows[i].want, what);
		rig_expect(rig, NULL, what);
	}
	CHECK(rig->closed == 0, "%s", name);
}

/* All rows in one stream, cut at every octet: the same answers, in order. */
static void test_split(const struct row *rows, size_t len)
{
	CLEANUP(rig_deletep) struct rig *rig = rig_new();

	for (size_t i = 0; i < len; i++)
		for (size_t k = 0; k <= rows[i].line.len; k++) {
			char c = (char)(k < rows[i].line.len ? rows[i].line.ptr[k] : '\n');

			rig_send(rig, (struct span){ &c, 1 });
			(void)rig_round(rig->loop);
		}
	rig_settle(rig);
	for (size_t i = 0; i < len; i++)
		if (rows[i].want != NULL)
			rig_expect(rig, rows[i].want, "split");
	rig_expect(rig, NULL, "split");
}

/* The same two lines, cut once, at each place. */
static void test_split_once(void)
{
	const struct span text = SPAN(CALL("sum", "1") "\n" CALL("sum", "2") "\n");

	for (size_t cut = 1; cut < text.len; cut++) {
		CLEANUP(rig_deletep) struct rig *rig = rig_new();

		rig_send(rig, (struct span){ text.ptr, cut });
		rig_settle(rig);
		rig_send(rig, span_drop(text, cut));
		rig_settle(rig);
		rig_expect(rig, RESULT("0", "1"), "cut");
		rig_expect(rig, RESULT("0", "2"), "cut");
		rig_expect(rig, NULL, "cut");
	}
}

static void test_pipelined(void)
{
	CLEANUP(rig_deletep) struct rig *rig = rig_new();
	CLEANUP_BUF struct buf all = BUF(1 << 20);
	int r = 0;

	for (int i = 0; i < 10000 && r == 0; i++)
		r = buf_printf(
		    &all, "{\"jsonrpc\":\"2.0\",\"method\":\"sum\",\"params\":[%d],\"id\":%d}\n", i,
		    i);
	CHECK(r == 0, "%d", r);
	rig_send(rig, buf_span(&all));
	rig_settle(rig);
	for (int i = 0; i < 10000; i++) {
		json_t *value = rig_line(rig);

		CHECK(json_integer_value(json_object_get(value, "id")) == i, "%d", i);
		CHECK(json_integer_value(json_object_get(value, "result")) == i, "%d", i);
		json_decref(value);
	}
	rig_expect(rig, NULL, "pipelined");
}

/* More calls under way than RPC_CALLS_MAX: the rest is refused, and a slot that is free serves
 * again. */
static void test_calls_max(void)
{
	CLEANUP(rig_deletep) struct rig *rig = rig_new();
	int refused = 0;

	for (int i = 0; i < RPC_CALLS_MAX + 5; i++)
		rig_send(rig, SPAN(CALL("later", "7") "\n"));
	rig_send(rig, SPAN(NOTE("later") "\n"));
	rig_settle(rig);
	CHECK(rig->waiting_len == RPC_CALLS_MAX, "%zu", rig->waiting_len);
	for (json_t *value = NULL; (value = rig_line(rig)) != NULL; json_decref(value))
		refused += json_integer_value(json_object_get(json_object_get(value, "error"),
							      "code")) == RPC_LIMIT;
	CHECK(refused == 5, "%d", refused);
	rpc_reply(rig->waiting[3], json_true());
	rig->waiting[3] = NULL;
	rig_send(rig, SPAN(CALL("later", "8") "\n"));
	rig_settle(rig);
	rig_expect(rig, RESULT("true", "7"), "answered");
	rig_expect(rig, NULL, "taken");
	CHECK(rig->waiting_len == RPC_CALLS_MAX + 1, "%zu", rig->waiting_len);
}

static void test_late_answers(void)
{
	CLEANUP(rig_deletep) struct rig *rig = rig_new();

	rig_send(rig, SPAN(CALL("later", "1") "\n" CALL(
			  "later", "\"two\"") "\n"
					      "[" CALL("later", "3") "," CALL("sum", "4") "," NOTE(
						  "later") "," CALL("later",
								    "5") "]\n" NOTE("later") "\n"));
	rig_settle(rig);
	CHECK(rig->waiting_len == 6, "%zu", rig->waiting_len);
	rig_expect(rig, NULL, "nothing yet");

	json_t *id = rpc_call_id(rig->waiting[1]);
	CHECK(json_is_string(id) && strcmp(json_string_value(id), "two") == 0, "id");
	CHECK(rpc_call_id(rig->waiting[5]) == NULL, "a notification has none");
	CHECK(rpc_call_peer(rig->waiting[0]) == rig->peer, "peer");

	for (size_t i = 6; i-- > 0; rig->waiting[i] = NULL) /* 5 ends, 4, 3, 2 answer the batch */
		rpc_reply(rig->waiting[i], json_integer((json_int_t)i));
	rig_settle(rig);
	rig_expect(rig, "[" RESULT("0", "4") "," RESULT("4", "5") "," RESULT("2", "3") "]",
		   "batch");
	rig_expect(rig, RESULT("1", "\"two\""), "second");
	rig_expect(rig, RESULT("0", "1"), "first");
	rig_expect(rig, NULL, "all");
}

static void test_parts(void)
{
	CLEANUP(rig_deletep) struct rig *rig = rig_new();

	rig_send(rig, SPAN(CALL("stream", "\"s\"") "\n" NOTE("stream") "\n"));
	rig_settle(rig);
	rig_expect(rig, RESULT("{\"stdout\":\"Zm9vYmFy\"}", "\"s\""), "part");
	rig_expect(rig, RESULT("{\"stderr\":\"\"}", "\"s\""), "part");
	rig_expect(rig, RESULT("{\"exit_code\":0}", "\"s\""), "last");
	rig_expect(rig, NULL, "a notification has no parts");
}

static void test_batch_max(void)
{
	for (int over = 0; over <= 1; over++) {
		CLEANUP(rig_deletep) struct rig *rig = rig_new();

		rig_send(rig, SPAN("[1"));
		for (int i = 1; i < RPC_BATCH_MAX + over; i++)
			rig_send(rig, SPAN(",1"));
		rig_send(rig, SPAN("]\n"));
		rig_settle(rig);
		json_t *value = rig_line(rig);
		CHECK(json_array_size(value) == (over ? 0 : RPC_BATCH_MAX), "over %d", over);
		CHECK(json_is_object(value) == over, "over %d", over);
		json_decref(value);
	}
}

/* A peer freed with calls under way, in a method, within a batch: answering is harmless. */
static void test_freed(void)
{
	CLEANUP(rig_deletep) struct rig *rig = rig_new();

	rig_send(rig, SPAN(CALL("later", "1") "\n[" CALL("later", "2") "," CALL(
			  "free", "3") "," CALL("later", "4") "]\n" CALL("later", "5") "\n"));
	rig_settle(rig);
	CHECK(rig->peer == NULL, "freed");
	CHECK(rig->waiting_len == 2, "nothing was dispatched after that: %zu", rig->waiting_len);
	CHECK(rpc_call_peer(rig->waiting[0]) == NULL, "an orphan");
	CHECK(json_integer_value(rpc_call_id(rig->waiting[0])) == 1, "still has its id");
	rpc_part(rig->waiting[0], json_true());
	rpc_part_base64(rig->waiting[1], "stdout", SPAN("x"));
	CHECK(rig->closed == 0, "one's own doing is not reported");
	rig_expect(rig, NULL, "nothing");
}

int main(void)
{
	test_rows(examples, ARRAY_SIZE(examples), "example");
	test_rows(strict, ARRAY_SIZE(strict), "strict");
	test_split(examples, ARRAY_SIZE(examples));
	test_split(strict, ARRAY_SIZE(strict));
	test_split_once();
	test_pipelined();
	test_calls_max();
	test_late_answers();
	test_parts();
	test_batch_max();
	test_freed();
	return test_failures > 0;
}
