// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: pure judgements on texts, and the two small languages of flags (sizes and
 * durations). No locale, no allocation; nothing here looks at the file system, so a path that is
 * fine here may still be missing. The ctype calls mean ASCII: this project never calls setlocale().
 */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "config/config_priv.h"

enum {
	APP_OCTETS_MAX = 64,
	LABEL_OCTETS_MAX = 63,    /* RFC 1035 section 2.3.4 */
	NAME_OCTETS_MAX = 253,    /* the same, as text */
	HOSTNAME_OCTETS_MAX = 64, /* linux/utsname.h __NEW_UTS_LEN */
	PORT_MAX = 65535,
	COMPONENT_OCTETS_MAX = 255, /* linux/limits.h NAME_MAX */
};

/* escape_one() - the @len octets of a character. Return: octets put at @ret, which has room for 16 */
static size_t escape_one(char *ret, const char *text, size_t len, bool plain)
{
	size_t at = 0;

	if (plain) {
		memcpy(ret, text, len);
		return len;
	}
	for (size_t i = 0; i < len; i++)
		at += (size_t)snprintf(ret + at, 5, "\\x%02x", (unsigned char)text[i]);
	return at;
}

size_t config_escape(char *ret, size_t size, struct span text)
{
	size_t len = 0, fits = 0; /* where "..." would still fit */

	while (text.len > 0) {
		char one[17];
		uint32_t code = 0;
		size_t octets = utf8_decode(&code, text);
		bool plain = octets > 0 && utf8_is_plain(code);

		octets = octets > 0 ? octets : 1;
		size_t n = escape_one(one, text.ptr, octets, plain);

		if (len + n + 1 > size)
			break;
		memcpy(ret + len, one, n);
		len += n;
		if (len + sizeof("...") <= size)
			fits = len;
		text = span_drop(text, octets);
	}
	if (text.len > 0 && size >= sizeof("...")) {
		memcpy(ret + fits, "...", 3);
		len = fits + 3;
	}
	ret[len] = '\0';
	return len;
}

struct config_shown config_show(const char *text)
{
	struct config_shown shown = { "" };

	config_escape(shown.text, sizeof(shown.text), span_of(text));
	return shown;
}

/* fold_into() - append the parts of @path to what @ret holds */
static const char *fold_into(char *ret, size_t *len, const char *path, bool up_allowed)
{
	struct span rest = span_of(path);

	while (rest.ptr != NULL) {
		struct span part = span_cut(&rest, '/');

		if (part.len == 0 || span_is(part, "."))
			continue;
		if (!up_allowed && span_is(part, ".."))
			return "\"..\" is not allowed in a path of the sandbox";
		if (part.len > COMPONENT_OCTETS_MAX)
			return "a part of the path is longer than 255 octets";
		if (*len + 1 + part.len >= PATH_MAX)
			return "the path is longer than 4095 octets";
		ret[(*len)++] = '/';
		memcpy(ret + *len, part.ptr, part.len);
		*len += part.len;
	}
	return NULL;
}

const char *config_fold_path(char *ret, const char *base, const char *path)
{
	const char *fault = NULL;
	size_t len = 0;

	if (path[0] == '\0')
		return "the path is empty";
	for (const char *c = path; *c != '\0'; c++)
		if (iscntrl((unsigned char)*c))
			return "the path holds a control character";
	if (path[0] != '/' && base == NULL)
		return "the path must start with \"/\"";
	if (path[0] == '~' && (path[1] == '/' || path[1] == '\0'))
		return "\"~\" is not expanded: write the folder out, or \"./~\"";
	if (path[0] != '/')
		fault = fold_into(ret, &len, base, true);
	if (fault == NULL)
		fault = fold_into(ret, &len, path, base != NULL);
	if (len == 0)
		ret[len++] = '/';
	ret[len] = '\0';
	return fault;
}

