/*
 * The account machine, rule by rule, with time and randomness in the test's hands. What must hold whatever happens is
 * in test_account_random.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tokend/account.h"

#define SECOND 1000LL
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define T0 (5 * DAY)

static struct account account;
static struct account_input in;

static unsigned event(enum account_event what)
{
	return account_event(&account, what, &in);
}

/* An hour's token for a request sent just now. */
static unsigned got_token(int64_t life)
{
	in.sent_at = in.now;
	in.expires_in_ms = life;
	return event(ACCOUNT_GOT_TOKEN);
}

static unsigned failed(enum account_event what, int64_t retry_after)
{
	unsigned actions;

	in.retry_after_ms = retry_after;
	actions = event(what);
	in.retry_after_ms = 0;
	return actions;
}

/* Lets the alarm ring. */
static unsigned tick_when_due(void)
{
	assert_true(account.wake_at >= in.now);
	in.now = account.wake_at;
	return event(ACCOUNT_TICK);
}

static int begin(void **state)
{
	(void)state;
	memset(&in, 0, sizeof in);
	in.now = T0;
	account_init(&account, (int)MINUTE, true, &in);
	return 0;
}

/* With an hour's token, got because somebody asked. */
static int begin_fresh(void **state)
{
	begin(state);
	event(ACCOUNT_ASKED);
	got_token(HOUR);
	assert_int_equal(account.state, ACCOUNT_FRESH);
	return 0;
}

static void a_new_account_tries_its_grant_soon(void **state)
{
	(void)state;
	assert_int_equal(account.state, ACCOUNT_EMPTY);
	assert_int_equal(account.wake_at, T0);
	in.random = UINT32_MAX;
	account_init(&account, 0, true, &in);
	assert_int_equal(account.wake_at, T0 + ACCOUNT_START_SPREAD_MS);
	in.now--;
	assert_int_equal(event(ACCOUNT_TICK), ACCOUNT_DO_NOTHING);
	assert_int_equal(tick_when_due(), ACCOUNT_START_REFRESH);
	assert_int_equal(account.state, ACCOUNT_REFRESHING);
}

static void without_a_grant_nothing_is_tried(void **state)
{
	enum account_event quiet[] = {ACCOUNT_TICK, ACCOUNT_REFUSED, ACCOUNT_GOT_RETRY, ACCOUNT_GOT_LOST,
				      ACCOUNT_GOT_MISCONFIGURED};
	size_t i;

	(void)state;
	account_init(&account, 0, false, &in);
	assert_int_equal(account.wake_at, 0);
	assert_int_equal(event(ACCOUNT_ASKED), ACCOUNT_ANSWER);
	assert_int_equal(event(ACCOUNT_FORCED), ACCOUNT_ANSWER);
	assert_int_equal(event(ACCOUNT_GRANT_REMOVED), ACCOUNT_ANSWER);
	for (i = 0; i < sizeof quiet / sizeof quiet[0]; i++)
		assert_int_equal(event(quiet[i]), ACCOUNT_DO_NOTHING);
	assert_int_equal(got_token(HOUR), ACCOUNT_DROP_TOKEN);
	assert_int_equal(account.state, ACCOUNT_NEEDS_LOGIN);
	assert_false(account_can_serve(&account, in.now));
	assert_int_equal(account.wake_at, 0);
}

static void many_who_ask_cause_one_request(void **state)
{
	int i;

	(void)state;
	assert_int_equal(event(ACCOUNT_ASKED), ACCOUNT_START_REFRESH);
	assert_true(account_worth_waiting(&account));
	for (i = 0; i < 20; i++)
		assert_int_equal(event(ACCOUNT_ASKED), ACCOUNT_DO_NOTHING);
	assert_int_equal(event(ACCOUNT_FORCED), ACCOUNT_DO_NOTHING);
	assert_int_equal(event(ACCOUNT_TICK), ACCOUNT_DO_NOTHING);
	assert_int_equal(got_token(HOUR), ACCOUNT_ANSWER);
	assert_false(account_worth_waiting(&account));
	assert_int_equal(event(ACCOUNT_ASKED), ACCOUNT_ANSWER);
}

