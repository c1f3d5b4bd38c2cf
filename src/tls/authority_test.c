// SPDX-License-Identifier: Apache-2.0
#include "tls/authority.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/test.h"
#include "tls/certificate_priv.h"

enum { TEXT_MAX = 16384 };

static const int64_t DAY_S = 24L * 3600;

static char folder[64];

/* folder_new() - an empty folder; its descriptor */
static int folder_new(void)
{
	snprintf(folder, sizeof(folder), "/tmp/authority-test-XXXXXX");
	CHECK(mkdtemp(folder) != NULL, "%d", errno);
	int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(dir >= 0, "%d", errno);
	return dir;
}

static void folder_end(int dir)
{
	static const char *const names[] = { AUTHORITY_KEY_FILE, AUTHORITY_CERT_FILE, "elsewhere" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		(void)unlinkat(dir, names[i], 0);
	fd_close(&dir);
	CHECK(rmdir(folder) == 0, "something is left in %s: %d", folder, errno);
}

static void put(int dir, const char *name, struct span text, mode_t mode)
{
	CHECK(fd_replace_file(dir, name, text, mode) == 0, "%s", name);
	CHECK(fchmodat(dir, name, mode, 0) == 0, "%s", name);
}

static size_t get(char *ret, int dir, const char *name)
{
	char *text = NULL;
	size_t len = 0;

	CHECK(fd_read_file(&text, &len, dir, name, TEXT_MAX) == 0, "%s", name);
	if (text != NULL)
		memcpy(ret, text, len);
	free(text);
	return len;
}

static mode_t mode_of(int dir, const char *name)
{
	struct stat st = { 0 };

	CHECK(fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0, "%s", name);
	return st.st_mode & 07777;
}

static struct authority *opened(int dir)
{
	struct authority *authority = NULL;
	struct diag diag = { 0 };

	CHECK(authority_open(&authority, dir, &diag) == 0, "%s", diag.why);
	return authority;
}

static void fingerprint(char *ret, int dir)
{
	CLEANUP(authority_freep) struct authority *authority = opened(dir);
	struct authority_facts facts;

	authority_describe(&facts, authority);
	memcpy(ret, facts.fingerprint, sizeof(facts.fingerprint));
}

static void test_first_start(void)
{
	char first[AUTHORITY_PRINT_OCTETS], again[AUTHORITY_PRINT_OCTETS];
	char text[TEXT_MAX];
	int dir = folder_new();

	CLEANUP(authority_freep) struct authority *authority = opened(dir);

	fingerprint(first, dir);
	fingerprint(again, dir);
	CHECK(strlen(first) == 64 && strcmp(first, again) == 0, "%s %s", first, again);
	CHECK(mode_of(dir, AUTHORITY_KEY_FILE) == 0600, "%o", mode_of(dir, AUTHORITY_KEY_FILE));

	struct span pem = authority_certificate(authority);
	size_t len = get(text, dir, AUTHORITY_CERT_FILE);
	CHECK(len == pem.len && memcmp(text, pem.ptr, len) == 0, "the copy: %zu", len);
	CHECK(memmem(text, len, "PRIVATE", 7) == NULL, "the key is in it");

	struct authority_facts facts;
	authority_describe(&facts, authority);
	int64_t now = clock_unix_s();
	CHECK(facts.not_before_s <= now - DAY_S && facts.not_before_s > now - 2 * DAY_S, "clocks");
	CHECK(facts.not_after_s > now + 3649LL * DAY_S, "ten years");
	folder_end(dir);
}

static void test_rotate(void)
{
	char before[AUTHORITY_PRINT_OCTETS], after[AUTHORITY_PRINT_OCTETS];
	struct diag diag = { 0 };
	int dir = folder_new();

	fingerprint(before, dir);
	put(dir, AUTHORITY_CERT_FILE, SPAN("not what it was"), 0644);
	CHECK(authority_rotate(dir, &diag) == 0, "%s", diag.why);
	fingerprint(after, dir);
	CHECK(strcmp(before, after) != 0, "a new one");
	CHECK(mode_of(dir, AUTHORITY_KEY_FILE) == 0600, "%o", mode_of(dir, AUTHORITY_KEY_FILE));
	CHECK(unlinkat(dir, AUTHORITY_CERT_FILE, 0) == 0, "%d", errno);
	fingerprint(before, dir);
	CHECK(strcmp(before, after) == 0, "the copy is made again, the key stays");
	folder_end(dir);
}

/* key_text() - a key file whose certificate ends at @now + 10 years and is of @signer */
static size_t key_text(char *ret, EVP_PKEY *key, EVP_PKEY *signer, int64_t now, bool root)
{
	struct net_name name = { 0 };
	char *octets = NULL;
	BIO *memory = BIO_new(BIO_s_mem());
	X509 *x = certificate_root(signer, now);

	CHECK(net_name_parse(&name, SPAN("example.com")) == NULL, "name");
	if (!root) {
		X509 *leaf = certificate_leaf(x, signer, key, &name, now);

		X509_free(x);
		x = leaf;
	}
	PEM_write_bio_PrivateKey(memory, key, NULL, NULL, 0, NULL, NULL);
	PEM_write_bio_X509(memory, x);
	size_t len = (size_t)BIO_get_mem_data(memory, &octets);
	memcpy(ret, octets, len);
	BIO_free(memory);
	X509_free(x);
	return len;
}

static void refused(int dir, const char *what, int want, const char *why)
{
	struct authority *authority = NULL;
	struct diag diag = { 0 };
	int r = authority_open(&authority, dir, &diag);

	CHECK(r == want, "%s: %d, %s", what, r, diag.why);
	CHECK(strstr(diag.why, why) != NULL, "%s: \"%s\" lacks \"%s\"", what, diag.why, why);
	authority_free(authority);
}

static void test_refused_modes(void)
{
	static const struct {
		mode_t mode;
		int want;
	} rows[] = { { 0640, -EPERM }, { 0604, -EPERM }, { 0620, -EPERM }, { 0644, -EPERM } };
	int dir = folder_new();

	authority_free(opened(dir));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CHECK(fchmodat(dir, AUTHORITY_KEY_FILE, rows[i].mode, 0) == 0, "%d", errno);
		refused(dir, "mode", rows[i].want, "open to others");
	}
	CHECK(fchmodat(dir, AUTHORITY_KEY_FILE, 0400, 0) == 0, "%d", errno);
	authority_free(opened(dir));
	if (geteuid() == 0) {
		CHECK(fchownat(dir, AUTHORITY_KEY_FILE, 12345, 0, 0) == 0, "%d", errno);
		refused(dir, "owner", -EPERM, "belongs to user id 12345");
	}
	CHECK(renameat(dir, AUTHORITY_KEY_FILE, dir, "elsewhere") == 0, "%d", errno);
	CHECK(symlinkat("elsewhere", dir, AUTHORITY_KEY_FILE) == 0, "%d", errno);
	refused(dir, "link", -ELOOP, "cannot open");
	CHECK(unlinkat(dir, AUTHORITY_KEY_FILE, 0) == 0, "%d", errno);
	CHECK(mkfifoat(dir, AUTHORITY_KEY_FILE, 0600) == 0, "%d", errno);
	refused(dir, "fifo", -EINVAL, "not a regular file");
	folder_end(dir);
}

