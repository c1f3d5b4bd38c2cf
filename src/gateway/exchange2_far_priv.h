/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exchange2_far_priv - the far ends of an exchange: frames as a test wants them, and a reader of those that come
 * there; what a unit test and the fuzz target share.
 */
#ifndef GATEWAY_EXCHANGE2_FAR_PRIV_H
#define GATEWAY_EXCHANGE2_FAR_PRIV_H

#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <sys/socket.h>

#include "gateway/exchange2_priv.h"
#include "wire/http1_fuzz.h"

#define FAR_PLACEHOLDER "IMMURE_SECRET_aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbb"
#define FAR_VALUE       "va:lue"

enum {
	FAR_FRAME_OCTETS = 16384,
	FAR_FRAME_HEAD_OCTETS = 9,
	FAR_STREAMS = 64, /* of one connection that are looked after */
	FAR_WHAT_OCTETS = 128,
	FAR_MAGIC_OCTETS = 24,
};

/* What came on a stream at a far end. */
struct far_stream {
	int32_t id;
	bool ended; /* or was reset */
	bool websocket;
	bool hides;                  /* values, from the program */
	uint64_t octets, octets_max; /* of its body; 0: any */
	size_t tail_len;
	char tail[sizeof(FAR_PLACEHOLDER)];
};

struct far {
	int fd;
	bool deaf; /* it does not read for now */
	bool raw;  /* it has said what the input liked */
	size_t came;
	size_t part_len; /* of a frame that is not whole */
	char part[FAR_MAGIC_OCTETS + FAR_FRAME_HEAD_OCTETS + FAR_FRAME_OCTETS];
	struct far_stream streams[FAR_STREAMS];
	unsigned stream_count;
};

static inline uint32_t far_number(const char *octets, int count)
{
	uint32_t number = 0;

	for (int i = 0; i < count; i++)
		number = number << 8 | (uint8_t)octets[i];
	return number;
}

/* far_stream_of() - made if need be; NULL: they are too many */
static inline struct far_stream *far_stream_of(struct far *far, int32_t id)
{
	for (unsigned i = 0; i < far->stream_count; i++)
		if (far->streams[i].id == id)
			return &far->streams[i];
	if (far->stream_count == FAR_STREAMS)
		return NULL;
	struct far_stream *s = &far->streams[far->stream_count++];
	*s = (struct far_stream){ .id = id };
	return s;
}

/* far_shows() - is @word in what came on it until now? @data: what is new */
static inline bool far_shows(struct far_stream *s, struct span data, const char *word)
{
	static char text[sizeof(s->tail) + FAR_FRAME_OCTETS];
	size_t keep = strlen(word) - 1, len = s->tail_len + data.len;

	memcpy(text, s->tail, s->tail_len);
	if (data.len > 0)
		memcpy(text + s->tail_len, data.ptr, data.len);
	bool found = memmem(text, len, word, strlen(word)) != NULL;
	s->tail_len = len < keep ? len : keep;
	memcpy(s->tail, text + len - s->tail_len, s->tail_len);
	return found;
}

/* Frames. */