static void a_token_is_served_down_to_min_validity(void **state)
{
	(void)state;
	assert_true(account_can_serve(&account, T0 + HOUR - MINUTE));
	assert_false(account_can_serve(&account, T0 + HOUR - MINUTE + 1));
	in.now = T0 + HOUR - MINUTE;
	assert_true((event(ACCOUNT_ASKED) & ACCOUNT_ANSWER) != 0);
	begin_fresh(state);
	in.now = T0 + HOUR - MINUTE + 1;
	assert_int_equal(event(ACCOUNT_ASKED), ACCOUNT_START_REFRESH);
}

static void life_counts_from_when_the_request_was_sent(void **state)
{
	(void)state;
	begin(state);
	event(ACCOUNT_ASKED);
	in.sent_at = in.now;
	in.expires_in_ms = HOUR;
	in.now += 15 * SECOND;
	assert_int_equal(event(ACCOUNT_GOT_TOKEN), ACCOUNT_ANSWER);
	assert_int_equal(account.token_until, T0 + HOUR);
	in.sent_at = in.now + DAY; /* nonsense: taken as now */
	event(ACCOUNT_GOT_TOKEN);
	assert_int_equal(account.token_until, in.now + HOUR);
}

static void in_use_a_token_is_replaced_by_half_its_life(void **state)
{
	(void)state;
	assert_int_equal(account.wake_at, T0 + HOUR / 2);
	in.now = T0 + 10 * SECOND;
	event(ACCOUNT_ASKED);
	in.now = T0 + HOUR / 2 - 1;
	assert_int_equal(event(ACCOUNT_TICK), ACCOUNT_DO_NOTHING);
	assert_int_equal(tick_when_due(), ACCOUNT_START_REFRESH);
	assert_int_equal(event(ACCOUNT_ASKED), ACCOUNT_ANSWER); /* the old one serves meanwhile */
}

static void or_before_min_validity_if_that_comes_first(void **state)
{
	(void)state;
	account_init(&account, (int)(50 * MINUTE), true, &in);
	event(ACCOUNT_ASKED);
	got_token(HOUR);
	assert_int_equal(account.refresh_at, T0 + 10 * MINUTE - ACCOUNT_MARGIN_MS);
	account_init(&account, (int)(HOUR - 80 * SECOND), true, &in);
	event(ACCOUNT_ASKED);
	got_token(HOUR);
	assert_int_equal(account.refresh_at, T0 + 60 * SECOND); /* a short service leaves a shorter margin */
}

static void jitter_makes_it_up_to_a_tenth_earlier(void **state)
{
	(void)state;
	begin(state);
	event(ACCOUNT_ASKED);
	in.random = UINT32_MAX;
	got_token(HOUR);
	assert_int_equal(account.refresh_at, T0 + 27 * MINUTE);
	assert_int_equal(account.next_try, T0 + DAY - DAY / 10);
}

static void asked_once_an_hour_is_still_in_use(void **state)
{
	(void)state;
	assert_int_equal(tick_when_due(), ACCOUNT_START_REFRESH);
	got_token(HOUR);
	assert_int_equal(tick_when_due(), ACCOUNT_START_REFRESH); /* asked for exactly an hour ago */
	got_token(HOUR);
	assert_int_equal(tick_when_due(), ACCOUNT_DO_NOTHING);
	assert_int_equal(account.state, ACCOUNT_AGEING);
}

static void a_long_token_is_in_use_if_asked_for_once(void **state)
{
	(void)state;
	begin(state);
	event(ACCOUNT_ASKED);
	got_token(20 * HOUR);
	in.now += 2 * HOUR;
	assert_int_equal(event(ACCOUNT_ASKED), ACCOUNT_ANSWER);
	assert_int_equal(account.wake_at, T0 + 10 * HOUR);
	assert_int_equal(tick_when_due(), ACCOUNT_START_REFRESH);
}

static void idle_a_token_ages_runs_out_and_the_grant_is_used_daily(void **state)
{
	(void)state;
	begin(state);
	assert_int_equal(tick_when_due(), ACCOUNT_START_REFRESH);
	got_token(HOUR);
	assert_int_equal(tick_when_due(), ACCOUNT_DO_NOTHING);
	assert_int_equal(account.state, ACCOUNT_AGEING);
	assert_int_equal(account.wake_at, T0 + HOUR);
	assert_int_equal(tick_when_due(), ACCOUNT_DROP_TOKEN);
	assert_int_equal(account.state, ACCOUNT_EMPTY);
	assert_int_equal(account.token_until, 0);
	assert_int_equal(account.wake_at, T0 + DAY);
	assert_int_equal(tick_when_due(), ACCOUNT_START_REFRESH);
}

