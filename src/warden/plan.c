// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "warden/policy_asker.h"
#include "warden/sandbox_priv.h"
#include "warden/sibling.h"
#include "warden/trust.h"
#include "warden/upstream.h"

/* store() - a text of the settings in the plan; 0 with *@r set when it does not fit */
static jail_text store(struct jail_plan *plan, const char *text, int *r)
{
	jail_text at = text == NULL ? 0 : jail_plan_text(plan, text);

	if (text != NULL && at == 0)
		*r = -E2BIG;
	return at;
}

static void fill_mount(struct jail_plan *plan, const struct config_mount *mount, int *r)
{
	plan->mounts[plan->mounts_len++] = (struct jail_mount){
		.type = mount->type == CONFIG_MOUNT_DIRECT ? JAIL_MOUNT_BIND : JAIL_MOUNT_TMPFS,
		.path = store(plan, mount->path, r),
		.source = store(plan, mount->host_path, r),
		.readonly = mount->readonly,
		.size_mb = mount->size_mb,
	};
}

/* fill_degraded() - the names of waived walls as bits */
static int fill_degraded(struct jail_plan *plan, const struct config *config, struct diag *diag)
{
	for (size_t i = 0; i < config->degraded_len; i++) {
		enum jail_wall wall = jail_wall_by_name(span_of(config->degraded[i]));

		if (wall == WALL_COUNT)
			return diag_set(
			    diag, -EINVAL,
			    "allow_degraded: there is no wall '%s'; 'immure doctor' lists them",
			    config->degraded[i]);
		plan->degraded |= 1ULL << wall;
	}
	return 0;
}

/*
 * judge_sources() - is there what the settings name of the host? The builder opens it and has the last
 * word, but it knows no settings, and so could not say which one is wrong.
 */
static int judge_sources(const struct config *config, struct diag *diag)
{
	struct stat st;

	if (config->rootfs != NULL && stat(config->rootfs, &st) < 0)
		return diag_set(diag, -errno, "rootfs: %s: %s", config->rootfs, strerror(errno));
	if (config->rootfs != NULL && !S_ISDIR(st.st_mode))
		return diag_set(diag, -ENOTDIR, "rootfs: %s is no folder", config->rootfs);
	if (config->network.ca_file != NULL) {
		CLEANUP_FD int roots = upstream_open(config->network.ca_file, diag);

		if (roots < 0)
			return roots;
	}
	int r = config->policy != NULL ? policy_asker_check(config, diag) : 0;
	for (size_t i = 0; r == 0 && i < config->mounts_len; i++) {
		const struct config_mount *mount = &config->mounts[i];

		if (mount->host_path != NULL && stat(mount->host_path, &st) < 0)
			return diag_set(diag, -errno, "vfs.direct_mounts.%s.host_path: %s: %s",
					mount->path, mount->host_path, strerror(errno));
	}
	return r;
}

int plan_fill(struct jail_plan *plan, const struct config *config, struct diag *diag)
{
	int r = fill_degraded(plan, config, diag);

	if (r == 0)
		r = judge_sources(config, diag);
	if (r < 0)
		return r;
	plan->user = (uid_t)config->user;
	plan->rootfs = store(plan, config->rootfs, &r);
	plan->hostname = store(plan, config->hostname, &r);
	plan->disk_mb = config->disk_mb;
	plan->processes = config->processes;
	_Static_assert((int)CONFIG_MOUNTS_MAX <= (int)JAIL_MOUNTS_MAX, "a plan holds all mounts");
	for (size_t i = 0; i < config->mounts_len; i++)
		fill_mount(plan, &config->mounts[i], &r);
	return r < 0 ? diag_set(diag, r, "too many or too long paths for one sandbox") : 0;
}

/* add_places() - @fd (consumed) and every folder above it, below @max. Return: how many; -errno. */
static int add_places(struct jail_place *places, int max, int fd)
{
	CLEANUP_FD int at = fd;
	struct stat st;

	for (int len = 0; at >= 0 && len < max; len++) {
		if (fstat(at, &st) < 0)
			return -errno;
		places[len] = (struct jail_place){ .dev = st.st_dev, .ino = st.st_ino };
		if (len > 0 && places[len].dev == places[len - 1].dev &&
		    places[len].ino == places[len - 1].ino)
			return len; /* the root is its own parent */
		int parent = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		fd_close(&at);
		at = parent;
	}
	return at < 0 ? -errno : -ELOOP;
}

