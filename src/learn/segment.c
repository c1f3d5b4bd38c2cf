// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a mark in a template is an octet that no path has (a control), then for a hash its length:
 * one of 40 digits does not stand for one of 64. A path of too many segments is its own template.
 */
#include "learn/segment.h"

static const uint8_t hash_lengths[] = { 32, 40, 56, 64, 96, 128 };
enum { NUMBER_OCTETS_MAX = 20 }; /* of 64 bits */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_number(struct span segment)
{
	size_t i = 0;

	while (i < segment.len && is_digit(segment.ptr[i]))
		i++;
	return i > 0 && i == segment.len && i <= NUMBER_OCTETS_MAX;
}

static bool is_uuid(struct span segment)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

	if (segment.len != sizeof(form) - 1)
		return false;
	for (size_t i = 0; i < segment.len; i++)
		if (form[i] == 'x' ? !is_hex(segment.ptr[i]) : segment.ptr[i] != '-')
			return false;
	return true;
}

static bool is_hash(struct span segment)
{
	bool fits = false;

	for (size_t i = 0; i < ARRAY_SIZE(hash_lengths); i++)
		fits = fits || segment.len == hash_lengths[i];
	for (size_t i = 0; fits && i < segment.len; i++)
		fits = is_hex(segment.ptr[i]);
	return fits;
}

enum segment_kind segment_kind_of(struct span segment)
{
	if (is_number(segment))
		return SEGMENT_NUMBER;
	if (is_uuid(segment))
		return SEGMENT_UUID;
	return is_hash(segment) ? SEGMENT_HASH : SEGMENT_WORD;
}

static bool is_too_deep(struct span path)
{
	size_t slashes = 0;

	for (size_t i = 0; i < path.len; i++)
		slashes += path.ptr[i] == '/';
	return slashes >= SEGMENTS_MAX;
}

size_t segment_template(char *ret, struct span path)
{
	size_t len = 0;

	if (is_too_deep(path)) {
		memcpy(ret, path.ptr, path.len);
		return path.len;
	}
	for (struct span rest = path; rest.ptr != NULL;) {
		struct span segment = span_cut(&rest, '/');
		enum segment_kind kind = segment_kind_of(segment);

		if (kind == SEGMENT_WORD) {
			if (segment.len > 0)
				memcpy(ret + len, segment.ptr, segment.len);
			len += segment.len;
		} else {
			ret[len++] = (char)kind;
		}
		if (kind == SEGMENT_HASH) /* 32 and more: there is room */
			ret[len++] = (char)(segment.len / 8);
		if (rest.ptr != NULL)
			ret[len++] = '/';
	}
	return len;
}

uint64_t segment_differences(struct span one, struct span other)
{
	uint64_t differences = 0;

	if (is_too_deep(one))
		return 0;
	for (unsigned i = 0; one.ptr != NULL && other.ptr != NULL; i++) {
		struct span a = span_cut(&one, '/'), b = span_cut(&other, '/');

		if (a.len != b.len || (a.len > 0 && memcmp(a.ptr, b.ptr, a.len) != 0))
			differences |= UINT64_C(1) << i;
	}
	return differences;
}

/* is_open() - does the segment, which is number @i, stand for others? */
static bool is_open(struct span segment, uint64_t varied, unsigned i)
{
	enum segment_kind kind = segment_kind_of(segment);

	return kind == SEGMENT_NUMBER ? (varied >> i & 1) != 0 : kind != SEGMENT_WORD;
}

bool segment_is_open(struct span path, uint64_t varied)
{
	if (is_too_deep(path))
		return false;
	for (unsigned i = 0; path.ptr != NULL; i++)
		if (is_open(span_cut(&path, '/'), varied, i))
			return true;
	return false;
}

/* How an octet and an open segment are written. */
struct style {
	int (*literal)(struct buf *ret, char c);
	int (*open)(struct buf *ret, struct span segment);
};

static int each_segment(struct buf *ret, struct span path, uint64_t varied,
			const struct style *style)
{
	const bool deep = is_too_deep(path);
	int r = 0;

	for (unsigned i = 0; r == 0 && path.ptr != NULL; i++) {
		struct span segment = span_cut(&path, '/');

		if (!deep && is_open(segment, varied, i))
			r = style->open(ret, segment);
		else
			for (size_t k = 0; r == 0 && k < segment.len; k++)
				r = style->literal(ret, segment.ptr[k]);
		if (r == 0 && path.ptr != NULL)
			r = buf_append(ret, SPAN("/"));
	}
	return r;
}

/* What is no letter or digit is written so that no dialect takes it for more than itself. */
static int pattern_literal(struct buf *ret, char c)
{
	if (is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-')
		return buf_append(ret, (struct span){ &c, 1 });
	if (c == '.')
		return buf_append(ret, SPAN("[.]"));
	return buf_printf(ret, "\\x%02x", (unsigned)(unsigned char)c);
}

static int pattern_open(struct buf *ret, struct span segment)
{
	switch (segment_kind_of(segment)) {
	case SEGMENT_NUMBER:
		return buf_append(ret, SPAN("[0-9]{1,20}"));
	case SEGMENT_UUID:
		return buf_append(ret, SPAN("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"));
	case SEGMENT_HASH:
	case SEGMENT_WORD:
		break;
	}
	return buf_printf(ret, "[0-9a-fA-F]{%zu}", segment.len);
}

int segment_pattern(struct buf *ret, struct span path, uint64_t varied)
{
	static const struct style style = { pattern_literal, pattern_open };
	int r = buf_append(ret, SPAN("^("));

	if (r == 0)
		r = each_segment(ret, path, varied, &style);
	return r == 0 ? buf_append(ret, SPAN("$)")) : r;
}

static int shown_literal(struct buf *ret, char c)
{
	return buf_append(ret, (struct span){ &c, 1 });
}

static int shown_open(struct buf *ret, struct span segment)
{
	static const char *const names[] = { [SEGMENT_WORD] = "{word}",
					     [SEGMENT_NUMBER] = "{number}",
					     [SEGMENT_UUID] = "{uuid}",
					     [SEGMENT_HASH] = "{hash}" };

	return buf_append(ret, span_of(names[segment_kind_of(segment)]));
}

int segment_shown(struct buf *ret, struct span path, uint64_t varied)
{
	static const struct style style = { shown_literal, shown_open };

	return each_segment(ret, path, varied, &style);
}
