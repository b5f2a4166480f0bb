/* Deadlines, with a clock of the test's own. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "lib/deadline.h"

static struct timespec now;

int __wrap_clock_gettime(clockid_t clock, struct timespec *out);

int __wrap_clock_gettime(clockid_t clock, struct timespec *out)
{
	assert_int_equal(clock, CLOCK_MONOTONIC); /* the only one that nobody sets */
	*out = now;
	return 0;
}

static void set_clock(time_t seconds, long ms)
{
	now = (struct timespec){.tv_sec = seconds, .tv_nsec = ms * 1000000};
}

static void time_runs_down_to_zero(void **state)
{
	struct deadline deadline;

	(void)state;
	set_clock(1000, 900);
	deadline = deadline_after(1500);
	assert_int_equal(deadline_left(deadline), 1500);
	set_clock(1001, 400);
	assert_int_equal(deadline_left(deadline), 1000);
	set_clock(1002, 399);
	assert_int_equal(deadline_left(deadline), 1);
	set_clock(1002, 400);
	assert_int_equal(deadline_left(deadline), 0);
	set_clock(5000, 0);
	assert_int_equal(deadline_left(deadline), 0);
}

static void no_time_is_no_time(void **state)
{
	(void)state;
	set_clock(1000, 0);
	assert_int_equal(deadline_left(deadline_after(0)), 0);
	assert_int_equal(deadline_left(deadline_after(-5)), 0);
	assert_int_equal(deadline_left((struct deadline){0}), 0);
}

static void very_long_is_as_long_as_poll_can_wait(void **state)
{
	(void)state;
	set_clock(1000, 0);
	assert_int_equal(deadline_left(deadline_after((int64_t)INT_MAX - 1)), INT_MAX - 1);
	assert_int_equal(deadline_left(deadline_after((int64_t)INT_MAX + 1)), INT_MAX);
	assert_int_equal(deadline_left(deadline_after(INT64_MAX)), INT_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(time_runs_down_to_zero),
	    cmocka_unit_test(no_time_is_no_time),
	    cmocka_unit_test(very_long_is_as_long_as_poll_can_wait),
	};

	return cmocka_run_group_tests_name("deadline", tests, NULL, NULL);
}
