// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: what init has instead of a heap and of assert()'s printing, only in the
 * static program. loop_new() makes the one allocation there is; it gets static memory, which costs
 * no system call. Every buffer of init has its final size from the start, so nothing may grow. A
 * failed assertion ends PID 1, and the kernel ends the sandbox with it.
 */
#include <errno.h>
#include <stdlib.h>

enum { ARENA_OCTETS = 8 * 1024 };

void *calloc(size_t nmemb, size_t size)
{
	static _Alignas(16) char arena[ARENA_OCTETS];
	static size_t used;

	if (nmemb > 0 && size > (sizeof(arena) - used) / nmemb) {
		errno = ENOMEM;
		return NULL;
	}
	void *at = arena + used;
	used += (nmemb * size + 15) / 16 * 16;
	return at;
}

void *malloc(size_t size)
{
	return calloc(1, size);
}

void *realloc(void *ptr, size_t size)
{
	(void)ptr;
	(void)size;
	errno = ENOMEM;
	return NULL;
}

void free(void *ptr)
{
	(void)ptr;
}

_Noreturn void __assert_fail(const char *what, const char *file, int line, const char *function);

_Noreturn void __assert_fail(const char *what, const char *file, int line, const char *function)
{
	(void)what;
	(void)file;
	(void)line;
	(void)function;
	__builtin_trap();
}
