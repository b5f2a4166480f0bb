/*
 * The one door to libcurl: requests through its multi interface, driven by our loop. Knows no OAuth, keeps no state
 * between requests but the connection pool, and never asks curl to be verbose, since that would print tokens.
 */
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "tokend/http.h"

#define CONNECT_TIMEOUT_MS 10000
#define POOL_SIZE 32
#define HEADER_TEXT_MAX (66 * 1024) /* bytes: an Authorization header may hold a token */

struct http {
	struct loop *loop;
	CURLM *multi;
	struct loop_timer *timer;
	struct http_transfer *transfers; /* in flight */
};

struct http_transfer {
	struct http *http;
	struct http_transfer *next, *previous;
	CURL *easy;
	struct curl_slist *headers;
	struct buf request_body;
	struct http_response response;
	char *url;
	char error[CURL_ERROR_SIZE];
	char text[ERR_TEXT_MAX];
	bool has_ca_file;
	bool too_large;
	int64_t started_at;
	http_cb *cb;
	void *arg;
};

/* --- curl's wishes, passed on to the loop ------------------------------------------------------------------------- */

static void collect(struct http *http);

static void act(struct http *http, curl_socket_t fd, int what)
{
	int running;

	curl_multi_socket_action(http->multi, fd, what, &running);
	collect(http);
}

struct socket_watch {
	struct http *http;
	curl_socket_t fd;
	struct loop_watch *watch;
};

static void on_socket(void *arg, bool readable, bool writable)
{
	struct socket_watch *socket = arg;

	act(socket->http, socket->fd, (readable ? CURL_CSELECT_IN : 0) | (writable ? CURL_CSELECT_OUT : 0));
}

static void on_timeout(void *arg)
{
	act(arg, CURL_SOCKET_TIMEOUT, 0);
}

static struct socket_watch *watch_socket(struct http *http, curl_socket_t fd)
{
	struct socket_watch *socket = calloc(1, sizeof *socket);

	if (socket == NULL)
		return NULL;
	*socket = (struct socket_watch){.http = http, .fd = fd};
	socket->watch = loop_watch_new(http->loop, fd, on_socket, socket);
	if (socket->watch == NULL || curl_multi_assign(http->multi, fd, socket) != CURLM_OK) {
		loop_watch_free(socket->watch);
		free(socket);
		return NULL;
	}
	return socket;
}

static int socket_wanted(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	struct http *http = arg;
	struct socket_watch *socket = known;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (socket != NULL) {
			curl_multi_assign(http->multi, fd, NULL);
			loop_watch_free(socket->watch);
			free(socket);
		}
		return 0;
	}
	if (socket == NULL)
		socket = watch_socket(http, fd);
	if (socket == NULL)
		return -1;
	loop_watch_set(socket->watch, (what & CURL_POLL_IN) != 0, (what & CURL_POLL_OUT) != 0);
	return 0;
}

static int timer_wanted(CURLM *multi, long ms, void *arg)
{
	struct http *http = arg;

	(void)multi;
	if (ms < 0)
		loop_timer_cancel(http->timer);
	else
		loop_timer_set(http->timer, ms);
	return 0;
}

/* --- the end of a transfer ---------------------------------------------------------------------------------------- */

static void transfer_free(struct http_transfer *transfer)
{
	struct http *http = transfer->http;

	if (transfer->previous != NULL)
		transfer->previous->next = transfer->next;
	else if (http->transfers == transfer)
		http->transfers = transfer->next;
	if (transfer->next != NULL)
		transfer->next->previous = transfer->previous;
	if (transfer->easy != NULL) {
		curl_multi_remove_handle(http->multi, transfer->easy);
		curl_easy_cleanup(transfer->easy);
	}
	for (struct curl_slist *line = transfer->headers; line != NULL; line = line->next)
		explicit_bzero(line->data, strlen(line->data));
	curl_slist_free_all(transfer->headers);
	buf_free(&transfer->request_body);
	buf_free(&transfer->response.body);
	free(transfer->url);
	free(transfer);
}

