// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: files are read here, where they are, and parsed in immure-judge, where a fault of the
 * parser reaches nothing. The copy is sealed: the files may lie where the sandbox's programs can write.
 */
#include "warden/policy_load.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "audit/sha256.h"
#include "base/fd.h"
#include "warden/egress_text.h"
#include "warden/sibling.h"
#include "wire/judge.h"

enum { CHECK_MS = 10000 };

#define HASH_PREFIX "sha256:"

/* What is being made. */
struct load {
	int fd;
	SHA256_CTX hash;
	size_t octets;
};

static bool ends_in(const char *name, const char *end)
{
	size_t len = strlen(name), end_len = strlen(end);

	return len > end_len && strcmp(name + len - end_len, end) == 0;
}

static int write_some(struct load *load, struct span octets)
{
	load->octets += octets.len;
	if (load->octets > JUDGE_LOAD_OCTETS_MAX)
		return -EFBIG;
	if (octets.len > 0)
		(void)SHA256_Update(&load->hash, octets.ptr, octets.len);
	return fd_write_all(load->fd, octets);
}

static int write_part(struct load *load, const struct judge_part *part)
{
	char head[JUDGE_PART_HEAD_OCTETS];
	int r = judge_part_head(head, part);

	if (r == 0)
		r = write_some(load, (struct span){ head, sizeof(head) });
	if (r == 0)
		r = write_some(load, part->name);
	return r == 0 ? write_some(load, part->octets) : r;
}

/* add_file() - @name beneath @dir, called @shown in errors. Return: 0; -errno with *diag */
static int add_file(struct load *load, enum judge_part_kind kind, int dir, const char *name,
		    const char *shown, struct diag *diag)
{
	char *octets = NULL;
	size_t len = 0;
	int r = fd_read_file(&octets, &len, dir, name, JUDGE_PART_OCTETS_MAX);

	if (r == 0) {
		const struct judge_part part = { kind, span_of(shown), { octets, len } };

		r = write_part(load, &part);
	}
	free(octets);
	return r == 0 ? 0
		      : diag_set(diag, r, "policy: %s: %s", shown,
				 r == -EFBIG ? "larger than 64 MiB" : strerrordesc_np(-r));
}

static int is_module(const struct dirent *entry)
{
	return ends_in(entry->d_name, ".rego") && !ends_in(entry->d_name, "_test.rego");
}

/* add_modules() - of the folder @dir, by name. Return: 0; -errno with *diag */
static int add_modules(struct load *load, int dir, const char *path, struct diag *diag)
{
	struct dirent **entries = NULL;
	int len = scandirat(dir, ".", &entries, is_module, alphasort), r = 0;

	if (len < 0)
		return diag_set(diag, -errno, "policy: %s: %s", path, strerrordesc_np(errno));
	if (len == 0)
		r = diag_set(diag, -ENOENT, "policy: %s has no .rego file", path);
	else if (len > POLICY_LOAD_FILES_MAX)
		r = diag_set(diag, -EFBIG, "policy: %s has more than %d files", path,
			     POLICY_LOAD_FILES_MAX);
	for (int i = 0; i < len; i++) {
		const char *name = entries[i]->d_name;

		if (r == 0)
			r = add_file(load, JUDGE_MODULE, dir, name, name, diag);
		free(entries[i]);
	}
	free(entries);
	return r;
}

static int add_folder(struct load *load, const char *path, struct diag *diag)
{
	CLEANUP_FD int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return diag_set(diag, -errno, "policy: %s: %s", path, strerrordesc_np(errno));
	int r = add_modules(load, dir, path, diag);
	if (r == 0 && faccessat(dir, "data.json", F_OK, 0) == 0)
		r = add_file(load, JUDGE_DATA, dir, "data.json", "data.json", diag);
	return r;
}

