// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: one SSL_CTX for all programs and one for all upstreams. Certificates are put
 * on each connection, since one key serves all names. What would need a file, a random seed or a
 * configuration is done here, before the process confines itself.
 */
#include "tls/context.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rand.h>

#include "base/clock.h"
#include "tls/tls_priv.h"

enum {
	LEAF_MARGIN_S = 3600, /* a leaf with less life left is minted again */
	SECURITY_LEVEL = 2,   /* 112 bits, as Debian's own default */
};

/* AES-128 first: it is a fifth faster and as unbreakable. */
static const char suites[] =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";

/* common() - what both sides must and must not do. Return: owned; NULL. */
static SSL_CTX *common(const SSL_METHOD *method)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	if (ctx == NULL || SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_ciphersuites(ctx, suites) != 1) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	SSL_CTX_set_security_level(ctx, SECURITY_LEVEL);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_default_read_buffer_len(ctx, TLS_READ_OCTETS);
	return ctx;
}

/* judge_name() - OpenSSL's callback: the program must want who was judged, to the end (A6) */
static int judge_name(SSL *ssl, int *alert, void *context)
{
	const char *asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	struct tls_end *end = end_of(ssl);
	struct net_name name;

	(void)context;
	if (asked == NULL)
		return SSL_TLSEXT_ERR_NOACK; /* it is known from the address */
	if (net_name_parse(&name, span_of(asked)) == NULL &&
	    strcmp(name.text, end->name->text) == 0)
		return SSL_TLSEXT_ERR_OK;
	end->fault = TLS_FAULT_SNI;
	*alert = SSL_AD_UNRECOGNIZED_NAME;
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

const unsigned char *alpn_find(struct span list, struct span name)
{
	while (list.len > 0) {
		size_t len = (uint8_t)list.ptr[0];

		if (len >= list.len)
			return NULL;
		if (len == name.len && memcmp(list.ptr + 1, name.ptr, len) == 0)
			return (const unsigned char *)list.ptr;
		list = span_drop(list, 1 + len);
	}
	return NULL;
}

/* choose_protocol() - OpenSSL's callback: what the upstream chose, or none if it chose none */
static int choose_protocol(SSL *ssl, const unsigned char **ret, unsigned char *ret_len,
			   const unsigned char *offer, unsigned offer_len, void *context)
{
	const struct tls_end *end = end_of(ssl);
	const struct span list = { (const char *)offer, offer_len };

	(void)context;
	if (end->alpn.len == 0)
		return SSL_TLSEXT_ERR_NOACK;
	const unsigned char *found = alpn_find(list, end->alpn);
	if (found == NULL)
		return end->alpn_or_none ? SSL_TLSEXT_ERR_NOACK : SSL_TLSEXT_ERR_ALERT_FATAL;
	*ret = found + 1;
	*ret_len = found[0];
	return SSL_TLSEXT_ERR_OK;
}

static int new_server(struct tls_context *context)
{
	SSL_CTX *ctx = common(TLS_server_method());

	if (ctx == NULL)
		return -ENOMEM;
	context->server = ctx;
	SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF); /* tickets hold all */
	SSL_CTX_set_timeout(ctx, TLS_SESSION_AGE_MAX_S);
	SSL_CTX_set_max_early_data(ctx, 0);
	SSL_CTX_set_num_tickets(ctx, 1); /* as each costs time and an octet more in flight */
	SSL_CTX_set_tlsext_servername_callback(ctx, judge_name);
	SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
	return 0;
}

static int new_client(struct tls_context *context)
{
	SSL_CTX *ctx = common(TLS_client_method());

	if (ctx == NULL)
		return -ENOMEM;
	context->client = ctx;
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, end_judge_certificate);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, context_session_put);
	return 0;
}

static void leaf_free(void *x)
{
	X509_free(x);
}

/* fill() - Return: 0; -ENOMEM. */
static int fill(struct tls_context *context)
{
	unsigned char octet;

	context->key = EVP_EC_gen("P-256");
	context->method = end_method();
	context->judged_index = SSL_SESSION_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	if (context->key == NULL || context->method == NULL || context->judged_index < 0)
		return -ENOMEM;
	/* both generators are seeded while the kernel may still be asked freely */
	if (RAND_bytes(&octet, 1) != 1 || RAND_priv_bytes(&octet, 1) != 1)
		return -ENOMEM;
	int r = new_server(context);
	return r == 0 ? new_client(context) : r;
}

