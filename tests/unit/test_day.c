/*
 * A simulated day of many accounts: the account machine and the pace of requests, as the broker drives them, on a clock
 * of the test's own. It begins with a start of the daemon; it has a restart sharp on an hour, and an hour in which the
 * provider answers nothing; a third of the accounts send every hour on the hour, the rest whenever they like. No minute
 * may bring the provider more than twice the mean (of requests that nobody waits for; of all, where the accounts need
 * more than is let through for waiting mail in any case), and no token may be served under min_validity.
 *
 *    test_day [ACCOUNTS HOURS]      as `make bench` does: 100000 24, and 10000 24
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tokend/account.h"
#include "tokend/turns.h"

#define SECOND 1000LL
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define T0 (5 * 24 * HOUR)
#define MIN_VALIDITY (10 * MINUTE)
#define PATIENCE (25 * SECOND) /* of who asks for a token */
#define ASKS_AGAIN (5 * MINUTE)
#define MINUTES_MAX (48 * 60)
#define NEVER INT64_MAX
/* In a minute, however few the accounts are */
#define WAITED_FOR_MAX (TURNS_PER_SECOND_MIN * (60 + TURNS_BURST_MS / 1000))

struct sender {
	struct account machine;
	struct turn turn;
	bool hourly;       /* sends on the hour; else at random, every ten minutes or every forty */
	int64_t every;     /* on average */
	int64_t asks_at;   /* when it wants a token next */
	int64_t gives_up;  /* while it waits for one: until then; 0: it does not */
	bool wanted;       /* somebody had to wait for the request that is to be sent, or still does */
	int64_t sent_at;   /* of the request in flight */
	int64_t answer_at; /* 0: none is in flight */
	int64_t due;       /* the soonest of all that */
	size_t place;      /* in the heap */
};

static struct {
	struct sender *senders;
	struct sender **heap; /* by `due`, the soonest first */
	size_t count;
	struct turns turns;
	int64_t now, end, restart_at, down_from, down_until;
	unsigned requests[MINUTES_MAX]; /* in each minute */
	unsigned idle[MINUTES_MAX];     /* those of them that nobody had waited for */
	unsigned long served, late, refused;
	int64_t least; /* validity of a token that was served */
	uint64_t seed;
} day;

static size_t account_count = 30000;
static int64_t hours = 6;

static uint32_t dice(void)
{
	day.seed = day.seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(day.seed >> 32);
}

/* Evenly from 0 to `span` */
static int64_t up_to(int64_t span)
{
	return (int64_t)((uint64_t)dice() * (uint64_t)span >> 32);
}

/* --- who is next --- */

static void place(struct sender *sender, size_t at)
{
	day.heap[at] = sender;
	sender->place = at;
}

static void sift(struct sender *sender)
{
	size_t at = sender->place, child;

	for (; at > 0 && day.heap[(at - 1) / 2]->due > sender->due; at = (at - 1) / 2)
		place(day.heap[(at - 1) / 2], at);
	for (; (child = 2 * at + 1) < day.count; at = child) {
		if (child + 1 < day.count && day.heap[child + 1]->due < day.heap[child]->due)
			child++;
		if (day.heap[child]->due >= sender->due)
			break;
		place(day.heap[child], at);
	}
	place(sender, at);
}

static void reschedule(struct sender *sender)
{
	const int64_t times[] = {sender->machine.wake_at, sender->gives_up, sender->answer_at};

	sender->due = sender->asks_at;
	for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
		if (times[i] != 0 && times[i] < sender->due)
			sender->due = times[i];
	sift(sender);
}

/* --- what they do --- */

static bool is_down(int64_t at)
{
	return at >= day.down_from && at < day.down_until;
}

/* Entra ID's tokens live for 60 to 90 minutes. */
static void send_request(struct sender *sender)
{
	assert_int_equal(sender->answer_at, 0);
	day.requests[(day.now - T0) / MINUTE]++;
	day.idle[(day.now - T0) / MINUTE] += !sender->wanted;
	sender->wanted = false;
	sender->sent_at = day.now;
	sender->answer_at = day.now + 100 + up_to(is_down(day.now) ? 3 * SECOND : 400);
	reschedule(sender);
}

static void next_question(struct sender *sender)
{
	if (sender->hourly)
		sender->asks_at = (day.now / HOUR + 1) * HOUR;
	else
		sender->asks_at = day.now + 1 + up_to(2 * sender->every);
	sender->gives_up = 0;
}

static void serve(struct sender *sender)
{
	int64_t left = sender->machine.token_until - day.now;

	day.served++;
	if (left < day.least)
		day.least = left;
	next_question(sender);
}

static void refuse(struct sender *sender)
{
	day.refused++;
	sender->gives_up = 0;
	sender->asks_at = day.now + ASKS_AGAIN;
}

/* As broker_keeper.c does. */
static void feed(struct sender *sender, enum account_event event, struct account_input in)
{
	enum turn_kind kind = TURN_IDLE;
	bool serves, wanted;
	unsigned actions;

	in.now = day.now;
	in.random = dice();
	actions = account_event(&sender->machine, event, &in);
	serves = account_can_serve(&sender->machine, day.now);
	if (event == ACCOUNT_ASKED && !serves) {
		kind = TURN_ASKED;
		sender->wanted = sender->answer_at == 0;
	}
	wanted = (actions & ACCOUNT_START_REFRESH) != 0 || (sender->turn.list != NULL && kind == TURN_ASKED);
	if (wanted && turns_take(&day.turns, &sender->turn, kind, day.now))
		send_request(sender);
	if (sender->gives_up != 0 && serves)
		serve(sender);
	else if (sender->gives_up != 0 && !account_worth_waiting(&sender->machine))
		refuse(sender);
	reschedule(sender);
}

