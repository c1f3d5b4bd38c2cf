/* SPDX-License-Identifier: Apache-2.0 */
/* confine_priv - steps of gateway_confine(), in their order. Return: 0, or -1 with errno. */
#ifndef GATEWAY_CONFINE_PRIV_H
#define GATEWAY_CONFINE_PRIV_H

#include "base/base.h"

MUST_USE int place_namespaces(void); /* the caller has one thread */
MUST_USE int place_root(void);       /* needs the namespaces */
MUST_USE int place_landlock(void);   /* needs no_new_privs; no mount can be changed afterwards */

#endif
