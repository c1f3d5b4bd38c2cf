// SPDX-License-Identifier: Apache-2.0
#include "warden/environment.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "jail/jail.h"
#include "wire/substitution.h"

extern char **environ;

#define SANDBOX_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

enum { SECRET_OCTETS = 16, CALLER_VALUE_OCTETS_MAX = 256 };

/* same_name() - do "NAME=..." and "NAME=..." set the same variable? */
static bool same_name(struct span a, struct span b)
{
	struct span name_a = span_cut(&a, '='), name_b = span_cut(&b, '=');

	return name_a.len == name_b.len && memcmp(name_a.ptr, name_b.ptr, name_a.len) == 0;
}

static int add(struct environment *e, const char *name, const char *value)
{
	char *text = NULL;
	int len = asprintf(&text, "%s=%s", name, value);

	if (len < 0)
		return -ENOMEM;
	struct span variable = { text, (size_t)len };
	for (size_t i = 0; i < e->len; i++)
		if (same_name(e->variables[i], variable)) {
			free((char *)(uintptr_t)e->variables[i].ptr);
			e->variables[i] = variable;
			return 0;
		}
	if (e->len == ENVIRONMENT_MAX) {
		free(text);
		return -E2BIG;
	}
	e->variables[e->len++] = variable;
	return 0;
}

/* plain() - a caller's locale or terminal name that says nothing else */
static bool plain(const char *value)
{
	if (strlen(value) > CALLER_VALUE_OCTETS_MAX)
		return false;
	for (; *value != '\0'; value++)
		if (!isalnum((unsigned char)*value) && strchr("_-.@/+:,", *value) == NULL)
			return false;
	return true;
}

static int add_caller(struct environment *e)
{
	static const char *const names[] = { "TERM=", "LANG=", "LC_", "TZ=" };

	for (char **v = environ; *v != NULL; v++)
		for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
			char name[64];
			const char *value = strchr(*v, '=');

			if (strncmp(*v, names[i], strlen(names[i])) != 0 || value == NULL ||
			    (size_t)(value - *v) >= sizeof(name) || !plain(value + 1))
				continue;
			snprintf(name, sizeof(name), "%.*s", (int)(value - *v), *v);
			int r = add(e, name, value + 1);
			if (r < 0)
				return r;
		}
	return 0;
}

/*
 * add_trust() - for programs that bring roots of their own, or look elsewhere than their distribution
 *
 * SSL_CERT_DIR is not among them: OpenSSL takes the folder beside the file, and its own has our link.
 */
static int add_trust(struct environment *e)
{
	static const struct {
		const char *name, *value;
	} rows[] = {
		{ "SSL_CERT_FILE", JAIL_TRUST_BUNDLE }, /* OpenSSL, Go, rustls-native-certs */
		{ "CURL_CA_BUNDLE", JAIL_TRUST_BUNDLE },
		{ "REQUESTS_CA_BUNDLE", JAIL_TRUST_BUNDLE },
		{ "PIP_CERT", JAIL_TRUST_BUNDLE },
		{ "GIT_SSL_CAINFO", JAIL_TRUST_BUNDLE },
		{ "CARGO_HTTP_CAINFO", JAIL_TRUST_BUNDLE },
		{ "AWS_CA_BUNDLE", JAIL_TRUST_BUNDLE },
		/* these come on top of the roots inside */
		{ "NODE_EXTRA_CA_CERTS", JAIL_TRUST_CERTIFICATE },
		{ "DENO_CERT", JAIL_TRUST_CERTIFICATE },
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(rows); i++)
		r = add(e, rows[i].name, rows[i].value);
	return r;
}

/* secret_named() - @ret: NAME of "${NAME}". Return: is it of that form? */
static bool secret_named(struct span *ret, const char *value)
{
	size_t len = strlen(value);

	if (len <= 3 || memcmp(value, "${", 2) != 0 || strchr(value, '}') != value + len - 1)
		return false;
	*ret = (struct span){ value + 2, len - 3 };
	return true;
}

