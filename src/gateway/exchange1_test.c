// SPDX-License-Identifier: Apache-2.0
/*
 * Each row is a conversation. What the server says has parts, divided by \1: each is said once the
 * server has got the part of its own text that stands at the same place. A row is played cut at every
 * octet of either side, and octet by octet; before each verdict nothing of its request may be out.
 */
#include "gateway/exchange1_priv.h"
#include "gateway/exchange1_test_priv.h"

#include "base/test.h"

enum { TURNS = 6, PARTS_MAX = 8 };

enum leaves { STAYS, CLOSES, HALF_CLOSES };

struct row {
	const char *name;
	const char *program;  /* what it sends */
	const char *verdicts; /* a: allowed, d: denied; one for each ask */
	const char *asked;
	const char *upstream; /* what the server must get */
	const char *server;   /* what it says */
	const char *down;     /* what the program must get; '*' is anything */
	const char *told;
	const char *over; /* clean, reset, open */
	enum leaves program_end, server_end;
	bool raw;
};

#define HEAD "HTTP/1.1\r\nHost: lab.test\r\n"
#define GET  "GET / " HEAD "\r\n"
#define OK   "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
#define ERROR(status, close)                                                              \
	"HTTP/1.1 " status "*\r\nContent-Type: application/json\r\nContent-Length: *\r\n" \
	"Cache-Control: no-store\r\nProxy-Status: immure; error=*\r\n" close              \
	"\r\n{\"error_code\": *}\n"
#define FINAL(status) ERROR(status, "Connection: close\r\n")
#define WS             \
	"GET /c " HEAD \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
#define HOP               "Connection: upgrade\r\nUpgrade: websocket\r\n"
#define SWITCH            "HTTP/1.1 101 Switch\r\n" HOP "Sec-WebSocket-Accept: x\r\n"
#define SWITCHED_TO(more) "HTTP/1.1 101 Switch\r\nSec-WebSocket-Accept: x\r\n" more HOP "\r\n"
#define SWITCHED          SWITCHED_TO("")
#define DEFLATE           "Sec-WebSocket-Extensions: permessage-deflate\r\n"
#define PING              "\x81\x84    PING" /* "ping" in a text frame, masked */
#define ZIP               "\xc1\x82    zz"
#define PONG              "\x81\4pong"
#define PUT               "PUT /f " HEAD
#define CODED             "Transfer-Encoding: chunked\r\n\r\n"

