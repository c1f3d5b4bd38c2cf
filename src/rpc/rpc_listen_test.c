// SPDX-License-Identifier: Apache-2.0
/* The unix socket: its file, who is let in, how many; and the client that speaks to it. */
#include "rpc/rpc_test_priv.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "rpc/rpc_client.h"

struct folder {
	char path[64];
	int fd;
};

static void folder_remove(struct folder *folder)
{
	fd_close(&folder->fd);
	CHECK(rmdir(folder->path) == 0, "nothing is left behind: %d", errno);
}

/* folder_make() - an empty folder, opened deeper than a socket address could say */
static struct folder folder_make(void)
{
	struct folder folder = { "/tmp/rpc_listen_test.XXXXXX", -1 };

	CHECK(mkdtemp(folder.path) != NULL, "mkdtemp");
	folder.fd = open(folder.path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return folder;
}

struct client {
	struct rpc_client *client;
	struct rpc_client_config config;
	char got[4096]; /* "method", "result ID" or "error CODE", one a line */
	int closed, error, drained;
	size_t octets;
	bool free_when_received;
};

static void received(void *context, const struct rpc_message *message)
{
	struct client *c = context;
	size_t len = strlen(c->got);
	int n = 0;

	CHECK((message->method != NULL) + (message->result != NULL) + (message->error != NULL) == 1,
	      "exactly one");
	c->octets += json_string_length(message->result);
	if (message->method != NULL)
		n = snprintf(c->got + len, sizeof(c->got) - len, "%s\n", message->method);
	else if (message->error != NULL)
		n = snprintf(c->got + len, sizeof(c->got) - len, "error %lld\n",
			     (long long)message->code);
	else
		n = snprintf(c->got + len, sizeof(c->got) - len, "result %lld\n",
			     (long long)json_integer_value(message->id));
	CHECK(n > 0, "%d", n);
	if (c->free_when_received) {
		rpc_client_free(c->client);
		c->client = NULL;
	}
}

static void closed(void *context, int error)
{
	struct client *c = context;

	c->closed++;
	c->error = error;
}

static void drained(void *context)
{
	struct client *c = context;

	c->drained++;
}

static void client_open(struct client *c, struct loop *loop, int fd)
{
	*c = (struct client){ .config = { c, received, closed, drained } };
	CHECK(rpc_client_new(&c->client, loop, fd, fd, &c->config) == 0, "client");
}

static void spin(struct loop *loop)
{
	for (int i = 0; i < 50; i++)
		(void)rig_round(loop);
}

static void test_calls(void)
{
	CLEANUP(rig_deletep) struct rig *rig = rig_new();
	struct folder folder = folder_make();
	struct rpc_server *server = NULL;
	struct client a = { 0 }, b = { 0 };
	struct stat st = { 0 };
	int fd = -1;

	CHECK(rpc_listen(&server, rig->loop, folder.fd, "rpc.sock", &rig->config) == 0, "listen");
	CHECK(fstatat(folder.fd, "rpc.sock", &st, 0) == 0 && (st.st_mode & 0777) == 0600, "mode %o",
	      st.st_mode);
	CHECK(rpc_connect(&fd, folder.fd, "rpc.sock") == 0, "connect");
	client_open(&a, rig->loop, fd);
	CHECK(rpc_connect(&fd, folder.fd, "rpc.sock") == 0, "connect");
	client_open(&b, rig->loop, fd);

	CHECK(rpc_client_send(a.client, 1, "sum", json_pack("[i,i]", 1, 2)) == 0, "send");
	CHECK(rpc_client_send(a.client, 2, "no\xffsuch", NULL) == 0, "send");
	CHECK(rpc_client_send(a.client, 0, "no such", NULL) == 0, "a notification");
	CHECK(rpc_client_send(a.client, 3, "sum", json_string_nocheck("\xff")) == -EINVAL, "bad");
	CHECK(rpc_client_send(b.client, 4, "later", json_object()) == 0, "send");
	spin(rig->loop);
	CHECK(strcmp(a.got, "result 1\nerror -32601\n") == 0, "%s", a.got);
	CHECK(strcmp(b.got, "") == 0, "%s", b.got);
	rpc_server_notify(server, "event", json_pack("{s:s}", "type", "test"));
	rpc_reply(rig->waiting[0], NULL);
	rig->waiting[0] = NULL;
	spin(rig->loop);
	CHECK(strcmp(a.got, "result 1\nerror -32601\nevent\n") == 0, "%s", a.got);
	CHECK(strcmp(b.got, "event\nresult 4\n") == 0, "%s", b.got);

	rpc_client_free(a.client);
	spin(rig->loop);
	CHECK(rig->finished == 1, "%d", rig->finished);
	rig->closed = 0; /* of the next one */
	rpc_server_free(server);
	spin(rig->loop);
	CHECK(b.closed == 1 && b.error == 0, "%d %d", b.closed, b.error);
	CHECK(rpc_client_send(b.client, 1, "sum", NULL) == 0 ||
		  rpc_client_send(b.client, 1, "sum", NULL) == -EPIPE,
	      "a server that is gone");
	spin(rig->loop);
	CHECK(b.closed == 1, "once: %d", b.closed);
	rpc_client_free(b.client);
	CHECK(rpc_connect(&fd, folder.fd, "rpc.sock") == -ENOENT, "removed");
	folder_remove(&folder);
}

/* Names that are none; a file in the way; a socket that is served, one that is not. */
static void test_names(void)
{
	static const char *const bad[] = {
		"",
		".",
		"..",
		"a/b",
		"/tmp/x",
		"12345678901234567890123456789012345678901234567890123456789012345", /* 65 */
	};
	CLEANUP(rig_deletep) struct rig *rig = rig_new();
	struct folder folder = folder_make();
	struct rpc_server *server = NULL, *second = NULL;
	int fd = -1;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CHECK(rpc_listen(&server, rig->loop, folder.fd, bad[i], &rig->config) == -EINVAL,
		      "%s", bad[i]);
		CHECK(rpc_connect(&fd, folder.fd, bad[i]) == -EINVAL, "%s", bad[i]);
	}
	CHECK(rpc_connect(&fd, folder.fd, "s") == -ENOENT, "not there");
	CHECK(rpc_listen(&server, rig->loop, folder.fd, "s", &rig->config) == 0, "listen");
	CHECK(rpc_listen(&second, rig->loop, folder.fd, "s", &rig->config) == -EADDRINUSE,
	      "served");
	CHECK(rpc_connect(&fd, folder.fd, "s") == 0, "the first one's socket is still there");
	fd_close(&fd);

