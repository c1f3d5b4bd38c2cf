// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: each time the listeners inside are known anew, doors of ports at which nobody
 * listens any more are closed (their connections go on), and ports without a door get one, the lowest
 * first, until none is free. A port that is taken outside leads to the next one; it is never shared,
 * nor is any address but 127.0.0.1 listened on. The port of a proxy on this machine is left alone even
 * while it is free: whoever had it would be sent what goes to the proxy, its password too. That holds for
 * any proxy that settings or environment name, be it ours or not: other programs of the user ask it. What
 * could not be had is tried again the next time.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "net/judge.h"
#include "net/pattern.h"
#include "warden/publish_priv.h"

enum {
	PORTS_TRIED = 16, /* of the host, for one port of a program */
	FAILED_MAX = 32,  /* ports of a program that get none, each time */
	PRIVILEGED = 1024,
	SHIFT = 8000, /* for ports below that: 80 at 8080 */
};

static struct door *find_door(struct publish *publish, uint16_t port)
{
	for (size_t i = 0; i < publish->doors_len; i++)
		if (publish->doors[i].fd >= 0 && publish->doors[i].at.port == port)
			return &publish->doors[i];
	return NULL;
}

static struct door *free_door(struct publish *publish)
{
	for (size_t i = publish->given_len; i < publish->doors_len; i++)
		if (publish->doors[i].fd < 0 && publish->doors[i].len == 0)
			return &publish->doors[i];
	return NULL;
}

/* open_at() - Return: 0 or -errno. */
static int open_at(struct door *door, uint16_t port, unsigned host_port)
{
	door->at = (struct config_publish){ .address = { .family = 4, .octets = { 127, 0, 0, 1 } },
					    .host_port = (uint16_t)host_port,
					    .port = port };
	int r = publish_bind(door);
	if (r < 0)
		return r;
	r = publish_watch(door);
	if (r < 0)
		fd_close(&door->fd);
	return r;
}

static bool is_spared(const struct publish *publish, unsigned port)
{
	for (size_t i = 0; i < publish->spared_len; i++)
		if (publish->spared[i] == port)
			return true;
	return false;
}

/* open_door() - at the first port that is free. Return: is it open? */
static bool open_door(struct door *door, uint16_t port)
{
	unsigned first = port < PRIVILEGED ? port + SHIFT : port;
	int r = -EADDRINUSE;

	for (unsigned i = 0; r == -EADDRINUSE && i < PORTS_TRIED && first + i <= UINT16_MAX; i++)
		if (!is_spared(door->publish, first + i))
			r = open_at(door, port, first + i);
	return r == 0;
}

/* close_left() - the doors of ports where nobody listens. Return: was there any? */
static bool close_left(struct publish *publish, const struct listeners *listeners)
{
	bool closed = false;

	for (size_t i = publish->given_len; i < publish->doors_len; i++) {
		struct door *door = &publish->doors[i];

		if (door->fd < 0 || listeners_has(listeners, door->at.port))
			continue;
		loop_remove(&door->source);
		fd_close(&door->fd);
		closed = true;
	}
	return closed;
}

/* open_new() - Return: was there any? */
static bool open_new(struct publish *publish, const struct listeners *listeners)
{
	struct door *door = free_door(publish);
	unsigned failed = 0;
	bool opened = false;

	for (unsigned port = 1; door != NULL && port < LISTENERS_PORTS && failed < FAILED_MAX;
	     port++) {
		if (!listeners_has(listeners, (uint16_t)port) ||
		    find_door(publish, (uint16_t)port) != NULL)
			continue;
		if (open_door(door, (uint16_t)port))
			opened = true;
		else
			failed++;
		door = free_door(publish);
	}
	return opened;
}

static void on_seen(void *context, const struct listeners *listeners)
{
	struct publish *publish = context;
	bool changed = close_left(publish, listeners);

	changed |= open_new(publish, listeners);
	if (changed && publish->changed != NULL)
		publish->changed(publish->hooks.context);
}

/* may_be_here() - does @at lead to this machine? A name is not asked about: it may. */
static bool may_be_here(const struct pattern *at)
{
	if (at->kind != PATTERN_PREFIX)
		return true;
	enum net_class class = net_judge(&at->prefix.address).class;
	return class == NET_LOOPBACK || class == NET_UNSPECIFIED;
}

/* proxy_place() - where the proxy at @text is, in whatever is spoken to it: "socks5h://user:password@host:port/" */
static struct span proxy_place(const char *text)
{
	struct span rest = span_of(text);
	const char *scheme = strstr(text, "://");

	if (scheme != NULL)
		rest = span_of(scheme + 3);
	const char *user = rest.len > 0 ? memrchr(rest.ptr, '@', rest.len) : NULL;
	if (user != NULL)
		rest = span_of(user + 1);
	return span_cut(&rest, '/');
}

/* spare() - the port of the proxy at @text, or those that programs take if it names none; NULL: there is none */
static void spare(struct publish *publish, const char *text)
{
	static const uint16_t usual[] = { 80, 443, 1080 };
	struct pattern at;

	_Static_assert(ARRAY_SIZE(usual) == PUBLISH_SPARED_EACH, "room for them");
	if (text == NULL || pattern_parse(&at, proxy_place(text)) != NULL || !may_be_here(&at))
		return;
	if (at.port != 0)
		publish->spared[publish->spared_len++] = at.port;
	for (size_t i = 0; at.port == 0 && i < ARRAY_SIZE(usual); i++)
		publish->spared[publish->spared_len++] = usual[i];
}

void publish_auto_spare(struct publish *publish, const struct config_network *network)
{
	static const char *const names[] = { "https_proxy", "HTTPS_PROXY", "all_proxy",
					     "ALL_PROXY",   "http_proxy",  "HTTP_PROXY" };
	_Static_assert((1 + ARRAY_SIZE(names)) * PUBLISH_SPARED_EACH <= PUBLISH_SPARED_MAX,
		       "room for each");

	publish->spared_len = 0;
	if (network->proxy != NULL && strcmp(network->proxy, "none") != 0)
		spare(publish, network->proxy);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		spare(publish, secure_getenv(names[i])); /* NOLINT(concurrency-mt-unsafe) */
}

void publish_auto_start(struct publish *publish)
{
	if (publish->dialler.diag >= 0)
		listeners_start(&publish->listeners, publish->loop, fd_take(&publish->dialler.diag),
				on_seen, publish);
}

void publish_auto_stop(struct publish *publish)
{
	listeners_stop(&publish->listeners);
}
