// SPDX-License-Identifier: Apache-2.0
#include "warden/environment.h"

#include <errno.h>
#include <stdlib.h>

#include "base/test.h"

/* find() - the value of @name, or "" */
static struct span find(const struct span *variables, size_t len, const char *name)
{
	for (size_t i = 0; i < len; i++) {
		struct span rest = variables[i];

		if (span_is(span_cut(&rest, '='), name))
			return rest;
	}
	return SPAN("");
}

static void test_make(void)
{
	struct environment e = { 0 };
	static struct config settings;
	struct config *config = &settings;

	config->user = 1000;
	config->env_len = 3;
	config->env[0] = (struct config_env){ "PATH", "/mine" };
	config->env[1] = (struct config_env){ "KEY", "${KEY}" };
	config->env[2] = (struct config_env){ "PLAIN", "$KEY" };
	CHECK(setenv("SSH_AUTH_SOCK", "/secret", 1) == 0 && setenv("KEY", "real", 1) == 0 &&
		  setenv("LC_ALL", "de_DE.UTF-8", 1) == 0 && setenv("LANG", "x;rm -rf", 1) == 0,
	      "setenv");
	CHECK(environment_make(&e, config, NULL) == 0, "make");
	CHECK(span_is(find(e.variables, e.len, "PATH"), "/mine"), "the settings win");
	CHECK(span_is(find(e.variables, e.len, "HOME"), "/home/user"), "home is made");
	CHECK(span_is(find(e.variables, e.len, "LC_ALL"), "de_DE.UTF-8"), "locale is the caller's");
	CHECK(find(e.variables, e.len, "LANG").len == 0, "a locale that is none stays outside");
	CHECK(find(e.variables, e.len, "SSH_AUTH_SOCK").len == 0, "nothing else is");
	CHECK(span_is(find(e.variables, e.len, "PLAIN"), "$KEY"), "only ${NAME} is a secret");

	struct span key = find(e.variables, e.len, "KEY");
	CHECK(key.len == 14 + 32 && memcmp(key.ptr, "IMMURE_SECRET_", 14) == 0, "a placeholder");
	const char *given = json_string_value(json_object_get(e.given, "KEY"));
	CHECK(given != NULL && strlen(given) == key.len && memcmp(given, key.ptr, key.len) == 0,
	      "create tells the same");
	environment_free(&e);
}

/* Where certificates are is told only to who may reach anything, and never against the settings. */
static void test_trust(void)
{
	static const char *hosts[] = { "a.example" };
	struct environment e = { 0 };
	static struct config settings;

	CHECK(environment_make(&e, &settings, NULL) == 0, "make");
	CHECK(find(e.variables, e.len, "SSL_CERT_FILE").len == 0, "nothing may be reached");
	environment_free(&e);
	settings.network.rules_len = 1;
	CHECK(environment_make(&e, &settings, NULL) == 0, "make");
	CHECK(find(e.variables, e.len, "SSL_CERT_FILE").len > 0, "a rule allows something");
	environment_free(&e);
	settings.network.rules_len = 0;
	settings.network.allowed_hosts = (struct config_texts){ hosts, 1 };
	settings.env_len = 1;
	settings.env[0] = (struct config_env){ "PIP_CERT", "/mine" };
	CHECK(environment_make(&e, &settings, NULL) == 0, "make");
	CHECK(span_is(find(e.variables, e.len, "SSL_CERT_FILE"), "/run/immure/ca-bundle.crt"),
	      "file");
	CHECK(span_is(find(e.variables, e.len, "NODE_EXTRA_CA_CERTS"), "/run/immure/ca.crt"),
	      "node");
	CHECK(find(e.variables, e.len, "SSL_CERT_DIR").len == 0, "the folder stays its own");
	CHECK(span_is(find(e.variables, e.len, "PIP_CERT"), "/mine"), "the settings win");
	environment_free(&e);
}

static void test_merge(void)
{
	const struct {
		const char *more;
		int want;
	} rows[] = {
		{ "{\"A\": \"2\", \"C\": \"\"}", 0 },
		{ "{\"\": \"x\"}", -EINVAL },
		{ "{\"A=B\": \"x\"}", -EINVAL },
		{ "{\"A\": 7}", -EINVAL },
	};
	const struct span base[] = { SPAN("A=1"), SPAN("B=1") };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		json_t *more = json_loads(rows[i].more, 0, NULL), *texts = NULL;
		struct span *all = NULL;
		size_t len = 0;
		int r = environment_merge(&all, &len, &texts, base, ARRAY_SIZE(base), more);

		CHECK(r == rows[i].want, "row %zu: %d", i, r);
		if (r == 0)
			CHECK(len == 3 && span_is(all[0], "A=2") && span_is(all[1], "B=1") &&
				  span_is(all[2], "C="),
			      "row %zu", i);
		free(all);
		json_decref(texts);
		json_decref(more);
	}
}

int main(void)
{
	test_make();
	test_trust();
	test_merge();
	return test_failures > 0;
}
