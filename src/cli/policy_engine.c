// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/policy.h"
#include "policy/texts.h"

int policy_read(struct buf *ret, const char *path, struct diag *diag)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t got = fd < 0 ? -1 : 1;

	while (got > 0) {
		enum { ROOM = 16384 };
		char *room = NULL;

		if (buf_reserve(&room, ret, ROOM) < 0)
			return diag_set(diag, -EFBIG, "%s: it is larger than %d octets", path,
					POLICY_FILE_OCTETS_MAX);
		got = read(fd, room, ROOM);
		if (got > 0)
			buf_commit(ret, (size_t)got);
	}
	return got < 0 ? diag_set(diag, -errno, "%s: %s", path, strerrordesc_np(errno)) : 0;
}

int policy_blame(struct diag *diag, int r, const char *name, const struct rego_error *error)
{
	const char *file = error->file[0] != '\0' ? error->file : name;
	const char *why = error->why[0] != '\0' ? error->why : strerrordesc_np(-r);

	if (error->line > 0 && error->column > 0)
		return diag_set(diag, r, "%s:%u:%u: %s", file, error->line, error->column, why);
	if (error->line > 0)
		return diag_set(diag, r, "%s:%u: %s", file, error->line, why);
	return diag_set(diag, r, "%s: %s", file, why);
}

int policy_add(struct rego *rego, const char *name, struct span text, struct rego_error *error,
	       struct diag *diag)
{
	int r = rego_add_module(rego, name, strlen(name), text.ptr != NULL ? text.ptr : "",
				text.len, error);

	return r == 0 ? 0 : policy_blame(diag, r, name, error);
}

int policy_add_file(struct rego *rego, const char *path, struct rego_error *error,
		    struct diag *diag)
{
	CLEANUP_BUF struct buf text = BUF(POLICY_FILE_OCTETS_MAX + 16384);
	int r = policy_read(&text, path, diag);

	if (r < 0)
		(void)snprintf(error->why, sizeof(error->why), "%s", strerrordesc_np(-r));
	return r == 0 ? policy_add(rego, path, buf_span(&text), error, diag) : r;
}

int policy_engine(struct rego **ret, struct diag *diag)
{
	struct rego_error error = { 0 };
	struct rego *rego = NULL;
	int r = rego_new(&rego, NULL);

	if (r < 0)
		return diag_set(diag, r, "out of memory");
	for (size_t i = 0; r == 0 && i < policy_texts_len; i++)
		if (policy_text_is_library(&policy_texts[i]))
			r = policy_add(
			    rego, policy_texts[i].name,
			    (struct span){ policy_texts[i].text, policy_texts[i].octets }, &error,
			    diag);
	if (r < 0) {
		rego_free(rego);
		return r;
	}
	*ret = rego;
	return 0;
}

const struct policy_text *policy_shipped(const char *name)
{
	char path[128];

	if (strcmp(name, "default") == 0)
		return policy_text_find(POLICY_TEXT_DEFAULT);
	(void)snprintf(path, sizeof(path), "templates/%s.rego", name);
	return policy_text_find(path);
}
