// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: an authority is a key and a certificate that fit each other, or it is none.
 * Everything that is not so is found when it is decoded, so that minting can only lack memory.
 */
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/clock.h"
#include "tls/authority_priv.h"
#include "tls/certificate_priv.h"

static const char remedy[] = "immure ca rotate makes a new one";

void authority_free(struct authority *authority)
{
	if (authority == NULL)
		return;
	EVP_PKEY_free(authority->key); /* wipes the number */
	X509_free(authority->certificate);
	free(authority->pem);
	free(authority);
}

/* copy_out() - what was written to @memory, as memory of ours. Return: 0 or -ENOMEM. */
static int copy_out(char **ret, size_t *ret_len, BIO *memory)
{
	char *octets = NULL;
	long len = BIO_get_mem_data(memory, &octets);
	char *copy = len > 0 ? malloc((size_t)len) : NULL;

	if (copy == NULL)
		return -ENOMEM;
	memcpy(copy, octets, (size_t)len);
	*ret = copy;
	*ret_len = (size_t)len;
	return 0;
}

static int put_pem(struct authority *authority)
{
	BIO *memory = BIO_new(BIO_s_mem());
	int r = -ENOMEM;

	if (memory != NULL && PEM_write_bio_X509(memory, authority->certificate) == 1)
		r = copy_out(&authority->pem, &authority->pem_len, memory);
	BIO_free(memory);
	return r;
}

static int make(struct authority *authority)
{
	authority->key = EVP_EC_gen("P-256");
	if (authority->key == NULL)
		return -ENOMEM;
	authority->certificate = certificate_root(authority->key, clock_unix_s());
	return authority->certificate != NULL ? put_pem(authority) : -ENOMEM;
}

int authority_make(struct authority **ret)
{
	struct authority *made = calloc(1, sizeof(*made));
	int r = made != NULL ? make(made) : -ENOMEM;

	if (r == 0)
		*ret = made;
	else
		authority_free(made);
	return r;
}

int authority_encode(char **ret, size_t *ret_len, const struct authority *authority)
{
	BIO *memory = BIO_new(BIO_s_secmem()); /* wiped when freed */
	int r = -ENOMEM;

	if (memory != NULL &&
	    PEM_write_bio_PKCS8PrivateKey(memory, authority->key, NULL, NULL, 0, NULL, NULL) == 1 &&
	    PEM_write_bio_X509(memory, authority->certificate) == 1)
		r = copy_out(ret, ret_len, memory);
	BIO_free(memory);
	return r;
}

/* no_password() - or OpenSSL would ask the terminal for one */
static int no_password(char *buffer, int size, int writing, void *context)
{
	(void)buffer, (void)size, (void)writing, (void)context;
	return -1;
}

static bool is_p256(EVP_PKEY *key)
{
	char group[32] = "";
	size_t len = 0;

	return EVP_PKEY_is_a(key, "EC") == 1 &&
	       EVP_PKEY_get_group_name(key, group, sizeof(group), &len) == 1 &&
	       strcmp(group, SN_X9_62_prime256v1) == 0;
}

/* judge() - can @authority mint what clients will believe, now? Return: 0 or -errno, @diag set. */
static int judge(const struct authority *authority, struct diag *diag)
{
	X509 *x = authority->certificate;
	time_t now = (time_t)clock_unix_s();

	if (!is_p256(authority->key))
		return diag_set(diag, -EINVAL, "the key in %s is not of P-256: %s",
				AUTHORITY_KEY_FILE, remedy);
	if (X509_check_private_key(x, authority->key) != 1 || X509_verify(x, authority->key) != 1)
		return diag_set(diag, -EINVAL,
				"key and certificate in %s do not belong together: %s",
				AUTHORITY_KEY_FILE, remedy);
	if (X509_check_ca(x) != 1)
		return diag_set(diag, -EINVAL, "the certificate in %s may not issue others: %s",
				AUTHORITY_KEY_FILE, remedy);
	if (X509_cmp_time(X509_get0_notAfter(x), &now) < 0)
		return diag_set(diag, -EKEYEXPIRED, "the certificate in %s has expired: %s",
				AUTHORITY_KEY_FILE, remedy);
	if (X509_cmp_time(X509_get0_notBefore(x), &now) > 0)
		return diag_set(diag, -EINVAL,
				"the certificate in %s is not valid yet: is the clock right?",
				AUTHORITY_KEY_FILE);
	return 0;
}

