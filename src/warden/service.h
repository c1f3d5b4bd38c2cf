/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service - questions to a program of ours that is an executable of its own (warden/sibling.h): starts it
 * at the first one, and another when it died. Each question has one answer, in the order of the questions;
 * both are packets, which nothing here reads.
 */
#ifndef WARDEN_SERVICE_H
#define WARDEN_SERVICE_H

#include "loop/loop.h"

enum { SERVICE_WAITING_MAX = 1024 };

struct service_config {
	const char *program, *role; /* static; as sibling_start() has them */
	size_t answer_octets_max;
	unsigned
	    answer_ms; /* within which something must be answered while it is asked; 0: any time */
	/* open() - what it shall have beside its channel. Return: a descriptor, which is closed once it was
	 * started; -errno. */
	int (*open)(void *context);
	/* read() - an answer, of which it leaves what done() gets. Return: 0; -errno: it is none, and ends
	 * the process */
	int (*read)(struct span *answer);
	void *context; /* of open() */
};

struct service;
struct service_question;

/* service_new() - @ret: owned by the caller. Nothing is started. Return: 0 or -ENOMEM. */
MUST_USE int service_new(struct service **ret, struct loop *loop,
			 const struct service_config *config);

/**
 * service_ask() - put @packet to it
 * @ret:	until done() was called; it frees itself then
 * @packet:	borrowed for the call; not empty
 * @done:	called from the loop, once: @answer is borrowed for the call, and ptr NULL if there is none
 *		as it died too often. It may ask and cancel, but not free the service.
 *
 * Return: 0; -ENOBUFS: SERVICE_WAITING_MAX wait already; -ENOTCONN: it could not be had a moment ago; -ENOMEM.
 */
MUST_USE int service_ask(struct service_question **ret, struct service *service, struct span packet,
			 void (*done)(void *context, struct span answer), void *context);

/* service_cancel() - done() will not be called; NULL is fine */
void service_cancel(struct service_question *question);

/* service_restart() - end the process: what it was told at its start holds no more. Whoever waits is
 * answered by the next one. */
void service_restart(struct service *service);

/* service_free() - ends the process; nothing is called any more. NULL is fine. */
void service_free(struct service *service);
DEFINE_FREEP(struct service, service_free)

#endif
