// SPDX-License-Identifier: Apache-2.0
/*
 * Input: a host as text. Property: an accepted one is in its canonical form, which reads back as
 * itself; a DNS name is nothing that libc would take for an address, an address is the one that
 * libc reads; and nobody can see two hosts in it.
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdint.h>
#include <stdlib.h>

#include "net/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* must() - end the program, and the fuzzer with it, unless the property holds */
static void must(bool holds)
{
	if (!holds)
		abort();
}

static bool is_numeric_to_libc(const char *text)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;

	if (getaddrinfo(text, NULL, &hints, &list) != 0)
		return false;
	freeaddrinfo(list);
	return true;
}

/* check_dns() - written anew here, by the letter of RFC 1035 and 1123 */
static void check_dns(const struct net_name *name, struct span text)
{
	struct in_addr room;
	size_t label = 0;

	must(!inet_aton(name->text, &room) && !is_numeric_to_libc(name->text));
	must(name->len <= 253 && (text.len == name->len || text.len == name->len + 1U));
	must(strncasecmp(name->text, text.ptr, name->len) == 0);
	for (size_t i = 0; i <= name->len; i++) {
		char c = name->text[i];

		if (c == '.' || c == '\0') {
			must(label >= 1 && label <= 63);
			must(name->text[i - 1] != '-' && name->text[i - label] != '-');
			label = 0;
			continue;
		}
		must((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_');
		label++;
	}
}

static void check_address(const struct net_name *name)
{
	char text[NET_ADDRESS_TEXT_OCTETS];
	struct net_address unmapped = net_address_unmap(&name->address);

	must(net_address_equal(&unmapped, &name->address));
	must(net_address_format(text, &name->address) == name->len);
	must(strcmp(text, name->text) == 0 && is_numeric_to_libc(name->text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = { (const char *)data, size };
	struct net_name name, again;

	if (net_name_parse(&name, text) != NULL)
		return 0;
	must(strlen(name.text) == name.len && memchr(data, 0, size) == NULL);
	must(net_name_parse(&again, (struct span){ name.text, name.len }) == NULL);
	must(again.kind == name.kind && strcmp(again.text, name.text) == 0);
	must(net_address_equal(&again.address, &name.address));
	if (name.kind == NET_NAME_DNS)
		check_dns(&name, text);
	else
		check_address(&name);
	return 0;
}
