// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a call is found by a key, a text of all that tells it from others, in a table of open
 * addressing that is at most half full. Texts are copied once, into chunks that live as long as the model.
 */
#include "learn/learn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "learn/segment.h"
#include "net/name.h"

enum {
	CHUNK_OCTETS = 256 * 1024,
	KEY_OCTETS = NET_NAME_OCTETS + LEARN_METHOD_OCTETS_MAX + LEARN_PATH_OCTETS_MAX + 32,
	FIRST = 256,
};

struct learn_chunk {
	struct learn_chunk *next;
	size_t used;
	char text[CHUNK_OCTETS];
};

/* A call that is looked for, and its key. */
struct wanted {
	struct learn_call call; /* its texts are borrowed */
	struct net_name name;
	char key[KEY_OCTETS];
	size_t key_len;
};

void learn_free(struct learn *learn)
{
	while (learn->chunks != NULL) {
		struct learn_chunk *next = learn->chunks->next;

		free(learn->chunks);
		learn->chunks = next;
	}
	free(learn->calls);
	free(learn->places);
	free(learn->logs);
	*learn = (struct learn){ 0 };
}

/* keep() - a copy of @text. Return: 0; -ENOSPC; -ENOMEM */
static int keep(struct span *text, struct learn *learn)
{
	struct learn_chunk *chunk = learn->chunks;

	if (text->len == 0)
		return 0;
	if (learn->octets + text->len > LEARN_OCTETS_MAX)
		return -ENOSPC;
	if (chunk == NULL || chunk->used + text->len > sizeof(chunk->text)) {
		chunk = malloc(sizeof(*chunk));
		if (chunk == NULL)
			return -ENOMEM;
		chunk->next = learn->chunks;
		chunk->used = 0;
		learn->chunks = chunk;
	}
	char *at = chunk->text + chunk->used;
	memcpy(at, text->ptr, text->len);
	chunk->used += text->len;
	learn->octets += text->len;
	text->ptr = at;
	return 0;
}

int learn_log(uint32_t *ret, struct learn *learn, const char *name)
{
	if (learn->logs_len == LEARN_LOGS_MAX)
		return -ENOSPC;
	if (learn->logs_len == learn->logs_size) {
		size_t size = learn->logs_size > 0 ? 2 * learn->logs_size : 16;
		struct learn_log *more = realloc(learn->logs, size * sizeof(*more));

		if (more == NULL)
			return -ENOMEM;
		learn->logs = more;
		learn->logs_size = size;
	}
	(void)snprintf(learn->logs[learn->logs_len].name, sizeof(learn->logs[0].name), "%s", name);
	*ret = (uint32_t)learn->logs_len++;
	return 0;
}

/* is_token() - RFC 9110 section 5.6.2 */
static bool is_token(struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		const char c = text.ptr[i];

		if (c <= ' ' || c > '~' || strchr("\"(),/:;<=>?@[\\]{}", c) != NULL)
			return false;
	}
	return text.len > 0 && text.len <= LEARN_METHOD_OCTETS_MAX;
}

/* is_path() - as a request has it: RFC 9112 section 3.2, without a query */
static bool is_path(struct span text)
{
	if (text.len == 0 || text.len >= LEARN_PATH_OCTETS_MAX)
		return false;
	if (text.ptr[0] != '/')
		return span_is(text, "*");
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] <= ' ' || text.ptr[i] > '~' || text.ptr[i] == '?' ||
		    text.ptr[i] == '#')
			return false;
	return true;
}

/* path_of() - the entry's, or that of its URL; ptr NULL: it has none */
static struct span path_of(const struct audit_entry *entry)
{
	struct span url = entry->resource.url, path = { 0 };
	const char *at = NULL;

