// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: sessions of upstreams, by name and port. A ticket of TLS 1.3 is used once
 * (RFC 8446 appendix C.4), so a few are kept, the newest is taken first. A session of TLS 1.2 may
 * be used again and stays. A resumed session brings new tickets, without end; so each has the time
 * at which a certificate was judged, and TLS_SESSION_AGE_MAX_S later that is done again.
 */
#include "base/clock.h"
#include "tls/tls_priv.h"

struct sessions {
	size_t count;
	SSL_SESSION *kept[TLS_SESSIONS_MAX]; /* owned; the newest last */
};

void context_sessions_free(void *sessions)
{
	struct sessions *s = sessions;

	for (size_t i = 0; i < s->count; i++)
		SSL_SESSION_free(s->kept[i]);
	free(s);
}

static struct span key_of(char text[CACHE_KEY_OCTETS_MAX], const struct tls_end *end)
{
	int len = snprintf(text, CACHE_KEY_OCTETS_MAX, "%s %u", end->name->text, end->port);

	return (struct span){ text, (size_t)len };
}

static bool is_fresh(const struct tls_context *context, const SSL_SESSION *session)
{
	const void *judged = SSL_SESSION_get_ex_data(session, context->judged_index);
	int64_t age_s = clock_unix_s() - (int64_t)(uintptr_t)judged;

	return age_s >= 0 && age_s < TLS_SESSION_AGE_MAX_S &&
	       age_s < (int64_t)SSL_SESSION_get_timeout(session) &&
	       SSL_SESSION_is_resumable(session) == 1;
}

SSL_SESSION *context_session_get(struct tls_end *end)
{
	char text[CACHE_KEY_OCTETS_MAX];
	struct sessions *s = cache_get(&end->context->sessions, key_of(text, end));

	while (s != NULL && s->count > 0) {
		SSL_SESSION *newest = s->kept[s->count - 1];
		bool fresh = is_fresh(end->context, newest);

		if (fresh && SSL_SESSION_get_protocol_version(newest) <= TLS1_2_VERSION &&
		    SSL_SESSION_up_ref(newest) == 1)
			return newest;
		s->count--;
		if (fresh)
			return newest;
		SSL_SESSION_free(newest);
	}
	return NULL;
}

/* put() - Return: was @session taken? */
static bool put(struct tls_end *end, SSL_SESSION *session)
{
	char text[CACHE_KEY_OCTETS_MAX];
	struct span key = key_of(text, end);
	struct sessions *s = cache_get(&end->context->sessions, key);

	if (s == NULL) {
		s = calloc(1, sizeof(*s));
		if (s == NULL || cache_put(&end->context->sessions, key, s) < 0) {
			free(s);
			return false;
		}
	}
	if (s->count == TLS_SESSIONS_MAX) {
		SSL_SESSION_free(s->kept[0]);
		for (size_t i = 1; i < s->count; i++)
			s->kept[i - 1] = s->kept[i];
		s->count--;
	}
	s->kept[s->count++] = session;
	return true;
}

int context_session_put(SSL *ssl, SSL_SESSION *session)
{
	struct tls_end *end = end_of(ssl);
	void *now = (void *)(uintptr_t)clock_unix_s();

	if (end_of(ssl)->pinned) /* a session does not say by which chain it was trusted */
		return 0;
	/* else it comes of a session whose certificate was judged, and has the time of that */
	if (SSL_session_reused(ssl) == 0 &&
	    SSL_SESSION_set_ex_data(session, end->context->judged_index, now) != 1)
		return 0;
	return put(end, session);
}
