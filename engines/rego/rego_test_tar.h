/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rego_test_tar - a tar in gzip, made by hand so that it may be as odd as a test wants it
 */
#ifndef ENGINES_REGO_REGO_TEST_TAR_H
#define ENGINES_REGO_REGO_TEST_TAR_H

#include <stddef.h>

enum { TEST_TAR_OCTETS = 64 << 10 };

struct test_tar {
	char octets[TEST_TAR_OCTETS];
	size_t len;
};

/* tar_add() - one entry; @type as in ustar: '0' a file, '2' a link, '5' a folder */
void tar_add(struct test_tar *tar, const char *name, char type, const char *text);

/* tar_gzip() - the whole with its end, in gzip without compression; its length */
size_t tar_gzip(char *ret, size_t size, struct test_tar *tar);

#endif
