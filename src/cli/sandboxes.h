/* SPDX-License-Identifier: Apache-2.0 */
/* sandboxes - what the commands that look at, end and remove sandboxes have in common. */
#ifndef CLI_SANDBOXES_H
#define CLI_SANDBOXES_H

#include <jansson.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "warden/state.h"

/* The sandboxes that a command line is about. */
struct sandboxes {
	int home;         /* owned: the state folder */
	const char **ids; /* owned; the texts belong to entries or to the call */
	size_t len;
	struct state_entry *entries; /* owned; NULL when the command line names IDs */
};

#define SANDBOXES ((struct sandboxes){ .home = -1 })

/**
 * sandboxes_choose() - the IDs on the command line, or with --@flag all that @is_meant
 * @ret:	SANDBOXES; release with sandboxes_free(), also after a failure
 *
 * Return: 0; -EINVAL: neither was given, or both; another -errno. call->diag says which.
 */
MUST_USE int sandboxes_choose(struct sandboxes *ret, struct cli_call *call, const char *flag,
			      bool (*is_meant)(const struct state_entry *entry));
void sandboxes_free(struct sandboxes *sandboxes);

#define CLEANUP_SANDBOXES CLEANUP(sandboxes_free)

/* sandboxes_each() - call @act with each ID, complain where it fails, print the ID where it works.
 * Return: the highest exit status. */
int sandboxes_each(struct sandboxes *sandboxes, struct cli_call *call,
		   int (*act)(struct cli_call *call, int home, const char *id));

/* sandboxes_all() - every entry, oldest first; @ret is the caller's. call->diag is set on failure.
 */
MUST_USE int sandboxes_all(struct state_entry **ret, size_t *ret_len, int home,
			   struct cli_call *call);

/* sandboxes_open() - the folder of @id, as it came from the user. Return: 0; -ENOENT: there is
 * none, or it is no ID; another -errno. call->diag is set. */
MUST_USE int sandboxes_open(int *ret_dir, int home, const char *id, struct cli_call *call);

/* sandboxes_entry() - that of @id, which must exist. Return: as sandboxes_open(). */
MUST_USE int sandboxes_entry(struct state_entry *ret, int home, const char *id,
			     struct cli_call *call);

/* sandboxes_drop_groups() - remove the empty cgroups that a killed warden of @id left */
void sandboxes_drop_groups(const char *id);

MUST_USE bool sandboxes_is_running(const struct state_entry *entry); /* has it processes? */

/* sandboxes_json() - what a listing says of one. @ret: owned. Return: 0 or -ENOMEM and call->diag.
 */
MUST_USE int sandboxes_json(json_t **ret, int home, const struct state_entry *entry,
			    struct cli_call *call);

static inline void entries_freep(struct state_entry **entries)
{
	free(*entries);
}

#endif
