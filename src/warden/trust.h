/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trust - the certificate authority of this installation, as immure sees it: a folder, whose key
 * only immure-authority reads, and what sandboxes are given of it. In ~/.immure:
 *
 *	ca/		0700
 *		ca.key	private key and certificate
 *		ca.crt	the certificate, PEM
 *		ca.hash	of its subject, as folders of certificates name links
 *		nss-*	see warden/trust_nss.h
 */
#ifndef WARDEN_TRUST_H
#define WARDEN_TRUST_H

#include "base/base.h"
#include "wire/leaf.h"

enum { TRUST_OCTETS_MAX = 16 * 1024 }; /* of what immure-authority writes, and of each file */

#define TRUST_FOLDER "ca"

/* What a sandbox needs, to trust the authority. */
struct trust {
	char *certificate; /* owned; PEM, NUL-terminated */
	char hash[LEAF_HASH_DIGITS + 1];
	char *nss; /* owned; absolute path of a database for NSS (warden/trust_nss.h); NULL: none */
};

/* trust_folder() - open (and make) it. @home: of the state, borrowed. @ret: owned.
 * Return: 0; -EPERM: others may write to it; another -errno. *diag is set on each. */
MUST_USE int trust_folder(int *ret, int home, struct diag *diag);

/**
 * trust_ask() - let immure-authority play a role of wire/leaf.h, and wait for it (10 ms)
 * @ret:	what it wrote, NUL-terminated; owned by the caller
 *
 * Return: 0; -errno with *diag: it could not be started, or what it complained of.
 */
MUST_USE int trust_ask(char **ret, int folder, const char *role, struct diag *diag);

/* trust_read() - what is to be trusted; the authority is made if there is none. @ret: release with
 * trust_free(). Return: 0 or -errno with *diag. */
MUST_USE int trust_read(struct trust *ret, int home, struct diag *diag);
void trust_free(struct trust *trust);

#endif
