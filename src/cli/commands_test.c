// SPDX-License-Identifier: Apache-2.0
/* The commands over the state folder, with an IMMURE_HOME of our own and wardens that only sleep.
 */
#include "cli/commands.h"

#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/test.h"
#include "warden/state.h"

enum { WORDS_MAX = 8 };

#define OLD   "vm-00000001"
#define YOUNG "vm-00000002"
#define NONE  "vm-0000000f"

static char home_path[] = "/tmp/commands_test.XXXXXX";

struct result {
	int status; /* exit status, or -errno */
	char *out, *err;
};

static void result_free(struct result *result)
{
	free(result->out);
	free(result->err);
}

/* run() - what "immure WORDS" does; words end with NULL */
static struct result run(const char *const *words)
{
	const char *argv[WORDS_MAX + 2] = { "immure" };
	struct result result = { 0 };
	size_t out_len = 0, err_len = 0;

	for (size_t i = 0; i < WORDS_MAX && words[i] != NULL; i++)
		argv[i + 1] = words[i];
	CLEANUP_CALL struct cli_call call = { .out = open_memstream(&result.out, &out_len),
					      .err = open_memstream(&result.err, &err_len) };
	result.status = cli_parse(&call, argv);
	if (result.status == 0)
		result.status = call.command->run(&call);
	if (result.status < 0)
		cli_complain(&call, result.status);
	fclose(call.out);
	fclose(call.err);
	return result;
}

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* holds() - is @part somewhere in @text; and if it is "", is the text empty too? */
static bool holds(const char *text, const char *part)
{
	return part[0] == 0 ? text[0] == 0 : strstr(text, part) != NULL;
}

static void expect(int line, int want, const char *out_part, const char *err_part,
		   const char *const *words)
{
	struct result got = run(words);

	CHECK(got.status == want, "line %d: %d", line, got.status);
	CHECK(holds(got.out, out_part), "line %d: wrote '%s'", line, got.out);
	CHECK(holds(got.err, err_part), "line %d: complained '%s'", line, got.err);
	result_free(&got);
}

/* EXPECT() - "immure ..." exits with @want and prints texts that hold these parts */
#define EXPECT(want, out_part, err_part, ...) \
	expect(__LINE__, want, out_part, err_part, WORDS(__VA_ARGS__))

static void put(const char *id, const char *name, const char *text)
{
	char path[128];
	FILE *file = NULL;

	snprintf(path, sizeof(path), "%s/vms/%s/%s", home_path, id, name);
	file = fopen(path, "w");
	CHECK(file != NULL, "%s", path);
	if (file == NULL)
		return;
	fputs(text, file);
	fclose(file);
}

/* make() - the folder of a sandbox that ended */
static void make(const char *id, enum state_status status, long long age_s, const char *config)
{
	char path[128], text[32];

	snprintf(path, sizeof(path), "%s/vms", home_path);
	(void)mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/vms/%s", home_path, id);
	CHECK(mkdir(path, 0700) == 0, "%s", path);
	CLEANUP_FD int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CHECK(state_set_status(dir, status) == 0, "%s", path);
	snprintf(path, sizeof(path), "%s/vms/%s/logs", home_path, id);
	CHECK(mkdir(path, 0700) == 0, "%s", path);
	snprintf(text, sizeof(text), "%lld\n", (long long)clock_unix_s() - age_s);
	put(id, "created_at", text);
	put(id, "pid", "4194304 1\n"); /* PIDs end one below that */
	put(id, "config.json", config);
}

struct warden {
	pid_t pid;
	char id[STATE_ID_OCTETS];
};

static void sleep_as_warden(int tell, bool stubborn)
{
	struct diag diag = { 0 };
	int home = -1, dir = -1;
	char id[STATE_ID_OCTETS] = "";

	if (stubborn)
		(void)signal(SIGTERM, SIG_IGN);
	if (state_home(&home, &diag) == 0 &&
	    state_create(&dir, id, home, SPAN("{\"image\":\"standard\",\"command\":[\"sleep\"]}"),
			 &diag) == 0 &&
	    state_set_status(dir, STATE_RUNNING) == 0)
		(void)!write(tell, id, sizeof(id));
	for (;;)
		pause();
}

