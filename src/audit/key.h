/* SPDX-License-Identifier: Apache-2.0 */
/* key - the Ed25519 key that vouches for logs, and signed lines. */
#ifndef AUDIT_KEY_H
#define AUDIT_KEY_H

#include "audit/entry.h"

enum { AUDIT_SECRET_OCTETS = 64 };

struct audit_key {
	uint8_t secret[AUDIT_SECRET_OCTETS], public[AUDIT_KEY_OCTETS];
};

/* audit_key_load() - from @folder; one is made if there is none. Wipe it with audit_key_wipe().
 * Return: 0; -EKEYREJECTED: key and key.pub are no pair, or no keys; another -errno. *diag is set. */
MUST_USE int audit_key_load(struct audit_key *ret, int folder, struct diag *diag);

void audit_key_wipe(struct audit_key *key);

/* audit_key_public() - key.pub alone. Return: 0; -ENOENT; -EKEYREJECTED; another -errno. */
MUST_USE int audit_key_public(uint8_t ret[AUDIT_KEY_OCTETS], int folder, struct diag *diag);

/* audit_sign() - as audit_encode(), of a line that is signed; @entry needs no key or signature */
MUST_USE size_t audit_sign(char *ret, const struct audit_entry *entry, const struct audit_key *key);

/* audit_signed_by() - does the parsed @line bear a good signature by @public? */
MUST_USE bool audit_signed_by(struct span line, const struct audit_entry *entry,
			      const uint8_t public[AUDIT_KEY_OCTETS]);

#endif