	if (entry->resource.path.ptr != NULL || url.ptr == NULL)
		return entry->resource.path;
	at = memmem(url.ptr, url.len, "://", 3);
	if (at == NULL)
		return path;
	url = span_drop(url, (size_t)(at - url.ptr) + 3);
	at = memchr(url.ptr, '/', url.len);
	if (at == NULL)
		return SPAN("/");
	path = span_drop(url, (size_t)(at - url.ptr));
	return span_cut(&path, '?');
}

/* The names of flows in logs; what has none of its own is told by its URL or, at last, its port. */
static const struct {
	const char *protocol;
	bool https, websocket;
} protocols[] = {
	{ "http", false, false },
	{ "https", true, false },
	{ "ws", false, true },
	{ "wss", true, true },
};

static void take_protocol(struct learn_call *call, const struct audit_entry *entry)
{
	enum { PORT_HTTPS = 443 };
	struct span protocol = entry->resource.protocol, url = entry->resource.url;

	if (protocol.ptr == NULL && url.ptr != NULL)
		protocol = span_cut(&url, ':');
	call->https = call->port == PORT_HTTPS;
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		if (span_is(protocol, protocols[i].protocol)) {
			call->https = protocols[i].https;
			call->websocket = protocols[i].websocket;
		}
}

/* take_request() - Return: NULL; else why it cannot be granted */
static const char *take_request(struct learn_call *call, const struct audit_entry *entry)
{
	call->method = entry->resource.method;
	call->path = path_of(entry);
	if (!is_token(call->method))
		return "the method is none, or too long";
	if (!is_path(call->path))
		return "the path is none, or so long that its end is not on record";
	take_protocol(call, entry);
	return NULL;
}

/* take() - Return: NULL; else why it cannot be granted */
static const char *take(struct wanted *ret, const struct audit_entry *entry)
{
	struct learn_call *call = &ret->call;
	const char *why = net_name_parse(&ret->name, entry->resource.host);

	if (why != NULL)
		return why;
	call->host = (struct span){ ret->name.text, ret->name.len };
	call->is_address = ret->name.kind == NET_NAME_ADDRESS;
	if (call->action == POLICY_ACTION_DNS_QUERY)
		return call->is_address ? "an address is no name to be looked up" : NULL;
	if (!entry->resource.port.is_set || entry->resource.port.value == 0 ||
	    entry->resource.port.value > UINT16_MAX)
		return "there is no such port";
	call->port = (uint16_t)entry->resource.port.value;
	return call->action == POLICY_ACTION_HTTP_REQUEST ? take_request(call, entry) : NULL;
}

static void put_key(struct wanted *wanted, struct span text)
{
	if (text.len > 0)
		memcpy(wanted->key + wanted->key_len, text.ptr, text.len);
	wanted->key_len += text.len;
}

/* make_key() - a newline is in none of the texts */
static void make_key(struct wanted *wanted, bool exact)
{
	const struct learn_call *call = &wanted->call;
	char head[32];

	wanted->key_len = 0;
	put_key(wanted, call->host);
	put_key(wanted,
		(struct span){ head, (size_t)snprintf(head, sizeof(head), "\n%d %u %d%d%d\n",
						      (int)call->action, call->port, call->https,
						      call->websocket, !exact && call->through) });
	put_key(wanted, call->method);
	put_key(wanted, SPAN("\n"));
	if (call->path.len > 0 && exact)
		put_key(wanted, call->path);
	else if (call->path.len > 0)
		wanted->key_len += segment_template(wanted->key + wanted->key_len, call->path);
}

