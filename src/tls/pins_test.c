// SPDX-License-Identifier: Apache-2.0
/* Upstreams whose certificate is trusted, and is or is not one of the pins. */
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/clock.h"
#include "tls/certificate_priv.h"
#include "tls/test_fresh_priv.h"
#include "tls/test_rig_priv.h"

enum { PINS_MAX = 4 };

static EVP_PKEY *leaf_key;

struct pins {
	size_t len;
	unsigned char at[PINS_MAX][BRIDGE_PIN_OCTETS];
};

/* add() - the pin of @x; NULL: of nothing at all */
static void add(struct pins *pins, const X509 *x)
{
	unsigned char hash[EVP_MAX_MD_SIZE] = { 1 }, *der = NULL;
	int len = x != NULL ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der) : 0;

	if (x != NULL)
		CHECK(EVP_Digest(der, (size_t)len, hash, NULL, EVP_sha256(), NULL) == 1, "hash");
	memcpy(pins->at[pins->len++], hash, BRIDGE_PIN_OCTETS);
	OPENSSL_free(der);
}

static struct span span_of_pins(const struct pins *pins)
{
	return (struct span){ (const char *)pins->at, pins->len * BRIDGE_PIN_OCTETS };
}

static bool is_decided(const struct rig *rig)
{
	return all_said(rig) || any_ended(rig);
}

/* converse() - with an upstream that has @certificate. Return: was it let? */
static bool converse(const char *what, const struct pins *pins, X509 *certificate, int version,
		     bool *ret_resumed)
{
	const struct setup setup = { .certificate = certificate,
				     .key = leaf_key,
				     .server_version = version,
				     .pins = span_of_pins(pins) };
	const char *why = NULL;
	struct rig rig;

	rig_new(&rig, &setup);
	rig.program.to_send = rig.server.to_send = 100;
	bool said = turns(&rig, is_decided) && all_said(&rig);
	*ret_resumed = bridge_resumed(rig.bridge, TLS_UPSTREAM);
	if (!said) {
		CHECK(rig.state == BRIDGE_REFUSED, "%s: %d", what, rig.state);
		CHECK(bridge_fault(rig.bridge, TLS_UPSTREAM, &why) == TLS_FAULT_PIN, "%s: %s", what,
		      why);
		CHECK(strcmp(why, "its certificate is not one of the pins") == 0, "%s", why);
		CHECK(rig.server.got == 0, "%s: it got something", what);
	}
	SSL_set_shutdown(rig.server.ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	rig_end(&rig);
	return said;
}

static void test_pins(X509 *leaf, int version)
{
	const struct {
		const char *what;
		const X509 *pinned[PINS_MAX];
		size_t len;
		bool want;
	} rows[] = {
		{ "none", { NULL }, 0, true },
		{ "another", { NULL }, 1, false },
		{ "its own", { leaf }, 1, true },
		{ "its root's", { world.root }, 1, true },
		{ "one of them", { NULL, world.own_root, leaf }, 3, true },
		{ "a root that is not above it", { world.own_root, NULL }, 2, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct pins pins = { 0 };
		bool resumed = false;

		for (size_t k = 0; k < rows[i].len; k++)
			add(&pins, rows[i].pinned[k]);
		CHECK(converse(rows[i].what, &pins, leaf, version, &resumed) == rows[i].want, "%s",
		      rows[i].what);
	}
}

/* What was trusted without pins, or with others, is judged anew. */
static void test_sessions(X509 *leaf, int version)
{
	const struct pins none = { 0 };
	struct pins other = { 0 }, own = { 0 };
	bool resumed = false;

	add(&other, NULL);
	add(&own, leaf);
	tls_context_forget(world.context);
	CHECK(converse("pinned", &own, leaf, version, &resumed) && !resumed, "pinned");
	CHECK(converse("first", &none, leaf, version, &resumed) && !resumed, "was kept");
	CHECK(converse("again", &none, leaf, version, &resumed) && resumed, "was not kept");
	CHECK(!converse("other", &other, leaf, version, &resumed), "went round the pins");
	CHECK(converse("pinned", &own, leaf, version, &resumed) && !resumed, "pinned, resumed");
	CHECK(converse("again", &none, leaf, version, &resumed) && resumed, "is kept still");
}

static void test_cut(void)
{
	struct bridge *bridge = NULL;
	const struct bridge_plan plan = { .context = world.context,
					  .name = name_of(host),
					  .fd = { -1, -1 },
					  .pins = { "123", 3 } };

	CHECK(bridge_new(&bridge, &plan) == -EINVAL && bridge == NULL, "half a pin");
}

int main(void)
{
	world_new();
	struct net_name name = name_of(host);
	leaf_key = EVP_EC_gen("P-256");
	X509 *leaf =
	    fresh(certificate_leaf(world.root, world.key, leaf_key, &name, clock_unix_s()));
	test_pins(leaf, TLS1_2_VERSION);
	test_pins(leaf, TLS1_3_VERSION);
	test_sessions(leaf, TLS1_2_VERSION);
	test_sessions(leaf, TLS1_3_VERSION);
	test_cut();
	X509_free(leaf);
	EVP_PKEY_free(leaf_key);
	world_end();
	return test_failures > 0;
}
