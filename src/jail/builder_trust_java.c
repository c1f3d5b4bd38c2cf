// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: Java looks at no bundle and at no variable, but at a store of its own. A copy
 * of the root's, with the certificate of the plan added to it, covers it. If that is in another form
 * (PKCS #12), which Java tells apart by itself, the copy is made of the bundle instead.
 *
 * The store of a --rootfs comes from whoever made that: it is read by a codec that trusts no length
 * and runs nothing, and copied only if all of it is what we know.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "jail/builder_trust_priv.h"
#include "wire/jks.h"
#include "wire/pem.h"

#define RUNTIMES "usr/lib/jvm"

enum {
	PLACES_MAX = 32, /* run-times have one each, mostly a link to that of the distribution */
	PLACE_OCTETS = 256,
	ALIAS_OCTETS = 32,
};

/* Where the distributions keep it. Those that are links lead to another of these. */
static const char *const stores[] = {
	"etc/ssl/certs/java/cacerts",                     /* Debian, Alpine */
	"etc/pki/ca-trust/extracted/java/cacerts",        /* Fedora */
	"etc/pki/java/cacerts",                           /* older ones of the same kin */
	"etc/ca-certificates/extracted/java-cacerts.jks", /* Arch */
	"opt/java/openjdk/lib/security/cacerts",          /* images of Eclipse Temurin */
};

/* Stores that the root has. */
struct places {
	size_t len;
	char path[PLACES_MAX][PLACE_OCTETS];
};

static void add_place(struct builder *b, struct places *places, const char *before,
		      const char *name, const char *after)
{
	char *path = places->path[places->len];

	if (places->len < PLACES_MAX &&
	    (size_t)snprintf(path, PLACE_OCTETS, "%s%s%s", before, name, after) < PLACE_OCTETS &&
	    builder_trust_has(b, path))
		places->len++;
}

/* add_runtimes() - the stores that run-times of the root brought along */
static void add_runtimes(struct builder *b, struct places *places)
{
	CLEANUP_FD int at = tree_open(b, RUNTIMES);
	int fd = at < 0 ? -1 : openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (dir == NULL) {
		fd_close(&fd);
		return;
	}
	for (struct dirent *e = NULL; places->len < PLACES_MAX && (e = readdir(dir)) != NULL;) {
		if (e->d_name[0] == '.')
			continue;
		add_place(b, places, RUNTIMES "/", e->d_name, "/lib/security/cacerts");
		add_place(b, places, RUNTIMES "/", e->d_name, "/jre/lib/security/cacerts");
	}
	closedir(dir);
}

/* copy_entries() - Return: 0; -EINVAL: @store is not all what we know; -ENOBUFS; -ENOMEM. */
static int copy_entries(struct buf *ret, struct span store)
{
	struct jks_reader reader;
	struct jks_entry entry;
	int r = jks_read(&reader, store);

	if (r == 0)
		r = jks_write(ret);
	while (r == 0) {
		r = jks_next(&entry, &reader);
		if (r == -ENOENT)
			return 0;
		if (r == 0)
			r = jks_add(ret, &entry);
	}
	return r;
}

/* copy_store() - the one at @path. @ret: empty if it fails. Return: 0; -errno: it will not do. */
static int copy_store(struct builder *b, struct buf *ret, const char *path)
{
	char *text = NULL;
	size_t len = 0;
	int r = builder_trust_read(&text, &len, b->root, path);

	if (r == 0)
		r = copy_entries(ret, (struct span){ text, len });
	if (r < 0)
		buf_free(ret);
	free(text);
	return r;
}

/* add_all() - the certificates of @pem, as @name and a number. What is malformed is left out. */
static int add_all(struct buf *store, struct span pem, const char *name)
{
	const uint64_t now_ms = (uint64_t)clock_unix_s() * 1000;

	for (unsigned i = 0;; i++) {
		CLEANUP_BUF struct buf der = BUF(JKS_DER_OCTETS_MAX);
		char alias[ALIAS_OCTETS];
		int r = pem_next(&der, &pem);

		if (r == -ENOENT)
			return 0;
		if (r == -EINVAL || r == -ENOBUFS)
			continue;
		(void)snprintf(alias, sizeof(alias), "%s-%u", name, i);
		const struct jks_entry entry = { span_of(alias), now_ms, buf_span(&der) };
		if (r == 0)
			r = jks_add(store, &entry);
		if (r < 0)
			return r;
	}
}

static int fill_store(struct builder *b, struct buf *ret, const struct places *places,
		      struct span certificate, struct span bundle)
{
	for (size_t i = 0; i < places->len; i++)
		if (copy_store(b, ret, places->path[i]) == 0)
			return add_all(ret, certificate, "immure");
	int r = jks_write(ret);
	return r == 0 ? add_all(ret, bundle, "root") : r;
}

static int make_store(struct builder *b, const struct places *places, struct span certificate,
		      struct span bundle)
{
	CLEANUP_BUF struct buf store = BUF(JKS_OCTETS_MAX);
	int r = fill_store(b, &store, places, certificate, bundle);

	if (r == 0)
		r = jks_end(&store);
	if (r == 0)
		r = tree_file(b, JAIL_TRUST_STORE, buf_span(&store));
	return r < 0 ? builder_step(b, r, "make %s", JAIL_TRUST_STORE) : 0;
}

int builder_trust_java(struct builder *b, struct span certificate, struct span bundle)
{
	struct places places = { 0 };
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(stores); i++)
		add_place(b, &places, stores[i], "", "");
	add_runtimes(b, &places);
	if (places.len > 0)
		r = make_store(b, &places, certificate, bundle);
	for (size_t i = 0; r == 0 && i < places.len; i++)
		r = builder_trust_cover(b, JAIL_TRUST_STORE, places.path[i]);
	return r;
}
