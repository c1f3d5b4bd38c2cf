// SPDX-License-Identifier: Apache-2.0
#include "tls/roots.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/test.h"
#include "tls/certificate_priv.h"
#include "tls/test_fresh_priv.h"

static const size_t PEM_OCTETS_MAX = 1024UL * 1024;

static void put_pem(struct buf *ret, const char *label, const unsigned char *der, long len)
{
	BIO *memory = BIO_new(BIO_s_mem());
	char *octets = NULL;

	CHECK(PEM_write_bio(memory, label, "", der, len) > 0, "%s", label);
	size_t n = (size_t)BIO_get_mem_data(memory, &octets);
	CHECK(buf_append(ret, (struct span){ octets, n }) == 0, "%zu", n);
	BIO_free(memory);
}

static void put(struct buf *ret, const char *label, X509 *x)
{
	unsigned char *der = NULL;
	int len = i2d_X509(x, &der);

	put_pem(ret, label, der, len);
	OPENSSL_free(der);
}

static bool believed(X509_STORE *store, X509 *x)
{
	X509_STORE_CTX *context = X509_STORE_CTX_new();

	X509_STORE_CTX_init(context, store, x, NULL);
	bool yes = X509_verify_cert(context) == 1;
	X509_STORE_CTX_free(context);
	return yes;
}

/* Two roots of the same name, as after a change of keys; one alone; one that is not in the list. */
static void test_found(void)
{
	struct net_name name = { 0 };
	struct buf pem = BUF(PEM_OCTETS_MAX);
	EVP_PKEY *key[4], *leaf_key = EVP_EC_gen("P-256");
	X509 *root[4], *leaf[4];
	struct roots *roots = NULL;
	X509_STORE *store = X509_STORE_new();

	CHECK(net_name_parse(&name, SPAN("example.com")) == NULL, "name");
	for (int i = 0; i < 4; i++) {
		key[i] = EVP_EC_gen("P-256");
		root[i] = certificate_root(key[i], clock_unix_s());
		if (i == 1) {
			X509_set_subject_name(root[1], X509_get_subject_name(root[0]));
			X509_set_issuer_name(root[1], X509_get_subject_name(root[0]));
			X509_sign(root[1], key[1], EVP_sha256());
			root[1] = fresh(root[1]);
		}
		leaf[i] = fresh(certificate_leaf(root[i], key[i], leaf_key, &name, clock_unix_s()));
		if (i < 3)
			put(&pem, PEM_STRING_X509, root[i]);
		put(&pem, "SOMETHING ELSE", root[i]);
	}
	CHECK(roots_new(&roots) == 0, "memory");
	CHECK(roots_add(roots, buf_span(&pem)) == 3, "three");
	CHECK(roots_add(roots, (struct span){ 0 }) == 0, "nothing");
	CHECK(roots_attach(roots, store) == 0, "memory");
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 4; i++) {
			CHECK(believed(store, leaf[i]) == (i < 3), "leaf %d", i);
			/* shown by a server, OpenSSL compares it with the first of its name alone */
			CHECK(i == 1 || believed(store, root[i]) == (i < 3), "root %d", i);
		}
	for (int i = 0; i < 4; i++) {
		X509_free(root[i]);
		X509_free(leaf[i]);
		EVP_PKEY_free(key[i]);
	}
	EVP_PKEY_free(leaf_key);
	X509_STORE_free(store);
	roots_free(roots);
	buf_free(&pem);
}

/* Cut anywhere, or with an octet changed: passed over or never believed; nothing is read beyond. */
static void test_damaged(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *root = certificate_root(key, clock_unix_s());
	unsigned char *der = NULL;
	int len = i2d_X509(root, &der);

	for (int i = 2; i < 2 * len; i++) {
		struct buf pem = BUF(PEM_OCTETS_MAX);
		struct roots *roots = NULL;
		X509_STORE *store = X509_STORE_new();
		int at = i / 2;

		der[at] = (unsigned char)(i % 2 == 0 ? der[at] : ~der[at]);
		put_pem(&pem, PEM_STRING_X509, der, i % 2 == 0 ? at : len);
		CHECK(roots_new(&roots) == 0, "memory");
		CHECK(roots_add(roots, buf_span(&pem)) <= 1, "octet %d", at);
		CHECK(roots_attach(roots, store) == 0, "memory");
		CHECK(!believed(store, root), "octet %d", at);
		der[at] = (unsigned char)(i % 2 == 0 ? der[at] : ~der[at]);
		X509_STORE_free(store);
		roots_free(roots);
		buf_free(&pem);
	}
	OPENSSL_free(der);
	X509_free(root);
	EVP_PKEY_free(key);
}

static void test_too_many(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *root = certificate_root(key, clock_unix_s());
	struct buf pem = BUF(4 * PEM_OCTETS_MAX);
	struct roots *roots = NULL;

	for (int i = 0; i < ROOTS_MAX; i++)
		put(&pem, PEM_STRING_X509, root);
	CHECK(roots_new(&roots) == 0, "memory");
	CHECK(roots_add(roots, buf_span(&pem)) == ROOTS_MAX, "all");
	CHECK(roots_add(roots, buf_span(&pem)) < 0, "one more");
	roots_free(roots);
	buf_free(&pem);
	X509_free(root);
	EVP_PKEY_free(key);
}

int main(void)
{
	test_found();
	test_damaged();
	test_too_many();
	return test_failures > 0;
}