static const struct row rows[] = {
	{ "one", GET, "a", "GET /\n", GET, OK, OK, "200 clean 34/40\n", "open", STAYS, STAYS,
	  false },
	{ "the program ends", GET, "a", "GET /\n", GET, OK, OK, "200 clean 34/40\n", "clean",
	  HALF_CLOSES, STAYS, false },
	{ "the server ends after it", GET, "a", "GET /\n", GET, OK, OK, "200 clean 34/40\n",
	  "clean", STAYS, CLOSES, false },
	{ "one after the other (A11)", GET "GET /b " HEAD "\r\n", "aa", "GET /\nGET /b\n",
	  GET "\1GET /b " HEAD "\r\n", OK "\1" OK, OK OK, "200 clean 34/40\n200 clean 35/40\n",
	  "open", STAYS, STAYS, false },
	{ "the second is denied (A11)", GET "GET /b " HEAD "\r\n", "ad", "GET /\nGET /b\n", GET, OK,
	  OK ERROR("403", ""), "200 clean 34/40\n", "open", STAYS, STAYS, false },
	{ "the first is denied, the second goes on", GET "GET /b " HEAD "\r\n", "da",
	  "GET /\nGET /b\n", "GET /b " HEAD "\r\n", OK, ERROR("403", "") OK, "200 clean 35/40\n",
	  "open", STAYS, STAYS, false },
	{ "denied with a body", PUT "Content-Length: 3\r\n\r\nabc", "d", "PUT /f\n", "", "",
	  FINAL("403"), "", "clean", CLOSES, STAYS, false },
	{ "HEAD denied", "HEAD / " HEAD "\r\n", "d", "HEAD /\n", "", "", "HTTP/1.1 403*\r\n\r\n",
	  "", "open", STAYS, STAYS, false },
	{ "form of the path (A14)", "GET /a/%2e%2e/%7eb?x=%2e " HEAD "\r\n", "a", "GET /~b?x=%2e\n",
	  "GET /~b?x=%2e " HEAD "\r\n", OK, OK, "200 clean 53/40\n", "open", STAYS, STAYS, false },
	{ "no form (A14)", "GET /a%2fb " HEAD "\r\n", "", "", "", "", FINAL("400"), "refused 400\n",
	  "clean", CLOSES, STAYS, false },
	{ "backslash (A14)", "GET /a\\b " HEAD "\r\n", "", "", "", "", FINAL("400"),
	  "refused 400\n", "clean", CLOSES, STAYS, false },
	{ "another host (A6)", "GET / HTTP/1.1\r\nHost: other.test\r\n\r\n", "", "", "", "",
	  FINAL("421"), "refused 421\n", "clean", CLOSES, STAYS, false },
	{ "another port", "GET / HTTP/1.1\r\nHost: lab.test:81\r\n\r\n", "", "", "", "",
	  FINAL("421"), "refused 421\n", "clean", CLOSES, STAYS, false },
	{ "another host, absolute", "GET http://other.test/ " HEAD "\r\n", "", "", "", "",
	  FINAL("421"), "refused 421\n", "clean", CLOSES, STAYS, false },
	{ "another scheme", "GET https://lab.test/ " HEAD "\r\n", "", "", "", "", FINAL("421"),
	  "refused 421\n", "clean", CLOSES, STAYS, false },
	{ "absolute", "GET http://lab.test/x " HEAD "\r\n", "a", "GET /x\n", "GET /x " HEAD "\r\n",
	  OK, OK, "200 clean 50/40\n", "open", STAYS, STAYS, false },
	{ "CONNECT", "CONNECT lab.test:80 " HEAD "\r\n", "", "", "", "", FINAL("405"),
	  "refused 405\n", "clean", CLOSES, STAYS, false },
	{ "TRACE (A15)", "TRACE / " HEAD "\r\n", "", "", "", "", FINAL("405"), "refused 405\n",
	  "clean", CLOSES, STAYS, false },
	{ "both framings (A9)", PUT "Content-Length: 3\r\n" CODED "0\r\n\r\n", "", "", "", "",
	  FINAL("400"), "refused 400\n", "clean", CLOSES, STAYS, false },
	{ "two lengths (A10)", PUT "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", "", "", "",
	  "", FINAL("400"), "refused 400\n", "clean", CLOSES, STAYS, false },
	{ "bare LF (A9)", "GET / HTTP/1.1\nHost: lab.test\n\n", "", "", "", "", FINAL("400"),
	  "refused 400\n", "clean", CLOSES, STAYS, false },
	{ "no Host", "GET / HTTP/1.1\r\n\r\n", "", "", "", "", FINAL("400"), "refused 400\n",
	  "clean", CLOSES, STAYS, false },
	{ "cut short", "GET / HTTP/1.1\r\nHo", "", "", "", "", FINAL("400"), "refused 400\n",
	  "clean", HALF_CLOSES, STAYS, false },
	{ "no HTTP", "\x01hello", "", "", "", "", FINAL("400"), "refused 400\n", "clean", CLOSES,
	  STAYS, false },
	{ "no HTTP, and it may be", "\x02hello", "", "", "\x02hello", "\x02you", "\x02you", "",
	  "open", STAYS, STAYS, true },
	{ "HTTP, and it need not be", GET, "a", "GET /\n", GET, OK, OK, "200 clean 34/40\n", "open",
	  STAYS, STAYS, true },
	{ "length up", PUT "Content-Length: 3\r\n\r\nabc", "a", "PUT /f\n",
	  PUT "Content-Length: 3\r\n\r\nabc", OK, OK, "200 clean 57/40\n", "open", STAYS, STAYS,
	  false },
	{ "a bad chunk", PUT CODED "x\r\n", "a", "PUT /f\n", "*", "", "*", "0 broken 63/0\n",
	  "reset", STAYS, STAYS, false },
	{ "an upload cut short", PUT "Content-Length: 9\r\n\r\nabc", "a", "PUT /f\n",
	  PUT "Content-Length: 9\r\n\r\nabc", "", "", "0 broken 57/0\n", "reset", CLOSES, STAYS,
	  false },
	{ "100 (interim), then 200", PUT "Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
	  "a", "PUT /f\n", PUT "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n\1abc",
	  "HTTP/1.1 100 Continue\r\n\r\n\1" OK, "HTTP/1.1 100 Continue\r\n\r\n" OK,
	  "200 clean 79/40\n", "open", STAYS, STAYS, false },
	{ "HEAD", "HEAD / " HEAD "\r\n", "a", "HEAD /\n", "HEAD / " HEAD "\r\n",
	  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
	  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "200 clean 35/38\n", "open", STAYS, STAYS,
	  false },
	{ "a body to HEAD", "HEAD / " HEAD "\r\n", "a", "HEAD /\n", "HEAD / " HEAD "\r\n",
	  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
	  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "200 clean 35/38\n", "clean", STAYS,
	  STAYS, false },
	{ "204, 304", GET GET, "aa", "GET /\nGET /\n", GET "\1" GET,
	  "HTTP/1.1 204 No\r\n\r\n\1HTTP/1.1 304 Not\r\nContent-Length: 7\r\n\r\n",
	  "HTTP/1.1 204 No\r\n\r\nHTTP/1.1 304 Not\r\nContent-Length: 7\r\n\r\n",
	  "204 clean 34/19\n304 clean 34/39\n", "open", STAYS, STAYS, false },
	{ "until close", GET, "a", "GET /\n", GET, "HTTP/1.1 200 OK\r\n\r\nhello",
	  "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello", "200 clean 34/24\n", "clean", STAYS,
	  CLOSES, false },
	{ "Connection: close", "GET / " HEAD "Connection: close\r\n\r\n", "a", "GET /\n",
	  "GET / " HEAD "Connection: close\r\n\r\n", OK,
	  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi",
	  "200 clean 53/40\n", "clean", STAYS, STAYS, false },
	{ "the server will close", GET GET, "a", "GET /\n", GET,
	  "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi",
	  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi",
	  "200 clean 34/59\n", "clean", CLOSES, CLOSES, false },
	{ "cut short by the server", GET, "a", "GET /\n", GET,
	  "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi", "*", "200 broken 34/40\n", "reset",
	  STAYS, CLOSES, false },
	{ "chunks cut short", GET, "a", "GET /\n", GET, "HTTP/1.1 200 OK\r\n" CODED "2\r\nhi\r\n",
	  "*", "200 broken 34/49\n", "reset", STAYS, CLOSES, false },
	{ "no response (502)", GET, "a", "GET /\n", GET, "\1", FINAL("502"), "502 broken 34/0\n",
	  "clean", CLOSES, CLOSES, false },
	{ "no HTTP from the server", GET, "a", "GET /\n", GET, "SSH-2.0-x\r\n\r\n", FINAL("502"),
	  "502 broken 34/0\n", "clean", CLOSES, STAYS, false },
	{ "two lengths from the server", GET, "a", "GET /\n", GET,
	  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi", FINAL("502"),
	  "502 broken 34/0\n", "clean", CLOSES, STAYS, false },
	{ "early response", PUT "Content-Length: 9\r\n\r\nabc", "a", "PUT /f\n",
	  PUT "Content-Length: 9\r\n\r\nabc", "HTTP/1.1 413 Big\r\nContent-Length: 0\r\n\r\n",
	  "HTTP/1.1 413 Big\r\nContent-Length: 0\r\n\r\n", "413 broken 57/39\n", "clean", CLOSES,
	  STAYS, false },
	{ "a response too many", GET, "a", "GET /\n", GET, OK OK, OK, "200 clean 34/40\n", "clean",
	  STAYS, STAYS, false },
	{ "WebSocket (A27)", WS HOP "\r\n" PING, "a", "websocket GET /c\n", WS HOP "\r\n\1" PING,
	  SWITCH "\r\n\1" PONG, SWITCHED PONG, "101 clean 158/95 1/1/4/0 1/1/4/0\n", "clean",
	  HALF_CLOSES, CLOSES, false },
	{ "WebSocket, no frame (A27)", WS HOP "\r\nping", "a", "websocket GET /c\n", "*",
	  SWITCH "\r\n", "*", "refused 0\n101 broken *\n", "reset", STAYS, STAYS, false },
	{ "WebSocket, none of the server's (A27)", WS HOP "\r\n", "a", "websocket GET /c\n",
	  WS HOP "\r\n", SWITCH "\r\n\x81\x81", "*", "101 broken *\n", "reset", STAYS, STAYS,
	  false },
	{ "WebSocket, compressed", WS DEFLATE HOP "\r\n" ZIP, "a", "websocket GET /c\n",
	  WS DEFLATE HOP "\r\n\1" ZIP, SWITCH DEFLATE "\r\n\1\xc1\2zz",
	  SWITCHED_TO(DEFLATE) "\xc1\2zz", "101 clean *\n", "clean", HALF_CLOSES, CLOSES, false },
	{ "WebSocket, compressed unasked", WS HOP "\r\n", "a", "websocket GET /c\n", WS HOP "\r\n",
	  SWITCH DEFLATE "\r\n\xc1\2zz", "*", "101 broken *\n", "reset", STAYS, STAYS, false },
	{ "WebSocket, compressed against the server's will", WS DEFLATE HOP "\r\n" ZIP, "a",
	  "websocket GET /c\n", "*", SWITCH "\r\n", "*", "refused 0\n101 broken *\n", "reset",
	  STAYS, STAYS, false },
	{ "WebSocket denied (A27)", WS HOP "\r\n", "d", "websocket GET /c\n", "", "",
	  ERROR("403", ""), "", "open", STAYS, STAYS, false },
	{ "101 that was not asked for", GET, "a", "GET /\n", GET,
	  "HTTP/1.1 101 Switch\r\n" HOP "Sec-WebSocket-Accept: x\r\n\r\n", FINAL("502"),
	  "502 broken 34/0\n", "clean", CLOSES, STAYS, false },
	{ "h2c is not passed on", "GET / " HEAD "Connection: upgrade\r\nUpgrade: h2c\r\n\r\n", "a",
	  "GET /\n", GET, OK, OK, "200 clean 69/40\n", "open", STAYS, STAYS, false },
	{ "OPTIONS *", "OPTIONS * " HEAD "\r\n", "a", "OPTIONS *\n", "OPTIONS * " HEAD "\r\n", OK,
	  OK, "200 clean 38/40\n", "open", STAYS, STAYS, false },
	{ "HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", "a", "GET /\n",
	  "GET / " HEAD "Connection: close\r\n\r\n",
	  "HTTP/1.1 200 OK\r\n" CODED "2\r\nhi\r\n0\r\n\r\n",
	  "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhi", "200 clean 18/49\n", "clean", STAYS,
	  STAYS, false },
};

