// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: what the programs trust is the roots they trusted anyway and the certificate
 * of the plan, in files of our own. The bundle covers those of the distribution, for programs that
 * are told nothing; others find it by their environment (warden/environment.c). OpenSSL also looks
 * into a folder, in which a link is named by the hash of the subject it leads to.
 *
 * Roots are public, so only a file that everybody may read is taken for them: in a --rootfs a link
 * could lead to one which the builder may read and the program may not.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "jail/builder_priv.h"
#include "jail/builder_trust_priv.h"

#define FOLDER "/etc/ssl/certs"

enum {
	ROOTS_OCTETS_MAX = 4 << 20, /* Mozilla's have 220 KiB */
	LINKS_MAX = 10,             /* of one hash */
};

/* Where distributions keep their bundle. Those that are links lead to another of these. */
static const char *const bundles[] = {
	"etc/ssl/certs/ca-certificates.crt",                /* Debian, Alpine, Arch */
	"etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", /* Fedora */
	"etc/pki/tls/certs/ca-bundle.crt",                  /* older ones of the same kin */
	"etc/ssl/ca-bundle.pem",                            /* SUSE */
	"etc/ssl/cert.pem",                                 /* Alpine */
};

/* open_in() - as the program would: links lead to what they do inside. Descriptor or -errno. */
static int open_in(int root, const char *path)
{
	struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	long fd = syscall(SYS_openat2, root, path, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

int builder_trust_read(char **ret, size_t *ret_len, int root, const char *path)
{
	CLEANUP_FD int fd = open_in(root, path);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (st.st_mode & S_IROTH) == 0 ||
	    st.st_size > ROOTS_OCTETS_MAX)
		return -ENOENT;
	size_t size = (size_t)st.st_size, len = 0;
	char *text = malloc(size + 1);
	if (text == NULL)
		return -ENOMEM;
	if (fd_read_full(&len, fd, text, size) < 0) {
		free(text);
		return -ENOENT;
	}
	*ret = text;
	*ret_len = len;
	return 0;
}

/*
 * find_roots() - what the root has; else, as with a bundle in the host's /var, what the host has.
 * None at all is fine: then ours is all there is. Return: 0; -ENOMEM.
 */
static int find_roots(struct builder *b, char **ret, size_t *ret_len)
{
	const int roots[] = { b->root, b->host };

	for (size_t k = 0; k < ARRAY_SIZE(roots); k++)
		for (size_t i = 0; i < ARRAY_SIZE(bundles); i++) {
			int r = builder_trust_read(ret, ret_len, roots[k], bundles[i]);

			if (r != -ENOENT)
				return r;
		}
	return 0;
}

/* make_bundle() - the roots, then @certificate, one below the other. @ret: what it holds, owned. */
static int make_bundle(struct builder *b, char **ret, size_t *ret_len, struct span certificate)
{
	char *text = NULL, *larger = NULL;
	size_t len = 0;
	int r = find_roots(b, &text, &len);

	if (r == 0)
		larger = realloc(text, len + 1 + certificate.len);
	if (larger == NULL) {
		free(text);
		return builder_step(b, r < 0 ? r : -ENOMEM, "make %s", JAIL_TRUST_BUNDLE);
	}
	text = larger;
	if (len > 0 && text[len - 1] != '\n')
		text[len++] = '\n';
	memcpy(text + len, certificate.ptr, certificate.len);
	*ret = text;
	*ret_len = len + certificate.len;
	r = tree_file(b, JAIL_TRUST_BUNDLE, (struct span){ text, *ret_len });
	return r < 0 ? builder_step(b, r, "make %s", JAIL_TRUST_BUNDLE) : 0;
}

bool builder_trust_has(struct builder *b, const char *path)
{
	CLEANUP_FD int fd = tree_open(b, path);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

int builder_trust_cover(struct builder *b, const char *ours, const char *path)
{
	if (!builder_trust_has(b, path))
		return 0;
	CLEANUP_FD int tree = tree_clone(b->root, &ours[1], false);
	int r = tree < 0 ? tree : tree_attach(b, tree, path, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID);
	return r < 0 ? builder_step(b, r, "cover /%s", path) : 0;
}

/* add_link() - to our certificate, in the folder of them, if there is one */
static int add_link(struct builder *b, const char *hash)
{
	static char point[] = FOLDER "/new"; /* it stays, as builder_mimic() wants it */
	char name[32];
	struct stat st;

	CLEANUP_FD int old = tree_open(b, FOLDER);
	if (old < 0 || fstat(old, &st) < 0 || !S_ISDIR(st.st_mode))
		return 0;
	int r = builder_mimic(b, point);
	if (r < 0)
		return r;
	CLEANUP_FD int folder = tree_open(b, FOLDER);
	if (folder < 0)
		return builder_step(b, folder, "open %s", FOLDER);
	for (int i = 0; i < LINKS_MAX; i++) {
		snprintf(name, sizeof(name), "%s.%d", hash, i);
		if (symlinkat(JAIL_TRUST_CERTIFICATE, folder, name) == 0)
			return 0;
		if (errno != EEXIST)
			break;
	}
	return builder_step(b, -errno, "make %s/%s", FOLDER, name);
}

/* make_all() - @ret_bundle: owned by the caller, whatever the result */
static int make_all(struct builder *b, struct span certificate, char **ret_bundle)
{
	size_t len = 0;
	int r = tree_file(b, JAIL_TRUST_CERTIFICATE, certificate);

	if (r < 0)
		return builder_step(b, r, "make %s", JAIL_TRUST_CERTIFICATE);
	r = make_bundle(b, ret_bundle, &len, certificate);
	if (r == 0)
		r = add_link(b, plan_text(b->plan, b->plan->trust_hash));
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(bundles); i++)
		r = builder_trust_cover(b, JAIL_TRUST_BUNDLE, bundles[i]);
	if (r == 0)
		r = builder_trust_java(b, certificate, (struct span){ *ret_bundle, len });
	return r == 0 ? builder_trust_nss(b) : r;
}

int builder_trust(struct builder *b)
{
	const char *certificate = plan_text(b->plan, b->plan->trust);
	char *bundle = NULL;

	if (certificate == NULL)
		return 0;
	int r = make_all(b, span_of(certificate), &bundle);
	free(bundle);
	return r;
}
