/*
 * HTTPS requests through libcurl's multi interface, driven by our loop. Knows no OAuth, logs
 * nothing, and never asks curl to be verbose, because curl's trace holds what was sent. Called by
 * discovery and broker.
 */
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "tokend/http_private.h"

#define CONNECT_TIMEOUT_MAX 10  /* seconds */
#define HOST_CONNECTIONS_MAX 16 /* to one host at a time; what is more waits its turn, under its own timeout */
#define IDLE_CONNECTIONS_MAX 8
#define RETRY_AFTER_MAX (6 * 60 * 60) /* newer versions of curl have the same */

struct http {
	CURLM *multi;
	struct loop *loop;
	struct loop_timer *timer;
	struct http_transfer *transfers;
};

/* One of curl's sockets. */
struct http_socket {
	struct http *http;
	struct loop_watch *watch;
	curl_socket_t fd;
};

/* --- a transfer's life --- */

static void wipe_string(char *text)
{
	if (text == NULL)
		return;
	explicit_bzero(text, strlen(text));
	free(text);
}

/* Takes half-built ones, too. */
static void transfer_free(struct http_transfer *transfer)
{
	if (transfer == NULL)
		return;
	if (transfer->link != NULL) {
		*transfer->link = transfer->next;
		if (transfer->next != NULL)
			transfer->next->link = transfer->link;
		curl_multi_remove_handle(transfer->http->multi, transfer->easy);
	}
	curl_easy_cleanup(transfer->easy);
	for (struct curl_slist *header = transfer->headers; header != NULL; header = header->next)
		explicit_bzero(header->data, strlen(header->data));
	curl_slist_free_all(transfer->headers);
	buf_free(&transfer->request_body);
	buf_free(&transfer->body);
	free(transfer->url);
	free(transfer->ca_file);
	wipe_string(transfer->proxy);
	free(transfer);
}

static size_t take_body(char *bytes, size_t size, size_t count, void *arg)
{
	struct http_transfer *transfer = arg;
	size_t len = size * count;

	if (len > HTTP_BODY_MAX - transfer->body.len) {
		transfer->too_large = true;
		return 0;
	}
	return buf_append(&transfer->body, bytes, len) == 0 ? len : 0;
}

static int add_header(struct http_transfer *transfer, const char *name, const char *value)
{
	struct buf line = BUF_INIT(HTTP_BODY_MAX);
	struct curl_slist *longer = NULL;

	if (buf_printf(&line, "%s: %s", name, value) == 0)
		longer = curl_slist_append(transfer->headers, line.data);
	buf_free(&line);
	if (longer == NULL)
		return -1;
	transfer->headers = longer;
	return 0;
}

static struct http_transfer *transfer_new(struct http *http, const struct http_request *request)
{
	struct http_transfer *transfer = calloc(1, sizeof(*transfer));
	const struct http_header *header;

	if (transfer == NULL)
		return NULL;
	transfer->http = http;
	transfer->body = BUF_INIT(HTTP_BODY_MAX);
	transfer->request_body = BUF_INIT(HTTP_BODY_MAX);
	transfer->timeout =
	    request->timeout > 0 && request->timeout < HTTP_TIMEOUT_MAX ? request->timeout : HTTP_TIMEOUT_MAX;
	transfer->easy = curl_easy_init();
	transfer->url = strdup(request->url);
	transfer->ca_file = request->ca_file != NULL ? strdup(request->ca_file) : NULL;
	transfer->proxy = request->proxy != NULL && !request->plain_local ? strdup(request->proxy) : NULL;
	if (transfer->easy == NULL || transfer->url == NULL ||
	    (transfer->ca_file == NULL && request->ca_file != NULL) ||
	    (transfer->proxy == NULL && request->proxy != NULL && !request->plain_local))
		goto fail;
	if (request->body != NULL && buf_append(&transfer->request_body, request->body->data, request->body->len) != 0)
		goto fail;
	for (header = request->headers; header != NULL && header->name != NULL; header++) {
		if (add_header(transfer, header->name, header->value) != 0)
			goto fail;
	}
	return transfer;
fail:
	transfer_free(transfer);
	return NULL;
}