/* A body is at most 3 octets long, either way. */
#define CAP    3
#define CAPPED ERROR("413", "Connection: close\r\n")
#define HTTP   "HTTP/1.1 200 OK\r\n"

static const struct row capped[] = {
	{ "as long as it may be", PUT "Content-Length: 3\r\n\r\nabc", "a", "PUT /f\n",
	  PUT "Content-Length: 3\r\n\r\nabc", HTTP "Content-Length: 3\r\n\r\nxyz",
	  HTTP "Content-Length: 3\r\n\r\nxyz", "200 clean 57/41\n", "open", STAYS, STAYS, false },
	{ "says that it is longer", PUT "Content-Length: 4\r\n\r\nabcd", "a", "PUT /f\n", "", "",
	  CAPPED, "413 blocked 0/0\n", "clean", CLOSES, STAYS, false },
	{ "says so, and waits to be let", PUT "Expect: 100-continue\r\nContent-Length: 4\r\n\r\n",
	  "a", "PUT /f\n", "", "", CAPPED, "413 blocked 0/0\n", "clean", CLOSES, STAYS, false },
	{ "the next one is", GET PUT "Content-Length: 4\r\n\r\n", "aa", "GET /\nPUT /f\n", GET, OK,
	  OK CAPPED, "200 clean 34/40\n413 blocked 0/0\n", "clean", CLOSES, STAYS, false },
	{ "chunks as long", PUT CODED "1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", "a", "PUT /f\n",
	  PUT CODED "*0\r\n\r\n", "", "", "", "open", STAYS, STAYS, false },
	{ "a chunk too many", PUT CODED "3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n", "a", "PUT /f\n", "*", "",
	  CAPPED, "413 blocked *\n", "clean", CLOSES, STAYS, false },
	{ "a long chunk", PUT CODED "fffffff\r\nabc", "a", "PUT /f\n", "*", "", CAPPED,
	  "413 blocked *\n", "clean", CLOSES, STAYS, false },
	{ "a response that says it is longer", GET, "a", "GET /\n", GET,
	  HTTP "Content-Length: 4\r\n\r\nwxyz", FINAL("502"), "502 blocked 34/0\n", "clean", CLOSES,
	  STAYS, false },
	{ "a response to HEAD that says so", "HEAD / " HEAD "\r\n", "a", "HEAD /\n",
	  "HEAD / " HEAD "\r\n", HTTP "Content-Length: 4\r\n\r\n", HTTP "Content-Length: 4\r\n\r\n",
	  "200 clean 35/38\n", "open", STAYS, STAYS, false },
	{ "chunks of a response", GET, "a", "GET /\n", GET,
	  HTTP CODED "2\r\nhi\r\n2\r\nyo\r\n0\r\n\r\n", "*", "200 blocked *\n", "reset", STAYS,
	  STAYS, false },
	{ "a response until it closes", GET, "a", "GET /\n", GET, HTTP "\r\nhello", "*",
	  "200 blocked *\n", "reset", STAYS, CLOSES, false },
	{ "as long, until it closes", GET, "a", "GET /\n", GET, HTTP "\r\nhey",
	  HTTP "Connection: close\r\n\r\nhey", "200 clean 34/22\n", "clean", STAYS, CLOSES, false },
	{ "WebSocket", WS HOP "\r\n" PING, "a", "websocket GET /c\n", "*", SWITCH "\r\n", "*",
	  "101 blocked *\n", "reset", STAYS, STAYS, false },
};

