// SPDX-License-Identifier: Apache-2.0
/* With the real immure-authority, which is built beside this program. */
#include "warden/minter.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/test.h"
#include "warden/trust.h"

enum { MANY = 100 };
static const int64_t PATIENCE_NS = 20000000000;

/* The base point of P-256 (SEC 2 section 2.4.2): somebody's public key. */
static const uint8_t point[LEAF_KEY_OCTETS] = {
	0x04, 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5,
	0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4,
	0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96, 0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a,
	0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33,
	0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
};
static const uint8_t nowhere[LEAF_KEY_OCTETS] = { 4, [64] = 1 };

static char folder[64];
static int home = -1;
static struct loop *loop;

/* What came back, over all asks of a test. */
static struct {
	size_t answers, wanted, refused, out_of_order;
	size_t last;
	bool kill; /* the process, at the first answer */
} seen;

static void begin(void)
{
	snprintf(folder, sizeof(folder), "/tmp/immure-minter-XXXXXX");
	CHECK(mkdtemp(folder) != NULL, "%d", errno);
	home = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(loop_new(&loop) == 0, "loop");
	memset(&seen, 0, sizeof(seen));
}

static int take_away(const char *path, const struct stat *st, int type, struct FTW *place)
{
	(void)st, (void)type, (void)place;
	return remove(path);
}

static void end(void)
{
	CHECK(nftw(folder, take_away, 4, FTW_DEPTH | FTW_PHYS) == 0, "%s is left: %d", folder,
	      errno);
	fd_close(&home);
	loop_free(loop);
}

