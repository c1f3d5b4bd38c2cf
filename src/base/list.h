/* SPDX-License-Identifier: Apache-2.0 */
/* list - doubly linked, its nodes embedded in their owners; owns and allocates nothing. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include "base/base.h"

struct list_node {
	struct list_node *prev, *next; /* NULL: in no list */
};

struct list {
	struct list_node head; /* its next is the first node, its prev the last */
};

static inline void list_init(struct list *list)
{
	list->head.prev = list->head.next = &list->head;
}

/* list_first() - the node that is longest in the list; NULL: it is empty */
static inline struct list_node *list_first(const struct list *list)
{
	return list->head.next == &list->head ? NULL : list->head.next;
}

/* list_next() - the node behind @node, which is in the list; NULL: it is the last */
static inline struct list_node *list_next(const struct list *list, const struct list_node *node)
{
	return node->next == &list->head ? NULL : node->next;
}

/* list_remove() - fine for a node that is in no list */
static inline void list_remove(struct list_node *node)
{
	if (node->next == NULL)
		return;
	node->prev->next = node->next;
	node->next->prev = node->prev;
	node->prev = node->next = NULL;
}

/* list_append() - make @node the last one; it leaves the list it was in, if any */
static inline void list_append(struct list *list, struct list_node *node)
{
	list_remove(node);
	node->prev = list->head.prev;
	node->next = &list->head;
	list->head.prev->next = node;
	list->head.prev = node;
}

#endif