/* A message is of at most 3 octets. */
static const struct row messages[] = {
	{ "as long as it may be", WS HOP "\r\n\x81\x83    ABC", "a", "websocket GET /c\n",
	  WS HOP "\r\n\1\x81\x83    ABC", SWITCH "\r\n\1\x81\3xyz", SWITCHED "\x81\3xyz",
	  "101 clean * 1/1/3/0 1/1/3/0\n", "clean", HALF_CLOSES, CLOSES, false },
	{ "in fragments, with a Ping, then Close",
	  WS HOP "\r\n\x02\x82    AB\x89\x84    PING\x80\x81    C", "a", "websocket GET /c\n",
	  WS HOP "\r\n\1\x02\x82    AB\x89\x84    PING\x80\x81    C", SWITCH "\r\n\1\x88\2\x0f\xa1",
	  SWITCHED "\x88\2\x0f\xa1", "101 clean * 3/1/3/0 1/0/0/4001\n", "clean", HALF_CLOSES,
	  CLOSES, false },
	{ "longer", WS HOP "\r\n" PING, "a", "websocket GET /c\n", "*", SWITCH "\r\n", "*",
	  "101 blocked * 0/0/0/0 0/0/0/0\n", "reset", STAYS, STAYS, false },
	{ "longer in fragments", WS HOP "\r\n\x02\x82    AB\x80\x82    CD", "a",
	  "websocket GET /c\n", "*", SWITCH "\r\n", "*", "101 blocked *\n", "reset", STAYS, STAYS,
	  false },
	{ "longer from the server", WS HOP "\r\n", "a", "websocket GET /c\n", WS HOP "\r\n",
	  SWITCH "\r\n" PONG, "*", "101 blocked *\n", "reset", STAYS, STAYS, false },
};

