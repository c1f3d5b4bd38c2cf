// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: of the many errors of OpenSSL those that users meet have a word for programs
 * and a sentence for people; any other goes by OpenSSL's name of it. What a certificate says is
 * hostile, so of it only plain host names and dates are shown.
 */
#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <openssl/x509v3.h>

#include "tls/tls_priv.h"

enum { NAMES_SHOWN = 3, NAMES_OCTETS = 100, DATE_OCTETS = 16 };

static void say(struct tls_end *end, enum tls_fault fault, const char *why)
{
	end->fault = fault;
	(void)snprintf(end->why, sizeof(end->why), "%s", why);
}

static bool is_plain(const char *text, size_t len)
{
	static const char plain[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_*";

	for (size_t i = 0; i < len; i++)
		if (text[i] == '\0' || strchr(plain, text[i]) == NULL)
			return false;
	return len > 0;
}

/* names_of() - the first host names of a certificate: " (it is for a.example, b.example)" */
static void names_of(char ret[NAMES_OCTETS], X509 *x)
{
	GENERAL_NAMES *names =
	    x != NULL ? X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL) : NULL;
	int shown = 0;
	size_t used = 0;

	ret[0] = '\0';
	for (int i = 0; i < sk_GENERAL_NAME_num(names) && shown < NAMES_SHOWN; i++) {
		int type = 0;
		const ASN1_STRING *text =
		    GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &type);
		const char *octets =
		    type == GEN_DNS ? (const char *)ASN1_STRING_get0_data(text) : NULL;
		size_t len = octets != NULL ? (size_t)ASN1_STRING_length(text) : 0;

		if (!is_plain(octets, len) || used + len + sizeof(" (it is for )") > NAMES_OCTETS)
			continue;
		used += (size_t)snprintf(ret + used, NAMES_OCTETS - used, "%s%.*s",
					 shown == 0 ? " (it is for " : ", ", (int)len, octets);
		shown++;
	}
	if (shown > 0)
		(void)snprintf(ret + used, NAMES_OCTETS - used, ")");
	GENERAL_NAMES_free(names);
}

/* date_of() - "2024-01-31"; "?" for what is no date */
static void date_of(char ret[DATE_OCTETS], const ASN1_TIME *time)
{
	struct tm parts = { 0 };

	(void)snprintf(ret, DATE_OCTETS, "?");
	if (ASN1_TIME_to_tm(time, &parts) == 1)
		(void)strftime(ret, DATE_OCTETS, "%Y-%m-%d", &parts);
}

static void say_date(struct tls_end *end, enum tls_fault fault, const char *text,
		     const ASN1_TIME *time)
{
	char date[DATE_OCTETS];

	date_of(date, time);
	end->fault = fault;
	(void)snprintf(end->why, sizeof(end->why), "%s %s", text, date);
}

static void say_wrong_name(struct tls_end *end, X509 *x)
{
	char names[NAMES_OCTETS];

	names_of(names, x);
	end->fault = TLS_FAULT_WRONG_NAME;
	(void)snprintf(end->why, sizeof(end->why), "its certificate is for another host%s", names);
}

/* say_certificate() - X509_V_ERR_... of @x, which is the upstream's own or one above it */
static void say_certificate(struct tls_end *end, int error, X509 *x)
{
	switch (error) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		say_date(end, TLS_FAULT_EXPIRED, "its certificate expired on",
			 X509_get0_notAfter(x));
		return;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		say_date(end, TLS_FAULT_NOT_YET_VALID, "its certificate is not valid before",
			 X509_get0_notBefore(x));
		return;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		say_wrong_name(end, x);
		return;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		say(end, TLS_FAULT_UNTRUSTED, "its certificate is signed by itself");
		return;
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
		say(end, TLS_FAULT_UNTRUSTED,
		    "its certificate is of an authority that is not trusted here");
		return;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		say(end, TLS_FAULT_UNTRUSTED,
		    "its certificate leads to no authority that is trusted here");
		return;
	default:
		end->fault = TLS_FAULT_CERTIFICATE;
		(void)snprintf(end->why, sizeof(end->why), "its certificate is bad: %s",
			       X509_verify_cert_error_string(error));
	}
}

