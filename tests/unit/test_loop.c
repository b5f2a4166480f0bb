/* The real loop: timers, descriptors, signals and randomness. Its clock can be put forward by the test. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tokend/loop.h"

static struct loop *loop;
static int64_t clock_offset_ms; /* of the loop's clock, and not of libevent's */

int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
int __real_clock_gettime(clockid_t clock, struct timespec *now);

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	int status = __real_clock_gettime(clock, now);

	now->tv_sec += (time_t)(clock_offset_ms / 1000);
	return status;
}

/* What was called, in its order. */
static struct {
	char names[64];
	struct loop_timer *timer; /* to do something with */
	struct loop_watch *watch;
	int fd;
} told;

static void note(char name)
{
	told.names[strlen(told.names)] = name;
}

static void on_a(void *arg)
{
	(void)arg;
	note('a');
}

static void on_b(void *arg)
{
	(void)arg;
	note('b');
}

#define ROUNDS 50 /* of a millisecond each, or more where the machine has no time for us: what is due has its turn */

static struct loop_timer *end;
static int rounds;

static void on_end(void *arg)
{
	(void)arg;
	if (--rounds > 0) {
		loop_timer_set(end, 1);
		return;
	}
	note('.');
	loop_stop(loop);
}

/* Runs the loop until all that is due within some milliseconds has been called. */
static void run(void)
{
	end = loop_timer_new(loop, on_end, NULL);
	rounds = ROUNDS;
	loop_timer_set(end, 1);
	assert_int_equal(loop_run(loop, NULL), 0);
	loop_timer_free(end);
}

static void test_timers_come_once_and_in_their_order(void **state)
{
	struct loop_timer *a = loop_timer_new(loop, on_a, NULL), *b = loop_timer_new(loop, on_b, NULL);

	(void)state;
	loop_timer_set(b, -5); /* soon */
	loop_timer_set(a, 20);
	assert_string_equal(told.names, "");
	run();
	assert_string_equal(told.names, "ba.");
	loop_timer_free(a);
	loop_timer_free(b);
}

static void test_cancelled_and_rearmed(void **state)
{
	struct loop_timer *a = loop_timer_new(loop, on_a, NULL), *b = loop_timer_new(loop, on_b, NULL);

	(void)state;
	loop_timer_set(a, 0);
	loop_timer_cancel(a);
	loop_timer_cancel(a);
	loop_timer_set(b, 60 * 60 * 1000);
	loop_timer_set(b, 1);
	run();
	assert_string_equal(told.names, "b.");
	loop_timer_free(a);
	loop_timer_free(b);
	loop_timer_free(NULL);
}

static void on_free_timer(void *arg)
{
	(void)arg;
	note('f');
	loop_timer_free(told.timer);
}

static void test_timer_may_free_itself(void **state)
{
	(void)state;
	told.timer = loop_timer_new(loop, on_free_timer, NULL);
	loop_timer_set(told.timer, 0);
	run();
	assert_string_equal(told.names, "f.");
}

static void on_wind_forward(void *arg)
{
	(void)arg;
	note('g');
	clock_offset_ms = 0;
}

/* libevent's clock and ours are two: a timer comes when ours says so. */
static void test_woken_too_early_sleeps_on(void **state)
{
	struct loop_timer *a = loop_timer_new(loop, on_a, NULL), *forward;

	(void)state;
	loop_timer_set(a, 1);
	clock_offset_ms = -10000; /* as if ten seconds of sleep were still to come when libevent wakes it */
	run();
	assert_string_equal(told.names, ".");
	forward = loop_timer_new(loop, on_wind_forward, NULL);
	loop_timer_set(forward, 0);
	run();
	loop_timer_set(a, 1);
	run();
	assert_string_equal(told.names, ".g.a.");
	loop_timer_free(forward);
	loop_timer_free(a);
}

