/*
 * What must hold of the account machine whatever happens: 200,000 random events at random times, with a model of the
 * broker that knows nothing of the machine's inside. The sequence is the same in each run.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tokend/account.h"

#define EVENTS 200000
#define SECOND 1000LL
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define MIN_VALIDITY (2 * MINUTE)

/* The broker, as seen from outside. */
struct model {
	int64_t now; /* the latest time that the machine was told */
	bool in_flight;
	int64_t sent_at;     /* of the request in flight */
	int64_t answer_at;   /* when its outcome comes */
	int64_t token_until; /* 0: none is held */
	bool refused;        /* while in flight: the token that is held was refused */
	bool waiting;        /* somebody asked and was not answered */
	bool has_grant;
	bool quiet;          /* a time in which hardly anybody asks */
	int64_t used_at;     /* when the grant was last used, or came */
	int64_t replaced_at; /* last request that a refusal started; 0: never */
	unsigned seen[ACCOUNT_STATES][ACCOUNT_EVENTS];
};

static struct account account;
static struct account_input in;
static struct model model;
static uint64_t seed;

static uint32_t dice(uint32_t bound)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % bound;
}

static int64_t random_life(void)
{
	switch (dice(6)) {
	case 0:
		return MIN_VALIDITY + dice(20000);
	case 1:
		return (int64_t)dice(4 * MINUTE);
	case 2:
		return dice(30) * HOUR;
	default:
		return HOUR + dice(1800000);
	}
}

static int64_t random_pause(void)
{
	switch (dice(8)) {
	case 0:
		return dice(26) * HOUR;
	case 1:
	case 2:
		return (int64_t)dice(40 * MINUTE);
	case 3:
		return -(int64_t)dice(5 * SECOND); /* a clock that steps back */
	default:
		return (int64_t)dice(3 * SECOND);
	}
}

/* Whatever else, an outcome comes when its time has come and the alarm rings when it is due. */
static enum account_event next_event(void)
{
	int64_t then = model.now + random_pause();

	in.now = then;
	if (dice(200) == 0)
		model.quiet = !model.quiet;
	if (model.in_flight && then >= model.answer_at) {
		in.now = model.answer_at;
		return ACCOUNT_GOT_TOKEN + dice(4);
	}
	if (account.wake_at != 0 && then >= account.wake_at) {
		in.now = account.wake_at + dice(20);
		return ACCOUNT_TICK;
	}
	switch (dice(32)) {
	case 0:
		return ACCOUNT_GRANT_ADDED;
	case 1:
		return dice(4) == 0 ? ACCOUNT_GRANT_REMOVED : ACCOUNT_ASKED;
	case 2:
		return ACCOUNT_FORCED;
	case 3:
		return ACCOUNT_TICK;
	case 4: /* an outcome that nobody waits for */
		return model.in_flight ? ACCOUNT_ASKED : ACCOUNT_GOT_TOKEN + dice(4);
	case 5:
	case 6:
	case 7:
	case 8:
		return ACCOUNT_REFUSED;
	default:
		return model.quiet ? ACCOUNT_TICK : ACCOUNT_ASKED;
	}
}

static void fill_in(enum account_event event)
{
	in.random = dice(UINT32_MAX);
	in.sent_at = model.in_flight ? model.sent_at : in.now;
	in.expires_in_ms = event == ACCOUNT_GOT_TOKEN ? random_life() : 0;
	in.retry_after_ms = event == ACCOUNT_GOT_RETRY && dice(4) == 0 ? (int64_t)dice(3 * HOUR) - 1 : 0;
}

static bool servable(int64_t now)
{
	return model.token_until != 0 && !(model.in_flight && model.refused) && model.token_until - now >= MIN_VALIDITY;
}

static void model_before(enum account_event event)
{
	if (event == ACCOUNT_GOT_TOKEN && !model.in_flight)
		model.used_at = model.now; /* by the sign-in that brought it */
	if (event >= ACCOUNT_GOT_TOKEN)
		model.in_flight = false;
	if (event == ACCOUNT_GOT_TOKEN) {
		model.token_until = (in.sent_at < model.now ? in.sent_at : model.now) + in.expires_in_ms;
		model.refused = false;
	}
	if (event == ACCOUNT_REFUSED)
		model.refused = model.refused || model.in_flight;
	if (event == ACCOUNT_GRANT_ADDED) {
		model.has_grant = true;
		model.used_at = model.now;
		model.replaced_at = 0;
	}
	if (event == ACCOUNT_GRANT_REMOVED)
		model.has_grant = false;
	model.waiting = model.waiting || event == ACCOUNT_ASKED;
}

static void model_after(enum account_event event, unsigned actions)
{
	if ((actions & ACCOUNT_ABORT_REFRESH) != 0) {
		assert_true(model.in_flight);
		model.in_flight = false;
	}
	if ((actions & ACCOUNT_DROP_TOKEN) != 0) {
		model.token_until = 0;
		model.refused = false;
	}
	if ((actions & ACCOUNT_START_REFRESH) != 0) {
		assert_false(model.in_flight);
		assert_true(model.has_grant);
		model.in_flight = true;
		model.refused = model.refused || event == ACCOUNT_REFUSED;
		model.sent_at = model.used_at = model.now;
		model.answer_at = model.now + dice(20000);
	}
	if ((actions & ACCOUNT_ANSWER) != 0)
		model.waiting = false;
}

