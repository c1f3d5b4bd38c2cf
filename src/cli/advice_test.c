// SPDX-License-Identifier: Apache-2.0
#include "cli/advice.h"

#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "base/test.h"

static void test_words(void)
{
	static const char *const rows[][2] = {
		{ "api.example.com:443", "api.example.com:443" },
		{ "", "''" },
		{ "-v", "'-v'" },
		{ "*.example.com", "'*.example.com'" },
		{ "[2001:db8::1]:22", "'[2001:db8::1]:22'" },
		{ "a'b", "'a'\\''b'" },
		{ "$(id)`id`;\\", "'$(id)`id`;\\'" },
		{ "a\nb\x1b[2Jc\xffz", "'a?b?[2Jc?z'" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char *text = NULL;
		size_t len = 0;
		FILE *out = open_memstream(&text, &len);

		advice_word(out, rows[i][0]);
		fclose(out);
		CHECK(strcmp(text, rows[i][1]) == 0, "row %zu: %s", i, text);
		free(text);
	}
}

static void test_advice(void)
{
	static const struct {
		const char *refusal, *want;
	} rows[] = {
		{ "{\"remedy\": {\"policy\": true}}",
		  "the policy decides (--policy FILE): change it there\n" },
		{ "{\"remedy\": {\"allow_host\": \"a.test\"}}", "--allow-host a.test\n" },
		{ "{\"remedy\": {\"allow_host\": \"10.0.0.1:22\", \"allow_private\": "
		  "\"10.0.0.1\"}}",
		  "--allow-host 10.0.0.1:22 --allow-private 10.0.0.1\n" },
		{ "{\"remedy\": {\"rule\": {\"host\": \"a.test\", \"method\": \"PUT\", \"path\": "
		  "\"/it's/\\\"x\\\"\"}}}",
		  "in the settings (-c FILE), one more of network.rules:\n"
		  "    - {host: \"a.test\", methods: [\"PUT\"], paths: [\"/it's/\\\"x\\\"\"]}\n"
		  "  or, if ALL of that host may be reached: --allow-host a.test\n" },
		{ "{\"remedy\": {\"rule\": {\"host\": \"a.test:443\", \"method\": \"PUT\", "
		  "\"path\": \"/\"}}}",
		  "in the settings (-c FILE), one more of network.rules:\n"
		  "    - {host: \"a.test:443\", methods: [\"PUT\"], paths: [\"/\"]}\n"
		  "  or, if ALL of that host may be reached: --allow-host a.test\n" },
		{ "{\"remedy\": {\"rule\": {\"host\": \"10.0.0.1:80\", \"method\": \"PUT\", "
		  "\"path\": \"/\"}}}",
		  "in the settings (-c FILE), one more of network.rules:\n"
		  "    - {host: \"10.0.0.1:80\", methods: [\"PUT\"], paths: [\"/\"]}\n"
		  "  or, if ALL of that host may be reached: --allow-host 10.0.0.1\n" },
		{ "{\"remedy\": {\"rule\": {\"host\": \"[2001:db8::1]:443\", \"method\": \"PUT\", "
		  "\"path\": \"/\"}}}",
		  "in the settings (-c FILE), one more of network.rules:\n"
		  "    - {host: \"[2001:db8::1]:443\", methods: [\"PUT\"], paths: [\"/\"]}\n"
		  "  or, if ALL of that host may be reached: --allow-host 2001:db8::1\n" },
		{ "{\"remedy\": {\"rule\": {\"host\": \"2001:db8::1\", \"method\": \"PUT\", "
		  "\"path\": \"/\"}}}",
		  "in the settings (-c FILE), one more of network.rules:\n"
		  "    - {host: \"2001:db8::1\", methods: [\"PUT\"], paths: [\"/\"]}\n"
		  "  or, if ALL of that host may be reached: --allow-host 2001:db8::1\n" },
		{ "{\"remedy\": null, \"url\": \"https://a.test/*\", \"rule\": \"rules[0]\", "
		  "\"status_code\": 403}",
		  "no rule can say this method and path alone: one that allows it would allow more "
		  "than was refused\n" },
		{ "{\"remedy\": null, \"url\": \"udp://192.0.2.1:443\"}",
		  "no setting allows UDP; what speaks HTTP/3 falls back to TCP by itself\n" },
		{ "{\"remedy\": null, \"url\": \"icmp://192.0.2.1\"}", "no setting allows this\n" },
		{ "{\"remedy\": null, \"url\": \"tcp://a.test:443\", \"reason\": \"its certificate "
		  "is\"}",
		  "if that certificate is to be trusted: --upstream-ca FILE\n" },
		{ "{\"remedy\": null, \"url\": \"https://a.test/\"}",
		  "no setting allows this: it is for the program to change\n" },
		{ "{}", "no setting allows this\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		json_auto_t *refusal = json_loads(rows[i].refusal, 0, NULL);
		char *text = NULL;
		size_t len = 0;
		FILE *out = open_memstream(&text, &len);

		CHECK(refusal != NULL, "row %zu", i);
		advice_print(out, refusal, 2);
		fclose(out);
		CHECK(strcmp(text, rows[i].want) == 0, "row %zu: %s", i, text);
		free(text);
	}
}

int main(void)
{
	test_words();
	test_advice();
	return test_failures > 0;
}