const char *config_mount_fault(const char *path)
{
	static const struct {
		const char *top;
		const char *why;
	} rows[] = {
		{ "", "the root cannot be replaced; see rootfs" },
		{ "proc", "the kernel's own folders cannot be replaced" },
		{ "sys", "the kernel's own folders cannot be replaced" },
		{ "dev", "the kernel's own folders cannot be replaced" },
		{ "usr", "the system's own folders cannot be replaced" },
		{ "bin", "the system's own folders cannot be replaced" },
		{ "sbin", "the system's own folders cannot be replaced" },
		{ "etc", "the system's own folders cannot be replaced" },
		/* FHS 3.0 section 3.10, /lib<qual>: those Linux systems have */
		{ "lib", "the system's own folders cannot be replaced" },
		{ "lib32", "the system's own folders cannot be replaced" },
		{ "lib64", "the system's own folders cannot be replaced" },
		{ "libx32", "the system's own folders cannot be replaced" },
		{ "libo32", "the system's own folders cannot be replaced" },
	};
	static const char local[] = "/usr/local/"; /* FHS 3.0 section 4.9: the administrator's */
	struct span rest = span_of(path + 1);
	struct span top = span_cut(&rest, '/');

	if (strncmp(path, local, strlen(local)) == 0)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (span_is(top, rows[i].top))
			return rows[i].why;
	return NULL;
}

const char *config_text_fault(const char *text)
{
	size_t len = strlen(text);

	if (len == 0)
		return "it is empty";
	if (len > NAME_OCTETS_MAX)
		return "it is longer than 253 octets";
	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] == 0x7f)
			return "it holds a blank, a control character or one that is not ASCII";
	return NULL;
}

const char *config_env_name_fault(const char *text)
{
	if (!isalpha((unsigned char)text[0]) && text[0] != '_')
		return "a name must start with a letter or \"_\"";
	for (size_t i = 0; text[i] != '\0'; i++)
		if (!isalnum((unsigned char)text[i]) && text[i] != '_')
			return "a name holds only letters, digits and \"_\"";
	return NULL;
}

const char *config_hostname_fault(const char *text)
{
	struct span rest = span_of(text);

	if (rest.len > HOSTNAME_OCTETS_MAX)
		return "a host name is at most 64 octets long";
	while (rest.ptr != NULL) {
		struct span label = span_cut(&rest, '.');

		if (label.len == 0 || label.len > LABEL_OCTETS_MAX)
			return "a label must be 1 to 63 octets long";
		if (label.ptr[0] == '-' || label.ptr[label.len - 1] == '-')
			return "a label must not start or end with \"-\"";
		for (size_t i = 0; i < label.len; i++)
			if (!isalnum((unsigned char)label.ptr[i]) && label.ptr[i] != '-')
				return "a character is not allowed in a name";
	}
	return NULL;
}

const char *config_app_fault(const char *text)
{
	size_t len = strlen(text);

	if (len == 0 || len > APP_OCTETS_MAX)
		return "a name of an app is 1 to 64 octets long";
	for (size_t i = 0; i < len; i++)
		if (!islower((unsigned char)text[i]) && !isdigit((unsigned char)text[i]) &&
		    (i == 0 || strchr("-_.", text[i]) == NULL))
			return "it is not of a-z, 0-9, \"-\", \"_\" and \".\", the first a letter "
			       "or digit";
	return NULL;
}

/* parse_count() - decimal digits, no more than @max */
static bool parse_count(uint64_t *ret, struct span text, uint64_t max)
{
	uint64_t count = 0;

	if (text.len == 0)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (!isdigit((unsigned char)text.ptr[i]))
			return false;
		uint64_t digit = (uint64_t)(text.ptr[i] - '0');
		if (count > (max - digit) / 10)
			return false;
		count = 10 * count + digit;
	}
	*ret = count;
	return true;
}

/* cut_port() - take a port and its colon off the end of @rest, whose ptr is NULL when all is taken */
static bool cut_port(uint16_t *ret, struct span *rest)
{
	const char *colon = rest->len > 0 ? memrchr(rest->ptr, ':', rest->len) : NULL;
	size_t front = colon != NULL ? (size_t)(colon - rest->ptr) : 0;
	struct span text = colon != NULL ? span_drop(*rest, front + 1) : *rest;
	uint64_t port = 0;

	if (!parse_count(&port, text, PORT_MAX))
		return false;
	*ret = (uint16_t)port;
	*rest = colon != NULL ? (struct span){ rest->ptr, front } : (struct span){ 0 };
	return true;
}

