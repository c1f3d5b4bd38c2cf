// SPDX-License-Identifier: Apache-2.0
/*
 * rpc_client MODE ... COMMAND - time JSON-RPC calls over the stdio of `immure --rpc`
 *
 *	cycle ROUNDS COMMAND [;; COMMAND]	"COMMAND CREATE_NS EXEC_NS CLOSE_NS" a line: a new
 *						process a round, left alone for 50 ms first
 *	exec ROUNDS COMMAND [;; COMMAND]...	"COMMAND NS" a line, interleaved: exec of /bin/true
 *in the running sandbox of each COMMAND that has --rpc; any other is run as a process idle ROUNDS
 *COMMAND			"NS" a line: an unknown method, which costs only the wire stream
 *ROUNDS OCTETS PROGRAM COMMAND	"NS OCTETS BUSY_NS" a line: output of PROGRAM OCTETS through
 *exec_stream; BUSY_NS is our own processor time fleet N COMMAND				N
 *sandboxes at once: prints "alive NS PID...", waits for a line, closes all, prints "closed NS"
 *
 * Theory of operation: the time of a call is from before the write of its line to after the read of
 * its answer. Lines are found by memchr and never parsed: an answer is the line with our id, and
 * base64 is counted by its length. All calls block; nothing else happens in this process.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "spawn.h"

enum {
	COMMANDS_MAX = 8,
	FLEET_MAX = 4096,
	SETTLE_MS = 50,
	BUFFER_OCTETS = 256 * 1024, /* grows to what the longest line needs */
};

struct peer {
	pid_t pid;
	int in, out; /* its stdin and stdout */
	unsigned next_id;
	char *data; /* what was read: a line may end in its midst */
	size_t size, start, len;
};

struct line {
	char *ptr;
	size_t len;
};

static void peer_start(struct peer *peer, const struct command *command)
{
	int to[2], from[2];

	if (pipe2(to, O_CLOEXEC) < 0 || pipe2(from, O_CLOEXEC) < 0)
		die("pipe");
	*peer = (struct peer){ .in = to[1], .out = from[0], .next_id = 1 };
	peer->pid = spawn(command, (const int[3]){ to[0], from[1], STDERR_FILENO });
	close(to[0]);
	close(from[1]);
}

static void peer_end(struct peer *peer)
{
	close(peer->in);
	(void)wait_for(peer->pid);
	close(peer->out);
	free(peer->data);
}

static void fill(struct peer *peer)
{
	if (peer->start > 0)
		memmove(peer->data, peer->data + peer->start, peer->len);
	peer->start = 0;
	if (peer->len == peer->size) {
		peer->size = peer->size == 0 ? BUFFER_OCTETS : peer->size * 2;
		peer->data = realloc(peer->data, peer->size);
		if (peer->data == NULL)
			die("realloc");
	}
	ssize_t n = read(peer->out, peer->data + peer->len, peer->size - peer->len);
	if (n <= 0) {
		errno = n == 0 ? EPIPE : errno;
		die("the server is gone");
	}
	peer->len += (size_t)n;
}

static struct line next_line(struct peer *peer)
{
	size_t seen = 0;

	for (;;) {
		char *at = peer->data == NULL ? NULL : peer->data + peer->start;
		char *end = at == NULL ? NULL : memchr(at + seen, '\n', peer->len - seen);

		if (end != NULL) {
			struct line line = { at, (size_t)(end - at) };

			peer->start += line.len + 1;
			peer->len -= line.len + 1;
			return line;
		}
		seen = peer->len;
		fill(peer);
	}
}

/* is_answer() - ids stand at either end of the line, whatever is in its middle */
static int is_answer(const struct line *line, unsigned id)
{
	char text[32];
	size_t window = line->len < 64 ? line->len : 64;
	int len = snprintf(text, sizeof(text), "\"id\":%u", id);
	const char *ends[2] = { line->ptr, line->ptr + line->len - window };

	for (int i = 0; i < 2; i++) {
		const char *at = memmem(ends[i], window, text, (size_t)len);

		if (at != NULL && (at[len] == '}' || at[len] == ','))
			return 1;
	}
	return 0;
}

