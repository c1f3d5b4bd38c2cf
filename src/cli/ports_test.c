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

int main(void)
{
	test_text();
	test_tell();
	return test_failures > 0;
}
