// SPDX-License-Identifier: Apache-2.0
/* Files that init writes, reads and lists for the warden. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agent_test_priv.h"
#include "base/fd.h"
#include "base/test.h"

static void send_file(const struct peer *peer, uint32_t id, enum agent_type type,
		      const struct agent_file *file, int fd)
{
	struct buf frame = BUF(AGENT_FRAME_OCTETS_MAX);

	send_now(peer, &frame, agent_file_encode(&frame, type, id, file), &fd, 1);
}

static void expect_done(const struct peer *peer, uint32_t id, uint64_t moved)
{
	static struct frame f;
	uint64_t got = 0;

	if (expect(&f, peer, AGENT_DONE, id))
		CHECK(agent_u64_decode(&got, f.payload) == 0 && got == moved, "%llu",
		      (unsigned long long)got);
}

static void write_inside(const struct peer *peer, const char *path, uint32_t mode, const char *text)
{
	struct agent_file file = { .mode = mode, .path = span_of(path) };
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0)
		return;
	send_file(peer, 50, AGENT_FILE_WRITE, &file, p[0]);
	CHECK(fd_write_all(p[1], span_of(text)) == 0, "%s", path);
	(void)close(p[1]);
	expect_done(peer, 50, strlen(text));
}

static void check_inside(const struct peer *peer, const char *script)
{
	static struct frame f;
	struct agent_exit e = { 0 };

	send_shell(peer, 60, script);
	expect(&f, peer, AGENT_STARTED, 60);
	if (expect(&f, peer, AGENT_EXITED, 60))
		CHECK(agent_exit_decode(&e, f.payload) == 0 && e.code == 0 && e.signal == 0, "%s",
		      script);
}

static void test_file_write(const struct peer *peer)
{
	write_inside(peer, "/tmp/a", 0, "one");
	check_inside(peer, "test $(cat /tmp/a) = one && test $(stat -c %a /tmp/a) = 644");
	check_inside(peer, "chmod 751 /tmp/a; ln -s a /tmp/link; ln -s /tmp/b /tmp/dangling");
	write_inside(peer, "/tmp/link", 0600, "two");
	check_inside(peer, "test -L /tmp/link && test $(cat /tmp/a) = two");
	check_inside(peer, "test $(stat -c %a /tmp/a) = 751"); /* that of the file that was there */
	write_inside(peer, "/tmp/dangling", 0600, "three");
	check_inside(peer, "test $(cat /tmp/b) = three && test $(stat -c %a /tmp/b) = 600");
	check_inside(peer, "test $(ls -A /tmp | wc -l) = 4"); /* no drafts left */
	check_inside(peer, "rm /tmp/*; mkdir /tmp/d; mkfifo /tmp/fifo; ln -s loop /tmp/loop");

	const struct {
		const char *path;
		enum agent_step step;
		int error;
	} rows[] = {
		{ "/tmp/d", AGENT_STEP_OPEN, EISDIR },    { "/tmp/d/", AGENT_STEP_OPEN, EISDIR },
		{ "/tmp/d/..", AGENT_STEP_OPEN, EISDIR }, { "/tmp/fifo", AGENT_STEP_OPEN, EINVAL },
		{ "/tmp/x/y", AGENT_STEP_OPEN, ENOENT },  { "/tmp/loop", AGENT_STEP_OPEN, ELOOP },
		{ "/usr/x", AGENT_STEP_OPEN, EROFS },     { "/dev/null", AGENT_STEP_OPEN, EINVAL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct agent_file file = { .path = span_of(rows[i].path) };

		send_file(peer, 70, AGENT_FILE_WRITE, &file,
			  open("/dev/null", O_RDONLY | O_CLOEXEC));
		expect_failure(peer, 70, rows[i].step, rows[i].error);
	}
	struct agent_file file = { .path = SPAN("/tmp/a") };
	send_file(peer, 71, AGENT_FILE_WRITE, &file,
		  open("/", O_RDONLY | O_CLOEXEC)); /* unreadable */
	expect_failure(peer, 71, AGENT_STEP_COPY, EISDIR);
	check_inside(peer, "test $(ls -A /tmp | wc -l) = 3 && rm -r /tmp/*"); /* no draft is left */
}

static void test_file_read(const struct peer *peer)
{
	const struct {
		uint64_t offset, length;
		const char *want;
	} rows[] = {
		{ 0, UINT64_MAX, "0123456789" },
		{ 3, 4, "3456" },
		{ 8, 100, "89" },
		{ 10, 1, "" },
		{ INT64_MAX, 1, "" },
		{ 0, 0, "" },
	};

	write_inside(peer, "/tmp/a", 0, "0123456789");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct agent_file file = { .offset = rows[i].offset,
					   .length = rows[i].length,
					   .path = SPAN("/tmp/a") };
		static struct console c;
		int p[2];

		if (pipe2(p, O_CLOEXEC) < 0)
			return;
		send_file(peer, 1, AGENT_FILE_READ, &file, p[1]);
		c.from = p[0];
		c.len = 0;
		c.text[0] = '\0';
		CHECK(console_read_until(&c, NULL) && strcmp(c.text, rows[i].want) == 0,
		      "row %zu: %s", i, c.text);
		(void)close(p[0]);
		expect_done(peer, 1, strlen(rows[i].want));
	}
}