static void asked_for_while_ageing_it_is_served_and_replaced(void **state)
{
	(void)state;
	begin(state);
	tick_when_due();
	got_token(HOUR);
	tick_when_due();
	in.now += SECOND;
	assert_int_equal(event(ACCOUNT_ASKED), ACCOUNT_ANSWER | ACCOUNT_START_REFRESH);
	assert_int_equal(event(ACCOUNT_ASKED), ACCOUNT_ANSWER);
	failed(ACCOUNT_GOT_RETRY, 0);
	in.now = T0 + HOUR - 30 * SECOND; /* good, but not for min_validity; and the pause is long over */
	assert_int_equal(event(ACCOUNT_ASKED), ACCOUNT_START_REFRESH);
}

static void back_off_doubles_up_to_its_maximum(void **state)
{
	int64_t pause = ACCOUNT_BACKOFF_FIRST_MS;
	int i;

	(void)state;
	in.random = 0x8000; /* the middle */
	event(ACCOUNT_ASKED);
	for (i = 0; i < 40; i++) {
		assert_int_equal(failed(ACCOUNT_GOT_RETRY, 0), ACCOUNT_ANSWER);
		assert_int_equal(account.state, ACCOUNT_BACKOFF);
		assert_int_equal(account.failures, i + 1);
		assert_in_range(account.next_try - in.now, pause - 1, pause + 10);
		assert_int_equal(tick_when_due(), ACCOUNT_START_REFRESH);
		pause = pause * 2 < ACCOUNT_BACKOFF_MAX_MS ? pause * 2 : ACCOUNT_BACKOFF_MAX_MS;
	}
	got_token(HOUR);
	assert_int_equal(account.failures, 0);
	event(ACCOUNT_FORCED);
	failed(ACCOUNT_GOT_RETRY, 0);
	assert_in_range(account.next_try - in.now, 999, 1010);
}

static void jitter_is_a_quarter_either_way(void **state)
{
	(void)state;
	event(ACCOUNT_ASKED);
	in.random = 0;
	failed(ACCOUNT_GOT_RETRY, 0);
	assert_int_equal(account.next_try - in.now, 750);
	begin(state);
	event(ACCOUNT_ASKED);
	in.random = UINT32_MAX;
	failed(ACCOUNT_GOT_RETRY, 0);
	assert_int_equal(account.next_try - in.now, 1250);
}

static void retry_after_wins_if_it_is_longer(void **state)
{
	(void)state;
	event(ACCOUNT_ASKED);
	failed(ACCOUNT_GOT_RETRY, 90 * SECOND);
	assert_int_equal(account.next_try, T0 + 90 * SECOND);
	event(ACCOUNT_FORCED);
	failed(ACCOUNT_GOT_RETRY, 10);
	assert_int_equal(account.next_try, T0 + 1500);
	event(ACCOUNT_FORCED);
	failed(ACCOUNT_GOT_RETRY, INT64_MAX);
	assert_int_equal(account.next_try, T0 + ACCOUNT_RETRY_AFTER_MAX_MS);
	event(ACCOUNT_FORCED);
	failed(ACCOUNT_GOT_RETRY, -1);
	assert_int_equal(account.next_try, T0 + 6000);
}

static void in_a_pause_those_who_ask_are_told_at_once(void **state)
{
	int i;

	(void)state;
	event(ACCOUNT_ASKED);
	failed(ACCOUNT_GOT_RETRY, MINUTE);
	for (i = 0; i < 100; i++) {
		in.now = T0 + MINUTE - 1;
		assert_int_equal(event(ACCOUNT_ASKED), ACCOUNT_ANSWER);
		assert_int_equal(event(ACCOUNT_TICK), ACCOUNT_DO_NOTHING);
		assert_int_equal(event(ACCOUNT_REFUSED), ACCOUNT_DO_NOTHING);
	}
	in.now++; /* asked before the alarm rang */
	assert_int_equal(event(ACCOUNT_ASKED), ACCOUNT_START_REFRESH);
}

