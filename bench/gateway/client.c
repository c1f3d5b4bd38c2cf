// SPDX-License-Identifier: Apache-2.0
/*
 * One connection of the load generator; see client.h. Reads are large (CHUNK), so that a transfer
 * is bound by what lies between and not by this end.
 */
#include "client.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 1 << 17, HEAD_MAX = 8192, WHY_MAX = 256 };

static _Thread_local char why[WHY_MAX];
static _Thread_local char chunk[CHUNK];

uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

/* failed() - what @what, errno or OpenSSL have to say */
static const char *failed(const char *what)
{
	const int saved = errno;
	const unsigned long code = ERR_get_error();
	char of_tls[WHY_MAX / 2] = "";

	if (code != 0)
		ERR_error_string_n(code, of_tls, sizeof(of_tls));
	snprintf(why, sizeof(why), "%s: %s", what,
		 code != 0 ? of_tls : (saved != 0 ? strerror(saved) : "end of file"));
	ERR_clear_error();
	return why;
}

static bool put(struct client *c, const void *data, size_t len)
{
	const char *at = data;

	errno = 0;
	while (len > 0) {
		const ssize_t n = c->ssl != NULL ? SSL_write(c->ssl, at, (int)len)
						 : send(c->fd, at, len, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

static ssize_t get(struct client *c, void *data, size_t max)
{
	errno = 0;
	return c->ssl != NULL ? SSL_read(c->ssl, data, (int)max) : read(c->fd, data, max);
}

/* dial() - Return: a descriptor, or -1 */
static int dial(const char *host, const char *port)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	const int one = 1;
	int fd = -1;

	errno = EHOSTUNREACH;
	if (getaddrinfo(host, port, &hints, &found) != 0)
		return -1;
	fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen) != 0) {
		close(fd);
		fd = -1;
	}
	if (fd >= 0)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	freeaddrinfo(found);
	return fd;
}

/*
 * read_head() - into @head, up to and perhaps beyond its empty line.
 * Return: octets beyond it, negative if there is no head
 */
static ssize_t read_head(struct client *c, char head[HEAD_MAX], size_t *ret_len)
{
	size_t len = 0;

	while (len < HEAD_MAX - 1) {
		const ssize_t n = get(c, head + len, HEAD_MAX - 1 - len);
		const char *end = NULL;

		if (n <= 0)
			return -1;
		len += (size_t)n;
		head[len] = '\0';
		end = strstr(head, "\r\n\r\n");
		if (end != NULL) {
			*ret_len = (size_t)(end - head) + 4;
			return (ssize_t)(len - *ret_len);
		}
	}
	return -1;
}

/* ask_proxy() - dial @proxy and say CONNECT */
static const char *ask_proxy(struct client *c, const struct target *t)
{
	char copy[512], request[1024], head[HEAD_MAX], code[512] = "", *host = copy, *at = NULL,
						       *port = NULL;
	size_t len = 0;

	snprintf(copy, sizeof(copy), "%s",
		 strstr(t->proxy, "//") ? strstr(t->proxy, "//") + 2 : t->proxy);
	copy[strcspn(copy, "/")] = '\0';
	at = strrchr(copy, '@');
	if (at != NULL) {
		*at = '\0';
		host = at + 1;
		EVP_EncodeBlock((unsigned char *)code, (unsigned char *)copy, (int)strlen(copy));
	}
	port = strrchr(host, ':');
	if (port == NULL)
		return "proxy: no port";
	*port++ = '\0';
	c->fd = dial(host, port);
	if (c->fd < 0)
		return failed("proxy");
	snprintf(request, sizeof(request), "CONNECT %s:%s HTTP/1.1\r\nHost: %s:%s\r\n%s%s%s\r\n",
		 t->name, t->port, t->name, t->port, *code ? "Proxy-Authorization: Basic " : "",
		 code, *code ? "\r\n" : "");
	if (!put(c, request, strlen(request)) || read_head(c, head, &len) != 0)
		return failed("CONNECT");
	return strncmp(head + 8, " 200", 4) == 0 ? NULL : "CONNECT refused";
}

const char *client_open(struct client *ret, const struct target *t)
{
	struct client c = { .fd = -1, .name = t->name, .port = t->port };
	const char *error = NULL;

	if (t->proxy != NULL) {
		error = ask_proxy(&c, t);
	} else {
		c.fd = dial(t->address ? t->address : t->name, t->port);
		error = c.fd < 0 ? failed("connect") : NULL;
	}
	if (error == NULL && t->tls != NULL) {
		c.ssl = SSL_new(t->tls);
		SSL_set_fd(c.ssl, c.fd);
		SSL_set_tlsext_host_name(c.ssl, (char *)(uintptr_t)t->name);
		SSL_set1_host(c.ssl, t->name);
		errno = 0;
		if (SSL_connect(c.ssl) != 1)
			error = failed("handshake");
	}
	if (error != NULL)
		client_close(&c);
	*ret = c;
	return error;
}

const char *client_get(struct client *c, const char *path, uint64_t *ret_octets)
{
	char text[HEAD_MAX];
	const char *length = NULL;
	size_t head = 0;
	uint64_t left = 0;
	ssize_t more = 0;

	snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: %s:%s\r\nAccept: */*\r\n\r\n", path,
		 c->name, c->port);
	if (!put(c, text, strlen(text)))
		return failed("request");
	more = read_head(c, text, &head);
	if (more < 0)
		return failed("answer");
	if (strncmp(text + 8, " 200", 4) != 0) {
		text[strcspn(text, "\r")] = '\0';
		snprintf(why, sizeof(why), "answer: %.200s", text);
		return why;
	}
	length = strcasestr(text, "\r\nContent-Length:");
	if (length == NULL)
		return "answer without a length";
	left = strtoull(length + 17, NULL, 10);
	*ret_octets = left;
	if ((uint64_t)more > left)
		return "answer longer than it says";
	for (left -= (uint64_t)more; left > 0; left -= (uint64_t)more) {
		more = get(c, chunk, left < CHUNK ? (size_t)left : CHUNK);
		if (more <= 0)
			return failed("body");
	}
	return NULL;
}

const char *client_exchange(struct client *c, uint64_t octets)
{
	if (!put(c, &octets, sizeof(octets)))
		return failed("request");
	while (octets > 0) {
		const ssize_t n = get(c, chunk, octets < CHUNK ? (size_t)octets : CHUNK);

		if (n <= 0)
			return failed("answer");
		octets -= (uint64_t)n;
	}
	return NULL;
}

void client_close(struct client *c)
{
	if (c->ssl != NULL) {
		SSL_shutdown(c->ssl);
		SSL_free(c->ssl);
		c->ssl = NULL;
	}
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}
