/* SPDX-License-Identifier: Apache-2.0 */
/* spelling - how far two words are apart, for saying which one was probably meant. */
#ifndef BASE_SPELLING_H
#define BASE_SPELLING_H

#include "base/base.h"

enum { SPELLING_OCTETS_MAX = 40 }; /* longer words are nobody's typing mistake */

/* spelling_distance() - letters to insert, drop, replace or swap with their neighbour to make @b of
 * @a; SIZE_MAX if one is longer than SPELLING_OCTETS_MAX */
MUST_USE size_t spelling_distance(const char *a, const char *b);

#endif