static unsigned ask(struct peer *peer, const char *method, const char *params)
{
	char text[4096];
	int len = snprintf(text, sizeof(text),
			   "{\"jsonrpc\":\"2.0\",\"id\":%u,\"method\":\"%s\",\"params\":%s}\n",
			   peer->next_id, method, params);

	if (write(peer->in, text, (size_t)len) != len)
		die("write");
	return peer->next_id++;
}

/* answer() - skips events */
static struct line answer(struct peer *peer, unsigned id)
{
	struct line line;

	do
		line = next_line(peer);
	while (!is_answer(&line, id));
	return line;
}

static void must_succeed(const struct line *line)
{
	if (memmem(line->ptr, line->len, "\"error\":", 8) != NULL) {
		fprintf(stderr, "%.*s\n", (int)line->len, line->ptr);
		exit(1);
	}
}

static uint64_t call(struct peer *peer, const char *method, const char *params)
{
	uint64_t start = now_ns();
	struct line line = answer(peer, ask(peer, method, params));
	uint64_t took = now_ns() - start;

	must_succeed(&line);
	return took;
}

static const char exec_true[] = "{\"command\":[\"/bin/true\"]}";

static void cycle(size_t index, const struct command *command)
{
	struct peer peer;

	peer_start(&peer, command);
	nanosleep(&(const struct timespec){ .tv_nsec = SETTLE_MS * 1000000 }, NULL);
	uint64_t create = call(&peer, "create", "{}");
	uint64_t exec = call(&peer, "exec", exec_true);
	uint64_t end = call(&peer, "close", "{}");
	peer_end(&peer);
	printf("%zu %llu %llu %llu\n", index, (unsigned long long)create, (unsigned long long)exec,
	       (unsigned long long)end);
}

static int has_word(const struct command *command, const char *word)
{
	for (char **at = command->argv; *at != NULL; at++)
		if (strcmp(*at, word) == 0)
			return 1;
	return 0;
}

static uint64_t run(const struct command *command)
{
	uint64_t start = now_ns();
	int status = wait_for(spawn(command, (const int[3]){ -1, -1, -1 }));
	uint64_t took = now_ns() - start;

	if (status != 0) {
		fprintf(stderr, "%s: exit status %d\n", command->argv[0], status);
		exit(1);
	}
	return took;
}

static void execs(size_t rounds, const struct command *commands, size_t len)
{
	struct peer peers[COMMANDS_MAX] = { 0 };
	enum { WARMUP = 3 };

	for (size_t i = 0; i < len; i++)
		if (has_word(&commands[i], "--rpc")) {
			peer_start(&peers[i], &commands[i]);
			(void)call(&peers[i], "create", "{}");
		}
	for (size_t i = 0; i < (rounds + WARMUP) * len; i++) {
		size_t turn = next_in_turn(i, len);
		struct peer *peer = &peers[turn];
		uint64_t took =
		    peer->pid > 0 ? call(peer, "exec", exec_true) : run(&commands[turn]);

		if (i >= WARMUP * len)
			printf("%zu %llu\n", turn, (unsigned long long)took);
	}
	for (size_t i = 0; i < len; i++)
		if (peers[i].pid > 0) {
			(void)call(&peers[i], "close", "{}");
			peer_end(&peers[i]);
		}
}

static void idle(size_t rounds, const struct command *command)
{
	struct peer peer;

	peer_start(&peer, command);
	for (size_t i = 0; i < rounds; i++) {
		uint64_t start = now_ns();

		(void)answer(&peer, ask(&peer, "no_such_method", "{}"));
		printf("%llu\n", (unsigned long long)(now_ns() - start));
	}
	peer_end(&peer);
}

