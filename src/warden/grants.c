// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: whoever keeps a grant was sent it whole before anything waits for the answer, so that
 * an end of the sandbox right behind it only has to wait. A process that is late is ended; SQLite leaves the
 * file as it was then.
 */
#include "warden/grants.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/fd.h"
#include "warden/egress_text.h"
#include "warden/sibling.h"

static const int64_t NS_PER_MS = 1000000;

/* One process. */
struct helper {
	int fd;
	pid_t pid;
};

/* helper_start() - and send it @packet. Return: 0 or -errno. */
static int helper_start(struct helper *ret, int home, const char *role,
			const struct grant_packet *packet)
{
	static char octets[GRANT_PACKET_OCTETS_MAX];
	size_t len = 0;
	int pair[2];
	int r = grant_encode(&len, octets, packet);

	if (r < 0)
		return r;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	const int fds[] = { pair[1], home };
	*ret = (struct helper){ .fd = pair[0] };
	r = fd_send(pair[0], (struct span){ octets, len }, NULL, 0);
	if (r == 0)
		r = sibling_start(&ret->pid, GRANT_PROGRAM, role, fds, ARRAY_SIZE(fds));
	fd_close(&pair[1]);
	if (r < 0)
		fd_close(&ret->fd);
	return r;
}

/* helper_end() - it has nothing more to do, or is too late */
static void helper_end(struct helper *helper)
{
	fd_close(&helper->fd);
	(void)kill(helper->pid, SIGKILL);
	while (waitpid(helper->pid, NULL, 0) < 0 && errno == EINTR)
		;
	helper->pid = 0;
}

/* helper_take() - a packet that is there; *@ret borrows from @octets, which has room for one and one more
 * octet. Return: 0; -EAGAIN: there is none; -ECONNRESET: it died; -EPROTO; another -errno */
static int helper_take(struct grant_packet *ret, struct helper *helper, char *octets)
{
	int fds[FD_PASS_MAX];
	size_t len = 0, count = 0;
	int r = fd_recv(&len, helper->fd, octets, GRANT_PACKET_OCTETS_MAX + 1, fds, &count);

	for (size_t i = 0; r == 0 && i < count; i++)
		fd_close(&fds[i]);
	if (r < 0)
		return r;
	return len == 0 ? -ECONNRESET : grant_decode(ret, (struct span){ octets, len });
}

