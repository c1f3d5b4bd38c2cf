// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: the home is found by name once, and is a descriptor from then on. It must be
 * ours and writable by nobody else, or another user could put folders there that we would believe;
 * so a wrong one is refused rather than repaired. The user database is read without the name
 * service switch, which a static executable does not have.
 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "warden/state_priv.h"

static const char remedy[] = "set IMMURE_HOME to a folder of yours";

/* home_of_user() - the home folder in /etc/passwd. Return: 0 or -ENOENT. */
static int home_of_user(char *ret, size_t size)
{
	FILE *database = fopen("/etc/passwd", "re");
	struct passwd entry, *found = NULL;
	char text[4096];
	int r = -ENOENT;

	if (database == NULL)
		return -ENOENT;
	while (r < 0 && fgetpwent_r(database, &entry, text, sizeof(text), &found) == 0) {
		if (entry.pw_uid != geteuid() || entry.pw_dir[0] != '/')
			continue;
		(void)snprintf(ret, size, "%s", entry.pw_dir);
		r = 0;
	}
	(void)fclose(database);
	return r;
}

/* home_parent() - where ".immure" goes: $HOME, else what the user database says. */
static int home_parent(char *ret, size_t size, struct diag *diag)
{
	const char *home = secure_getenv("HOME");

	if (home != NULL && home[0] == '/') {
		if ((size_t)snprintf(ret, size, "%s", home) >= size)
			return diag_set(diag, -ENAMETOOLONG, "HOME is too long: %s", remedy);
		return 0;
	}
	if (home_of_user(ret, size) < 0)
		return diag_set(diag, -ENOENT, "neither HOME nor /etc/passwd names your home: %s",
				remedy);
	return 0;
}

int state_home_path(char *ret, size_t size, struct diag *diag)
{
	const char *own = secure_getenv("IMMURE_HOME");
	const char *name = "";
	char path[STATE_HOME_OCTETS] = "";

	if (own != NULL && own[0] != '\0') {
		if (own[0] != '/')
			return diag_set(diag, -EINVAL, "IMMURE_HOME must be an absolute path");
		if ((size_t)snprintf(path, sizeof(path), "%s", own) >= sizeof(path))
			return diag_set(diag, -ENAMETOOLONG, "IMMURE_HOME is too long");
	} else {
		int r = home_parent(path, sizeof(path), diag);

		if (r < 0)
			return r;
		name = "/.immure";
	}
	/* with a slash at the end, open() would follow a link all the same */
	for (size_t len = strlen(path); len > 0 && path[len - 1] == '/'; len--)
		path[len - 1] = '\0';
	if (path[0] == '\0' && name[0] == '\0')
		return diag_set(diag, -EINVAL, "IMMURE_HOME must not be the root folder");
	if (strlen(path) + strlen(name) >= size)
		return diag_set(diag, -ENAMETOOLONG, "the state folder's path is too long: %s",
				remedy);
	(void)snprintf(ret, size, "%s%s", path, name);
	return 0;
}

/* home_judge() - is @home ours alone to write? */
static int home_judge(int home, const char *path, struct diag *diag)
{
	struct stat st;

	if (fstat(home, &st) < 0)
		return diag_set(diag, -errno, "%s: %s", path, strerrordesc_np(errno));
	if (st.st_uid != geteuid())
		return diag_set(diag, -EPERM, "%s belongs to user id %u, and you are %u: %s", path,
				(unsigned)st.st_uid, (unsigned)geteuid(), remedy);
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return diag_set(diag, -EPERM, "%s can be written by others: chmod go-w it, or %s",
				path, remedy);
	return 0;
}

int state_home(int *ret, struct diag *diag)
{
	char path[STATE_HOME_OCTETS];
	CLEANUP_FD int home = -1;
	int r = state_home_path(path, sizeof(path), diag);

	if (r < 0)
		return r;
	r = state_files_folder(&home, AT_FDCWD, path);
	if (r == -ENOENT && (mkdir(path, 0700) == 0 || errno == EEXIST))
		r = state_files_folder(&home, AT_FDCWD, path);
	else if (r == -ENOENT)
		r = -errno;
	if (r == -ELOOP || r == -ENOTDIR)
		return diag_set(diag, r, "%s is not a folder (links are not followed): %s", path,
				remedy);
	if (r < 0)
		return diag_set(diag, r, "cannot open or make %s: %s: %s", path,
				strerrordesc_np(-r), remedy);
	r = home_judge(home, path, diag);
	if (r == 0)
		*ret = fd_take(&home);
	return r;
}
