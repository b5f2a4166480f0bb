/* Fakes of the doors, for tests of what stands on them. One account, one thread, no surprises. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_doors.h"

#define WALL_START 1790000000
#define TIMERS 64
#define TRANSFERS 16

struct loop {
	int unused;
};

struct loop_timer {
	loop_timer_cb *cb;
	void *arg;
	int64_t at; /* 0: disarmed */
};

struct http_transfer {
	http_cb *cb;
	void *arg;
};

static struct loop the_loop;
static int64_t now_ms;
static struct loop_timer *timers[TIMERS];
static struct http_transfer *flights[TRANSFERS];
static int flight_count, request_count, save_count;
static char last_body[8192], disk_token[8192], disk_client[128];
static bool disk_fails;

void fake_reset(void)
{
	now_ms = 1000000;
	memset(timers, 0, sizeof timers);
	flight_count = request_count = save_count = 0;
	last_body[0] = disk_token[0] = disk_client[0] = '\0';
	disk_fails = false;
}

/* --- loop --- */

struct loop *loop_new(struct err *err)
{
	(void)err;
	return &the_loop;
}

void loop_free(struct loop *loop)
{
	(void)loop;
}

int64_t loop_now(struct loop *loop)
{
	(void)loop;
	return now_ms;
}

int64_t loop_wall(struct loop *loop)
{
	(void)loop;
	return WALL_START + now_ms / 1000;
}

uint32_t loop_random(struct loop *loop, uint32_t bound)
{
	(void)loop;
	return bound / 2;
}

struct loop_timer *loop_timer_new(struct loop *loop, loop_timer_cb *cb, void *arg)
{
	(void)loop;
	for (int i = 0; i < TIMERS; i++) {
		if (timers[i] == NULL) {
			timers[i] = calloc(1, sizeof **timers);
			*timers[i] = (struct loop_timer){.cb = cb, .arg = arg};
			return timers[i];
		}
	}
	return NULL;
}

void loop_timer_set(struct loop_timer *timer, int64_t delay_ms)
{
	timer->at = now_ms + (delay_ms > 0 ? delay_ms : 0);
}

void loop_timer_cancel(struct loop_timer *timer)
{
	timer->at = 0;
}

void loop_timer_free(struct loop_timer *timer)
{
	for (int i = 0; i < TIMERS; i++)
		if (timers[i] == timer)
			timers[i] = NULL;
	free(timer);
}

static struct loop_timer *next_due(int64_t until)
{
	struct loop_timer *first = NULL;

	for (int i = 0; i < TIMERS; i++)
		if (timers[i] != NULL && timers[i]->at != 0 && timers[i]->at <= until &&
		    (first == NULL || timers[i]->at < first->at))
			first = timers[i];
	return first;
}

void fake_pass(int64_t ms)
{
	int64_t until = now_ms + ms;
	struct loop_timer *timer;

	while ((timer = next_due(until)) != NULL) {
		if (timer->at > now_ms)
			now_ms = timer->at;
		timer->at = 0;
		timer->cb(timer->arg);
	}
	now_ms = until;
}

/* --- http --- */

struct http_transfer *http_start(struct http *http, const struct http_request *request, http_cb *cb, void *arg,
				 struct err *err)
{
	struct http_transfer *transfer = calloc(1, sizeof *transfer);

	(void)http;
	(void)err;
	*transfer = (struct http_transfer){.cb = cb, .arg = arg};
	flights[flight_count++] = transfer;
	request_count++;
	snprintf(last_body, sizeof last_body, "%s", request->body != NULL ? request->body->data : "");
	return transfer;
}

static void land(struct http_transfer *transfer)
{
	for (int i = 0; i < flight_count; i++) {
		if (flights[i] == transfer) {
			memmove(&flights[i], &flights[i + 1], sizeof *flights * (size_t)(flight_count - i - 1));
			flight_count--;
			break;
		}
	}
}

void http_abort(struct http_transfer *transfer)
{
	if (transfer != NULL)
		land(transfer);
	free(transfer);
}

int fake_requests(void)
{
	return request_count;
}

int fake_in_flight(void)
{
	return flight_count;
}

const char *fake_body(void)
{
	return last_body;
}

void fake_answer_later(int status, const char *body, int64_t retry_after)
{
	struct http_response response = {.status = status, .retry_after = retry_after, .body = BUF_INIT(HTTP_BODY_MAX)};
	struct http_transfer *transfer = flights[0];

	land(transfer);
	buf_puts(&response.body, body);
	transfer->cb(transfer->arg, &response);
	buf_free(&response.body);
	free(transfer);
	fake_pass(0);
}

void fake_answer(int status, const char *body)
{
	fake_answer_later(status, body, -1);
}

/* --- store --- */

int store_load(struct store *store, const char *account, struct store_record *out, struct err *err)
{
	(void)store;
	(void)account;
	(void)err;
	memset(out, 0, sizeof *out);
	if (disk_token[0] == '\0')
		return 0;
	out->refresh_token = secret_new(disk_token, strlen(disk_token));
	snprintf(out->client_id, sizeof out->client_id, "%s", disk_client);
	return 1;
}

int store_save(struct store *store, const char *account, const struct store_record *record, struct err *err)
{
	struct buf token = BUF_INIT(sizeof disk_token - 1);

	(void)store;
	(void)account;
	if (disk_fails)
		return err_set(err, ERR_SYSTEM, "the disk is full");
	secret_append(record->refresh_token, &token);
	fake_store(token.data, record->client_id);
	buf_free(&token);
	save_count++;
	return 0;
}

int store_remove(struct store *store, const char *account, struct err *err)
{
	(void)store;
	(void)account;
	(void)err;
	disk_token[0] = '\0';
	return 0;
}

const char *fake_stored(void)
{
	return disk_token;
}

void fake_store(const char *refresh_token, const char *client_id)
{
	snprintf(disk_token, sizeof disk_token, "%s", refresh_token);
	snprintf(disk_client, sizeof disk_client, "%s", client_id);
}

void fake_disk_fails(bool fails)
{
	disk_fails = fails;
}

int fake_saves(void)
{
	return save_count;
}

int store_name_check(const char *account, struct err *err)
{
	(void)account;
	(void)err;
	return 0;
}