/* Where the cuts are: behind so many octets; 0: nowhere; EVERY: everywhere. */
struct cuts {
	size_t program, server;
};
#define EVERY SIZE_MAX

static struct bench b;

/* matches() - '*' of @want is any octets */
static bool matches(const char *want, struct span got)
{
	const char *star = strchr(want, '*');
	size_t len = star != NULL ? (size_t)(star - want) : strlen(want);

	if (got.len < len || (len > 0 && memcmp(got.ptr, want, len) != 0))
		return false;
	got = span_drop(got, len);
	if (star == NULL)
		return got.len == 0;
	for (;; got = span_drop(got, 1)) {
		if (matches(star + 1, got))
			return true;
		if (got.len == 0)
			return false;
	}
}

/* answer_asks() - nothing goes out before the answer */
static void answer_asks(const struct row *row, size_t *at)
{
	while (b.asking && !b.over) {
		size_t before = b.to_server.len;
		char verdict = row->verdicts[*at];

		bench_spin(&b, 1);
		CHECK(b.to_server.len == before, "%s: goes out before the verdict", row->name);
		CHECK(verdict != '\0', "%s: asks for more: %s", row->name, b.asked.at);
		*at += verdict != '\0';
		bench_verdict(&b, verdict == 'a' ? 0 : 403);
		bench_spin(&b, TURNS);
	}
}

