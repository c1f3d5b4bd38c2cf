/* SPDX-License-Identifier: Apache-2.0 */
/*
 * builder_priv - what the builder's stages share. The builder is a single-threaded child in fresh
 * namespaces; each stage does one thing to it and returns 0 or -errno, with b->detail naming the
 * step, so that a failure reads "root: mount /usr: Permission denied".
 */
#ifndef JAIL_BUILDER_PRIV_H
#define JAIL_BUILDER_PRIV_H

#include "jail/jail.h"

#define BUILDER_EMPTY "run/immure/empty" /* an empty folder of ours inside: a cover for others */

enum {
	JAIL_DESCRIPTORS_MIN = 64, /* of the builder, init and the warden */
	BUILDER_WRITABLE_MAX = JAIL_MOUNTS_MAX + 16,
	BUILDER_DETAIL_MAX = 192,
	BUILDER_MIMIC_ENTRIES_MAX = 4096, /* of a folder to be covered: a mount each, some 10 us */
};

struct builder {
	const struct jail_plan *plan;   /* the defaults, until the warden's is there */
	const struct jail_plan *shared; /* the warden's, being written until it says so */
	bool ahead;                     /* build the default root before the plan is there */
	bool privileged; /* the caller has CAP_SYS_ADMIN on the host: no user namespace of our own
			    around the set-up, and mounts can be idmapped */
	uid_t caller_uid;
	gid_t caller_gid;
	uid_t
	    host_uid; /* who the program is on the host: the caller, or (privileged) nobody's uid */
	uid_t scratch_uid; /* that user as the set-up's user namespace names it: owner of scratch */
	int control;       /* to the warden */
	int agent;         /* init's end of its channel */
	int image;         /* sealed memfd of init */
	int host;          /* O_PATH of the host's root */
	int root;          /* O_PATH of the new root */
	int empty;         /* O_PATH of BUILDER_EMPTY in it */
	int proc;          /* the sandbox's procfs, below the read-only view of it */
	struct builder_beside *beside; /* what we and the child beside us tell each other */
	pid_t beside_pid;
	int beside_pidfd;
	int mountns; /* for the warden to hold */
	size_t writable_len;
	const char *writable[BUILDER_WRITABLE_MAX]; /* paths inside that Landlock leaves writable */
	size_t mimics_len;
	struct span
	    mimics[JAIL_MOUNTS_MAX + 1]; /* covered folders: paths inside, in the plan's text */
	char detail[BUILDER_DETAIL_MAX];
};

/* builder_step() - note what is being done, for the failure message; returns @error */
int builder_step(struct builder *b, int error, const char *format, ...) PRINTF(3, 4);

/* plan_text() - a text of the plan; NULL for none */
static inline const char *plan_text(const struct jail_plan *plan, jail_text text)
{
	return text == 0 ? NULL : plan->text + text;
}

/* builder_high() - a copy of @fd that is out of the way of init's first descriptors, or -1 */
int builder_high(int fd);

/* builder_writable() - Landlock shall let the program write below @path (static text or the plan's) */
void builder_writable(struct builder *b, const char *path);

/* What the builder sends on the control channel; CAPTURE carries those of the sockets that there are. */
enum builder_kind { BUILDER_CAPTURE = 1, BUILDER_FAILED, BUILDER_READY };

struct builder_message {
	enum builder_kind kind;
	uint32_t sockets; /* CAPTURE: a bit per enum capture_socket */
	struct jail_report report;
};

/* The process body; never returns. */
_Noreturn void builder_main(struct builder *b);

/*
 * builder_beside.c: a child makes the network namespace and init's image, beside the rest: start it,
 * enter what it made, hand its capture sockets to the warden, take the image. When the root has
 * changed, it takes the host's away from under us. It is reaped before anything runs inside, which
 * says whether it did: it has the builder's power.
 */
MUST_USE int builder_beside_start(struct builder *b);
MUST_USE int builder_beside_detach(struct builder *b);
MUST_USE int builder_net_enter(struct builder *b);
MUST_USE int builder_net_capture(struct builder *b);
MUST_USE int builder_beside_image(struct builder *b);
MUST_USE int builder_beside_reap(struct builder *b);

/* builder_guard.c: may what @fd (named @name in messages) shows be in the sandbox? */
MUST_USE int builder_guard(struct builder *b, int fd, bool writable, const char *name);

/* builder_idmap.c: a mount's files, owned by @owner on disk, shall belong to @b->host_uid inside */
MUST_USE int builder_idmap(struct builder *b, int tree, uid_t owner, gid_t group);

/* builder_user.c: become the program's user in a user namespace that holds no power over the others */
MUST_USE int builder_map_caller(struct builder *b);
MUST_USE int builder_become_user(struct builder *b);

/* builder_root.c, builder_etc.c, builder_dev.c, builder_proc.c: the pieces of the new root */
MUST_USE int builder_root(struct builder *b);
MUST_USE int builder_etc(struct builder *b);
MUST_USE int builder_etc_over(struct builder *b); /* our names and resolver over a --rootfs's own */
MUST_USE int builder_trust(struct builder *b);    /* builder_trust.c: the plan's certificate */
MUST_USE int builder_dev(struct builder *b);
MUST_USE int builder_proc(struct builder *b);
MUST_USE int builder_scratch(struct builder *b);
MUST_USE int builder_mounts(struct builder *b);

/*
 * builder_mimic.c: let the mount point @point (the plan's text) be made although the folder it would
 * be made in is bound read-only, by a tmpfs in the place of that folder, with the same entries; then,
 * after the last mount, let nobody write to those any more. Both note their step.
 */
MUST_USE int builder_mimic(struct builder *b, const char *point);
MUST_USE int builder_mimic_seal(struct builder *b);

/* builder_inodes() - tmpfs option that bounds how many files fit into @size_mb (0: the default) */
void builder_inodes(char *ret, size_t size, uint64_t size_mb);
MUST_USE int builder_enter_root(struct builder *b);

/*
 * builder_tree.c: the few verbs the pieces are made of. All paths inside are relative to @b->root
 * and are walked without following any symbolic link.
 */

/* tree_dir() - make a folder and its parents in the new root, if they are not there */
MUST_USE int tree_dir(struct builder *b, const char *path, mode_t mode);

/* tree_file() - make a file with this text */
MUST_USE int tree_file(struct builder *b, const char *path, struct span text);

/* tree_open() - O_PATH descriptor of @path inside. Return: descriptor or -errno. */
MUST_USE int tree_open(struct builder *b, const char *path);

/* tree_clone() - a detached copy of the mounts below @path of @dir. Return: descriptor or -errno. */
MUST_USE int tree_clone(int dir, const char *path, bool recursive);

/* tree_attach() - set @attrs (MOUNT_ATTR_*) on the detached @tree and all below, put it at @path */
MUST_USE int tree_attach(struct builder *b, int tree, const char *path, uint64_t attrs);

/* tree_copy() - @name of the host's folder @dir at the same, new name in our folder @to: a folder or
 * file is bound read-only, a link made again, anything else left out. Return: 0; -ENOENT: absent. */
MUST_USE int tree_copy(int to, int dir, const char *name);

/* tree_bind() - host @source, read-only if @attrs say so, at @path inside (which must exist) */
MUST_USE int tree_bind(struct builder *b, const char *source, const char *path, uint64_t attrs);

/* tree_new() - a fresh file system. @options: "key=value" texts or flags, NULL at the end.
 * Return: descriptor of the detached mount, or -errno. */
MUST_USE int tree_new(const char *type, const char *const *options, uint64_t attrs);

#endif
