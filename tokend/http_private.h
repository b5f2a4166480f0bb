#ifndef MAILBEARER_TOKEND_HTTP_PRIVATE_H
#define MAILBEARER_TOKEND_HTTP_PRIVATE_H

#include <curl/curl.h>

#include "tokend/http.h"

/* Between http_curl.c and http_error.c. */
struct http_transfer {
	struct http *http;
	struct http_transfer *next, **link;
	CURL *easy;
	struct curl_slist *headers;
	struct buf request_body;
	struct buf body;
	bool too_large;
	char *url;
	char *ca_file; /* or NULL */
	char *proxy;   /* or NULL */
	int timeout;
	int64_t started_at;
	http_cb *cb;
	void *arg;
	char curl_error[CURL_ERROR_SIZE];
	struct err err;
};

/* Fills transfer->err from the code with which curl gave up. */
void http_say_error(struct http_transfer *transfer, CURLcode code);

#endif
