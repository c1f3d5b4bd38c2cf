// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: two layers. Records (RFC 8446 section 5.1) carry the message in fragments:
 * gather() walks them, and only when the last is there puts the message together, so that bytes
 * that come one by one cost no more than a walk over at most 64 headers each. Then the message
 * (section 4.1.2) is read by a cursor that takes lists off its front; each list must fill its frame
 * to the last octet. The first fault wins.
 *
 *	record		type, version, length, fragment
 *	message		type, u24 length; version, random, session, ciphers, compressions, extensions
 *
 * A flow is TLS if it starts with 0x16 0x03. From there on nothing is "not TLS" any more, or a hello
 * that is a little broken would escape the rules for TLS.
 */
#include "wire/tls_hello.h"

#include "base/base.h"

enum {
	RECORD_HEADER_OCTETS = 5,
	RECORD_OCTETS_MAX = 16384,
	MESSAGE_HEADER_OCTETS = 4,
	TYPE_HANDSHAKE = 22,
	TYPE_CLIENT_HELLO = 1,
	VERSION_MAJOR = 3,
	TLS12 = 0x0303,
	SSL2_HEADER_OCTETS = 5, /* length, type, version (RFC 5246 appendix E.2) */
	RANDOM_OCTETS = 32,
	SESSION_OCTETS_MAX = 32,
	NAME_TYPE_HOST = 0,
};

/* https://www.iana.org/assignments/tls-extensiontype-values */
enum {
	EXT_SERVER_NAME = 0,
	EXT_ALPN = 16,
	EXT_PRE_SHARED_KEY = 41,
	EXT_SUPPORTED_VERSIONS = 43,
	EXT_ECH_DRAFT_FIRST = 0xfe08, /* draft-ietf-tls-esni-08 to -12 */
	EXT_ECH_DRAFT_LAST = 0xfe0c,
	EXT_ECH = 0xfe0d,
	EXT_ESNI_DRAFT = 0xffce, /* draft-ietf-tls-esni-00 to -06 */
};

static unsigned u8_at(struct span s, size_t i)
{
	return (unsigned char)s.ptr[i];
}

static unsigned u16_at(struct span s, size_t i)
{
	return u8_at(s, i) << 8 | u8_at(s, i + 1);
}

/* take() - the first @len octets off the front of @rest */
static bool take(struct span *ret, struct span *rest, size_t len)
{
	if (rest->len < len)
		return false;
	*ret = (struct span){ rest->ptr, len };
	*rest = span_drop(*rest, len);
	return true;
}

/* take_list() - what follows a length of @width octets, 1 or 2 */
static bool take_list(struct span *ret, struct span *rest, size_t width)
{
	struct span length;

	if (!take(&length, rest, width))
		return false;
	return take(ret, rest, width == 1 ? u8_at(length, 0) : u16_at(length, 0));
}

/* take_whole() - as take_list(), and nothing follows */
static bool take_whole(struct span *ret, struct span rest, size_t width)
{
	return take_list(ret, &rest, width) && rest.len == 0;
}

static const char *parse_server_name(struct tls_hello *hello, struct span data)
{
	struct span list, type, name;

	if (!take_whole(&list, data, 2) || !take(&type, &list, 1))
		return "server_name: not a list";
	if (u8_at(type, 0) != NAME_TYPE_HOST)
		return "server_name: not a host name";
	if (!take_list(&name, &list, 2))
		return "server_name: cut short";
	if (name.len == 0)
		return "server_name: empty";
	if (list.len > 0)
		return "server_name: more than one name";
	hello->host_name = name;
	return NULL;
}

static const char *parse_alpn(struct tls_hello *hello, struct span data)
{
	struct span list;

	if (!take_whole(&list, data, 2) || list.len == 0)
		return "ALPN: not a list";
	while (list.len > 0) {
		struct span name;

		if (!take_list(&name, &list, 1))
			return "ALPN: cut short";
		if (name.len == 0)
			return "ALPN: an empty name";
		if (hello->alpn_count == TLS_HELLO_ALPN_MAX)
			return "ALPN: more than 16 names";
		hello->alpn[hello->alpn_count++] = name;
	}
	return NULL;
}

/* parse_versions() - what has another major version is GREASE (RFC 8701) or a draft */
static const char *parse_versions(struct tls_hello *hello, struct span data)
{
	struct span list;

	if (!take_whole(&list, data, 1) || list.len == 0 || list.len % 2 != 0)
		return "supported_versions: not a list";
	hello->version = 0;
	for (size_t i = 0; i < list.len; i += 2) {
		unsigned version = u16_at(list, i);

		if (version >> 8 == VERSION_MAJOR && version > hello->version)
			hello->version = (uint16_t)version;
	}
	return NULL;
}

