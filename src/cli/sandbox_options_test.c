// SPDX-License-Identifier: Apache-2.0
#include "cli/sandbox_options.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/test.h"

enum { WORDS_MAX = 10 };

#define FILE_TEXT                                \
	"resources: {cpus: 4, memory_mb: 100}\n" \
	"allow_degraded: [seccomp]\n"            \
	"env: {A: file, B: file}\n"              \
	"vfs: {direct_mounts: {/a: {host_path: /tmp}}}\n"

static char path[] = "/tmp/sandbox_options.XXXXXX.yaml";

/* parse() - "immure run WORDS sh" */
static int parse(struct cli_call *call, const char **argv, const char *const *words)
{
	size_t n = 0;

	argv[n++] = "immure";
	argv[n++] = "run";
	for (size_t i = 0; i < WORDS_MAX && words[i] != NULL; i++)
		argv[n++] = strcmp(words[i], "FILE") == 0 ? path : words[i];
	argv[n++] = "sh";
	argv[n] = NULL;
	return cli_parse(call, argv);
}

static void test_tree(void)
{
	const struct {
		const char *words[WORDS_MAX];
		const char *want;
	} rows[] = {
		{ { NULL }, "{}" },
		{ { "-t", "--log" }, "{}" },
		{ { "--cpus", "1.5", "--memory=1G", "--timeout", "5m", "--processes", "9",
		    "--disk=64" },
		  "{\"resources\":{\"cpus\":1.5,\"disk_mb\":64,\"memory_mb\":1024,\"processes\":9,"
		  "\"timeout_seconds\":300}}" },
		{ { "--rm", "--rm" }, "{\"remove\":true}" },
		{ { "--cpus", "2", "--cpus", "3" }, "{\"resources\":{\"cpus\":3.0}}" },
		{ { "--user", "0", "--hostname=h", "-w", "/w", "--image", "standard", "--rootfs",
		    "r" },
		  "{\"hostname\":\"h\",\"image\":\"standard\",\"rootfs\":\"r\",\"user\":0,"
		  "\"working_dir\":\"/w\"}" },
		{ { "-v", ".:/x", "-v/y:/z.d/e:ro", "-v", "a:/b:rw" },
		  "{\"vfs\":{\"direct_mounts\":{\"/b\":{\"host_path\":\"a\",\"readonly\":false},"
		  "\"/x\":{\"host_path\":\".\",\"readonly\":false},"
		  "\"/z.d/e\":{\"host_path\":\"/y\",\"readonly\":true}}}}" },
		{ { "--tmpfs", "/a", "--tmpfs=/b:2G" },
		  "{\"vfs\":{\"mounts\":{\"/a\":{\"type\":\"memory\"},"
		  "\"/b\":{\"size_mb\":2048,\"type\":\"memory\"}}}}" },
		{ { "-e", "X=1=2", "-eY=", "-e", "HERE" },
		  "{\"env\":{\"HERE\":\"of the caller\",\"X\":\"1=2\",\"Y\":\"\"}}" },
		{ { "--allow-host", "a.com", "--allow-host=*.b.com" },
		  "{\"network\":{\"allowed_hosts\":[\"a.com\",\"*.b.com\"]}}" },
		{ { "--allow-private=db.lan", "--allow-private", "10.0.0.0/8", "--dns-server",
		    "[::1]:5353" },
		  "{\"network\":{\"allow_private\":[\"db.lan\",\"10.0.0.0/8\"],"
		  "\"dns_servers\":[\"[::1]:5353\"]}}" },
		{ { "--secret", "HERE@a.com,*.b.com", "--secret=K@c" },
		  "{\"network\":{\"secrets\":{\"HERE\":{\"env\":\"HERE\",\"hosts\":[\"a.com\","
		  "\"*.b.com\"]},\"K\":{\"env\":\"K\",\"hosts\":[\"c\"]}}}}" },
		{ { "--upstream-ca", "/a", "--upstream-ca=ca.pem" },
		  "{\"network\":{\"ca_file\":\"ca.pem\"}}" },
		{ { "--upstream-proxy", "p:1", "--upstream-proxy=none" },
		  "{\"network\":{\"proxy\":\"none\"}}" },
		{ { "--add-host", "a.b:10.0.0.1", "--add-host=c:::1", "--add-host", "d:[fd00::1]",
		    "--add-host=a.b:10.0.0.2" },
		  "{\"network\":{\"hosts\":{\"a.b\":\"10.0.0.2\",\"c\":\"::1\","
		  "\"d\":\"fd00::1\"}}}" },
		{ { "-c", "FILE" },
		  "{\"allow_degraded\":[\"seccomp\"],\"env\":{\"A\":\"file\",\"B\":\"file\"},"
		  "\"resources\":{\"cpus\":4,\"memory_mb\":100},"
		  "\"vfs\":{\"direct_mounts\":{\"/a\":{\"host_path\":\"/tmp\"}}}}" },
		{ { "--cpus=1", "-eA=flag", "--allow-degraded", "caps", "-v/b:/b", "-c", "FILE" },
		  "{\"allow_degraded\":[\"seccomp\",\"caps\"],\"env\":{\"A\":\"flag\",\"B\":"
		  "\"file\"},"
		  "\"resources\":{\"cpus\":1.0,\"memory_mb\":100},"
		  "\"vfs\":{\"direct_mounts\":{\"/a\":{\"host_path\":\"/tmp\"},"
		  "\"/b\":{\"host_path\":\"/b\",\"readonly\":false}}}}" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *argv[WORDS_MAX + 4] = { 0 };
		CLEANUP_CALL struct cli_call call = { .out = stdout, .err = stderr };
		CLEANUP(config_source_freep) struct config_source *source = NULL;
		json_auto_t *tree = NULL;

		CHECK(parse(&call, argv, rows[i].words) == 0, "row %zu: %s", i, call.diag.why);
		int r = sandbox_options_tree(&tree, &source, &call);
		char *got =
		    tree != NULL
			? json_dumps(tree, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(6))
			: NULL;
		CHECK(r == 0, "row %zu: %d %s", i, r, call.diag.why);
		CHECK(got != NULL && strcmp(got, rows[i].want) == 0, "row %zu: %s", i,
		      got != NULL ? got : "none");
		free(got);
	}
}

static void test_refused(void)
{
	const struct {
		const char *words[WORDS_MAX];
		const char *why;
	} rows[] = {
		{ { "--cpus", "two" }, "run: --cpus 'two': not a number" },
		{ { "--cpus", "inf" }, "not a number" },
		{ { "--cpus", "" }, "not a number" },
		{ { "--cpus", "." }, "not a number" },
		{ { "--cpus", "1.2.3" }, "not a number" },
		{ { "--cpus", "-1" }, "not a number" },
		{ { "--user", "root" }, "not a whole number" },
		{ { "--user", "9223372036854775808" }, "not a whole number" },
		{ { "--memory", "lots" }, "not a size" },
		{ { "--timeout", "soon" }, "not a duration" },
		{ { "-v", "/data" }, "write HOST:PATH" },
		{ { "-v", ":/data" }, "write HOST:PATH" },
		{ { "-v", "/data:" }, "write HOST:PATH" },
		{ { "-v", "a:/b:rx" }, "ro or rw" },
		{ { "-v", "a:/b:" }, "ro or rw" },
		{ { "-v", "a:/b:ro:ro" }, "ro or rw" },
		{ { "--tmpfs", ":1G" }, "write PATH" },
		{ { "--tmpfs", "/a:" }, "a size such as" },
		{ { "-e", "NOT_SET_HERE" }, "not set here" },
		{ { "-e", "=x" }, "write NAME=VALUE" },
		{ { "-e", "A=\xff" }, "not UTF-8" },
		{ { "--add-host", "a" }, "write NAME:ADDRESS" },
		{ { "--add-host", ":1.2.3.4" }, "write NAME:ADDRESS" },
		{ { "--add-host", "a:" }, "write NAME:ADDRESS" },
		{ { "--add-host", "a:\xff" }, "not UTF-8" },
		{ { "--hostname", "\xff" }, "not UTF-8" },
		{ { "--allow-host", "\xff" }, "not UTF-8" },
		{ { "-c", "/no/such/file.yaml" }, "/no/such/file.yaml" },
		{ { "--cpus", "0" }, "resources.cpus" }, /* from here on the schema's own words */
		{ { "--allow-host", "a.com:0" }, "network.allowed_hosts[0]: \"a.com:0\" is" },
		{ { "--allow-host=*", "--allow-private=*" }, "network.allow_private[0]: \"*\"" },
		{ { "--add-host=a:b" }, "network.hosts.a: \"b\" is impossible" },
		{ { "--upstream-proxy=https://p:1" }, "network.proxy: impossible value: only" },
		{ { "--dns-server=ns.x" }, "network.dns_servers[0]: \"ns.x\" is impossible" },
		{ { "-v", "a:b" }, "vfs.direct_mounts" },
		{ { "--tmpfs", "/proc/x" }, "vfs.mounts" },
		{ { "-v", "a:/b", "--tmpfs", "/b" }, "/b" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *argv[WORDS_MAX + 4] = { 0 };
		CLEANUP_CALL struct cli_call call = { .out = stdout, .err = stderr };
		CLEANUP(config_freep) struct config *config = NULL;

		CHECK(parse(&call, argv, rows[i].words) == 0, "row %zu: %s", i, call.diag.why);
		int r = sandbox_options_read(&config, &call);
		CHECK(r < 0 && config == NULL, "row %zu: %d", i, r);
		CHECK(strstr(call.diag.why, rows[i].why) != NULL, "row %zu: %s", i, call.diag.why);
	}
}

static void test_read(void)
{
	static const char *const words[WORDS_MAX] = { "-c",   "FILE", "--memory",
						      "256M", "-v",   "/usr:/data:ro" };
	const char *argv[WORDS_MAX + 4] = { 0 };
	CLEANUP_CALL struct cli_call call = { .out = stdout, .err = stderr };
	CLEANUP(config_freep) struct config *config = NULL;

	CHECK(parse(&call, argv, words) == 0, "%s", call.diag.why);
	int r = sandbox_options_read(&config, &call);
	CHECK(r == 0, "%s", call.diag.why);
	if (r < 0)
		return;
	CHECK(config->memory_mb == 256 && config->cpus > 3.9, "limits");
	CHECK(config->mounts_len == 2 && config->mounts[1].readonly, "mounts");
}

int main(void)
{
	int fd = mkstemps(path, 5);

	CHECK(fd >= 0 && write(fd, FILE_TEXT, strlen(FILE_TEXT)) > 0, "%s", path);
	close(fd);
	/* NOLINTBEGIN(concurrency-mt-unsafe): one thread */
	(void)setenv("HERE", "of the caller", 1);
	(void)unsetenv("NOT_SET_HERE");
	/* NOLINTEND(concurrency-mt-unsafe) */
	test_tree();
	test_refused();
	test_read();
	(void)unlink(path);
	return test_failures > 0;
}
