/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process - immure-authority: the only process that ever has the key of this installation's
 * certificate authority in its memory. It reads nothing but requests of one fixed form
 * (wire/leaf.h), and answers with certificates.
 */
#ifndef AUTHORITY_PROCESS_H
#define AUTHORITY_PROCESS_H

#include "base/base.h"
#include "tls/authority.h"

/* process_harden() - before the key is read: no core file, no debugger of the same user, no new
 * privileges. Return: 0, or -errno with *@ret_step set. */
MUST_USE int process_harden(const char **ret_step);

/**
 * process_confine() - after the key is read: from now on talk on LEAF_FD_CHANNEL alone
 *
 * Every other descriptor is closed. Return: 0, or -errno with *@ret_step set.
 */
MUST_USE int process_confine(const char **ret_step);

/* process_serve() - answer requests on @channel until it ends. Return: 0; -errno: it failed, or what
 * came is no request. */
MUST_USE int process_serve(const struct authority *authority, int channel);

#endif
