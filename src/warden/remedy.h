/* SPDX-License-Identifier: Apache-2.0 */
/*
 * remedy - what of the settings would allow that which was refused, as narrowly as they can say it:
 *
 *	{"allow_host": "db.example.com:5432"}	one more of network.allowed_hosts
 *	{"allow_private": "lab.example.com"}	one more of network.allow_private
 *	{"rule": {"host": "api.example.com:443", "method": "PUT", "path": "/v1/x"}}
 *						one more of network.rules; none if method or path
 *						cannot be said exactly: a star would mean more
 *
 *	{"policy": true}			another policy (settings: policy)
 *
 * Some need two of them. It is a proposal for people: whether it is wise, they judge.
 */
#ifndef WARDEN_REMEDY_H
#define WARDEN_REMEDY_H

#include <jansson.h>

#include "warden/egress.h"

/* remedy_of() - @report is of something that was blocked. Return: owned; NULL: no setting allows it */
json_t *remedy_of(const struct egress_report *report);

/* remedy_is_sound() - is @value what remedy_of() could have made? It may have been changed since. */
MUST_USE bool remedy_is_sound(const json_t *value);

#endif
