/* SPDX-License-Identifier: Apache-2.0 */
/*
 * owner - which program of a sandbox has a connection: for records and for people. Nothing is decided by it,
 * for it is looked up after the fact: the process may have ended by then, or have passed the socket on.
 *
 * The kernel says which socket the connection is (wire/diag.h), and the sandbox's /proc who has that: no
 * more than OWNER_LINKS_MAX descriptors are looked at, the likeliest first. Names in there are the
 * program's choice.
 */
#ifndef WARDEN_OWNER_H
#define WARDEN_OWNER_H

#include <sys/types.h>

#include "base/base.h"
#include "wire/diag.h"

enum {
	OWNER_PROGRAM_OCTETS = 128, /* of a path, with NUL; a longer one is cut, with "..." */
	OWNER_LINKS_MAX = 1024,
};

struct owner {
	uint32_t pid; /* as numbered inside; 0: nobody was found */
	/* the file it runs, as seen inside, made fit to be shown (warden/egress_text.h); "": not known */
	char program[OWNER_PROGRAM_OCTETS];
};

struct owners {
	int diag;   /* borrowed; netlink, of the sandbox's network; -1: nobody is ever found */
	pid_t init; /* of the sandbox, in our namespace; not waited for yet */
	int proc;   /* owned: the sandbox's /proc; -1: not open */
	uint32_t id;
	uint32_t pid, fd; /* who was found last, and its descriptor */
};

#define OWNERS ((struct owners){ .diag = -1, .proc = -1 })

/* owners_find() - who asked for @connection. Takes no longer than its lookups: nothing is waited for. */
void owners_find(struct owner *ret, struct owners *owners,
		 const struct diag_connection *connection);

void owners_close(struct owners *owners);

#endif