/* What curl's code means to a postmaster. NULL: curl's own words will do. */
static const char *advice(const struct http_transfer *transfer, CURLcode code)
{
	if (transfer->too_large)
		return "the answer is larger than 1 MiB: this is no token endpoint";
	switch (code) {
	case CURLE_PEER_FAILED_VERIFICATION:
		return transfer->has_ca_file ? "the certificate cannot be verified with ca_file"
		                             : "the certificate cannot be verified with the system's CAs; a private CA is "
		                               "named with ca_file";
	case CURLE_SSL_CACERT_BADFILE:
		return "the file of CA certificates cannot be read: see ca_file";
	case CURLE_COULDNT_RESOLVE_HOST:
		return "no address for the host's name: see /etc/resolv.conf and the endpoint's spelling";
	case CURLE_COULDNT_RESOLVE_PROXY:
		return "no address for the proxy's name";
	case CURLE_COULDNT_CONNECT:
		return "no connection: is outgoing port 443 open, or a proxy needed?";
	case CURLE_OPERATION_TIMEDOUT:
		return "no answer in time";
	case CURLE_UNSUPPORTED_PROTOCOL:
		return "only https:// is spoken to a token endpoint";
	default:
		return NULL;
	}
}

static void explain(struct http_transfer *transfer, CURLcode code)
{
	const char *words = transfer->error[0] != '\0' ? transfer->error : curl_easy_strerror(code);
	const char *more = advice(transfer, code);

	if (more != NULL && transfer->too_large)
		snprintf(transfer->text, sizeof transfer->text, "%s", more);
	else
		snprintf(transfer->text, sizeof transfer->text, "%s%s%s%s", words, more ? " (" : "", more ? more : "",
		         more ? ")" : "");
	transfer->response.error = transfer->text;
	transfer->response.status = 0;
	buf_clear(&transfer->response.body);
}

static const char *response_header(CURL *easy, const char *name)
{
	struct curl_header *header;

	return curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &header) == CURLHE_OK ? header->value : NULL;
}

static void fill_response(struct http_transfer *transfer, CURLcode code)
{
	struct http_response *response = &transfer->response;
	long status = 0;
	curl_off_t retry_after = 0;

	response->took_ms = loop_now(transfer->http->loop) - transfer->started_at;
	response->retry_after = -1;
	if (code != CURLE_OK) {
		explain(transfer, code);
		return;
	}
	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER, &retry_after);
	response->status = (int)status;
	if (retry_after > 0)
		response->retry_after = (int64_t)retry_after;
	response->content_type = response_header(transfer->easy, "Content-Type");
	response->authenticate = response_header(transfer->easy, "WWW-Authenticate");
}

static void finish(CURL *easy, CURLcode code)
{
	struct http_transfer *transfer = NULL;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&transfer);
	fill_response(transfer, code);
	transfer->cb(transfer->arg, &transfer->response);
	transfer_free(transfer);
}

static void collect(struct http *http)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(http->multi, &left)) != NULL)
		if (message->msg == CURLMSG_DONE)
			finish(message->easy_handle, message->data.result);
}

/* --- the beginning of one ----------------------------------------------------------------------------------------- */

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
	struct http_transfer *transfer = arg;

	if (buf_append(&transfer->response.body, bytes, size * count) == 0)
		return size * count;
	transfer->too_large = true;
	return 0;
}

static int add_header(struct http_transfer *transfer, const char *name, const char *value)
{
	struct buf line = BUF_INIT(HEADER_TEXT_MAX);
	struct curl_slist *longer = NULL;

	if (buf_printf(&line, "%s: %s", name, value) == 0)
		longer = curl_slist_append(transfer->headers, line.data);
	buf_free(&line);
	if (longer == NULL)
		return -1;
	transfer->headers = longer;
	return 0;
}

static int copy_request(struct http_transfer *transfer, const struct http_request *request)
{
	transfer->url = strdup(request->url);
	transfer->request_body = BUF_INIT(HTTP_BODY_MAX);
	transfer->response.body = BUF_INIT(HTTP_BODY_MAX);
	if (transfer->url == NULL || add_header(transfer, "Accept", "application/json") != 0)
		return -1;
	for (const struct http_header *header = request->headers; header != NULL && header->name != NULL; header++)
		if (add_header(transfer, header->name, header->value) != 0)
			return -1;
	return request->body == NULL ? 0 : buf_append(&transfer->request_body, request->body->data, request->body->len);
}

