/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trust_nss - a database of NSS (sql:, as Chromium keeps it in ~/.pki/nssdb) that trusts the
 * authority. Its trust is sealed with a key in it, so it is made by NSS's own certutil(1), once for
 * each authority, if this host has that: in the folder of the authority, as
 *
 *	nss-HASH/	0700; HASH as in ca.hash
 *		cert9.db, key4.db, perhaps others
 */
#ifndef WARDEN_TRUST_NSS_H
#define WARDEN_TRUST_NSS_H

#include "base/base.h"

/**
 * trust_nss() - find it, or make it (50 ms)
 * @ret:	its absolute path, for the caller to free
 * @folder:	of the authority (trust_folder()), borrowed
 * @hash:	of the authority
 *
 * Return: 0; -ENOENT: there is none, and no certutil; another -errno: that failed; a
 * certutil that failed or hung is not tried again by this process.
 */
MUST_USE int trust_nss(char **ret, int folder, const char *hash);

#endif