/* serve() - say the parts whose time has come; @said: octets of row->server */
static void serve(const struct row *row, size_t cut, size_t *said, size_t *at)
{
	const char *mine = row->upstream, *text = row->server;
	size_t due = 0, len = 0;

	for (;;) {
		size_t heard = strcspn(mine, "\1"), part = strcspn(text, "\1");

		due += heard;
		if (b.to_server.len < due || b.to_server.len == 0)
			return;
		for (size_t i = 0; i < part; i++) {
			size_t end = cut == EVERY ? i + 1 : (i < cut ? cut : part);

			end = end > part ? part : end;
			if (len + i >= *said) {
				bench_send(b.server, (struct span){ text + i, end - i });
				bench_spin(&b, TURNS);
				*said = len + end;
				answer_asks(row, at);
			}
			i = end - 1;
		}
		len += part;
		if (text[part] == '\0')
			return;
		text += part + 1;
		mine += heard + (mine[heard] != '\0');
	}
}

static void leave(int *fd, enum leaves how)
{
	if (how == CLOSES || how == HALF_CLOSES)
		(void)shutdown(*fd, SHUT_WR);
	bench_spin(&b, TURNS);
}

static void without_marks(char *ret, const char *text)
{
	for (; *text != '\0'; text++)
		if (*text != '\1')
			*ret++ = *text;
	*ret = '\0';
}

static void judge(const struct row *row, const struct cuts *cuts)
{
	char upstream[1024];
	const char *over = !b.over ? "open" : b.clean ? "clean" : "reset";
	struct span got = { b.to_program.at, b.to_program.len };

	without_marks(upstream, row->upstream);
	CHECK(strcmp(b.asked.at, row->asked) == 0, "%s, %zd %zd: asked %s", row->name,
	      (ssize_t)cuts->program, (ssize_t)cuts->server, b.asked.at);
	CHECK(matches(upstream, (struct span){ b.to_server.at, b.to_server.len }),
	      "%s, %zd %zd: upstream %.*s", row->name, (ssize_t)cuts->program,
	      (ssize_t)cuts->server, (int)b.to_server.len, b.to_server.at);
	CHECK(matches(row->down, got), "%s, %zd %zd: down %.*s", row->name, (ssize_t)cuts->program,
	      (ssize_t)cuts->server, (int)got.len, got.ptr);
	CHECK(matches(row->told, span_of(b.told.at)), "%s, %zd %zd: told %s", row->name,
	      (ssize_t)cuts->program, (ssize_t)cuts->server, b.told.at);
	CHECK(matches(row->over, span_of(over)), "%s, %zd %zd: %s", row->name,
	      (ssize_t)cuts->program, (ssize_t)cuts->server, over);
	CHECK(!b.over || b.program_ended || b.program_reset, "%s: no end", row->name);
}

static void play(const struct row *row, const struct cuts *cuts)
{
	static const struct exchange1_host host = { "lab.test", 80, false };
	size_t len = strlen(row->program), said = 0, verdicts = 0;

	bench_begin(&b, &host, row->raw);
	for (size_t i = 0; i < len;) {
		size_t end = cuts->program == EVERY ? i + 1
			     : i < cuts->program    ? cuts->program
						    : len;

		bench_send(b.program, (struct span){ row->program + i, end - i });
		bench_spin(&b, TURNS);
		answer_asks(row, &verdicts);
		serve(row, cuts->server, &said, &verdicts);
		i = end;
	}
	if (row->program_end != STAYS)
		leave(&b.program, row->program_end);
	if (row->server_end != STAYS)
		leave(&b.server, row->server_end);
	bench_spin(&b, TURNS);
	judge(row, cuts);
	bench_end(&b);
}

static void play_all(const struct row *row)
{
	unsigned before = test_failures;

	play(row, &(struct cuts){ 0, 0 });
	for (size_t k = 1; k < strlen(row->program) && before == test_failures; k++)
		play(row, &(struct cuts){ k, 0 });
	for (size_t k = 1; k < strlen(row->server) && before == test_failures; k++)
		play(row, &(struct cuts){ 0, k });
	if (before == test_failures)
		play(row, &(struct cuts){ EVERY, EVERY });
}