	/* somebody puts a file in its place: that is not ours to remove */
	CHECK(unlinkat(folder.fd, "s", 0) == 0, "unlink");
	fd = openat(folder.fd, "s", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	rpc_server_free(server);
	CHECK(faccessat(folder.fd, "s", F_OK, 0) == 0, "not ours");
	CHECK(rpc_listen(&server, rig->loop, folder.fd, "s", &rig->config) == -EADDRINUSE,
	      "a file");
	CHECK(unlinkat(folder.fd, "s", 0) == 0, "unlink");
	fd_close(&fd);

	/* a socket whose server died */
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", folder.path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0, "bind");
	fd_close(&fd);
	CHECK(rpc_connect(&fd, folder.fd, "s") == -ECONNREFUSED, "dead");
	CHECK(rpc_listen(&server, rig->loop, folder.fd, "s", &rig->config) == 0, "replaced");
	rpc_server_free(server);
	folder_remove(&folder);
}

/* 64 connections are served; the next one waits until one of them is done. */
static void test_connections_max(void)
{
	CLEANUP(rig_deletep) struct rig *rig = rig_new();
	struct folder folder = folder_make();
	struct rpc_server *server = NULL;
	struct client last = { 0 };
	int fds[RPC_CONNECTIONS_MAX], fd = -1;

	rig->config.closed = NULL; /* callbacks may be left out */
	rig->config.finished = NULL;
	CHECK(rpc_listen(&server, rig->loop, folder.fd, "s", &rig->config) == 0, "listen");
	for (size_t i = 0; i < RPC_CONNECTIONS_MAX; i++) {
		CHECK(rpc_connect(&fds[i], folder.fd, "s") == 0, "%zu", i);
		spin(rig->loop);
	}
	CHECK(rpc_connect(&fd, folder.fd, "s") == 0, "waits in the kernel");
	client_open(&last, rig->loop, fd);
	CHECK(rpc_client_send(last.client, 1, "sum", NULL) == 0, "send");
	spin(rig->loop);
	CHECK(strcmp(last.got, "") == 0, "%s", last.got);
	fd_close(&fds[7]);
	spin(rig->loop);
	CHECK(strcmp(last.got, "result 1\n") == 0, "%s", last.got);
	rpc_server_free(server);
	rpc_client_free(last.client);
	for (size_t i = 0; i < RPC_CONNECTIONS_MAX; i++)
		fd_close(&fds[i]);
	folder_remove(&folder);
}

/* Another user is not served even if the file's mode would let it in. Needs root to be another
 * user. */
static void test_stranger(void)
{
	CLEANUP(rig_deletep) struct rig *rig = rig_new();
	struct folder folder = folder_make();
	struct rpc_server *server = NULL;
	int status = -1;

	if (geteuid() != 0) {
		folder_remove(&folder);
		return;
	}
	CHECK(chmod(folder.path, 0755) == 0, "chmod");
	CHECK(rpc_listen(&server, rig->loop, folder.fd, "s", &rig->config) == 0, "listen");
	CHECK(fchmodat(folder.fd, "s", 0666, 0) == 0, "chmod");
	pid_t child = fork();
	if (child == 0) {
		struct sockaddr_un address = { .sun_family = AF_UNIX };
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		char octet = 0;

		(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", folder.path);
		if (setgid(65534) < 0 || setuid(65534) < 0 ||
		    connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
			_exit(2);
		(void)send(fd, "{}\n", 3, MSG_NOSIGNAL);
		_exit(recv(fd, &octet, 1, 0) <= 0 ? 0 : 1); /* closed, not answered */
	}
	for (int i = 0; i < 5000 && waitpid(child, &status, WNOHANG) == 0; i++) {
		(void)rig_round(rig->loop);
		(void)usleep(1000);
	}
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%x", (unsigned)status);
	rpc_server_free(server);
	folder_remove(&folder);
}

/* What a client takes for a message, and what ends the connection. */
static void test_client_strict(void)
{
	const struct {
		struct span text;
		const char *got;
		int error;
	} rows[] = {
		{ SPAN("{\"jsonrpc\":\"2.0\",\"result\":null,\"id\":1}\n\n"), "result 1\n", 0 },
		{ SPAN("{\"jsonrpc\":\"2.0\",\"result\":1,\"id\":2}"), "result 2\n", 0 },
		{ SPAN("{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{}}\n"), "event\n",
		  0 },
		{ SPAN("{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-1,\"message\":\"\"},\"id\":null}"
		       "\n"),
		  "error -1\n", 0 },
		{ SPAN("\n[]\n{\"jsonrpc\":\"2.0\",\"result\":1,\"id\":1}\n"), "", -EPROTO },
		{ SPAN("nonsense\n"), "", -EPROTO },
		{ SPAN("{\"result\":1,\"id\":1}\n"), "", -EPROTO },
		{ SPAN("{\"jsonrpc\":\"2.0\",\"result\":1}\n"), "", -EPROTO },
		{ SPAN("{\"jsonrpc\":\"2.0\",\"id\":1}\n"), "", -EPROTO },
		{ SPAN("{\"jsonrpc\":\"2.0\",\"result\":1,\"id\":[]}\n"), "", -EPROTO },
		{ SPAN("{\"jsonrpc\":\"2.0\",\"result\":1,\"id\":1,\"error\":{\"code\":1,"
		       "\"message\":"
		       "\"\"}}\n"),
		  "", -EPROTO },
		{ SPAN("{\"jsonrpc\":\"2.0\",\"error\":{\"code\":1},\"id\":1}\n"), "", -EPROTO },
		{ SPAN("{\"jsonrpc\":\"2.0\",\"error\":\"x\",\"id\":1}\n"), "", -EPROTO },
		{ SPAN("{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"id\":1}\n"), "", -EPROTO },
		{ SPAN("{\"jsonrpc\":\"2.0\",\"method\":1}\n"), "", -EPROTO },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(rig_deletep) struct rig *rig = rig_new();
		struct client c = { 0 };
		int fds[2] = { -1, -1 };

		CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0, "socketpair");
		client_open(&c, rig->loop, fds[0]);
		CHECK(fd_write_all(fds[1], rows[i].text) == 0, "write");
		fd_close(&fds[1]);
		spin(rig->loop);
		CHECK(strcmp(c.got, rows[i].got) == 0, "row %zu: %s", i, c.got);
		CHECK(c.closed == 1 && c.error == rows[i].error, "row %zu: %d %d", i, c.closed,
		      c.error);
		rpc_client_free(c.client);
	}
}

/* Much both ways through one socket: nobody blocks, all arrives; then a client freed in a callback.
 */
static void test_much(void)
{
	CLEANUP(rig_deletep) struct rig *rig = rig_new();
	struct client c = { 0 };
	int fds[2] = { -1, -1 };
	char text[100001];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0, "socketpair");
	rpc_peer_free(rig->peer);
	CHECK(rpc_peer_new(&rig->peer, rig->loop, fds[1], fds[1], &rig->config) == 0, "peer");
	client_open(&c, rig->loop, fds[0]);
	for (int i = 1; i <= 40; i++)
		CHECK(rpc_client_send(c.client, i, "big", json_pack("[i,s]", 100000, text)) == 0,
		      "send");
	CHECK(rpc_client_congested(c.client), "congested");
	for (int i = 0; i < 40; i++)
		spin(rig->loop);
	CHECK(c.octets == 40UL * 100000, "%zu", c.octets);
	CHECK(c.drained == 1, "%d", c.drained);
	c.free_when_received = true;
	CHECK(rpc_client_send(c.client, 1, "sum", NULL) == 0, "send");
	CHECK(rpc_client_send(c.client, 2, "sum", NULL) == 0, "send");
	spin(rig->loop);
	CHECK(c.client == NULL && c.closed == 0, "freed");
	CHECK(rig->closed == 1, "%d", rig->closed);
}

int main(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	test_calls();
	test_names();
	test_connections_max();
	test_stranger();
	test_client_strict();
	test_much();
	return test_failures > 0;
}
