/* SPDX-License-Identifier: Apache-2.0 */
/* place - HOST:PORT as a person writes it. */
#ifndef CONSENT_PLACE_H
#define CONSENT_PLACE_H

#include "net/name.h"

/* place_read() - a name or an address, an IPv6 address in brackets, and a port. Return: 0; -EINVAL with *diag. */
MUST_USE int place_read(struct net_name *ret_host, uint16_t *ret_port, const char *text,
			struct diag *diag);

#endif
