// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: OpenSSL reads from the descriptor by a BIO of ours, with recvmsg(), and
 * writes to one that takes everything: records gather in memory of the context, and go out with one
 * sendmsg() after each operation. What the descriptor does not take stays with the end, bounded,
 * and no further plaintext is taken until it is gone. So OpenSSL never has to be asked again to
 * write the same octets, an idle end holds no buffer, and SIGPIPE is never raised.
 */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "tls/tls_priv.h"

static ssize_t receive(int fd, void *buffer, size_t capacity)
{
	struct iovec part = { buffer, capacity };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	ssize_t n = 0;

	do
		n = recvmsg(fd, &message, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n;
}

/* transmit() - Return: octets that went out, 0 if the peer does not read; -errno. */
static ssize_t transmit(int fd, struct span data)
{
	struct iovec part = { (void *)(uintptr_t)data.ptr, data.len };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	ssize_t n = 0;

	do
		n = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return n;
	return errno == EAGAIN ? 0 : -errno;
}

static int method_read(BIO *bio, char *buffer, size_t capacity, size_t *ret_len)
{
	struct tls_end *end = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	if (end->head.len > 0) {
		*ret_len = end->head.len < capacity ? end->head.len : capacity;
		memcpy(buffer, end->head.ptr, *ret_len);
		end->head = span_drop(end->head, *ret_len);
		return 1;
	}
	if (end->dry) { /* to ask again would be in vain: end_read() */
		BIO_set_retry_read(bio);
		return 0;
	}
	ssize_t n = receive(end->fd, buffer, capacity);
	*ret_len = n > 0 ? (size_t)n : 0;
	end->dry = n > 0 && (size_t)n < capacity;
	if (n > 0)
		return 1;
	if (n < 0 && errno == EAGAIN)
		BIO_set_retry_read(bio);
	else
		end->end_of_file = true;
	end->read_errno = n < 0 ? errno : 0;
	return 0;
}

static int method_write(BIO *bio, const char *data, size_t len, size_t *ret_len)
{
	struct tls_end *end = BIO_get_data(bio);
	struct tls_context *context = end->context;

	BIO_clear_retry_flags(bio);
	if (buf_len(&end->left) == 0 && len <= sizeof(context->out) - context->out_len) {
		memcpy(context->out + context->out_len, data, len);
		context->out_len += len;
	} else if (buf_append(&end->left, (struct span){ data, len }) < 0) {
		end->write_errno = ENOBUFS;
		return 0;
	}
	*ret_len = len;
	return 1;
}

static long method_control(BIO *bio, int command, long number, void *pointer)
{
	const struct tls_end *end = BIO_get_data(bio);

	(void)number, (void)pointer;
	if (command == BIO_CTRL_EOF)
		return end->end_of_file;
	return command == BIO_CTRL_FLUSH;
}

BIO_METHOD *end_method(void)
{
	BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "flow");

	if (method == NULL || BIO_meth_set_read_ex(method, method_read) != 1 ||
	    BIO_meth_set_write_ex(method, method_write) != 1 ||
	    BIO_meth_set_ctrl(method, method_control) != 1) {
		BIO_meth_free(method);
		return NULL;
	}
	return method;
}

/* cannot_send() - and never again; what the peer still sends can be read */
static enum tls_result cannot_send(struct tls_end *end, int error)
{
	end->write_errno = error;
	buf_free(&end->left);
	if (end->open && end->fault == TLS_FAULT_NONE)
		end_explain_write(end);
	return TLS_TRUNCATED;
}

enum tls_result end_flush(struct tls_end *end)
{
	struct span left = buf_span(&end->left);

	if (end->write_errno != 0)
		return TLS_TRUNCATED;
	if (left.len == 0)
		return TLS_DONE;
	ssize_t n = transmit(end->fd, left);
	if (n < 0)
		return cannot_send(end, (int)-n);
	buf_drop(&end->left, (size_t)n);
	if (buf_len(&end->left) > 0)
		return TLS_WANT_WRITE;
	buf_free(&end->left);
	return TLS_DONE;
}

/* send_out() - after each operation of OpenSSL: send what it wrote, keep what does not go. */
static enum tls_result send_out(struct tls_end *end)
{
	struct tls_context *context = end->context;
	struct span out = { context->out, context->out_len };

	context->out_len = 0;
	/* what is left already was before it, and nothing came to out after that began */
	if (out.len == 0 || end->write_errno != 0)
		return end_flush(end);
	ssize_t n = buf_len(&end->left) == 0 ? transmit(end->fd, out) : 0;
	if (n < 0)
		return cannot_send(end, (int)-n);
	if ((size_t)n == out.len)
		return TLS_DONE;
	struct buf late = end->left;
	end->left = BUF(TLS_LEFT_OCTETS_MAX);
	int r = buf_append(&end->left, span_drop(out, (size_t)n));
	if (r == 0)
		r = buf_append(&end->left, buf_span(&late));
	buf_free(&late);
	return r == 0 ? TLS_WANT_WRITE : cannot_send(end, -r);
}

/* begin() - Return: 0 or -ENOMEM. */
static int begin(struct tls_end *end, SSL_CTX *ctx)
{
	SSL *ssl = SSL_new(ctx);
	BIO *bio = BIO_new(end->context->method);

	if (ssl == NULL || bio == NULL || SSL_set_app_data(ssl, end) != 1) {
		SSL_free(ssl);
		BIO_free(bio);
		return -ENOMEM;
	}
	BIO_set_data(bio, end);
	BIO_set_init(bio, 1);
	SSL_set_bio(ssl, bio, bio);
	end->ssl = ssl;
	end->left = BUF(TLS_LEFT_OCTETS_MAX);
	end->ended = TLS_DONE;
	return 0;
}

