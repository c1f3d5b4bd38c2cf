// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: the chain is the one that OpenSSL has built and verified, from the server's own
 * certificate to a root of ours; what else the server has sent counts for nothing. The hash is of the whole
 * SubjectPublicKeyInfo, algorithm and all.
 */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "tls/tls_priv.h"

static bool is_pin(struct span pins, const unsigned char hash[BRIDGE_PIN_OCTETS])
{
	for (; pins.len >= BRIDGE_PIN_OCTETS; pins = span_drop(pins, BRIDGE_PIN_OCTETS))
		if (memcmp(pins.ptr, hash, BRIDGE_PIN_OCTETS) == 0)
			return true;
	return false;
}

static bool is_pinned(struct span pins, const X509 *x)
{
	unsigned char hash[EVP_MAX_MD_SIZE], *der = NULL;
	unsigned len = 0;
	int der_len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);
	bool hashed =
	    der_len > 0 && EVP_Digest(der, (size_t)der_len, hash, &len, EVP_sha256(), NULL) == 1;

	OPENSSL_free(der);
	return hashed && len == BRIDGE_PIN_OCTETS && is_pin(pins, hash);
}

bool end_has_pin(struct tls_end *end)
{
	const STACK_OF(X509) *chain = SSL_get0_verified_chain(end->ssl);

	if (!end->pinned)
		return true;
	for (int i = 0; i < sk_X509_num(chain); i++)
		if (is_pinned(end->pins, sk_X509_value(chain, i)))
			return true;
	ERR_clear_error();
	end->ended = TLS_FAILED;
	end->fault = TLS_FAULT_PIN;
	(void)snprintf(end->why, sizeof(end->why), "its certificate is not one of the pins");
	return false;
}
