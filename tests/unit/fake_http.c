/* The network of the unit tests: see fake_http.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/unit/fake_http.h"

#define HEADERS_MAX 4

struct http {
	struct http_transfer *first, **last;
	unsigned started;
	unsigned refuse;
};

struct http_transfer {
	struct http *http;
	struct http_transfer *next;
	char *url;
	char *proxy;
	struct buf body;
	char *names[HEADERS_MAX], *values[HEADERS_MAX];
	http_cb *cb;
	void *arg;
};

struct http *http_new(struct loop *loop, struct err *err)
{
	struct http *http = calloc(1, sizeof(*http));

	(void)loop;
	(void)err;
	http->last = &http->first;
	return http;
}

static void transfer_free(struct http_transfer *transfer)
{
	for (int i = 0; i < HEADERS_MAX; i++) {
		free(transfer->names[i]);
		free(transfer->values[i]);
	}
	buf_free(&transfer->body);
	free(transfer->url);
	free(transfer->proxy);
	free(transfer);
}

static void unlink_transfer(struct http_transfer *transfer)
{
	struct http *http = transfer->http;
	struct http_transfer **link;

	for (link = &http->first; *link != transfer; link = &(*link)->next)
		continue;
	*link = transfer->next;
	if (http->last == &transfer->next)
		http->last = link;
}

void http_abort(struct http_transfer *transfer)
{
	if (transfer == NULL)
		return;
	unlink_transfer(transfer);
	transfer_free(transfer);
}

void http_free(struct http *http)
{
	if (http == NULL)
		return;
	while (http->first != NULL)
		http_abort(http->first);
	free(http);
}

struct http_transfer *http_start(struct http *http, const struct http_request *request, http_cb *cb, void *arg,
				 struct err *err)
{
	struct http_transfer *transfer;

	if (http->refuse > 0) {
		http->refuse--;
		err_set(err, ERR_SYSTEM, "the test refuses requests");
		return NULL;
	}
	transfer = calloc(1, sizeof(*transfer));
	*transfer = (struct http_transfer){.http = http, .cb = cb, .arg = arg, .body = BUF_INIT(HTTP_BODY_MAX)};
	transfer->url = strdup(request->url);
	transfer->proxy = request->proxy != NULL ? strdup(request->proxy) : NULL;
	if (request->body != NULL)
		buf_append(&transfer->body, request->body->data, request->body->len);
	for (int i = 0; request->headers != NULL && request->headers[i].name != NULL; i++) {
		transfer->names[i] = strdup(request->headers[i].name);
		transfer->values[i] = strdup(request->headers[i].value);
	}
	*http->last = transfer;
	http->last = &transfer->next;
	http->started++;
	return transfer;
}

unsigned fake_http_started(const struct http *http)
{
	return http->started;
}

unsigned fake_http_in_flight(const struct http *http)
{
	unsigned count = 0;

	for (const struct http_transfer *transfer = http->first; transfer != NULL; transfer = transfer->next)
		count++;
	return count;
}

static const struct http_transfer *oldest(const struct http *http)
{
	if (http->first == NULL) {
		fprintf(stderr, "fake_http: nothing is in flight\n");
		abort();
	}
	return http->first;
}

const char *fake_http_url(const struct http *http)
{
	return oldest(http)->url;
}

const char *fake_http_proxy(const struct http *http)
{
	return oldest(http)->proxy;
}

const char *fake_http_body(const struct http *http)
{
	const struct http_transfer *transfer = oldest(http);

	return transfer->body.data != NULL ? transfer->body.data : "";
}

const char *fake_http_header(const struct http *http, const char *name)
{
	const struct http_transfer *transfer = oldest(http);

	for (int i = 0; i < HEADERS_MAX && transfer->names[i] != NULL; i++)
		if (strcasecmp(transfer->names[i], name) == 0)
			return transfer->values[i];
	return NULL;
}

static void answer(struct http *http, struct http_response *response, const char *body)
{
	struct http_transfer *transfer = http->first;

	(void)oldest(http);
	response->body = BUF_INIT(HTTP_BODY_MAX);
	buf_puts(&response->body, body);
	unlink_transfer(transfer);
	transfer->cb(transfer->arg, response);
	transfer_free(transfer);
	buf_free(&response->body);
}

void fake_http_answer_later(struct http *http, int status, const char *body, int64_t retry_after)
{
	struct http_response response = {.status = status, .retry_after = retry_after, .took_ms = 7};

	answer(http, &response, body);
}

void fake_http_answer(struct http *http, int status, const char *body)
{
	fake_http_answer_later(http, status, body, -1);
}

void fake_http_no_answer(struct http *http, const char *error)
{
	struct http_response response = {.error = error, .retry_after = -1};

	answer(http, &response, "");
}

void fake_http_refuse(struct http *http, unsigned count)
{
	http->refuse = count;
}
