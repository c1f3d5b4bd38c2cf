// SPDX-License-Identifier: Apache-2.0
#include "warden/secrets.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/test.h"
#include "wire/substitution.h"

static const char *const hosts[] = { "a.test", "*.b.test:443" };

static struct config_secret secret(const char *name, enum config_secret_kind kind,
				   const char *origin)
{
	return (struct config_secret){ .name = name,
				       .kind = kind,
				       .origin = origin,
				       .hosts = { (const char **)(uintptr_t)hosts, 2 },
				       .where = SUBSTITUTION_HEADER };
}

/* for_host() - values that may go there, with ',' behind each */
static void for_host(char ret[256], struct secrets *secrets, const char *host, uint16_t port)
{
	struct substitutions list = { 0 };
	struct net_name name;

	*ret = '\0';
	CHECK(net_name_parse(&name, span_of(host)) == NULL, "%s", host);
	CHECK(substitutions_decode(&list, secrets_for(secrets, &name, port)) == 0, "decodes");
	for (size_t i = 0; i < list.count; i++)
		(void)snprintf(ret + strlen(ret), 256 - strlen(ret), "%.*s,",
			       (int)list.at[i].value.len, list.at[i].value.ptr);
	secrets_done(secrets);
}

static void test_kinds(void)
{
	char path[] = "/tmp/immure-secrets-XXXXXX", value[] = "from-value", got[256];
	int fd = mkstemp(path);
	struct config_secret list[] = {
		secret("V", CONFIG_SECRET_VALUE, NULL),
		secret("E", CONFIG_SECRET_ENV, "SECRET_HERE"),
		secret("F", CONFIG_SECRET_FILE, path),
		secret("C", CONFIG_SECRET_COMMAND, "printf 'from-command\\n'"),
	};
	struct config_network network = { .secrets = list, .secrets_len = ARRAY_SIZE(list) };
	struct secrets *secrets = NULL;
	struct diag diag = { 0 };

	list[0].value = value;
	CHECK(fd >= 0 && write(fd, "from-file\r\n", 11) == 11, "file");
	CHECK(setenv("SECRET_HERE", "from-env", 1) == 0, "env");
	CHECK(secrets_load(&secrets, &network, &diag) == 0, "%s", diag.why);
	CHECK(value[0] == '\0', "the settings hold it no more");
	CHECK(prctl(PR_GET_DUMPABLE) == 0, "dumpable");
	for_host(got, secrets, "a.test", 80);
	CHECK(strcmp(got, "from-value,from-env,from-file,from-command,") == 0, "%s", got);
	for_host(got, secrets, "x.b.test", 443);
	CHECK(strlen(got) > 4, "below");
	for_host(got, secrets, "x.b.test", 444);
	CHECK(strcmp(got, "") == 0, "port");
	for_host(got, secrets, "b.test", 443);
	CHECK(strcmp(got, "") == 0, "not itself");
	const char *first = secrets_placeholder(secrets, SPAN("V"));
	CHECK(substitution_is_placeholder(span_of(first)), "placeholder");
	CHECK(strcmp(first, secrets_placeholder(secrets, SPAN("E"))) != 0, "each its own");
	CHECK(secrets_placeholder(secrets, SPAN("X")) == NULL, "none");
	CHECK(secrets_name(secrets, 3) != NULL && secrets_name(secrets, 4) == NULL, "names");
	secrets_free(secrets);
	(void)close(fd);
	(void)unlink(path);
}

static void test_refused(void)
{
	static const struct {
		enum config_secret_kind kind;
		const char *origin, *why;
	} rows[] = {
		{ CONFIG_SECRET_ENV, "NOT_SET", "network.secrets.K.env: this variable is not set" },
		{ CONFIG_SECRET_ENV, "BROKEN", "network.secrets.K.env: it holds a line break" },
		{ CONFIG_SECRET_FILE, "/", "network.secrets.K.file: it is not a regular file" },
		{ CONFIG_SECRET_FILE, "/none", "network.secrets.K.file: No such file" },
		{ CONFIG_SECRET_COMMAND, "echo abcdef; false",
		  "network.secrets.K.command: the comm" },
		{ CONFIG_SECRET_COMMAND, "printf 'ab\\0cd'",
		  "network.secrets.K.command: it holds a control" },
		{ CONFIG_SECRET_COMMAND, "printf 'ab\\n\\ncd'",
		  "network.secrets.K.command: it holds a line" },
		{ CONFIG_SECRET_COMMAND, "head -c 9000 /dev/zero | tr '\\0' x",
		  "network.secrets.K.command: it is longer than 8 KiB" },
	};

	CHECK(setenv("BROKEN", "live\r\nX: y", 1) == 0, "env");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct config_secret one = secret("K", rows[i].kind, rows[i].origin);
		struct config_network network = { .secrets = &one, .secrets_len = 1 };
		struct secrets *secrets = NULL;
		struct diag diag = { 0 };

		CHECK(secrets_load(&secrets, &network, &diag) < 0 && secrets == NULL, "row %zu", i);
		CHECK(strncmp(diag.why, rows[i].why, strlen(rows[i].why)) == 0, "row %zu: %s", i,
		      diag.why);
		CHECK(strstr(diag.why, "live") == NULL, "row %zu", i);
	}
}

static void test_too_much(void)
{
	static char value[8000];
	struct config_secret list[3];
	struct config_network network = { .secrets = list, .secrets_len = 3 };
	struct secrets *secrets = NULL;
	struct diag diag = { 0 };

	memset(value, 'x', sizeof(value) - 1);
	CHECK(setenv("LONG", value, 1) == 0, "env");
	for (size_t i = 0; i < 3; i++)
		list[i] = secret("K", CONFIG_SECRET_ENV, "LONG");
	CHECK(secrets_load(&secrets, &network, &diag) == -EINVAL, "%s", diag.why);
	network.secrets_len = 0;
	CHECK(secrets_load(&secrets, &network, &diag) == 0 && secrets == NULL, "none");
	CHECK(secrets_for(NULL, NULL, 0).len == 0, "none");
}

int main(void)
{
	test_kinds();
	test_refused();
	test_too_much();
	return test_failures > 0;
}
