/* SPDX-License-Identifier: Apache-2.0 */
/*
 * observe_priv - immure-observer: loads two eBPF programs that see the system calls of one PID namespace,
 * gives up everything but their ring, and passes on what they tell (wire/observe.h).
 */
#ifndef OBSERVE_OBSERVE_PRIV_H
#define OBSERVE_OBSERVE_PRIV_H

#include "base/base.h"
#include "observe/event.h"
#include "wire/observe.h"

/* calls_fill() - the rules of all system calls that are observed; @rules: EVENT_CALLS_MAX, zeros */
void calls_fill(struct event_rule *rules);

struct compose_texts {
	char path[OBSERVE_TEXT_OCTETS_MAX], more[OBSERVE_TEXT_OCTETS_MAX];
};

/**
 * compose_record() - what the ring holds as a record: whole paths, addresses as text
 * @texts:	what @ret borrows
 *
 * Return: 0; -EPROTO: no event (texts are of the observed program, lengths are not).
 */
MUST_USE int compose_record(struct observe_record *ret, struct compose_texts *texts,
			    struct span event);

/* Programs that are loaded and attached, and what they write to. */
struct observer {
	struct ring_buffer *ring; /* owned */
	const uint64_t *lost;     /* shared with the kernel */
	int keep[4];              /* descriptors that all this needs */
};

/**
 * observer_load() - from here on records gather
 * @namespace:	descriptor of a PID namespace, not our own
 * @take:	gets each event of the ring; as libbpf's ring_buffer_sample_fn
 *
 * What it makes is never taken down but by the end of the process. Return: 0; -errno with *diag set.
 */
MUST_USE int observer_load(struct observer *ret, int namespace,
			   int (*take)(void *context, void *data, size_t octets), void *context,
			   struct diag *diag);

/* observer_serve() - until the channel's other side ends. Return: 0; -EPIPE: nobody reads; -errno. */
MUST_USE int observer_serve(int namespace, struct diag *diag);

/* observer_confine() - only @keep, the channel and memory are left. Return: 0; -errno: in part. */
MUST_USE int observer_confine(const char **ret_step, const int *keep, size_t len);

#endif
