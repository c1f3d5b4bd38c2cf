// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: config_judge.c has the last word on what a tree may hold; here its answer,
 * which holds no surprise any more, is only laid out as a struct. All texts borrow from the tree
 * that the struct owns.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "config/config_priv.h"

/* tree_get() - the value at a dotted key, or NULL */
static json_t *tree_get(json_t *tree, const char *key)
{
	struct span rest = span_of(key);

	while (tree != NULL && rest.ptr != NULL) {
		struct span part = span_cut(&rest, '.');

		tree = json_object_getn(tree, part.ptr, part.len);
	}
	return tree;
}

/* store() - one value in the member of struct config that its row names */
static void store(struct config *config, const struct config_row *row, const json_t *value)
{
	void *member = (char *)config + row->offset;
	const char *text = json_string_value(value);
	double number = json_number_value(value);
	int64_t whole = json_integer_value(value);
	bool yes = json_is_true(value);

	if (text != NULL)
		memcpy(member, &text, sizeof(text));
	else if (row->kind == CONFIG_BOOL)
		memcpy(member, &yes, sizeof(yes));
	else if (row->kind == CONFIG_NUMBER)
		memcpy(member, &number, sizeof(number));
	else
		memcpy(member, &whole,
		       sizeof(whole)); /* int64_t and uint64_t alike: none is negative */
}

static void fill_mounts(struct config *config, const char *key, enum config_mount_type type)
{
	const char *path = NULL;
	json_t *mount = NULL;

	json_object_foreach(tree_get(config->tree, key), path, mount)
	{
		assert(config->mounts_len < CONFIG_MOUNTS_MAX);
		config->mounts[config->mounts_len++] = (struct config_mount){
			.type = type,
			.path = path,
			.host_path = json_string_value(json_object_get(mount, "host_path")),
			.readonly = json_is_true(json_object_get(mount, "readonly")),
			.size_mb = (uint64_t)json_integer_value(json_object_get(mount, "size_mb")),
		};
	}
}

static int compare_mounts(const void *a, const void *b)
{
	return strcmp(((const struct config_mount *)a)->path,
		      ((const struct config_mount *)b)->path);
}

static void fill_lists(struct config *config)
{
	const json_t *degraded = tree_get(config->tree, "allow_degraded");
	const char *name = NULL;
	json_t *value = NULL;

	json_object_foreach(tree_get(config->tree, "env"), name, value)
	{
		assert(config->env_len < CONFIG_ENV_MAX);
		config->env[config->env_len++] =
		    (struct config_env){ name, json_string_value(value) };
	}
	for (size_t i = 0; i < json_array_size(degraded); i++) {
		assert(config->degraded_len < CONFIG_DEGRADED_MAX);
		config->degraded[config->degraded_len++] =
		    json_string_value(json_array_get(degraded, i));
	}
}

/* fill() - @given: the tree as it came, with what is not to be shown */
static int fill(struct config *config, json_t *given)
{
	for (size_t i = 0; i < config_rows_len; i++) {
		const json_t *value = tree_get(config->tree, config_rows[i].key);

		if (config_rows[i].offset > 0 && value != NULL)
			store(config, &config_rows[i], value);
	}
	fill_mounts(config, "vfs.direct_mounts", CONFIG_MOUNT_DIRECT);
	fill_mounts(config, "vfs.mounts", CONFIG_MOUNT_MEMORY);
	qsort(config->mounts, config->mounts_len, sizeof(config->mounts[0]), compare_mounts);
	fill_lists(config);
	int r = config_network_fill(&config->network, tree_get(config->tree, "network"));
	if (r == 0)
		r = config_secrets_fill(&config->network, tree_get(given, "network.secrets"),
					tree_get(config->tree, "network.secrets"));
	return r < 0 ? r
		     : config_proxy_fill(&config->network, tree_get(given, "network.proxy"),
					 tree_get(config->tree, "network"));
}

int config_read(struct config **ret, json_t *tree, const struct config_source *source,
		struct diag *diag)
{
	struct config *config = calloc(1, sizeof(*config));
	json_t *given = tree != NULL ? json_incref(tree) : json_object();
	int r = config != NULL && given != NULL ? 0 : -ENOMEM;

	if (r == 0) {
		config->image = "standard";
		config->working_dir = "/tmp/workspace";
		config->hostname = "immure";
		config->mode = "enforce";
		config->user = 1000;
		config->processes = 4096;
		config->network.block_private_ips = true;
		r = config_judge_tree(&config->tree, given, source, diag);
	}
	if (r == 0)
		r = fill(config, given);
	if (r == 0)
		config->network.judged =
		    config->policy != NULL || strcmp(config->mode, "enforce") != 0;
	json_decref(given);
	if (r < 0) {
		config_free(config);
		return diag->why[0] == '\0' ? diag_set(diag, r, "out of memory") : r;
	}
	*ret = config;
	return 0;
}

void config_free(struct config *config)
{
	if (config == NULL)
		return;
	config_network_free(&config->network);
	json_decref(config->tree);
	free(config->file);
	free(config);
}

/* tree_enter() - the object at @part of @tree, made if it is not there; NULL: no object, or no
 * memory */
static json_t *tree_enter(json_t *tree, struct span part, int *ret_error)
{
	json_t *below = json_object_getn(tree, part.ptr, part.len);

	*ret_error =
	    json_is_object(tree) && (below == NULL || json_is_object(below)) ? -ENOMEM : -EINVAL;
	if (below != NULL)
		return json_is_object(below) ? below : NULL;
	below = json_object();
	/* consumes below, also on failure */
	return json_object_setn_new(tree, part.ptr, part.len, below) == 0 ? below : NULL;
}

int config_set(json_t *tree, const char *key, const char *name, json_t *value)
{
	struct span rest = span_of(key);
	struct span part = span_cut(&rest, '.');
	int error = -ENOMEM;

	while (tree != NULL && value != NULL && rest.ptr != NULL) {
		tree = tree_enter(tree, part, &error);
		part = span_cut(&rest, '.');
	}
	if (tree != NULL && value != NULL && name != NULL) {
		tree = tree_enter(tree, part, &error);
		part = span_of(name);
	}
	if (tree == NULL || value == NULL || !json_is_object(tree)) {
		json_decref(value);
		return value == NULL ? -ENOMEM : tree == NULL ? error : -EINVAL;
	}
	return json_object_setn_new(tree, part.ptr, part.len, value) == 0 ? 0 : -ENOMEM;
}