static void check_refusal(unsigned actions)
{
	if ((actions & ACCOUNT_START_REFRESH) == 0)
		return;
	assert_true(model.replaced_at == 0 || model.now - model.replaced_at >= ACCOUNT_REFUSED_PAUSE_MS);
	model.replaced_at = model.now;
}

static void check_pause(enum account_event event, enum account_state before)
{
	int64_t pause = account.next_try - model.now;

	if (before != ACCOUNT_REFRESHING || event < ACCOUNT_GOT_TOKEN)
		return;
	if (account.state == ACCOUNT_BACKOFF)
		assert_in_range(pause, 750, ACCOUNT_RETRY_AFTER_MAX_MS);
	if (account.state == ACCOUNT_MISCONFIGURED)
		assert_in_range(pause, 45 * SECOND, 75 * MINUTE);
	if (account.state == ACCOUNT_NEEDS_LOGIN)
		assert_in_range(pause, 45 * MINUTE, 15 * HOUR);
}

static void check_always(void)
{
	assert_true(account.state < ACCOUNT_STATES);
	assert_true(model.in_flight == (account.state == ACCOUNT_REFRESHING));
	assert_true(model.has_grant == account.has_grant);
	assert_true(account_can_serve(&account, model.now) == servable(model.now));
	/* who was not answered waits for a request in flight, never for nothing */
	assert_true(!model.waiting || model.in_flight);
	/* a token that has run out is not kept */
	assert_true(model.token_until == 0 || model.token_until > model.now);
	/* the alarm is set, unless there is nothing to wake up for */
	if (model.token_until != 0 || (model.has_grant && !model.in_flight))
		assert_in_range(account.wake_at, 1, model.in_flight ? model.token_until : model.now + DAY);
	else
		assert_int_equal(account.wake_at, 0);
	/* the grant is used at least once a day (an alarm rings up to 20 ms late here, an answer takes up to 20 s) */
	assert_true(!model.has_grant || model.now - model.used_at <= DAY + 20 * SECOND + 20);
}

static void one_event(void)
{
	enum account_event event = next_event();
	enum account_state before = account.state;
	bool could_serve, in_pause;
	unsigned actions;

	fill_in(event);
	if (in.now > model.now)
		model.now = in.now;
	could_serve = servable(model.now);
	in_pause = (before == ACCOUNT_BACKOFF || before == ACCOUNT_MISCONFIGURED) && model.now < account.next_try;
	model.seen[before][event]++;
	model_before(event);
	actions = account_event(&account, event, &in);
	model_after(event, actions);
	if (event == ACCOUNT_ASKED && could_serve)
		assert_true((actions & ACCOUNT_ANSWER) != 0);
	if (event == ACCOUNT_ASKED && in_pause)
		assert_int_equal(actions & ~(unsigned)ACCOUNT_DROP_TOKEN, ACCOUNT_ANSWER);
	if (event == ACCOUNT_REFUSED)
		check_refusal(actions);
	check_pause(event, before);
	check_always();
}

static void invariants_hold_whatever_happens(void **state)
{
	int i, s, e;

	(void)state;
	seed = 20261124;
	model = (struct model){.now = 3 * DAY, .has_grant = true, .used_at = 3 * DAY};
	in.now = model.now;
	account_init(&account, (int)MIN_VALIDITY, true, &in);
	for (i = 0; i < EVENTS; i++)
		one_event();
	/* and all of it was met: every state with every event (outcomes only reach refreshing, or nobody waits for
	 * them) */
	for (s = 0; s < ACCOUNT_STATES; s++)
		for (e = 0; e < ACCOUNT_EVENTS; e++)
			if (model.seen[s][e] == 0)
				fail_msg("%s never met event %d", account_state_name((enum account_state)s), e);
}

/* Half a year of an account that nobody asks, whose provider answers everything wrongly: no more requests than this. */
static void a_dead_endpoint_is_not_hammered(void **state)
{
	enum account_event outcomes[] = {ACCOUNT_GOT_RETRY, ACCOUNT_GOT_LOST, ACCOUNT_GOT_MISCONFIGURED};
	int64_t most[] = {180 * DAY / (ACCOUNT_BACKOFF_MAX_MS * 3 / 4) + 20, 180 * DAY / (9 * HOUR) + 20,
			  180 * DAY / (45 * MINUTE) + 20};
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		int64_t requests = 0;

		seed = 1;
		in = (struct account_input){.now = DAY};
		account_init(&account, (int)MIN_VALIDITY, true, &in);
		while (in.now < 181 * DAY) {
			in.now = account.wake_at;
			in.random = dice(UINT32_MAX);
			if ((account_event(&account, ACCOUNT_TICK, &in) & ACCOUNT_START_REFRESH) == 0)
				continue;
			requests++;
			in.now += 50;
			account_event(&account, outcomes[i], &in);
		}
		assert_in_range(requests, 180, most[i]);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(invariants_hold_whatever_happens),
	    cmocka_unit_test(a_dead_endpoint_is_not_hammered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
