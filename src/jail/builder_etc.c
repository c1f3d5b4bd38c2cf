// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: /etc is an allow-list. What tells who uses this host, or opens something
 * (shadow, ssh keys, tokens in npmrc, pip.conf or gitconfig, machine-id), is not on it. Names that
 * are links on the host (localtime, os-release, mtab) are made again as links: their targets are in
 * the sandbox or nowhere.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "jail/builder_priv.h"

static const char *const allowed[] = {
	/* loader, locale, terminal */
	"ld.so.cache",
	"ld.so.conf",
	"ld.so.conf.d",
	"locale.alias",
	"locale.conf",
	"default/locale",
	"localtime",
	"timezone",
	"inputrc",
	"terminfo",
	"bash.bashrc",
	/* what the system is */
	"os-release",
	"debian_version",
	"redhat-release",
	"alpine-release",
	"lsb-release",
	/* names of protocols, services, types */
	"protocols",
	"services",
	"mime.types",
	"gai.conf",
	/* certificates: public ones only; /etc/ssl/private is covered below */
	"ssl",
	"pki",
	"crypto-policies",
	/* language run-times and tools that keep their settings there */
	"alternatives",
	"python3",
	"python3.9",
	"python3.10",
	"python3.11",
	"python3.12",
	"python3.13",
	"python3.14",
	"perl",
	"java-8-openjdk",
	"java-11-openjdk",
	"java-17-openjdk",
	"java-21-openjdk",
	"java-25-openjdk",
	"maven",
	"manpath.config",
	"fonts",
	"ImageMagick-6",
	"vim",
	"emacs",
	"chromium",
	"chromium.d",
	"gtk-3.0",
	"xdg",
};

/* Private parts of allowed folders. */
static const char *const covered[] = { "etc/ssl/private", "etc/pki/tls/private" };

/* cover() - an empty folder over a private one, if the host has it */
static int cover(struct builder *b, const char *path)
{
	struct stat st;

	/* whatever cannot be looked at may be there */
	if (fstatat(b->host, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	if (!S_ISDIR(st.st_mode))
		return 0;
	CLEANUP_FD int tree = tree_clone(b->root, BUILDER_EMPTY, false);
	return tree < 0 ? tree : tree_attach(b, tree, path, MOUNT_ATTR_RDONLY);
}

#define RESOLV_CONF "nameserver 10.0.2.3\noptions timeout:5 attempts:2\n"
#define HOSTS                                                             \
	"127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n" \
	"10.0.2.15 immure\n10.0.2.2 bridge.immure\n"

/* made_files() - the files of /etc that are the sandbox's own */
static int made_files(struct builder *b)
{
	const struct {
		const char *path;
		const char *text;
	} rows[] = {
		{ "etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"
				"user:x:1000:1000:user:/home/user:/bin/sh\n"
				"nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n" },
		{ "etc/group", "root:x:0:\ntty:x:5:\nuser:x:1000:\nnogroup:x:65534:\n" },
		{ "etc/nsswitch.conf",
		  "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n"
		  "services: files\nprotocols: files\nnetworks: files\n" },
		/* any address serves: DNS to all of them ends on the capture socket */
		{ "etc/resolv.conf", RESOLV_CONF },
		{ "etc/hosts", HOSTS },
		{ "etc/host.conf", "multi on\n" },
		{ "etc/shells", "/bin/sh\n/bin/bash\n" },
	};
	const char *hostname = plan_text(b->plan, b->plan->hostname);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int r = tree_file(b, rows[i].path, span_of(rows[i].text));

		if (r < 0)
			return builder_step(b, r, "make /%s", rows[i].path);
	}
	return hostname == NULL ? 0 : tree_file(b, "etc/hostname", span_of(hostname));
}

static int bind_allowed(struct builder *b)
{
	CLEANUP_FD int theirs = openat(b->host, "etc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_FD int ours = tree_open(b, "/etc");

	if (theirs < 0 || ours < 0)
		return builder_step(b, -errno, "open the host's /etc");
	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++) {
		int r = tree_copy(ours, theirs, allowed[i]);

		if (r < 0 && r != -ENOENT && r != -ENOTDIR)
			return builder_step(b, r, "bind /etc/%s", allowed[i]);
	}
	return 0;
}

int builder_etc(struct builder *b)
{
	if (mkdirat(b->root, "etc", 0755) < 0 || mkdirat(b->root, "etc/default", 0755) < 0)
		return builder_step(b, -errno, "make /etc");
	int r = bind_allowed(b);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(covered); i++) {
		r = cover(b, covered[i]);
		if (r < 0)
			builder_step(b, r, "cover /%s", covered[i]);
	}
	return r < 0 ? r : made_files(b);
}

/* put_over() - our @text over the file @path of a --rootfs, if it has such a file */
static int put_over(struct builder *b, const char *path, const char *text)
{
	char ours[64];
	struct stat st;
	CLEANUP_FD int theirs = tree_open(b, path);

	if (theirs == -EMFILE || theirs == -ENFILE || theirs == -ENOMEM)
		return builder_step(b, theirs, "open /%s", path);
	if (text == NULL || theirs < 0 || fstat(theirs, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	snprintf(ours, sizeof(ours), "run/immure/%s", strrchr(path, '/') + 1);
	int r = tree_file(b, ours, span_of(text));
	if (r < 0)
		return builder_step(b, r, "make /%s", ours);
	CLEANUP_FD int tree = tree_clone(b->root, ours, false);
	r = tree < 0 ? tree : tree_attach(b, tree, path, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID);
	return r < 0 ? builder_step(b, r, "cover /%s", path) : 0;
}

int builder_etc_over(struct builder *b)
{
	int r = put_over(b, "etc/resolv.conf", RESOLV_CONF);

	if (r == 0)
		r = put_over(b, "etc/hosts", HOSTS);
	return r == 0 ? put_over(b, "etc/hostname", plan_text(b->plan, b->plan->hostname)) : r;
}