/* What may go over the network, and to whom. Sums up curl's refusals, so that one comparison tells of any. */
static unsigned set_trust(CURL *easy, const struct http_transfer *transfer, bool plain_local)
{
	unsigned bad = 0;

	bad |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, plain_local ? "http,https" : "https");
	bad |= curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	bad |= curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	bad |= curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	bad |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	bad |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	/* Both set, if to nothing: else curl looks into the environment. */
	bad |= curl_easy_setopt(easy, CURLOPT_PROXY, transfer->proxy != NULL ? transfer->proxy : "");
	bad |= curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
	if (transfer->ca_file != NULL) {
		bad |= curl_easy_setopt(easy, CURLOPT_CAINFO, transfer->ca_file);
		bad |= curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	}
	return bad;
}

static unsigned set_bounds(CURL *easy, const struct http_transfer *transfer)
{
	unsigned bad = 0;

	bad |= curl_easy_setopt(easy, CURLOPT_TIMEOUT, (long)transfer->timeout);
	bad |=
	    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT,
			     (long)(transfer->timeout < CONNECT_TIMEOUT_MAX ? transfer->timeout : CONNECT_TIMEOUT_MAX));
	bad |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	bad |= curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
	/* Without it, curl waits for its resolver's thread when a lookup has timed out, and the whole daemon with it.
	 */
	bad |= curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
	return bad;
}

static unsigned set_message(CURL *easy, struct http_transfer *transfer, bool post)
{
	unsigned bad = 0;

	bad |= curl_easy_setopt(easy, CURLOPT_URL, transfer->url);
	bad |= curl_easy_setopt(easy, CURLOPT_USERAGENT, "mailbearer/" PACKAGE_VERSION);
	bad |= curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
	bad |= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->curl_error);
	bad |= curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	bad |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	bad |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	if (post) {
		/* Not COPYPOSTFIELDS: curl would not wipe its copy. */
		bad |= curl_easy_setopt(easy, CURLOPT_POST, 1L);
		bad |= curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)transfer->request_body.len);
		bad |= curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
					transfer->request_body.data != NULL ? transfer->request_body.data : "");
	}
	return bad;
}

struct http_transfer *http_start(struct http *http, const struct http_request *request, http_cb *cb, void *arg,
				 struct err *err)
{
	struct http_transfer *transfer = transfer_new(http, request);

	if (transfer == NULL) {
		err_set(err, ERR_MEMORY, "out of memory");
		return NULL;
	}
	transfer->cb = cb;
	transfer->arg = arg;
	transfer->started_at = loop_now(http->loop);
	if (set_trust(transfer->easy, transfer, request->plain_local) != CURLE_OK ||
	    set_bounds(transfer->easy, transfer) != CURLE_OK ||
	    set_message(transfer->easy, transfer, request->body != NULL) != CURLE_OK ||
	    curl_multi_add_handle(http->multi, transfer->easy) != CURLM_OK) {
		err_set(err, ERR_SYSTEM, "libcurl %s lacks something that is needed, or there is no memory",
			curl_version_info(CURLVERSION_NOW)->version);
		transfer_free(transfer);
		return NULL;
	}
	transfer->next = http->transfers;
	transfer->link = &http->transfers;
	if (transfer->next != NULL)
		transfer->next->link = &transfer->next;
	http->transfers = transfer;
	return transfer;
}

void http_abort(struct http_transfer *transfer)
{
	transfer_free(transfer);
}

/* --- the end of a transfer --- */