static void test_rows(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		play_all(&rows[i]);
}

static void test_capped(void)
{
	b.caps = (struct exchange1_caps){ .octets = { CAP, CAP } };
	for (size_t i = 0; i < ARRAY_SIZE(capped); i++)
		play_all(&capped[i]);
	b.caps = (struct exchange1_caps){ 0 };
}

static void test_messages(void)
{
	b.caps = (struct exchange1_caps){ .message_octets = 3 };
	for (size_t i = 0; i < ARRAY_SIZE(messages); i++)
		play_all(&messages[i]);
	b.caps = (struct exchange1_caps){ 0 };
}

/* A request that passes its cap is reset towards the server, which has not got more than it may have. */
static void test_over_cap(void)
{
	static const struct exchange1_host host = { "lab.test", 80, false };

	b.caps = (struct exchange1_caps){ .octets = { CAP, 0 } };
	for (int responded = 0; responded < 2; responded++) {
		bench_begin(&b, &host, false);
		bench_send(b.program, span_of(PUT CODED "2\r\nab\r\n"));
		bench_spin(&b, TURNS);
		bench_verdict(&b, 0);
		bench_spin(&b, TURNS);
		if (responded)
			bench_send(b.server, span_of(HTTP CODED "1\r\nx\r\n"));
		bench_spin(&b, TURNS);
		bench_send(b.program, span_of("2\r\ncd\r\n0\r\n\r\n"));
		bench_spin(&b, TURNS);
		CHECK(matches(PUT CODED "2\r\nab\r\n",
			      (struct span){ b.to_server.at, b.to_server.len }),
		      "%.*s", (int)b.to_server.len, b.to_server.at);
		CHECK(b.server_reset || b.server_ended, "the server goes on");
		CHECK(matches(responded ? "200 blocked *" : "413 blocked *", span_of(b.told.at)),
		      "%s", b.told.at);
		CHECK(responded
			  ? b.over && !b.clean
			  : matches(CAPPED, (struct span){ b.to_program.at, b.to_program.len }),
		      "%.*s", (int)b.to_program.len, b.to_program.at);
		bench_end(&b);
	}
	b.caps = (struct exchange1_caps){ 0 };
}

static void test_retry(void)
{
	static const struct exchange1_host host = { "lab.test", 80, false };

	b.caps = (struct exchange1_caps){ .retry_after_s = 7 };
	bench_begin(&b, &host, false);
	bench_send(b.program, span_of(GET));
	bench_spin(&b, TURNS);
	bench_verdict(&b, 429);
	bench_spin(&b, TURNS);
	CHECK(matches("HTTP/1.1 429 *\r\nRetry-After: 7\r\n*\"retryable\": true*",
		      (struct span){ b.to_program.at, b.to_program.len }),
	      "%.*s", (int)b.to_program.len, b.to_program.at);
	bench_end(&b);
	b.caps = (struct exchange1_caps){ 0 };
}

/* Interim responses are no way round the caps: there may be a few. */
static void test_interims(void)
{
	static const struct exchange1_host host = { "lab.test", 80, false };

	for (unsigned count = EXCHANGE1_INTERIMS_MAX; count <= EXCHANGE1_INTERIMS_MAX + 1;
	     count++) {
		const bool fine = count == EXCHANGE1_INTERIMS_MAX;

		bench_begin(&b, &host, false);
		bench_send(b.program, span_of(GET));
		bench_spin(&b, TURNS);
		bench_verdict(&b, 0);
		bench_spin(&b, TURNS);
		for (unsigned i = 0; i < count; i++)
			bench_send(b.server, SPAN("HTTP/1.1 103 Early Hints\r\n\r\n"));
		bench_send(b.server, SPAN("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"));
		bench_spin(&b, TURNS);
		CHECK(b.x.end.status == (fine ? 200 : 502), "%u", b.x.end.status);
		bench_end(&b);
	}
}