/* no_secret() - a placeholder that stands for nothing */
static int no_secret(char *ret, size_t size)
{
	unsigned char random[SECRET_OCTETS];
	size_t at = (size_t)snprintf(ret, size, SUBSTITUTION_PREFIX);

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return -EAGAIN;
	for (size_t i = 0; i < sizeof(random); i++)
		at += (size_t)snprintf(ret + at, size - at, "%02x", random[i]);
	return 0;
}

/* add_shown() - a variable that create's answer tells, too */
static int add_shown(struct environment *e, const char *name, const char *value)
{
	int r = add(e, name, value);

	if (r == 0 && json_object_set_new(e->given, name, json_string(value)) < 0)
		r = -ENOMEM;
	return r;
}

static int add_secrets(struct environment *e, const struct secrets *secrets)
{
	const char *name = NULL;
	int r = 0;

	for (size_t i = 0; r == 0 && (name = secrets_name(secrets, i)) != NULL; i++)
		r = add_shown(e, name, secrets_placeholder(secrets, span_of(name)));
	return r;
}

static int add_given(struct environment *e, const struct config_env *env,
		     const struct secrets *secrets)
{
	const char *value = env->value;
	struct span name = { 0 };
	char none[64];

	if (secret_named(&name, value)) {
		value = secrets_placeholder(secrets, name);
		if (value == NULL) {
			int r = no_secret(none, sizeof(none));

			if (r < 0)
				return r;
			value = none;
		}
	}
	return add_shown(e, env->name, value);
}

int environment_make(struct environment *ret, const struct config *config,
		     const struct secrets *secrets)
{
	struct environment e = { .given = json_object() };

	e.variables = calloc(ENVIRONMENT_MAX, sizeof(*e.variables));
	int r = e.variables == NULL || e.given == NULL ? -ENOMEM : 0;
	if (r == 0)
		r = add(&e, "PATH", SANDBOX_PATH);
	if (r == 0)
		r = add(&e, "HOME", config->user == 0 ? "/root" : "/home/user");
	if (r == 0)
		r = add_caller(&e);
	if (r == 0 && config_network_allows(&config->network))
		r = add_trust(&e);
	if (r == 0)
		r = add_secrets(&e, secrets);
	for (size_t i = 0; r == 0 && i < config->env_len; i++)
		r = add_given(&e, &config->env[i], secrets);
	if (r < 0) {
		environment_free(&e);
		return r;
	}
	*ret = e;
	return 0;
}

void environment_free(struct environment *e)
{
	for (size_t i = 0; i < e->len; i++)
		free((char *)(uintptr_t)e->variables[i].ptr);
	free(e->variables);
	json_decref(e->given);
	*e = (struct environment){ 0 };
}

/* variable_text() - "NAME=value", or NULL if that cannot be a variable */
static json_t *variable_text(const char *name, json_t *value)
{
	if (!json_is_string(value) || *name == '\0' || strchr(name, '=') != NULL)
		return NULL;
	return json_sprintf("%s=%s", name, json_string_value(value));
}

int environment_merge(struct span **ret, size_t *ret_len, json_t **ret_texts,
		      const struct span *base, size_t base_len, json_t *more)
{
	size_t len = base_len, max = base_len + json_object_size(more);
	struct span *all = calloc(max > 0 ? max : 1, sizeof(*all));
	json_t *texts = json_array();
	const char *name = NULL;
	json_t *value = NULL;
	int r = all == NULL || texts == NULL ? -ENOMEM : 0;

	if (max > ENVIRONMENT_MAX)
		r = -E2BIG;
	if (r == 0 && base_len > 0)
		memcpy(all, base, base_len * sizeof(*all));
	json_object_foreach(more, name, value)
	{
		json_t *text = r == 0 ? variable_text(name, value) : NULL;

		if (text == NULL || json_array_append_new(texts, text) < 0) {
			r = r == 0 ? -EINVAL : r;
			break;
		}
		struct span variable = span_of(json_string_value(text));
		size_t at = 0;
		while (at < len && !same_name(all[at], variable))
			at++;
		all[at] = variable;
		len += at == len ? 1 : 0;
	}
	if (r < 0) {
		free(all);
		json_decref(texts);
		return r;
	}
	*ret = all;
	*ret_len = len;
	*ret_texts = texts;
	return 0;
}
