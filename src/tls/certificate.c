// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a certificate is filled in field by field. Names go in as values, never
 * through OpenSSL's text forms ("DNS:a,DNS:b"), in which a comma would start a second name.
 *
 * Validity begins a day early, for machines whose clocks are behind. A leaf lasts a week: clients
 * refuse more than 398 days, and a sandbox that runs for longer has it minted again.
 */
#include <openssl/core_names.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "tls/authority.h"
#include "tls/certificate_priv.h"

enum {
	ROOT_DAYS = 3650,
	LEAF_DAYS = 7,
	SERIAL_OCTETS = 16, /* RFC 5280 section 4.1.2.2: at most 20, positive */
	ID_OCTETS = 20, /* SHA-1 of the key, RFC 5280 section 4.2.1.2 (1): a name, no security */
	NAME_PART_MAX = 64, /* ub-common-name */
};

static bool put_serial(X509 *x)
{
	unsigned char octets[SERIAL_OCTETS];

	if (RAND_bytes(octets, sizeof(octets)) != 1)
		return false;
	octets[0] |= 1; /* never zero, always of the same length */
	BIGNUM *number = BN_bin2bn(octets, sizeof(octets), NULL);
	bool done = number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x)) != NULL;
	BN_free(number);
	return done;
}

static bool put_validity(X509 *x, int64_t now_s, int days)
{
	time_t from = (time_t)(now_s - CERTIFICATE_DAY_S);
	time_t until = (time_t)(now_s + (int64_t)days * CERTIFICATE_DAY_S);

	return ASN1_TIME_adj(X509_getm_notBefore(x), from, 0, 0) != NULL &&
	       ASN1_TIME_adj(X509_getm_notAfter(x), until, 0, 0) != NULL;
}

static bool put_extension(X509 *x, int nid, void *value, bool critical)
{
	return X509_add1_ext_i2d(x, nid, value, critical, X509V3_ADD_DEFAULT) == 1;
}

/* key_id() - the hash that names a public key. Return: owned; NULL. */
static ASN1_OCTET_STRING *key_id(const X509 *x)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();

	if (id == NULL || X509_pubkey_digest(x, EVP_sha1(), hash, &len) != 1 || len != ID_OCTETS ||
	    ASN1_OCTET_STRING_set(id, hash, (int)len) != 1) {
		ASN1_OCTET_STRING_free(id);
		return NULL;
	}
	return id;
}

static bool put_subject_key_id(X509 *x)
{
	ASN1_OCTET_STRING *id = key_id(x);
	bool done = id != NULL && put_extension(x, NID_subject_key_identifier, id, false);

	ASN1_OCTET_STRING_free(id);
	return done;
}

static bool put_authority_key_id(X509 *x, const X509 *root)
{
	AUTHORITY_KEYID *value = AUTHORITY_KEYID_new();

	if (value == NULL)
		return false;
	value->keyid = key_id(root);
	bool done =
	    value->keyid != NULL && put_extension(x, NID_authority_key_identifier, value, false);
	AUTHORITY_KEYID_free(value);
	return done;
}

static bool put_constraints(X509 *x, bool authority)
{
	BASIC_CONSTRAINTS *value = BASIC_CONSTRAINTS_new();

	if (value == NULL)
		return false;
	value->ca = authority ? 0xff : 0; /* true in DER */
	if (authority)
		value->pathlen = ASN1_INTEGER_new();
	bool done =
	    (!authority || (value->pathlen != NULL && ASN1_INTEGER_set(value->pathlen, 0) == 1)) &&
	    put_extension(x, NID_basic_constraints, value, true);
	BASIC_CONSTRAINTS_free(value);
	return done;
}

/* put_usage() - @bits: as RFC 5280 section 4.2.1.3 numbers them */
static bool put_usage(X509 *x, const int *bits, size_t count)
{
	ASN1_BIT_STRING *value = ASN1_BIT_STRING_new();
	bool done = value != NULL;

	for (size_t i = 0; done && i < count; i++)
		done = ASN1_BIT_STRING_set_bit(value, bits[i], 1) == 1;
	done = done && put_extension(x, NID_key_usage, value, true);
	ASN1_BIT_STRING_free(value);
	return done;
}

static bool put_server_usage(X509 *x)
{
	EXTENDED_KEY_USAGE *value = EXTENDED_KEY_USAGE_new();
	bool done = value != NULL && sk_ASN1_OBJECT_push(value, OBJ_nid2obj(NID_server_auth)) > 0 &&
		    put_extension(x, NID_ext_key_usage, value, false);

	EXTENDED_KEY_USAGE_free(value);
	return done;
}

