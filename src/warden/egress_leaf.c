// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: the gateway asks for a certificate for the host of an allowed flow; the host is the
 * flow's, not the gateway's to name. immure-authority makes it (minter.h). A flow has one such ask
 * under way.
 */
#include <errno.h>
#include <stdlib.h>

#include "warden/egress_priv.h"

struct leaf {
	struct answer answer;
	struct flow *flow;
	struct service_question *minting; /* NULL: it was made, or refused */
};

void leaf_drop(struct flow *flow)
{
	struct leaf *leaf = flow->leaf;

	if (leaf == NULL)
		return;
	flow->leaf = NULL;
	service_cancel(leaf->minting);
	egress_answer_drop(&leaf->answer);
	free(leaf);
}

static void on_given(struct answer *answer)
{
	leaf_drop(container_of(answer, struct leaf, answer)->flow);
}

static void on_minted(void *context, struct span der)
{
	struct leaf *leaf = context;

	leaf->minting = NULL;
	leaf->answer.verdict = der.len > 0 ? GATE_ALLOW : GATE_UNREACHABLE;
	egress_answer(leaf->flow->egress, &leaf->answer, der);
}

int leaf_ask(struct egress *egress, const struct gate_message *message)
{
	struct flow *flow = flow_carrying(egress, message->flow);

	if (flow == NULL || flow->leaf != NULL || egress_is_known(egress, message->id))
		return -EPROTO;
	struct leaf *leaf = calloc(1, sizeof(*leaf));
	if (leaf == NULL)
		return -ENOMEM;
	leaf->answer =
	    (struct answer){ .kind = GATE_LEAF, .id = message->id, .fd = -1, .given = on_given };
	leaf->flow = flow;
	flow->leaf = leaf;
	int r = minter_ask(&leaf->minting, egress->minter, &flow->host,
			   (const uint8_t *)message->data.ptr, on_minted, leaf);
	if (r < 0)
		on_minted(leaf, (struct span){ 0 });
	return 0;
}
