#ifndef MAILBEARER_TESTS_UNIT_FAKE_HTTP_H
#define MAILBEARER_TESTS_UNIT_FAKE_HTTP_H

#include "tokend/http.h"

/* Linked in the place of tokend/http.c: requests pile up, and the test answers them, oldest first. */

/* How many were started so far, and how many of them wait for an answer. */
unsigned fake_http_started(const struct http *http);
unsigned fake_http_in_flight(const struct http *http);

/* Of the oldest in flight. The body is "" for a GET; a header that was not sent is NULL. */
const char *fake_http_url(const struct http *http);
const char *fake_http_body(const struct http *http);
const char *fake_http_header(const struct http *http, const char *name);
const char *fake_http_proxy(const struct http *http);

/* Answers the oldest in flight. retry_after: seconds, or -1. */
void fake_http_answer(struct http *http, int status, const char *body);
void fake_http_answer_later(struct http *http, int status, const char *body, int64_t retry_after);
void fake_http_no_answer(struct http *http, const char *error);

/* The next `count` calls of http_start fail. */
void fake_http_refuse(struct http *http, unsigned count);

#endif
