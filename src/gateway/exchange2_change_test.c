// SPDX-License-Identifier: Apache-2.0
/* A stream without sessions: what becomes of heads, trailers and bodies, however those are split. */
#include "gateway/exchange2_change.h"

#include <errno.h>
#include <stdlib.h>

#include "base/test.h"

#define A  "IMMURE_SECRET_0123456789abcdef0123456789abcdef"
#define X  "IMMURE_SECRET_00000000000000000000000000000000" /* of nobody here */
#define VA "sk-a/1"

enum { OUT_OCTETS = 4096 };

static struct exchange2 exchange = { .secrets = true };

struct stream {
	struct exchange2_stream s;
	struct http2_request request;
	char path[HTTP2_LIST_OCTETS_MAX];
};

/* with() - a secret that may stand in @where; 0: none */
static struct inject *with(unsigned where)
{
	const struct substitutions list = { 1, { { where, SPAN(A), SPAN(VA) } } };
	struct inject *inject = NULL;
	char data[128];
	size_t len = 0;

	CHECK(where == 0 || substitutions_encode(&len, data, sizeof(data), &list) == 0, "encode");
	CHECK(inject_new(&inject, (struct span){ data, len }) == 0, "new");
	return inject;
}

static struct stream *stream_new(unsigned where)
{
	struct stream *stream = calloc(1, sizeof(*stream));

	if (stream == NULL)
		abort();
	stream->s.exchange = &exchange;
	stream->s.inject = with(where);
	for (int i = 0; i < TLS_SIDES; i++)
		stream->s.way[i].data = BUF(EXCHANGE2_WINDOW_OCTETS);
	return stream;
}

static void stream_free(struct stream *stream)
{
	change2_drop(&stream->s.way[TLS_INSIDE]);
	change2_drop(&stream->s.way[TLS_UPSTREAM]);
	inject_free(stream->s.inject);
	free(stream);
	change2_wipe();
}

static void add(struct http2_block *block, const char *name, const char *value)
{
	http2_block_add(block, span_of(name), span_of(value), false);
}

/* ask() - Return: as change2_request(); @ret: what would be sent */
static const char *ask(struct http2_list *ret, struct stream *stream, const char *path,
		       const char *type, const char *key)
{
	static struct http2_block block;
	static char authority[HTTP2_AUTHORITY_OCTETS];

	http2_block_free(&block);
	block = HTTP2_BLOCK;
	add(&block, ":method", "POST");
	add(&block, ":scheme", "https");
	add(&block, ":authority", "a.test");
	add(&block, ":path", path);
	add(&block, "content-type", type);
	add(&block, "content-length", "9");
	add(&block, "accept-encoding", "gzip");
	add(&block, "x-key", key);
	struct http2_fault fault =
	    http2_request_read(&stream->request, stream->path, &block, false);
	CHECK(fault.status == 0, "%s", fault.why);
	const char *why = change2_request(&stream->s, &stream->request);
	if (why == NULL) {
		http2_request_write(ret, authority, &stream->request);
		change2_mark(ret);
	}
	return why;
}

static const struct http2_field *find(const struct http2_list *list, const char *name)
{
	for (unsigned i = 0; i < list->count; i++)
		if (span_is(list->at[i].name, name))
			return &list->at[i];
	return NULL;
}

