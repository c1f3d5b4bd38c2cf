// SPDX-License-Identifier: Apache-2.0
#include "audit/redact.h"

#include <ctype.h>
#include <errno.h>
#include <strings.h>

enum { TOKEN_OCTETS = 256 };

#define RULE(kind, prefix, name)                                     \
	{                                                            \
		kind, { name, sizeof(name) - 1 },                    \
		{                                                    \
			prefix ":" name, sizeof(prefix ":" name) - 1 \
		}                                                    \
	}
#define HEADER(name) RULE(AUDIT_REDACT_HEADER, "header", name)
#define QUERY(name)  RULE(AUDIT_REDACT_QUERY, "query", name)

const struct audit_redact audit_redact_default[] = {
	HEADER("authorization"),
	HEADER("proxy-authorization"),
	HEADER("cookie"),
	HEADER("set-cookie"),
	HEADER("x-api-key"),
	QUERY("access_token"),
	QUERY("token"),
	QUERY("api_key"),
	QUERY("apikey"),
	QUERY("key"),
	QUERY("password"),
	QUERY("secret"),
	QUERY("client_secret"),
	QUERY("code"),
	QUERY("sig"),
	QUERY("signature"),
	QUERY("X-Amz-Signature"),
	QUERY("X-Amz-Credential"),
	QUERY("X-Amz-Security-Token"),
};
const size_t audit_redact_default_len = ARRAY_SIZE(audit_redact_default);

static bool is_same_text(struct span a, struct span b)
{
	return a.len == b.len && strncasecmp(a.ptr, b.ptr, a.len) == 0;
}

int audit_redact_parse(struct audit_redact *ret, struct span rule, struct diag *diag)
{
	static const char *const kinds[] = { "header", "query", "json" };
	struct span what = rule, kind = span_cut(&what, ':');

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (!span_is(kind, kinds[i]) || what.ptr == NULL || what.len == 0 ||
		    what.len > TOKEN_OCTETS / 2 || (i == AUDIT_REDACT_JSON && what.ptr[0] != '/'))
			continue;
		*ret = (struct audit_redact){ (enum audit_redact_kind)i, what, rule };
		return 0;
	}
	return diag_set(
	    diag, -EINVAL,
	    "'%.*s' is no rule of redaction: they are header:NAME, query:KEY and json:/POINTER",
	    (int)(rule.len < 64 ? rule.len : 64), rule.ptr);
}

/* note() - that @rule was used */
static void note(struct audit_list *used, struct span rule)
{
	for (size_t i = 0; i < used->len; i++)
		if (is_same_text(used->items[i], rule))
			return;
	if (used->len < AUDIT_LIST_MAX)
		used->items[used->len++] = rule;
}

const struct audit_redact *audit_redact_header(const struct audit_redact *rules, size_t len,
					       struct span name)
{
	for (size_t i = 0; i < len; i++)
		if (rules[i].kind == AUDIT_REDACT_HEADER && is_same_text(rules[i].what, name))
			return &rules[i];
	return NULL;
}

