// SPDX-License-Identifier: Apache-2.0
#include <errno.h>

#include "base/test.h"
#include "config/config_priv.h"

#define L10  "abcdefghij"
#define L50  L10 L10 L10 L10 L10
#define L60  L50 L10
#define L63  L60 "abc"
#define L250 L50 L50 L50 L50 L50

static void test_sizes(void)
{
	const struct {
		const char *text;
		int want;
		uint64_t mb;
	} rows[] = {
		{ "512M", 0, 512 },
		{ "512m", 0, 512 },
		{ "1G", 0, 1024 },
		{ "1.5g", 0, 1536 },
		{ "1024", 0, 1024 },
		{ "1048576k", 0, 1024 },
		{ "1k", 0, 1 }, /* rounded up */
		{ "1025k", 0, 2 },
		{ "0.1g", 0, 103 },
		{ "2t", 0, 2097152 },
		{ "0", 0, 0 },
		{ "999999999999999", 0, 999999999999999 },
		{ "9999999999999999", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ "g", -EINVAL, 0 },
		{ "1.g", -EINVAL, 0 },
		{ ".5g", -EINVAL, 0 },
		{ "1..5g", -EINVAL, 0 },
		{ "1.5.5g", -EINVAL, 0 },
		{ "-1g", -EINVAL, 0 },
		{ "+1g", -EINVAL, 0 },
		{ " 1g", -EINVAL, 0 },
		{ "1 g", -EINVAL, 0 },
		{ "1gb", -EINVAL, 0 },
		{ "1b", -EINVAL, 0 },
		{ "1e3", -EINVAL, 0 },
		{ "0x10", -EINVAL, 0 },
		{ "inf", -EINVAL, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t mb = 0;
		int r = config_parse_size_mb(&mb, span_of(rows[i].text));

		CHECK(r == rows[i].want && mb == rows[i].mb, "%s: %d %llu", rows[i].text, r,
		      (unsigned long long)mb);
	}
}

static void test_octets(void)
{
	const struct {
		const char *text;
		int want;
		uint64_t octets;
	} rows[] = {
		{ "0", 0, 0 },
		{ "1", 0, 1 },
		{ "64K", 0, 65536 },
		{ "1.5m", 0, 1572864 },
		{ "1.0000001k", 0, 1025 }, /* rounded up */
		{ "2g", 0, UINT64_C(2) << 30 },
		{ "1024t", 0, UINT64_C(1) << 50 },
		{ "999999999999999t", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ "k", -EINVAL, 0 },
		{ "1kb", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "1p", -EINVAL, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t octets = 0;
		int r = config_parse_octets(&octets, span_of(rows[i].text));

		CHECK(r == rows[i].want && octets == rows[i].octets, "%s: %d %llu", rows[i].text, r,
		      (unsigned long long)octets);
	}
}

static void test_durations(void)
{
	const struct {
		const char *text;
		int want;
		uint64_t seconds;
	} rows[] = {
		{ "90", 0, 90 },
		{ "90s", 0, 90 },
		{ "5m", 0, 300 },
		{ "5M", 0, 300 },
		{ "2h", 0, 7200 },
		{ "1d", 0, 86400 },
		{ "1", 0, 1 },
		{ "9223372036854775807", 0, INT64_MAX },
		{ "9223372036854775808", -EINVAL, 0 },
		{ "9223372036854775807m", -EINVAL, 0 },
		{ "0", -EINVAL, 0 },
		{ "0h", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ "s", -EINVAL, 0 },
		{ "1.5h", -EINVAL, 0 },
		{ "5ms", -EINVAL, 0 },
		{ "1w", -EINVAL, 0 },
		{ "-1s", -EINVAL, 0 },
		{ "1 s", -EINVAL, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t seconds = 0;
		int r = config_parse_duration_s(&seconds, span_of(rows[i].text));

		CHECK(r == rows[i].want && seconds == rows[i].seconds, "%s: %d %llu", rows[i].text,
		      r, (unsigned long long)seconds);
	}
}

static void test_paths(void)
{
	const struct {
		const char *base, *path;
		const char *want; /* NULL: refused */
	} rows[] = {
		{ NULL, "/data", "/data" },
		{ NULL, "/data/", "/data" },
		{ NULL, "//data//./x/.", "/data/x" },
		{ NULL, "/", "/" },
		{ NULL, "/.", "/" },
		{ NULL, "/a/...", "/a/..." },
		{ NULL, "/a/../b", NULL },
		{ NULL, "/..", NULL },
		{ NULL, "a", NULL },
		{ NULL, "", NULL },
		{ NULL, "~/x", NULL },
		{ NULL, "/a\nb", NULL },
		{ NULL, "/a\x7f", NULL },
		{ "/home/u", "x", "/home/u/x" },
		{ "/home/u", "./x/", "/home/u/x" },
		{ "/home/u", ".", "/home/u" },
		{ "/home/u", "../x", "/home/u/../x" },
		{ "/home/u", "/x/../y", "/x/../y" },
		{ "/home/u", "~/x", NULL },
		{ "/home/u", "~", NULL },
		{ "/home/u", "./~", "/home/u/~" },
		{ "/home/u", "~u", "/home/u/~u" },
		{ "/", "x", "/x" },
		{ NULL, "/" L250 "abcde", "/" L250 "abcde" },
		{ NULL, "/" L250 "abcdef", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char path[PATH_MAX] = "";
		const char *fault = config_fold_path(path, rows[i].base, rows[i].path);

		CHECK((fault == NULL) == (rows[i].want != NULL), "row %zu: %s", i, fault);
		if (fault == NULL && rows[i].want != NULL)
			CHECK(strcmp(path, rows[i].want) == 0, "row %zu: %s", i, path);
	}
}

static void test_long_path(void)
{
	char text[PATH_MAX + 8], path[PATH_MAX];

	for (size_t len = PATH_MAX - 2; len <= PATH_MAX; len++) {
		for (size_t i = 0; i < len; i++)
			text[i] = i % 2 == 0 ? '/' : 'a';
		text[len] = '\0';
		const char *fault = config_fold_path(path, NULL, text);
		CHECK((fault == NULL) == (len < PATH_MAX), "%zu: %s", len, fault);
	}
}

/* A text, and whether a judgement has nothing against it. */
struct verdict {
	const char *text;
	bool fine;
};

static void check_verdicts(const char *what, const char *(*fault)(const char *),
			   const struct verdict *rows, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		const char *why = fault(rows[i].text);

		CHECK((why == NULL) == rows[i].fine, "%s %s: %s", what, rows[i].text,
		      why != NULL ? why : "fine");
	}
}

#define VERDICTS(fault, ...)                                                   \
	check_verdicts(#fault, fault, (const struct verdict[]){ __VA_ARGS__ }, \
		       sizeof((const struct verdict[]){ __VA_ARGS__ }) / sizeof(struct verdict))

static void test_verdicts(void)
{
	VERDICTS(config_mount_fault, { "/", false }, { "/proc", false }, { "/proc/x", false },
		 { "/dev/shm", false }, { "/sys", false }, { "/usr/local", false },
		 { "/usr/local/x", true }, { "/usr/localx", false }, { "/usr/lib/x", false },
		 { "/bin", false }, { "/sbin", false }, { "/lib", false }, { "/lib32", false },
		 { "/lib64/x", false }, { "/libx32", false }, { "/etc/ssl", false },
		 { "/library", true }, { "/process", true }, { "/tmp/workspace", true },
		 { "/workspace", true }, { "/mnt/data", true }, { "/home/u", true },
		 { "/opt/x", true }, { "/srv", true }, { "/data", true }, { "/config", true },
		 { "/data/etc", true });
	VERDICTS(config_env_name_fault, { "A", true }, { "_", true }, { "a_1", true },
		 { "", false }, { "1A", false }, { "A-B", false }, { "A=B", false },
		 { "\xc3\xa9", false }, { "A ", false });
	VERDICTS(config_app_fault, { "openclaw", true }, { "a", true }, { "0.x_y-z", true },
		 { "", false }, { "A", false }, { "-a", false }, { ".a", false }, { "a/b", false },
		 { "a b", false }, { "\xc3\xa4", false });
	VERDICTS(config_hostname_fault, { "immure", true }, { "a.b-c.1", true }, { "A", true },
		 { L63, true }, { L63 "d", false }, { L60 ".abc", true }, { L60 ".abcd", false },
		 { "", false }, { "-a", false }, { "a-", false }, { "a_b", false },
		 { "a..b", false }, { "a.", false }, { "a b", false }, { "*", false });
	VERDICTS(config_name_fault, { "db", true }, { "_srv.x", true }, { "*.x", false },
		 { "DB", false }, { "x.", false }, { "10.0.0.1", false }, { "::1", false },
		 { "127.1", false }, { "x:1", false }, { "", false },
		 { L63 "." L63 "." L63 "." L60 "a", true },
		 { L63 "." L63 "." L63 "." L60 "ab", false });
	VERDICTS(config_pattern_fault, { "*", true }, { "*.amazonaws.com", true },
		 { "api-*.x.com", false }, { "api.openai.com", true }, { "", false },
		 { "https://x.com", false }, { "x.com:443", true }, { "x.com:0", false },
		 { "x.com/", false }, { "10.0.0.0/8:22", true }, { "[::1]:22", true });
	VERDICTS(config_address_fault, { "1.2.3.4", true }, { "::1", true }, { "1.2.3", false },
		 { "01.2.3.4", false }, { "localhost", false }, { "", false },
		 { "fe80::1%eth0", false }, { "[::1]", false });
	VERDICTS(config_private_fault, { "10.0.0.0/8", true }, { "10.0.0.1", true },
		 { "fd00::/8", true }, { "::/128", true }, { "10.0.0.0/33", false },
		 { "::/129", false }, { "10.0.0.0/", false }, { "10.0.0.0/-1", false },
		 { "x/8", false }, { "/8", false }, { "db.lan", true }, { "*.lan", true },
		 { "*", false }, { "db.lan:5432", false }, { "10.0.0.1:80", false });
	VERDICTS(config_server_fault, { "9.9.9.9", true }, { "9.9.9.9:5353", true },
		 { "2620:fe::fe", true }, { "[::1]:53", true }, { "9.9.9.9:0", false },
		 { "9.9.9.0/24", false }, { "9.9.9.9/32", false }, { "::/0", false },
		 { "ns.example", false }, { "*", false }, { "", false });
	VERDICTS(config_publish_fault, { "auto", true }, { "auto:80", false }, { "Auto", false },
		 { "80", true }, { "8080:80", true }, { "127.0.0.1:8080:80", true },
		 { "::1:8080:80", true }, { "0", false }, { "65535", true }, { "65536", false },
		 { "", false }, { ":80", false }, { "80:", false }, { "x:1:2", false },
		 { L250, false }, { "0:80", true }, { "80:0", false }, { "[::1]:0:80", true },
		 { "[]:1:2", false }, { "[::1:1:2", false }, { "1.2.3.4:80", false },
		 { "1.2.3.4::80", false }, { ":1:2", false }, { "+1", false }, { "1:2:3", false },
		 { "localhost:1:2", false }, { "99999:1", false });
	VERDICTS(config_secret_fault, { "sk-1 2", true }, { "", false }, { "a\nb", false },
		 { "a\rb", false });
	VERDICTS(config_text_fault, { "landlock", true }, { "", false }, { "a b", false },
		 { "a\n", false }, { "\xc3\xa9", false }, { L250 "abc", true },
		 { L250 "abcd", false });
}

static void test_escape(void)
{
	const struct {
		size_t size;
		const char *text, *want;
	} rows[] = {
		{ 64, "plain \"text\"", "plain \"text\"" },
		{ 64, "a\033[31m\n\x7f", "a\\x1b[31m\\x0a\\x7f" },
		{ 64,
		  "gr\xc3\xb6\xc3\x9f"
		  "e \xe6\x97\xa5",
		  "gr\xc3\xb6\xc3\x9f"
		  "e \xe6\x97\xa5" },
		{ 64, "\xc2\x9b", "\\xc2\\x9b" }, /* C1: CSI */
		{ 64,
		  "a\xe2\x80\xae"
		  "b",
		  "a\\xe2\\x80\\xae"
		  "b" }, /* right-to-left override */
		{ 64, "\xe2\x81\xa6", "\\xe2\\x81\\xa6" },
		{ 8, "1234567", "1234567" },
		{ 8, "12345678", "1234..." },
		{ 8, "123\n5", "123..." },
		{ 5, "12345", "1..." },
		{ 4, "1234", "..." },
		{ 1, "1", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char shown[64];
		size_t len = config_escape(shown, rows[i].size, span_of(rows[i].text));

		CHECK(strcmp(shown, rows[i].want) == 0, "row %zu: %s", i, shown);
		CHECK(len == strlen(shown), "row %zu: %zu", i, len);
	}
}

int main(void)
{
	test_sizes();
	test_octets();
	test_durations();
	test_paths();
	test_long_path();
	test_verdicts();
	test_escape();
	return test_failures > 0;
}
