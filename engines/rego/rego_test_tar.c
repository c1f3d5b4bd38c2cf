/* SPDX-License-Identifier: Apache-2.0 */
/* ustar (POSIX pax(1)) in gzip (RFC 1952), of stored blocks (RFC 1951 section 3.2.4). */
#include "rego/rego_test_tar.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { BLOCK = 512, STORED_MAX = 65535, CHECKSUM_AT = 148, MAGIC_AT = 257 };

void tar_add(struct test_tar *tar, const char *name, char type, const char *text)
{
	size_t size = strlen(text), padded = (size + BLOCK - 1) / BLOCK * BLOCK;
	char *head = tar->octets + tar->len;
	unsigned sum = 0;

	assert(tar->len + BLOCK + padded + 2UL * BLOCK <= TEST_TAR_OCTETS && strlen(name) < 100);
	memset(head, 0, BLOCK + padded);
	memcpy(head, name, strlen(name));
	memcpy(head + 100, "0000644", 7);
	memcpy(head + 108, "0000000", 7);
	memcpy(head + 116, "0000000", 7);
	snprintf(head + 124, 12, "%011o", (unsigned)size & 0xffffff);
	memcpy(head + 136, "00000000000", 11);
	head[156] = type;
	memcpy(head + MAGIC_AT, "ustar\00000", 8);
	memset(head + CHECKSUM_AT, ' ', 8);
	for (size_t i = 0; i < BLOCK; i++)
		sum += (uint8_t)head[i];
	snprintf(head + CHECKSUM_AT, 8, "%06o", sum);
	memcpy(head + BLOCK, text, size);
	tar->len += BLOCK + padded;
}

/* CRC-32, RFC 1952 section 8 */
static uint32_t crc(const char *octets, size_t len)
{
	uint32_t sum = ~0U;

	for (size_t i = 0; i < len; i++) {
		sum ^= (uint8_t)octets[i];
		for (int bit = 0; bit < 8; bit++)
			sum = sum >> 1 ^ (sum & 1 ? 0xedb88320U : 0);
	}
	return ~sum;
}

static char *put_le(char *at, uint64_t value, size_t octets)
{
	for (size_t i = 0; i < octets; i++)
		*at++ = (char)(value >> 8 * i & 0xff);
	return at;
}

size_t tar_gzip(char *ret, size_t size, struct test_tar *tar)
{
	static const char head[10] = { 0x1f, (char)0x8b, 8 };
	char *at = ret + sizeof(head);

	memset(tar->octets + tar->len, 0, 2UL * BLOCK);
	tar->len += 2UL * BLOCK;
	assert(tar->len <= STORED_MAX && size >= tar->len + 32);
	memcpy(ret, head, sizeof(head));
	*at++ = 1; /* the last block, stored */
	at = put_le(at, tar->len, 2);
	at = put_le(at, ~tar->len & 0xffff, 2);
	memcpy(at, tar->octets, tar->len);
	at = put_le(at + tar->len, crc(tar->octets, tar->len), 4);
	return (size_t)(put_le(at, tar->len, 4) - ret);
}
