// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a block is a buffer of records (lengths, name, value), so that it can be kept
 * in one piece. Reading it sorts its fields into pseudo fields, which come first and once each, and
 * the others, judged one by one; then the whole is judged in the order in which http1_request.c does.
 */
#include "wire/http2_head.h"

#include <stdio.h>

#include "wire/http1_priv.h"

enum {
	FIELD_OVERHEAD_OCTETS = 32, /* RFC 9113 section 6.5.2 */
	STATUS_SWITCHING_PROTOCOLS = 101,
	STATUS_NO_CONTENT = 204,
	PORT_HTTP = 80,
	PORT_HTTPS = 443,
	TARGET_OCTETS_MAX = 16 * 1024,
};

enum pseudo { METHOD, SCHEME, AUTHORITY, PATH, PROTOCOL, STATUS, PSEUDOS };

static const char *const pseudo_names[PSEUDOS] = {
	[METHOD] = ":method", [SCHEME] = ":scheme",     [AUTHORITY] = ":authority",
	[PATH] = ":path",     [PROTOCOL] = ":protocol", [STATUS] = ":status",
};

enum {
	OF_REQUEST = 1 << METHOD | 1 << SCHEME | 1 << AUTHORITY | 1 << PATH | 1 << PROTOCOL,
	OF_RESPONSE = 1 << STATUS,
};

struct head {
	struct span pseudo[PSEUDOS]; /* ptr is NULL: not given */
	struct http2_fields *fields;
};

static const struct http2_fault sound;

static struct http2_fault refuse(unsigned status, const char *why)
{
	return (struct http2_fault){ status, why };
}

static struct http2_fault fault_of(enum http1_fault fault)
{
	return fault == HTTP1_FAULTLESS
		   ? sound
		   : refuse(http1_fault_status(fault), http1_fault_text(fault));
}

/* Blocks. */

struct record {
	uint16_t name_len, value_len;
	uint16_t sensitive; /* no padding: it is compared and copied as octets */
};

void http2_block_add(struct http2_block *block, struct span name, struct span value, bool sensitive)
{
	char *room = NULL;

	block->count += block->count <= HTTP2_FIELDS_MAX;
	if (block->size <= HTTP2_LIST_OCTETS_MAX) /* so that it does not wrap */
		block->size += name.len + value.len + FIELD_OVERHEAD_OCTETS;
	if (block->size > HTTP2_LIST_OCTETS_MAX || block->count > HTTP2_FIELDS_MAX)
		return;
	const struct record record = { (uint16_t)name.len, (uint16_t)value.len, sensitive };
	if (buf_reserve(&room, &block->octets, sizeof(record) + name.len + value.len) < 0) {
		block->failed = true;
		return;
	}
	memcpy(room, &record, sizeof(record));
	if (name.len > 0)
		memcpy(room + sizeof(record), name.ptr, name.len);
	if (value.len > 0)
		memcpy(room + sizeof(record) + name.len, value.ptr, value.len);
	buf_commit(&block->octets, sizeof(record) + name.len + value.len);
}

void http2_block_free(struct http2_block *block)
{
	buf_free(&block->octets);
	block->count = 0;
	block->size = 0;
	block->failed = false;
}

static bool next_field(struct http2_field *ret, struct span *rest)
{
	struct record record;

	if (rest->ptr == NULL || rest->len < sizeof(record))
		return false;
	memcpy(&record, rest->ptr, sizeof(record));
	ret->name = (struct span){ rest->ptr + sizeof(record), record.name_len };
	ret->value = (struct span){ ret->name.ptr + record.name_len, record.value_len };
	ret->id = HTTP1_OTHER;
	ret->sensitive = record.sensitive != 0;
	*rest = span_drop(*rest, sizeof(record) + record.name_len + record.value_len);
	return true;
}

/* Fields. */

static bool is_lower(struct span name)
{
	for (size_t i = 0; i < name.len; i++)
		if (name.ptr[i] >= 'A' && name.ptr[i] <= 'Z')
			return false;
	return true;
}

/* judge_meaning() - RFC 9113 section 8.2.2: what belongs to a connection of HTTP/1 has no place */
static struct http2_fault judge_meaning(const struct http2_field *field)
{
	switch ((unsigned)field->id) {
	case HTTP1_CONNECTION:
	case HTTP1_KEEP_ALIVE:
	case HTTP1_PROXY_CONNECTION:
	case HTTP1_TRANSFER_ENCODING:
	case HTTP1_UPGRADE:
		return refuse(400, "a field is about the connection, which HTTP/2 does not have");
	case HTTP1_TE:
		return http1_is(field->value, "trailers")
			   ? sound
			   : refuse(400, "TE says something other than 'trailers'");
	case HTTP1_TRAILER:
		return fault_of(http1_trailer_judge(field->value));
	default:
		return sound;
	}
}

