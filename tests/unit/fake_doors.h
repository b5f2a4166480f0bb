#ifndef MAILBEARER_TESTS_FAKE_DOORS_H
#define MAILBEARER_TESTS_FAKE_DOORS_H

#include <stdbool.h>
#include <stdint.h>

#include "tokend/http.h"
#include "tokend/loop.h"
#include "tokend/store_file.h"

/* In place of loop.c, http_curl.c and store_file.c: time, the network and the disk are the test's own. */

void fake_reset(void);

/* Time passes; timers that are due run, in their order. */
void fake_pass(int64_t ms);

/* How many requests were started, and how many are in flight. */
int fake_requests(void);
int fake_in_flight(void);

/* The body of the last request that was started. */
const char *fake_body(void);

/* Answers the oldest request in flight. */
void fake_answer(int status, const char *body);
void fake_answer_later(int status, const char *body, int64_t retry_after);

/* The disk: what it holds of the one account ("" for nothing), and whether writing works. */
const char *fake_stored(void);
void fake_store(const char *refresh_token, const char *client_id);
void fake_disk_fails(bool fails);
int fake_saves(void);

#endif