/* parse_ech() - ECHClientHello (RFC 9849 section 5) */
static const char *parse_ech(struct tls_hello *hello, struct span data)
{
	const char *fault = "encrypted_client_hello: malformed";
	struct span type, suite_and_id, key, payload;

	if (!take(&type, &data, 1))
		return fault;
	if (u8_at(type, 0) == 1) {
		hello->ech = TLS_ECH_INNER;
		return data.len == 0 ? NULL : fault;
	}
	if (u8_at(type, 0) != 0 || !take(&suite_and_id, &data, 5) || !take_list(&key, &data, 2) ||
	    !take_whole(&payload, data, 2) || payload.len == 0)
		return fault;
	hello->ech = TLS_ECH_OUTER;
	return NULL;
}

static const char *parse_extension(struct tls_hello *hello, unsigned type, struct span data)
{
	switch (type) {
	case EXT_SERVER_NAME:
		return parse_server_name(hello, data);
	case EXT_ALPN:
		return parse_alpn(hello, data);
	case EXT_SUPPORTED_VERSIONS:
		return parse_versions(hello, data);
	case EXT_ECH:
		return parse_ech(hello, data);
	default:
		break;
	}
	bool draft = type >= EXT_ECH_DRAFT_FIRST && type <= EXT_ECH_DRAFT_LAST;
	if ((draft || type == EXT_ESNI_DRAFT) && hello->ech == TLS_ECH_NONE)
		hello->ech = TLS_ECH_DRAFT;
	return NULL;
}

static bool is_among(const uint16_t *types, size_t count, unsigned type)
{
	for (size_t i = 0; i < count; i++)
		if (types[i] == type)
			return true;
	return false;
}

static const char *parse_extensions(struct tls_hello *hello, struct span rest)
{
	uint16_t seen[TLS_HELLO_EXTENSIONS_MAX];

	for (size_t count = 0; rest.len > 0; count++) {
		struct span type, data;

		if (!take(&type, &rest, 2) || !take_list(&data, &rest, 2))
			return "an extension is cut short";
		if (is_among(seen, count, u16_at(type, 0)))
			return "an extension comes twice";
		if (count == ARRAY_SIZE(seen))
			return "more than 64 extensions";
		seen[count] = (uint16_t)u16_at(type, 0);
		if (seen[count] == EXT_PRE_SHARED_KEY && rest.len > 0)
			return "pre_shared_key is not the last extension"; /* section 4.2.11 */

		const char *fault = parse_extension(hello, seen[count], data);
		if (fault != NULL)
			return fault;
	}
	return NULL;
}

/* parse_body() - the message without its header */
static const char *parse_body(struct tls_hello *hello, struct span rest)
{
	struct span version, random, session, ciphers, compressions, extensions;

	if (!take(&version, &rest, 2) || !take(&random, &rest, RANDOM_OCTETS))
		return "the hello is cut short";
	hello->legacy_version = (uint16_t)u16_at(version, 0);
	if (hello->legacy_version >> 8 != VERSION_MAJOR)
		return "the hello's version is not one of TLS";
	/* above TLS 1.2 only supported_versions counts (section 4.2.1) */
	hello->version = hello->legacy_version > TLS12 ? TLS12 : hello->legacy_version;
	if (!take_list(&session, &rest, 1) || session.len > SESSION_OCTETS_MAX)
		return "the session id is too long";
	if (!take_list(&ciphers, &rest, 2) || ciphers.len == 0 || ciphers.len % 2 != 0)
		return "the cipher suites are not a list";
	if (!take_list(&compressions, &rest, 1) || compressions.len == 0 ||
	    memchr(compressions.ptr, 0, compressions.len) == NULL)
		return "the compressions lack \"none\"";
	if (rest.len == 0) /* before TLS 1.3 there need not be any extensions */
		return NULL;
	if (!take_whole(&extensions, rest, 2))
		return "the extensions do not fill the hello";
	return parse_extensions(hello, extensions);
}

/* The message while it is gathered. */
struct gathered {
	struct span message;   /* whole if in one record */
	size_t message_octets; /* its length, header included; 0: not known yet */
	size_t flow_octets;
	size_t records;
	unsigned char header[MESSAGE_HEADER_OCTETS]; /* may itself be cut */
	size_t octets;                               /* of the message, seen so far */
};

/* see_fragment() - count it, and judge the message's header as far as it is there */
static const char *see_fragment(struct gathered *got, struct span fragment, size_t octets_max)
{
	for (size_t i = 0; i < fragment.len && got->octets + i < MESSAGE_HEADER_OCTETS; i++)
		got->header[got->octets + i] = (unsigned char)fragment.ptr[i];
	if (got->octets == 0)
		got->message = fragment;
	got->octets += fragment.len;
	if (got->octets > 0 && got->header[0] != TYPE_CLIENT_HELLO)
		return "the first message is not a ClientHello";
	if (got->octets < MESSAGE_HEADER_OCTETS)
		return NULL;
	got->message_octets =
	    MESSAGE_HEADER_OCTETS +
	    ((size_t)got->header[1] << 16 | (size_t)got->header[2] << 8 | got->header[3]);
	if (got->message_octets > octets_max)
		return "the hello is too long";
	return NULL;
}