static void test_refused_texts(void)
{
	static char text[TEXT_MAX + 4096];
	int dir = folder_new();
	EVP_PKEY *key = EVP_EC_gen("P-256"), *other = EVP_EC_gen("P-256");
	EVP_PKEY *big = EVP_EC_gen("P-384");
	int64_t now = clock_unix_s(), long_ago = now - 3652LL * DAY_S, soon = now + 3LL * DAY_S;
	const struct {
		const char *what, *why;
		EVP_PKEY *key, *signer;
		int64_t now_s;
		int want;
		bool leaf;
	} rows[] = {
		{ "expired", "has expired", key, key, long_ago, -EKEYEXPIRED, false },
		{ "early", "not valid yet", key, key, soon, -EINVAL, false },
		{ "wrong key", "do not belong together", other, key, now, -EINVAL, false },
		{ "a leaf", "do not belong together", key, other, now, -EINVAL, true },
		{ "P-384", "not of P-256", big, big, now, -EINVAL, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t len =
		    key_text(text, rows[i].key, rows[i].signer, rows[i].now_s, !rows[i].leaf);

		put(dir, AUTHORITY_KEY_FILE, (struct span){ text, len }, 0600);
		refused(dir, rows[i].what, rows[i].want, rows[i].why);
	}

	/* every length that a torn write could leave */
	size_t len = key_text(text, key, key, now, true);
	for (size_t cut = 0; cut < len - 1; cut++) {
		put(dir, AUTHORITY_KEY_FILE, (struct span){ text, cut }, 0600);
		refused(dir, "half-written", -EINVAL, "holds no whole");
	}
	memset(text + len, '\n', sizeof(text) - len);
	put(dir, AUTHORITY_KEY_FILE, (struct span){ text, sizeof(text) }, 0600);
	refused(dir, "too long", -EFBIG, "too long");
	put(dir, AUTHORITY_KEY_FILE, (struct span){ text, len }, 0600);
	authority_free(opened(dir));
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
	EVP_PKEY_free(big);
	folder_end(dir);
}

/* Many processes start at once, as often as it takes to meet. */
static void test_race(void)
{
	enum { ROUNDS = 20, PROCESSES = 6 };

	for (int round = 0; round < ROUNDS; round++) {
		char prints[PROCESSES][AUTHORITY_PRINT_OCTETS] = { 0 };
		int gate[2] = { -1, -1 }, answers[2] = { -1, -1 }, dir = folder_new();

		CHECK(pipe2(gate, O_CLOEXEC) == 0 && pipe2(answers, O_CLOEXEC) == 0, "%d", errno);
		for (int i = 0; i < PROCESSES; i++)
			if (fork() == 0) {
				char octet;

				close(gate[1]);
				(void)!read(gate[0], &octet, 1); /* ends for all at once */
				fingerprint(prints[0], dir);
				(void)!write(answers[1], prints[0], sizeof(prints[0]));
				_exit(test_failures > 0);
			}
		fd_close(&gate[0]);
		fd_close(&gate[1]);
		for (int i = 0; i < PROCESSES; i++) {
			int status = 0;

			CHECK(wait(&status) > 0 && status == 0, "%x", (unsigned)status);
			CHECK(read(answers[0], prints[i], sizeof(prints[i])) == sizeof(prints[i]) &&
				  strcmp(prints[i], prints[0]) == 0,
			      "%s %s", prints[i], prints[0]);
		}
		fd_close(&answers[0]);
		fd_close(&answers[1]);
		folder_end(dir);
	}
}

static struct authority_key public_of(EVP_PKEY *key)
{
	struct authority_key public = { 0 };
	unsigned char *point = NULL;
	size_t len = EVP_PKEY_get1_encoded_public_key(key, &point);

	CHECK(len == sizeof(public.point), "%zu", len);
	memcpy(public.point, point, sizeof(public.point));
	OPENSSL_free(point);
	return public;
}

/* verified() - does a strict client believe @leaf for @host? Return: an X509_V_ number. */
static int verified(const struct authority *authority, X509 *leaf, const struct net_name *host)
{
	struct span pem = authority_certificate(authority);
	BIO *memory = BIO_new_mem_buf(pem.ptr, (int)pem.len);
	X509 *root = PEM_read_bio_X509(memory, NULL, NULL, NULL);
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *context = X509_STORE_CTX_new();

	X509_STORE_add_cert(store, root);
	X509_STORE_CTX_init(context, store, leaf, NULL);
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(context);
	X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT);
	X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_SERVER);
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	if (host->kind == NET_NAME_ADDRESS)
		X509_VERIFY_PARAM_set1_ip_asc(param, host->text);
	else
		X509_VERIFY_PARAM_set1_host(param, host->text, 0);
	int error = X509_verify_cert(context) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(context);
	X509_STORE_CTX_free(context);
	X509_STORE_free(store);
	X509_free(root);
	BIO_free(memory);
	return error;
}

