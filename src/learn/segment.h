/* SPDX-License-Identifier: Apache-2.0 */
/*
 * segment - the parts of a path between its slashes, and which of them are names of things rather than words.
 */
#ifndef LEARN_SEGMENT_H
#define LEARN_SEGMENT_H

#include "base/buf.h"

enum segment_kind {
	SEGMENT_WORD = 0,
	SEGMENT_NUMBER, /* digits: stands for others only if others were seen */
	SEGMENT_UUID,   /* 8-4-4-4-12 */
	SEGMENT_HASH,   /* as many hex digits as a digest has, of MD5 to SHA-512 */
};

enum {
	SEGMENTS_MAX = 64, /* of a path that may become a template */
	SEGMENT_PATTERN_OCTETS =
	    16384, /* of any path that the model holds: four an octet, and segments */
};

MUST_USE enum segment_kind segment_kind_of(struct span segment);

/* segment_template() - @path with a mark in place of each that is no word: equal texts are one template.
 * Return: octets, at most path.len + 1; @ret has room for them. */
MUST_USE size_t segment_template(char *ret, struct span path);

/* segment_differences() - the numbers that differ, by bit. Both are of one template. */
MUST_USE uint64_t segment_differences(struct span one, struct span other);

/* segment_is_open() - does the template stand for more than the path @path itself? */
MUST_USE bool segment_is_open(struct span path, uint64_t varied);

/* segment_pattern() - append the regular expression of the template, anchored. Return: as buf_append() */
MUST_USE int segment_pattern(struct buf *ret, struct span path, uint64_t varied);

/* segment_shown() - append it for people: /repos/{number}/x. Return: as buf_append() */
MUST_USE int segment_shown(struct buf *ret, struct span path, uint64_t varied);

#endif
