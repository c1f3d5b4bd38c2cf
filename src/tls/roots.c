// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: each certificate is kept as DER with the place of its subject, which a short
 * walk finds: the fifth or sixth part of its inside (RFC 5280 section 4.1). A store that looks for
 * an issuer asks for a subject; those that have it, octet for octet, are read then, and stay in the
 * store. Octets are the host's own; one that is no certificate is never found or cannot be read.
 */
#include "tls/roots.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>

struct root {
	struct span der;     /* owned by OpenSSL's allocator */
	struct span subject; /* in der */
	bool read;           /* it is in the store */
};

struct roots {
	X509_LOOKUP_METHOD *method; /* owned */
	size_t count;
	struct root root[ROOTS_MAX];
};

enum { TAG_VERSION = 0xa0, TAG_SEQUENCE = 0x30, PARTS_BEFORE_SUBJECT = 4 };

/* cut() - take one DER value off the front of @rest. Return: all its octets, or an empty span. */
static struct span cut(struct span *rest, struct span *ret_inside)
{
	const unsigned char *at = (const unsigned char *)rest->ptr;
	long len = 0;
	int tag = 0, class = 0;
	struct span whole = { 0 };

	if (rest->len == 0 ||
	    (ASN1_get_object(&at, &len, &tag, &class, (long)rest->len) & 0x81) != 0)
		return whole; /* an error, or of indefinite length */
	whole = (struct span){ rest->ptr, (size_t)((const char *)at - rest->ptr) + (size_t)len };
	*ret_inside = (struct span){ (const char *)at, (size_t)len };
	*rest = span_drop(*rest, whole.len);
	return whole;
}

/* subject_of() - empty: @der is no certificate */
static struct span subject_of(struct span der)
{
	struct span inside = { 0 }, part = { 0 }, rest = { 0 };

	(void)cut(&der, &inside);  /* Certificate */
	(void)cut(&inside, &rest); /* TBSCertificate */
	if (rest.len > 0 && (uint8_t)rest.ptr[0] == TAG_VERSION)
		(void)cut(&rest, &part);
	for (int i = 0; i < PARTS_BEFORE_SUBJECT; i++) /* serial, algorithm, issuer, validity */
		(void)cut(&rest, &part);
	part = cut(&rest, &inside);
	return part.len > 0 && (uint8_t)part.ptr[0] == TAG_SEQUENCE ? part : (struct span){ 0 };
}

/* take() - keep @der, whose memory is OpenSSL's; false: it was not taken */
static bool take(struct roots *roots, unsigned char *der, long len)
{
	struct root *root = &roots->root[roots->count];

	root->der = (struct span){ (char *)der, (size_t)len };
	root->subject = subject_of(root->der);
	if (root->subject.len == 0)
		return false;
	roots->count++;
	return true;
}

static int add_all(struct roots *roots, BIO *memory)
{
	size_t before = roots->count;

	for (;;) {
		char *label = NULL, *header = NULL;
		unsigned char *der = NULL;
		long len = 0;

		if (PEM_read_bio(memory, &label, &header, &der, &len) != 1) {
			if (BIO_eof(memory))
				return (int)(roots->count - before);
			continue;
		}
		bool right = strcmp(label, PEM_STRING_X509) == 0;
		bool room = roots->count < ROOTS_MAX;
		OPENSSL_free(label);
		OPENSSL_free(header);
		if (!right || !room || !take(roots, der, len))
			OPENSSL_free(der);
		if (!room)
			return -ENOSPC;
	}
}

int roots_add(struct roots *roots, struct span pem)
{
	BIO *memory = pem.len > 0 ? BIO_new_mem_buf(pem.ptr, (int)pem.len) : NULL;

	if (pem.len == 0)
		return 0;
	if (memory == NULL)
		return -ENOMEM;
	int r = add_all(roots, memory);
	BIO_free(memory);
	ERR_clear_error();
	return r;
}

/* read_root() - Return: @root in the store of @lookup; borrowed from it; NULL. */
static X509 *read_root(struct root *root, X509_LOOKUP *lookup)
{
	const unsigned char *at = (const unsigned char *)root->der.ptr;
	X509 *x = d2i_X509(NULL, &at, (long)root->der.len);

	root->read = true;
	if (x != NULL && X509_STORE_add_cert(X509_LOOKUP_get_store(lookup), x) != 1) {
		X509_free(x);
		return NULL;
	}
	X509_free(x); /* the store has it */
	return x;
}

/* find() - OpenSSL's callback: give one certificate of @name, having read all of them */
static int find(X509_LOOKUP *lookup, X509_LOOKUP_TYPE type, const X509_NAME *name, X509_OBJECT *ret)
{
	struct roots *roots = X509_LOOKUP_get_method_data(lookup);
	const unsigned char *der = NULL;
	size_t len = 0;
	X509 *found = NULL;

	if (type != X509_LU_X509 || X509_NAME_get0_der(name, &der, &len) != 1)
		return 0;
	for (size_t i = 0; i < roots->count; i++) {
		struct root *root = &roots->root[i];

		if (root->read || root->subject.len != len ||
		    memcmp(root->subject.ptr, der, len) != 0)
			continue;
		X509 *x = read_root(root, lookup);
		found = x != NULL ? x : found;
	}
	if (found == NULL || X509_OBJECT_set1_X509(ret, found) != 1)
		return 0;
	X509_free(found); /* whoever asks does not own what a lookup gives */
	return 1;
}

int roots_new(struct roots **ret)
{
	struct roots *made = calloc(1, sizeof(*made));

	if (made == NULL)
		return -ENOMEM;
	made->method = X509_LOOKUP_meth_new("roots");
	if (made->method == NULL || X509_LOOKUP_meth_set_get_by_subject(made->method, find) != 1) {
		roots_free(made);
		return -ENOMEM;
	}
	*ret = made;
	return 0;
}

int roots_attach(struct roots *roots, X509_STORE *store)
{
	X509_LOOKUP *lookup = X509_STORE_add_lookup(store, roots->method);

	return lookup != NULL && X509_LOOKUP_set_method_data(lookup, roots) == 1 ? 0 : -ENOMEM;
}

void roots_free(struct roots *roots)
{
	if (roots == NULL)
		return;
	for (size_t i = 0; i < roots->count; i++)
		OPENSSL_free((void *)(uintptr_t)roots->root[i].der.ptr);
	X509_LOOKUP_meth_free(roots->method);
	free(roots);
}