static X509 *minted(const struct authority *authority, const struct authority_key *key,
		    const struct net_name *name)
{
	struct authority_leaf leaf = { 0 };
	const unsigned char *at = leaf.der;

	CHECK(authority_mint(&leaf, authority, key, name) == 0, "%s", name->text);
	CHECK(leaf.len <= 1024, "%s: %u octets", name->text, leaf.len);
	return d2i_X509(NULL, &at, leaf.len);
}

static void test_mint(void)
{
	static const char label[] =
	    "a23456789012345678901234567890123456789012345678901234567890123";
	char longest[254];
	int dir = folder_new();
	CLEANUP(authority_freep) struct authority *authority = opened(dir);
	EVP_PKEY *key = EVP_EC_gen("P-256");
	struct authority_key public = public_of(key);

	snprintf(longest, sizeof(longest), "%s.%s.%s.%.61s", label, label, label, label);
	const struct {
		const char *name, *other;
	} rows[] = {
		{ "example.com", "www.example.com" },
		{ "xn--bcher-kva.example", "example.com" },
		{ "localhost", "localhost.example" },
		{ "_under_score.example.com", "score.example.com" },
		{ longest, "example.com" },
		{ "192.0.2.7", "192.0.2.8" },
		{ "2001:db8::7", "2001:db8::8" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct net_name name, other;

		CHECK(net_name_parse(&name, span_of(rows[i].name)) == NULL, "%s", rows[i].name);
		CHECK(net_name_parse(&other, span_of(rows[i].other)) == NULL, "%s", rows[i].other);
		X509 *leaf = minted(authority, &public, &name),
		     *next = minted(authority, &public, &name);
		int error = verified(authority, leaf, &name);
		CHECK(error == X509_V_OK, "%s: %s", rows[i].name,
		      X509_verify_cert_error_string(error));
		CHECK(verified(authority, leaf, &other) != X509_V_OK, "%s", rows[i].other);
		CHECK(X509_check_private_key(leaf, key) == 1, "%s: key", rows[i].name);
		CHECK(ASN1_INTEGER_cmp(X509_get0_serialNumber(leaf),
				       X509_get0_serialNumber(next)) != 0,
		      "%s: serial", rows[i].name);
		CHECK(X509_check_ca(leaf) == 0, "%s: may issue", rows[i].name);
		CHECK(X509_cmp_timeframe(NULL, X509_get0_notBefore(leaf),
					 X509_get0_notAfter(leaf)) == 0,
		      "valid now");
		time_t week = (time_t)clock_unix_s() + 7 * DAY_S + 60, day = week - 8 * DAY_S;
		CHECK(X509_cmp_time(X509_get0_notAfter(leaf), &week) < 0, "too long");
		CHECK(X509_cmp_time(X509_get0_notBefore(leaf), &day) < 0, "clocks");
		X509_free(leaf);
		X509_free(next);
	}
	EVP_PKEY_free(key);
	folder_end(dir);
}

static void test_mint_refused(void)
{
	int dir = folder_new();
	CLEANUP(authority_freep) struct authority *authority = opened(dir);
	EVP_PKEY *key = EVP_EC_gen("P-256");
	struct authority_key good = public_of(key), bad[5] = { good, good, good, good, { { 0 } } };
	struct authority_leaf leaf = { .len = 7 };
	struct net_name name = { 0 };

	CHECK(authority_mint(&leaf, authority, &good, &name) == -EINVAL, "no name");
	CHECK(net_name_parse(&name, SPAN("example.com")) == NULL, "name");
	bad[0].point[64] ^= 1;              /* not on the curve */
	bad[1].point[0] = 2;                /* said to be compressed */
	memset(bad[2].point + 1, 0xff, 64); /* beyond the field */
	memset(bad[3].point, 0, 65);        /* infinity */
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK(authority_mint(&leaf, authority, &bad[i], &name) == -EINVAL, "row %zu", i);
	CHECK(leaf.len == 7, "written on success only");
	EVP_PKEY_free(key);
	folder_end(dir);
}

int main(void)
{
	test_first_start();
	test_rotate();
	test_refused_modes();
	test_refused_texts();
	test_race();
	test_mint();
	test_mint_refused();
	return test_failures > 0;
}
