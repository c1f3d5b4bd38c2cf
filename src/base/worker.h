/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker - a process of ours that answers questions: packets of one SOCK_SEQPACKET channel, one at a time.
 * It is started with that channel and what it needs beside it (warden/service.h), reads that, and confines
 * itself then to the channel, memory, random numbers and the time.
 */
#ifndef BASE_WORKER_H
#define BASE_WORKER_H

#include <sys/resource.h>

#include "base/base.h"

enum worker_fd {
	WORKER_FD_CHANNEL = 3, /* whose end ends it */
	WORKER_FD_BESIDE = 4,
};

/* worker_harden() - before anything is read: no core file, no debugger of the same user, no new
 * privileges. Return: 0, or -errno with *@ret_step set. */
MUST_USE int worker_harden(const char **ret_step);

/**
 * worker_confine() - from now on talk on WORKER_FD_CHANNEL alone
 * @heap_octets: most memory for data; RLIM_INFINITY: any
 *
 * Every other descriptor is closed. Return: 0, or -errno with *@ret_step set.
 */
MUST_USE int worker_confine(const char **ret_step, rlim_t heap_octets);

/* worker_take() - wait for the next packet. @ret_len 0: there are no more. Return: 0; -EMSGSIZE: longer than
 * @size; another -errno. */
MUST_USE int worker_take(size_t *ret_len, char *packet, size_t size);

/* worker_give() - send @packet, waiting for room. Return: 0 or -errno. */
MUST_USE int worker_give(struct span packet);

#endif