/* trust() - Return: 0; -errno with @diag set. */
static int trust(struct tls_context *context, const struct tls_settings *settings,
		 struct diag *diag)
{
	int r = roots_new(&context->roots);
	int count = r == 0 ? roots_add(context->roots, settings->roots) : r;
	int more = count >= 0 ? roots_add(context->roots, settings->more_roots) : count;

	if (more == -ENOSPC)
		return diag_set(diag, -ENOSPC, "more than %d certificates to trust", ROOTS_MAX);
	if (more < 0)
		return diag_set(diag, more, "out of memory");
	if (count + more == 0)
		return diag_set(diag, -EINVAL, "there is no certificate to trust");
	r = roots_attach(context->roots, SSL_CTX_get_cert_store(context->client));
	return r == 0 ? 0 : diag_set(diag, r, "out of memory");
}

int tls_context_new(struct tls_context **ret, const struct tls_settings *settings,
		    struct diag *diag)
{
	enum { INIT = OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_LOAD_SSL_STRINGS };

	if (OPENSSL_init_ssl(INIT, NULL) != 1)
		return diag_set(diag, -ENOMEM, "OpenSSL does not start");
	struct tls_context *made = calloc(1, sizeof(*made));
	if (made == NULL)
		return diag_set(diag, -ENOMEM, "out of memory");
	made->leaves = CACHE(TLS_LEAVES_MAX, leaf_free);
	made->sessions = CACHE(TLS_SESSIONS_NAMES_MAX, context_sessions_free);
	int r = fill(made);
	if (r < 0)
		(void)diag_set(diag, r, "out of memory or random numbers");
	else
		r = trust(made, settings, diag);
	if (r == 0)
		*ret = made;
	else
		tls_context_free(made);
	return r;
}

void tls_context_free(struct tls_context *context)
{
	if (context == NULL)
		return;
	cache_free(&context->leaves);
	cache_free(&context->sessions);
	SSL_CTX_free(context->server);
	SSL_CTX_free(context->client);
	roots_free(context->roots);
	EVP_PKEY_free(context->key);
	BIO_meth_free(context->method);
	OPENSSL_cleanse(context->plain, sizeof(context->plain));
	free(context);
}

void tls_context_key(struct authority_key *ret, const struct tls_context *context)
{
	size_t len = 0;

	memset(ret, 0, sizeof(*ret)); /* which no authority takes for a key */
	(void)EVP_PKEY_get_octet_string_param(context->key, OSSL_PKEY_PARAM_PUB_KEY, ret->point,
					      sizeof(ret->point), &len);
}

X509 *context_leaf(struct tls_context *context, const struct net_name *name)
{
	const struct span key = { name->text, name->len };
	X509 *leaf = cache_get(&context->leaves, key);
	time_t soon = (time_t)clock_unix_s() + LEAF_MARGIN_S;

	if (leaf != NULL && X509_cmp_time(X509_get0_notAfter(leaf), &soon) <= 0) {
		cache_remove(&context->leaves, key);
		return NULL;
	}
	return leaf;
}

bool tls_context_has_leaf(struct tls_context *context, const struct net_name *name)
{
	return context_leaf(context, name) != NULL;
}

int tls_context_put_leaf(struct tls_context *context, const struct net_name *name, struct span der)
{
	const unsigned char *at = (const unsigned char *)der.ptr;
	X509 *leaf = d2i_X509(NULL, &at, (long)der.len);
	int r = -EINVAL;

	if (leaf != NULL && at == (const unsigned char *)der.ptr + der.len &&
	    X509_check_private_key(leaf, context->key) == 1)
		r = cache_put(&context->leaves, (struct span){ name->text, name->len }, leaf);
	ERR_clear_error();
	if (r < 0)
		X509_free(leaf);
	return r;
}

void tls_context_forget(struct tls_context *context)
{
	cache_free(&context->sessions);
}
