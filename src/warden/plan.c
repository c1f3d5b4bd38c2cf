// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "warden/sandbox_priv.h"

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

int plan_fill(struct jail_plan *plan, const struct config *config, struct diag *diag)
{
	int r = fill_degraded(plan, config, diag);

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

/* same_place() - is @at the folder that @dev and @ino name? */
static bool same_place(int at, const struct stat *place)
{
	struct stat st;

	return fstat(at, &st) == 0 && st.st_dev == place->st_dev && st.st_ino == place->st_ino;
}

/* lies_within() - is the folder open at @dir the one that @place names, or below it? */
static bool lies_within(int dir, const struct stat *place)
{
	CLEANUP_FD int at = fcntl(dir, F_DUPFD_CLOEXEC, 0);

	for (int depth = 0; at >= 0 && depth < 256; depth++) {
		struct stat here, up;
		int parent = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (same_place(at, place))
			return true;
		bool top = parent < 0 || fstat(at, &here) < 0 || fstat(parent, &up) < 0 ||
			   (here.st_dev == up.st_dev && here.st_ino == up.st_ino);
		fd_close(&at);
		at = parent;
		if (top)
			return false;
	}
	return at < 0; /* cannot tell: treat it as exposed */
}

int plan_check_exposure(const struct config *config, int home, struct diag *diag)
{
	for (size_t i = 0; i < config->mounts_len; i++) {
		const struct config_mount *mount = &config->mounts[i];
		struct stat st;

		if (mount->type != CONFIG_MOUNT_DIRECT)
			continue;
		if (stat(mount->host_path, &st) < 0)
			return diag_set(diag, -errno, "cannot share %s: %s", mount->host_path,
					strerror(errno));
		if (S_ISDIR(st.st_mode) && lies_within(home, &st))
			return diag_set(
			    diag, -EPERM,
			    "will not share %s: immure's own state and settings lie in it; share a "
			    "narrower folder",
			    mount->host_path);
	}
	return 0;
}
