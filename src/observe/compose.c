// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: an event holds a path as the program named it and, unless that is absolute,
 * the names from its start up to the root, the last first. Here they are put in order. Nothing is
 * resolved: "..", which a link may precede, stays; "." and doubled slashes say nothing and go.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "observe/observe_priv.h"

/* What is written, into OBSERVE_TEXT_OCTETS_MAX; what does not fit is cut off. */
struct text {
	char *ptr;
	size_t len;
};

static void put(struct text *to, struct span what)
{
	size_t room = OBSERVE_TEXT_OCTETS_MAX - to->len;
	size_t len = what.len < room ? what.len : room;

	if (len > 0)
		memcpy(to->ptr + to->len, what.ptr, len);
	to->len += len;
}

/* put_name() - one more step of a path; @to is empty only where it starts, or at the root */
static void put_name(struct text *to, struct span name, bool absolute)
{
	if (name.len == 0 || span_is(name, "."))
		return;
	if (absolute || to->len > 0)
		put(to, SPAN("/"));
	put(to, name);
}

/* last_name() - take the last of NUL-ended names off @names, which is not empty */
static struct span last_name(struct span *names)
{
	size_t end = names->len - 1, start = end;

	while (start > 0 && names->ptr[start - 1] != 0)
		start--;
	names->len = start;
	return (struct span){ names->ptr + start, end - start };
}

/* put_path() - @walk: from where the path starts up to the root; cut: it was not reached */
static void put_path(struct text *to, struct span named, struct span walk, bool cut)
{
	bool absolute = !cut || (named.len > 0 && named.ptr[0] == '/');

	while (walk.len > 0)
		put_name(to, last_name(&walk), absolute);
	while (named.ptr != NULL)
		put_name(to, span_cut(&named, '/'), absolute);
	if (to->len == 0 && absolute)
		put(to, SPAN("/"));
}

static void put_unix(struct text *to, struct span name)
{
	char text[sizeof(((struct sockaddr_un *)0)->sun_path)];
	bool abstract = name.len > 0 && name.ptr[0] == 0;
	size_t len = name.len < sizeof(text) ? name.len : sizeof(text);

	if (!abstract)
		len = strnlen(name.ptr != NULL ? name.ptr : "", len);
	/* as /proc/net/unix shows names that are not of the file system */
	for (size_t i = 0; i < len; i++) {
		text[i] = name.ptr[i];
		if (text[i] == 0)
			text[i] = '@';
	}
	put(to, SPAN("unix:"));
	put(to, (struct span){ text, len });
}

static void put_internet(struct text *to, int family, const void *address, in_port_t port)
{
	char text[INET6_ADDRSTRLEN] = "", whole[INET6_ADDRSTRLEN + 16];

	(void)inet_ntop(family, address, text, sizeof(text));
	(void)snprintf(whole, sizeof(whole), family == AF_INET6 ? "[%s]:%u" : "%s:%u", text,
		       ntohs(port));
	put(to, span_of(whole));
}

static void put_address(struct text *to, struct span octets)
{
	struct sockaddr_storage address = { .ss_family = AF_UNSPEC };
	const size_t path_at = offsetof(struct sockaddr_un, sun_path);
	char other[32];

	if (octets.len < sizeof(address.ss_family) || octets.len > sizeof(address))
		return;
	memcpy(&address, octets.ptr, octets.len);
	if (address.ss_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)&address;
		put_internet(to, AF_INET, &in->sin_addr, in->sin_port);
	} else if (address.ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)&address;
		put_internet(to, AF_INET6, &in6->sin6_addr, in6->sin6_port);
	} else if (address.ss_family == AF_UNIX && octets.len >= path_at) {
		put_unix(to, span_drop(octets, path_at));
	} else {
		(void)snprintf(other, sizeof(other), "family:%u", address.ss_family);
		put(to, span_of(other));
	}
}

/* take() - @len octets off the front. Return: false: there are not so many */
static bool take(struct span *ret, struct span *rest, size_t len)
{
	if (len > rest->len)
		return false;
	*ret = (struct span){ rest->ptr, len };
	*rest = span_drop(*rest, len);
	return true;
}

/* take_string() - a text with the NUL at its end, without which it is none; or nothing at all */
static bool take_string(struct span *ret, struct span *rest, size_t len)
{
	if (!take(ret, rest, len))
		return false;
	if (len == 0)
		return true;
	ret->len--;
	return ret->ptr[len - 1] == 0 && memchr(ret->ptr, 0, ret->len) == NULL;
}

/* take_names() - of which each is ended */
static bool take_names(struct span *ret, struct span *rest, size_t len)
{
	return take(ret, rest, len) && (len == 0 || ret->ptr[len - 1] == 0);
}

static bool is_path(const struct event *head)
{
	return head->kind != OBSERVE_CONNECT && head->kind != OBSERVE_BIND;
}

/* has_more_path() - is the second text one that starts somewhere, not one told as it is? */
static bool has_more_path(const struct event *head)
{
	return head->walk_len[1] > 0 || head->kind == OBSERVE_RENAME || head->kind == OBSERVE_LINK;
}

static bool compose_path(struct text *to, const struct event *head, struct span *rest)
{
	struct span text, walk;
	bool cut = (head->flags & EVENT_CUT) != 0;

	if (!is_path(head)) {
		if (!take(&text, rest, head->text_len[0]))
			return false;
		put_address(to, text);
		return head->walk_len[0] == 0;
	}
	if (!take_string(&text, rest, head->text_len[0]) ||
	    !take_names(&walk, rest, head->walk_len[0]))
		return false;
	if (text.len > 0 || walk.len > 0)
		put_path(to, text, walk, cut);
	return true;
}

static bool compose_more(struct text *to, const struct event *head, struct span *rest)
{
	struct span text, walk;

	if (!take_string(&text, rest, head->text_len[1]) ||
	    !take_names(&walk, rest, head->walk_len[1]))
		return false;
	if (has_more_path(head) && (text.len > 0 || walk.len > 0))
		put_path(to, text, walk, (head->flags & EVENT_CUT) != 0);
	else
		put(to, text);
	return true;
}

int compose_record(struct observe_record *ret, struct compose_texts *texts, struct span event)
{
	struct text path = { .ptr = texts->path }, more = { .ptr = texts->more };
	struct event head;

	if (event.len < sizeof(head))
		return -EPROTO;
	memcpy(&head, event.ptr, sizeof(head));
	struct span rest = span_drop(event, sizeof(head));
	if (head.kind == 0 || head.kind >= OBSERVE_KINDS ||
	    (head.flags & ~(EVENT_UNREAD | EVENT_CUT)) != 0 || !compose_path(&path, &head, &rest) ||
	    !compose_more(&more, &head, &rest))
		return -EPROTO;
	*ret = (struct observe_record){
		.time_ns = head.time_ns,
		.result = head.result,
		.value = { head.value[0], head.value[1] },
		.pid = head.pid,
		.tid = head.tid,
		.call = head.call,
		.kind = head.kind,
		.flags = head.flags,
		.path = { path.ptr, path.len },
		.more = { more.ptr, more.len },
	};
	memcpy(ret->comm, head.comm, strnlen(head.comm, sizeof(head.comm) - 1));
	return 0;
}
