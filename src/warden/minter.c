// SPDX-License-Identifier: Apache-2.0
#include "warden/minter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "warden/trust.h"

struct minter {
	int home; /* owned */
	struct service *service;
};

/* open_folder() - where the authority's key is */
static int open_folder(void *context)
{
	const struct minter *minter = context;
	struct diag ignored;
	int folder = -1;
	int r = trust_folder(&folder, minter->home, &ignored);

	return r < 0 ? r : folder;
}

static int read_answer(struct span *answer)
{
	return leaf_answer_decode(answer, *answer);
}

int minter_new(struct minter **ret, struct loop *loop, int home)
{
	struct minter *minter = calloc(1, sizeof(*minter));
	const struct service_config config = {
		.program = LEAF_PROGRAM,
		.role = LEAF_SERVE,
		.answer_octets_max = LEAF_ANSWER_OCTETS_MAX,
		.open = open_folder,
		.read = read_answer,
		.context = minter,
	};

	if (minter == NULL)
		return -ENOMEM;
	minter->home = fcntl(home, F_DUPFD_CLOEXEC, 0);
	int r = minter->home < 0 ? -errno : service_new(&minter->service, loop, &config);
	if (r < 0) {
		minter_free(minter);
		return r;
	}
	*ret = minter;
	return 0;
}

int minter_ask(struct service_question **ret, struct minter *minter, const struct net_name *name,
	       const uint8_t key[LEAF_KEY_OCTETS], void (*done)(void *context, struct span der),
	       void *context)
{
	const struct leaf_request leaf = { { name->text, name->len }, key };
	char packet[LEAF_REQUEST_OCTETS_MAX];
	size_t len = 0;
	int r = leaf_request_encode(&len, packet, &leaf);

	if (r < 0)
		return r;
	return service_ask(ret, minter->service, (struct span){ packet, len }, done, context);
}

void minter_free(struct minter *minter)
{
	if (minter == NULL)
		return;
	service_free(minter->service);
	fd_close(&minter->home);
	free(minter);
}