static void test_file_read_refusals(const struct peer *peer)
{
	const struct {
		const char *path;
		int error;
	} rows[] = {
		{ "/tmp/fifo", EINVAL }, { "/tmp", EISDIR },      { "/dev/zero", EINVAL },
		{ "/no/such", ENOENT },  { "/tmp/a/b", ENOTDIR },
	};

	check_inside(peer, "mkfifo /tmp/fifo");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct agent_file file = { .length = 1, .path = span_of(rows[i].path) };

		send_file(peer, 1, AGENT_FILE_READ, &file, open("/dev/null", O_WRONLY | O_CLOEXEC));
		expect_failure(peer, 1, AGENT_STEP_OPEN, rows[i].error);
	}

	/* a worker that waits for us can be given up, and /proc is read though it cannot be spliced
	 */
	struct agent_file file = { .length = UINT64_MAX, .path = SPAN("/proc/self/status") };
	int p[2];
	if (pipe2(p, O_CLOEXEC) < 0)
		return;
	send_file(peer, 1, AGENT_FILE_READ, &file, open("/dev/null", O_WRONLY | O_CLOEXEC));
	static struct frame f;
	expect(&f, peer, AGENT_DONE, 1);
	send_file(peer, 2, AGENT_FILE_WRITE, &(struct agent_file){ .path = SPAN("/tmp/never") },
		  p[0]);
	send_signal(peer, 2, SIGTERM);
	expect_failure(peer, 2, AGENT_STEP_COPY, EINTR);
	(void)close(p[1]);
	check_inside(peer, "rm -f /tmp/.immure-* /tmp/*; test $(ls -A /tmp | wc -l) = 0");
}

static void test_file_big(const struct peer *peer)
{
	struct agent_file file = { .length = UINT64_MAX, .path = SPAN("/tmp/big") };
	int in[2];
	int out[2];

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		return;
	struct stream s = { .to = in[1], .from = out[0] };
	send_file(peer, 1, AGENT_FILE_WRITE, &file, in[0]);
	while (s.to >= 0)
		stream_feed(&s);
	expect_done(peer, 1, BIG_OCTETS);
	send_file(peer, 2, AGENT_FILE_READ, &file, out[1]);
	stream_shovel(&s);
	CHECK(s.got == BIG_OCTETS && s.sum == 0, "%zu octets, %u wrong", s.got, s.sum);
	expect_done(peer, 2, BIG_OCTETS);
	check_inside(peer, "rm /tmp/big");
}

static void test_file_list(const struct peer *peer)
{
	static struct console c;
	struct agent_file file = { .path = SPAN("/tmp") };
	struct agent_entry entry = { 0 };
	static const struct {
		const char *name;
		uint32_t mode;
		uint64_t size;
	} rows[] = { { ".h", S_IFREG | 0644, 2 },
		     { "Z", S_IFDIR | 0755, 0 },
		     { "a", S_IFIFO | 0600, 0 } };
	int p[2];

	check_inside(peer, "umask 022; echo x >/tmp/.h; mkdir /tmp/Z; mkfifo -m 600 /tmp/a");
	if (pipe2(p, O_CLOEXEC) < 0)
		return;
	send_file(peer, 1, AGENT_FILE_LIST, &file, p[1]);
	c.from = p[0];
	c.len = 0;
	CHECK(console_read_until(&c, NULL), "read");
	(void)close(p[0]);
	struct span rest = { c.text, c.len };
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CHECK(agent_entry_decode(&entry, &rest) == 1, "row %zu", i);
		CHECK(span_is(entry.name, rows[i].name) && entry.mode == rows[i].mode,
		      "row %zu: %o", i, entry.mode);
		CHECK((entry.mode & S_IFMT) == S_IFDIR || entry.size == rows[i].size, "row %zu", i);
	}
	CHECK(rest.len == 0, "%zu", rest.len);
	expect_done(peer, 1, c.len);

	check_inside(peer, "cd /tmp/Z && seq 65537 | xargs touch");
	file.path = SPAN("/tmp/Z");
	send_file(peer, 2, AGENT_FILE_LIST, &file, open("/dev/null", O_WRONLY | O_CLOEXEC));
	expect_failure(peer, 2, AGENT_STEP_OPEN, EOVERFLOW);
	check_inside(peer, "rm /tmp/Z/65537");
	send_file(peer, 3, AGENT_FILE_LIST, &file, open("/dev/null", O_WRONLY | O_CLOEXEC));
	static struct frame f;
	expect(&f, peer, AGENT_DONE, 3);
	check_inside(peer, "rm -r /tmp/Z /tmp/a /tmp/.h");
}

static void (*const tests[])(const struct peer *peer) = {
	test_file_write, test_file_read, test_file_read_refusals, test_file_big, test_file_list,
};

int main(int argc, char **argv)
{
	return run_tests(argc, argv, tests, ARRAY_SIZE(tests));
}
