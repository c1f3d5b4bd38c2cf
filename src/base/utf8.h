/* SPDX-License-Identifier: Apache-2.0 */
/* utf8 - characters out of octets that may be anything. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/base.h"

/* utf8_length() - octets of the character that @lead begins, 1 to 4; 0: none does */
MUST_USE size_t utf8_length(unsigned char lead);

/* utf8_decode() - the character at the front of @text, which is not empty. Return: its octets; 0:
 * none that RFC 3629 section 4 allows (overlong, surrogate, above U+10FFFF, cut). */
MUST_USE size_t utf8_decode(uint32_t *ret, struct span text);

/* utf8_is_plain() - may @code be shown as it is: no control, nor what reorders or hides its neighbours? */
MUST_USE bool utf8_is_plain(uint32_t code);

#endif
