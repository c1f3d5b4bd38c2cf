// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: one request, one answer, in order; nothing is kept between them. Requests are
 * made by the warden, but keys in them come from gateways, which read hostile octets: what cannot be
 * certified is refused, what is no request at all ends the process.
 */
#include <errno.h>

#include "authority/process.h"
#include "base/worker.h"
#include "wire/leaf.h"

/* mint() - a certificate for what was asked, or an empty one: refused */
static void mint(struct authority_leaf *ret, const struct authority *authority,
		 const struct leaf_request *request)
{
	struct authority_key key;
	struct net_name name;

	_Static_assert((int)LEAF_KEY_OCTETS == (int)AUTHORITY_KEY_OCTETS &&
			   (int)LEAF_DER_OCTETS_MAX == (int)AUTHORITY_LEAF_OCTETS_MAX,
		       "wire/leaf.h carries what tls/authority.h makes");
	memcpy(key.point, request->key, sizeof(key.point));
	ret->len = 0;
	/* only in the one form that was approved */
	if (net_name_parse(&name, request->name) != NULL || !span_is(request->name, name.text) ||
	    authority_mint(ret, authority, &key, &name) < 0)
		ret->len = 0;
}

static int answer(const struct authority *authority, struct span packet)
{
	static struct authority_leaf leaf;
	char out[LEAF_ANSWER_OCTETS_MAX];
	struct leaf_request request = { 0 };
	size_t len = 0;
	int r = leaf_request_decode(&request, packet);

	if (r < 0)
		return r;
	mint(&leaf, authority, &request);
	r = leaf_answer_encode(&len, out, (struct span){ (const char *)leaf.der, leaf.len });
	return r < 0 ? r : worker_give((struct span){ out, len });
}

int process_serve(const struct authority *authority)
{
	char packet[LEAF_REQUEST_OCTETS_MAX + 1];
	size_t len = 0;

	for (;;) {
		int r = worker_take(&len, packet, sizeof(packet));

		if (r == 0 && len == 0)
			return 0;
		if (r == 0)
			r = answer(authority, (struct span){ packet, len });
		if (r == -EPIPE || r == -ECONNRESET)
			return 0; /* nobody wants it any more */
		if (r < 0)
			return r;
	}
}
