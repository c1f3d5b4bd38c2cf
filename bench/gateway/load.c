// SPDX-License-Identifier: Apache-2.0
/*
 * load - requests over a connection that something stands in, and a server of raw octets.
 *
 *	load [-x PROXY|env] [-a ADDRESS] [-c ROOTS] PORT NAME WHAT ...
 *
 *	kept CONNECTIONS SECONDS PATH	one request after the other on each; "REQUESTS SECONDS"
 *	fresh CONNECTIONS SECONDS PATH	a connection for each request, full handshakes; the same
 *	lat COUNT PATH			one connection; nanoseconds of each request, a line each
 *	fetch TIMES PATH		one connection; "OCTETS SECONDS"
 *	first PATH NAME...		each name's first request, with all that it takes; nanoseconds
 *	hold COUNT PATH			open them, one request on each; "open N", or "open N MS why"
 *					if there is no further one. They stay until a line is read.
 *	issuer				who signed the certificate
 *	raw TIMES OCTETS		as fetch, in plain octets from:
 *	serve				print "port N"; per 8 octets (a number) send so many
 *
 * -c is trusted beside what the environment says is trusted (SSL_CERT_FILE). "-x env" takes the
 * proxy from HTTPS_PROXY. Threads, each blocking: processor time of this end is not what is counted.
 */
#include "client.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 1024, SERVE_CHUNK = 1 << 17, WAIT_S = 30 };

struct worker {
	pthread_t thread;
	const struct target *target;
	const char *path;
	uint64_t end_ns, done;
	bool fresh;
};

static void need(const char *error)
{
	if (error == NULL)
		return;
	fprintf(stderr, "load: %s\n", error);
	exit(1);
}

static SSL_CTX *make_tls(const char *roots)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	SSL_CTX_set_default_verify_paths(ctx);
	if (roots != NULL && SSL_CTX_load_verify_locations(ctx, roots, NULL) != 1)
		need("cannot read the roots");
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_alpn_protos(ctx, (const unsigned char *)"\x08http/1.1", 9);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	return ctx;
}

static void *work(void *data)
{
	struct worker *w = data;
	struct client c = { .fd = -1 };
	uint64_t octets = 0;

	while (now_ns() < w->end_ns) {
		if (c.fd < 0)
			need(client_open(&c, w->target));
		need(client_get(&c, w->path, &octets));
		w->done++;
		if (w->fresh)
			client_close(&c);
	}
	client_close(&c);
	return NULL;
}

static void many(const struct target *t, char **args, bool fresh)
{
	static struct worker workers[CONNECTIONS_MAX];
	const long count = strtol(args[0], NULL, 10);
	const uint64_t begun = now_ns(), end = begun + (uint64_t)(strtod(args[1], NULL) * 1e9);
	uint64_t done = 0;

	if (count > CONNECTIONS_MAX)
		need("too many connections");
	for (long i = 0; i < count; i++) {
		workers[i] =
		    (struct worker){ .target = t, .path = args[2], .end_ns = end, .fresh = fresh };
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
			need("no more threads");
	}
	for (long i = 0; i < count; i++) {
		pthread_join(workers[i].thread, NULL);
		done += workers[i].done;
	}
	printf("%lu %.6f\n", done, (double)(now_ns() - begun) / 1e9);
}

static void latency(const struct target *t, char **args)
{
	struct client c;
	uint64_t octets = 0;

	need(client_open(&c, t));
	for (long i = -20, count = strtol(args[0], NULL, 10); i < count; i++) {
		const uint64_t begun = now_ns();

		need(client_get(&c, args[1], &octets));
		if (i >= 0)
			printf("%lu\n", now_ns() - begun);
	}
	client_close(&c);
}

static void fetch(const struct target *t, char **args, bool raw)
{
	struct client c;
	uint64_t octets = 0, sum = 0, begun = 0;

	need(client_open(&c, t));
	for (long i = -1, times = strtol(args[0], NULL, 10); i < times; i++) {
		if (i == 0)
			begun = now_ns();
		if (raw)
			octets = strtoull(args[1], NULL, 10);
		need(raw ? client_exchange(&c, octets) : client_get(&c, args[1], &octets));
		sum += i >= 0 ? octets : 0;
	}
	printf("%lu %.6f\n", sum, (double)(now_ns() - begun) / 1e9);
	client_close(&c);
}