static void fill_response(struct http_transfer *transfer, CURLcode code, struct http_response *response)
{
	struct curl_header *authenticate = NULL;
	curl_off_t retry_after = 0;
	char *content_type = NULL;
	long status = 0;

	*response = (struct http_response){.retry_after = -1};
	response->took_ms = loop_now(transfer->http->loop) - transfer->started_at;
	if (code != CURLE_OK) {
		http_say_error(transfer, code);
		response->error = transfer->err.text;
		return;
	}
	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(transfer->easy, CURLINFO_CONTENT_TYPE, &content_type);
	curl_easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER, &retry_after);
	if (curl_easy_header(transfer->easy, "WWW-Authenticate", 0, CURLH_HEADER, -1, &authenticate) == CURLHE_OK)
		response->authenticate = authenticate->value;
	response->status = (int)status;
	response->content_type = content_type;
	if (retry_after > 0)
		response->retry_after = retry_after < RETRY_AFTER_MAX ? retry_after : RETRY_AFTER_MAX;
	response->body = transfer->body;
}

static void tell_the_finished(struct http *http)
{
	struct http_response response;
	struct http_transfer *transfer;
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(http->multi, &left)) != NULL) {
		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
		fill_response(transfer, message->data.result, &response);
		transfer->cb(transfer->arg, &response);
		transfer_free(transfer);
	}
}

/* --- curl and the loop --- */

static void on_ready(void *arg, bool readable, bool writable)
{
	struct http_socket *sock = arg; /* curl may have us free it in the middle */
	struct http *http = sock->http;
	int running;

	curl_multi_socket_action(http->multi, sock->fd,
				 (readable ? CURL_CSELECT_IN : 0) | (writable ? CURL_CSELECT_OUT : 0), &running);
	tell_the_finished(http);
}

static void on_timeout(void *arg)
{
	struct http *http = arg;
	int running;

	curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	tell_the_finished(http);
}

static int set_timer(CURLM *multi, long timeout_ms, void *arg)
{
	struct http *http = arg;

	(void)multi;
	if (timeout_ms < 0)
		loop_timer_cancel(http->timer);
	else
		loop_timer_set(http->timer, timeout_ms);
	return 0;
}

static void socket_free(struct http_socket *sock)
{
	if (sock == NULL)
		return;
	loop_watch_free(sock->watch);
	free(sock);
}

static struct http_socket *socket_new(struct http *http, curl_socket_t fd)
{
	struct http_socket *sock = calloc(1, sizeof(*sock));

	if (sock == NULL)
		return NULL;
	*sock = (struct http_socket){.http = http, .fd = fd};
	sock->watch = loop_watch_new(http->loop, fd, on_ready, sock);
	if (sock->watch != NULL)
		return sock;
	socket_free(sock);
	return NULL;
}

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	struct http *http = arg;
	struct http_socket *sock = socket_arg;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		curl_multi_assign(http->multi, fd, NULL);
		socket_free(sock);
		return 0;
	}
	if (sock == NULL) {
		sock = socket_new(http, fd);
		/* To say that it failed would have curl give up all transfers, for ever. This one ends at its timeout.
		 */
		if (sock == NULL)
			return 0;
		curl_multi_assign(http->multi, fd, sock);
	}
	loop_watch_set(sock->watch, what == CURL_POLL_IN || what == CURL_POLL_INOUT,
		       what == CURL_POLL_OUT || what == CURL_POLL_INOUT);
	return 0;
}

struct http *http_new(struct loop *loop, struct err *err)
{
	struct http *http = calloc(1, sizeof(*http));

	if (http == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		err_set(err, ERR_MEMORY, "libcurl cannot be set up");
		free(http);
		return NULL;
	}
	http->loop = loop;
	http->timer = loop_timer_new(loop, on_timeout, http);
	http->multi = curl_multi_init();
	if (http->timer == NULL || http->multi == NULL) {
		err_set(err, ERR_MEMORY, "libcurl cannot be set up");
		http_free(http);
		return NULL;
	}
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
	curl_multi_setopt(http->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)HOST_CONNECTIONS_MAX);
	curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, (long)IDLE_CONNECTIONS_MAX);
	return http;
}

void http_free(struct http *http)
{
	if (http == NULL)
		return;
	while (http->transfers != NULL)
		transfer_free(http->transfers);
	curl_multi_cleanup(http->multi);
	loop_timer_free(http->timer);
	curl_global_cleanup();
	free(http);
}