/* chunk_octets() - what the base64 of one part stands for */
static uint64_t chunk_octets(const struct line *line)
{
	static const char key[] = "\"stdout\":\"";
	char *at = memmem(line->ptr, line->len, key, sizeof(key) - 1);

	if (at == NULL)
		return 0;
	at += sizeof(key) - 1;
	char *end = memchr(at, '"', line->len - (size_t)(at - line->ptr));
	if (end == NULL || end == at)
		return 0;
	return (uint64_t)(end - at) / 4 * 3 - (end[-1] == '=') - (end[-2] == '=');
}

static uint64_t busy_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void stream(const char *octets, const char *program, const struct command *command)
{
	char params[2048];
	struct peer peer;
	struct line line;
	uint64_t total = 0, busy = 0, start = 0;

	peer_start(&peer, command);
	(void)call(&peer, "create", "{}");
	snprintf(params, sizeof(params), "{\"command\":[\"%s\",\"%s\"]}", program, octets);
	busy = busy_ns();
	start = now_ns();
	unsigned id = ask(&peer, "exec_stream", params);
	do {
		line = answer(&peer, id);
		total += chunk_octets(&line);
	} while (memmem(line.ptr, line.len < 128 ? line.len : 128, "\"exit_code\"", 11) == NULL &&
		 memmem(line.ptr, line.len < 128 ? line.len : 128, "\"error\":", 8) == NULL);
	uint64_t took = now_ns() - start;
	must_succeed(&line);
	printf("%llu %llu %llu\n", (unsigned long long)took, (unsigned long long)total,
	       (unsigned long long)(busy_ns() - busy));
	(void)call(&peer, "close", "{}");
	peer_end(&peer);
}

static void fleet(size_t len, const struct command *command)
{
	static struct peer peers[FLEET_MAX];
	static unsigned ids[FLEET_MAX];
	uint64_t start = now_ns();

	for (size_t i = 0; i < len; i++)
		peer_start(&peers[i], command);
	for (size_t i = 0; i < len; i++)
		ids[i] = ask(&peers[i], "create", "{}");
	for (size_t i = 0; i < len; i++) {
		struct line line = answer(&peers[i], ids[i]);

		must_succeed(&line);
	}
	printf("alive %llu", (unsigned long long)(now_ns() - start));
	for (size_t i = 0; i < len; i++)
		printf(" %d", (int)peers[i].pid);
	printf("\n");
	fflush(stdout);
	(void)getchar();
	start = now_ns();
	for (size_t i = 0; i < len; i++)
		ids[i] = ask(&peers[i], "close", "{}");
	for (size_t i = 0; i < len; i++) {
		struct line line = answer(&peers[i], ids[i]);

		must_succeed(&line);
		peer_end(&peers[i]);
	}
	printf("closed %llu\n", (unsigned long long)(now_ns() - start));
}

int main(int argc, char **argv)
{
	struct command commands[COMMANDS_MAX];
	size_t len = 0;

	if (argc < 4) {
		fprintf(stderr, "usage: rpc_client cycle|exec|idle|stream|fleet N ... COMMAND\n");
		return 2;
	}
	const char *mode = argv[1];
	size_t n = strtoul(argv[2], NULL, 10);
	int streams = strcmp(mode, "stream") == 0;
	char **words = argv + (streams ? 5 : 3);
	for (; words != NULL && len < COMMANDS_MAX; len++)
		words = command_parse(&commands[len], words);
	signal(SIGPIPE, SIG_IGN);
	if (strcmp(mode, "exec") == 0)
		execs(n, commands, len);
	else if (strcmp(mode, "idle") == 0)
		idle(n, commands);
	else if (strcmp(mode, "fleet") == 0)
		fleet(n < FLEET_MAX ? n : FLEET_MAX, commands);
	for (size_t i = 0; streams && i < n; i++)
		stream(argv[3], argv[4], commands);
	for (size_t i = 0; strcmp(mode, "cycle") == 0 && i < n * len; i++)
		cycle(i % len, &commands[i % len]);
	return 0;
}
