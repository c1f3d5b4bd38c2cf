// SPDX-License-Identifier: Apache-2.0
#include "judge/reads.h"

#include "base/test.h"

#define R "input.request_summary."

int main(void)
{
	enum {
		M = JUDGE_READS_METHOD,
		P = JUDGE_READS_PATH,
		Q = JUDGE_READS_QUERY,
		G = JUDGE_READS_PROGRAM,
		I = JUDGE_READS_PID,
		E = JUDGE_READS_ELSE,
		ALL = JUDGE_READS_ALL
	};
	static const struct {
		const char *text;
		unsigned want;
	} rows[] = {
		{ "", 0 },
		{ "package immure", 0 },
		{ "x := " R "action", 0 },
		{ "x := " R "resource.host", 0 },
		{ "x := " R "resource.hosts", M | P | Q },
		{ "x := " R "resource.method", M },
		{ "x := " R "resource.websocket", M },
		{ "x := " R "resource.path", P },
		{ "x := " R "resource.path.more", P },
		{ "x := " R "resource.query", Q },
		{ "x := " R "resource[\"path\"]", M | P | Q },
		{ "r := input.request_summary", M | P | Q },
		{ "input.caller_identity.app", 0 },
		{ "input.caller_identity.process.program", G },
		{ "input.caller_identity.process.pid", I },
		{ "input.caller_identity.process[k]", G | I },
		{ "input.caller_identity", G | I },
		{ "input.mode; input.policy_hash", 0 },
		{ "input.timestamp", ALL },
		{ "input.request_id", ALL },
		{ "input.time_window.started", ALL },
		{ "input.unheard_of", ALL },
		{ "input", ALL },
		{ "x := input\n", ALL },
		{ "input [\"mode\"]", ALL },
		{ "input.\nmode", ALL },
		{ "import input as i", ALL },
		{ "with input as {}", ALL },
		{ "inputs.mode; my_input; input2", 0 },
		{ "time.now_ns()", E },
		{ "rand.intn(\"a\", 2)", E },
		{ "io.jwt.decode_verify(t, c)", E },
		{ "# input\npackage a", 0 },
		{ "package a # input", 0 },
		{ "x := \"# \" ; input", ALL },
		{ "x := \"\\\" # \" ; input", ALL },
		{ "x := `\\` ; y := \"#\"; input", ALL },
		{ "x := \"say input\"", ALL },
		{ "x := $\"{input}\"", ALL },
		{ "x := $\"{f(\"# \")} {input}\"", ALL },
		{ "x := $`{f(\"# \")} {input}`", ALL },
		{ "# $\" makes that input be seen here", ALL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		unsigned got = reads_of(span_of(rows[i].text));

		CHECK(got == rows[i].want, "%s: %u, not %u", rows[i].text, got, rows[i].want);
	}
	return test_failures > 0;
}
