/*
 * What curl's codes mean to a postmaster: one text for each thing that goes wrong between a mail server and a token
 * endpoint, with the remedy where there is a usual one. Reads a finished transfer, changes nothing but its err. Called
 * by http_curl.c.
 */
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <string.h>

#include "tokend/http_private.h"

#define HOST_MAX 256

/* host[:port] of a URL, without what may be secret in it */
static void url_host(const char *url, char *host, size_t size)
{
	CURLU *parsed = curl_url();
	char *name = NULL;

	snprintf(host, size, "%s", "the server");
	if (parsed != NULL && curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK &&
	    curl_url_get(parsed, CURLUPART_HOST, &name, 0) == CURLUE_OK)
		snprintf(host, size, "%s", name);
	curl_free(name);
	curl_url_cleanup(parsed);
}

static void say_timeout(struct http_transfer *transfer, const char *host)
{
	curl_off_t looked_up = 0, sent = 0;
	long port = 0; /* ours; with newer versions of curl it is -1 until TLS is up */
	const char *phase = "waiting for the answer of";

	curl_easy_getinfo(transfer->easy, CURLINFO_NAMELOOKUP_TIME_T, &looked_up);
	curl_easy_getinfo(transfer->easy, CURLINFO_LOCAL_PORT, &port);
	curl_easy_getinfo(transfer->easy, CURLINFO_PRETRANSFER_TIME_T, &sent);
	if (sent == 0 && looked_up == 0 && port <= 0)
		phase = "looking up the address of";
	else if (sent == 0 && port < 0)
		phase = "connecting to or in the TLS handshake with";
	else if (sent == 0)
		phase = port == 0 ? "connecting to" : "in the TLS handshake with";
	err_set(&transfer->err, ERR_TIMEOUT, "timed out after %d s while %s %s", transfer->timeout, phase,
		transfer->proxy != NULL && sent == 0 ? "the proxy or the server behind it" : host);
}

static void say_no_connection(struct http_transfer *transfer, const char *host)
{
	long errnum = 0;

	curl_easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &errnum);
	err_set(&transfer->err, ERR_UNREACHABLE,
		"cannot connect to %s: %s; does a firewall forbid it, or is a proxy needed?",
		transfer->proxy != NULL ? "the proxy" : host, errnum != 0 ? strerror((int)errnum) : "no route");
}

/* The certificate was not accepted. */
static void say_untrusted(struct http_transfer *transfer, const char *host)
{
	const char *cas = transfer->ca_file != NULL ? transfer->ca_file : "the system's store";
	struct err *err = &transfer->err;
	long result = X509_V_OK;

	curl_easy_getinfo(transfer->easy, CURLINFO_SSL_VERIFYRESULT, &result);
	switch (result) {
	case X509_V_OK:
	case X509_V_ERR_UNSPECIFIED: /* curl compares names itself, and has no verdict of OpenSSL's then */
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		err_set(err, ERR_DENIED,
			"the TLS certificate of %s is not for that name: a wrong address, or somebody in between",
			host);
		break;
	case X509_V_ERR_CERT_HAS_EXPIRED:
		err_set(err, ERR_DENIED,
			"the TLS certificate of %s has expired (or the clock of this machine is wrong)", host);
		break;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		err_set(err, ERR_DENIED,
			"the TLS certificate of %s is not yet valid: is the clock of this machine right?", host);
		break;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		err_set(err, ERR_DENIED,
			"the TLS certificate of %s is signed by a CA that is not in %s; if your network inspects "
			"TLS, name its CA with ca_file",
			host, cas);
		break;
	default:
		err_set(err, ERR_DENIED, "the TLS certificate of %s was refused: %s", host,
			X509_verify_cert_error_string(result));
	}
}

void http_say_error(struct http_transfer *transfer, CURLcode code)
{
	const char *detail = transfer->curl_error[0] != '\0' ? transfer->curl_error : curl_easy_strerror(code);
	struct err *err = &transfer->err;
	char host[HOST_MAX];

	url_host(transfer->url, host, sizeof(host));
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
		err_set(err, ERR_UNREACHABLE, "could not resolve host %s: misspelt, or the DNS does not answer", host);
		break;
	case CURLE_COULDNT_RESOLVE_PROXY:
		err_set(err, ERR_UNREACHABLE, "could not resolve the host name of the proxy");
		break;
	case CURLE_COULDNT_CONNECT:
		say_no_connection(transfer, host);
		break;
	case CURLE_OPERATION_TIMEDOUT:
		say_timeout(transfer, host);
		break;
	case CURLE_PEER_FAILED_VERIFICATION:
		say_untrusted(transfer, host);
		break;
	case CURLE_SSL_CACERT_BADFILE:
		err_set(err, ERR_CONFIG, "cannot use the CA certificates in %s",
			transfer->ca_file != NULL ? transfer->ca_file : "the system's store");
		break;
	case CURLE_WRITE_ERROR:
		err_set(err, ERR_LIMIT,
			transfer->too_large ? "%s answered with more than %d bytes"
					    : "out of memory for the answer of %s (up to %d bytes)",
			host, HTTP_BODY_MAX);
		break;
	case CURLE_UNSUPPORTED_PROTOCOL: /* as https:// addresses are proved with the settings: HTTP/0.9 */
		err_set(err, ERR_UNREACHABLE, "%s does not speak HTTP: is something else in its place?", host);
		break;
	case CURLE_SSL_CONNECT_ERROR:
		err_set(err, ERR_UNREACHABLE, "no TLS 1.2 or newer with %s: %s", host, detail);
		break;
	default:
		err_set(err, ERR_UNREACHABLE, "no answer from %s: %s", host, detail);
	}
}