/* general_name() - a dNSName or iPAddress. Return: owned; NULL. */
static GENERAL_NAME *general_name(const struct net_name *name)
{
	bool address = name->kind == NET_NAME_ADDRESS;
	GENERAL_NAME *general = GENERAL_NAME_new();
	ASN1_STRING *text = ASN1_STRING_type_new(address ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING);
	const void *octets = address ? (const void *)name->address.octets : name->text;
	int len = address ? (int)net_address_bits(&name->address) / 8 : name->len;

	if (general == NULL || text == NULL || ASN1_STRING_set(text, octets, len) != 1) {
		GENERAL_NAME_free(general);
		ASN1_STRING_free(text);
		return NULL;
	}
	GENERAL_NAME_set0_value(general, address ? GEN_IPADD : GEN_DNS, text);
	return general;
}

static bool put_alternative_name(X509 *x, const struct net_name *name)
{
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	GENERAL_NAME *general = general_name(name);
	bool listed = names != NULL && general != NULL && sk_GENERAL_NAME_push(names, general) > 0;
	bool done = listed && put_extension(x, NID_subject_alt_name, names, false);

	if (!listed)
		GENERAL_NAME_free(general);
	GENERAL_NAMES_free(names);
	return done;
}

static bool put_part(X509_NAME *name, int nid, const char *text)
{
	return X509_NAME_add_entry_by_NID(name, nid, MBSTRING_UTF8, (const unsigned char *)text, -1,
					  -1, 0) == 1;
}

/* put_root_name() - with a number of its own, so that a root and its successor can be told apart */
static bool put_root_name(X509 *x)
{
	X509_NAME *name = X509_get_subject_name(x);
	unsigned char random[4];
	char text[NAME_PART_MAX];

	if (RAND_bytes(random, sizeof(random)) != 1)
		return false;
	(void)snprintf(text, sizeof(text), "immure local CA %02x%02x%02x%02x", random[0], random[1],
		       random[2], random[3]);
	return put_part(name, NID_organizationName, "immure") &&
	       put_part(name, NID_commonName, text) && X509_set_issuer_name(x, name) == 1;
}

/*
 * put_key() - as X509_set_pubkey(), without what makes that ten times the signature's work: it has the key
 * encoded and decoded again, and OpenSSL 3.0 looks through all its codecs each time
 */
static bool put_key(X509 *x, EVP_PKEY *key)
{
	unsigned char *point = OPENSSL_malloc(AUTHORITY_KEY_OCTETS);
	X509_PUBKEY *to = X509_get_X509_PUBKEY(x);
	size_t len = 0;

	if (point == NULL ||
	    EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point,
					    AUTHORITY_KEY_OCTETS, &len) != 1 ||
	    len != AUTHORITY_KEY_OCTETS ||
	    X509_PUBKEY_set0_param(to, OBJ_nid2obj(NID_X9_62_id_ecPublicKey), V_ASN1_OBJECT,
				   OBJ_nid2obj(NID_X9_62_prime256v1), point, (int)len) != 1) {
		OPENSSL_free(point);
		return false;
	}
	return true;
}

/* begin() - what root and leaf have in common, but for the key. Return: owned; NULL. */
static X509 *begin(int64_t now_s, int days)
{
	X509 *x = X509_new();

	if (x == NULL || X509_set_version(x, X509_VERSION_3) != 1 || !put_serial(x) ||
	    !put_validity(x, now_s, days)) {
		X509_free(x);
		return NULL;
	}
	return x;
}

X509 *certificate_root(EVP_PKEY *key, int64_t now_s)
{
	static const int usage[] = { 5, 6 }; /* keyCertSign, cRLSign */
	X509 *x = begin(now_s, ROOT_DAYS);

	if (x == NULL || X509_set_pubkey(x, key) != 1 || !put_root_name(x) ||
	    !put_constraints(x, true) || !put_usage(x, usage, ARRAY_SIZE(usage)) ||
	    !put_subject_key_id(x) || X509_sign(x, key, EVP_sha256()) == 0) {
		X509_free(x);
		return NULL;
	}
	return x;
}

X509 *certificate_leaf(X509 *root, EVP_PKEY *root_key, EVP_PKEY *public,
		       const struct net_name *name, int64_t now_s)
{
	static const int usage[] = { 0 }; /* digitalSignature */
	X509 *x = begin(now_s, LEAF_DAYS);
	/* nobody shall go by the common name; some show it to people */
	const char *common = name->len <= NAME_PART_MAX ? name->text : "immure";

	if (x == NULL || !put_key(x, public) ||
	    X509_set_issuer_name(x, X509_get_subject_name(root)) != 1 ||
	    !put_part(X509_get_subject_name(x), NID_commonName, common) ||
	    !put_constraints(x, false) || !put_usage(x, usage, ARRAY_SIZE(usage)) ||
	    !put_server_usage(x) || !put_alternative_name(x, name) || !put_subject_key_id(x) ||
	    !put_authority_key_id(x, root) || X509_sign(x, root_key, EVP_sha256()) == 0) {
		X509_free(x);
		return NULL;
	}
	return x;
}
