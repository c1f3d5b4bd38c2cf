/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_fuzz - what must hold of any text at all, whichever loader read it:
 *
 *	a refusal says why, in text a terminal can show, and hands nothing over
 *	what is accepted has no key but those listed here (on purpose not taken from the table)
 *	what is accepted asks for nothing of later work
 *	mounts are sorted, absolute and not the system's; reading the result again changes nothing
 */
#ifndef CONFIG_CONFIG_FUZZ_H
#define CONFIG_CONFIG_FUZZ_H

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "config/config_priv.h"
#include "net/glob.h"
#include "net/pattern.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* must_know() - every key of @object, which may be NULL, stands in @keys, each between blanks */
static void must_know(json_t *object, const char *keys)
{
	const char *key = NULL;
	json_t *value = NULL;

	json_object_foreach(object, key, value)
	{
		char word[64];
		int len = snprintf(word, sizeof(word), " %s ", key);

		must(len > 2 && (size_t)len < sizeof(word) && strstr(keys, word) != NULL);
	}
}

static void must_have_known_keys(json_t *tree)
{
	json_t *vfs = json_object_get(tree, "vfs"), *network = json_object_get(tree, "network");
	const char *path = NULL;
	json_t *value = NULL;

	must(json_is_object(tree));
	must_know(tree,
		  " image rootfs working_dir hostname user allow_degraded resources network vfs"
		  " env ");
	must_know(json_object_get(tree, "resources"),
		  " cpus memory_mb timeout_seconds processes disk_mb ");
	must_know(vfs, " direct_mounts mounts ");
	json_object_foreach(json_object_get(vfs, "direct_mounts"), path, value)
	{
		must_know(value, " host_path readonly ");
	}
	json_object_foreach(json_object_get(vfs, "mounts"), path, value)
	{
		must_know(value, " type size_mb readonly ");
	}
	must_know(network,
		  " rules allowed_hosts block_private_ips allow_private secrets hosts dns_servers"
		  " ca_file publish proxy ");
	for (size_t i = 0; i < json_array_size(json_object_get(network, "rules")); i++)
		must_know(json_array_get(json_object_get(network, "rules"), i),
			  " host methods paths tls raw caps pins ");
	json_object_foreach(json_object_get(network, "secrets"), path, value)
	{
		must_know(value, " value env file command hosts where ");
	}
	must(json_array_size(json_object_get(network, "publish")) <= CONFIG_PUBLISH_MAX);
}

/* A rule with limits has no way round them. */
static void must_be_rule(const struct config_rule *rule)
{
	struct pattern pattern;

	must(pattern_parse(&pattern, span_of(rule->host)) == NULL);
	must(rule->methods.len + rule->paths.len == 0 || !(rule->passthrough || rule->raw));
	must(rule->caps.request_bytes + rule->caps.response_bytes == 0 ||
	     !(rule->passthrough || rule->raw));
	must(rule->caps.message_bytes + rule->caps.messages_per_minute == 0 ||
	     !(rule->passthrough || rule->raw));
	must(rule->pins_len == 0 || !rule->passthrough);
	must(rule->caps.idle_s <= 30 * 86400 && rule->caps.concurrency <= 32768);
	for (size_t i = 0; i < rule->methods.len; i++)
		must(rule->methods.items[i][0] != '\0' &&
		     strpbrk(rule->methods.items[i], ", \n") == NULL);
	for (size_t i = 0; i < rule->paths.len; i++)
		must(glob_fault(span_of(rule->paths.items[i])) == NULL);
}

/* Every text is what its reader reads. */
static void must_be_readable(const struct config_network *network)
{
	struct net_address address;
	struct pattern pattern;
	struct net_name name;
	uint16_t port = 0;

	for (size_t i = 0; i < network->rules_len; i++)
		must_be_rule(&network->rules[i]);
	for (size_t i = 0; i < network->allowed_hosts.len; i++)
		must(pattern_parse(&pattern, span_of(network->allowed_hosts.items[i])) == NULL);
	for (size_t i = 0; i < network->allow_private.len; i++)
		must(pattern_parse(&pattern, span_of(network->allow_private.items[i])) == NULL &&
		     pattern.kind != PATTERN_ANY && pattern.port == 0);
	for (size_t i = 0; i < network->dns_servers.len; i++)
		must(config_parse_server(&address, &port, span_of(network->dns_servers.items[i])) ==
			 0 &&
		     port != 0);
	for (size_t i = 0; i < network->hosts_len; i++)
		must(net_name_parse(&name, span_of(network->hosts[i].name)) == NULL &&
		     strcmp(name.text, network->hosts[i].name) == 0 &&
		     net_address_parse(&address, span_of(network->hosts[i].address)) == 0);
}

