// SPDX-License-Identifier: Apache-2.0
#include "cli/ports.h"

#include <stdlib.h>

#include "base/fd.h"
#include "cli/print.h"
#include "cli/sandboxes.h"

enum {
	FILE_OCTETS_MAX = 16 * 1024,
	PORT_TEXT_OCTETS = 64, /* an address, brackets, two ports; what is longer is no address */
};

json_t *ports_read(int home, const struct state_entry *entry)
{
	struct diag diag = { 0 };
	CLEANUP_FD int dir = -1;
	char *text = NULL;
	size_t len = 0;

	if (!sandboxes_is_running(entry) || state_open(&dir, home, entry->id, &diag) < 0 ||
	    fd_read_file(&text, &len, dir, "ports.json", FILE_OCTETS_MAX) < 0)
		return json_array();
	json_t *ports = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	free(text);
	if (json_is_array(ports))
		return ports;
	json_decref(ports); /* damaged */
	return json_array();
}

/* port_text() - one of them; "?" for what is none */
static void port_text(char ret[PORT_TEXT_OCTETS], json_t *port)
{
	const char *address = "";
	int host_port = 0, inside = 0;

	if (json_unpack(port, "{s:s, s:i, s:i}", "address", &address, "host_port", &host_port,
			"port", &inside) < 0)
		address = "?";
	bool bracketed = strchr(address, ':') != NULL;
	(void)snprintf(ret, PORT_TEXT_OCTETS, bracketed ? "[%s]:%d->%d" : "%s:%d->%d", address,
		       host_port, inside);
}

void ports_text(char *ret, size_t size, const json_t *ports)
{
	static const char more[] = ", ...";
	size_t len = 0;

	ret[0] = '\0';
	for (size_t i = 0; i < json_array_size(ports); i++) {
		char text[PORT_TEXT_OCTETS];

		port_text(text, json_array_get(ports, i));
		if (len + 2 + strlen(text) + sizeof(more) > size) {
			(void)snprintf(ret + len, size - len, "%s", more);
			return;
		}
		len += (size_t)snprintf(ret + len, size - len, "%s%s", i > 0 ? ", " : "", text);
	}
}

/* is_new() - and then it is not any more; when there is no room, none is */
static bool is_new(struct ports_told *told, int port)
{
	for (size_t i = 0; i < told->len; i++)
		if (told->ports[i] == port)
			return false;
	if (told->len == PORTS_TOLD_MAX)
		return false;
	told->ports[told->len++] = (uint16_t)port;
	return true;
}

void ports_tell_auto(FILE *out, const json_t *ports, struct ports_told *told, const char *end)
{
	for (size_t i = 0; i < json_array_size(ports); i++) {
		const char *address = "";
		int automatic = 0, host_port = 0, inside = 0;

		if (json_unpack(json_array_get(ports, i), "{s:s, s:i, s:i, s:b}", "address",
				&address, "host_port", &host_port, "port", &inside, "auto",
				&automatic) == 0 &&
		    automatic && is_new(told, inside))
			fprintf(out, "immure: port %d of the program is at http://%s:%d%s", inside,
				address, host_port, end);
	}
}

void ports_tell(FILE *out, const json_t *ports, const struct config_network *network)
{
	for (size_t i = 0; i < json_array_size(ports) && i < network->publish_len; i++) {
		char text[PORT_TEXT_OCTETS];

		if (network->publish[i].host_port != 0)
			continue;
		port_text(text, json_array_get(ports, i));
		fprintf(out, "immure: published %s\n", text);
	}
}
