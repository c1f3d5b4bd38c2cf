// SPDX-License-Identifier: Apache-2.0
/* The table of ADR-0001: as wide as its widest cell; COMMAND is last and as long as it is. PORTS is
 * there if any sandbox publishes one. */
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fd.h"
#include "cli/commands.h"
#include "cli/ports.h"
#include "cli/print.h"
#include "cli/sandboxes.h"

enum { ID, STATUS, IMAGE, CREATED, PID, PORTS, CELLS, CELL_OCTETS = 4 * 64 + 1 };

struct row {
	char cells[CELLS][CELL_OCTETS]; /* an escaped octet takes four */
};

/* put_ports() - Return: 0 or -errno. */
static int put_ports(char ret[CELL_OCTETS], int home, const struct state_entry *entry)
{
	json_auto_t *ports = ports_read(home, entry);
	char text[CELL_OCTETS / 4]; /* an escaped octet takes four */
	FILE *cell = fmemopen(ret, CELL_OCTETS, "w");

	if (cell == NULL)
		return -errno;
	ret[0] = '\0'; /* nothing written leaves it as it was */
	ports_text(text, sizeof(text), ports);
	print_safe(cell, text);
	fclose(cell);
	return 0;
}

static int make_row(struct row *row, int home, const struct state_entry *entry)
{
	FILE *image = fmemopen(row->cells[IMAGE], CELL_OCTETS, "w");

	if (image == NULL)
		return -errno;
	print_safe(image, entry->image[0] != 0 ? entry->image : "-");
	fclose(image);
	snprintf(row->cells[ID], CELL_OCTETS, "%s", entry->id);
	snprintf(row->cells[STATUS], CELL_OCTETS, "%s", state_names[entry->status]);
	snprintf(row->cells[PID], CELL_OCTETS, "-");
	if (entry->pid > 0)
		snprintf(row->cells[PID], CELL_OCTETS, "%d", (int)entry->pid);
	print_age(row->cells[CREATED], entry->created_at, clock_unix_s());
	return put_ports(row->cells[PORTS], home, entry);
}

static void print_row(FILE *out, const struct row *row, const int *widths, const char *command)
{
	for (size_t c = 0; c < CELLS; c++)
		if (widths[c] > 0)
			fprintf(out, "%-*s  ", widths[c], row->cells[c]);
	print_safe(out, command);
	fputc('\n', out);
}

static int list_table(struct cli_call *call, int home, const struct state_entry *entries,
		      size_t len)
{
	static const struct row head = { { "ID", "STATUS", "IMAGE", "CREATED", "PID", "PORTS" } };
	int widths[CELLS] = { 11, 8, 9, 14, 6, 0 }; /* so that short lists do not dance */
	struct row row = head;
	int r = 0;

	for (size_t i = 0; i < len; i++) {
		r = make_row(&row, home, &entries[i]);
		for (size_t c = 0; r == 0 && c < CELLS; c++)
			if ((int)strlen(row.cells[c]) > widths[c])
				widths[c] = (int)strlen(row.cells[c]);
	}
	if (widths[PORTS] > 0 && widths[PORTS] < (int)strlen(head.cells[PORTS]))
		widths[PORTS] = (int)strlen(head.cells[PORTS]);
	print_row(call->out, &head, widths, "COMMAND");
	for (size_t i = 0; r == 0 && i < len; i++) {
		r = make_row(&row, home, &entries[i]);
		print_row(call->out, &row, widths, entries[i].command);
	}
	return r < 0 ? diag_set(&call->diag, r, "out of memory") : 0;
}

static int list_json(struct cli_call *call, int home, const struct state_entry *entries, size_t len)
{
	json_auto_t *list = json_array();

	for (size_t i = 0; i < len; i++) {
		json_t *value = NULL;
		int r = sandboxes_json(&value, home, &entries[i], call);

		if (r < 0)
			return r;
		if (json_array_append_new(list, value) < 0)
			return diag_set(&call->diag, -ENOMEM, "out of memory");
	}
	return print_json(call, list);
}

int cli_list(struct cli_call *call)
{
	CLEANUP(entries_freep) struct state_entry *entries = NULL;
	CLEANUP_FD int home = -1;
	size_t len = 0, kept = 0;
	int r = state_home(&home, &call->diag);

	if (r == 0)
		r = sandboxes_all(&entries, &len, home, call);
	if (r < 0)
		return r;
	for (size_t i = 0; i < len; i++)
		if (!cli_has(call, "running") || sandboxes_is_running(&entries[i]))
			entries[kept++] = entries[i];
	if (cli_has(call, "json"))
		return list_json(call, home, entries, kept);
	for (size_t i = 0; cli_has(call, "quiet") && i < kept; i++)
		fprintf(call->out, "%s\n", entries[i].id);
	return cli_has(call, "quiet") ? 0 : list_table(call, home, entries, kept);
}