/* far_send() - @octets: nothing is sent if all does not fit */
static inline void far_send(const struct far *far, const void *octets, size_t len)
{
	if (len > 0)
		(void)!send(far->fd, octets, len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static inline void far_frame(const struct far *far, unsigned type, unsigned flags, int32_t id,
			     struct span payload)
{
	static char frame[FAR_FRAME_HEAD_OCTETS + FAR_FRAME_OCTETS];
	const uint32_t number = (uint32_t)id;
	const char head[FAR_FRAME_HEAD_OCTETS] = {
		(char)(payload.len >> 16),
		(char)(payload.len >> 8),
		(char)payload.len,
		(char)type,
		(char)flags,
		(char)(number >> 24),
		(char)(number >> 16),
		(char)(number >> 8),
		(char)number,
	};

	must(payload.len <= FAR_FRAME_OCTETS);
	memcpy(frame, head, sizeof(head));
	if (payload.len > 0)
		memcpy(frame + sizeof(head), payload.ptr, payload.len);
	far_send(far, frame, sizeof(head) + payload.len);
}

/* far_numbers() - a frame of @count numbers of 4 octets */
static inline void far_numbers(const struct far *far, unsigned type, int32_t id, int count,
			       const uint32_t *numbers)
{
	char octets[8];

	for (int i = 0; i < 4 * count; i++)
		octets[i] = (char)(numbers[i / 4] >> (24 - 8 * (i % 4)));
	far_frame(far, type, 0, id, (struct span){ octets, 4 * (size_t)count });
}

static inline void far_setting(const struct far *far, unsigned key, uint32_t value)
{
	const char octets[6] = { (char)(key >> 8),    (char)key,          (char)(value >> 24),
				 (char)(value >> 16), (char)(value >> 8), (char)value };

	far_frame(far, NGHTTP2_SETTINGS, 0, 0, (struct span){ octets, sizeof(octets) });
}

/* far_head() - @text: lines of "name=value". @cut: in two frames. @keep: in HPACK's table */
static inline void far_head(const struct far *far, int32_t id, unsigned flags, bool cut, bool keep,
			    const char *text)
{
	char block[1024];
	size_t len = 0;

	for (const char *end = NULL; *text != '\0'; text = end + 1) {
		const char *sign = strchr(text + 1, '=');

		end = strchr(text, '\n');
		must(sign != NULL && end != NULL && sign < end && end - text < 120 &&
		     len + 128 < sizeof(block));
		block[len++] = keep ? 0x40 : 0;
		block[len++] = (char)(sign - text);
		memcpy(block + len, text, (size_t)(sign - text));
		len += (size_t)(sign - text);
		block[len++] = (char)(end - sign - 1);
		memcpy(block + len, sign + 1, (size_t)(end - sign - 1));
		len += (size_t)(end - sign - 1);
	}
	size_t first = cut ? len / 2 : len;
	flags |= cut ? 0 : NGHTTP2_FLAG_END_HEADERS;
	far_frame(far, NGHTTP2_HEADERS, flags, id, (struct span){ block, first });
	if (cut)
		far_frame(far, NGHTTP2_CONTINUATION, NGHTTP2_FLAG_END_HEADERS, id,
			  (struct span){ block + first, len - first });
}

/* far_data() - @len octets of @fill, over and over. @padded: with ten more in each frame */
static inline void far_data(const struct far *far, int32_t id, size_t len, const char *fill,
			    bool padded, bool end)
{
	static char payload[FAR_FRAME_OCTETS];
	size_t at = 0, pad = padded ? 10 : 0;

	do {
		size_t most = sizeof(payload) - (padded ? 1 + pad : 0);
		size_t n = len < most ? len : most, used = 0;

		if (padded)
			payload[used++] = (char)pad;
		for (size_t i = 0; i < n; i++, at++)
			payload[used++] = fill[at % strlen(fill)];
		memset(payload + used, 0, padded ? pad : 0);
		len -= n;
		far_frame(far, NGHTTP2_DATA,
			  (padded ? NGHTTP2_FLAG_PADDED : 0U) |
			      (end && len == 0 ? NGHTTP2_FLAG_END_STREAM : 0U),
			  id, (struct span){ payload, used + (padded ? pad : 0) });
	} while (len > 0);
}

/* What comes. */

/* far_take() - call @frame for each frame that has come whole. @magic: after the preface of HTTP/2 */
static inline void far_take(struct far *far, bool magic,
			    void (*frame)(struct far *far, struct span frame))
{
	ssize_t n = 0;

	while (!far->deaf && far->fd >= 0 &&
	       (n = recv(far->fd, far->part + far->part_len, sizeof(far->part) - far->part_len,
			 MSG_DONTWAIT)) > 0) {
		struct span rest = { far->part, far->part_len + (size_t)n };
		bool first = magic && far->came < FAR_MAGIC_OCTETS;

		far->came += (size_t)n;
		if (first && rest.len >= FAR_MAGIC_OCTETS) {
			must(memcmp(rest.ptr, NGHTTP2_CLIENT_MAGIC, FAR_MAGIC_OCTETS) == 0);
			rest = span_drop(rest, FAR_MAGIC_OCTETS);
			first = false;
		}
		while (!first && rest.len >= FAR_FRAME_HEAD_OCTETS) {
			size_t len = FAR_FRAME_HEAD_OCTETS + far_number(rest.ptr, 3);

			must(len <= FAR_FRAME_HEAD_OCTETS + FAR_FRAME_OCTETS);
			if (rest.len < len)
				break;
			frame(far, (struct span){ rest.ptr, len });
			rest = span_drop(rest, len);
		}
		memmove(far->part, rest.ptr, rest.len);
		far->part_len = rest.len;
	}
}

#endif
