// SPDX-License-Identifier: Apache-2.0
/* What the tests of init send into a program and read from it. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "agent/agent_test_priv.h"
#include "base/fd.h"
#include "base/test.h"

static unsigned char octet_at(size_t at)
{
	return (unsigned char)(at * 2654435761U >> 13);
}

void stream_feed(struct stream *s)
{
	static unsigned char block[65536];
	size_t len = BIG_OCTETS - s->sent < sizeof(block) ? BIG_OCTETS - s->sent : sizeof(block);

	for (size_t i = 0; i < len; i++)
		block[i] = octet_at(s->sent + i);
	ssize_t n = write(s->to, block, len);
	if (n > 0)
		s->sent += (size_t)n;
	if (s->sent == BIG_OCTETS || (n < 0 && errno != EAGAIN))
		fd_close(&s->to);
}

/* take() - Return: false at the end */
static bool take(struct stream *s)
{
	static unsigned char block[65536];
	ssize_t n = read(s->from, block, sizeof(block));

	for (ssize_t i = 0; i < n; i++)
		s->sum += block[i] != octet_at(s->got + (size_t)i);
	if (n > 0)
		s->got += (size_t)n;
	return n > 0;
}

void stream_shovel(struct stream *s)
{
	for (bool more = true; more;) {
		struct pollfd p[] = { { .fd = s->from, .events = POLLIN },
				      { .fd = s->to, .events = POLLOUT } };

		if (poll(p, 2, WAIT_MS) <= 0)
			break;
		if (p[1].revents != 0)
			stream_feed(s);
		if (p[0].revents != 0)
			more = take(s);
	}
	fd_close(&s->to);
	fd_close(&s->from);
}

void console_open(struct console *c, const struct peer *peer, uint32_t id, unsigned flags,
		  const char *script)
{
	const char *argv[] = { "sh", "-c", script, NULL };
	int in[2];
	int out[2];

	c->len = 0;
	c->text[0] = '\0';
	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		return;
	int fds[] = { in[0], out[1], open("/dev/null", O_RDWR | O_CLOEXEC) };
	c->to = in[1];
	c->from = out[0];
	send_exec(peer, id, flags, "/", argv, fds);
}

void console_close(struct console *c)
{
	fd_close(&c->to);
	fd_close(&c->from);
}

bool console_read_until(struct console *c, const char *text)
{
	for (;;) {
		struct pollfd p = { .fd = c->from, .events = POLLIN };

		if (text != NULL && strstr(c->text, text) != NULL)
			return true;
		if (c->len + 1 >= sizeof(c->text) || poll(&p, 1, WAIT_MS) <= 0)
			return false;
		ssize_t n = read(c->from, c->text + c->len, sizeof(c->text) - 1 - c->len);
		if (n <= 0)
			return text == NULL;
		c->len += (size_t)n;
		c->text[c->len] = '\0';
	}
}