static int add_path(struct load *load, const char *path, struct diag *diag)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;
	struct stat st;

	if (stat(path, &st) < 0)
		return diag_set(diag, -errno, "policy: %s: %s", path, strerrordesc_np(errno));
	if (S_ISDIR(st.st_mode))
		return add_folder(load, path, diag);
	if (!S_ISREG(st.st_mode))
		return diag_set(diag, -EINVAL, "policy: %s is no regular file", path);
	if (ends_in(path, ".rego"))
		return add_file(load, JUDGE_MODULE, AT_FDCWD, path, name, diag);
	if (ends_in(path, ".tar.gz") || ends_in(path, ".tgz"))
		return add_file(load, JUDGE_BUNDLE, AT_FDCWD, path, name, diag);
	return diag_set(diag, -EINVAL,
			"policy: %s is neither .rego, a folder of them, nor a bundle (.tar.gz)",
			path);
}

static int seal(struct load *load)
{
	const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

	return lseek(load->fd, 0, SEEK_SET) < 0 || fcntl(load->fd, F_ADD_SEALS, seals) < 0 ? -errno
											   : 0;
}

static void put_hash(char ret[POLICY_LOAD_HASH_OCTETS], struct load *load)
{
	uint8_t hash[AUDIT_HASH_OCTETS];
	char *at = ret + sizeof(HASH_PREFIX) - 1;

	(void)SHA256_Final(hash, &load->hash);
	memcpy(ret, HASH_PREFIX, sizeof(HASH_PREFIX));
	for (size_t i = 0; i < sizeof(hash); i++, at += 2)
		(void)snprintf(at, 3, "%02x", hash[i]);
}

int policy_load(char ret_hash[POLICY_LOAD_HASH_OCTETS], const char *path, struct span data,
		struct diag *diag)
{
	const struct judge_part settings = { JUDGE_DATA, SPAN("settings"), data };
	struct load load = { .fd = memfd_create("immure-policy", MFD_CLOEXEC | MFD_ALLOW_SEALING) };
	CLEANUP_FD int fd = load.fd;

	if (fd < 0)
		return diag_set(diag, -errno, "policy: no memory for it: %s",
				strerrordesc_np(errno));
	(void)SHA256_Init(&load.hash);
	int r = add_path(&load, path, diag);
	if (r < 0)
		return r;
	r = data.len > 0 ? write_part(&load, &settings) : 0;
	if (r == 0)
		r = seal(&load);
	if (r < 0)
		return diag_set(diag, r, "policy: %s: %s", path, strerrordesc_np(-r));
	put_hash(ret_hash, &load);
	return fd_take(&fd);
}

/* hear() - what it has to say before it ends. Return: 0; -ETIMEDOUT; -errno */
static int hear(char *ret, size_t size, int channel)
{
	struct pollfd one = { .fd = channel, .events = POLLIN };
	int fds[FD_PASS_MAX];
	size_t len = 0, count = 0;
	char text[DIAG_OCTETS];

	int n = 0;
	do
		n = poll(&one, 1, CHECK_MS);
	while (n < 0 && errno == EINTR); /* stopped and continued */
	if (n <= 0)
		return n < 0 ? -errno : -ETIMEDOUT;
	int r = fd_recv(&len, channel, text, sizeof(text), fds, &count);
	for (size_t i = 0; r == 0 && i < count; i++)
		fd_close(&fds[i]);
	egress_text(ret, size, (struct span){ text, r == 0 ? len : 0 });
	return 0;
}

/* end_of() - Return: did it end well? */
static bool end_of(pid_t pid, bool late)
{
	int status = 0;

	if (late)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int policy_load_check(int load, struct diag *diag)
{
	char why[DIAG_OCTETS] = "";
	pid_t pid = 0;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return diag_set(diag, -errno, "policy: %s", strerrordesc_np(errno));
	CLEANUP_FD int ours = pair[0];
	const int fds[] = { pair[1], load };
	int r = sibling_start(&pid, JUDGE_PROGRAM, JUDGE_CHECK, fds, ARRAY_SIZE(fds));
	fd_close(&pair[1]);
	if (r < 0)
		return diag_set(diag, r,
				"policy: immure-judge cannot be started: %s; it belongs beside "
				"immure or into ../libexec/immure",
				strerrordesc_np(-r));
	r = hear(why, sizeof(why), ours);
	if (end_of(pid, r < 0))
		return 0;
	if (why[0] == '\0')
		snprintf(why, sizeof(why), "%s",
			 r == -ETIMEDOUT ? "it takes too long to load" : "the engine broke on it");
	return diag_set(diag, -EINVAL, "policy: %s", why);
}
