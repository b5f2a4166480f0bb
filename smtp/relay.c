/*
 * The door to libcurl: connection, TLS and login (CURLOPT_CONNECT_ONLY, which for smtp:// goes as far as AUTH), then
 * commands and replies. Called by submit's hop.c and by check. What the server says up to there comes in by the header
 * callback. Never turns libcurl's verbose mode on: it would show the token.
 */
#include <curl/curl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "smtp/relay.h"

#define SMTPS_PORT 465

struct relay {
	CURL *curl;
	curl_socket_t socket;
	struct offers offers;
	struct reply_reader reader;
	struct reply last; /* the last whole reply */
	bool logged_in;
	char host[256]; /* for texts */
	char error[CURL_ERROR_SIZE];
	char received[REPLY_LINE_MAX + 2]; /* bytes that have not been taken yet */
	size_t received_len;
};

int relay_init(struct err *err)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
		return 0;
	return err_set(err, ERR_SYSTEM, "libcurl cannot be initialised");
}

/* --- what is said before the bytes are ours --- */

/* What was offered before TLS counts for nothing. */
static void take_reply(struct relay *relay)
{
	relay->last = relay->reader.reply;
	if (relay->last.code == 220)
		relay->offers = (struct offers){0};
	if (relay->last.code == 235)
		relay->logged_in = true;
}

static size_t on_line(char *bytes, size_t size, size_t count, void *context)
{
	struct relay *relay = context;
	size_t len = size * count, end = len;

	while (end > 0 && (bytes[end - 1] == '\n' || bytes[end - 1] == '\r'))
		end--;
	offers_read(&relay->offers, bytes, end);
	switch (reply_read(&relay->reader, bytes, end)) {
	case REPLY_MORE:
		return len;
	case REPLY_DONE:
		take_reply(relay);
		break;
	case REPLY_BAD: /* a challenge (334 is fine), or no SMTP, of which libcurl will complain */
		break;
	}
	relay->reader = (struct reply_reader){.lines = 0};
	return len;
}

/* --- opening --- */

static int set_options(struct relay *relay, const struct relay_target *target)
{
	CURL *curl = relay->curl;
	bool is_ipv6 = strchr(target->host, ':') != NULL;
	char url[1024];
	CURLcode code = CURLE_OK;

	snprintf(url, sizeof url, "%s://%s%s%s:%u/%s", target->port == SMTPS_PORT ? "smtps" : "smtp",
		 is_ipv6 ? "[" : "", target->host, is_ipv6 ? "]" : "", target->port,
		 target->helo != NULL ? target->helo : "");
#define SET(option, value)                                                                                             \
	if (code == CURLE_OK)                                                                                          \
	code = curl_easy_setopt(curl, option, value)
	SET(CURLOPT_URL, url);
	SET(CURLOPT_CONNECT_ONLY, 1L);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_USE_SSL, (long)CURLUSESSL_ALL);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)target->connect_ms);
	SET(CURLOPT_TIMEOUT_MS, (long)target->open_ms);
	SET(CURLOPT_ERRORBUFFER, relay->error);
	SET(CURLOPT_HEADERFUNCTION, on_line);
	SET(CURLOPT_HEADERDATA, relay);
	if (target->ca_file != NULL) {
		SET(CURLOPT_CAINFO, target->ca_file);
		SET(CURLOPT_CAPATH, NULL);
	}
	if (target->user != NULL) {
		SET(CURLOPT_USERNAME, target->user);
		SET(CURLOPT_XOAUTH2_BEARER, target->token->data);
		/* Nothing else, whatever the server offers and libcurl could. */
		SET(CURLOPT_LOGIN_OPTIONS, "AUTH=XOAUTH2;AUTH=OAUTHBEARER");
	}
#undef SET
	return code == CURLE_OK ? 0 : -1;
}

/* A 334 in the place of the verdict is Gmail's, with JSON in it; a 454 or 432 says nothing about the token. */
static enum relay_trouble login_trouble(const struct relay *relay, const struct relay_target *target, struct err *err)
{
	if (!relay->offers.xoauth2 && !relay->offers.oauthbearer) {
		err_set(err, ERR_DENIED, "%s offers neither XOAUTH2 nor OAUTHBEARER", target->host);
		return RELAY_NO_LOGIN;
	}
	err_set(err, ERR_DENIED, "%s refused the access token", target->host);
	return relay->last.code == 535 || relay->last.code == 334 ? RELAY_BAD_TOKEN : RELAY_REFUSED;
}

/* libcurl's own words for a server that hangs up differ from release to release, and not all of them say so. */
static const char *lost_connection(CURLcode code)
{
	return code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR ? "the connection was lost: " : "";
}

static enum relay_trouble trouble_of(const struct relay *relay, const struct relay_target *target, CURLcode code,
				     struct err *err)
{
	err_set(err, code == CURLE_OPERATION_TIMEDOUT ? ERR_TIMEOUT : ERR_UNREACHABLE, "%s:%u: %s%s", target->host,
		target->port, lost_connection(code), relay->error[0] != '\0' ? relay->error : curl_easy_strerror(code));
	switch (code) {
	case CURLE_LOGIN_DENIED:
		return login_trouble(relay, target, err);
	case CURLE_USE_SSL_FAILED:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
		return RELAY_NOT_SECURE;
	default:
		return relay->last.code >= 400 ? RELAY_REFUSED : RELAY_UNREACHABLE;
	}
}