static void in_a_pause_a_good_token_is_served(void **state)
{
	(void)state;
	tick_when_due();
	failed(ACCOUNT_GOT_RETRY, 20 * MINUTE);
	assert_int_equal(account.state, ACCOUNT_BACKOFF);
	assert_int_equal(event(ACCOUNT_ASKED), ACCOUNT_ANSWER);
	assert_true(account_can_serve(&account, in.now));
	in.now = account.next_try; /* the pause is over: the alarm will start the request, not the one who asks */
	assert_int_equal(event(ACCOUNT_ASKED), ACCOUNT_ANSWER);
	assert_int_equal(event(ACCOUNT_TICK), ACCOUNT_START_REFRESH);
	failed(ACCOUNT_GOT_MISCONFIGURED, 0);
	assert_int_equal(account.state, ACCOUNT_MISCONFIGURED);
	assert_int_equal(event(ACCOUNT_ASKED), ACCOUNT_ANSWER);
	assert_true(account_can_serve(&account, in.now));
}

static void misconfigured_is_tried_slowly(void **state)
{
	int64_t pause = MINUTE;
	int i;

	(void)state;
	in.random = 0x8000;
	event(ACCOUNT_ASKED);
	for (i = 0; i < 10; i++) {
		assert_int_equal(failed(ACCOUNT_GOT_MISCONFIGURED, 0), ACCOUNT_ANSWER);
		assert_int_equal(account.state, ACCOUNT_MISCONFIGURED);
		assert_in_range(account.next_try - in.now, pause - 1, pause + 100);
		assert_int_equal(event(ACCOUNT_ASKED), ACCOUNT_ANSWER);
		assert_int_equal(tick_when_due(), ACCOUNT_START_REFRESH);
		pause = pause * 2 < HOUR ? pause * 2 : HOUR;
	}
	failed(ACCOUNT_GOT_RETRY, 0); /* another trouble begins at its own first pause */
	assert_in_range(account.next_try - in.now, 999, 1010);
	assert_int_equal(account.failures, 11);
}

static void a_lost_grant_is_tried_seldom_and_not_for_those_who_ask(void **state)
{
	(void)state;
	event(ACCOUNT_ASKED);
	assert_int_equal(failed(ACCOUNT_GOT_LOST, 0), ACCOUNT_ANSWER);
	assert_int_equal(account.state, ACCOUNT_NEEDS_LOGIN);
	assert_true(account.has_grant);
	assert_int_equal(account.wake_at, T0 + 45 * MINUTE);
	in.now += DAY;
	assert_int_equal(event(ACCOUNT_ASKED), ACCOUNT_ANSWER);
	assert_int_equal(event(ACCOUNT_TICK), ACCOUNT_START_REFRESH);
	failed(ACCOUNT_GOT_LOST, 0);
	assert_int_equal(account.wake_at, T0 + DAY + 90 * MINUTE);
	assert_int_equal(event(ACCOUNT_FORCED), ACCOUNT_START_REFRESH);
	assert_int_equal(got_token(HOUR), ACCOUNT_ANSWER);
	assert_int_equal(account.state, ACCOUNT_FRESH);
}

static void the_last_token_of_a_lost_grant_is_served_to_its_end(void **state)
{
	(void)state;
	tick_when_due();
	failed(ACCOUNT_GOT_LOST, 0);
	assert_true(account_can_serve(&account, in.now));
	assert_int_equal(event(ACCOUNT_ASKED), ACCOUNT_ANSWER);
	assert_int_equal(event(ACCOUNT_REFUSED), ACCOUNT_DO_NOTHING);
	assert_true(account_can_serve(&account, in.now));
	assert_int_equal(account.wake_at, T0 + HOUR);
	assert_int_equal(tick_when_due(), ACCOUNT_DROP_TOKEN);
	assert_int_equal(account.state, ACCOUNT_NEEDS_LOGIN);
	assert_false(account_can_serve(&account, in.now));
}

static void a_refused_token_is_replaced_once_a_minute(void **state)
{
	(void)state;
	assert_int_equal(event(ACCOUNT_REFUSED), ACCOUNT_START_REFRESH);
	assert_false(account_can_serve(&account, in.now));
	assert_int_equal(event(ACCOUNT_ASKED), ACCOUNT_DO_NOTHING); /* waits for the new one */
	got_token(HOUR);
	assert_true(account_can_serve(&account, in.now));
	in.now = T0 + ACCOUNT_REFUSED_PAUSE_MS - 1;
	assert_int_equal(event(ACCOUNT_REFUSED), ACCOUNT_DO_NOTHING);
	assert_true(account_can_serve(&account, in.now));
	in.now++;
	assert_int_equal(event(ACCOUNT_REFUSED), ACCOUNT_START_REFRESH);
	failed(ACCOUNT_GOT_RETRY, 0);
	assert_true(account_can_serve(&account, in.now)); /* better than none: the server may have been wrong */
}