/* helper_wait() - as helper_take(), and -ETIMEDOUT: there was none before @until_ns */
static int helper_wait(struct grant_packet *ret, struct helper *helper, char *octets,
		       int64_t until_ns)
{
	int r = 0;

	while ((r = helper_take(ret, helper, octets)) == -EAGAIN) {
		struct pollfd one = { .fd = helper->fd, .events = POLLIN };
		int64_t left_ms = (until_ns - clock_mono_ns()) / NS_PER_MS;
		int n = left_ms > 0 ? poll(&one, 1, (int)left_ms) : 0;

		if (n == 0)
			return -ETIMEDOUT;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
	return r;
}

/* fault_of() - for people: what @packet says if it came, or what @r means */
static int fault_of(struct diag *diag, const char *what, const struct grant_packet *packet, int r)
{
	char why[DIAG_OCTETS];

	if (r == 0 && packet->kind == GRANT_FAILED) {
		egress_text(why, sizeof(why), packet->text);
		return diag_set(diag, -EIO, "%s: %s", what, why);
	}
	if (r == 0)
		return diag_set(diag, -EPROTO, "%s: " GRANT_PROGRAM " makes no sense", what);
	return diag_set(diag, r, "%s: " GRANT_PROGRAM ": %s", what, strerrordesc_np(-r));
}

int grants_read(int home, const char *app, void (*each)(void *context, const struct grant *grant),
		void *context, struct diag *diag)
{
	static const char what[] = "what its owner said yes and no to before cannot be read";
	static char octets[GRANT_PACKET_OCTETS_MAX + 1];
	const int64_t until_ns = clock_mono_ns() + GRANTS_WAIT_MS * NS_PER_MS;
	struct grant_packet packet = { .kind = GRANT_LIST, .text = span_of(app) };
	struct helper helper;

	if (faccessat(home, GRANT_FILE, F_OK, 0) < 0 && errno == ENOENT)
		return 0;
	int r = helper_start(&helper, home, GRANT_ROLE_LIST, &packet);
	if (r < 0)
		return fault_of(diag, what, &packet, r);
	for (size_t i = 0; i <= GRANT_APP_MAX; i++) {
		r = helper_wait(&packet, &helper, octets, until_ns);
		if (r < 0 || packet.kind != GRANT_ONE)
			break;
		each(context, &packet.grant);
	}
	r = r == 0 && packet.kind == GRANT_END ? 0 : fault_of(diag, what, &packet, r);
	helper_end(&helper);
	return r;
}

/* One that is being kept. */
struct keeping {
	struct grants_keeper *keeper;
	struct helper helper; /* pid 0: this place is free */
	struct loop_source answer;
	struct loop_timer late;
};

struct grants_keeper {
	struct loop *loop;
	int home;
	void (*failed)(void *context, const char *why);
	void *context;
	struct keeping all[GRANTS_KEEPING_MAX];
};

int grants_keeper_new(struct grants_keeper **ret, struct loop *loop, int home,
		      void (*failed)(void *context, const char *why), void *context)
{
	struct grants_keeper *keeper = calloc(1, sizeof(*keeper));

	if (keeper == NULL)
		return -ENOMEM;
	*keeper = (struct grants_keeper){
		.loop = loop, .home = home, .failed = failed, .context = context
	};
	for (size_t i = 0; i < ARRAY_SIZE(keeper->all); i++)
		keeper->all[i].keeper = keeper;
	*ret = keeper;
	return 0;
}

static const struct grant_packet no_packet;

/* tell() - unless it is kept */
static void tell(struct grants_keeper *keeper, const struct grant_packet *packet, int r)
{
	struct diag diag;

	if (r == 0 && packet->kind == GRANT_END)
		return;
	(void)!fault_of(&diag, "what its owner said cannot be kept, it holds for this run", packet,
			r);
	keeper->failed(keeper->context, diag.why);
}

/* finish() - it has answered, or will not: @r as helper_wait() */
static void finish(struct keeping *keeping, const struct grant_packet *packet, int r)
{
	struct grants_keeper *keeper = keeping->keeper;

	loop_disarm(&keeping->late);
	loop_remove(&keeping->answer);
	helper_end(&keeping->helper);
	tell(keeper, packet, r);
}

static void on_answer(struct loop_source *source, uint32_t events)
{
	static char octets[GRANT_PACKET_OCTETS_MAX + 1];
	struct keeping *keeping = container_of(source, struct keeping, answer);
	struct grant_packet packet = { 0 };

	(void)events;
	int r = helper_take(&packet, &keeping->helper, octets);
	if (r != -EAGAIN)
		finish(keeping, &packet, r);
}

static void on_late(struct loop_timer *timer)
{
	finish(container_of(timer, struct keeping, late), &no_packet, -ETIMEDOUT);
}

/* start() - in a free place. Return: 0 or -errno */
static int start(struct keeping *keeping, const struct grant *grant)
{
	struct grants_keeper *keeper = keeping->keeper;
	const struct grant_packet packet = { .kind = GRANT_ONE, .grant = *grant };
	int r = helper_start(&keeping->helper, keeper->home, GRANT_ROLE_ADD, &packet);

	if (r < 0)
		return r;
	keeping->answer.ready = on_answer;
	keeping->late.fired = on_late;
	r = loop_add(keeper->loop, &keeping->answer, keeping->helper.fd, EPOLLIN);
	if (r < 0)
		helper_end(&keeping->helper);
	else
		loop_arm(keeper->loop, &keeping->late, GRANTS_WAIT_MS * NS_PER_MS);
	return r;
}

void grants_keep(struct grants_keeper *keeper, const struct grant *grant)
{
	size_t i = 0;

	while (i < ARRAY_SIZE(keeper->all) && keeper->all[i].helper.pid > 0)
		i++;
	int r = i < ARRAY_SIZE(keeper->all) ? start(&keeper->all[i], grant) : -EBUSY;
	if (r < 0)
		tell(keeper, &no_packet, r);
}

void grants_keeper_free(struct grants_keeper *keeper)
{
	const int64_t until_ns = clock_mono_ns() + GRANTS_WAIT_MS * NS_PER_MS;
	static char octets[GRANT_PACKET_OCTETS_MAX + 1];

	for (size_t i = 0; keeper != NULL && i < ARRAY_SIZE(keeper->all); i++) {
		struct keeping *keeping = &keeper->all[i];
		struct grant_packet packet = { 0 };

		if (keeping->helper.pid == 0)
			continue;
		int r = helper_wait(&packet, &keeping->helper, octets, until_ns);
		finish(keeping, &packet, r);
	}
	free(keeper);
}
