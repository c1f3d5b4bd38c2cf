// SPDX-License-Identifier: Apache-2.0
#include "consent/serve.h"

#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/worker.h"
#include "consent/store.h"

static int give(const struct grant_packet *packet)
{
	static char octets[GRANT_PACKET_OCTETS_MAX];
	size_t len = 0;
	int r = grant_encode(&len, octets, packet);

	return r == 0 ? worker_give((struct span){ octets, len }) : r;
}

static int give_one(void *context, const struct grant *grant)
{
	(void)context;
	return give(&(struct grant_packet){ .kind = GRANT_ONE, .grant = *grant });
}

/* give_fault() - what *diag says, as far as a packet can */
static int give_fault(struct diag *diag)
{
	char *why = diag->why;

	for (size_t i = 0; why[i] != '\0'; i++)
		if (why[i] < ' ' || why[i] > '~')
			why[i] = '?';
	return give(&(struct grant_packet){ .kind = GRANT_FAILED, .text = span_of(why) });
}

static int list(const struct grant_packet *asked, struct diag *diag)
{
	struct store *store = NULL;

	if (asked->kind != GRANT_LIST)
		return diag_set(diag, -EPROTO, "it was asked for something else");
	int r = store_open(&store, WORKER_FD_BESIDE, false, diag);
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = store_list(store, asked->text, give_one, NULL, diag);
	store_close(store);
	return r;
}

static int add(const struct grant_packet *asked, struct diag *diag)
{
	struct store *store = NULL;
	int64_t id = 0;

	if (asked->kind != GRANT_ONE)
		return diag_set(diag, -EPROTO, "it was asked for something else");
	int r = store_open(&store, WORKER_FD_BESIDE, true, diag);
	if (r == 0)
		r = store_add(&id, store, &asked->grant, diag);
	store_close(store);
	return r;
}

static int answer(const char *role, struct diag *diag)
{
	static char octets[GRANT_PACKET_OCTETS_MAX + 1];
	struct grant_packet asked = { 0 };
	size_t len = 0;
	int r = worker_take(&len, octets, sizeof(octets));

	if (r == 0)
		r = grant_decode(&asked, (struct span){ octets, len });
	if (r < 0)
		return diag_set(diag, r, "it was asked for nothing: %s", strerrordesc_np(-r));
	return strcmp(role, GRANT_ROLE_ADD) == 0 ? add(&asked, diag) : list(&asked, diag);
}

int consent_serve(const char *role)
{
	const char *step = "start";
	struct diag diag = { 0 };
	int r = worker_harden(&step);

	r = r < 0 ? diag_set(&diag, r, "%s: %s", step, strerrordesc_np(-r)) : answer(role, &diag);
	if (r == 0)
		r = give(&(struct grant_packet){ .kind = GRANT_END });
	else if (diag.why[0] != '\0')
		(void)!give_fault(&diag);
	return r < 0;
}
