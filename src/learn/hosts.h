/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hosts - of whom a name is. "*.x" may stand for names only below what one owner registered, and not where many
 * people get names below one: the public suffix list (publicsuffix.org), its private part included, and a list of
 * services that are not in it.
 */
#ifndef LEARN_HOSTS_H
#define LEARN_HOSTS_H

#include "base/base.h"

/* hosts_domain() - what of the canonical name @host was registered, a part of @host; ptr NULL: nothing, or names
 * below it belong to many */
MUST_USE struct span hosts_domain(struct span host);

/* hosts_common() - the labels that both end in, a part of @one; len 0: none */
MUST_USE struct span hosts_common(struct span one, struct span other);

/* hosts_is_below() - is @host below @domain, not itself? */
MUST_USE bool hosts_is_below(struct span host, struct span domain);

#endif
