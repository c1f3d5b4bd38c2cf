// SPDX-License-Identifier: Apache-2.0
/* What a struct config holds: the defaults, all settings at once, and what scarce memory makes of them. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/test.h"
#include "config/config_priv.h"

#define PIN64 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

static void test_defaults(void)
{
	CLEANUP(config_freep) struct config *config = NULL;
	struct diag diag = { 0 };
	int r = config_read(&config, NULL, NULL, &diag);

	CHECK(r == 0, "%s", diag.why);
	if (r < 0)
		return;
	CHECK(strcmp(config->image, "standard") == 0 && config->rootfs == NULL, "%s",
	      config->image);
	CHECK(strcmp(config->working_dir, "/tmp/workspace") == 0, "%s", config->working_dir);
	CHECK(strcmp(config->hostname, "immure") == 0, "%s", config->hostname);
	CHECK(config->user == 1000 && config->processes == 4096, "%lld", (long long)config->user);
	CHECK(config->cpus == 0 && config->memory_mb == 0 && config->timeout_seconds == 0,
	      "limits");
	CHECK(config->disk_mb == 0 && !config->remove, "limits, and it stays on record");
	CHECK(config->mounts_len + config->env_len + config->degraded_len == 0, "lists");
	CHECK(config->network.block_private_ips && config->network.allowed_hosts.len == 0,
	      "nothing may be reached");
	CHECK(json_is_object(config->tree) && json_object_size(config->tree) == 0, "tree");
}

static void check_mounts(const struct config *config, const char *cwd)
{
	char relative[PATH_MAX + 8];
	const struct config_mount want[] = {
		{ CONFIG_MOUNT_MEMORY, "/a", NULL, false, 0 },
		{ CONFIG_MOUNT_DIRECT, "/a-b", "/x", false, 0 },
		{ CONFIG_MOUNT_DIRECT, "/a/b", relative, true, 0 },
		{ CONFIG_MOUNT_MEMORY, "/a/b/c", NULL, true, 64 },
	};

	snprintf(relative, sizeof(relative), "%s/../y", cwd);
	CHECK(config->mounts_len == ARRAY_SIZE(want), "%zu", config->mounts_len);
	for (size_t i = 0; i < ARRAY_SIZE(want) && i < config->mounts_len; i++) {
		const struct config_mount *m = &config->mounts[i];

		CHECK(m->type == want[i].type && strcmp(m->path, want[i].path) == 0, "%zu: %s", i,
		      m->path);
		CHECK(m->readonly == want[i].readonly && m->size_mb == want[i].size_mb, "%zu", i);
		CHECK((m->host_path == NULL) == (want[i].host_path == NULL), "%zu", i);
		if (m->host_path != NULL && want[i].host_path != NULL)
			CHECK(strcmp(m->host_path, want[i].host_path) == 0, "%zu: %s", i,
			      m->host_path);
	}
}

static const char full[] =
    "rootfs: /srv//root/\nworking_dir: /a/./b/\nhostname: h\nuser: 0\nremove: true\n"
    "allow_degraded: [landlock, timens]\n"
    "resources: {cpus: 1.5, memory_mb: 64, timeout_seconds: 9, processes: 32, disk_mb: 128}\n"
    "vfs:\n"
    "  direct_mounts:\n"
    "    /a/b/: {host_path: ./../y/, readonly: true}\n"
    "    /a-b: {host_path: /x}\n"
    "  mounts:\n"
    "    /a/b/c: {type: memory, size_mb: 64, readonly: true}\n"
    "    //a: {type: memory}\n"
    "network:\n"
    "  rules:\n"
    "    - {host: 'api.x:443', methods: [GET, HEAD], paths: [/v1/**, /]}\n"
    "    - {host: '*.y', tls: passthrough, raw: true}\n"
    "    - {host: z, raw: false, caps: {request_bytes: 64K, response_bytes: 9, concurrency: 3,"
    " requests_per_minute: 60, idle: 5m, message_bytes: 2k, messages_per_minute: 7}, pins: "
    "[sha256/" PIN64 "]}\n"
    "  allowed_hosts: [a.b, '*.c:443']\n"
    "  allow_private: [a.b, 10.0.0.0/8, fd00::1]\n"
    "  block_private_ips: false\n"
    "  hosts: {x.y: 192.0.2.1, z: '::1'}\n"
    "  dns_servers: ['192.0.2.53:5353']\n"
    "  ca_file: /a/./roots.pem\n"
    "  proxy: http://ann:s3c@ret@proxy.x:3128/\n"
    "env: {Z: '1', A: '${A}', M: ''}\n";

static void check_texts(const struct config_texts *texts, const char *const *want, size_t len)
{
	CHECK(texts->len == len, "%zu", texts->len);
	for (size_t i = 0; i < len && i < texts->len; i++)
		CHECK(strcmp(texts->items[i], want[i]) == 0, "%s", texts->items[i]);
}

static void check_rules(const struct config_network *network)
{
	static const char *const methods[] = { "GET", "HEAD" }, *const paths[] = { "/v1/**", "/" };
	const struct config_rule *rules = network->rules;

	CHECK(network->rules_len == 3, "%zu", network->rules_len);
	if (network->rules_len != 3)
		return;
	CHECK(strcmp(rules[0].host, "api.x:443") == 0 && strcmp(rules[2].host, "z") == 0, "%s",
	      rules[0].host);
	check_texts(&rules[0].methods, methods, ARRAY_SIZE(methods));
	check_texts(&rules[0].paths, paths, ARRAY_SIZE(paths));
	CHECK(!rules[0].passthrough && !rules[0].raw_given && !rules[0].raw, "0");
	CHECK(rules[1].passthrough && rules[1].raw_given && rules[1].raw, "1");
	CHECK(rules[1].methods.len + rules[1].paths.len == 0, "1");
	CHECK(!rules[2].passthrough && rules[2].raw_given && !rules[2].raw, "2");
	const struct config_caps *caps = &rules[2].caps;
	CHECK(caps->request_bytes == 65536 && caps->response_bytes == 9 && caps->concurrency == 3 &&
		  caps->requests_per_minute == 60 && caps->idle_s == 300,
	      "caps");
	CHECK(caps->message_bytes == 2048 && caps->messages_per_minute == 7, "of messages");
	CHECK(rules[1].caps.idle_s == 0 && rules[1].pins_len == 0, "none");
	CHECK(rules[2].pins_len == 1 && rules[2].pins[0][0] == 0 && rules[2].pins[0][31] == 31,
	      "pins");
}

static void check_network(const struct config_network *network)
{
	static const char *const allowed[] = { "a.b", "*.c:443" };
	static const char *const private[] = { "a.b", "10.0.0.0/8", "fd00::1" };
	static const char *const servers[] = { "192.0.2.53:5353" };

	check_rules(network);
	check_texts(&network->allowed_hosts, allowed, ARRAY_SIZE(allowed));
	check_texts(&network->allow_private, private, ARRAY_SIZE(private));
	check_texts(&network->dns_servers, servers, ARRAY_SIZE(servers));
	CHECK(!network->block_private_ips && network->hosts_len == 2, "%zu", network->hosts_len);
	CHECK(network->ca_file != NULL && strcmp(network->ca_file, "/a/roots.pem") == 0, "%s",
	      network->ca_file);
	CHECK(network->proxy != NULL &&
		  strcmp(network->proxy, "http://ann:s3c@ret@proxy.x:3128/") == 0,
	      "%s", network->proxy);
	if (network->hosts_len != 2)
		return;
	CHECK(strcmp(network->hosts[0].name, "x.y") == 0 &&
		  strcmp(network->hosts[1].address, "::1") == 0,
	      "%s %s", network->hosts[0].name, network->hosts[1].address);
}

/* User and password of the proxy are not in what is shown; the rest is. */
static void check_shown(const json_t *tree)
{
	char *text = json_dumps(tree, 0);

	CHECK(strstr(text, "\"proxy\": \"http://proxy.x:3128/\"") != NULL, "%s", text);
	CHECK(strstr(text, "ann") == NULL && strstr(text, "s3c") == NULL, "%s", text);
	free(text);
}

