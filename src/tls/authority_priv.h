/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TLS_AUTHORITY_PRIV_H
#define TLS_AUTHORITY_PRIV_H

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "tls/authority.h"

enum { AUTHORITY_FILE_OCTETS_MAX = 16 * 1024 }; /* ours have 900 */

struct authority {
	EVP_PKEY *key;     /* owned */
	X509 *certificate; /* owned */
	char *pem;         /* owned; pem_len octets */
	size_t pem_len;
};

/* authority_init() - before the first use of OpenSSL: no configuration file, which could load code */
static inline void authority_init(void)
{
	(void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
}

/* authority_make() - a new one in memory. Return: 0 or -ENOMEM. */
MUST_USE int authority_make(struct authority **ret);

/* authority_encode() - the text of the key file. @ret: owned, wipe it. Return: 0 or -ENOMEM. */
MUST_USE int authority_encode(char **ret, size_t *ret_len, const struct authority *authority);

/* authority_decode() - judge the text of a key file. Return: 0; -errno with @diag set. */
MUST_USE int authority_decode(struct authority **ret, struct span text, struct diag *diag);

#endif
