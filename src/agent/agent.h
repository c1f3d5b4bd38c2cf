/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent - init, the PID 1 of every sandbox: what those who start it must know.
 *
 * It is one static program, carried inside our own executable. Who starts it has raised all walls
 * already, and hands it exactly this: argv[0] "immure-init", descriptors 0, 1 and 2 on /dev/null,
 * AGENT_CHANNEL_FD, and nothing else. It speaks wire/agent.h there. Its environment is not read.
 *
 * It exits 0 after SHUTDOWN or when the channel closes, having killed and reaped every process; 1
 * when the channel breaks the protocol or the kernel refuses what it cannot do without.
 *
 * Of the descriptors it is given, stdin and stdout of a terminal EXEC are set non-blocking, that of
 * a FILE_* blocking: give it ends of pipes or sockets that nobody else uses. SIGNAL goes to the
 * process group of the program; SIGKILL to its whole session; to a FILE_* any signal means "give
 * up". SIGNAL and RESIZE for an id that has ended are ignored; an id that is in use breaks the
 * protocol.
 */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include <stddef.h>

enum { AGENT_CHANNEL_FD = 3 }; /* a SOCK_SEQPACKET socket, connected to the warden */

/* The program, an ELF executable; 16-octet aligned. */
extern const unsigned char agent_init_image[];
extern const size_t agent_init_image_len; /* octets */

#endif
