// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a place is what a person would call the same thing again: what was done, to which
 * host and port, by which rule. The first few of a place are written each, the others counted with it. Who
 * always finds another place spends the octets of the second; so does, later, who finds no place in the table.
 */
#include <stdio.h>

#include "warden/journal_priv.h"

static bool is_at(const struct crowd_place *place, const struct egress_report *report)
{
	return place->kind == report->kind && place->port == report->port &&
	       place->blocked == report->blocked && strcmp(place->host, report->host) == 0 &&
	       strcmp(place->rule, report->rule) == 0;
}

/* find() - or make it. NULL: there is no room */
static struct crowd_place *find(struct crowd *crowd, const struct egress_report *report)
{
	for (size_t i = 0; i < crowd->len; i++)
		if (is_at(&crowd->places[i], report))
			return &crowd->places[i];
	if (crowd->len == CROWD_PLACES_MAX)
		return NULL;
	struct crowd_place *place = &crowd->places[crowd->len++];
	*place = (struct crowd_place){
		.kind = report->kind,
		.blocked = report->blocked,
		.is_address = report->is_address,
		.port = report->port,
	};
	(void)snprintf(place->host, sizeof(place->host), "%s", report->host);
	(void)snprintf(place->rule, sizeof(place->rule), "%s", report->rule);
	return place;
}

bool crowd_admits(struct crowd *crowd, const struct egress_report *report)
{
	/* these are counts already, of which others make few */
	if (report->kind == EGRESS_DROPPED || report->kind == EGRESS_PACKETS)
		return true;
	struct crowd_place *place = find(crowd, report);
	if (place != NULL && place->count >= JOURNAL_EACH_MAX) {
		place->left_out++;
		return false;
	}
	if (crowd->octets >= JOURNAL_OCTETS_MAX) {
		crowd->nameless++;
		return false;
	}
	if (place != NULL)
		place->count++;
	return true;
}

void crowd_spend(struct crowd *crowd, size_t octets)
{
	crowd->octets += octets;
}
