/* SPDX-License-Identifier: Apache-2.0 */
/* relay - what its two processes share. */
#ifndef TESTS_TLS_RELAY_H
#define TESTS_TLS_RELAY_H

#include "base/base.h"
#include "net/name.h"

enum { MESSAGE_OCTETS = 4096 };

/* Messages begin with one of these. */
enum { KEY = 'K', NAME = 'N', REPORT = 'R', FLOW = 'F', LEAF = 'L' };

extern int channel; /* to the other process */

/* say() - send one message; blocking. Return: success. */
bool say(char kind, struct span text, const int *fds, size_t count);

/* run_gateway() - the body of the child; @full: no session of an upstream is resumed */
int run_gateway(const struct net_name *name, struct span roots, bool full);

#endif
