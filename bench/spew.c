// SPDX-License-Identifier: Apache-2.0
/* spew OCTETS - write so many to standard output, as fast as it takes them */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK_OCTETS = 1024 * 1024 };

int main(int argc, char **argv)
{
	static char chunk[CHUNK_OCTETS];
	unsigned long long rest = argc == 2 ? strtoull(argv[1], NULL, 10) : 0;

	memset(chunk, 'x', sizeof(chunk));
	while (rest > 0) {
		ssize_t n =
		    write(STDOUT_FILENO, chunk, rest < sizeof(chunk) ? rest : sizeof(chunk));

		if (n < 0)
			return 1;
		rest -= (unsigned long long)n;
	}
	return 0;
}
