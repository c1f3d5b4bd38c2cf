/* SPDX-License-Identifier: Apache-2.0 */
/* inject_priv - the search (inject_find.c), and what asks for it (inject.c). */
#ifndef GATEWAY_INJECT_PRIV_H
#define GATEWAY_INJECT_PRIV_H

#include "gateway/inject.h"

enum {
	INJECT_FORMS = 4, /* of a value that is to be hidden: itself, %-encoded, JSON in two ways */
	INJECT_NEEDLES_MAX = SUBSTITUTIONS_MAX * INJECT_FORMS + 1, /* and a Basic credential */
};

struct inject_needle {
	struct span text, with; /* borrowed from the blocks below */
};

struct inject {
	struct substitutions list;
	struct inject_needle needles[INJECT_NEEDLES_MAX];
	size_t needles_len;
	bool starts[256]; /* with which octets needles begin */
	char *data;       /* owned: what the list borrows from */
	size_t data_len;
	char *forms; /* owned: of values */
	size_t forms_len, forms_size;
	char *basic; /* owned: the credential as it was sent, then as it came */
	size_t basic_len;
};

/* What is done to a text. */
struct inject_task {
	const struct inject *inject;
	unsigned where; /* it is that part of a request; 0: of a response, to be hidden in */
	enum inject_form form;
	bool last;
	bool full;       /* stopped for want of room */
	size_t count;    /* how often it was changed */
	const char *why; /* refused */
};

/* inject_change() - @in into @room. Return: octets of @in that are done with */
size_t inject_change(struct inject_task *task, struct inject_room *room, struct span in);

/* inject_find() - a placeholder, on the way out. Return: octets of @in in which there is none, and with the last
 * of which none begins; *why: one follows those */
size_t inject_find(const char **why, const struct inject *inject, struct span in);

/* inject_put() - a value in that form. Return: false: no room, and nothing was put */
bool inject_put(struct inject_room *room, struct span value, enum inject_form form);

#endif
