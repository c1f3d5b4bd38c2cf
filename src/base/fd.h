/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fd - descriptors: close them with the scope, move them between processes, whole reads and writes.
 * All retry EINTR. All descriptors made here are close-on-exec.
 */
#ifndef BASE_FD_H
#define BASE_FD_H

#include <sys/types.h>
#include <unistd.h>

#include "base/base.h"

enum { FD_PASS_MAX = 8 }; /* descriptors in one message */

/* fd_close() - close and forget; -1 is fine. Keeps errno. */
void fd_close(int *fd);

#define CLEANUP_FD CLEANUP(fd_close)

/* fd_take() - hand a descriptor over: returns it and leaves -1 behind */
static inline int fd_take(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

/**
 * fd_send() - send one packet with descriptors over a unix socket, without blocking or SIGPIPE
 * @fds:	borrowed, @count of them (at most FD_PASS_MAX); the receiver gets copies
 *
 * Return: 0; -EAGAIN: the peer does not read; -EPIPE: the peer is gone; -ETOOMANYREFS: processes of our
 * user have too many on their way (base/fd_limit.h); another negative errno.
 */
MUST_USE int fd_send(int socket, struct span packet, const int *fds, size_t count);

/**
 * fd_recv() - receive one packet and its descriptors from a unix SOCK_SEQPACKET socket
 * @ret_len:	octets received; 0 with success means end of file
 * @fds:	room for FD_PASS_MAX; those received are the caller's to close
 * @ret_count:	how many descriptors came
 *
 * A packet or descriptor list that does not fit is refused whole (-EMSGSIZE), nothing leaks.
 * Return: 0; -EAGAIN; -EMSGSIZE; another negative errno.
 */
MUST_USE int fd_recv(size_t *ret_len, int socket, void *buffer, size_t capacity, int *fds,
		     size_t *ret_count);

/* fd_write_all() - write every octet of @data to a blocking descriptor. Return: 0 or -errno. */
MUST_USE int fd_write_all(int fd, struct span data);

/* fd_read_full() - read up to @capacity octets from a blocking descriptor, fewer only at its end.
 * Return: 0 or -errno. */
MUST_USE int fd_read_full(size_t *ret_len, int fd, char *buffer, size_t capacity);

/**
 * fd_read_file() - read a whole small file beneath @dir
 * @ret:	allocated, NUL-terminated after @ret_len octets; owned by the caller
 * @octets_max:	a larger file is refused with -EFBIG
 */
MUST_USE int fd_read_file(char **ret, size_t *ret_len, int dir, const char *name,
			  size_t octets_max);

/* fd_replace_file() - write @name beneath @dir so that a reader sees the old or the new text, whole */
MUST_USE int fd_replace_file(int dir, const char *name, struct span text, mode_t mode);

#endif