static bool is_same(struct span a, struct span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* is_call() - is @call what the key says? */
static bool is_call(const struct learn_call *call, const struct wanted *wanted, bool exact)
{
	const struct learn_call *other = &wanted->call;
	char template[LEARN_PATH_OCTETS_MAX + 1];

	if (!exact && call->through != other->through)
		return false;
	if (call->action != other->action || call->port != other->port ||
	    call->https != other->https || call->websocket != other->websocket ||
	    !is_same(call->host, other->host) || !is_same(call->method, other->method))
		return false;
	if (exact || is_same(call->path, other->path) || call->path.len == 0)
		return is_same(call->path, other->path);
	const size_t len = segment_template(template, call->path);
	return wanted->key_len > len &&
	       memcmp(wanted->key + wanted->key_len - len, template, len) == 0 &&
	       wanted->key[wanted->key_len - len - 1] == '\n';
}

/* hash_of() - by a secret, as programs choose what is recorded */
static uint64_t hash_of(const struct learn *learn, const struct wanted *wanted)
{
	uint64_t hash = learn->secret;

	for (size_t i = 0; i < wanted->key_len; i++) {
		hash = (hash ^ (uint8_t)wanted->key[i]) * 0x9e3779b97f4a7c15U;
		hash ^= hash >> 29; /* the next octet meets all bits of the secret */
	}
	for (unsigned i = 0; i < 2; i++) {
		hash = (hash ^ learn->secret) * 0xbf58476d1ce4e5b9U;
		hash ^= hash >> 32;
	}
	return hash;
}

static size_t place_of(const struct learn *learn, const struct wanted *wanted)
{
	const size_t mask = learn->places_len - 1;
	size_t i = (size_t)wanted->call.hash & mask;

	while (learn->places[i] != 0 &&
	       (learn->calls[learn->places[i] - 1].hash != wanted->call.hash ||
		!is_call(&learn->calls[learn->places[i] - 1], wanted, learn->exact)))
		i = (i + 1) & mask;
	return i;
}

/* grow() - Return: 0; -ENOSPC; -ENOMEM */
static int grow(struct learn *learn)
{
	const size_t max = learn->exact ? LEARN_EXACT_CALLS_MAX : LEARN_CALLS_MAX;
	const size_t size = learn->calls_size > 0 ? 2 * learn->calls_size : FIRST;
	static struct wanted wanted; /* large */

	if (learn->calls_len < learn->calls_size)
		return 0;
	if (learn->secret == 0 &&
	    getrandom(&learn->secret, sizeof(learn->secret), 0) != sizeof(learn->secret))
		return -EIO; /* it never cuts so few octets, see getrandom(2) */
	if (size > max)
		return -ENOSPC;
	struct learn_call *more = realloc(learn->calls, size * sizeof(*more));
	if (more == NULL)
		return -ENOMEM;
	learn->calls = more;
	uint32_t *places = calloc(2 * size, sizeof(*places));
	if (places == NULL)
		return -ENOMEM;
	free(learn->places);
	learn->places = places;
	learn->places_len = 2 * size;
	learn->calls_size = size;
	for (size_t i = 0; i < learn->calls_len; i++) {
		wanted.call = learn->calls[i];
		make_key(&wanted, learn->exact);
		places[place_of(learn, &wanted)] = (uint32_t)i + 1;
	}
	return 0;
}

/* add_call() - Return: 0; -ENOSPC; -ENOMEM */
static int add_call(struct learn *learn, const struct wanted *wanted)
{
	struct learn_call call = wanted->call;
	int r = keep(&call.host, learn);

	if (r == 0)
		r = keep(&call.method, learn);
	if (r == 0)
		r = keep(&call.path, learn);
	if (r < 0)
		return r;
	if (call.path.len > 0)
		call.examples[call.examples_len++] = call.path;
	learn->places[place_of(learn, wanted)] = (uint32_t)learn->calls_len + 1;
	learn->calls[learn->calls_len++] = call;
	return 0;
}

/* vary() - the template was seen with another path. Return: 0; -ENOMEM */
static int vary(struct learn *learn, struct learn_call *call, struct span path)
{
	call->varied |= segment_differences(call->path, path);
	for (size_t i = 0; i < call->examples_len; i++)
		if (is_same(call->examples[i], path))
			return 0;
	int r = call->examples_len < LEARN_EXAMPLES ? keep(&path, learn) : -ENOSPC;
	if (r == 0)
		call->examples[call->examples_len++] = path;
	call->more = call->more || r == -ENOSPC;
	return r == -ENOSPC ? 0 : r; /* an example less */
}

static int find_call(struct learn_call **ret, struct learn *learn, struct wanted *wanted)
{
	int r = learn->calls_size == 0 ? grow(learn) : 0;

	if (r < 0)
		return r;
	wanted->call.hash = hash_of(learn, wanted);
	uint32_t number = learn->places[place_of(learn, wanted)];
	if (number == 0) {
		r = grow(learn);
		if (r == 0)
			r = add_call(learn, wanted);
		number = (uint32_t)learn->calls_len;
	} else if (wanted->call.path.len > 0 && !learn->exact && wanted->call.through) {
		r = vary(learn, &learn->calls[number - 1], wanted->call.path);
	}
	if (r == 0)
		*ret = &learn->calls[number - 1];
	return r;
}

static void count_odd(struct learn *learn, const char *why, struct learn_ref ref)
{
	if (learn->odd++ > 0)
		return;
	(void)snprintf(learn->why_odd, sizeof(learn->why_odd), "%s", why);
	learn->odd_ref = ref;
}

static bool is_asked(enum policy_action action)
{
	return action == POLICY_ACTION_DNS_QUERY || action == POLICY_ACTION_NET_CONNECT ||
	       action == POLICY_ACTION_HTTP_REQUEST;
}

static void count_time(struct learn *learn, int64_t time_ns)
{
	if (learn->entries++ == 0 || time_ns < learn->first_ns)
		learn->first_ns = time_ns;
	if (time_ns > learn->last_ns)
		learn->last_ns = time_ns;
}

static bool is_let_through(const struct audit_entry *entry)
{
	/* what is only watched takes place whatever was decided, unless another than the policy refused it */
	return entry->decision == AUDIT_ALLOW ||
	       (entry->mode == AUDIT_MODE_AUDIT && entry->error_code.len == 0);
}

/* count() - what is named for a call that was ever allowed are entries that say so */
static void count(struct learn_call *call, struct learn_ref ref, bool allowed)
{
	if (allowed && call->allowed == 0)
		call->refs_len = 0;
	if ((allowed || call->allowed == 0) && call->refs_len < LEARN_REFS)
		call->refs[call->refs_len++] = ref;
	call->allowed += allowed;
	call->denied += !allowed;
}

int learn_add(struct learn *learn, const struct audit_entry *entry, uint32_t log)
{
	static struct wanted wanted; /* large, and zeroed would cost more than the rest */
	const struct learn_ref ref = { log, entry->seq };
	struct learn_call *call = NULL;
	const char *why = NULL;

	if (entry->phase == AUDIT_END || entry->decision == AUDIT_DECISION_NONE)
		return 0;
	count_time(learn, entry->time_ns);
	wanted.call = (struct learn_call){ .action = policy_action_find(entry->action),
					   .through = is_let_through(entry) };
	if (!is_asked(wanted.call.action)) {
		learn->other++;
		return 0;
	}
	why = take(&wanted, entry);
	if (why != NULL) {
		count_odd(learn, why, ref);
		return 0;
	}
	make_key(&wanted, learn->exact);
	int r = find_call(&call, learn, &wanted);
	if (r == -ENOSPC) {
		learn->lost++;
		learn->lost_denied += !is_let_through(entry);
	}
	if (r < 0)
		return r == -ENOSPC ? 0 : r;
	count(call, ref, is_let_through(entry));
	return 0;
}

struct policy_resource learn_resource(const struct learn_call *call, struct span path)
{
	struct policy_resource ret = {
		.host = call->host,
		.is_address = call->is_address,
		.port = call->port,
		.websocket = call->websocket,
		.method = call->method,
		.target = path,
	};

	if (call->action == POLICY_ACTION_HTTP_REQUEST)
		ret.scheme = call->https ? SPAN("https") : SPAN("http");
	return ret;
}
