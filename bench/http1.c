// SPDX-License-Identifier: Apache-2.0
/*
 * What the HTTP/1.1 codec costs by itself: a request's head of about 600 octets as a browser sends
 * it, the same written on, a path, and chunks. The best of several rounds, for the machine may be
 * busy with other things.
 */
#include <stdlib.h>
#include <time.h>

#include "wire/http1_body.h"
#include "wire/http1_write.h"

enum {
	ROUNDS = 9,
	HEADS = 100000,
	BODY_OCTETS = 8 << 20,
	READ_OCTETS = 65536, /* what the gateway reads at once */
};

static const char head[] =
    "GET /api/v1/repos/example/project/../project/contents/README.md?ref=main HTTP/1.1\r\n"
    "Host: api.example.com\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8\r\n"
    "Accept-Language: en-US,en;q=0.5\r\n"
    "Accept-Encoding: gzip, deflate, br\r\n"
    "Authorization: Bearer abcdefghijklmnopqrstuvwxyz0123456789\r\n"
    "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; consent=1\r\n"
    "Referer: https://www.example.com/some/page\r\n"
    "Connection: keep-alive\r\n"
    "X-Request-Id: 7f3b2c1d-0000-4000-8000-123456789abc\r\n"
    "\r\n";

static struct http1_request request;
static char room[1 << 16];

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void read_head(void)
{
	struct http1_scan scan = { 0 };

	must(http1_request_read(&request, &scan, (struct span){ head, sizeof(head) - 1 },
				&http1_limits_default) == HTTP1_DONE);
}

static void read_path(void)
{
	struct http1_path path;

	must(http1_path_read(&path, room, request.origin));
}

static void write_head(void)
{
	static char path_room[1024];
	size_t len = 0;
	struct http1_request_out out = { .method = request.method_text,
					 .authority = &request.authority,
					 .fields = request.fields.at,
					 .count = request.fields.count };

	must(http1_path_read(&out.path, path_room, request.origin));
	must(http1_request_write(&len, (struct http1_room){ room, sizeof(room) }, &out) == 0);
}

/* best_ns() - of one call */
static double best_ns(void (*call)(void))
{
	double best = 1e18;

	for (int round = 0; round < ROUNDS; round++) {
		double begun = now_ns();

		for (int i = 0; i < HEADS; i++)
			call();
		double spent = (now_ns() - begun) / HEADS;
		best = spent < best ? spent : best;
	}
	return best;
}

/* fill() - a body in chunks of @octets. Return: its length. */
static size_t fill(char *body, size_t octets)
{
	size_t len = 0;

	while (len + octets + HTTP1_CHUNK_HEAD_OCTETS + 8 < BODY_OCTETS) {
		len += http1_chunk_head_write(body + len, octets);
		memset(body + len, 'x', octets);
		memcpy(body + len + octets, "\r\n", 2);
		len += octets + 2;
	}
	memcpy(body + len, "0\r\n\r\n", 5);
	return len + 5;
}

static size_t decode(const char *octets, size_t len)
{
	static struct http1_fields trailers;
	struct http1_body body;
	enum http1_step step = HTTP1_MORE;
	size_t used = 0, decoded = 0;

	http1_body_begin(&body, HTTP1_BODY_CHUNKED, 0, &trailers, &http1_limits_default);
	while (step == HTTP1_MORE) {
		size_t come = len - used < READ_OCTETS ? len - used : READ_OCTETS;
		struct span data, input = { octets + used, come };

		while ((step = http1_body_next(&body, &data, &input)) == HTTP1_DATA)
			decoded += data.len;
		used += come - input.len;
	}
	must(step == HTTP1_DONE);
	return decoded;
}

static void time_chunks(size_t octets)
{
	char *body = malloc(BODY_OCTETS);
	double best = 0;

	must(body != NULL);
	size_t len = fill(body, octets);
	for (int round = 0; round < ROUNDS; round++) {
		double begun = now_ns();
		size_t decoded = decode(body, len);
		double rate = (double)decoded * 1e3 / (now_ns() - begun);

		best = rate > best ? rate : best;
	}
	printf("chunks of %5zu octets: %8.0f MB/s\n", octets, best);
	free(body);
}

int main(void)
{
	printf("head of %zu octets: read %.0f ns\n", sizeof(head) - 1, best_ns(read_head));
	printf("path of %zu octets: read %.0f ns\n", request.origin.len, best_ns(read_path));
	printf("both written on: %.0f ns\n", best_ns(write_head));
	time_chunks(16);
	time_chunks(1024);
	time_chunks(16384);
	return 0;
}