/* put() - a file in the folder of the authority */
static void put(const char *name, struct span text, mode_t mode)
{
	CHECK(mkdirat(home, "ca", 0700) == 0 || errno == EEXIST, "%d", errno);
	CLEANUP_FD int ca = openat(home, "ca", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(fd_replace_file(ca, name, text, mode) == 0 && fchmodat(ca, name, mode, 0) == 0, "%s",
	      name);
}

/* child() - the only one there is; 0: none */
static pid_t child(void)
{
	char path[64], *text = NULL;
	size_t len = 0;
	pid_t pid = 0;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	if (fd_read_file(&text, &len, AT_FDCWD, path, 4096) == 0)
		pid = (pid_t)strtol(text, NULL, 10);
	free(text);
	return pid;
}

static void on_done(void *context, struct span der)
{
	size_t number = (size_t)(uintptr_t)context;

	if (seen.kill)
		CHECK(kill(child(), SIGKILL) == 0, "%d", errno);
	seen.kill = false;
	seen.out_of_order += number <= seen.last;
	seen.last = number;
	seen.answers++;
	/* a SEQUENCE of two octets of length */
	seen.refused += der.len == 0 || der.ptr[0] != 0x30 || (uint8_t)der.ptr[1] != 0x82;
	if (seen.answers == seen.wanted)
		loop_stop(loop, 0);
}

static void on_patience(struct loop_timer *timer)
{
	(void)timer;
	loop_stop(loop, -ETIMEDOUT);
}

static void wait_for(size_t wanted)
{
	struct loop_timer patience = { .fired = on_patience };

	seen.wanted = wanted;
	if (seen.answers >= wanted)
		return;
	loop_arm(loop, &patience, PATIENCE_NS);
	CHECK(loop_run(loop) == 0, "%zu of %zu answers", seen.answers, wanted);
	loop_disarm(&patience);
}

/* ask() - for number @number, from 1. Return: as minter_ask(). */
static int ask(struct service_question **ret, struct minter *minter, size_t number,
	       const uint8_t *key)
{
	struct net_name name;
	char text[64];

	snprintf(text, sizeof(text), "a%zu.example.com", number);
	CHECK(net_name_parse(&name, span_of(text)) == NULL, "%s", text);
	return minter_ask(ret, minter, &name, key, on_done, (void *)(uintptr_t)number);
}

static struct minter *new_minter(void)
{
	struct minter *minter = NULL;

	CHECK(minter_new(&minter, loop, home) == 0, "new");
	return minter;
}

static void test_many(void)
{
	struct service_question *request = NULL, *cancelled[3];

	begin();
	struct minter *minter = new_minter();
	CHECK(child() == 0, "it is started only when somebody asks");
	for (size_t i = 1; i <= MANY; i++) {
		struct service_question **at = i <= 3 ? &cancelled[i - 1] : &request;

		CHECK(ask(at, minter, i, i == 50 ? nowhere : point) == 0, "%zu", i);
	}
	service_cancel(cancelled[0]); /* not sent yet */
	service_cancel(cancelled[2]);
	service_cancel(NULL);
	wait_for(MANY - 2);
	CHECK(seen.answers == MANY - 2 && seen.refused == 1 && seen.out_of_order == 0,
	      "%zu answers, %zu refused, %zu out of order", seen.answers, seen.refused,
	      seen.out_of_order);
	pid_t first = child();
	CHECK(ask(&request, minter, MANY + 1, point) == 0, "one that is sent at once");
	CHECK(ask(&cancelled[0], minter, MANY + 2, point) == 0, "one that is sent and cancelled");
	service_cancel(cancelled[0]);
	CHECK(ask(&request, minter, MANY + 3, point) == 0, "and one after it");
	wait_for(MANY);
	CHECK(seen.last == MANY + 3 && seen.refused == 1, "%zu is last", seen.last);
	CHECK(first > 0 && child() == first, "one process for all");
	minter_free(minter);
	CHECK(child() == 0, "it ends with the minter");
	end();
}

static void test_death(void)
{
	struct service_question *request = NULL;

	begin();
	struct minter *minter = new_minter();
	seen.kill = true;
	for (size_t i = 1; i <= MANY; i++)
		CHECK(ask(&request, minter, i, point) == 0, "%zu", i);
	wait_for(MANY);
	CHECK(seen.refused == 0 && seen.out_of_order == 0, "%zu refused, %zu out of order",
	      seen.refused, seen.out_of_order);
	CHECK(kill(child(), SIGKILL) == 0, "while nobody waits");
	CHECK(ask(&request, minter, MANY + 1, point) == 0, "ask");
	wait_for(MANY + 1);
	CHECK(seen.refused == 0, "refused");
	minter_free(minter);
	end();
}

static void test_bounds(void)
{
	struct service_question *request = NULL;
	struct net_name none = { 0 };

	begin();
	struct minter *minter = new_minter();
	CHECK(minter_ask(&request, minter, &none, point, on_done, NULL) == -EINVAL, "no name");
	for (size_t i = 1; i <= SERVICE_WAITING_MAX; i++)
		CHECK(ask(&request, minter, i, point) == 0, "%zu", i);
	CHECK(ask(&request, minter, 1, point) == -ENOBUFS, "one too many");
	minter_free(minter);
	CHECK(seen.answers == 0, "nobody is told of the end");
	end();
}

/* A key that others could read is not used: immure-authority ends, again and again. */
static void test_broken(void)
{
	struct service_question *request = NULL;

	begin();
	put("ca.key", SPAN("x"), 0644);
	struct minter *minter = new_minter();
	CHECK(ask(&request, minter, 1, point) == 0 && ask(&request, minter, 2, point) == 0, "ask");
	wait_for(2);
	CHECK(seen.refused == 2, "%zu", seen.refused);
	CHECK(ask(&request, minter, 3, point) == -ENOTCONN, "not again and again");
	CHECK(child() == 0, "nothing runs");
	minter_free(minter);
	end();
}

/* What a sandbox is given of it; made at the first time, and the same from then on. */
static void test_trust(void)
{
	struct trust first = { 0 }, again = { 0 };
	struct diag diag = { 0 };

	begin();
	CHECK(trust_read(&first, home, &diag) == 0, "%s", diag.why);
	CHECK(trust_read(&again, home, &diag) == 0, "%s", diag.why);
	if (first.certificate != NULL && again.certificate != NULL) {
		CHECK(strcmp(first.certificate, again.certificate) == 0, "the same");
		CHECK(strstr(first.certificate, "-----BEGIN CERTIFICATE-----") ==
			      first.certificate &&
			  strstr(first.certificate, "PRIVATE") == NULL,
		      "%s", first.certificate);
	}
	CHECK(strlen(first.hash) == LEAF_HASH_DIGITS && strcmp(first.hash, again.hash) == 0, "%s",
	      first.hash);
	trust_free(&again);
	/* a hash that is none would be a path of its own */
	put("ca.hash", SPAN("../../x.\n"), 0644);
	CHECK(trust_read(&again, home, &diag) == 0 && strcmp(first.hash, again.hash) == 0,
	      "it is mended: %s", again.hash);
	trust_free(&again);
	CHECK(fchmodat(home, "ca", 0770, 0) == 0 && trust_read(&again, home, &diag) == -EPERM,
	      "a folder of others");
	trust_free(&first);
	end();
}

int main(void)
{
	test_many();
	test_death();
	test_bounds();
	test_broken();
	test_trust();
	return test_failures > 0;
}
