// SPDX-License-Identifier: Apache-2.0
#include "cli/ports.h"

#include <stdlib.h>

#include "base/test.h"

#define PORT(a, h, p) "{\"address\": \"" a "\", \"host_port\": " #h ", \"port\": " #p "}"

static void test_text(void)
{
	static const struct {
		const char *json, *want;
		size_t size;
	} rows[] = {
		{ "[]", "", 64 },
		{ "[" PORT("127.0.0.1", 8080, 80) "]", "127.0.0.1:8080->80", 64 },
		{ "[" PORT("::1", 1, 2) ", " PORT("0.0.0.0", 3, 4) "]", "[::1]:1->2, 0.0.0.0:3->4",
		  64 },
		{ "[" PORT("::1", 1, 2) ", " PORT("0.0.0.0", 3, 4) "]", "[::1]:1->2, ...", 24 },
		{ "[1, {\"address\": 2}]", "?:0->0, ?:0->0", 64 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		json_auto_t *ports = json_loads(rows[i].json, 0, NULL);
		char text[64];

		CHECK(ports != NULL, "row %zu", i);
		memset(text, 'x', sizeof(text));
		ports_text(text, rows[i].size, ports);
		CHECK(strcmp(text, rows[i].want) == 0, "row %zu: %s", i, text);
	}
}

/* Only those are told whose number nobody knew. */
static void test_tell(void)
{
	struct config_publish publish[] = { { .host_port = 8080, .port = 80 }, { .port = 81 } };
	const struct config_network network = { .publish = publish, .publish_len = 2 };
	json_auto_t *ports =
	    json_loads("[" PORT("127.0.0.1", 8080, 80) ", " PORT("127.0.0.1", 41, 81) "]", 0, NULL);
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	ports_tell(out, ports, &network);
	ports_tell(out, NULL, &network);
	fclose(out);
	CHECK(strcmp(text, "immure: published 127.0.0.1:41->81\n") == 0, "%s", text);
	free(text);
}

/* A person is told of each that is automatic, once, and of so many at most. */
static void test_tell_auto(void)
{
	struct ports_told told = { 0 };
	json_auto_t *ports =
	    json_pack("[{s:s, s:i, s:i}, {s:s, s:i, s:i, s:b}]", "address", "::1", "host_port", 1,
		      "port", 2, "address", "127.0.0.1", "host_port", 8080, "port", 80, "auto", 1);
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	for (int i = 0; i < 2; i++)
		ports_tell_auto(out, ports, &told, "\r\n");
	fflush(out);
	CHECK(strcmp(text, "immure: port 80 of the program is at http://127.0.0.1:8080\r\n") == 0,
	      "%s", text);
	for (int i = 1; i <= 1000; i++) {
		(void)json_object_set_new(json_array_get(ports, 1), "port", json_integer(i));
		ports_tell_auto(out, ports, &told, "\n");
	}
	fclose(out);
	size_t lines = 0;
	for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
		lines++;
	CHECK(lines == PORTS_TOLD_MAX, "%zu", lines);
	free(text);
}

int main(void)
{
	test_text();
	test_tell_auto();
	test_tell();
	return test_failures > 0;
}
