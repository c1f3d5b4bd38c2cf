// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: /proc/self/cgroup names our group in each hierarchy, /proc/self/mountinfo
 * where hierarchies are mounted and which group is the root of that mount (not always the topmost:
 * container engines mount their own group's folder). A group is at the mount point plus what
 * follows the mount's root in its name; a group outside of that root cannot be seen, and so cannot
 * be used.
 */
#include "jail/cgroup_priv.h"

const char *const cgroup_controller_names[CGROUP_CONTROLLERS] = { "cpu", "memory", "pids" };

unsigned cgroup_set(struct span list, char sep)
{
	unsigned set = 0;

	while (list.ptr != NULL) {
		struct span word = span_cut(&list, sep);

		if (word.len > 0 && word.ptr[word.len - 1] == '\n')
			word.len--;
		for (unsigned i = 0; i < CGROUP_CONTROLLERS; i++)
			if (span_is(word, cgroup_controller_names[i]))
				set |= 1U << i;
	}
	return set;
}

/* Our group's name in each hierarchy; len 0: none. */
struct names {
	struct span unified;
	struct span v1[CGROUP_CONTROLLERS];
};

static void read_names(struct names *ret, struct span groups)
{
	while (groups.ptr != NULL) {
		struct span name = span_cut(&groups, '\n');
		struct span number = span_cut(&name, ':');
		struct span list = span_cut(&name, ':');

		if (name.len == 0 || name.ptr[0] != '/')
			continue;
		if (span_is(number, "0") && list.len == 0)
			ret->unified = name;
		unsigned set = cgroup_set(list, ',');
		for (unsigned i = 0; i < CGROUP_CONTROLLERS; i++)
			if ((set & 1U << i) != 0)
				ret->v1[i] = name;
	}
}

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* unescape() - undo "\040" and the like. Return: octets in @ret; SIZE_MAX: no room. */
static size_t unescape(char *ret, size_t size, struct span text)
{
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++) {
		const char *p = text.ptr + i;

		if (len + 1 >= size)
			return SIZE_MAX;
		if (*p == '\\' && text.len - i > 3 && is_octal(p[1]) && is_octal(p[2]) &&
		    is_octal(p[3])) {
			ret[len++] = (char)((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0'));
			i += 3;
		} else {
			ret[len++] = *p;
		}
	}
	ret[len] = '\0';
	return len;
}

/* climbs() - is there a ".." in @path? A group above our namespace's root is shown so. */
static bool climbs(struct span path)
{
	while (path.ptr != NULL)
		if (span_is(span_cut(&path, '/'), ".."))
			return true;
	return false;
}

/* One mount of a hierarchy, its texts still escaped. */
struct mount {
	struct span root, point, type, options;
};

static bool read_mount(struct mount *ret, struct span line)
{
	struct span field[6];

	for (size_t i = 0; i < ARRAY_SIZE(field); i++)
		field[i] = span_cut(&line, ' ');
	while (line.ptr != NULL && !span_is(span_cut(&line, ' '), "-"))
		; /* optional fields */
	*ret = (struct mount){ .root = field[3], .point = field[4], .type = span_cut(&line, ' ') };
	(void)span_cut(&line, ' '); /* source */
	ret->options = line;
	return ret->options.ptr != NULL;
}

/* locate() - where the group @name is below @mount. @ret stays empty if it is not there. */
static void locate(char *ret, bool *ret_top, const struct mount *mount, struct span name)
{
	char root[CGROUP_PATH_OCTETS];
	size_t root_len = unescape(root, sizeof(root), mount->root);
	size_t len = 0;

	if (root_len == SIZE_MAX || climbs(name) || ret[0] != '\0')
		return;
	if (root_len == 1)
		root_len = 0; /* "/": each name is below it */
	if (name.len < root_len || memcmp(name.ptr, root, root_len) != 0)
		return;
	name = span_drop(name, root_len);
	if (name.len > 0 && name.ptr[0] != '/')
		return;
	if (span_is(name, "/"))
		name.len = 0;
	len = unescape(ret, CGROUP_PATH_OCTETS, mount->point);
	if (len == SIZE_MAX || len + name.len >= CGROUP_PATH_OCTETS) {
		ret[0] = '\0';
		return;
	}
	if (name.len > 0)
		memcpy(ret + len, name.ptr, name.len);
	ret[len + name.len] = '\0';
	*ret_top = name.len == 0;
}

void cgroup_find(struct cgroup_map *ret, struct span groups, struct span mounts)
{
	struct names names = { 0 };
	bool top = false;

	ret->unified[0] = '\0';
	ret->unified_top = false;
	for (unsigned i = 0; i < CGROUP_CONTROLLERS; i++)
		ret->v1[i][0] = '\0';
	read_names(&names, groups);
	while (mounts.ptr != NULL) {
		struct mount mount;

		if (!read_mount(&mount, span_cut(&mounts, '\n')))
			continue;
		if (span_is(mount.type, "cgroup2") && names.unified.len > 0)
			locate(ret->unified, &ret->unified_top, &mount, names.unified);
		unsigned set = span_is(mount.type, "cgroup") ? cgroup_set(mount.options, ',') : 0;
		for (unsigned i = 0; i < CGROUP_CONTROLLERS; i++)
			if ((set & 1U << i) != 0 && names.v1[i].len > 0)
				locate(ret->v1[i], &top, &mount, names.v1[i]);
	}
}
