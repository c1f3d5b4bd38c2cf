// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: a descriptor of a socket is a link "socket:[inode]" in /proc/PID/fd. A program that
 * opens connections one after the other has the next one at a descriptor near the last, so these are looked
 * at first; then all of its others, then other processes.
 */
#include "warden/owner.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/number.h"
#include "warden/egress_text.h"

enum { LINK_OCTETS = 32, NEAR = 4, ENTRIES_OCTETS = 4096, PID_MAX = 4 * 1024 * 1024, SHARE = 20 };

/* One search. */
struct search {
	char link[LINK_OCTETS]; /* what is looked for */
	int64_t end_ns;         /* then it is over */
	struct owners *owners;
	uint32_t pid; /* of the process that is looked through */
};

/* number() - Return: false: @name is none from 0 to @max */
static bool number(uint32_t *ret, const char *name, uint32_t max)
{
	uint64_t value = 0;

	if (!number_parse(&value, span_of(name), max))
		return false;
	*ret = (uint32_t)value;
	return true;
}

static bool has_time(const struct search *search)
{
	return clock_mono_ns() < search->end_ns;
}

/* open_proc() - the programs cannot mount, so it is the one that was mounted for them. Return: -1: there is none */
static int open_proc(pid_t init)
{
	struct open_how how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
				.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };
	struct statfs info;
	char path[LINK_OCTETS];

	(void)snprintf(path, sizeof(path), "/proc/%d/root", init);
	CLEANUP_FD int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_FD int proc = (int)syscall(SYS_openat2, root, "proc", &how, sizeof(how));
	if (proc < 0 || fstatfs(proc, &info) < 0 || info.f_type != PROC_SUPER_MAGIC)
		return -1;
	return openat(proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* socket_of() - Return: its inode; 0: not known */
static uint32_t socket_of(struct owners *owners, const struct diag_connection *connection)
{
	static char text[DIAG_DATAGRAM_OCTETS];

	diag_ask_socket(text, connection, ++owners->id);
	if (send(owners->diag, text, DIAG_ASK_OCTETS, MSG_DONTWAIT) != DIAG_ASK_OCTETS)
		return 0;
	/* the kernel has answered by now: net/netlink/af_netlink.c */
	ssize_t n = recv(owners->diag, text, sizeof(text), MSG_DONTWAIT);
	return n > 0 ? diag_socket((struct span){ text, (size_t)n }, owners->id) : 0;
}

/* is_it() - is that descriptor of the process with the folder @fds the one? */
static bool is_it(const struct search *search, int fds, const char *name)
{
	char link[LINK_OCTETS];

	ssize_t len = readlinkat(fds, name, link, sizeof(link));
	return len > 0 && span_is((struct span){ link, (size_t)len }, search->link);
}

/* each_entry() - call @visit with each name in the folder @dir until it returns true. Return: did it? */
static bool each_entry(struct search *search, int dir,
		       bool (*visit)(struct search *search, int dir, const char *name))
{
	char entries[ENTRIES_OCTETS] __attribute__((aligned(8)));
	ssize_t len = 0;

	while (has_time(search) && (len = getdents64(dir, entries, sizeof(entries))) > 0)
		for (ssize_t at = 0; at < len;) {
			const struct dirent64 *entry = (const void *)(entries + at);

			at += entry->d_reclen;
			if (visit(search, dir, entry->d_name))
				return true;
		}
	return false;
}

static bool visit_descriptor(struct search *search, int fds, const char *name)
{
	uint32_t fd = 0;

	if (!number(&fd, name, INT32_MAX) || !is_it(search, fds, name))
		return false;
	search->owners->pid = search->pid;
	search->owners->fd = fd;
	return true;
}

/* look_near() - at the descriptors from the last one on */
static bool look_near(struct search *search, int fds)
{
	char name[LINK_OCTETS];

	for (uint32_t i = 0; i < NEAR; i++) {
		(void)snprintf(name, sizeof(name), "%u", search->owners->fd + i);
		if (visit_descriptor(search, fds, name))
			return true;
	}
	return false;
}

/* look_through() - the process @name. Return: it has it */
static bool look_through(struct search *search, int proc, const char *name, bool near)
{
	char path[LINK_OCTETS];

	(void)snprintf(path, sizeof(path), "%.16s/fd", name);
	CLEANUP_FD int fds = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fds < 0) /* it ended, or became another user's */
		return false;
	return (near && look_near(search, fds)) || each_entry(search, fds, visit_descriptor);
}

static bool visit_process(struct search *search, int proc, const char *name)
{
	if (!number(&search->pid, name, PID_MAX) || search->pid == search->owners->pid ||
	    !has_time(search))
		return false;
	return look_through(search, proc, name, false);
}

/* earn() - credit for the time since it was counted. Return: is there any? */
static bool earn(struct owners *owners)
{
	int64_t now_ns = clock_mono_ns();
	int64_t more_ns =
	    owners->counted_ns != 0 ? (now_ns - owners->counted_ns) / SHARE : OWNER_CREDIT_NS;

	owners->credit_ns += more_ns;
	if (owners->credit_ns > OWNER_CREDIT_NS)
		owners->credit_ns = OWNER_CREDIT_NS;
	owners->counted_ns = now_ns;
	return owners->credit_ns > 0;
}

/* find_process() - who has the socket; owners->pid, ->fd are set. Return: false: nobody was found */
static bool find_process(struct owners *owners, uint32_t inode)
{
	struct search search = { .end_ns = owners->counted_ns + owners->search_ns,
				 .owners = owners,
				 .pid = owners->pid };
	char name[LINK_OCTETS];

	(void)snprintf(search.link, sizeof(search.link), "socket:[%u]", inode);
	(void)snprintf(name, sizeof(name), "%u", owners->pid);
	if (owners->pid != 0 && look_through(&search, owners->proc, name, true))
		return true;
	return lseek(owners->proc, 0, SEEK_SET) == 0 &&
	       each_entry(&search, owners->proc, visit_process);
}

static void read_program(struct owner *ret, int proc)
{
	static const char cut[] = "...";
	char path[LINK_OCTETS], file[OWNER_PROGRAM_OCTETS], text[EGRESS_TEXT_OCTETS];

	(void)snprintf(path, sizeof(path), "%u/exe", ret->pid);
	ssize_t len = readlinkat(proc, path, file, sizeof(file));
	if (len < 0)
		return;
	if (len == sizeof(file)) {
		memcpy(file + sizeof(file) - sizeof(cut), cut, sizeof(cut));
		len--;
	}
	egress_text(text, sizeof(text), (struct span){ file, (size_t)len }); /* it grows nothing */
	memcpy(ret->program, text, strlen(text) + 1);
}

void owners_find(struct owner *ret, struct owners *owners, const struct diag_connection *connection)
{
	*ret = (struct owner){ 0 };
	if (owners->diag < 0)
		return;
	uint32_t inode = socket_of(owners, connection);
	if (inode == 0 || !earn(owners))
		return;
	if (owners->proc < 0)
		owners->proc = open_proc(owners->init);
	if (owners->proc >= 0 && find_process(owners, inode)) {
		ret->pid = owners->pid;
		read_program(ret, owners->proc);
	}
	owners->credit_ns -= clock_mono_ns() - owners->counted_ns;
}

void owners_close(struct owners *owners)
{
	owners->diag = -1;
	fd_close(&owners->proc);
}
