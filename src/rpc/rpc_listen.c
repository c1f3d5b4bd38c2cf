// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: the socket is bound through /proc/self/fd/N/NAME, so neither the length of a
 * path (sun_path holds 108 octets) nor a folder renamed meanwhile matters. Its mode is set on the
 * unbound socket, from which bind() takes it: it is never open to others, not for a moment. Who
 * connects is what the kernel says of the process that called connect() (SO_PEERCRED); the mode
 * already keeps others out, this holds if somebody changes it. At RPC_CONNECTIONS_MAX, and for a
 * moment when descriptors run out, the listening socket is not watched: those who wait do so in the
 * kernel's queue and epoll does not spin.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "rpc/rpc_client.h"
#include "rpc/rpc_priv.h"

enum {
	NAME_OCTETS_MAX = 64,
	BACKLOG = 64,                /* connections the kernel holds for us */
	ACCEPT_PAUSE_NS = 100000000, /* after an accept that failed for want of resources */
};

struct rpc_server {
	struct loop *loop;
	struct loop_source source;
	struct loop_timer pause;
	const struct rpc_config *config;
	int dir;    /* borrowed */
	int socket; /* owned */
	bool bound;
	struct stat bound_as; /* the file we made, so that no other is removed */
	size_t peers_len;
	struct rpc_peer *peers;
	char name[NAME_OCTETS_MAX + 1];
};

/* set_address() - the address of @name beneath @dir. Return: 0, or -EINVAL: not a name. */
static int set_address(struct sockaddr_un *ret, int dir, const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len > NAME_OCTETS_MAX || strchr(name, '/') != NULL ||
	    strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return -EINVAL;
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	(void)snprintf(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d/%s", dir, name);
	return 0;
}

int rpc_connect(int *ret_fd, int dir, const char *name)
{
	struct sockaddr_un address;
	struct timeval patience = { .tv_sec = RPC_CONNECT_SECONDS_MAX };
	int r = set_address(&address, dir, name);

	if (r < 0)
		return r;
	CLEANUP_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	*ret_fd = fd_take(&fd);
	return 0;
}

/* is_ours() - does this connection come from our own user or root? */
static bool is_ours(int fd)
{
	struct ucred who = { .uid = (uid_t)-1 };
	socklen_t len = sizeof(who);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) < 0 || len != sizeof(who))
		return false;
	return who.uid == geteuid() || who.uid == 0;
}

/* watch() - accept while there is room */
static void watch(struct rpc_server *server)
{
	bool open = server->peers_len < RPC_CONNECTIONS_MAX && server->pause.loop == NULL;

	loop_change(&server->source, open ? EPOLLIN : 0);
}

static void resume(struct loop_timer *timer)
{
	watch(container_of(timer, struct rpc_server, pause));
}

static void add_peer(struct rpc_server *server, int fd)
{
	struct rpc_peer *peer = NULL;

	if (!is_ours(fd)) {
		fd_close(&fd);
		return;
	}
	if (rpc_peer_new(&peer, server->loop, fd, fd, server->config) < 0)
		return; /* closed: the client sees that */
	peer->server = server;
	peer->next_served = server->peers;
	if (peer->next_served != NULL)
		peer->next_served->prev_served = peer;
	server->peers = peer;
	server->peers_len++;
}

static void ready(struct loop_source *source, uint32_t events)
{
	struct rpc_server *server = container_of(source, struct rpc_server, source);
	int fd = accept4(server->socket, NULL, NULL, SOCK_CLOEXEC);

	(void)events;
	if (fd >= 0)
		add_peer(server, fd);
	else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
		loop_arm(server->loop, &server->pause, ACCEPT_PAUSE_NS);
	watch(server);
}

void rpc_server_forget(struct rpc_peer *peer)
{
	struct rpc_server *server = peer->server;

	if (peer->next_served != NULL)
		peer->next_served->prev_served = peer->prev_served;
	if (peer->prev_served != NULL)
		peer->prev_served->next_served = peer->next_served;
	else
		server->peers = peer->next_served;
	server->peers_len--;
	peer->server = NULL;
	watch(server);
}

/* remove_stale() - remove a socket that nobody listens on. Return: 0, or -EADDRINUSE. */
static int remove_stale(int dir, const char *name)
{
	CLEANUP_FD int fd = -1;
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISSOCK(st.st_mode))
		return -EADDRINUSE;
	if (rpc_connect(&fd, dir, name) != -ECONNREFUSED)
		return -EADDRINUSE;
	return unlinkat(dir, name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

static int bind_socket(struct rpc_server *server)
{
	struct sockaddr_un address;
	int r = set_address(&address, server->dir, server->name);

	if (r == 0 && bind(server->socket, (struct sockaddr *)&address, sizeof(address)) < 0)
		r = -errno;
	if (r == -EADDRINUSE) {
		r = remove_stale(server->dir, server->name);
		if (r == 0 &&
		    bind(server->socket, (struct sockaddr *)&address, sizeof(address)) < 0)
			r = -errno;
	}
	if (r == 0 &&
	    fstatat(server->dir, server->name, &server->bound_as, AT_SYMLINK_NOFOLLOW) < 0)
		r = -errno;
	server->bound = r == 0;
	return r;
}

static int open_socket(struct rpc_server *server)
{
	server->socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (server->socket < 0 || fchmod(server->socket, 0600) < 0)
		return -errno;
	int r = bind_socket(server);
	if (r == 0 && listen(server->socket, BACKLOG) < 0)
		r = -errno;
	return r < 0 ? r : loop_add(server->loop, &server->source, server->socket, EPOLLIN);
}

int rpc_listen(struct rpc_server **ret, struct loop *loop, int dir, const char *name,
	       const struct rpc_config *config)
{
	if (strlen(name) > NAME_OCTETS_MAX)
		return -EINVAL;
	struct rpc_server *server = calloc(1, sizeof(*server));
	if (server == NULL)
		return -ENOMEM;
	*server = (struct rpc_server){
		.loop = loop,
		.source = { .fd = -1, .ready = ready },
		.pause.fired = resume,
		.config = config,
		.dir = dir,
		.socket = -1,
	};
	(void)snprintf(server->name, sizeof(server->name), "%s", name);
	int r = open_socket(server);
	if (r < 0) {
		rpc_server_free(server);
		return r;
	}
	*ret = server;
	return 0;
}

void rpc_server_free(struct rpc_server *server)
{
	struct stat st;

	if (server == NULL)
		return;
	loop_disarm(&server->pause);
	loop_remove(&server->source);
	while (server->peers != NULL)
		rpc_peer_free(server->peers);
	if (server->bound && fstatat(server->dir, server->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_dev == server->bound_as.st_dev && st.st_ino == server->bound_as.st_ino)
		(void)unlinkat(server->dir, server->name, 0);
	fd_close(&server->socket);
	free(server);
}

bool rpc_server_is_heard(const struct rpc_server *server)
{
	return server->peers != NULL;
}

void rpc_server_notify(struct rpc_server *server, const char *method, json_t *params)
{
	for (struct rpc_peer *peer = server->peers; peer != NULL; peer = peer->next_served)
		rpc_notify(peer, method, json_incref(params));
	json_decref(params);
}