static struct http2_fault judge_field(struct http2_field *field)
{
	const struct http1_known *known = http1_name_find(field->name);

	if (!http1_is_token(field->name) || !is_lower(field->name))
		return refuse(400, "a field's name is not a token in lower case");
	if (http1_name_is_alias(field->name, known))
		return fault_of(HTTP1_FIELD_ALIAS);
	if (!http1_value_is_sound(field->value))
		return refuse(400, "a field's value holds a control character or outer blanks");
	field->id = known->id;
	return judge_meaning(field);
}

static struct http2_fault take_pseudo(struct head *head, const struct http2_field *field,
				      unsigned allowed)
{
	if (head->fields->count > 0)
		return refuse(400, "a pseudo field comes after other fields");
	for (unsigned i = 0; i < PSEUDOS; i++) {
		if ((allowed >> i & 1) == 0 || !span_is(field->name, pseudo_names[i]))
			continue;
		if (head->pseudo[i].ptr != NULL)
			return refuse(400, "a pseudo field is repeated");
		head->pseudo[i] = field->value;
		return sound;
	}
	return refuse(400, "there is a pseudo field that may not be here");
}

static struct http2_fault take_field(struct http2_fields *fields, struct http2_field *field)
{
	struct http2_fault fault = judge_field(field);

	if (fault.status != 0)
		return fault;
	if (fields->times[field->id]++ == 0)
		fields->first[field->id] = (uint8_t)fields->count;
	fields->at[fields->count++] = *field;
	return sound;
}

/* sort() - the fields of @block. @allowed: which pseudo fields there may be */
static struct http2_fault sort(struct head *head, struct http2_fields *fields,
			       const struct http2_block *block, unsigned allowed)
{
	struct span rest = buf_span(&block->octets);
	struct http2_fault fault = sound;
	struct http2_field field;

	*head = (struct head){ .fields = fields };
	fields->count = 0;
	memset(fields->times, 0, sizeof(fields->times));
	if (block->failed)
		return refuse(503, "there is no memory for the head");
	if (block->size > HTTP2_LIST_OCTETS_MAX)
		return fault_of(HTTP1_HEAD_LONG);
	if (block->count > HTTP2_FIELDS_MAX)
		return fault_of(HTTP1_FIELDS_MANY);
	while (fault.status == 0 && next_field(&field, &rest)) {
		bool pseudo = field.name.len > 0 && field.name.ptr[0] == ':';

		fault = pseudo ? take_pseudo(head, &field, allowed) : take_field(fields, &field);
	}
	return fault;
}

static struct span value_of(const struct http2_fields *fields, enum http1_name id)
{
	return fields->times[id] > 0 ? fields->at[fields->first[id]].value : (struct span){ 0 };
}

static struct http2_fault read_length(bool *ret_given, uint64_t *ret,
				      const struct http2_fields *fields)
{
	*ret_given = fields->times[HTTP1_CONTENT_LENGTH] > 0;
	*ret = 0;
	if (!*ret_given)
		return sound;
	if (fields->times[HTTP1_CONTENT_LENGTH] > 1)
		return fault_of(HTTP1_LENGTH_REPEATED);
	return http1_number_read(ret, value_of(fields, HTTP1_CONTENT_LENGTH))
		   ? sound
		   : fault_of(HTTP1_LENGTH);
}

/* Requests. */

/* judge_method() - CONNECT is only the extended one of RFC 8441: section 4 */
static struct http2_fault judge_method(struct http2_request *ret, const struct head *head)
{
	struct span protocol = head->pseudo[PROTOCOL];

	ret->method_text = head->pseudo[METHOD];
	if (ret->method_text.ptr == NULL)
		return refuse(400, "there is no :method");
	struct http2_fault fault = fault_of(http1_method_read(&ret->method, ret->method_text));
	if (fault.status != 0)
		return fault;
	if (ret->method != HTTP1_CONNECT)
		return protocol.ptr == NULL ? sound
					    : refuse(400, ":protocol is given without CONNECT");
	if (protocol.ptr == NULL)
		return refuse(405, "CONNECT would open a tunnel; connect to the host itself");
	if (!span_is(protocol, "websocket"))
		return refuse(501, ":protocol is not 'websocket'");
	ret->websocket = true;
	ret->method = HTTP1_GET;
	ret->method_text = SPAN("GET");
	return sound;
}

