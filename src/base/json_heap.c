// SPDX-License-Identifier: Apache-2.0
#include "base/json_heap.h"

#include <jansson.h>
#include <stdlib.h>

static unsigned long failures;

static void *allocate(size_t size)
{
	void *room = malloc(size);

	failures += room == NULL;
	return room;
}

void json_heap_watch(void)
{
	json_set_alloc_funcs(allocate, free);
}

unsigned long json_heap_failures(void)
{
	return failures;
}
