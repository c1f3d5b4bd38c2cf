/* SPDX-License-Identifier: Apache-2.0 */
/* http2_head_text - heads as text, for tests and fuzzing: lines of a name, a blank and a value. */
#ifndef WIRE_HTTP2_HEAD_TEXT_H
#define WIRE_HTTP2_HEAD_TEXT_H

#include "wire/http2_head.h"

/* http2_block_of() - a line that begins with '!' is of a sensitive field. @ret: to be freed */
static inline void http2_block_of(struct http2_block *ret, struct span text)
{
	*ret = HTTP2_BLOCK;
	while (text.len > 0) {
		struct span line = span_cut(&text, '\n');
		bool sensitive = line.len > 0 && line.ptr[0] == '!';
		struct span value = sensitive ? span_drop(line, 1) : line;
		struct span name = span_cut(&value, ' ');

		http2_block_add(ret, name, value, sensitive);
	}
}

#endif
