// SPDX-License-Identifier: Apache-2.0
#include "cli/offer.h"

#include <unistd.h>

static const int64_t PATIENCE_NS = 1000000000; /* a short program shall not pay for it */

static bool is_told(const struct offer *offer, uint16_t port)
{
	for (size_t i = 0; i < offer->told_len; i++)
		if (offer->told[i] == port)
			return true;
	return false;
}

static bool is_published(const struct config_network *network, uint16_t port)
{
	for (size_t i = 0; i < network->publish_len; i++)
		if (network->publish[i].port == port)
			return true;
	return false;
}

/* tell() - below 1024 only root may have the same one outside */
static void tell(struct offer *offer, uint16_t port)
{
	unsigned host_port = port < 1024 ? port + 8000U : port;

	fprintf(offer->out, "immure: the program listens on %u; -p %u:%u would publish it%s", port,
		host_port, port, *offer->raw ? "\r\n" : "\n");
	(void)fflush(offer->out);
	offer->told[offer->told_len++] = port;
}

static void on_seen(void *context, const struct listeners *listeners)
{
	struct offer *offer = context;
	const struct config_network *network = &sandbox_config(offer->sandbox)->network;

	for (unsigned i = 1; i < LISTENERS_PORTS && offer->told_len < OFFER_PORTS_MAX; i++) {
		uint16_t port = (uint16_t)i;

		if (listeners_has(listeners, port) && !is_told(offer, port) &&
		    !is_published(network, port))
			tell(offer, port);
	}
	if (offer->told_len == OFFER_PORTS_MAX)
		offer_stop(offer);
}

static void timer_fired(struct loop_timer *timer)
{
	struct offer *offer = container_of(timer, struct offer, timer);
	int diag = sandbox_diag(offer->sandbox);

	if (diag >= 0) /* else this kernel does not tell */
		listeners_start(&offer->listeners, sandbox_loop(offer->sandbox), diag, on_seen,
				offer);
}

void offer_start(struct offer *offer, const struct sandbox *sandbox, FILE *out, const bool *raw)
{
	*offer = OFFER;
	if (isatty(fileno(out)) != 1 || sandbox_config(sandbox)->network.publish_auto)
		return;
	offer->sandbox = sandbox;
	offer->out = out;
	offer->raw = raw;
	offer->timer.fired = timer_fired;
	loop_arm(sandbox_loop(sandbox), &offer->timer, PATIENCE_NS);
}

void offer_stop(struct offer *offer)
{
	loop_disarm(&offer->timer);
	listeners_stop(&offer->listeners);
}
