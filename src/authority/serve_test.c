// SPDX-License-Identifier: Apache-2.0
/* A child serves, confined as it is in earnest; this process is the warden. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "authority/process.h"
#include "base/fd.h"
#include "base/test.h"
#include "base/worker.h"
#include "wire/leaf.h"

enum { PATIENCE_MS = 20000 };

static struct authority *authority;
static uint8_t point[LEAF_KEY_OCTETS];

static void make_authority(void)
{
	char folder[] = "/tmp/immure-authority-XXXXXX";
	struct diag diag = { 0 };
	size_t len = 0;

	CHECK(mkdtemp(folder) != NULL, "mkdtemp");
	int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(authority_open(&authority, dir, &diag) == 0, "%s", diag.why);
	(void)unlinkat(dir, AUTHORITY_KEY_FILE, 0);
	(void)unlinkat(dir, AUTHORITY_CERT_FILE, 0);
	(void)rmdir(folder);
	fd_close(&dir);
	EVP_PKEY *key = EVP_EC_gen("P-256");
	CHECK(EVP_PKEY_get_octet_string_param(key, "pub", point, sizeof(point), &len) == 1 &&
		  len == sizeof(point),
	      "a public key");
	EVP_PKEY_free(key);
}

/* start() - a child that serves. Return: our end of its channel. */
static int start(pid_t *ret)
{
	const char *step = "";
	int pair[2];

	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0, "socketpair");
	*ret = fork();
	if (*ret == 0) {
		if (dup2(pair[1], LEAF_FD_CHANNEL) < 0 || worker_harden(&step) < 0 ||
		    worker_confine(&step, RLIM_INFINITY) < 0)
			_exit(99);
		/* not _exit(), to which ASan adds a leak check that the filter forbids */
		(void)syscall(SYS_exit_group, process_serve(authority) == 0 ? 0 : 1);
	}
	fd_close(&pair[1]);
	return pair[0];
}

/* ask() - @packet, and what comes back. Return: octets; 0: the channel ended. */
static size_t ask(int channel, struct span packet, char *ret, size_t size)
{
	struct pollfd one = { .fd = channel, .events = POLLIN };

	CHECK(send(channel, packet.ptr, packet.len, MSG_NOSIGNAL) >= 0, "%d", errno);
	CHECK(poll(&one, 1, PATIENCE_MS) == 1, "no answer");
	ssize_t n = recv(channel, ret, size, MSG_DONTWAIT);
	return n > 0 ? (size_t)n : 0;
}

static int end(int channel, pid_t pid)
{
	int status = 0;

	fd_close(&channel);
	CHECK(waitpid(pid, &status, 0) == pid, "it ends with its channel");
	return status;
}

/* is_sound() - a certificate of ours for this key? */
static bool is_sound(struct span der)
{
	struct span pem = authority_certificate(authority);
	const unsigned char *at = (const unsigned char *)der.ptr;
	BIO *memory = BIO_new_mem_buf(pem.ptr, (int)pem.len);
	X509 *root = PEM_read_bio_X509(memory, NULL, NULL, NULL);
	X509 *leaf = d2i_X509(NULL, &at, (long)der.len);
	bool sound = leaf != NULL && root != NULL &&
		     X509_verify(leaf, X509_get0_pubkey(root)) == 1 &&
		     X509_check_host(leaf, "api.example.com", 0, 0, NULL) == 1;

	X509_free(leaf);
	X509_free(root);
	BIO_free(memory);
	return sound;
}

static void test_answers(void)
{
	static const uint8_t nowhere[LEAF_KEY_OCTETS] = { 4, [64] = 1 };
	const struct {
		const char *name;
		const uint8_t *key;
		bool refused;
	} rows[] = {
		{ "api.example.com", point, false },
		{ "198.51.100.7", point, false },
		{ "2001:db8::1", point, false },
		{ "api.example.com", nowhere, true }, /* not on the curve */
		{ "api.example.com.", point, true },  /* not the canonical form */
		{ "2001:db8:0::1", point, true },
		{ "a..b", point, true },
		{ "127.1", point, true },
		{ "api.example.com", point, false }, /* and it still serves */
	};
	pid_t pid = 0;
	int channel = start(&pid);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct leaf_request request = { span_of(rows[i].name), rows[i].key };
		char packet[LEAF_REQUEST_OCTETS_MAX], got[LEAF_ANSWER_OCTETS_MAX + 1];
		struct span der = { 0 };
		size_t len = 0;

		CHECK(leaf_request_encode(&len, packet, &request) == 0, "row %zu", i);
		len = ask(channel, (struct span){ packet, len }, got, sizeof(got));
		CHECK(leaf_answer_decode(&der, (struct span){ got, len }) == 0, "row %zu", i);
		CHECK((der.len == 0) == rows[i].refused, "row %zu: %zu octets", i, der.len);
		if (i == 0)
			CHECK(is_sound(der), "the leaf");
	}
	CHECK(end(channel, pid) == 0, "a clean end");
}

static void test_no_request(void)
{
	static const char long_one[LEAF_REQUEST_OCTETS_MAX + 9] = { 1 };
	const struct span rows[] = { SPAN("x"), SPAN("\1\0a"), { long_one, sizeof(long_one) } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char got[16];
		pid_t pid = 0;
		int channel = start(&pid);

		CHECK(ask(channel, rows[i], got, sizeof(got)) == 0, "row %zu: an answer", i);
		int status = end(channel, pid);
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 1, "row %zu: %x", i, status);
	}
}

/* Many requests whose answers nobody takes at first: it waits, and none is lost. */
static void test_back_pressure(void)
{
	enum { MANY = 2000 };
	const struct leaf_request request = { SPAN("api.example.com"), point };
	char packet[LEAF_REQUEST_OCTETS_MAX], got[LEAF_ANSWER_OCTETS_MAX];
	pid_t pid = 0;
	size_t len = 0, sent = 0, received = 0;
	int channel = start(&pid);

	CHECK(leaf_request_encode(&len, packet, &request) == 0, "encode");
	while (sent < MANY && send(channel, packet, len, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		sent++;
	struct pollfd one = { .fd = channel, .events = POLLIN };
	while (received < sent && poll(&one, 1, PATIENCE_MS) == 1 &&
	       recv(channel, got, sizeof(got), MSG_DONTWAIT) > 2)
		received++;
	CHECK(sent > 16 && received == sent, "%zu of %zu", received, sent);
	CHECK(end(channel, pid) == 0, "a clean end");
}

int main(void)
{
	make_authority();
	test_answers();
	test_no_request();
	test_back_pressure();
	authority_free(authority);
	return test_failures > 0;
}