/* guard_file() - @path itself and the folders above it. Return: 0 or -errno. */
static int guard_file(struct jail_plan *plan, const char *path)
{
	char folder[4096];
	struct stat st;
	const char *slash = strrchr(path, '/');
	uint32_t at = plan->settings_len;

	if (lstat(path, &st) < 0)
		return -errno;
	snprintf(folder, sizeof(folder), "%.*s", slash == NULL ? 1 : (int)(slash - path) + 1,
		 slash == NULL ? "." : path);
	int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int r = add_places(plan->settings + at, JAIL_PLACES_MAX / 2, fd);
	if (r < 0)
		return r;
	/* one place is always left: the root was counted once and found twice */
	plan->settings[at + (uint32_t)r] =
	    (struct jail_place){ .dev = st.st_dev, .ino = st.st_ino };
	plan->settings_len = at + (uint32_t)r + 1;
	return 0;
}

/* guard_settings() - the --config file by the name it was given, and where that leads */
static int guard_settings(struct jail_plan *plan, const char *file)
{
	char *target = realpath(file, NULL);
	int r = target == NULL ? -errno : guard_file(plan, file);

	if (r == 0)
		r = guard_file(plan, target);
	free(target);
	return r;
}

/* in_system() - does the state lie in a folder that every sandbox sees? */
static bool in_system(const struct jail_plan *plan)
{
	static const char *const folders[] = { "/usr", "/opt", "/nix" };
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		if (stat(folders[i], &st) < 0)
			continue;
		for (uint32_t k = 0; k < plan->state_len; k++)
			if (plan->state[k].dev == st.st_dev && plan->state[k].ino == st.st_ino)
				return true;
	}
	return false;
}

int plan_trust(struct jail_plan *plan, const struct config *config, int home, struct diag *diag)
{
	struct trust trust = { 0 };

	if (!config_network_allows(&config->network))
		return 0;
	int r = trust_read(&trust, home, diag);
	if (r < 0)
		return r;
	plan->trust = store(plan, trust.certificate, &r);
	plan->trust_hash = store(plan, trust.hash, &r);
	plan->trust_nss = store(plan, trust.nss, &r);
	trust_free(&trust);
	return r < 0 ? diag_set(diag, r, "too many or too long paths for one sandbox") : 0;
}

static bool shares_for_writing(const struct config *config)
{
	for (size_t i = 0; i < config->mounts_len; i++)
		if (config->mounts[i].type == CONFIG_MOUNT_DIRECT && !config->mounts[i].readonly)
			return true;
	return false;
}

/* guard_programs() - what is started later, as who started us. Return: 0 or -errno. */
static int guard_programs(struct jail_plan *plan)
{
	_Static_assert((int)JAIL_PROGRAM_FOLDERS_MAX == (int)SIBLING_FOLDERS, "a plan holds all");
	for (int i = 0; i < SIBLING_FOLDERS; i++) {
		int fd = sibling_folder(i);
		uint32_t at = plan->programs_len;

		if (fd == -ENOENT)
			continue;
		if (fd < 0)
			return fd;
		int r = add_places(plan->programs + at, JAIL_PLACES_MAX / SIBLING_FOLDERS, fd);
		if (r < 0)
			return r;
		plan->programs_len = at + (uint32_t)r;
		plan->program_folders[plan->program_folders_len++] = plan->programs[at];
	}
	return 0;
}

int plan_guard(struct jail_plan *plan, const struct config *config, int home, struct diag *diag)
{
	int r = add_places(plan->state, JAIL_PLACES_MAX,
			   openat(home, ".", O_PATH | O_DIRECTORY | O_CLOEXEC));

	if (r < 0)
		return diag_set(diag, r, "cannot tell where immure's state lies: %s", strerror(-r));
	plan->state_len = (uint32_t)r;
	if (in_system(plan))
		return diag_set(
		    diag, -EPERM,
		    "immure's state lies in a system folder, which every sandbox sees: set "
		    "IMMURE_HOME to another place");
	r = shares_for_writing(config) ? guard_programs(plan) : 0;
	if (r < 0)
		return diag_set(diag, r, "cannot tell where immure's programs lie: %s",
				strerror(-r));
	const char *const files[] = { config->file, config->policy };
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		r = files[i] != NULL ? guard_settings(plan, files[i]) : 0;
		if (r < 0)
			return diag_set(diag, r, "cannot guard %s: %s", files[i], strerror(-r));
	}
	return 0;
}