static void on_answer(struct sender *sender)
{
	struct account_input in = {.sent_at = sender->sent_at, .expires_in_ms = HOUR + up_to(HOUR / 2)};

	sender->answer_at = 0;
	if (is_down(sender->sent_at)) {
		feed(sender, ACCOUNT_GOT_RETRY, (struct account_input){.retry_after_ms = -1});
		return;
	}
	feed(sender, ACCOUNT_GOT_TOKEN, in);
	turns_note_interval(&day.turns, sender->machine.refresh_at - day.now);
}

static void ask(struct sender *sender)
{
	sender->gives_up = day.now + PATIENCE;
	sender->asks_at = NEVER;
	if (!account_can_serve(&sender->machine, day.now))
		day.late++;
	feed(sender, ACCOUNT_ASKED, (struct account_input){.now = 0});
}

static void act(struct sender *sender)
{
	if (sender->answer_at != 0 && sender->answer_at <= day.now) {
		on_answer(sender);
	} else if (sender->gives_up != 0 && sender->gives_up <= day.now) {
		refuse(sender);
		reschedule(sender);
	} else if (sender->asks_at <= day.now) {
		ask(sender);
	} else {
		feed(sender, ACCOUNT_TICK, (struct account_input){.now = 0});
	}
}

/* --- the day --- */

/* What was in memory is gone: tokens, requests and turns; the senders go on as before. */
static void start_daemon(void)
{
	turns_init(&day.turns);
	day.turns.accounts = day.count;
	for (size_t i = 0; i < day.count; i++) {
		struct sender *sender = &day.senders[i];
		struct account_input in = {.now = day.now, .random = dice()};

		account_init(&sender->machine, (int)MIN_VALIDITY, true, &in);
		sender->turn.list = NULL;
		sender->answer_at = 0;
		if (sender->gives_up != 0)
			refuse(sender);
		reschedule(sender);
	}
}

static void begin_day(void)
{
	memset(&day, 0, sizeof day);
	day.count = account_count;
	day.senders = calloc(day.count, sizeof *day.senders);
	day.heap = calloc(day.count, sizeof(struct sender *));
	assert_non_null(day.senders);
	assert_non_null(day.heap);
	day.now = T0;
	day.end = T0 + hours * HOUR;
	day.restart_at = T0 + hours / 3 * HOUR;
	day.down_from = T0 + hours / 2 * HOUR;
	day.down_until = day.down_from + HOUR;
	day.least = NEVER;
	day.seed = 20261124;
	for (size_t i = 0; i < day.count; i++) {
		struct sender *sender = &day.senders[i];

		sender->hourly = i % 3 == 0;
		sender->every = i % 3 == 1 ? 10 * MINUTE : 40 * MINUTE;
		place(sender, i);
		next_question(sender);
	}
	start_daemon();
}

/* The soonest of whom the clock calls and whose turn it is. */
static void run_until(int64_t end)
{
	struct turn *turn;

	while (day.now < end) {
		int64_t turn_at = turns_wake_at(&day.turns), due = day.heap[0]->due;

		if (turn_at != 0 && turn_at <= due)
			due = turn_at;
		if (due >= end)
			break;
		day.now = due > day.now ? due : day.now;
		if (due != turn_at)
			act(day.heap[0]);
		while ((turn = turns_next(&day.turns, day.now)) != NULL)
			send_request((struct sender *)((char *)turn - offsetof(struct sender, turn)));
	}
	day.now = end;
}

static unsigned long most_of(const unsigned *minutes)
{
	unsigned long most = 0;

	for (int64_t i = 0; i < hours * 60; i++)
		if (minutes[i] > most)
			most = minutes[i];
	return most;
}

static void check_herds(void)
{
	unsigned long all = 0, most = most_of(day.requests), idle = most_of(day.idle);
	double mean;

	for (int64_t i = 0; i < hours * 60; i++)
		all += day.requests[i];
	mean = (double)all / (double)(hours * 60);
	print_message("# %zu accounts, %" PRId64
		      " h: %lu token requests, mean %.0f a minute, at most %lu (%.2f times), "
		      "of those that nobody had waited for %lu (%.2f times)\n",
		      day.count, hours, all, mean, most, (double)most / mean, idle, (double)idle / mean);
	print_message("# %lu tokens served, the least valid for %lld s; %lu questions waited, %lu were put off\n",
		      day.served, day.least / SECOND, day.late, day.refused);
	assert_true((double)idle <= 2.0 * mean);
	assert_true((double)most <= 2.0 * mean || most <= WAITED_FOR_MAX);
}

static void a_day_has_no_herd_and_no_stale_token(void **state)
{
	unsigned long late, refused;

	(void)state;
	begin_day();
	run_until(day.restart_at - HOUR / 2);
	late = day.late;
	refused = day.refused;
	run_until(day.restart_at - 1); /* a calm half hour, and no hour strikes */
	assert_int_equal(day.refused, refused);
	assert_in_range(day.late - late, 0, day.count / 20);
	run_until(day.restart_at);
	start_daemon();
	run_until(day.end);
	check_herds();
	assert_true(day.served > day.count * (unsigned long)hours);
	assert_true(day.least >= MIN_VALIDITY);
	free(day.senders);
	free(day.heap);
}

static void nor_has_one_of_few_accounts(void **state)
{
	account_count = 1000;
	a_day_has_no_herd_and_no_stale_token(state);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_day_has_no_herd_and_no_stale_token),
	    cmocka_unit_test(nor_has_one_of_few_accounts),
	};

	if (argc == 3) {
		account_count = strtoul(argv[1], NULL, 10);
		hours = strtol(argv[2], NULL, 10);
	}
	if (account_count == 0 || hours < 6 || hours * 60 > MINUTES_MAX)
		return 2;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
