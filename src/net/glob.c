// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a glob is a row of elements, an octet or a star each, and a set of bits says how
 * many elements may be behind us at this octet of the path (Shift-And: Baeza-Yates and Gonnet, "A New
 * Approach to Text Searching", 1992). An element that is an octet moves its bit on when that octet
 * comes; a star's bit stays where it is, and is at the same time at the next element, for a star may be
 * nothing. So nothing is ever tried twice, and a path costs a few words' work an octet.
 */
#include "net/glob.h"

enum { WORDS = GLOB_OCTETS_MAX / 64 + 1 };

struct bits {
	uint64_t word[WORDS];
};

struct glob {
	struct bits octets[256]; /* elements that are this octet */
	struct bits one, all;    /* elements that are "*"; that are "**" */
	size_t len;
};

static void set_bit(struct bits *bits, size_t i)
{
	bits->word[i / 64] |= (uint64_t)1 << (i % 64);
}

static bool has_bit(const struct bits *bits, size_t i)
{
	return (bits->word[i / 64] >> (i % 64) & 1) != 0;
}

/* count_stars() - at the front of @text */
static size_t count_stars(struct span text)
{
	size_t n = 0;

	while (n < text.len && text.ptr[n] == '*')
		n++;
	return n;
}

const char *glob_fault(struct span glob)
{
	if (glob.len == 0 || glob.ptr[0] != '/')
		return "it does not begin with \"/\"";
	if (glob.len > GLOB_OCTETS_MAX)
		return "it is longer than 255 octets";
	for (size_t i = 0; i < glob.len; i++) {
		char c = glob.ptr[i];

		if (c <= ' ' || c > '~')
			return "it may only hold visible ASCII; other characters are %-encoded";
		if (c == '?' || c == '#')
			return "it is matched against the path alone, which has no \"?\" or \"#\"";
		if (count_stars(span_drop(glob, i)) > 2)
			return "three stars in a row mean nothing";
	}
	return NULL;
}

static void compile(struct glob *glob, struct span text)
{
	*glob = (struct glob){ 0 };
	while (text.len > 0) {
		size_t stars = count_stars(text);

		if (stars == 0)
			set_bit(&glob->octets[(unsigned char)text.ptr[0]], glob->len);
		else
			set_bit(stars == 1 ? &glob->one : &glob->all, glob->len);
		glob->len++;
		text = span_drop(text, stars > 0 ? stars : 1);
	}
}

/* skip_stars() - a star may be nothing; no two follow each other */
static void skip_stars(struct bits *at, const struct glob *glob)
{
	uint64_t carry = 0;

	for (size_t i = 0; i < WORDS; i++) {
		uint64_t stars = at->word[i] & (glob->one.word[i] | glob->all.word[i]);

		at->word[i] |= stars << 1 | carry;
		carry = stars >> 63;
	}
}

static void step(struct bits *at, const struct glob *glob, unsigned char c)
{
	const struct bits *same = &glob->octets[c];
	uint64_t carry = 0;

	for (size_t i = 0; i < WORDS; i++) {
		uint64_t moved = at->word[i] & same->word[i];
		uint64_t stars = glob->all.word[i] | (c != '/' ? glob->one.word[i] : 0);

		at->word[i] = (at->word[i] & stars) | moved << 1 | carry;
		carry = moved >> 63;
	}
	skip_stars(at, glob);
}

bool glob_match(struct span glob, struct span path)
{
	struct glob compiled;
	struct bits at = { { 1 } }; /* the first element is '/', so no star is to be skipped */

	compile(&compiled, glob);
	for (size_t i = 0; i < path.len; i++)
		step(&at, &compiled, (unsigned char)path.ptr[i]);
	return has_bit(&at, compiled.len);
}