static struct warden start(bool stubborn)
{
	struct warden warden = { 0 };
	int tell[2] = { -1, -1 };

	CHECK(pipe2(tell, O_CLOEXEC) == 0, "pipe");
	warden.pid = fork();
	if (warden.pid == 0)
		sleep_as_warden(tell[1], stubborn);
	close(tell[1]);
	CHECK(read(tell[0], warden.id, sizeof(warden.id)) == sizeof(warden.id), "no warden");
	close(tell[0]);
	return warden;
}

static void reap(const struct warden *warden)
{
	CHECK(waitpid(warden->pid, NULL, 0) == warden->pid, "%s", warden->id);
}

static void test_list(void)
{
	EXPECT(0,
	       "ID           STATUS    IMAGE      CREATED         PID     COMMAND\n" OLD
	       "  stopped   standard   2 hours ago     -       python x.py\n" YOUNG
	       "  crashed   mini       5 minutes ago   -       ",
	       "", "list");
	EXPECT(0, "\\x1b", "", "list");
	EXPECT(0, OLD "\n" YOUNG "\n", "", "list", "-q");
	EXPECT(0, "[]\n", "", "list", "--running", "--json");
	EXPECT(0, "\"pid\": null", "", "ls", "--json");
	EXPECT(0, "crashed   1\n", "", "status");
	EXPECT(0, "\"stopped\": 1", "", "status", "--json");
	EXPECT(0, OLD ": stopped, created 2 hours ago: python x.py\n", "", "status", OLD);
	EXPECT(1, "", "immure: no such sandbox: " NONE, "status", NONE);
}

static void test_get(void)
{
	struct result got = run(WORDS("get", OLD));
	json_auto_t *value = json_loads(got.out, 0, NULL);
	const char *created = json_string_value(json_object_get(value, "created_at"));

	CHECK(got.status == 0 && value != NULL, "%s", got.err);
	CHECK(json_object_get(value, "id") != NULL, "id");
	CHECK(created != NULL && strlen(created) == 20 && created[19] == 'Z', "created_at");
	CHECK(json_object_get(json_object_get(value, "config"), "image") != NULL, "config");
	CHECK(json_object_get(json_object_get(value, "start"), "walls") != NULL, "start");
	CHECK(json_object_get(json_object_get(value, "end"), "oom_kills") != NULL, "end");
	result_free(&got);
	EXPECT(0, "\"start\": null", "", "get", "--json", YOUNG);
	EXPECT(1, "", "no such sandbox", "get", NONE);
	EXPECT(1, "", "no sandbox '../x': an ID looks like", "get", "../x");
}