/* TLS verified, nothing followed, nothing remembered, nothing from the environment. */
static CURLcode set_safety(CURL *easy, const struct http_request *request)
{
	const char *protocols = request->plain_local ? "http,https" : "https";
	CURLcode code = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, protocols);

	code = code ? code : curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	code = code ? code : curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	code = code ? code : curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	code = code ? code : curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	code = code ? code : curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	code = code ? code : curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	/* An empty proxy is what keeps curl from reading https_proxy. */
	code = code ? code : curl_easy_setopt(easy, CURLOPT_PROXY, request->proxy && !request->plain_local ? request->proxy : "");
	if (code == CURLE_OK && request->plain_local)
		code = curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	if (code == CURLE_OK && request->ca_file != NULL)
		code = curl_easy_setopt(easy, CURLOPT_CAINFO, request->ca_file);
	return code;
}

static CURLcode set_limits(CURL *easy, const struct http_request *request)
{
	int timeout = request->timeout > 0 && request->timeout <= HTTP_TIMEOUT_MAX ? request->timeout : HTTP_TIMEOUT_MAX;
	CURLcode code = curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout * 1000L);

	code = code ? code : curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
	return code ? code : curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
}

static CURLcode set_content(struct http_transfer *transfer, bool post)
{
	CURL *easy = transfer->easy;
	CURLcode code = curl_easy_setopt(easy, CURLOPT_URL, transfer->url);

	code = code ? code : curl_easy_setopt(easy, CURLOPT_USERAGENT, "mailbearer/" PACKAGE_VERSION);
	code = code ? code : curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
	code = code ? code : curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
	code = code ? code : curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	code = code ? code : curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	code = code ? code : curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	if (code != CURLE_OK || !post)
		return code;
	/* Not COPYPOSTFIELDS: curl would free its copy without wiping it. */
	code = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)transfer->request_body.len);
	return code ? code
	            : curl_easy_setopt(easy, CURLOPT_POSTFIELDS, transfer->request_body.data ? transfer->request_body.data : "");
}

static int start_transfer(struct http_transfer *transfer, const struct http_request *request)
{
	transfer->easy = curl_easy_init();
	if (transfer->easy == NULL || copy_request(transfer, request) != 0 ||
	    set_safety(transfer->easy, request) != CURLE_OK || set_limits(transfer->easy, request) != CURLE_OK ||
	    set_content(transfer, request->body != NULL) != CURLE_OK)
		return -1;
	/* Only arms the timer: nothing happens before the loop runs. */
	return curl_multi_add_handle(transfer->http->multi, transfer->easy) == CURLM_OK ? 0 : -1;
}

struct http_transfer *http_start(struct http *http, const struct http_request *request, http_cb *cb, void *arg,
                                 struct err *err)
{
	struct http_transfer *transfer = calloc(1, sizeof *transfer);

	if (transfer == NULL) {
		err_set(err, ERR_MEMORY, "out of memory for a request");
		return NULL;
	}
	transfer->http = http;
	transfer->cb = cb;
	transfer->arg = arg;
	transfer->has_ca_file = request->ca_file != NULL;
	transfer->started_at = loop_now(http->loop);
	transfer->next = http->transfers;
	if (http->transfers != NULL)
		http->transfers->previous = transfer;
	http->transfers = transfer;
	if (start_transfer(transfer, request) != 0) {
		err_set(err, ERR_SYSTEM, "cannot start a request to %s", request->url);
		transfer_free(transfer);
		return NULL;
	}
	return transfer;
}

void http_abort(struct http_transfer *transfer)
{
	if (transfer != NULL)
		transfer_free(transfer);
}

/* --- the pool ----------------------------------------------------------------------------------------------------- */

struct http *http_new(struct loop *loop, struct err *err)
{
	struct http *http = calloc(1, sizeof *http);

	if (http != NULL && curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK) {
		http->loop = loop;
		http->multi = curl_multi_init();
		http->timer = loop_timer_new(loop, on_timeout, http);
	}
	if (http == NULL || http->multi == NULL || http->timer == NULL) {
		err_set(err, ERR_MEMORY, "cannot set up libcurl");
		http_free(http);
		return NULL;
	}
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, socket_wanted);
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, timer_wanted);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
	curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, (long)POOL_SIZE);
	curl_multi_setopt(http->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)POOL_SIZE);
	return http;
}

void http_free(struct http *http)
{
	if (http == NULL)
		return;
	while (http->transfers != NULL)
		transfer_free(http->transfers);
	if (http->multi != NULL)
		curl_multi_cleanup(http->multi);
	loop_timer_free(http->timer);
	free(http);
	curl_global_cleanup();
}