static enum relay_trouble connect_and_log_in(struct relay *relay, const struct relay_target *target, struct err *err)
{
	CURLcode code;

	if (relay->curl == NULL || set_options(relay, target) != 0) {
		err_set(err, ERR_MEMORY, "out of memory for a connection");
		return RELAY_UNREACHABLE;
	}
	code = curl_easy_perform(relay->curl);
	if (code == CURLE_OK)
		code = curl_easy_getinfo(relay->curl, CURLINFO_ACTIVESOCKET, &relay->socket);
	if (code != CURLE_OK)
		return trouble_of(relay, target, code, err);
	/* libcurl goes on without a login where the server offers none at all. */
	if (target->user != NULL && !relay->logged_in)
		return login_trouble(relay, target, err);
	return RELAY_NO_TROUBLE;
}

struct relay *relay_open(const struct relay_target *target, enum relay_trouble *trouble, struct reply *reply,
			 struct err *err)
{
	struct relay *relay = calloc(1, sizeof *relay);

	memset(reply, 0, sizeof *reply);
	*trouble = RELAY_UNREACHABLE;
	if (relay == NULL) {
		err_set(err, ERR_MEMORY, "out of memory for a connection");
		return NULL;
	}
	snprintf(relay->host, sizeof relay->host, "%s", target->host);
	relay->curl = curl_easy_init();
	*trouble = connect_and_log_in(relay, target, err);
	*reply = relay->last;
	if (*trouble == RELAY_NO_TROUBLE)
		return relay;
	relay_close(relay);
	return NULL;
}

void relay_close(struct relay *relay)
{
	if (relay == NULL)
		return;
	curl_easy_cleanup(relay->curl);
	free(relay);
}

const struct offers *relay_offers(const struct relay *relay)
{
	return &relay->offers;
}

/* --- bytes --- */

/* TLS may have to read in order to write, so any event counts; a call that was too early is told so again. */
static int wait_for(const struct relay *relay, short events, struct deadline deadline, struct err *err)
{
	struct pollfd fd = {.fd = relay->socket, .events = events};

	if (poll(&fd, 1, deadline_left(deadline)) != 0)
		return 0;
	return err_set(err, ERR_TIMEOUT, "the server did not answer in time");
}

int relay_send(struct relay *relay, const char *bytes, size_t len, struct deadline deadline, struct err *err)
{
	size_t sent;
	CURLcode code;

	while (len > 0) {
		code = curl_easy_send(relay->curl, bytes, len, &sent);
		if (code == CURLE_OK) {
			bytes += sent;
			len -= sent;
		} else if (code != CURLE_AGAIN) {
			return err_set(err, ERR_UNREACHABLE, "the connection was lost: %s", curl_easy_strerror(code));
		} else if (wait_for(relay, POLLOUT, deadline, err) != 0) {
			return -1;
		}
	}
	return 0;
}

/* At least one byte: how many, 0 at the end of the stream, or -1. */
static ssize_t receive_some(struct relay *relay, char *bytes, size_t len, struct deadline deadline, struct err *err)
{
	size_t got;
	CURLcode code;

	while ((code = curl_easy_recv(relay->curl, bytes, len, &got)) == CURLE_AGAIN) {
		if (wait_for(relay, POLLIN, deadline, err) != 0)
			return -1;
	}
	if (code == CURLE_OK)
		return (ssize_t)got;
	return err_set(err, ERR_UNREACHABLE, "the connection was lost: %s", curl_easy_strerror(code));
}

/* The next line, without its CRLF, in relay->received; *used: what it takes of it. */
static int receive_line(struct relay *relay, struct deadline deadline, size_t *len, size_t *used, struct err *err)
{
	const char *end;
	ssize_t got;

	while ((end = memchr(relay->received, '\n', relay->received_len)) == NULL) {
		if (relay->received_len == sizeof relay->received)
			return err_set(err, ERR_SYNTAX, "%s sent a line without an end", relay->host);
		got = receive_some(relay, relay->received + relay->received_len,
				   sizeof relay->received - relay->received_len, deadline, err);
		if (got < 0)
			return -1;
		if (got == 0)
			return err_set(err, ERR_UNREACHABLE, "%s closed the connection", relay->host);
		relay->received_len += (size_t)got;
	}
	*used = (size_t)(end - relay->received) + 1;
	*len = *used - 1;
	if (*len > 0 && relay->received[*len - 1] == '\r')
		--*len;
	return 0;
}

int relay_reply(struct relay *relay, struct reply *reply, struct deadline deadline, struct err *err)
{
	struct reply_reader reader = {.lines = 0};
	enum reply_status status;
	size_t len = 0, used = 0;

	do {
		if (receive_line(relay, deadline, &len, &used, err) != 0)
			return -1;
		status = reply_read(&reader, relay->received, len);
		relay->received_len -= used;
		memmove(relay->received, relay->received + used, relay->received_len);
	} while (status == REPLY_MORE);
	if (status == REPLY_BAD)
		return err_set(err, ERR_SYNTAX, "%s does not answer as an SMTP server does", relay->host);
	*reply = reader.reply;
	return 0;
}
