/* SPDX-License-Identifier: Apache-2.0 */
/* pem - the certificates in a text of them (RFC 7468 section 5), as bundles of roots are. */
#ifndef WIRE_PEM_H
#define WIRE_PEM_H

#include "base/base.h"
#include "base/buf.h"

/**
 * pem_next() - the next certificate of @rest
 * @ret:	empty; its DER is appended. Whether that is a certificate is for the reader to judge.
 * @rest:	advanced; what is between certificates is skipped
 *
 * Return: 0; -ENOENT: there are no more; -EINVAL: this one is not base64, or has no end; -ENOBUFS:
 * it is longer than @ret may hold; -ENOMEM.
 */
MUST_USE int pem_next(struct buf *ret, struct span *rest);

#endif