static void on_watch(void *arg, bool readable, bool writable)
{
	char byte;

	(void)arg;
	if (readable && read(told.fd, &byte, 1) == 1)
		note('r');
	if (writable) {
		note('w');
		loop_watch_set(told.watch, true, false);
	}
}

static void test_descriptors_are_watched_as_asked(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	told.fd = fds[0];
	told.watch = loop_watch_new(loop, fds[0], on_watch, NULL);
	assert_int_equal(write(fds[1], "xy", 2), 2);
	run(); /* made with neither */
	assert_string_equal(told.names, ".");
	loop_watch_set(told.watch, true, false);
	run(); /* level-triggered */
	assert_string_equal(told.names, ".rr.");
	loop_watch_set(told.watch, false, true);
	assert_int_equal(write(fds[1], "z", 1), 1);
	run();
	assert_string_equal(told.names, ".rr.wr.");
	loop_watch_set(told.watch, false, false);
	assert_int_equal(write(fds[1], "z", 1), 1);
	run();
	assert_string_equal(told.names, ".rr.wr..");
	loop_watch_free(told.watch);
	loop_watch_free(NULL);
	close(fds[0]);
	close(fds[1]);
}

static void on_free_watch(void *arg, bool readable, bool writable)
{
	(void)arg;
	(void)readable;
	(void)writable;
	note('f');
	loop_watch_free(told.watch);
}

static void test_watch_may_free_itself(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	told.watch = loop_watch_new(loop, fds[0], on_free_watch, NULL);
	loop_watch_set(told.watch, true, true);
	run();
	assert_string_equal(told.names, "f.");
	close(fds[0]);
	close(fds[1]);
}

static void on_signal(void *arg, int signo)
{
	(void)arg;
	note(signo == SIGUSR1 ? '1' : '2');
}

static void test_signals_come_each_time(void **state)
{
	(void)state;
	assert_int_equal(loop_on_signal(loop, SIGUSR1, on_signal, NULL), 0);
	assert_int_equal(loop_on_signal(loop, SIGUSR2, on_signal, NULL), 0);
	raise(SIGUSR1);
	run();
	raise(SIGUSR2);
	run();
	raise(SIGUSR1);
	run();
	assert_string_equal(told.names, "1.2.1.");
	for (int i = 2; i < 8; i++)
		assert_int_equal(loop_on_signal(loop, SIGUSR1, on_signal, NULL), 0);
	assert_int_equal(loop_on_signal(loop, SIGUSR1, on_signal, NULL), -1);
}

static void test_random_stays_below_its_bound_and_is_spread(void **state)
{
	unsigned seen[6] = {0};

	(void)state;
	for (int i = 0; i < 6000; i++) {
		uint32_t word = loop_random(loop, 6);

		assert_true(word < 6);
		seen[word]++;
	}
	for (int i = 0; i < 6; i++)
		assert_in_range(seen[i], 700, 1300); /* ten standard deviations */
	assert_int_equal(loop_random(loop, 1), 0);
	assert_true(loop_random(loop, UINT32_MAX) != loop_random(loop, UINT32_MAX) ||
		    loop_random(loop, UINT32_MAX) != loop_random(loop, UINT32_MAX));
}

static int set_up(void **state)
{
	(void)state;
	memset(&told, 0, sizeof told);
	clock_offset_ms = 0;
	loop = loop_new(NULL);
	return loop != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	loop_free(loop);
	return 0;
}

#define LOOP_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    LOOP_TEST(test_timers_come_once_and_in_their_order),
	    LOOP_TEST(test_cancelled_and_rearmed),
	    LOOP_TEST(test_timer_may_free_itself),
	    LOOP_TEST(test_woken_too_early_sleeps_on),
	    LOOP_TEST(test_descriptors_are_watched_as_asked),
	    LOOP_TEST(test_watch_may_free_itself),
	    LOOP_TEST(test_signals_come_each_time),
	    LOOP_TEST(test_random_stays_below_its_bound_and_is_spread),
	};

	return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
