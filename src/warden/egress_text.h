/* SPDX-License-Identifier: Apache-2.0 */
/* egress_text - what the gateway or a policy says, made fit to be shown: whoever speaks through it is hostile. */
#ifndef WARDEN_EGRESS_TEXT_H
#define WARDEN_EGRESS_TEXT_H

#include "base/base.h"

enum { EGRESS_TEXT_OCTETS = 301 }; /* of the gateway's, with a NUL */

/**
 * egress_text() - cut at whole characters, in UTF-8, without what a terminal or reader would obey
 * @ret:	room for @size octets, with a NUL
 *
 * What cannot be shown becomes "?": controls, marks of direction, octets that are no UTF-8.
 */
void egress_text(char *ret, size_t size, struct span text);

#endif