int end_judge_certificate(int ok, X509_STORE_CTX *verification)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(verification, SSL_get_ex_data_X509_STORE_CTX_idx());
	X509 *x = X509_STORE_CTX_get_current_cert(verification);

	if (!ok)
		say_certificate(end_of(ssl), X509_STORE_CTX_get_error(verification),
				x != NULL ? x : X509_STORE_CTX_get0_cert(verification));
	return ok;
}

/* Errors of a handshake that have a better name than OpenSSL's. */
static const struct {
	int reason; /* SSL_R_... */
	enum tls_fault fault;
	const char *why;
} known[] = {
	{ SSL_R_WRONG_VERSION_NUMBER, TLS_FAULT_NOT_TLS, "it does not speak TLS" },
	{ SSL_R_HTTP_REQUEST, TLS_FAULT_NOT_TLS, "it speaks HTTP, not TLS" },
	{ SSL_R_HTTPS_PROXY_REQUEST, TLS_FAULT_NOT_TLS, "it speaks HTTP, not TLS" },
	{ SSL_R_UNSUPPORTED_PROTOCOL, TLS_FAULT_VERSION, "it wants a TLS older than 1.2" },
	{ SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, TLS_FAULT_VERSION, "it refused TLS 1.2 and 1.3" },
	{ SSL_R_NO_SHARED_CIPHER, TLS_FAULT_VERSION, "no cipher in common" },
	{ SSL_R_TLSV1_ALERT_UNKNOWN_CA, TLS_FAULT_ALERT,
	  "it does not trust our certificate (alert unknown_ca)" },
	{ SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, TLS_FAULT_ALERT,
	  "it does not trust our certificate (alert bad_certificate)" },
	{ SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE, TLS_FAULT_ALERT,
	  "it refused the handshake (alert handshake_failure)" },
	{ SSL_R_TLSV1_UNRECOGNIZED_NAME, TLS_FAULT_ALERT,
	  "it does not know this name (alert unrecognized_name)" },
	{ SSL_R_NO_APPLICATION_PROTOCOL, TLS_FAULT_ALPN,
	  "it speaks none of the protocols offered" },
	{ SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL, TLS_FAULT_ALPN,
	  "it speaks none of the protocols offered" },
};

static void say_reason(struct tls_end *end, unsigned long error)
{
	const char *text = ERR_reason_error_string(error);
	int reason = ERR_GET_REASON(error);

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (known[i].reason == reason && ERR_GET_LIB(error) == ERR_LIB_SSL) {
			say(end, known[i].fault, known[i].why);
			return;
		}
	say(end, reason > SSL_AD_REASON_OFFSET ? TLS_FAULT_ALERT : TLS_FAULT_PROTOCOL,
	    text != NULL ? text : "the protocol was broken");
}

static void say_cut(struct tls_end *end)
{
	const char *when =
	    end->open ? "without saying so (no close_notify)" : "during the handshake";

	end->fault = TLS_FAULT_CLOSED;
	if (end->read_errno == 0)
		(void)snprintf(end->why, sizeof(end->why), "it ended the connection %s", when);
	else
		(void)snprintf(end->why, sizeof(end->why), "the connection broke: %s",
			       strerrordesc_np(end->read_errno));
}

void end_explain_write(struct tls_end *end)
{
	end->fault = TLS_FAULT_CLOSED;
	(void)snprintf(end->why, sizeof(end->why), "it takes no more: %s",
		       strerrordesc_np(end->write_errno));
}

void end_explain(struct tls_end *end)
{
	unsigned long error = ERR_peek_error();

	if (end->fault == TLS_FAULT_SNI)
		say(end, TLS_FAULT_SNI, "its server name is not the one that was judged");
	else if (end->fault != TLS_FAULT_NONE)
		return; /* end_judge_certificate() has said it */
	else if (end->end_of_file)
		say_cut(end);
	else if (end->write_errno != 0)
		say(end, TLS_FAULT_PROTOCOL, "it does not read what it asks for");
	else
		say_reason(end, error);
}
