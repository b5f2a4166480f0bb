/* The state machine of a sign-in: its deadlines, its polls, and what it will not do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tokend/consent.h"

#define START 1000000

static struct consent consent;
static int64_t now;

static unsigned feed(enum consent_event event)
{
	struct consent_input in = {.now = now, .interval_ms = 5000};

	return consent_event(&consent, event, &in);
}

static void begin(enum consent_kind kind)
{
	now = START;
	consent_init(&consent, kind, now);
}

static void begin_waiting(enum consent_kind kind)
{
	begin(kind);
	assert_int_equal(CONSENT_DO_NOTHING, feed(CONSENT_READY));
	assert_int_equal(CONSENT_WAITING, consent.state);
}

/* Time passes, with somebody asking each second, until something is to be done. */
static unsigned pass_heard(int64_t ms)
{
	int64_t until = now + ms;
	unsigned actions = CONSENT_DO_NOTHING;

	while (actions == CONSENT_DO_NOTHING && now < until) {
		now += 1000;
		feed(CONSENT_HEARD);
		actions = feed(CONSENT_TICK);
	}
	return actions;
}

static void a_code_is_traded_once(void **state)
{
	(void)state;
	begin(CONSENT_BROWSER);
	assert_int_equal(CONSENT_DO_NOTHING, feed(CONSENT_CODE)); /* nobody was asked yet */
	feed(CONSENT_READY);
	assert_int_equal(CONSENT_TRADE, feed(CONSENT_CODE));
	assert_int_equal(CONSENT_TRADING, consent.state);
	assert_int_equal(CONSENT_DO_NOTHING, feed(CONSENT_CODE));
	feed(CONSENT_ENDED);
	assert_int_equal(CONSENT_OVER, consent.state);
	assert_int_equal(CONSENT_DO_NOTHING, feed(CONSENT_CODE));
	assert_int_equal(CONSENT_OVER, consent.state);
}

static void it_lives_for_a_quarter_of_an_hour(void **state)
{
	(void)state;
	begin_waiting(CONSENT_BROWSER);
	assert_int_equal(CONSENT_DO_NOTHING, pass_heard(CONSENT_LIFE_MS - 1000));
	assert_int_equal(CONSENT_EXPIRED, pass_heard(1000));
	assert_int_equal(CONSENT_OVER, consent.state);
}

static void a_device_code_may_live_shorter(void **state)
{
	struct consent_input in = {.now = START, .life_ms = 60 * 1000, .interval_ms = 5000};

	(void)state;
	begin(CONSENT_DEVICE);
	consent_event(&consent, CONSENT_READY, &in);
	assert_int_equal(START + 60 * 1000, consent.until);
	begin(CONSENT_DEVICE);
	in.life_ms = 60 * 60 * 1000;
	consent_event(&consent, CONSENT_READY, &in);
	assert_int_equal(START + CONSENT_LIFE_MS, consent.until);
}

static void a_minute_of_silence_ends_it(void **state)
{
	(void)state;
	begin_waiting(CONSENT_PASTE);
	now += CONSENT_SILENCE_MS - 1;
	assert_int_equal(CONSENT_DO_NOTHING, feed(CONSENT_TICK));
	feed(CONSENT_HEARD);
	now += CONSENT_SILENCE_MS - 1;
	assert_int_equal(CONSENT_DO_NOTHING, feed(CONSENT_TICK));
	assert_int_equal(now + 1, consent.wake_at);
	now++;
	assert_int_equal(CONSENT_ABANDONED, feed(CONSENT_TICK));
	assert_int_equal(CONSENT_OVER, consent.state);
	begin(CONSENT_BROWSER); /* also before it is ready */
	now += CONSENT_SILENCE_MS;
	assert_int_equal(CONSENT_ABANDONED, feed(CONSENT_TICK));
}

static void what_is_being_traded_is_waited_for(void **state)
{
	(void)state;
	begin_waiting(CONSENT_BROWSER);
	feed(CONSENT_CODE);
	assert_int_equal(0, consent.wake_at);
	now += CONSENT_LIFE_MS * 2;
	assert_int_equal(CONSENT_DO_NOTHING, feed(CONSENT_TICK));
	assert_int_equal(CONSENT_TRADING, consent.state);
}

static void the_outcome_is_forgotten_when_nobody_asks(void **state)
{
	(void)state;
	begin_waiting(CONSENT_BROWSER);
	feed(CONSENT_ENDED);
	now += CONSENT_SILENCE_MS - 1;
	assert_int_equal(CONSENT_DO_NOTHING, feed(CONSENT_TICK));
	now++;
	assert_int_equal(CONSENT_FORGET, feed(CONSENT_TICK));
}

/* The time from the answer to the next poll. */
static int64_t next_poll(enum consent_event answer)
{
	int64_t from = now;

	feed(answer);
	assert_int_equal(CONSENT_WAITING, consent.state);
	assert_int_equal(CONSENT_TRADE, pass_heard(CONSENT_LIFE_MS));
	return now - from;
}

static void polling_slows_down_for_good(void **state)
{
	(void)state;
	begin_waiting(CONSENT_DEVICE);
	assert_int_equal(CONSENT_TRADE, pass_heard(5000));
	assert_int_equal(START + 5000, now);
	assert_int_equal(5000, next_poll(CONSENT_PENDING));
	assert_int_equal(10000, next_poll(CONSENT_SLOW_DOWN));
	assert_int_equal(10000, next_poll(CONSENT_PENDING));
	assert_int_equal(15000, next_poll(CONSENT_SLOW_DOWN));
	assert_int_equal(30000, next_poll(CONSENT_NO_ANSWER));
	assert_int_equal(60000, next_poll(CONSENT_NO_ANSWER));
	assert_int_equal(CONSENT_INTERVAL_MAX_MS, next_poll(CONSENT_NO_ANSWER));
}

static void only_a_device_is_polled_for(void **state)
{
	(void)state;
	begin_waiting(CONSENT_BROWSER);
	assert_int_equal(CONSENT_DO_NOTHING, pass_heard(60000));
	feed(CONSENT_CODE);
	feed(CONSENT_PENDING);
	assert_int_equal(CONSENT_TRADING, consent.state);
	begin_waiting(CONSENT_DEVICE);
	assert_int_equal(CONSENT_DO_NOTHING, feed(CONSENT_CODE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_code_is_traded_once),
	    cmocka_unit_test(it_lives_for_a_quarter_of_an_hour),
	    cmocka_unit_test(a_device_code_may_live_shorter),
	    cmocka_unit_test(a_minute_of_silence_ends_it),
	    cmocka_unit_test(what_is_being_traded_is_waited_for),
	    cmocka_unit_test(the_outcome_is_forgotten_when_nobody_asks),
	    cmocka_unit_test(polling_slows_down_for_good),
	    cmocka_unit_test(only_a_device_is_polled_for),
	};

	return cmocka_run_group_tests_name("consent", tests, NULL, NULL);
}