static void test_requests(void)
{
	static const struct {
		unsigned where;
		bool length; /* is it still said? */
		const char *path, *type, *key;
		const char *path_out, *key_out; /* NULL: refused */
	} rows[] = {
		{ 0, true, "/a", "text/plain", "x", "/a", "x" },
		{ 0, false, "/a", "text/plain", A, NULL, NULL },
		{ 1, true, "/a", "text/plain", "a" A, "/a", "a" VA },
		{ 1, false, "/a?k=" A, "text/plain", "x", NULL, NULL },
		{ 1, false, "/" A, "text/plain", "x", NULL, NULL },
		{ 1, false, "/a", A, X, NULL, NULL },
		{ 2, true, "/a?k=" A, "text/plain", "x", "/a?k=sk-a%2F1", "x" },
		{ 9, false, "/a", "text/plain", A, "/a", VA },
		{ 9, true, "/a", "application/grpc", A, "/a", VA },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		static struct http2_list list;
		struct stream *stream = stream_new(rows[i].where);
		const char *why = ask(&list, stream, rows[i].path, rows[i].type, rows[i].key);

		CHECK((why == NULL) == (rows[i].path_out != NULL), "row %zu: %s", i, why);
		if (why == NULL && rows[i].path_out != NULL) {
			const struct http2_field *path = find(&list, ":path");
			const struct http2_field *key = find(&list, "x-key");

			CHECK(span_is(path->value, rows[i].path_out) &&
				  span_is(key->value, rows[i].key_out),
			      "row %zu", i);
			CHECK(path->sensitive == (strcmp(rows[i].path, rows[i].path_out) != 0) &&
				  key->sensitive == (strcmp(rows[i].key, rows[i].key_out) != 0),
			      "row %zu: the tables of HPACK", i);
			CHECK((find(&list, "content-length") != NULL) == rows[i].length &&
				  (find(&list, "accept-encoding") == NULL) == (rows[i].where != 0),
			      "row %zu", i);
		}
		stream_free(stream);
	}
}

/* carry() - @text in pieces of @piece octets, taken @most at a time. Return: false: refused */
static bool carry(char ret[OUT_OCTETS], struct exchange2_way *way, struct span text, size_t piece,
		  size_t most)
{
	const char *why = NULL;
	size_t out = 0;

	while (!way->ended || change2_held(way) > 0 || buf_len(&way->data) > 0) {
		size_t len = text.len < piece ? text.len : piece;
		int r = len > 0 ? change2_take(way, &why, (struct span){ text.ptr, len }) : 0;

		CHECK(r == 0 || (r == -EPERM && why != NULL), "%d", r);
		text = span_drop(text, len);
		way->ended = text.len == 0;
		if (why == NULL)
			(void)change2_fill(way, &why);
		if (why != NULL)
			return false;
		size_t taken = buf_len(&way->data) < most ? buf_len(&way->data) : most;
		if (taken > 0 && buf_span(&way->data).ptr != NULL)
			memcpy(ret + out, buf_span(&way->data).ptr, taken);
		buf_drop(&way->data, taken);
		out += taken;
	}
	ret[out] = '\0';
	return true;
}

