/* SPDX-License-Identifier: Apache-2.0 */
/*
 * caps - no capabilities, and no way to get any: neither by exec of a set-uid or capable file, nor
 * by being uid 0 (capabilities(7)).
 */
#ifndef JAIL_CAPS_H
#define JAIL_CAPS_H

#include "base/base.h"

/**
 * caps_drop() - give up every capability of the calling thread and its descendants, for ever
 *
 * Empties the bounding, ambient, inheritable, permitted and effective sets and locks the secure
 * bits. Needs CAP_SETPCAP in the own user namespace, unless all that is done already; needs no
 * file system. Call it last of what takes power: mounts, ids and limits come before.
 * Return: 0; -EPERM: a set could not be emptied; the rest may be gone all the same.
 */
MUST_USE int caps_drop(void);

/**
 * caps_have() - is capability @cap (CAP_* of linux/capability.h) in the effective set?
 *
 * Return: 1; 0: no, or the kernel knows no such capability; a negative errno.
 */
MUST_USE int caps_have(int cap);

#endif
