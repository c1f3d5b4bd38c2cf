/* SPDX-License-Identifier: Apache-2.0 */
/*
 * roots - the certificates that upstreams are judged by, read one by one when one is asked for:
 * OpenSSL takes 0.3 ms to read a certificate, and a host trusts some 150.
 */
#ifndef TLS_ROOTS_H
#define TLS_ROOTS_H

#include <openssl/x509.h>

#include "base/base.h"

enum { ROOTS_MAX = 2048 }; /* certificates; hosts have some 150 */

struct roots;

/* roots_new() - @ret: owned, empty. Return: 0 or -ENOMEM. */
MUST_USE int roots_new(struct roots **ret);
void roots_free(struct roots *roots); /* NULL is fine */

/**
 * roots_add() - add all certificates of a PEM text; copies them
 *
 * What is not a certificate is passed over.
 *
 * Return: how many were added; -ENOSPC: more than ROOTS_MAX; -ENOMEM.
 */
MUST_USE int roots_add(struct roots *roots, struct span pem);

/* roots_attach() - let @store find them; @roots must outlive it. Return: 0 or -ENOMEM. */
MUST_USE int roots_attach(struct roots *roots, X509_STORE *store);

#endif
