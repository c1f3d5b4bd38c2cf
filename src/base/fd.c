// SPDX-License-Identifier: Apache-2.0
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>

void fd_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

/* The control part of a message: room for FD_PASS_MAX descriptors and one more, to notice excess.
 */
union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(int) * (FD_PASS_MAX + 1))];
};

int fd_send(int socket, struct span packet, const int *fds, size_t count)
{
	union control control = { 0 };
	struct iovec part = { (void *)(uintptr_t)packet.ptr, packet.len };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	ssize_t n = 0;

	if (count > FD_PASS_MAX)
		return -EINVAL;
	if (count > 0) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int) * count);
		memcpy(CMSG_DATA(&control.header), fds, sizeof(int) * count);
	}
	do
		n = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == packet.len ? 0 : -EIO;
}

/* take_fds() - move the descriptors of @message to @fds; says how many, closes what exceeds. */
static size_t take_fds(struct msghdr *message, int *fds)
{
	size_t count = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t here = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < here; i++) {
			int fd = -1;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (count < FD_PASS_MAX)
				fds[count] = fd;
			else
				fd_close(&fd);
			count++;
		}
	}
	return count;
}

int fd_recv(size_t *ret_len, int socket, void *buffer, size_t capacity, int *fds, size_t *ret_count)
{
	union control control = { 0 };
	struct iovec part = { buffer, capacity };
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n = 0;

	do
		n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;

	size_t count = take_fds(&message, fds);
	if (count > FD_PASS_MAX || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
		for (size_t i = 0; i < count && i < FD_PASS_MAX; i++)
			fd_close(&fds[i]);
		return -EMSGSIZE;
	}
	*ret_len = (size_t)n;
	*ret_count = count;
	return 0;
}

int fd_write_all(int fd, struct span data)
{
	while (data.len > 0) {
		ssize_t n = write(fd, data.ptr, data.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data = span_drop(data, (size_t)n);
	}
	return 0;
}

int fd_read_full(size_t *ret_len, int fd, char *buffer, size_t capacity)
{
	size_t len = 0;

	while (len < capacity) {
		ssize_t n = read(fd, buffer + len, capacity - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	*ret_len = len;
	return 0;
}

int fd_read_file(char **ret, size_t *ret_len, int dir, const char *name, size_t octets_max)
{
	CLEANUP_FD int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;

	/* /proc says size 0: leave room to read until the end all the same */
	size_t room = st.st_size > 0 && (size_t)st.st_size < octets_max ? (size_t)st.st_size + 1
									: octets_max + 1;
	char *text = malloc(room + 1);
	if (text == NULL)
		return -ENOMEM;
	size_t len = 0;
	int r = fd_read_full(&len, fd, text, room);
	if (r == 0 && len > octets_max)
		r = -EFBIG;
	if (r < 0) {
		free(text);
		return r;
	}
	text[len] = '\0';
	*ret = text;
	*ret_len = len;
	return 0;
}

int fd_replace_file(int dir, const char *name, struct span text, mode_t mode)
{
	char draft[256 + 32];
	int len = snprintf(draft, sizeof(draft), ".%s.%d", name, (int)getpid());

	if (len < 0 || (size_t)len >= sizeof(draft))
		return -ENAMETOOLONG;

	/* O_EXCL: what lies there already, a FIFO or a second link to something, is never written
	 * to */
	enum { FLAGS = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC };
	CLEANUP_FD int fd = openat(dir, draft, FLAGS, mode);
	if (fd < 0 && errno == EEXIST && unlinkat(dir, draft, 0) == 0)
		fd = openat(dir, draft, FLAGS,
			    mode); /* a killed process of the same number left it */
	if (fd < 0)
		return -errno;
	int r = fd_write_all(fd, text);
	if (r == 0 && renameat(dir, draft, dir, name) < 0)
		r = -errno;
	if (r < 0)
		(void)unlinkat(dir, draft, 0);
	return r;
}
