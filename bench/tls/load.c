// SPDX-License-Identifier: Apache-2.0
/*
 * load - both ends of a TLS relay, to measure what lies between:
 *
 *	load serve CERT			print "port N"; per request of 8 octets (a number, as the
 *					machine has it) send so many octets; two processes
 *	load shake PORT ROOTS NAME COUNT [resume]
 *					handshakes one after another, one octet each
 *	load fetch PORT ROOTS NAME OCTETS TIMES
 *					on one connection
 *	load idle PORT ROOTS NAME COUNT	open connections, one octet on each; print "open" and wait
 *
 * shake and fetch print the seconds that passed. All blocking: the ends are not what is measured.
 */
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 65536, FILES_MAX = 30000 };

static char chunk[CHUNK];

static void need(int good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "load: %s\n", what);
	ERR_print_errors_fp(stderr);
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct sockaddr_in loopback(int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return a;
}

static void no_delay(int fd)
{
	const int one = 1;

	setsockopt(fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &one, sizeof(one));
}

/* answer() - one request. Return: is there still a connection? */
static int answer(SSL *ssl)
{
	uint64_t octets = 0;

	if (SSL_read(ssl, &octets, sizeof(octets)) != sizeof(octets))
		return 0;
	while (octets > 0) {
		int n = SSL_write(ssl, chunk, octets < CHUNK ? (int)octets : CHUNK);

		if (n <= 0)
			return 0;
		octets -= (uint64_t)n;
	}
	return 1;
}

static void serve(const char *cert)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	struct sockaddr_in a = loopback(0);
	socklen_t len = sizeof(a);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), poll = 0;

	need(SSL_CTX_use_certificate_chain_file(ctx, cert) == 1 &&
		 SSL_CTX_use_PrivateKey_file(ctx, cert, SSL_FILETYPE_PEM) == 1,
	     cert);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	need(bind(listener, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(listener, 4096) == 0 &&
		 getsockname(listener, (struct sockaddr *)&a, &len) == 0,
	     "listen");
	printf("port %d\n", ntohs(a.sin_port));
	fflush(stdout);
	if (fork() == 0)
		prctl(PR_SET_PDEATHSIG, SIGTERM);
	poll = epoll_create1(0);
	struct epoll_event event = { .events = EPOLLIN | EPOLLEXCLUSIVE };
	epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
	while (epoll_wait(poll, &event, 1, -1) == 1) {
		SSL *ssl = event.data.ptr;

		if (ssl == NULL) {
			int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

			if (fd < 0)
				continue;
			no_delay(fd);
			ssl = SSL_new(ctx);
			SSL_set_fd(ssl, fd);
			SSL_set_accept_state(ssl);
			event = (struct epoll_event){ .events = EPOLLIN, .data.ptr = ssl };
			epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
		} else if (!answer(ssl)) {
			close(SSL_get_fd(ssl));
			SSL_free(ssl);
		}
	}
}

static SSL_CTX *client(const char *roots)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	need(SSL_CTX_load_verify_locations(ctx, roots, NULL) == 1, roots);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT);
	return ctx;
}

static SSL *join(SSL_CTX *ctx, int port, const char *name, SSL_SESSION *session)
{
	struct sockaddr_in a = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	SSL *ssl = SSL_new(ctx);

	need(connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0, "connect");
	no_delay(fd);
	SSL_set_fd(ssl, fd);
	SSL_set_tlsext_host_name(ssl, (char *)(uintptr_t)name);
	SSL_set1_host(ssl, name);
	if (session != NULL)
		SSL_set_session(ssl, session);
	need(SSL_connect(ssl) == 1, "handshake");
	return ssl;
}

static void leave(SSL *ssl)
{
	SSL_shutdown(ssl);
	close(SSL_get_fd(ssl));
	SSL_free(ssl);
}

static void fetch(SSL *ssl, uint64_t octets)
{
	uint64_t request = octets;

	need(SSL_write(ssl, &request, sizeof(request)) == sizeof(request), "request");
	while (octets > 0) {
		int n = SSL_read(ssl, chunk, CHUNK);

		need(n > 0, "answer");
		octets -= (uint64_t)n;
	}
}

int main(int argc, char **argv)
{
	const struct rlimit files = { FILES_MAX, FILES_MAX };

	signal(SIGPIPE, SIG_IGN);
	setrlimit(RLIMIT_NOFILE, &files);
	if (argc == 3 && strcmp(argv[1], "serve") == 0) {
		serve(argv[2]);
		return 1;
	}
	need(argc >= 6, "usage: see load.c");
	int port = (int)strtol(argv[2], NULL, 10);
	long count = strtol(argv[5], NULL, 10);
	const char *name = argv[4];
	SSL_CTX *ctx = client(argv[3]);
	double begun = now();

	if (strcmp(argv[1], "shake") == 0) {
		SSL_SESSION *session = NULL;

		for (long i = 0; i < count; i++) {
			SSL *ssl = join(ctx, port, name, session);

			fetch(ssl, 1);
			if (argc > 6) {
				need(session == NULL || SSL_session_reused(ssl), "not resumed");
				SSL_SESSION_free(session);
				session = SSL_get1_session(ssl);
			}
			leave(ssl);
		}
	} else if (strcmp(argv[1], "fetch") == 0) {
		SSL *ssl = join(ctx, port, name, NULL);

		fetch(ssl, 1);
		begun = now();
		for (long i = strtol(argv[6], NULL, 10); i > 0; i--)
			fetch(ssl, (uint64_t)count);
	} else {
		for (long i = 0; i < count; i++)
			fetch(join(ctx, port, name, NULL), 1);
		printf("open\n");
		fflush(stdout);
		pause();
	}
	printf("%.6f\n", now() - begun);
	return 0;
}
