/* The pace of token requests: how many, in which order, how soon; time is the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tokend/turns.h"

#define T0 (1000 * 1000LL)
#define BURST (TURNS_PER_SECOND_MIN * TURNS_BURST_MS / 1000)
#define MANY 2000

static struct turns turns;
static struct turn many[MANY];

static int begin(void **state)
{
	(void)state;
	turns_init(&turns);
	for (int i = 0; i < MANY; i++)
		many[i] = (struct turn){.list = NULL};
	return 0;
}

/* How many of `many`, which ask at T0, may go at once. */
static int go_at_once(int count, enum turn_kind kind)
{
	int gone = 0;

	for (int i = 0; i < count; i++)
		gone += turns_take(&turns, &many[i], kind, T0);
	return gone;
}

static int go_until(int64_t now)
{
	int gone = 0;

	while (turns_next(&turns, now) != NULL)
		gone++;
	return gone;
}

static void few_go_at_once(void **state)
{
	(void)state;
	assert_int_equal(go_at_once(BURST, TURN_IDLE), BURST);
	assert_int_equal(turns_wake_at(&turns), 0);
	assert_null(turns_next(&turns, T0));
}

static void many_go_at_a_pace(void **state)
{
	int gone, more;

	(void)state;
	gone = go_at_once(1000, TURN_IDLE);
	assert_in_range(gone, BURST, BURST + 1);
	assert_in_range(turns_wake_at(&turns), T0 + 1, T0 + 1000 / TURNS_PER_SECOND_MIN);
	assert_null(turns_next(&turns, turns_wake_at(&turns) - 1));
	more = go_until(T0 + 1000) + go_until(T0 + 2000) + go_until(T0 + 3000);
	assert_in_range(more, 3 * TURNS_PER_SECOND_MIN - 1, 3 * TURNS_PER_SECOND_MIN + 1);
	assert_in_range(go_until(T0 + 60 * 60000), BURST, BURST + 1); /* a long pause saves no more up */
}

/* A third more than what they need: `accounts` in every interval. */
static void the_pace_grows_with_the_accounts(void **state)
{
	(void)state;
	turns.accounts = 100000;
	turns.interval_ms = 1000 * 1000;
	assert_in_range(go_at_once(MANY, TURN_IDLE), 665, 669); /* 133.3 a second, for five */
	assert_in_range(go_until(T0 + 3000), 399, 401);
}

/* Those that nobody waits for: 100 in 5 seconds, 200 in 40, 400 in 320, and then in the time there is. */
static void many_take_their_time(void **state)
{
	static const struct {
		size_t accounts;
		int at_once, in_a_minute;
	} cases[] = {{100, 100, 1200}, {200, 25, 300}, {400, 6, 75}, {1000, 4, 44}};
	int gone;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		begin(state);
		turns.accounts = cases[i].accounts;
		assert_in_range(go_at_once(MANY, TURN_IDLE), cases[i].at_once, cases[i].at_once + 1);
		gone = 0;
		for (int second = 1; second <= 60; second++)
			gone += go_until(T0 + second * 1000);
		assert_in_range(gone, cases[i].in_a_minute - 1, cases[i].in_a_minute + 1);
	}
}

/* They stand back while others are waited for, which go at the usual pace. */
static void many_stand_back(void **state)
{
	struct turn late = {.list = NULL}, asked = {.list = NULL};

	(void)state;
	turns.accounts = 1000; /* one that nobody waits for in 1.35 s */
	assert_int_equal(go_at_once(BURST, TURN_ASKED), BURST);
	assert_false(turns_take(&turns, &late, TURN_IDLE, T0));
	assert_in_range(turns_wake_at(&turns), T0 + 129000, T0 + 131000);
	assert_true(turns_take(&turns, &asked, TURN_ASKED, T0 + 1000));
	assert_false(turns_take(&turns, &asked, TURN_IDLE, T0 + 2000));
	assert_true(turns_take(&turns, &asked, TURN_ASKED, T0 + 2000));
	assert_null(turns_next(&turns, T0 + 100000));
	assert_ptr_equal(turns_next(&turns, T0 + 140000), &late);
}

static void whoever_is_waited_for_goes_first(void **state)
{
	struct turn asked = {.list = NULL}, hurried = many[0];

	(void)state;
	go_at_once(BURST + 10, TURN_IDLE);
	hurried = (struct turn){.list = NULL};
	assert_false(turns_take(&turns, &hurried, TURN_IDLE, T0));
	assert_false(turns_take(&turns, &asked, TURN_ASKED, T0));
	assert_false(turns_take(&turns, &hurried, TURN_ASKED, T0));
	assert_false(turns_take(&turns, &hurried, TURN_IDLE, T0)); /* not less wanted than before */
	assert_ptr_equal(turns_next(&turns, T0 + 1000), &asked);
	assert_ptr_equal(turns_next(&turns, T0 + 1000), &hurried);
	assert_ptr_equal(turns_next(&turns, T0 + 1000), &many[BURST + 1]); /* then in the order in which they came */
	turns_leave(&many[BURST + 2]);
	assert_ptr_equal(turns_next(&turns, T0 + 1000), &many[BURST + 3]);
}

/* Nobody overtakes those who wait, though there is room again. */
static void newcomers_queue_up(void **state)
{
	struct turn late = {.list = NULL}, asked = {.list = NULL};

	(void)state;
	go_at_once(BURST + 10, TURN_IDLE);
	assert_false(turns_take(&turns, &late, TURN_IDLE, T0 + 60000));
	assert_true(turns_take(&turns, &asked, TURN_ASKED, T0 + 60000));
}

static void an_administrator_does_not_wait_and_counts(void **state)
{
	int64_t before;

	(void)state;
	go_at_once(BURST + 10, TURN_IDLE);
	before = turns_wake_at(&turns);
	assert_true(turns_take(&turns, &many[BURST + 5], TURN_AT_ONCE, T0));
	assert_null(many[BURST + 5].list);
	assert_int_equal(turns_wake_at(&turns), before + 1000 / TURNS_PER_SECOND_MIN);
}

static void the_interval_is_an_average(void **state)
{
	(void)state;
	for (int i = 0; i < 5000; i++)
		turns_note_interval(&turns, i % 2 == 0 ? 20 * 60000 : 40 * 60000);
	assert_in_range(turns.interval_ms, 29 * 60000, 31 * 60000);
	for (int i = 0; i < 10000; i++)
		turns_note_interval(&turns, 0);
	assert_int_equal(turns.interval_ms, 5000);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(few_go_at_once, begin),
	    cmocka_unit_test_setup(many_go_at_a_pace, begin),
	    cmocka_unit_test_setup(the_pace_grows_with_the_accounts, begin),
	    cmocka_unit_test_setup(many_take_their_time, begin),
	    cmocka_unit_test_setup(many_stand_back, begin),
	    cmocka_unit_test_setup(whoever_is_waited_for_goes_first, begin),
	    cmocka_unit_test_setup(newcomers_queue_up, begin),
	    cmocka_unit_test_setup(an_administrator_does_not_wait_and_counts, begin),
	    cmocka_unit_test_setup(the_interval_is_an_average, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
