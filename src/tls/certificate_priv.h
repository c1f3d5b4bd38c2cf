/* SPDX-License-Identifier: Apache-2.0 */
/* certificate - X.509 certificates as we issue them (RFC 5280), from values; no files, no parsing. */
#ifndef TLS_CERTIFICATE_PRIV_H
#define TLS_CERTIFICATE_PRIV_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/base.h"
#include "net/name.h"

enum { CERTIFICATE_DAY_S = 24 * 3600 };

/* certificate_root() - a self-signed root of @key. NULL: out of memory or of random numbers. */
X509 *certificate_root(EVP_PKEY *key, int64_t now_s);

/**
 * certificate_leaf() - a certificate for a server called @name that holds the key @public, of P-256
 *
 * It holds that as octets, which OpenSSL has not read: to serve it, write it (i2d_X509()) and read that.
 *
 * Return: owned by the caller; NULL: out of memory or of random numbers.
 */
X509 *certificate_leaf(X509 *root, EVP_PKEY *root_key, EVP_PKEY *public,
		       const struct net_name *name, int64_t now_s);

#endif
