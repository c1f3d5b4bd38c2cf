/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TLS_TEST_FRESH_PRIV_H
#define TLS_TEST_FRESH_PRIV_H

#include <openssl/x509.h>

/* fresh() - @x, which is freed, written and read again: as OpenSSL has it that comes from somewhere */
static inline X509 *fresh(X509 *x)
{
	unsigned char *der = NULL;
	int len = i2d_X509(x, &der);
	const unsigned char *at = der;
	X509 *copy = d2i_X509(NULL, &at, len);

	X509_free(x);
	OPENSSL_free(der);
	return copy;
}

#endif