/* read_parts() - key and certificate from the text @memory. Return: 0 or -EINVAL, @diag set. */
static int read_parts(struct authority *authority, BIO *memory, struct diag *diag)
{
	authority->key = PEM_read_bio_PrivateKey(memory, NULL, no_password, NULL);
	if (authority->key == NULL)
		return diag_set(diag, -EINVAL, "%s holds no whole private key: %s",
				AUTHORITY_KEY_FILE, remedy);
	authority->certificate = PEM_read_bio_X509(memory, NULL, no_password, NULL);
	if (authority->certificate == NULL)
		return diag_set(diag, -EINVAL, "%s holds no whole certificate after its key: %s",
				AUTHORITY_KEY_FILE, remedy);
	return 0;
}

int authority_decode(struct authority **ret, struct span text, struct diag *diag)
{
	BIO *memory = BIO_new_mem_buf(text.ptr, (int)text.len);
	struct authority *found = calloc(1, sizeof(*found));
	int r = memory == NULL || found == NULL ? -ENOMEM : read_parts(found, memory, diag);

	if (r == 0)
		r = judge(found, diag);
	if (r == 0)
		r = put_pem(found);
	if (r == -ENOMEM)
		(void)diag_set(diag, r, "out of memory");
	BIO_free(memory);
	ERR_clear_error();
	if (r == 0)
		*ret = found;
	else
		authority_free(found);
	return r;
}

struct span authority_certificate(const struct authority *authority)
{
	return (struct span){ authority->pem, authority->pem_len };
}

static int64_t seconds_of(const ASN1_TIME *time)
{
	struct tm parts = { 0 };

	return ASN1_TIME_to_tm(time, &parts) == 1 ? (int64_t)timegm(&parts) : 0;
}

void authority_describe(struct authority_facts *ret, const struct authority *authority)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	*ret = (struct authority_facts){
		.not_before_s = seconds_of(X509_get0_notBefore(authority->certificate)),
		.not_after_s = seconds_of(X509_get0_notAfter(authority->certificate)),
	};
	(void)snprintf(ret->hash, sizeof(ret->hash), "%08lx",
		       X509_subject_name_hash(authority->certificate) & 0xffffffffUL);
	if (X509_digest(authority->certificate, EVP_sha256(), hash, &len) != 1)
		return;
	for (size_t i = 0; i < len && 2 * i + 2 < sizeof(ret->fingerprint); i++)
		(void)snprintf(ret->fingerprint + 2 * i, 3, "%02x", hash[i]);
}

/* key_of() - a public key, or NULL if it is no point of the curve */
static EVP_PKEY *key_of(const struct authority_key *key)
{
	char group[] = SN_X9_62_prime256v1;
	struct authority_key copy = *key;
	OSSL_PARAM parts[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, copy.point,
						  sizeof(copy.point)),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *made = NULL;

	if (context != NULL && EVP_PKEY_fromdata_init(context) == 1 &&
	    EVP_PKEY_fromdata(context, &made, EVP_PKEY_PUBLIC_KEY, parts) != 1)
		made = NULL;
	EVP_PKEY_CTX_free(context);
	return made;
}

static int put_leaf(struct authority_leaf *ret, X509 *x)
{
	unsigned char *at = ret->der;
	int len = i2d_X509(x, NULL);

	if (len <= 0 || (size_t)len > sizeof(ret->der))
		return -EINVAL;
	ret->len = (uint16_t)i2d_X509(x, &at);
	return 0;
}

int authority_mint(struct authority_leaf *ret, const struct authority *authority,
		   const struct authority_key *key, const struct net_name *name)
{
	if (name->kind == NET_NAME_NONE || name->len == 0)
		return -EINVAL;
	EVP_PKEY *public = key_of(key);
	if (public == NULL) {
		ERR_clear_error();
		return -EINVAL;
	}
	X509 *leaf =
	    certificate_leaf(authority->certificate, authority->key, public, name, clock_unix_s());
	int r = leaf == NULL ? -ENOMEM : put_leaf(ret, leaf);
	X509_free(leaf);
	EVP_PKEY_free(public);
	ERR_clear_error();
	return r;
}
