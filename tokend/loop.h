#ifndef MAILBEARER_TOKEND_LOOP_H
#define MAILBEARER_TOKEND_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"

/*
 * The event loop: the one door to libevent, to the clocks and to randomness, so that a test that links a fake in its
 * place owns all three. Single-threaded. Callbacks run from loop_run only, never from within the calls below.
 */
struct loop;
struct loop_timer;
struct loop_watch;

typedef void loop_timer_cb(void *arg);
typedef void loop_watch_cb(void *arg, bool readable, bool writable);
typedef void loop_signal_cb(void *arg, int signo);

struct loop *loop_new(struct err *err);
void loop_free(struct loop *loop); /* NULL is legal; timers and watches must be gone */

/* Runs until loop_stop. 0, or -1. */
int loop_run(struct loop *loop, struct err *err);
void loop_stop(struct loop *loop);

/* Milliseconds that have passed, suspend included (CLOCK_BOOTTIME): never steps. Fresh at each call. */
int64_t loop_now(struct loop *loop);

/* Seconds since 1970: may step either way; for people and files, never for deadlines. */
int64_t loop_wall(struct loop *loop);

/* 0 <= result < bound, evenly spread, from the system's random source. bound >= 1. */
uint32_t loop_random(struct loop *loop, uint32_t bound);

/* A one-shot timer, made disarmed. NULL: no memory. */
struct loop_timer *loop_timer_new(struct loop *loop, loop_timer_cb *cb, void *arg);
void loop_timer_set(struct loop_timer *timer, int64_t delay_ms); /* arms, or arms anew; <= 0: soon */
void loop_timer_cancel(struct loop_timer *timer);                /* disarmed is legal */
void loop_timer_free(struct loop_timer *timer);                  /* NULL is legal; legal in its own callback */

/* Watches a descriptor (level-triggered) until freed; the descriptor stays the caller's. NULL: no memory. */
struct loop_watch *loop_watch_new(struct loop *loop, int fd, loop_watch_cb *cb, void *arg);
void loop_watch_set(struct loop_watch *watch, bool read, bool write); /* made with neither */
void loop_watch_free(struct loop_watch *watch);                       /* NULL is legal; legal in its own callback */

/* Calls back at each `signo` from now on. 0 or -1. At most eight signals. */
int loop_on_signal(struct loop *loop, int signo, loop_signal_cb *cb, void *arg);

#endif
