/* SPDX-License-Identifier: Apache-2.0 */
/* base64 - RFC 4648 section 4, with padding, strict: no blanks, no line breaks, canonical tail
 * bits. */
#ifndef WIRE_BASE64_H
#define WIRE_BASE64_H

#include "base/base.h"
#include "base/buf.h"

/* BASE64_OCTETS() - characters that @n octets become, padding included */
#define BASE64_OCTETS(n) (((n) + 2) / 3 * 4)

/* base64_encode() - append the text of @data. Return: 0, -ENOBUFS, -ENOMEM. */
MUST_USE int base64_encode(struct buf *ret, struct span data);

/* base64_decode() - append the octets of @text. Return: 0; -EINVAL: not base64; -ENOBUFS; -ENOMEM.
 */
MUST_USE int base64_decode(struct buf *ret, struct span text);

/* base64_decode_into() - the same of what is not empty, without memory. @room: text.len / 4 * 3. Return: 0;
 * -EINVAL. */
MUST_USE int base64_decode_into(size_t *ret_len, char *room, struct span text);

#endif
