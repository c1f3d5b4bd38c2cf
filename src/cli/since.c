// SPDX-License-Identifier: Apache-2.0
#include "cli/since.h"

#include <errno.h>
#include <time.h>

#include "base/clock.h"
#include "config/config.h"

/* put_ns() - as nanoseconds, which go from 1677 to 2262. Return: 0; -ERANGE. */
static int put_ns(int64_t *ret, int64_t unix_s)
{
	return __builtin_mul_overflow(unix_s, INT64_C(1000000000), ret) ? -ERANGE : 0;
}

int since_read(int64_t *ret, const char *text, struct diag *diag)
{
	static const char *const forms[] = { "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S",
					     "%Y-%m-%d %H:%M", "%Y-%m-%d" };
	uint64_t ago_s = 0;
	int r = -EINVAL;

	if (config_parse_duration_s(&ago_s, span_of(text)) == 0 && ago_s <= INT64_MAX)
		r = put_ns(ret, clock_unix_s() - (int64_t)ago_s);
	for (size_t i = 0; r == -EINVAL && i < ARRAY_SIZE(forms); i++) {
		struct tm utc = { 0 };
		const char *end = strptime(text, forms[i], &utc);

		if (end != NULL && *end == '\0')
			r = put_ns(ret, timegm(&utc));
	}
	if (r == 0)
		return 0;
	if (r == -ERANGE)
		return diag_set(diag, -EINVAL, "--since '%s' is before 1678 or after 2261", text);
	return diag_set(diag, -EINVAL,
			"--since '%s' is neither a time like 1h or 30m ago nor one like "
			"2024-01-15T10:30:00Z (UTC)",
			text);
}