static void test_parse_server(void)
{
	struct net_address address;
	char text[NET_ADDRESS_TEXT_OCTETS];
	uint16_t port = 0;

	CHECK(config_parse_server(&address, &port, SPAN("[2001:DB8::1]:5353")) == 0, "bracketed");
	net_address_format(text, &address);
	CHECK(port == 5353 && strcmp(text, "2001:db8::1") == 0, "%s %u", text, port);
	CHECK(config_parse_server(&address, &port, SPAN("9.9.9.9")) == 0 && port == 53, "%u", port);
}

static void test_parse_publish(void)
{
	static const struct {
		const char *text, *address;
		uint16_t host_port, port;
	} texts[] = {
		{ "80", "127.0.0.1", 80, 80 },
		{ "8080:80", "127.0.0.1", 8080, 80 },
		{ "0:80", "127.0.0.1", 0, 80 },
		{ "192.0.2.1:65535:1", "192.0.2.1", 65535, 1 },
		{ "[::1]:8080:80", "::1", 8080, 80 },
		{ "::1:8080:80", "::1", 8080, 80 },
		{ ":::1:2", "::", 1, 2 },
		{ "::ffff:127.0.0.2:1:2", "127.0.0.2", 1, 2 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct config_publish publish = { 0 };
		char text[NET_ADDRESS_TEXT_OCTETS] = "";

		CHECK(config_parse_publish(&publish, span_of(texts[i].text)) == 0, "%s",
		      texts[i].text);
		net_address_format(text, &publish.address);
		CHECK(strcmp(text, texts[i].address) == 0, "%s: %s", texts[i].text, text);
		CHECK(publish.host_port == texts[i].host_port && publish.port == texts[i].port,
		      "%s: %u %u", texts[i].text, publish.host_port, publish.port);
	}
}

static void check_full(const struct config *config)
{
	const struct config_env env[] = { { "Z", "1" }, { "A", "${A}" }, { "M", "" } };

	CHECK(strcmp(config->rootfs, "/srv/root") == 0, "%s", config->rootfs);
	CHECK(strcmp(config->working_dir, "/a/b") == 0, "%s", config->working_dir);
	CHECK(strcmp(config->hostname, "h") == 0 && config->user == 0, "%s", config->hostname);
	CHECK(config->cpus == 1.5 && config->memory_mb == 64, "%g", config->cpus);
	CHECK(config->timeout_seconds == 9 && config->processes == 32, "limits");
	CHECK(config->disk_mb == 128 && config->remove, "limits, and no record");
	CHECK(config->degraded_len == 2 && strcmp(config->degraded[1], "timens") == 0, "degraded");
	CHECK(config->env_len == ARRAY_SIZE(env), "%zu", config->env_len);
	for (size_t i = 0; i < ARRAY_SIZE(env) && i < config->env_len; i++)
		CHECK(strcmp(config->env[i].name, env[i].name) == 0 &&
			  strcmp(config->env[i].value, env[i].value) == 0,
		      "%zu: %s", i, config->env[i].name);
}

/* The struct outlives tree and source, the tree given is untouched, and what came out reads the
 * same. */
static void test_full(void)
{
	CLEANUP(config_freep) struct config *config = NULL;
	CLEANUP(config_freep) struct config *again = NULL;
	struct config_source *source = NULL;
	struct diag diag = { 0 };
	char cwd[PATH_MAX];
	json_t *tree = NULL;
	int r = config_load_yaml(&tree, &source, SPAN(full), "i.yaml", &diag);
	json_t *before = json_deep_copy(tree);

	CHECK(getcwd(cwd, sizeof(cwd)) != NULL, "getcwd");
	if (r == 0)
		r = config_read(&config, tree, source, &diag);
	CHECK(r == 0, "%s", diag.why);
	CHECK(json_equal(tree, before), "config_read changed the tree");
	json_decref(before);
	json_decref(tree);
	config_source_free(source);
	if (r < 0)
		return;
	check_full(config);
	check_network(&config->network);
	check_mounts(config, cwd);
	check_shown(config->tree);
	r = config_read(&again, config->tree, NULL, &diag);
	CHECK(r == 0 && json_equal(again->tree, config->tree), "again: %s", diag.why);
}

/* Memory that runs out at the Nth request of jansson, which the loaders use for all they keep. */
static size_t requests_left = SIZE_MAX;

static void *scarce_malloc(size_t octets)
{
	if (requests_left == 0)
		return NULL;
	requests_left--;
	return malloc(octets);
}

static int read_text(const char *text, bool json)
{
	CLEANUP(config_source_freep) struct config_source *source = NULL;
	CLEANUP(config_freep) struct config *config = NULL;
	CLEANUP(json_decrefp) json_t *tree = NULL;
	struct diag diag = { 0 };
	int r =
	    (json ? config_load_json : config_load_yaml)(&tree, &source, span_of(text), "i", &diag);

	if (r == -EINVAL && json)
		return -ENOMEM; /* jansson may blame the token it was at */
	return r < 0 ? r : config_read(&config, tree, source, &diag);
}

static void test_no_memory(void)
{
	static const char json[] =
	    "{\"image\": \"standard\", \"resources\": {\"cpus\": 2, \"memory_mb\": 1024},"
	    " \"vfs\": {\"mounts\": {\"/w\": {\"type\": \"memory\"}}}}";
	const char *const texts[] = { full, json };

	json_set_alloc_funcs(scarce_malloc, free);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		int r = -ENOMEM;

		for (size_t n = 0; n < 10000 && r < 0; n++) {
			requests_left = n;
			r = read_text(texts[i], i == 1);
			CHECK(r == 0 || r == -ENOMEM, "request %zu of text %zu: %d", n, i, r);
		}
		requests_left = SIZE_MAX;
		CHECK(r == 0, "text %zu: %d", i, r);
	}
	json_set_alloc_funcs(malloc, free);
}

int main(void)
{
	test_defaults();
	test_full();
	test_parse_server();
	test_parse_publish();
	test_no_memory();
	return test_failures > 0;
}
