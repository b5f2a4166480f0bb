/*
 * The pace of token requests: virtual scheduling (the generic cell rate algorithm), in front of it two queues. Reads no
 * clock and starts nothing. Called by the broker.
 */
#include "tokend/turns.h"

#define LONGEST_US (1000000 / TURNS_PER_SECOND_MIN)
#define INTERVAL_MIN_MS 5000
#define INTERVAL_WEIGHT 256 /* a new interval moves the average by this fraction */

void turns_init(struct turns *turns)
{
	*turns = (struct turns){.interval_ms = TURNS_INTERVAL_MS};
	TAILQ_INIT(&turns->asked);
	TAILQ_INIT(&turns->idle);
}

/* From one request to the next, as the accounts need it in the long run, but no longer than `longest`. */
static int64_t period_us(const struct turns *turns, int64_t longest)
{
	int64_t period = turns->accounts > 0 ? turns->interval_ms * 750 / (int64_t)turns->accounts : longest;

	return period < longest ? period : longest;
}

static int64_t idle_longest_us(const struct turns *turns)
{
	int64_t count = turns->accounts > TURNS_FEW ? (int64_t)turns->accounts : TURNS_FEW;

	return LONGEST_US * count / TURNS_FEW * count / TURNS_FEW;
}

/* Until when is all spent that one of this kind must see spent? For the idle that is never sooner. */
static int64_t spent_us(const struct turns *turns, enum turn_kind kind)
{
	return kind == TURN_IDLE ? turns->idle_us : turns->spent_us;
}

static bool may_go(const struct turns *turns, enum turn_kind kind, int64_t now)
{
	return spent_us(turns, kind) <= (now + TURNS_BURST_MS) * 1000;
}

static void advance(int64_t *spent, int64_t period, int64_t now)
{
	if (*spent < now * 1000)
		*spent = now * 1000;
	*spent += period;
}

/* Each counts at both paces: while many are waited for, the others stand back. */
static void spend(struct turns *turns, int64_t now)
{
	advance(&turns->spent_us, period_us(turns, LONGEST_US), now);
	advance(&turns->idle_us, period_us(turns, idle_longest_us(turns)), now);
}

static void enter(struct turn_list *list, struct turn *turn)
{
	turns_leave(turn);
	turn->list = list;
	TAILQ_INSERT_TAIL(list, turn, entry);
}

/* Is anybody before one that comes now? */
static bool must_queue(const struct turns *turns, enum turn_kind kind)
{
	return !TAILQ_EMPTY(&turns->asked) || (kind == TURN_IDLE && !TAILQ_EMPTY(&turns->idle));
}

bool turns_take(struct turns *turns, struct turn *turn, enum turn_kind kind, int64_t now)
{
	if (kind == TURN_AT_ONCE || (may_go(turns, kind, now) && !must_queue(turns, kind))) {
		turns_leave(turn);
		spend(turns, now);
		return true;
	}
	if (turn->list == NULL)
		enter(kind == TURN_ASKED ? &turns->asked : &turns->idle, turn);
	else if (turn->list == &turns->idle && kind == TURN_ASKED)
		enter(&turns->asked, turn);
	return false;
}

struct turn *turns_next(struct turns *turns, int64_t now)
{
	enum turn_kind kind = TAILQ_EMPTY(&turns->asked) ? TURN_IDLE : TURN_ASKED;
	struct turn *turn = TAILQ_FIRST(kind == TURN_ASKED ? &turns->asked : &turns->idle);

	if (turn == NULL || !may_go(turns, kind, now))
		return NULL;
	turns_leave(turn);
	spend(turns, now);
	return turn;
}

int64_t turns_wake_at(const struct turns *turns)
{
	enum turn_kind kind = TAILQ_EMPTY(&turns->asked) ? TURN_IDLE : TURN_ASKED;

	if (TAILQ_EMPTY(&turns->asked) && TAILQ_EMPTY(&turns->idle))
		return 0;
	return (spent_us(turns, kind) + 999) / 1000 - TURNS_BURST_MS;
}

void turns_leave(struct turn *turn)
{
	if (turn->list != NULL)
		TAILQ_REMOVE(turn->list, turn, entry);
	turn->list = NULL;
}

void turns_note_interval(struct turns *turns, int64_t interval_ms)
{
	turns->interval_ms += (interval_ms - turns->interval_ms) / INTERVAL_WEIGHT;
	if (turns->interval_ms < INTERVAL_MIN_MS)
		turns->interval_ms = INTERVAL_MIN_MS;
}
