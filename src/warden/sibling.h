/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sibling - the programs that belong to immure but are executables of their own, since what they
 * link would slow down each start: they lie beside immure, or in ../libexec/immure.
 */
#ifndef WARDEN_SIBLING_H
#define WARDEN_SIBLING_H

#include "base/base.h"

/* sibling_open() - the executable @name, for fexecve(). Return: a descriptor; -errno. */
MUST_USE int sibling_open(const char *name);

#endif