/* A secret has one origin and goes somewhere; its value is in no tree that is shown. */
static void must_be_secret(const struct config_secret *secret, json_t *tree)
{
	struct pattern pattern;

	must((secret->kind == CONFIG_SECRET_VALUE) == (secret->value != NULL));
	must((secret->origin != NULL) == (secret->value == NULL));
	must(secret->where > 0 && secret->hosts.len > 0);
	must(secret->value == NULL || config_secret_fault(secret->value) == NULL);
	for (size_t i = 0; i < secret->hosts.len; i++)
		must(pattern_parse(&pattern, span_of(secret->hosts.items[i])) == NULL &&
		     pattern.kind != PATTERN_ANY);
	must(json_object_get(json_object_get(tree, secret->name), "value") == NULL);
}

/* has_values() - then its tree, without them, cannot be read again */
static bool has_values(const struct config *config)
{
	bool has = false;

	for (size_t i = 0; i < config->network.secrets_len; i++)
		has |= config->network.secrets[i].value != NULL;
	return has;
}

static void must_be_sound(const struct config *config)
{
	static const char *const ours[] = { "/proc", "/sys", "/dev",   "/usr", "/bin",
					    "/sbin", "/lib", "/lib64", "/etc" };

	must(config->user >= 0 && config->user < UINT32_MAX);
	must(config->cpus >= 0 && config->cpus <= 4096);
	must(config->processes >= 1 && config->processes <= 4194304);
	must(strcmp(config->image, "standard") == 0 && config->working_dir[0] == '/');
	must(config->rootfs == NULL || config->rootfs[0] == '/');
	must_be_readable(&config->network);
	for (size_t i = 0; i < config->network.secrets_len; i++)
		must_be_secret(
		    &config->network.secrets[i],
		    json_object_get(json_object_get(config->tree, "network"), "secrets"));
	for (size_t i = 0; i < config->mounts_len; i++) {
		const struct config_mount *m = &config->mounts[i];

		must(m->path[0] == '/' && m->path[1] != '\0' &&
		     m->path[strlen(m->path) - 1] != '/');
		must(strstr(m->path, "//") == NULL && strstr(m->path, "/../") == NULL);
		must((m->type == CONFIG_MOUNT_DIRECT) == (m->host_path != NULL));
		must(m->host_path == NULL || m->host_path[0] == '/');
		must(i == 0 || strcmp(config->mounts[i - 1].path, m->path) < 0);
		for (size_t j = 0; j < ARRAY_SIZE(ours); j++) {
			size_t len = strlen(ours[j]);

			must(strncmp(m->path, ours[j], len) != 0 ||
			     (m->path[len] != '/' && m->path[len] != '\0'));
		}
	}
}

static void must_explain(const struct diag *diag)
{
	must(diag->why[0] != '\0');
	for (size_t i = 0; diag->why[i] != '\0'; i++)
		must((unsigned char)diag->why[i] >= ' ' && diag->why[i] != 0x7f);
}

/* fuzz_read() - the rest of the way of a tree that was loaded */
static void fuzz_read(json_t *tree, const struct config_source *source)
{
	CLEANUP(config_freep) struct config *config = NULL;
	CLEANUP(config_freep) struct config *again = NULL;
	struct diag diag = { 0 };
	int r = config_read(&config, tree, source, &diag);

	must((r == 0) == (config != NULL) && r != -ENOMEM);
	if (r < 0) {
		must_explain(&diag);
		return;
	}
	must_have_known_keys(tree);
	must_have_known_keys(config->tree);
	must_be_sound(config);
	if (has_values(config))
		return;
	must(config_read(&again, config->tree, NULL, &diag) == 0);
	must(json_equal(config->tree, again->tree));
}

/* fuzz_text() - load and read @text with @load */
static int fuzz_text(int (*load)(json_t **, struct config_source **, struct span, const char *,
				 struct diag *),
		     struct span text)
{
	CLEANUP(config_source_freep) struct config_source *source = NULL;
	CLEANUP(json_decrefp) json_t *tree = NULL;
	struct diag diag = { 0 };
	int r = load(&tree, &source, text, "x", &diag);

	must((r == 0) == (tree != NULL) && (r == 0) == (source != NULL) && r != -ENOMEM);
	if (r < 0)
		must_explain(&diag);
	else
		fuzz_read(tree, source);
	return 0;
}

#endif
