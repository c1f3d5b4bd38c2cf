// SPDX-License-Identifier: Apache-2.0
#include "wire/grant.h"

#include <errno.h>

static void put(char **at, uint64_t value, size_t octets)
{
	for (size_t i = 0; i < octets; i++)
		*(*at)++ = (char)(value >> 8 * i & 0xff);
}

static void put_text(char **at, struct span text)
{
	if (text.len > 0)
		memcpy(*at, text.ptr, text.len);
	*at += text.len;
}

static uint64_t take(struct span *rest, size_t octets)
{
	uint64_t value = 0;

	for (size_t i = 0; i < octets; i++)
		value |= (uint64_t)(uint8_t)rest->ptr[i] << 8 * i;
	*rest = span_drop(*rest, octets);
	return value;
}

static struct span take_text(struct span *rest, size_t len)
{
	struct span text = { rest->ptr, len };

	*rest = span_drop(*rest, len);
	return text;
}

/* is_text() - @lowest to '~' alone, @least to @most of them */
static bool is_text(struct span text, size_t least, size_t most, char lowest)
{
	if (text.len < least || text.len > most)
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] < lowest || text.ptr[i] > '~')
			return false;
	return true;
}

static bool is_app(struct span app)
{
	return is_text(app, 1, GRANT_APP_OCTETS_MAX, '!');
}

static const char *request_fault(const struct grant *grant)
{
	if (!is_text(grant->method, 1, GRANT_METHOD_OCTETS_MAX, '!'))
		return "its method is none";
	if (!is_text(grant->target, 1, GRANT_TARGET_OCTETS_MAX, '!') ||
	    (grant->target.ptr[0] != '/' && !span_is(grant->target, "*")))
		return "its path is none, or too long";
	return NULL;
}

const char *grant_fault(const struct grant *grant)
{
	const unsigned flags = grant->action == GRANT_HTTP_REQUEST
				   ? GRANT_DENY | GRANT_HTTPS | GRANT_WEBSOCKET
				   : GRANT_DENY;

	if (grant->action != GRANT_NET_CONNECT && grant->action != GRANT_HTTP_REQUEST)
		return "there is no such action";
	if ((grant->flags & ~flags) != 0)
		return "it has flags of another action";
	if (!is_app(grant->app))
		return "its app is none";
	if (!is_text(grant->host, 1, GRANT_HOST_OCTETS_MAX, '!'))
		return "its host is none";
	if (grant->port == 0)
		return "its port is none";
	if (grant->id < 0 || grant->created < 0 || grant->expires < 0)
		return "its times are none";
	if (!is_text(grant->by, 1, GRANT_BY_OCTETS_MAX, '!'))
		return "nobody gave it";
	if (grant->action == GRANT_HTTP_REQUEST)
		return request_fault(grant);
	return grant->method.len + grant->target.len > 0 ? "it has the method of another action"
							 : NULL;
}

static void put_grant(char **at, const struct grant *grant)
{
	const struct span texts[] = { grant->app, grant->host, grant->method, grant->target,
				      grant->by };

	put(at, grant->action, 2);
	put(at, grant->flags, 2);
	put(at, grant->port, 2);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		put(at, texts[i].len, 2);
	put(at, grant->uid, 4);
	put(at, (uint64_t)grant->id, 8);
	put(at, (uint64_t)grant->created, 8);
	put(at, (uint64_t)grant->expires, 8);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		put_text(at, texts[i]);
}

/* is_packet() - is all of it as the table says? */
static bool is_packet(const struct grant_packet *packet)
{
	switch (packet->kind) {
	case GRANT_ONE:
		return grant_fault(&packet->grant) == NULL;
	case GRANT_END:
		return packet->text.len == 0;
	case GRANT_FAILED:
		return is_text(packet->text, 1, GRANT_WHY_OCTETS_MAX, ' ');
	case GRANT_LIST:
		return is_app(packet->text);
	}
	return false;
}

int grant_encode(size_t *ret_len, char *ret, const struct grant_packet *packet)
{
	char *at = ret;

	if (!is_packet(packet))
		return -EINVAL;
	put(&at, GRANT_VERSION, 2);
	put(&at, packet->kind, 2);
	if (packet->kind == GRANT_ONE)
		put_grant(&at, &packet->grant);
	else
		put_text(&at, packet->text);
	*ret_len = (size_t)(at - ret);
	return 0;
}

/* take_grant() - Return: is all of @rest one? */
static bool take_grant(struct grant *ret, struct span rest)
{
	struct span *const texts[] = { &ret->app, &ret->host, &ret->method, &ret->target,
				       &ret->by };
	size_t octets = 0;

	if (rest.len < GRANT_ONE_OCTETS - GRANT_HEAD_OCTETS)
		return false;
	ret->action = (enum grant_action)take(&rest, 2);
	ret->flags = (unsigned)take(&rest, 2);
	ret->port = (uint16_t)take(&rest, 2);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		octets += texts[i]->len = take(&rest, 2);
	ret->uid = (uint32_t)take(&rest, 4);
	ret->id = (int64_t)take(&rest, 8);
	ret->created = (int64_t)take(&rest, 8);
	ret->expires = (int64_t)take(&rest, 8);
	if (rest.len != octets)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		*texts[i] = take_text(&rest, texts[i]->len);
	return true;
}

int grant_decode(struct grant_packet *ret, struct span octets)
{
	struct grant_packet packet = { 0 };

	if (octets.len < GRANT_HEAD_OCTETS || octets.len > GRANT_PACKET_OCTETS_MAX ||
	    take(&octets, 2) != GRANT_VERSION)
		return -EPROTO;
	packet.kind = (enum grant_packet_kind)take(&octets, 2);
	if (packet.kind == GRANT_ONE) {
		if (!take_grant(&packet.grant, octets))
			return -EPROTO;
	} else {
		packet.text = octets;
	}
	if (!is_packet(&packet))
		return -EPROTO;
	*ret = packet;
	return 0;
}

const char *grant_action_name(enum grant_action action)
{
	return action == GRANT_HTTP_REQUEST ? "http.request" : "net.connect";
}