static void a_token_refused_while_its_replacement_is_under_way(void **state)
{
	(void)state;
	tick_when_due();
	assert_true(account_can_serve(&account, in.now));
	assert_int_equal(event(ACCOUNT_REFUSED), ACCOUNT_DO_NOTHING);
	assert_int_equal(event(ACCOUNT_ASKED), ACCOUNT_DO_NOTHING);
	assert_int_equal(got_token(HOUR), ACCOUNT_ANSWER);
	assert_int_equal(event(ACCOUNT_REFUSED), ACCOUNT_START_REFRESH); /* that one was not the refusal's doing */
}

static void a_newer_grant_ends_a_pause(void **state)
{
	enum account_event outcomes[] = {ACCOUNT_GOT_RETRY, ACCOUNT_GOT_LOST, ACCOUNT_GOT_MISCONFIGURED};
	size_t i;

	for (i = 0; i < 3; i++) {
		begin_fresh(state);
		event(ACCOUNT_FORCED);
		failed(outcomes[i], 0);
		assert_int_equal(event(ACCOUNT_GRANT_ADDED), ACCOUNT_DROP_TOKEN);
		assert_int_equal(account.state, ACCOUNT_EMPTY);
		assert_int_equal(account.failures, 0);
		assert_int_equal(tick_when_due(), ACCOUNT_START_REFRESH);
	}
}

static void a_newer_grant_is_not_judged_by_the_older_ones_answer(void **state)
{
	(void)state;
	event(ACCOUNT_ASKED);
	assert_int_equal(event(ACCOUNT_GRANT_ADDED), ACCOUNT_ABORT_REFRESH | ACCOUNT_START_REFRESH);
	assert_int_equal(account.state, ACCOUNT_REFRESHING);
	assert_int_equal(got_token(HOUR), ACCOUNT_ANSWER);
}

static void a_token_that_came_with_the_grant_is_taken(void **state)
{
	(void)state;
	account_init(&account, 0, false, &in);
	event(ACCOUNT_GRANT_ADDED);
	assert_int_equal(got_token(HOUR), ACCOUNT_ANSWER);
	assert_int_equal(account.state, ACCOUNT_FRESH);
	assert_int_equal(account.wake_at, T0 + HOUR / 2);
}

static void a_forgotten_grant_takes_the_token_along(void **state)
{
	(void)state;
	assert_int_equal(event(ACCOUNT_GRANT_REMOVED), ACCOUNT_ANSWER | ACCOUNT_DROP_TOKEN);
	assert_int_equal(account.state, ACCOUNT_NEEDS_LOGIN);
	assert_false(account_can_serve(&account, in.now));
	assert_int_equal(account.wake_at, 0);
	begin(state);
	event(ACCOUNT_ASKED);
	assert_int_equal(event(ACCOUNT_GRANT_REMOVED), ACCOUNT_ANSWER | ACCOUNT_ABORT_REFRESH);
	assert_int_equal(event(ACCOUNT_GOT_LOST), ACCOUNT_DO_NOTHING);
}

static void a_token_that_never_could_be_served_is_no_hot_loop(void **state)
{
	int64_t lives[] = {INT64_MIN, -1, 0, MINUTE - 1, MINUTE, MINUTE + ACCOUNT_WINDOW_MIN_MS - 1};
	size_t i;

	for (i = 0; i < sizeof lives / sizeof lives[0]; i++) {
		begin(state);
		event(ACCOUNT_ASKED);
		assert_int_equal(got_token(lives[i]), ACCOUNT_ANSWER | ACCOUNT_DROP_TOKEN);
		assert_int_equal(account.state, ACCOUNT_MISCONFIGURED);
		assert_int_equal(account.wake_at, T0 + 45 * SECOND);
		assert_int_equal(event(ACCOUNT_ASKED), ACCOUNT_ANSWER);
	}
	begin(state);
	event(ACCOUNT_ASKED);
	assert_int_equal(got_token(MINUTE + ACCOUNT_WINDOW_MIN_MS), ACCOUNT_ANSWER);
	assert_true(account_can_serve(&account, in.now));
	assert_int_equal(account.refresh_at, T0 + ACCOUNT_PACE_MS);
}