/* see_record_header() - as far as it is there */
static const char *see_record_header(struct span flow)
{
	if (flow.len > 0 && u8_at(flow, 0) != TYPE_HANDSHAKE)
		return "another record comes before the end of the hello";
	if (flow.len > 1 && u8_at(flow, 1) != VERSION_MAJOR)
		return "a record's version is not one of TLS";
	if (flow.len < RECORD_HEADER_OCTETS)
		return NULL;
	if (u16_at(flow, 3) == 0)
		return "a record is empty";
	return u16_at(flow, 3) > RECORD_OCTETS_MAX ? "a record is too long" : NULL;
}

/* is_whole() - all octets of the message were seen */
static bool is_whole(const struct gathered *got)
{
	return got->message_octets > 0 && got->octets >= got->message_octets;
}

/* gather() - walk over the records. Return: NULL, and is_whole() tells if all is there; a fault. */
static const char *gather(struct gathered *got, struct span flow, size_t octets_max)
{
	while (!is_whole(got) && flow.len > 0) {
		const char *fault = see_record_header(flow);
		struct span fragment = { 0 };

		if (got->records++ == TLS_HELLO_RECORDS_MAX)
			return "the hello is cut into more than 64 records";
		if (fault != NULL || flow.len <= RECORD_HEADER_OCTETS)
			return fault;
		size_t len = u16_at(flow, 3);
		flow = span_drop(flow, RECORD_HEADER_OCTETS);
		fragment = (struct span){ flow.ptr, flow.len < len ? flow.len : len };
		fault = see_fragment(got, fragment, octets_max);
		if (fault != NULL)
			return fault;
		/* judged by the length that is announced, so that it does not matter what came */
		if (got->message_octets > 0 &&
		    got->octets - fragment.len + len > got->message_octets)
			return "more than the hello is in its last record";
		got->flow_octets += RECORD_HEADER_OCTETS + len;
		flow = span_drop(flow, fragment.len);
	}
	return NULL;
}

/* copy_fragments() - put the gathered message together; all of it is in @flow */
static struct span copy_fragments(char *room, struct span flow, size_t octets)
{
	size_t at = 0;

	while (at < octets) {
		size_t len = u16_at(flow, 3);

		memcpy(room + at, flow.ptr + RECORD_HEADER_OCTETS, len);
		at += len;
		flow = span_drop(flow, RECORD_HEADER_OCTETS + len);
	}
	return (struct span){ room, octets };
}

/* first_look() - WHOLE here means: it is a TLS handshake, whatever comes of it */
static enum tls_hello_verdict first_look(struct span flow)
{
	if (flow.len == 0)
		return TLS_HELLO_MORE;
	if (u8_at(flow, 0) == TYPE_HANDSHAKE) {
		if (flow.len < 2)
			return TLS_HELLO_MORE;
		return u8_at(flow, 1) == VERSION_MAJOR ? TLS_HELLO_WHOLE : TLS_HELLO_NOT_TLS;
	}
	if (u8_at(flow, 0) < 0x80 || (flow.len > 2 && u8_at(flow, 2) != TYPE_CLIENT_HELLO))
		return TLS_HELLO_NOT_TLS;
	if (flow.len < SSL2_HEADER_OCTETS)
		return TLS_HELLO_MORE;
	bool ssl2 = u16_at(flow, 3) == 2 || u8_at(flow, 3) == VERSION_MAJOR;
	return ssl2 ? TLS_HELLO_SSL2 : TLS_HELLO_NOT_TLS;
}

enum tls_hello_verdict tls_hello_parse(struct tls_hello *ret, struct span flow, char *room,
				       size_t room_octets)
{
	enum tls_hello_verdict verdict = first_look(flow);
	struct tls_hello hello = { 0 };
	struct gathered got = { 0 };

	if (verdict != TLS_HELLO_WHOLE)
		return verdict;
	if (room_octets > TLS_HELLO_OCTETS_MAX)
		room_octets = TLS_HELLO_OCTETS_MAX;
	const char *fault = gather(&got, flow, room_octets);
	if (fault == NULL && !is_whole(&got))
		return TLS_HELLO_MORE;
	if (fault == NULL) {
		if (got.records > 1)
			got.message = copy_fragments(room, flow, got.octets);
		fault = parse_body(&hello, span_drop(got.message, MESSAGE_HEADER_OCTETS));
	}
	if (fault != NULL) {
		*ret = (struct tls_hello){ .fault = fault };
		return TLS_HELLO_MALFORMED;
	}
	hello.flow_octets = got.flow_octets;
	*ret = hello;
	return TLS_HELLO_WHOLE;
}
