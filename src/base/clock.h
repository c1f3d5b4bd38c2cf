/* SPDX-License-Identifier: Apache-2.0 */
/* clock - the two clocks: one to measure with, one to tell people. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* clock_mono_ns() - nanoseconds since boot; never jumps back */
static inline int64_t clock_mono_ns(void)
{
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* clock_unix_s() - seconds since 1970, as set by the administrator; may jump */
static inline int64_t clock_unix_s(void)
{
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec;
}

/* clock_unix_ns() - nanoseconds since 1970 of the same clock */
static inline int64_t clock_unix_ns(void)
{
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

#endif