static int hex_of(char c)
{
	if (!isxdigit((unsigned char)c))
		return -1;
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* decode() - percent-encoding of a key. Return: the text in @room, cut if it is long. */
static struct span decode(char room[TOKEN_OCTETS], struct span key)
{
	size_t len = 0;

	for (size_t i = 0; i < key.len && len < TOKEN_OCTETS; i++) {
		if (key.ptr[i] == '%' && i + 2 < key.len && hex_of(key.ptr[i + 1]) >= 0 &&
		    hex_of(key.ptr[i + 2]) >= 0) {
			room[len++] = (char)(hex_of(key.ptr[i + 1]) * 16 + hex_of(key.ptr[i + 2]));
			i += 2;
		} else {
			room[len++] = key.ptr[i];
		}
	}
	return (struct span){ room, len };
}

static const struct audit_redact *query_rule(const struct audit_redact *rules, size_t len,
					     struct span key)
{
	char room[TOKEN_OCTETS];
	struct span name = decode(room, key);

	for (size_t i = 0; i < len; i++)
		if (rules[i].kind == AUDIT_REDACT_QUERY && is_same_text(rules[i].what, name))
			return &rules[i];
	return NULL;
}

/* put_pair() - "key=value" with what separates it from the next */
static int put_pair(struct buf *ret, struct audit_list *used, struct span pair,
		    const struct audit_redact *rules, size_t len)
{
	struct span value = pair, key = span_cut(&value, '=');
	const struct audit_redact *rule = value.ptr != NULL ? query_rule(rules, len, key) : NULL;

	if (rule == NULL)
		return buf_append(ret, pair);
	note(used, rule->rule);
	int r = buf_append(ret, key);
	return r == 0 ? buf_append(ret, SPAN("=" AUDIT_REDACTED)) : r;
}

/* authority_at() - where host and user begin: behind "scheme://", or "//" at the front (RFC 3986 section 4.2).
 * A "://" behind a path or query began is of another URL in there. SIZE_MAX: there is none. */
static size_t authority_at(struct span url)
{
	size_t i = 0;

	while (i < url.len && memchr("/?#", url.ptr[i], 3) == NULL)
		i++;
	if (url.len - i < 2 || memcmp(url.ptr + i, "//", 2) != 0)
		return SIZE_MAX;
	return i == 0 || url.ptr[i - 1] == ':' ? i + 2 : SIZE_MAX;
}

/* put_origin() - scheme and host; what stands before an '@' goes */
static int put_origin(struct buf *ret, struct audit_list *used, struct span *url)
{
	size_t authority = authority_at(*url), begin = authority != SIZE_MAX ? authority : 0;
	size_t end = begin;

	while (end < url->len && memchr("/?#", url->ptr[end], 3) == NULL)
		end++;
	const char *at = authority != SIZE_MAX ? memrchr(url->ptr + begin, '@', end - begin) : NULL;
	int r = buf_append(ret, (struct span){ url->ptr, begin });
	if (at != NULL) {
		note(used, SPAN("userinfo"));
		if (r == 0)
			r = buf_append(ret, SPAN(AUDIT_REDACTED "@"));
		begin = (size_t)(at + 1 - url->ptr);
	}
	if (r == 0)
		r = buf_append(ret, (struct span){ url->ptr + begin, end - begin });
	*url = span_drop(*url, end);
	return r;
}

int audit_redact_url(struct buf *ret, struct audit_list *used, struct span url,
		     const struct audit_redact *rules, size_t len)
{
	int r = url.len > 0 ? put_origin(ret, used, &url) : 0;
	struct span path = { url.ptr, 0 };

	while (path.len < url.len && url.ptr[path.len] != '?' && url.ptr[path.len] != '#')
		path.len++;
	if (r == 0)
		r = buf_append(ret, path);
	url = url.len > 0 ? span_drop(url, path.len) : url;
	/* '?' before the first; servers also take ';' for '&', and a fragment may hold a token */
	while (r == 0 && url.len > 0) {
		size_t end = 1;

		while (end < url.len && memchr("&;#?", url.ptr[end], 4) == NULL)
			end++;
		r = buf_append(ret, (struct span){ url.ptr, 1 });
		if (r == 0)
			r = put_pair(ret, used, (struct span){ url.ptr + 1, end - 1 }, rules, len);
		url = span_drop(url, end);
	}
	return r;
}

/* token_next() - the next of a pointer, "~1" and "~0" undone (RFC 6901 section 4) */
static bool token_next(char ret[TOKEN_OCTETS], struct span *pointer)
{
	size_t len = 0;

	if (pointer->ptr == NULL || pointer->len >= TOKEN_OCTETS)
		return false;
	struct span token = span_cut(pointer, '/');
	for (size_t i = 0; i < token.len; i++) {
		bool escaped = token.ptr[i] == '~' && i + 1 < token.len &&
			       (token.ptr[i + 1] == '0' || token.ptr[i + 1] == '1');

		ret[len++] = token.ptr[i];
		if (escaped)
			ret[len - 1] = token.ptr[++i] == '1' ? '/' : '~';
	}
	ret[len] = '\0';
	return true;
}

static size_t index_of(const char *token)
{
	size_t number = 0;

	for (const char *c = token; *c != '\0'; c++) {
		if (!isdigit((unsigned char)*c) || number > SIZE_MAX / 20)
			return SIZE_MAX;
		number = number * 10 + (size_t)(*c - '0');
	}
	return token[0] == '\0' || (token[0] == '0' && token[1] != '\0') ? SIZE_MAX : number;
}

/* redact_one() - Return: 1: done; 0: there is none; -ENOMEM */
static int redact_one(json_t *body, struct span pointer)
{
	char token[TOKEN_OCTETS];
	json_t *parent = NULL, *value = body;

	(void)span_cut(&pointer, '/'); /* before the first slash is nothing */
	while (pointer.ptr != NULL && value != NULL && token_next(token, &pointer)) {
		parent = value;
		value = json_is_array(parent) ? json_array_get(parent, index_of(token))
					      : json_object_get(parent, token);
	}
	if (value == NULL || parent == NULL)
		return 0;
	int r = json_is_array(parent)
		    ? json_array_set_new(parent, index_of(token), json_string(AUDIT_REDACTED))
		    : json_object_set_new(parent, token, json_string(AUDIT_REDACTED));
	return r == 0 ? 1 : -ENOMEM;
}

int audit_redact_json(json_t *body, struct audit_list *used, const struct audit_redact *rules,
		      size_t len)
{
	for (size_t i = 0; i < len; i++) {
		int r = rules[i].kind == AUDIT_REDACT_JSON ? redact_one(body, rules[i].what) : 0;

		if (r < 0)
			return r;
		if (r == 1)
			note(used, rules[i].rule);
	}
	return 0;
}