int config_parse_publish(struct config_publish *ret, struct span text)
{
	struct config_publish publish = { .address = { .family = 4, .octets = { 127, 0, 0, 1 } } };
	struct net_address address;

	if (!cut_port(&publish.port, &text) || publish.port == 0)
		return -EINVAL;
	publish.host_port = publish.port;
	if (text.ptr != NULL && !cut_port(&publish.host_port, &text))
		return -EINVAL;
	if (text.len > 2 && text.ptr[0] == '[' && text.ptr[text.len - 1] == ']')
		text = (struct span){ text.ptr + 1, text.len - 2 };
	if (text.ptr != NULL) {
		if (net_address_parse(&address, text) < 0)
			return -EINVAL;
		publish.address = net_address_unmap(&address);
	}
	*ret = publish;
	return 0;
}

const char *config_publish_fault(const char *text)
{
	struct config_publish publish;

	if (strcmp(text, CONFIG_PUBLISH_AUTO) == 0)
		return NULL;
	return config_parse_publish(&publish, span_of(text)) < 0
		   ? "it is not PORT, HOST_PORT:PORT or ADDRESS:HOST_PORT:PORT, with ports up to "
		     "65535, nor auto"
		   : NULL;
}

const char *config_command_fault(const char *text)
{
	if (text[0] == '\0')
		return "it is empty";
	return strpbrk(text, "\r\n") != NULL ? "it holds a line break" : NULL;
}

/* unit_of() - cut the letter off the end of @text. Return: the letter in lower case, or 0. */
static int unit_of(struct span *text)
{
	int last = text->len > 0 ? (unsigned char)text->ptr[text->len - 1] : 0;

	if (!isalpha(last))
		return 0;
	text->len--;
	return tolower(last);
}

/* is_decimal() - "12" or "1.5", short enough that a double holds it exactly */
static bool is_decimal(struct span text)
{
	struct span rest = text;
	struct span whole = span_cut(&rest, '.');
	uint64_t count = 0;

	if (text.len > 15 || !parse_count(&count, whole, UINT64_MAX))
		return false;
	return rest.ptr == NULL || parse_count(&count, rest, UINT64_MAX);
}

/* parse_size() - in units of @one octets, as is what has no unit, rounded up */
static int parse_size(uint64_t *ret, struct span text, double one)
{
	static const double kib = 1024;
	const struct {
		char unit;
		double octets;
	} rows[] = {
		{ '\0', one },
		{ 'k', kib },
		{ 'm', kib * kib },
		{ 'g', kib * kib * kib },
		{ 't', kib * kib * kib * kib },
	};
	char digits[16] = "";
	int unit = unit_of(&text);

	if (!is_decimal(text))
		return -EINVAL;
	memcpy(digits, text.ptr, text.len);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].unit != unit)
			continue;
		/* units are powers of two: the product is exact whenever it is whole */
		double size = ceil(strtod(digits, NULL) * (rows[i].octets / one));
		if (size >= (double)INT64_MAX)
			return -EINVAL;
		*ret = (uint64_t)size;
		return 0;
	}
	return -EINVAL;
}

int config_parse_size_mb(uint64_t *ret, struct span text)
{
	return parse_size(ret, text, 1024.0 * 1024);
}

int config_parse_octets(uint64_t *ret, struct span text)
{
	return parse_size(ret, text, 1);
}

int config_parse_duration_s(uint64_t *ret, struct span text)
{
	static const struct {
		char unit;
		uint64_t seconds;
	} rows[] = {
		{ '\0', 1 }, { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 },
	};
	int unit = unit_of(&text);
	uint64_t count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].unit != unit)
			continue;
		if (!parse_count(&count, text, (uint64_t)INT64_MAX / rows[i].seconds) || count == 0)
			return -EINVAL;
		*ret = count * rows[i].seconds;
		return 0;
	}
	return -EINVAL;
}
