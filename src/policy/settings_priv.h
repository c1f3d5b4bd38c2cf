/* SPDX-License-Identifier: Apache-2.0 */
/*
 * settings_priv - JSON of parts of the settings. Values are owned by the caller; NULL: out of memory, which
 * jansson's json_object_set_new() and json_array_append_new() pass on as -1.
 */
#ifndef POLICY_SETTINGS_PRIV_H
#define POLICY_SETTINGS_PRIV_H

#include <jansson.h>

#include "policy/policy_priv.h"

/* settings_rule() - number @i */
MUST_USE json_t *settings_rule(const struct rule *rule, size_t i);

/* settings_member() - the object that is member @name of @object, made if there is none; borrowed */
MUST_USE json_t *settings_member(json_t *object, const char *name);

enum { SETTINGS_PORT_OCTETS = sizeof("65535") };

/* settings_port() - as text; "*" for 0: any */
void settings_port(char ret[SETTINGS_PORT_OCTETS], uint16_t port);

/* settings_text() - @ret: owned: @json as text, which is let go of. @bad: not 0: some of it is missing.
 * Return: 0; -ENOMEM, also if @json is NULL */
MUST_USE int settings_text(char **ret, json_t *json, int bad, struct diag *diag);

#endif
