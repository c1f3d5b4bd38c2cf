// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: one mapping holds the values, one after the other, and behind them room for the
 * list that one request gets. It is locked, left out of cores, and empty in whatever is forked: the
 * gateway and the commands that print secrets never have a copy.
 */
#include "warden/secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/fd_limit.h"
#include "net/pattern.h"
#include "wire/gate.h"
#include "wire/substitution.h"

enum {
	RANDOM_OCTETS = 16,
	COMMAND_MS = 10000,
	LIST_OCTETS = GATE_DATA_OCTETS_MAX, /* of one REQUEST */
};

struct secret {
	char name[256];
	char placeholder[SUBSTITUTION_PLACEHOLDER_OCTETS + 1];
	unsigned where;
	struct pattern *hosts; /* owned */
	size_t hosts_len;
	struct span value; /* in the vault */
};

/* Mapped, and made not to leave this process. */
struct vault {
	size_t used;
	char list[LIST_OCTETS]; /* see secrets_for() */
	char scratch[SUBSTITUTION_VALUE_OCTETS_MAX +
		     3]; /* of one value: a line break, and too much */
	char values[LIST_OCTETS];
};

struct secrets {
	struct vault *vault;
	size_t len, listed;
	struct secret at[CONFIG_SECRETS_MAX];
};

_Static_assert((int)CONFIG_SECRETS_MAX <= (int)SUBSTITUTIONS_MAX, "one list holds all");
_Static_assert((int)CONFIG_SECRET_OCTETS_MAX == (int)SUBSTITUTION_VALUE_OCTETS_MAX, "one limit");

int secrets_shield(struct diag *diag)
{
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0)
		return 0;
	return diag_set(diag, -errno, "secrets: this process cannot be hidden: %s",
			strerror(errno));
}

static int vault_new(struct vault **ret, struct diag *diag)
{
	struct vault *vault =
	    mmap(NULL, sizeof(*vault), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (vault == MAP_FAILED)
		return diag_set(diag, -ENOMEM, "out of memory");
	if (mlock(vault, sizeof(*vault)) < 0 || madvise(vault, sizeof(*vault), MADV_DONTDUMP) < 0 ||
	    madvise(vault, sizeof(*vault), MADV_WIPEONFORK) < 0) {
		int r = -errno;

		(void)munmap(vault, sizeof(*vault));
		return diag_set(diag, r, "secrets: memory cannot be locked (see ulimit -l): %s",
				strerror(-r));
	}
	*ret = vault;
	return 0;
}

/* Where values come from. Each fills vault->scratch and counts the octets in @len, perhaps too many. */

static int from_text(size_t *len, struct vault *vault, const char *text)
{
	size_t octets = strlen(text);

	if (octets > sizeof(vault->scratch))
		octets = sizeof(vault->scratch);
	memcpy(vault->scratch, text, octets);
	*len = octets;
	return 0;
}

static int from_file(size_t *len, struct vault *vault, const char *path)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	return fd_read_full(len, fd, vault->scratch, sizeof(vault->scratch));
}

/* read_until() - up to the end, or too much, or too late */
static int read_until(size_t *len, struct vault *vault, int fd, int64_t deadline_ns)
{
	size_t at = 0;

	while (at < sizeof(vault->scratch)) {
		int64_t left_ms = (deadline_ns - clock_mono_ns()) / 1000000;
		struct pollfd wait = { .fd = fd, .events = POLLIN };

		if (left_ms <= 0)
			return -ETIMEDOUT;
		if (poll(&wait, 1, (int)left_ms) <= 0)
			continue;
		ssize_t n = read(fd, vault->scratch + at, sizeof(vault->scratch) - at);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			break;
		at += n > 0 ? (size_t)n : 0;
	}
	*len = at;
	return 0;
}

static _Noreturn void become_shell(int out, const char *command)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0)
		_exit(127);
	fd_limit_restore();
	(void)setpgid(0, 0); /* so that all it starts can be ended */
	(void)execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

/* reap() - Return: its status; -ETIMEDOUT: it goes on, having closed its output */
static int reap(pid_t pid, int64_t deadline_ns)
{
	int status = 0;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (clock_mono_ns() > deadline_ns)
			return -ETIMEDOUT;
		(void)poll(NULL, 0, 1);
	}
	return status == 0 ? 0 : -ECHILD;
}