static struct http2_fault judge_scheme(struct http2_request *ret, struct span scheme)
{
	ret->https = http1_is(scheme, "https");
	if (scheme.ptr == NULL)
		return refuse(400, "there is no :scheme");
	return ret->https || http1_is(scheme, "http") ? sound : fault_of(HTTP1_TARGET_SCHEME);
}

static struct http2_fault judge_path(struct http2_request *ret, char *room, struct span target)
{
	if (target.ptr == NULL || target.len == 0)
		return refuse(400, "there is no :path");
	struct http2_fault fault = fault_of(http1_target_judge(target, TARGET_OCTETS_MAX));
	if (fault.status != 0)
		return fault;
	ret->asterisk = span_is(target, "*");
	if (ret->asterisk) {
		ret->path.text = SPAN("*");
		return ret->method == HTTP1_OPTIONS ? sound : fault_of(HTTP1_TARGET);
	}
	if (target.ptr[0] != '/')
		return fault_of(HTTP1_TARGET);
	return http1_path_read(&ret->path, room, target) ? sound : fault_of(ret->path.fault);
}

static bool agree(const struct http2_request *request, const struct http1_authority *host)
{
	const struct http1_authority *target = &request->authority;
	unsigned usual = request->https ? PORT_HTTPS : PORT_HTTP;

	return host->kind == target->kind && strcmp(host->host, target->host) == 0 &&
	       (host->port > 0 ? host->port : usual) == (target->port > 0 ? target->port : usual);
}

static struct http2_fault judge_host(struct http2_request *ret, struct span authority)
{
	struct http1_authority host = { 0 };

	if (ret->fields.times[HTTP1_HOST] > 1)
		return fault_of(HTTP1_HOST_REPEATED);
	if (authority.ptr == NULL && ret->fields.times[HTTP1_HOST] == 0)
		return refuse(400, "there is neither :authority nor Host");
	if (authority.ptr != NULL && !http1_authority_read(&ret->authority, authority))
		return fault_of(HTTP1_TARGET_AUTHORITY);
	if (ret->fields.times[HTTP1_HOST] == 0)
		return sound;
	if (!http1_authority_read(&host, value_of(&ret->fields, HTTP1_HOST)))
		return fault_of(HTTP1_HOST_MALFORMED);
	if (authority.ptr != NULL)
		return agree(ret, &host) ? sound : fault_of(HTTP1_HOST_OTHER);
	ret->authority = host;
	return sound;
}

static struct http2_fault judge_body(struct http2_request *ret, bool ended)
{
	const struct http2_fields *fields = &ret->fields;
	struct http2_fault fault = read_length(&ret->has_length, &ret->length, fields);

	if (fault.status != 0)
		return fault;
	if (ended && ret->length > 0)
		return refuse(400, "Content-Length announces a body, and there is none");
	bool some = ret->has_length ? ret->length > 0 : !ended;
	if (fields->times[HTTP1_EXPECT] == 0)
		return sound;
	return fields->times[HTTP1_EXPECT] == 1 && some && !ret->websocket &&
		       http1_is(value_of(fields, HTTP1_EXPECT), "100-continue")
		   ? sound
		   : fault_of(HTTP1_EXPECTATION);
}

static struct http2_fault judge_websocket(const struct http2_request *request, bool ended)
{
	const struct http2_fields *fields = &request->fields;

	return !ended && !request->has_length && !request->asterisk &&
		       fields->times[HTTP1_WEBSOCKET_VERSION] == 1 &&
		       span_is(value_of(fields, HTTP1_WEBSOCKET_VERSION), "13")
		   ? sound
		   : fault_of(HTTP1_UPGRADE_MALFORMED);
}

struct http2_fault http2_request_read(struct http2_request *ret, char *room,
				      const struct http2_block *block, bool ended)
{
	struct head head;

	ret->method = HTTP1_METHOD_OTHER;
	ret->websocket = false;
	struct http2_fault fault = sort(&head, &ret->fields, block, OF_REQUEST);
	if (span_is(head.pseudo[METHOD], "HEAD"))
		ret->method = HTTP1_HEAD;
	if (fault.status == 0)
		fault = judge_method(ret, &head);
	if (fault.status == 0)
		fault = judge_scheme(ret, head.pseudo[SCHEME]);
	if (fault.status == 0)
		fault = judge_path(ret, room, head.pseudo[PATH]);
	if (fault.status == 0)
		fault = judge_host(ret, head.pseudo[AUTHORITY]);
	if (fault.status == 0)
		fault = judge_body(ret, ended);
	if (fault.status == 0 && ret->websocket)
		fault = judge_websocket(ret, ended);
	ret->takes_trailers = ret->fields.times[HTTP1_TE] > 0;
	return fault;
}

