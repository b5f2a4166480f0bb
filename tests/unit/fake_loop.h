#ifndef MAILBEARER_TESTS_UNIT_FAKE_LOOP_H
#define MAILBEARER_TESTS_UNIT_FAKE_LOOP_H

#include "tokend/loop.h"

/*
 * Linked in the place of tokend/loop.c: time, randomness and wake-ups are the test's own. loop_run is not there; the
 * test turns the loop itself. loop_free aborts when a timer or a watch was forgotten.
 */

/* Calls back whoever is due now: timers in the order of their time, then descriptors that are ready, until nobody is.
 */
void fake_loop_turn(struct loop *loop);

/* Lets time pass, calling back each timer at its own moment. */
void fake_loop_advance(struct loop *loop, int64_t ms);

/* Somebody sets the wall clock: forward or, below 0, back. */
void fake_loop_step_wall(struct loop *loop, int64_t seconds);

/* The machine sleeps: time has passed, and no timer has been called yet. */
void fake_loop_sleep(struct loop *loop, int64_t ms);

/* loop_random gives word % bound from now on; at first 0. */
void fake_loop_set_random(struct loop *loop, uint32_t word);

#endif
