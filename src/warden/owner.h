/* SPDX-License-Identifier: Apache-2.0 */
/*
 * owner - which program of a sandbox has a connection: for records and for people. Nothing is decided by it,
 * for it is looked up after the fact: the process may have ended by then, or have passed the socket on.
 *
 * The kernel says which socket the connection is (wire/diag.h), and the sandbox's /proc who has that. How many
 * processes and descriptors there are is the programs' choice, and how long the kernel takes to list them: so a
 * search ends after OWNER_SEARCH_NS, the likeliest are looked at first, and all searches together get a twentieth
 * of the time, and OWNER_CREDIT_NS at once. What is not found by then is not known. Names in there are the
 * programs' choice as well.
 */
#ifndef WARDEN_OWNER_H
#define WARDEN_OWNER_H

#include <sys/types.h>

#include "base/base.h"
#include "wire/diag.h"

enum {
	OWNER_PROGRAM_OCTETS = 128, /* of a path, with NUL; a longer one is cut, with "..." */
};
static const int64_t OWNER_SEARCH_NS = 2000000, OWNER_CREDIT_NS = 10000000;

struct owner {
	uint32_t pid; /* as numbered inside; 0: nobody was found */
	/* the file it runs, as seen inside, made fit to be shown (warden/egress_text.h); "": not known */
	char program[OWNER_PROGRAM_OCTETS];
};

struct owners {
	int diag;   /* borrowed; netlink, of the sandbox's network; -1: nobody is ever found */
	pid_t init; /* of the sandbox, in our namespace; not waited for yet */
	int proc;   /* owned: the sandbox's /proc; -1: not open */
	int64_t search_ns; /* OWNER_SEARCH_NS; more in tests, which see all processes of a host */
	uint32_t id;
	uint32_t pid, fd;   /* who was found last, and its descriptor */
	int64_t credit_ns;  /* for searches; negative: the last one took longer than it should */
	int64_t counted_ns; /* when that was counted: clock_mono_ns(); 0: never */
};

#define OWNERS ((struct owners){ .diag = -1, .proc = -1, .search_ns = OWNER_SEARCH_NS })

/* owners_find() - who asked for @connection. Nothing is waited for. */
void owners_find(struct owner *ret, struct owners *owners,
		 const struct diag_connection *connection);

/* owners_close() - nobody is found any more. To be called before init is waited for */
void owners_close(struct owners *owners);

#endif
