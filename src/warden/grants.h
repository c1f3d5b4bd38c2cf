/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grants - consent that lasts, read and kept by immure-consent (wire/grant.h), as only that one links SQLite.
 * It is started for it each time: that is seldom.
 */
#ifndef WARDEN_GRANTS_H
#define WARDEN_GRANTS_H

#include "loop/loop.h"
#include "wire/grant.h"

enum {
	GRANTS_WAIT_MS = 2000,  /* for what is read, and at the end for what is being kept */
	GRANTS_KEEPING_MAX = 8, /* at a time */
};

/**
 * grants_read() - call @each for all of @app; waits for it, GRANTS_WAIT_MS at most
 * @home:	the state folder; borrowed
 * @each:	gets what is borrowed for the call
 *
 * Return: 0, also if nothing is kept; -errno with *diag, perhaps behind some of them.
 */
MUST_USE int grants_read(int home, const char *app,
			 void (*each)(void *context, const struct grant *grant), void *context,
			 struct diag *diag);

struct grants_keeper;

/* grants_keeper_new() - @home: borrowed until it is freed; @failed: called from grants_keep(), the loop or
 * grants_keeper_free(): one could not be kept. Return: 0 or -ENOMEM. */
MUST_USE int grants_keeper_new(struct grants_keeper **ret, struct loop *loop, int home,
			       void (*failed)(void *context, const char *why), void *context);

/* grants_keep() - @grant: borrowed for the call; it is kept a moment later */
void grants_keep(struct grants_keeper *keeper, const struct grant *grant);

/* grants_keeper_free() - once all is kept, GRANTS_WAIT_MS at most. NULL is fine. */
void grants_keeper_free(struct grants_keeper *keeper);

#endif
