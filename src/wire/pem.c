// SPDX-License-Identifier: Apache-2.0
#include "wire/pem.h"

#include <errno.h>

#include "wire/base64.h"

static const char begin[] = "-----BEGIN CERTIFICATE-----", end[] = "-----END CERTIFICATE-----";

/* skip_to() - advance @rest past the next line that is @label. Return: is there one? */
static bool skip_to(struct span *rest, const char *label)
{
	while (rest->ptr != NULL)
		if (span_is(span_trim(span_cut(rest, '\n')), label))
			return true;
	return false;
}

/* gather() - the lines up to the end, joined. Return: 0; -EINVAL: no end; as buf_append(). */
static int gather(struct buf *ret, struct span *rest)
{
	while (rest->ptr != NULL) {
		struct span line = span_trim(span_cut(rest, '\n'));

		if (span_is(line, end))
			return 0;
		int r = buf_append(ret, line);
		if (r < 0)
			return r;
	}
	return -EINVAL;
}

int pem_next(struct buf *ret, struct span *rest)
{
	CLEANUP_BUF struct buf text = BUF(BASE64_OCTETS(ret->octets_max));

	if (!skip_to(rest, begin))
		return -ENOENT;
	int r = gather(&text, rest);
	if (r == 0 && buf_len(&text) == 0)
		r = -EINVAL;
	return r == 0 ? base64_decode(ret, buf_span(&text)) : r;
}
