// SPDX-License-Identifier: Apache-2.0
#include "gateway/names.h"

#include <arpa/inet.h>

#include "base/test.h"

#define S INT64_C(1000000000)

static struct names *fresh(void)
{
	static struct names names;

	memset(&names, 0, sizeof(names));
	names_init(&names);
	return &names;
}

static struct names_entry *get(struct names *names, unsigned number, int64_t now_ns)
{
	char name[32];

	snprintf(name, sizeof(name), "n%u.example", number);
	return names_get(names, name, now_ns);
}

static const char *text_of(const struct net_address *address)
{
	static char text[INET6_ADDRSTRLEN];

	inet_ntop(address->family == 4 ? AF_INET : AF_INET6, address->octets, text, sizeof(text));
	return text;
}

static void test_addresses(void)
{
	const struct {
		unsigned index;
		const char *v4, *v6;
	} rows[] = {
		{ 0, "198.18.1.1", "fd69:6d6d:7572::101" },
		{ 1, "198.18.1.2", "fd69:6d6d:7572::102" },
		{ 253, "198.18.1.254", "fd69:6d6d:7572::1fe" },
		{ 254, "198.18.2.1", "fd69:6d6d:7572::201" },
		{ NAMES_MAX - 1, "198.18.17.32", "fd69:6d6d:7572::1120" },
	};
	struct names *names = fresh();

	for (unsigned i = 0; i < NAMES_MAX; i++)
		CHECK(get(names, i, 1) == &names->entries[i], "%u", i);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct names_entry *e = &names->entries[rows[i].index];
		struct net_address v4 = names_address(names, e, 4), v6 = names_address(names, e, 6);

		CHECK(strcmp(text_of(&v4), rows[i].v4) == 0, "row %zu: %s", i, text_of(&v4));
		CHECK(strcmp(text_of(&v6), rows[i].v6) == 0, "row %zu: %s", i, text_of(&v6));
		CHECK(names_find(names, &v4) == e && names_find(names, &v6) == e, "row %zu", i);
		CHECK(names_is_synthetic(&v4) && names_is_synthetic(&v6), "row %zu", i);
	}
}

/* Each entry in each generation: two addresses, which lead back; no address twice. */
static void test_all_keys(void)
{
	static bool seen[1 << 17];
	struct names *names = fresh();
	unsigned count = 0;

	names->made = NAMES_MAX;
	for (uint16_t generation = 0; generation < 31; generation++)
		for (size_t i = 0; i < NAMES_MAX; i++) {
			struct names_entry *e = &names->entries[i];

			e->generation = generation;
			struct net_address v4 = names_address(names, e, 4),
					   v6 = names_address(names, e, 6);
			uint32_t at =
			    (v4.octets[1] - 18U) << 16 | (unsigned)v4.octets[2] << 8 | v4.octets[3];

			CHECK(names_find(names, &v4) == e && names_find(names, &v6) == e, "%zu", i);
			CHECK(v4.octets[3] != 0 && v4.octets[3] != 255 && at >= 256 && !seen[at],
			      "%s", text_of(&v4));
			seen[at] = true;
			count++;
		}
	CHECK(count == 126976, "%u", count);
}

static void test_strangers(void)
{
	static const char *const rows[] = {
		"198.18.0.1",
		"198.18.1.0",
		"198.18.1.255",
		"198.18.1.2",
		"198.18.17.33",
		"198.19.255.254",
		"198.17.1.1",
		"198.20.1.1",
		"10.0.2.2",
		"fd69:6d6d:7572::",
		"fd69:6d6d:7572::1",
		"fd69:6d6d:7572::102",
		"fd69:6d6d:7572::1:0:101",
		"fd69:6d6d:7572::2:101",
		"fd69:6d6d:7573::101",
		"::101",
	};
	struct names *names = fresh();

	CHECK(get(names, 0, 1) != NULL, "first");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct net_address address = { 0 };

		CHECK(net_address_parse(&address, span_of(rows[i])) == 0, "%s", rows[i]);
		CHECK(names_find(names, &address) == NULL, "%s", rows[i]);
		bool in =
		    strncmp(rows[i], "198.18.", 7) == 0 || strncmp(rows[i], "198.19.", 7) == 0;
		if (address.family == 4)
			CHECK(names_is_synthetic(&address) == in, "%s", rows[i]);
	}
}

static void test_same_name(void)
{
	struct names *names = fresh();
	struct names_entry *e = names_get(names, "a.example", 1);

	CHECK(names_get(names, "a.example", 700 * S) == e, "moved");
	CHECK(names_get(names, "b.example", 700 * S) != e, "shared");
	CHECK(strcmp(e->name, "a.example") == 0, "%s", e->name);
}

static void test_full(void)
{
	struct names *names = fresh();

	for (unsigned i = 0; i < NAMES_MAX; i++)
		CHECK(get(names, i, i) != NULL, "%u", i);
	CHECK(get(names, NAMES_MAX, NAMES_KEEP_S * S - 1) == NULL, "took an entry in use");
	CHECK(get(names, 0, NAMES_KEEP_S * S) == &names->entries[0], "an old one is still found");

	/* entry 0 was just answered, so 1 is the oldest now; but a flow holds it */
	names_hold(&names->entries[1]);
	struct net_address old = names_address(names, &names->entries[2], 4);
	struct names_entry *e = get(names, NAMES_MAX, NAMES_KEEP_S * S + 2);
	CHECK(e == &names->entries[2], "%td", e - names->entries);
	CHECK(names_find(names, &old) == NULL, "a stale address leads to another name");
	struct net_address new = names_address(names, e, 4);
	CHECK(names_find(names, &new) == e, "new");
	CHECK(get(names, 2, NAMES_KEEP_S * S + 2) == NULL, "2 is gone and 3 in use for 1 ns more");
	CHECK(get(names, 2, NAMES_KEEP_S * S + 3) == &names->entries[3], "2 anew");

	/* the end of the flow counts as use */
	names_release(names, &names->entries[1], 9000 * S);
	for (unsigned i = 0; i < NAMES_MAX; i++)
		CHECK(i == 1 || get(names, 10000 + i, 9001 * S) != NULL, "%u", i);
	CHECK(get(names, 20000, 9001 * S) == NULL, "1 may not go yet");
	CHECK(get(names, 1, 9001 * S) == &names->entries[1], "1 stays");
}

static void test_two_flows(void)
{
	struct names *names = fresh();
	struct names_entry *e = get(names, 0, 0);

	names->made = NAMES_MAX; /* as if the others were held */
	names_hold(e);
	names_hold(e);
	names_release(names, e, 0);
	CHECK(get(names, 1, 9000 * S) == NULL, "one flow is left");
	names_release(names, e, 0);
	CHECK(get(names, 1, 9000 * S) == e, "none is left");
}

int main(void)
{
	test_addresses();
	test_all_keys();
	test_strangers();
	test_same_name();
	test_full();
	test_two_flows();
	return test_failures > 0;
}