/* from_command() - what it prints; what it complains of goes to our standard error */
static int from_command(size_t *len, struct vault *vault, const char *command)
{
	const int64_t deadline_ns = clock_mono_ns() + (int64_t)COMMAND_MS * 1000000;
	int pipe_fds[2];

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return -errno;
	pid_t pid = fork();
	if (pid == 0)
		become_shell(pipe_fds[1], command);
	int r = pid < 0 ? -errno : 0;
	fd_close(&pipe_fds[1]);
	if (r == 0)
		r = read_until(len, vault, pipe_fds[0], deadline_ns);
	fd_close(&pipe_fds[0]);
	if (pid < 0)
		return r;
	if (r == 0)
		r = reap(pid, deadline_ns);
	if (r == -ECHILD || r == 0)
		return r;
	(void)kill(-pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return r;
}

static int fetch(size_t *len, struct vault *vault, const struct config_secret *given)
{
	const char *here = NULL;

	switch (given->kind) {
	case CONFIG_SECRET_VALUE:
		return from_text(len, vault, given->value);
	case CONFIG_SECRET_ENV:
		here = getenv(given->origin); /* NOLINT(concurrency-mt-unsafe): one thread */
		return here == NULL ? -ENOENT : from_text(len, vault, here);
	case CONFIG_SECRET_FILE:
		return from_file(len, vault, given->origin);
	case CONFIG_SECRET_COMMAND:
		return from_command(len, vault, given->origin);
	}
	return -EINVAL;
}

static const char *explain(const struct config_secret *given, int error)
{
	switch (given->kind) {
	case CONFIG_SECRET_ENV:
		return "this variable is not set here";
	case CONFIG_SECRET_FILE:
		return error == -EINVAL ? "it is not a regular file" : strerrordesc_np(-error);
	case CONFIG_SECRET_COMMAND:
		return error == -ECHILD      ? "the command failed"
		       : error == -ETIMEDOUT ? "the command took longer than 10 s"
					     : strerrordesc_np(-error);
	case CONFIG_SECRET_VALUE:
		break;
	}
	return strerrordesc_np(-error);
}

/* without_newline() - that of a file or a command, which text ends with */
static struct span without_newline(struct span value, const struct config_secret *given)
{
	if (given->kind != CONFIG_SECRET_FILE && given->kind != CONFIG_SECRET_COMMAND)
		return value;
	if (value.len > 0 && value.ptr[value.len - 1] == '\n')
		value.len--;
	if (value.len > 0 && value.ptr[value.len - 1] == '\r')
		value.len--;
	return value;
}

/* take_value() - into the vault, for good */
static int take_value(struct secret *secret, struct vault *vault, const struct config_secret *given,
		      struct diag *diag)
{
	static const char *const origins[] = { "", "value", "env", "file", "command" };
	size_t len = 0;
	int r = fetch(&len, vault, given);
	struct span value = without_newline((struct span){ vault->scratch, len }, given);
	const char *fault = r < 0 ? explain(given, r) : substitution_value_fault(value);

	/* the list of one request may hold all of them */
	if (fault == NULL && LIST_OCTETS - vault->used < SUBSTITUTION_HEAD_OCTETS + value.len)
		fault = "all secrets together are longer than 20 KiB";
	if (fault != NULL)
		return diag_set(diag, -EINVAL, "network.secrets.%s.%s: %s", given->name,
				origins[given->kind], fault);
	char *at = vault->values + vault->used;
	memcpy(at, value.ptr, value.len);
	secret->value = (struct span){ at, value.len };
	vault->used += SUBSTITUTION_HEAD_OCTETS + value.len;
	return 0;
}

static int draw_placeholder(struct secret *secret)
{
	unsigned char random[RANDOM_OCTETS];
	size_t at = SUBSTITUTION_PREFIX_OCTETS;

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return -EAGAIN;
	memcpy(secret->placeholder, SUBSTITUTION_PREFIX, at);
	for (size_t i = 0; i < sizeof(random); i++, at += 2)
		(void)snprintf(secret->placeholder + at, 3, "%02x", random[i]);
	return 0;
}

static int take_hosts(struct secret *secret, const struct config_secret *given)
{
	secret->hosts = calloc(given->hosts.len + 1, sizeof(*secret->hosts));
	if (secret->hosts == NULL)
		return -ENOMEM;
	for (; secret->hosts_len < given->hosts.len; secret->hosts_len++)
		if (pattern_parse(&secret->hosts[secret->hosts_len],
				  span_of(given->hosts.items[secret->hosts_len])) != NULL)
			return -EINVAL;
	return 0;
}

static int load(struct secrets *secrets, const struct config_secret *given, struct diag *diag)
{
	struct secret *secret = &secrets->at[secrets->len++];

	if (secrets->vault == NULL) /* which it never is here */
		return -ENOMEM;
	if (strlen(given->name) >= sizeof(secret->name))
		return diag_set(diag, -EINVAL, "network.secrets: a name longer than 255 octets");
	memcpy(secret->name, given->name, strlen(given->name) + 1);
	secret->where = given->where;
	int r = take_value(secret, secrets->vault, given, diag);
	explicit_bzero(secrets->vault->scratch, sizeof(secrets->vault->scratch));
	if (r < 0)
		return r;
	r = take_hosts(secret, given);
	if (r == 0)
		r = draw_placeholder(secret);
	return r < 0 ? diag_set(diag, r, "network.secrets.%s: %s", given->name, strerror(-r)) : 0;
}

int secrets_load(struct secrets **ret, struct config_network *network, struct diag *diag)
{
	if (network->secrets_len == 0) {
		*ret = NULL;
		return 0;
	}
	struct secrets *secrets = calloc(1, sizeof(*secrets));
	if (secrets == NULL)
		return diag_set(diag, -ENOMEM, "out of memory");
	int r = secrets_shield(diag);
	if (r == 0)
		r = vault_new(&secrets->vault, diag);
	for (size_t i = 0; r == 0 && i < network->secrets_len; i++) {
		struct config_secret *given = &network->secrets[i];

		r = load(secrets, given, diag);
		if (given->value != NULL)
			explicit_bzero(given->value, strlen(given->value));
	}
	if (r < 0) {
		secrets_free(secrets);
		return r;
	}
	*ret = secrets;
	return 0;
}

const char *secrets_placeholder(const struct secrets *secrets, struct span name)
{
	for (size_t i = 0; secrets != NULL && i < secrets->len; i++)
		if (span_is(name, secrets->at[i].name))
			return secrets->at[i].placeholder;
	return NULL;
}

const char *secrets_name(const struct secrets *secrets, size_t i)
{
	return secrets != NULL && i < secrets->len ? secrets->at[i].name : NULL;
}

static bool is_for(const struct secret *secret, const struct net_name *host, uint16_t port)
{
	for (size_t i = 0; i < secret->hosts_len; i++)
		if (pattern_match(&secret->hosts[i], host, port))
			return true;
	return false;
}

struct span secrets_for(struct secrets *secrets, const struct net_name *host, uint16_t port)
{
	struct substitutions list = { 0 };
	size_t len = 0;

	for (size_t i = 0; secrets != NULL && i < secrets->len; i++) {
		const struct secret *secret = &secrets->at[i];

		if (is_for(secret, host, port))
			list.at[list.count++] =
			    (struct substitution){ secret->where, span_of(secret->placeholder),
						   secret->value };
	}
	if (list.count == 0 || substitutions_encode(&len, secrets->vault->list,
						    sizeof(secrets->vault->list), &list) < 0)
		return (struct span){ 0 };
	secrets->listed = len;
	return (struct span){ secrets->vault->list, len };
}

void secrets_done(struct secrets *secrets)
{
	if (secrets == NULL)
		return;
	explicit_bzero(secrets->vault->list, secrets->listed);
	secrets->listed = 0;
}

void secrets_free(struct secrets *secrets)
{
	if (secrets == NULL)
		return;
	for (size_t i = 0; i < secrets->len; i++)
		free(secrets->at[i].hosts);
	if (secrets->vault != NULL) {
		explicit_bzero(secrets->vault, sizeof(*secrets->vault));
		(void)munmap(secrets->vault, sizeof(*secrets->vault));
	}
	free(secrets);
}