static void test_bodies(void)
{
	static const struct {
		unsigned where;
		const char *type, *in, *out; /* NULL: refused */
	} rows[] = {
		{ 1, "text/plain", "", "" },
		{ 1, "text/plain", "I%49IMMURE_SECRET_", "I%49IMMURE_SECRET_" },
		{ 1, "text/plain", "x" A, NULL },
		{ 9, "text/plain", "x" A "y" A "I", "x" VA "y" VA "I" },
		{ 9, "application/x-www-form-urlencoded", "k=" A, "k=sk-a%2F1" },
		{ 9, "text/plain", A X, NULL },
		{ 9, "application/grpc", "x" A, NULL },
		{ 9, "application/grpc", "I%49", "I%49" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (size_t piece = 1; piece < 100; piece += 3)
			for (size_t most = 1; most < 100; most += 33) {
				static struct http2_list list;
				struct stream *stream = stream_new(rows[i].where);
				char got[OUT_OCTETS];

				CHECK(ask(&list, stream, "/", rows[i].type, "x") == NULL, "head");
				bool whole = carry(got, &stream->s.way[TLS_INSIDE],
						   span_of(rows[i].in), piece, most);
				CHECK(whole == (rows[i].out != NULL), "row %zu, %zu", i, piece);
				CHECK(!whole || strcmp(got, rows[i].out) == 0, "row %zu, %zu: %s",
				      i, piece, got);
				stream_free(stream);
			}
}

/* What came before the verdict is looked at as well. */
static void test_early_body(void)
{
	for (unsigned where = 0; where < 16; where += 8) {
		static struct http2_list list;
		struct stream *stream = stream_new(where);
		struct exchange2_way *way = &stream->s.way[TLS_INSIDE];
		char got[OUT_OCTETS];

		CHECK(buf_append(&way->data, SPAN("x" A)) == 0, "memory");
		const char *why = ask(&list, stream, "/", "text/plain", "x");
		CHECK((why == NULL) == (where == 8), "%u: %s", where, why);
		if (why == NULL)
			CHECK(carry(got, way, SPAN("y"), 9, 99) && strcmp(got, "x" VA "y") == 0,
			      "%s", got);
		stream_free(stream);
	}
}

/* No more is ready than there is room for. */
static void test_growth(void)
{
	static struct http2_list list;
	struct stream *stream = stream_new(8);
	struct exchange2_way *way = &stream->s.way[TLS_INSIDE];
	const char *why = NULL;

	CHECK(ask(&list, stream, "/", "text/plain", "x") == NULL, "head");
	for (int i = 0; i < 3000; i++)
		CHECK(change2_take(way, &why, SPAN("IIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIII" A)) == 0,
		      "take");
	size_t held = change2_held(way), used = change2_fill(way, &why);
	CHECK(why == NULL && used < held && change2_held(way) == held - used, "%zu", used);
	CHECK(buf_len(&way->data) <= (size_t)64 * 1024 && change2_fill(way, &why) == 0, "full");
	stream_free(stream);
}

static void test_responses(void)
{
	static const struct {
		const char *status, *type, *coding;
		bool head_only, searched;
	} rows[] = {
		{ "200", "text/plain", "identity", false, true },
		{ "200", "text/plain", "gzip", false, false },
		{ "200", "image/png", "identity", false, false },
		{ "200", "application/grpc+json", "identity", false, false },
		{ "200", "text/plain", "identity", true, false },
		{ "304", "text/plain", "identity", false, false },
		{ "103", "text/plain", "identity", false, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		static struct http2_response response;
		struct stream *stream = stream_new(1);
		struct http2_block block = HTTP2_BLOCK;

		stream->s.head_only = rows[i].head_only;
		add(&block, ":status", rows[i].status);
		add(&block, "content-type", rows[i].type);
		add(&block, "content-encoding", rows[i].coding);
		if (rows[i].status[0] == '2')
			add(&block, "content-length", "6");
		add(&block, "x-y", "to " VA);
		CHECK(http2_response_read(&response, &block, false, false).status == 0, "%zu", i);
		unsigned before = response.fields.count;
		CHECK(change2_response(&stream->s, &response, true), "row %zu", i);
		struct span value = response.fields.at[response.fields.count - 1].value;
		CHECK(span_is(value, "to " A), "row %zu: %.*s", i, (int)value.len, value.ptr);
		CHECK(change2_holds(&stream->s.way[TLS_UPSTREAM]) == rows[i].searched &&
			  response.fields.count == before - rows[i].searched,
		      "row %zu", i);
		http2_block_free(&block);
		stream_free(stream);
	}
}

static void test_trailers(void)
{
	static struct http2_fields fields;
	struct stream *stream = stream_new(1);

	fields.count = 1;
	fields.at[0] = (struct http2_field){ .name = SPAN("x"), .value = SPAN(A) };
	CHECK(!change2_trailers(&stream->s, TLS_INSIDE, &fields), "a placeholder");
	fields.at[0].value = SPAN("1");
	CHECK(change2_trailers(&stream->s, TLS_INSIDE, &fields) && fields.count == 1, "none");
	fields.at[0].value = SPAN(VA);
	CHECK(change2_trailers(&stream->s, TLS_UPSTREAM, &fields) && span_is(fields.at[0].value, A),
	      "hidden");
	stream_free(stream);
}

/* What the library frees is wiped; a grown piece keeps what it had. */
static void test_memory(void)
{
	const nghttp2_mem *memory = change2_memory();
	char *octets = memory->malloc(4, NULL);

	if (octets == NULL)
		abort();
	memcpy(octets, "abc", 4);
	octets = memory->realloc(octets, 4000, NULL);
	CHECK(octets != NULL && strcmp(octets, "abc") == 0, "grown");
	octets = memory->realloc(octets, 2, NULL);
	CHECK(octets != NULL && octets[1] == 'b', "shrunk");
	memory->free(octets, NULL);
	memory->free(NULL, NULL);
}

int main(void)
{
	test_requests();
	test_bodies();
	test_early_body();
	test_growth();
	test_responses();
	test_trailers();
	test_memory();
	return test_failures > 0;
}