/* bind_name() - sessions of one name are not taken for another's: their context is its hash */
static int bind_name(struct tls_end *end)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (EVP_Digest(end->name->text, end->name->len, hash, &len, EVP_sha256(), NULL) != 1 ||
	    len > SSL_MAX_SID_CTX_LENGTH || SSL_set_session_id_context(end->ssl, hash, len) != 1)
		return -ENOMEM;
	return 0;
}

int end_accept(struct tls_end *end)
{
	X509 *leaf = context_leaf(end->context, end->name);

	if (leaf == NULL)
		return -ENOENT;
	int r = begin(end, end->context->server);
	if (r < 0)
		return r;
	SSL_set_accept_state(end->ssl);
	if (SSL_use_certificate(end->ssl, leaf) != 1 ||
	    SSL_use_PrivateKey(end->ssl, end->context->key) != 1)
		return -ENOMEM;
	return bind_name(end);
}

/* expect_name() - whose certificate the upstream must show. Return: 0 or -ENOMEM. */
static int expect_name(struct tls_end *end)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(end->ssl);
	const char *name = end->name->text;

	/* RFC 9525 section 6.4.4: the common name is not looked at */
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
						   X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (end->name->kind == NET_NAME_ADDRESS)
		return X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1 ? 0 : -ENOMEM;
	if (X509_VERIFY_PARAM_set1_host(param, name, end->name->len) != 1 ||
	    SSL_set_tlsext_host_name(end->ssl, (uintptr_t)name) != 1)
		return -ENOMEM;
	return 0;
}

int end_connect(struct tls_end *end, struct span alpn_offer)
{
	int r = begin(end, end->context->client);

	if (r < 0)
		return r;
	SSL_set_connect_state(end->ssl);
	r = expect_name(end);
	/* this one returns 0 for success */
	if (r == 0 && alpn_offer.len > 0 &&
	    SSL_set_alpn_protos(end->ssl, (const unsigned char *)alpn_offer.ptr,
				(unsigned)alpn_offer.len) != 0)
		r = -ENOMEM;
	SSL_SESSION *session = !end->pinned ? context_session_get(end) : NULL;
	if (r == 0 && session != NULL && SSL_set_session(end->ssl, session) != 1)
		r = -ENOMEM;
	SSL_SESSION_free(session);
	return r;
}

void end_free(struct tls_end *end)
{
	/* else OpenSSL takes a session for broken whose connection was cut */
	if (end->open && end->ended != TLS_FAILED)
		SSL_set_shutdown(end->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(end->ssl);
	buf_free(&end->left);
	*end = (struct tls_end){ .fd = -1 };
}

/* judge() - what OpenSSL's @result means, after what it wrote was sent. */
static enum tls_result judge(struct tls_end *end, int result)
{
	int error = SSL_get_error(end->ssl, result);

	if (error == SSL_ERROR_WANT_READ && !end->end_of_file && end->write_errno != ENOBUFS)
		return TLS_WANT_READ;
	if (error == SSL_ERROR_ZERO_RETURN)
		end->ended = TLS_CLOSED;
	else if (end->end_of_file || error == SSL_ERROR_SYSCALL)
		end->ended = TLS_TRUNCATED;
	else
		end->ended = TLS_FAILED;
	if (end->ended != TLS_CLOSED)
		end_explain(end);
	ERR_clear_error();
	return end->ended;
}

enum tls_result end_handshake(struct tls_end *end)
{
	if (end->ended != TLS_DONE)
		return end->ended;
	ERR_clear_error();
	end->dry = false;
	int r = SSL_do_handshake(end->ssl);
	(void)send_out(end); /* if the peer is gone, reading says so, after what it said */
	if (r != 1)
		return judge(end, r);
	end->open = true;
	return TLS_DONE;
}

enum tls_result end_read(size_t *ret_len, struct tls_end *end, char *buffer, size_t capacity)
{
	size_t len = 0;
	int r = 1;

	if (end->ended != TLS_DONE)
		return end->ended;
	ERR_clear_error();
	end->dry = false;
	while (len < capacity) {
		size_t n = 0;

		r = SSL_read_ex(end->ssl, buffer + len, capacity - len, &n);
		if (r != 1)
			break;
		len += n;
	}
	(void)send_out(end); /* answers to updates of keys */
	enum tls_result result = r == 1 ? TLS_DONE : judge(end, r);
	end->dry = result == TLS_WANT_READ;
	if (len == 0)
		return result;
	*ret_len = len; /* an end is told at the next call */
	return TLS_DONE;
}

enum tls_result end_write(size_t *ret_len, struct tls_end *end, struct span data)
{
	size_t len = data.len < BRIDGE_WRITE_OCTETS_MAX ? data.len : BRIDGE_WRITE_OCTETS_MAX;
	enum tls_result result = end_flush(end);

	if (result != TLS_DONE)
		return result;
	if (len == 0) {
		*ret_len = 0;
		return TLS_DONE;
	}
	ERR_clear_error();
	int r = SSL_write_ex(end->ssl, data.ptr, len, &len);
	result = send_out(end);
	if (r != 1)
		return judge(end, r);
	if (result == TLS_TRUNCATED)
		return result;
	*ret_len = len;
	return TLS_DONE;
}

enum tls_result end_close(struct tls_end *end)
{
	if (!end->said_close && end->ended != TLS_FAILED) {
		end->said_close = true;
		ERR_clear_error();
		(void)SSL_shutdown(end->ssl);
		ERR_clear_error();
		return send_out(end);
	}
	return end_flush(end);
}

struct span end_alpn(const struct tls_end *end)
{
	const unsigned char *name = NULL;
	unsigned len = 0;

	SSL_get0_alpn_selected(end->ssl, &name, &len);
	return (struct span){ (const char *)name, len };
}
