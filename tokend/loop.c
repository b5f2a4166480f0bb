/*
 * The event loop: the one place where libevent, the clocks and the system's random source are touched. Knows nothing
 * of what its callers wait for. Called by http_curl.c, by discovery, broker and server, and by main.
 */
#include <event2/event.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "tokend/loop.h"

#define SIGNALS_MAX 8
#define POOL_WORDS 64 /* getentropy(3) gives 256 bytes at a time */

/* libevent's clock stands still while the machine sleeps, ours does not: no timer sleeps longer than this in one go. */
#define SLICE_MS (60 * 1000)

#ifdef CLOCK_BOOTTIME
#define CLOCK_OURS CLOCK_BOOTTIME
#else
#define CLOCK_OURS CLOCK_MONOTONIC
#endif

struct loop_signal {
	struct event *event;
	loop_signal_cb *cb;
	void *arg;
};

struct loop {
	struct event_base *base;
	struct loop_signal signals[SIGNALS_MAX];
	int signal_count;
	uint32_t pool[POOL_WORDS]; /* random words that nobody has had yet: [0..pool_left) */
	unsigned pool_left;
};

struct loop_timer {
	struct loop *loop;
	struct event *event;
	loop_timer_cb *cb;
	void *arg;
	int64_t at; /* by loop_now() */
};

struct loop_watch {
	struct event *event;
	struct loop *loop;
	int fd;
	short events;
	loop_watch_cb *cb;
	void *arg;
};

struct loop *loop_new(struct err *err)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (loop == NULL) {
		err_set(err, ERR_MEMORY, "out of memory");
		return NULL;
	}
	loop->base = event_base_new();
	if (loop->base == NULL) {
		err_set(err, ERR_SYSTEM, "libevent cannot make an event loop");
		free(loop);
		return NULL;
	}
	return loop;
}

void loop_free(struct loop *loop)
{
	if (loop == NULL)
		return;
	for (int i = 0; i < loop->signal_count; i++)
		event_free(loop->signals[i].event);
	event_base_free(loop->base);
	free(loop);
}

int loop_run(struct loop *loop, struct err *err)
{
	if (event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY) < 0)
		return err_set(err, ERR_SYSTEM, "libevent's loop failed");
	return 0;
}

void loop_stop(struct loop *loop)
{
	event_base_loopbreak(loop->base);
}

/* --- time and randomness --- */

int64_t loop_now(struct loop *loop)
{
	struct timespec now;

	(void)loop;
	clock_gettime(CLOCK_OURS, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t loop_wall(struct loop *loop)
{
	(void)loop;
	return (int64_t)time(NULL);
}

static uint32_t random_word(struct loop *loop)
{
	if (loop->pool_left == 0) {
		if (getentropy(loop->pool, sizeof(loop->pool)) != 0)
			abort(); /* a system without randomness has no TLS either */
		loop->pool_left = POOL_WORDS;
	}
	return loop->pool[--loop->pool_left];
}

uint32_t loop_random(struct loop *loop, uint32_t bound)
{
	/* Words below this would favour the small results: 2^32 modulo bound. */
	uint32_t uneven = -bound % bound;
	uint32_t word;

	do
		word = random_word(loop);
	while (word < uneven);
	return word % bound;
}

/* --- timers --- */

static void timer_arm(struct loop_timer *timer, int64_t delay_ms)
{
	struct timeval delay;

	if (delay_ms > SLICE_MS)
		delay_ms = SLICE_MS;
	delay.tv_sec = (time_t)(delay_ms / 1000);
	delay.tv_usec = (suseconds_t)(delay_ms % 1000 * 1000);
	event_add(timer->event, &delay);
}

static void timer_fired(evutil_socket_t fd, short events, void *arg)
{
	struct loop_timer *timer = arg;
	int64_t left = timer->at - loop_now(timer->loop);

	(void)fd;
	(void)events;
	if (left > 0)
		timer_arm(timer, left);
	else
		timer->cb(timer->arg); /* may free the timer */
}

struct loop_timer *loop_timer_new(struct loop *loop, loop_timer_cb *cb, void *arg)
{
	struct loop_timer *timer = malloc(sizeof(*timer));

	if (timer == NULL)
		return NULL;
	*timer = (struct loop_timer){.loop = loop, .cb = cb, .arg = arg};
	timer->event = evtimer_new(loop->base, timer_fired, timer);
	if (timer->event == NULL) {
		free(timer);
		return NULL;
	}
	return timer;
}

void loop_timer_set(struct loop_timer *timer, int64_t delay_ms)
{
	if (delay_ms < 0)
		delay_ms = 0;
	timer->at = loop_now(timer->loop) + delay_ms;
	timer_arm(timer, delay_ms);
}

void loop_timer_cancel(struct loop_timer *timer)
{
	event_del(timer->event);
}

void loop_timer_free(struct loop_timer *timer)
{
	if (timer == NULL)
		return;
	event_free(timer->event);
	free(timer);
}

/* --- descriptors --- */

static void watch_fired(evutil_socket_t fd, short events, void *arg)
{
	struct loop_watch *watch = arg;

	(void)fd;
	watch->cb(watch->arg, (events & EV_READ) != 0, (events & EV_WRITE) != 0); /* may free the watch */
}

struct loop_watch *loop_watch_new(struct loop *loop, int fd, loop_watch_cb *cb, void *arg)
{
	struct loop_watch *watch = malloc(sizeof(*watch));

	if (watch == NULL)
		return NULL;
	*watch = (struct loop_watch){.loop = loop, .fd = fd, .cb = cb, .arg = arg};
	watch->event = event_new(loop->base, fd, EV_PERSIST, watch_fired, watch);
	if (watch->event == NULL) {
		free(watch);
		return NULL;
	}
	return watch;
}

void loop_watch_set(struct loop_watch *watch, bool read, bool write)
{
	short events = (short)((read ? EV_READ : 0) | (write ? EV_WRITE : 0));

	if (events == watch->events)
		return;
	if (watch->events != 0)
		event_del(watch->event);
	watch->events = events;
	if (events == 0)
		return;
	event_assign(watch->event, watch->loop->base, watch->fd, (short)(events | EV_PERSIST), watch_fired, watch);
	event_add(watch->event, NULL);
}

void loop_watch_free(struct loop_watch *watch)
{
	if (watch == NULL)
		return;
	event_free(watch->event);
	free(watch);
}

/* --- signals --- */

static void signal_fired(evutil_socket_t signo, short events, void *arg)
{
	struct loop_signal *signal = arg;

	(void)events;
	signal->cb(signal->arg, (int)signo);
}

int loop_on_signal(struct loop *loop, int signo, loop_signal_cb *cb, void *arg)
{
	struct loop_signal *signal;

	if (loop->signal_count == SIGNALS_MAX)
		return -1;
	signal = &loop->signals[loop->signal_count];
	*signal = (struct loop_signal){.cb = cb, .arg = arg};
	signal->event = evsignal_new(loop->base, signo, signal_fired, signal);
	if (signal->event == NULL)
		return -1;
	loop->signal_count++;
	return event_add(signal->event, NULL);
}