/* Nobody hurries a program that is slow to read the last response; and it gets all of it. */
static void test_slow_reader(void)
{
	enum { BODY = 40000 };
	static const struct exchange1_host host = { "lab.test", 80, false };
	static const char head[] =
	    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 40000\r\n\r\n";
	static char body[BODY];
	const int least = 1; /* the kernel makes it some KiB: socket(7) */

	bench_begin(&b, &host, false);
	CHECK(setsockopt(b.ends.fd[TLS_INSIDE], SOL_SOCKET, SO_SNDBUF, &least, sizeof(least)) == 0,
	      "%d", errno);
	bench_send(b.program, span_of(GET));
	bench_spin(&b, TURNS);
	bench_verdict(&b, 0);
	bench_spin(&b, TURNS);
	bench_send(b.server, span_of(head));
	bench_send(b.server, (struct span){ body, BODY });
	(void)exchange1_step(&b.x);
	b.ends.waiting[TLS_UPSTREAM] = false; /* as an event would say */
	CHECK(exchange1_step(&b.x) && b.x.up == UP_DRAIN && !b.ends.closed[TLS_INSIDE], "state %d",
	      (int)b.x.up);
	CHECK(!exchange1_is_brisk(&b.x), "hurries");
	bench_spin(&b, 100);
	CHECK(b.over && b.clean && b.to_program.len > BODY, "%zu", b.to_program.len);
	bench_end(&b);
}

/* A server that is slow to take the last of a request gets it all the same, though nothing more is read. */
static void test_slow_server(void)
{
	enum { BODY = 40000 };
	static const struct exchange1_host host = { "lab.test", 80, false };
	static const char head[] =
	    "POST / HTTP/1.1\r\nHost: lab.test\r\nContent-Length: 40000\r\n\r\n";
	static char body[BODY];
	const int least = 1; /* the kernel makes it some KiB: socket(7) */

	bench_begin(&b, &host, false);
	CHECK(setsockopt(b.ends.fd[TLS_UPSTREAM], SOL_SOCKET, SO_SNDBUF, &least, sizeof(least)) ==
		  0,
	      "%d", errno);
	bench_send(b.program, span_of(head));
	bench_send(b.program, (struct span){ body, BODY });
	bench_spin(&b, TURNS);
	bench_verdict(&b, 0);
	bench_spin(&b, 100);
	CHECK(b.x.up == UP_DONE && b.to_server.len > BODY, "state %d, %zu octets", (int)b.x.up,
	      b.to_server.len);
	bench_send(b.server, span_of("HTTP/1.1 204 No Content\r\n\r\n"));
	bench_spin(&b, TURNS);
	CHECK(b.to_program.len > 0 && b.x.up == UP_HEAD && !b.over, "state %d", (int)b.x.up);
	bench_end(&b);
}

/* A response that comes before its request is none, even if the program does not read and has sent the next one
 * already. */
static void test_early_response(void)
{
	enum { BODY = 40000 };
	static const struct exchange1_host host = { "lab.test", 80, false };
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n";
	static char body[BODY];
	const int least = 1; /* the kernel makes it some KiB: socket(7) */

	bench_begin(&b, &host, false);
	CHECK(setsockopt(b.ends.fd[TLS_INSIDE], SOL_SOCKET, SO_SNDBUF, &least, sizeof(least)) == 0,
	      "%d", errno);
	bench_send(b.program, span_of(GET GET));
	bench_spin(&b, TURNS);
	bench_verdict(&b, 0);
	bench_spin(&b, TURNS);
	bench_send(b.server, span_of(head));
	bench_send(b.server, (struct span){ body, BODY });
	bench_send(b.server, span_of(OK));
	b.ends.waiting[TLS_UPSTREAM] = false; /* as an event would say */
	CHECK(exchange1_step(&b.x) && b.asking && buf_len(&b.x.left[TLS_UPSTREAM]) > 0,
	      "the second is not asked about");
	bench_verdict(&b, 0);
	bench_spin(&b, 100);
	CHECK(matches(GET, (struct span){ b.to_server.at, b.to_server.len }), "%.*s",
	      (int)b.to_server.len, b.to_server.at);
	CHECK(matches("200 clean *\n502 broken 0/0\n", span_of(b.told.at)), "%s", b.told.at);
	bench_end(&b);
}

int main(void)
{
	test_rows();
	test_capped();
	test_messages();
	test_over_cap();
	test_retry();
	test_interims();
	test_slow_reader();
	test_slow_server();
	test_early_response();
	return test_failures > 0;
}
