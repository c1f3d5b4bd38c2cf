/* SPDX-License-Identifier: Apache-2.0 */
/* foreground_priv - what foreground.c (the program, signals, the end) and foreground_streams.c share. */
#ifndef CLI_FOREGROUND_PRIV_H
#define CLI_FOREGROUND_PRIV_H

#include "cli/conduit.h"
#include "cli/foreground.h"
#include "cli/offer.h"
#include "cli/ports.h"
#include "cli/prompt.h"
#include "cli/relay.h"
#include "cli/terminal.h"
#include "warden/server.h"

struct foreground {
	struct loop *loop;
	struct server *server;
	struct session *session;
	const struct foreground_options *options;
	bool tty;
	bool ended;  /* the program has; only the sandbox's own end is awaited */
	bool failed; /* *status and *diag say why; what the program says does not matter any more */
	int status;  /* exit status, or -errno with *diag */
	int null;    /* for a stream of ours that is closed */
	struct diag *diag;
	struct terminal terminal;
	struct relay_in in;
	struct relay_out out[2];
	struct conduit pipes[3];
	struct loop_timer patience;
	bool over; /* the sandbox has ended, too */
	bool gone; /* we have asked the loop to end */
	struct ports_told told;
	struct offer offer;
	struct prompt prompt;
	bool hurried; /* the program was ended; a reader must not hold us */
	struct loop_source signals;
	int signal_fd;
};

/* Return: 0, or -errno with *f->diag set */

/* foreground_choose_streams() - @fds: what the program gets; whether it gets a terminal is in f->tty */
MUST_USE int foreground_choose_streams(struct foreground *f, int fds[3]);

/* foreground_open_conduits() - in place of pipes of ours, pipes of the program's own: the ends in @theirs */
MUST_USE int foreground_open_conduits(struct foreground *f, int fds[3], int theirs[3]);

/* foreground_open_relays() - those of the program's @fds that are SESSION_PIPED, once it is there. Return: 0 or
 * -errno */
MUST_USE int foreground_open_relays(struct foreground *f, const int fds[3]);

/* Of the session: it has written, it has read what we queued; @context: the foreground. */
void foreground_output(void *context, int stream, struct span data);
void foreground_input_taken(void *context);

/* foreground_shown() - of the prompt: it has the terminal, or gives it back */
void foreground_shown(void *context, bool begins);

/* foreground_leave() - once the program has ended: go when all it wrote was carried */
void foreground_leave(struct foreground *f);

/* foreground_give_up() - and carry no more of it */
void foreground_give_up(struct foreground *f);

#endif