static void a_token_that_was_too_long_under_way_is_asked_for_again_later(void **state)
{
	(void)state;
	event(ACCOUNT_ASKED);
	in.sent_at = in.now;
	in.expires_in_ms = MINUTE + 15 * SECOND;
	in.now += 16 * SECOND;
	assert_int_equal(event(ACCOUNT_GOT_TOKEN), ACCOUNT_ANSWER | ACCOUNT_DROP_TOKEN);
	assert_int_equal(account.state, ACCOUNT_BACKOFF);
	assert_int_equal(account.token_until, 0);
}

static void an_endless_life_has_an_end(void **state)
{
	(void)state;
	event(ACCOUNT_ASKED);
	got_token(INT64_MAX);
	assert_int_equal(account.token_until, T0 + ACCOUNT_LIFE_MAX_MS);
	assert_true(account.wake_at <= T0 + DAY);
}

static void time_does_not_run_backwards(void **state)
{
	(void)state;
	in.now = T0 + HOUR;
	assert_int_equal(event(ACCOUNT_TICK), ACCOUNT_DROP_TOKEN);
	in.now = T0;
	assert_false(account_can_serve(&account, T0));
	assert_int_equal(event(ACCOUNT_ASKED), ACCOUNT_START_REFRESH);
	in.expires_in_ms = HOUR;
	in.sent_at = T0;
	assert_int_equal(event(ACCOUNT_GOT_TOKEN), ACCOUNT_ANSWER | ACCOUNT_DROP_TOKEN);
	in.now = INT64_MIN;
	assert_int_equal(event(ACCOUNT_ASKED), ACCOUNT_ANSWER);
	assert_true(account.wake_at > T0 + HOUR);
}

static void every_state_has_its_name(void **state)
{
	static const char *const names[ACCOUNT_STATES] = {"needs_login", "empty",   "refreshing",   "fresh",
							  "ageing",      "backoff", "misconfigured"};
	int i;

	(void)state;
	for (i = 0; i < ACCOUNT_STATES; i++)
		assert_string_equal(account_state_name((enum account_state)i), names[i]);
}

#define CASE(name) cmocka_unit_test_setup(name, begin)
#define FRESH_CASE(name) cmocka_unit_test_setup(name, begin_fresh)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    CASE(a_new_account_tries_its_grant_soon),
	    CASE(without_a_grant_nothing_is_tried),
	    CASE(many_who_ask_cause_one_request),
	    FRESH_CASE(a_token_is_served_down_to_min_validity),
	    CASE(life_counts_from_when_the_request_was_sent),
	    FRESH_CASE(in_use_a_token_is_replaced_by_half_its_life),
	    CASE(or_before_min_validity_if_that_comes_first),
	    CASE(jitter_makes_it_up_to_a_tenth_earlier),
	    FRESH_CASE(asked_once_an_hour_is_still_in_use),
	    CASE(a_long_token_is_in_use_if_asked_for_once),
	    CASE(idle_a_token_ages_runs_out_and_the_grant_is_used_daily),
	    CASE(asked_for_while_ageing_it_is_served_and_replaced),
	    CASE(back_off_doubles_up_to_its_maximum),
	    CASE(jitter_is_a_quarter_either_way),
	    CASE(retry_after_wins_if_it_is_longer),
	    CASE(in_a_pause_those_who_ask_are_told_at_once),
	    FRESH_CASE(in_a_pause_a_good_token_is_served),
	    CASE(misconfigured_is_tried_slowly),
	    CASE(a_lost_grant_is_tried_seldom_and_not_for_those_who_ask),
	    FRESH_CASE(the_last_token_of_a_lost_grant_is_served_to_its_end),
	    FRESH_CASE(a_refused_token_is_replaced_once_a_minute),
	    FRESH_CASE(a_token_refused_while_its_replacement_is_under_way),
	    CASE(a_newer_grant_ends_a_pause),
	    CASE(a_newer_grant_is_not_judged_by_the_older_ones_answer),
	    CASE(a_token_that_came_with_the_grant_is_taken),
	    FRESH_CASE(a_forgotten_grant_takes_the_token_along),
	    CASE(a_token_that_never_could_be_served_is_no_hot_loop),
	    CASE(a_token_that_was_too_long_under_way_is_asked_for_again_later),
	    CASE(an_endless_life_has_an_end),
	    FRESH_CASE(time_does_not_run_backwards),
	    CASE(every_state_has_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
