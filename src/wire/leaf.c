// SPDX-License-Identifier: Apache-2.0
#include "wire/leaf.h"

#include <errno.h>

enum { LEN_OCTETS = 2, POINT_UNCOMPRESSED = 4 /* SEC 1 section 2.3.3 */ };

static void put_len(char *at, size_t len)
{
	at[0] = (char)(len & 0xff);
	at[1] = (char)(len >> 8);
}

static size_t get_len(struct span packet)
{
	return (size_t)(uint8_t)packet.ptr[0] | (size_t)(uint8_t)packet.ptr[1] << 8;
}

/* is_name() - of the letters of canonical names and addresses alone */
static bool is_name(struct span name)
{
	if (name.len == 0 || name.len > LEAF_NAME_OCTETS_MAX)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];

		if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '.' &&
		    c != '_' && c != ':')
			return false;
	}
	return true;
}

int leaf_request_encode(size_t *ret_len, char *ret, const struct leaf_request *request)
{
	if (!is_name(request->name) || request->key[0] != POINT_UNCOMPRESSED)
		return -EINVAL;
	put_len(ret, request->name.len);
	memcpy(ret + LEN_OCTETS, request->name.ptr, request->name.len);
	memcpy(ret + LEN_OCTETS + request->name.len, request->key, LEAF_KEY_OCTETS);
	*ret_len = LEN_OCTETS + request->name.len + LEAF_KEY_OCTETS;
	return 0;
}

int leaf_request_decode(struct leaf_request *ret, struct span packet)
{
	if (packet.len < LEN_OCTETS + LEAF_KEY_OCTETS)
		return -EPROTO;
	struct span name = { packet.ptr + LEN_OCTETS, get_len(packet) };
	if (packet.len != LEN_OCTETS + name.len + LEAF_KEY_OCTETS || !is_name(name))
		return -EPROTO;
	const uint8_t *key = (const uint8_t *)name.ptr + name.len;
	if (key[0] != POINT_UNCOMPRESSED)
		return -EPROTO;
	*ret = (struct leaf_request){ .name = name, .key = key };
	return 0;
}

int leaf_answer_encode(size_t *ret_len, char *ret, struct span der)
{
	if (der.len > LEAF_DER_OCTETS_MAX)
		return -EINVAL;
	put_len(ret, der.len);
	if (der.len > 0)
		memcpy(ret + LEN_OCTETS, der.ptr, der.len);
	*ret_len = LEN_OCTETS + der.len;
	return 0;
}

int leaf_answer_decode(struct span *ret, struct span packet)
{
	if (packet.len < LEN_OCTETS || packet.len > LEAF_ANSWER_OCTETS_MAX ||
	    packet.len != LEN_OCTETS + get_len(packet))
		return -EPROTO;
	*ret = span_drop(packet, LEN_OCTETS);
	return 0;
}