/* Responses and trailers. */

static bool read_status(unsigned *ret, struct span text)
{
	unsigned status = 0;

	for (size_t i = 0; i < text.len; i++) {
		if (i > 2 || text.ptr[i] < '0' || text.ptr[i] > '9')
			return false;
		status = status * 10 + (unsigned)(text.ptr[i] - '0');
	}
	*ret = status;
	return text.len == 3 && status >= 100;
}

struct http2_fault http2_response_read(struct http2_response *ret, const struct http2_block *block,
				       bool ended, bool websocket)
{
	struct head head;
	struct http2_fault fault = sort(&head, &ret->fields, block, OF_RESPONSE);

	if (fault.status == 0 && !read_status(&ret->status, head.pseudo[STATUS]))
		fault = fault_of(HTTP1_STATUS);
	if (fault.status == 0)
		fault = read_length(&ret->has_length, &ret->length, &ret->fields);
	if (fault.status != 0)
		return fault;
	ret->interim = ret->status / 100 == 1;
	if (ret->status == STATUS_SWITCHING_PROTOCOLS)
		return fault_of(HTTP1_UPGRADE_UNASKED);
	if (ret->interim && ended)
		return refuse(502, "an interim response is the last one");
	bool bodiless = ret->interim || ret->status == STATUS_NO_CONTENT ||
			(websocket && ret->status / 100 == 2);
	return bodiless && ret->length > 0 ? fault_of(HTTP1_BODY_UNEXPECTED) : sound;
}

struct http2_fault http2_trailers_read(struct http2_fields *ret, const struct http2_block *block)
{
	struct head head;
	struct http2_fault fault = sort(&head, ret, block, 0);

	if (fault.status == 0 && block->size > HTTP2_TRAILER_OCTETS_MAX)
		return fault_of(HTTP1_HEAD_LONG);
	for (unsigned i = 0; fault.status == 0 && i < ret->count; i++)
		if (!http1_name_is_trailer(ret->at[i].name))
			fault = fault_of(HTTP1_TRAILER_FORBIDDEN);
	return fault;
}

/* Writing. */

static void put(struct http2_list *to, struct span name, struct span value, bool sensitive)
{
	to->at[to->count++] =
	    (struct http2_field){ .name = name, .value = value, .sensitive = sensitive };
}

static void put_pseudo(struct http2_list *to, enum pseudo pseudo, struct span value)
{
	put(to, span_of(pseudo_names[pseudo]), value, false);
}

static void put_fields(struct http2_list *to, const struct http2_fields *fields)
{
	for (unsigned i = 0; i < fields->count; i++) {
		const struct http2_field *field = &fields->at[i];

		if (field->id != HTTP1_HOST && !http1_name_find(field->name)->hop)
			put(to, field->name, field->value, field->sensitive);
	}
}

static struct span authority_text(char room[HTTP2_AUTHORITY_OCTETS],
				  const struct http1_authority *authority)
{
	bool brackets = authority->kind == HTTP1_HOST_IPV6;
	int len = snprintf(room, HTTP2_AUTHORITY_OCTETS, "%s%s%s", brackets ? "[" : "",
			   authority->host, brackets ? "]" : "");

	if (authority->port > 0)
		len += snprintf(room + len, HTTP2_AUTHORITY_OCTETS - (size_t)len, ":%u",
				authority->port);
	return (struct span){ room, (size_t)len };
}

void http2_request_write(struct http2_list *ret, char room[HTTP2_AUTHORITY_OCTETS],
			 const struct http2_request *request)
{
	ret->count = 0;
	put_pseudo(ret, METHOD, request->websocket ? SPAN("CONNECT") : request->method_text);
	if (request->websocket)
		put_pseudo(ret, PROTOCOL, SPAN("websocket"));
	put_pseudo(ret, SCHEME, request->https ? SPAN("https") : SPAN("http"));
	put_pseudo(ret, AUTHORITY, authority_text(room, &request->authority));
	put_pseudo(ret, PATH, request->path.text);
	put_fields(ret, &request->fields);
	if (request->takes_trailers)
		put(ret, SPAN("te"), SPAN("trailers"), false);
}

void http2_response_write(struct http2_list *ret, char room[4],
			  const struct http2_response *response)
{
	(void)snprintf(room, 4, "%u", response->status % 1000);
	ret->count = 0;
	put_pseudo(ret, STATUS, (struct span){ room, 3 });
	put_fields(ret, &response->fields);
}

void http2_trailers_write(struct http2_list *ret, const struct http2_fields *trailers)
{
	ret->count = 0;
	put_fields(ret, trailers);
}