static void test_logs(void)
{
	put(OLD, "logs/vm.log.1", "1\n2\n3\n");
	put(OLD, "logs/vm.log", "4\n5\n6");
	const struct {
		const char *lines, *want;
	} rows[] = {
		{ "-n0", "" },
		{ "-n1", "6" },
		{ "-n2", "5\n6" },
		{ "-n3", "4\n5\n6" },
		{ "-n4", "3\n4\n5\n6" },
		{ "-n6", "1\n2\n3\n4\n5\n6" },
		{ "-n99", "1\n2\n3\n4\n5\n6" },
		{ "--raw", "1\n2\n3\n4\n5\n6" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct result got = run(WORDS("logs", OLD, rows[i].lines));

		CHECK(got.status == 0, "row %zu: %s", i, got.err);
		CHECK(strcmp(got.out, rows[i].want) == 0, "row %zu: '%s'", i, got.out);
		result_free(&got);
	}
	put(OLD, "logs/vm.log", "\n");
	EXPECT(0, "3\n\n", "", "logs", OLD, "-n2");
	EXPECT(0, "1\n2\n3\n\n", "", "logs", OLD, "-f"); /* it has ended: nothing to wait for */
	EXPECT(0, "", "", "logs", YOUNG);
	EXPECT(1, "", "no such sandbox", "logs", NONE);
	EXPECT(-22, "", "--lines 'x' is no whole number", "logs", OLD, "-nx");
}

/* rename_log() - as the warden does when vm.log is full */
static void rename_log(const char *id)
{
	char from[128], to[128];

	snprintf(from, sizeof(from), "%s/vms/%s/logs/vm.log", home_path, id);
	snprintf(to, sizeof(to), "%s/vms/%s/logs/vm.log.1", home_path, id);
	CHECK(rename(from, to) == 0, "%s", from);
}

static void test_follow(void)
{
	struct warden warden = start(false);
	pid_t writer = 0;

	put(warden.id, "logs/vm.log", "one\n");
	writer = fork();
	if (writer == 0) {
		usleep(250000);
		rename_log(warden.id);
		put(warden.id, "logs/vm.log", "two\n");
		usleep(250000);
		put(warden.id, "logs/vm.log", "two\nthree\n"); /* the same file: cut and longer */
		(void)kill(warden.pid, SIGKILL);
		_exit(0);
	}
	EXPECT(0, "one\ntwo\nthree\n", "", "logs", "-f", warden.id);
	CHECK(waitpid(writer, NULL, 0) == writer, "writer");
	reap(&warden);
}

static void test_end(void)
{
	struct warden meek = start(false), stubborn = start(true), third = start(false);

	EXPECT(0, meek.id, "", "list", "--running", "--quiet");
	EXPECT(1, "", "is running", "rm", meek.id);
	EXPECT(-22, "", "no signal 'NONSENSE'", "kill", "-s", "NONSENSE", meek.id);
	EXPECT(-22, "", "it needs an ID; write 'immure kill", "kill");
	EXPECT(-22, "", "either IDs or all", "kill", "--all", meek.id);
	EXPECT(1, "", "does not run", "kill", OLD);
	EXPECT(1, meek.id, "no such sandbox", "kill", NONE, meek.id);
	reap(&meek);
	EXPECT(1, third.id, "still runs; 'immure kill", "stop", "--all", "--timeout", "1s");
	reap(&third);
	EXPECT(0, stubborn.id, "", "kill", "--all", "--signal=sigkill");
	reap(&stubborn);
	EXPECT(0, "", "", "kill", "--all");
	EXPECT(0, "crashed", "", "status", stubborn.id);
}

static void test_remove(void)
{
	EXPECT(1, "", "no such sandbox", "rm", NONE);
	EXPECT(-22, "", "it needs an ID", "rm");
	EXPECT(0, OLD "\n", "", "rm", "--stopped");
	EXPECT(0, YOUNG, "", "prune", "--json");
	EXPECT(0, "", "", "prune");
	EXPECT(0, "[]\n", "", "list", "--json");
}

int main(void)
{
	CHECK(mkdtemp(home_path) != NULL, "%s", home_path);
	(void)setenv("IMMURE_HOME", home_path, 1); /* NOLINT(concurrency-mt-unsafe): one thread */
	EXPECT(0, "", "", "list", "--quiet");
	make(OLD, STATE_STOPPED, 2 * 3600 + 5,
	     "{\"image\":\"standard\",\"command\":[\"python\",\"x.py\"]}");
	make(YOUNG, STATE_RUNNING, 5 * 60 + 5,
	     "{\"image\":\"mini\",\"command\":\"\\u001b[2Jrm\\nvm-00000003  running\"}");
	put(OLD, "logs/start.json", "{\"walls\":{}}");
	put(OLD, "logs/end.json", "{\"oom_kills\":2}");
	test_list();
	test_get();
	test_logs();
	test_follow();
	test_end();
	test_remove();
	CHECK(chdir(home_path) == 0 && rmdir("vms") == 0 && rmdir(home_path) == 0,
	      "left something");
	return test_failures > 0;
}