static void first(struct target t, char **args)
{
	uint64_t octets = 0;

	for (char **name = args + 1; *name != NULL; name++) {
		const uint64_t begun = now_ns();
		struct client c;

		t.name = *name;
		need(client_open(&c, &t));
		need(client_get(&c, args[0], &octets));
		printf("%lu\n", now_ns() - begun);
		client_close(&c);
	}
}

static void await_line(void)
{
	char octet = 0;

	while (read(0, &octet, 1) == 1 && octet != '\n')
		;
}

static void hold(const struct target *t, char **args)
{
	const long count = strtol(args[0], NULL, 10);
	struct client *all = calloc((size_t)count, sizeof(*all));
	const char *error = NULL;
	uint64_t octets = 0, begun = 0;
	long open = 0;

	while (all != NULL && open < count) {
		begun = now_ns();
		alarm(WAIT_S);
		error = client_open(&all[open], t);
		if (error == NULL)
			error = client_get(&all[open], args[1], &octets);
		if (error != NULL)
			break;
		open++;
	}
	alarm(0);
	if (error != NULL)
		printf("open %ld %.3f %s\n", open, (double)(now_ns() - begun) / 1e6, error);
	else
		printf("open %ld\n", open);
	fflush(stdout);
	await_line();
	_exit(0);
}

static void issuer(const struct target *t)
{
	struct client c;
	char name[256] = "?";

	need(client_open(&c, t));
	X509_NAME_get_text_by_NID(X509_get_issuer_name(SSL_get0_peer_certificate(c.ssl)),
				  NID_commonName, name, sizeof(name));
	printf("%s\n", name);
	client_close(&c);
}

static void *serve_one(void *data)
{
	static const char zeros[SERVE_CHUNK];
	const int fd = (int)(intptr_t)data;
	uint64_t octets = 0;

	while (recv(fd, &octets, sizeof(octets), MSG_WAITALL) == sizeof(octets)) {
		while (octets > 0) {
			const ssize_t n = send(
			    fd, zeros, octets < SERVE_CHUNK ? octets : SERVE_CHUNK, MSG_NOSIGNAL);

			if (n <= 0)
				break;
			octets -= (uint64_t)n;
		}
	}
	close(fd);
	return NULL;
}

static void serve(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(listener, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(listener, 128) != 0 ||
	    getsockname(listener, (struct sockaddr *)&a, &len) != 0)
		need("cannot listen");
	printf("port %d\n", ntohs(a.sin_port));
	fflush(stdout);
	for (;;) {
		const int fd = accept(listener, NULL, NULL);
		pthread_t thread;

		if (fd >= 0 && pthread_create(&thread, NULL, serve_one, (void *)(intptr_t)fd) == 0)
			pthread_detach(thread);
	}
}

/* perform() - Return: were there as many words as @what needs? */
static bool perform(const struct target *t, const char *what, char **args, int count)
{
	if (strcmp(what, "kept") == 0 && count == 3)
		many(t, args, false);
	else if (strcmp(what, "fresh") == 0 && count == 3)
		many(t, args, true);
	else if (strcmp(what, "lat") == 0 && count == 2)
		latency(t, args);
	else if (strcmp(what, "fetch") == 0 && count == 2)
		fetch(t, args, false);
	else if (strcmp(what, "raw") == 0 && count == 2)
		fetch(t, args, true);
	else if (strcmp(what, "first") == 0 && count >= 2)
		first(*t, args);
	else if (strcmp(what, "hold") == 0 && count == 2)
		hold(t, args);
	else if (strcmp(what, "issuer") == 0)
		issuer(t);
	else
		return false;
	return true;
}

int main(int argc, char **argv)
{
	struct target t = { 0 };
	const char *roots = NULL;
	struct rlimit files;
	int option = 0;

	signal(SIGPIPE, SIG_IGN);
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	while ((option = getopt(argc, argv, "+x:a:c:")) != -1) {
		if (option == 'x')
			t.proxy = strcmp(optarg, "env") == 0 ? getenv("HTTPS_PROXY") : optarg;
		else if (option == 'a')
			t.address = optarg;
		else if (option == 'c')
			roots = optarg;
	}
	argv += optind;
	argc -= optind;
	if (argc == 1 && strcmp(argv[0], "serve") == 0)
		serve();
	if (argc < 3)
		need("usage: see load.c");
	t.port = argv[0];
	t.name = argv[1];
	alarm(300);
	if (strcmp(argv[2], "raw") != 0)
		t.tls = make_tls(roots);
	if (!perform(&t, argv[2], argv + 3, argc - 3))
		need("usage: see load.c");
	return 0;
}
