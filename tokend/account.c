/*
 * The state machine of one account, as a table of every state and every event (the diagram is in account.h). Reads no
 * clock, holds no secret, starts nothing: it returns what is to be done. Called by the broker.
 */
#include <string.h>

#include "tokend/account.h"

typedef unsigned transition(struct account *account, const struct account_input *in);

/* random is spread over 0..span, both included */
static int64_t spread(uint32_t random, int64_t span)
{
	return (int64_t)((uint64_t)span * (random & 0xffff) / 0xffff);
}

/* `span`, or up to a tenth less: so that many accounts do not act at once */
static int64_t a_little_less(int64_t span, uint32_t random)
{
	return span - spread(random, span / 10);
}

static int64_t smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void forget_token(struct account *account)
{
	account->token_until = 0;
	account->refresh_at = 0;
	account->doubted = false;
}

static void forget_failures(struct account *account)
{
	account->failures = 0;
	account->step = 0;
}

static bool in_use(const struct account *account)
{
	return account->last_asked != 0 &&
	       (account->last_asked > account->last_try || account->clock - account->last_asked <= ACCOUNT_IN_USE_MS);
}

/* --- transitions: in time order of an account's life --- */

static unsigned nothing(struct account *account, const struct account_input *in)
{
	(void)account;
	(void)in;
	return ACCOUNT_DO_NOTHING;
}

static unsigned answer(struct account *account, const struct account_input *in)
{
	(void)account;
	(void)in;
	return ACCOUNT_ANSWER;
}

static unsigned start(struct account *account, const struct account_input *in)
{
	(void)in;
	account->state = ACCOUNT_REFRESHING;
	account->last_try = account->clock;
	return ACCOUNT_START_REFRESH;
}

static unsigned start_when_due(struct account *account, const struct account_input *in)
{
	if (account->next_try == 0 || account->clock < account->next_try)
		return ACCOUNT_DO_NOTHING;
	return start(account, in);
}

static unsigned start_with_grant(struct account *account, const struct account_input *in)
{
	return account->has_grant ? start(account, in) : ACCOUNT_ANSWER;
}

static unsigned grant_added(struct account *account, const struct account_input *in)
{
	unsigned actions = account->token_until != 0 ? ACCOUNT_DROP_TOKEN : ACCOUNT_DO_NOTHING;

	forget_token(account);
	forget_failures(account);
	account->has_grant = true;
	account->refused_at = 0;
	account->state = ACCOUNT_EMPTY;
	account->next_try = account->clock + spread(in->random, ACCOUNT_START_SPREAD_MS);
	return actions;
}

/* The answer to the request in flight would speak of the grant before; those who wait are owed one about the new. */
static unsigned grant_replaced(struct account *account, const struct account_input *in)
{
	return ACCOUNT_ABORT_REFRESH | grant_added(account, in) | start(account, in);
}

static unsigned grant_removed(struct account *account, const struct account_input *in)
{
	unsigned actions = ACCOUNT_ANSWER;

	(void)in;
	if (account->state == ACCOUNT_REFRESHING)
		actions |= ACCOUNT_ABORT_REFRESH;
	if (account->token_until != 0)
		actions |= ACCOUNT_DROP_TOKEN;
	forget_token(account);
	forget_failures(account);
	account->has_grant = false;
	account->state = ACCOUNT_NEEDS_LOGIN;
	account->next_try = 0;
	return actions;
}

static unsigned serve_or_start(struct account *account, const struct account_input *in)
{
	return account_can_serve(account, account->clock) ? ACCOUNT_ANSWER : start(account, in);
}

static unsigned serve_and_start(struct account *account, const struct account_input *in)
{
	unsigned actions = account_can_serve(account, account->clock) ? ACCOUNT_ANSWER : ACCOUNT_DO_NOTHING;

	return actions | start(account, in);
}

static unsigned serve_or_wait(struct account *account, const struct account_input *in)
{
	(void)in;
	return account_can_serve(account, account->clock) ? ACCOUNT_ANSWER : ACCOUNT_DO_NOTHING;
}

/* In a pause nothing is started before its end, however many ask: they are told at once why. */
static unsigned serve_or_explain(struct account *account, const struct account_input *in)
{
	if (!account_can_serve(account, account->clock) && account->clock >= account->next_try)
		return start(account, in);
	return ACCOUNT_ANSWER;
}

static unsigned grow_old(struct account *account, const struct account_input *in)
{
	if (account->clock >= account->next_try || (account->clock >= account->refresh_at && in_use(account)))
		return start(account, in);
	if (account->clock >= account->refresh_at)
		account->state = ACCOUNT_AGEING;
	return ACCOUNT_DO_NOTHING;
}

static unsigned replace_refused(struct account *account, const struct account_input *in)
{
	if (account->refused_at != 0 && account->clock - account->refused_at < ACCOUNT_REFUSED_PAUSE_MS)
		return ACCOUNT_DO_NOTHING;
	account->refused_at = account->clock;
	account->doubted = true;
	return start(account, in);
}

static unsigned doubt(struct account *account, const struct account_input *in)
{
	(void)in;
	account->doubted = account->token_until != 0;
	return ACCOUNT_DO_NOTHING;
}

/* --- outcomes --- */

/* Enters `state` for a pause: first, doubled with each failure in a row of the same kind up to max, +-25 %. */
static void pause_as(struct account *account, enum account_state state, int64_t first, int64_t max,
		     const struct account_input *in)
{
	int64_t pause = first;
	unsigned i;

	if (account->failures == 0 || account->failed_as != state)
		account->step = 0;
	for (i = 0; i < account->step && pause < max; i++)
		pause *= 2;
	pause = smaller(pause, max);
	pause = pause - pause / 4 + spread(in->random, pause / 2);
	if (in->retry_after_ms > pause)
		pause = smaller(in->retry_after_ms, ACCOUNT_RETRY_AFTER_MAX_MS);
	account->failures++;
	account->step++;
	account->failed_as = state;
	account->state = state;
	account->next_try = account->clock + pause;
}

static unsigned failed_for_now(struct account *account, const struct account_input *in)
{
	pause_as(account, ACCOUNT_BACKOFF, ACCOUNT_BACKOFF_FIRST_MS, ACCOUNT_BACKOFF_MAX_MS, in);
	return ACCOUNT_ANSWER;
}

static unsigned failed_for_repair(struct account *account, const struct account_input *in)
{
	pause_as(account, ACCOUNT_MISCONFIGURED, ACCOUNT_MISCONFIGURED_FIRST_MS, ACCOUNT_MISCONFIGURED_MAX_MS, in);
	return ACCOUNT_ANSWER;
}

static unsigned failed_for_good(struct account *account, const struct account_input *in)
{
	pause_as(account, ACCOUNT_NEEDS_LOGIN, ACCOUNT_LOST_FIRST_MS, ACCOUNT_LOST_MAX_MS, in);
	return ACCOUNT_ANSWER;
}

/* Half its life, but ACCOUNT_MARGIN_MS before it can no longer be served (or a quarter of that time, if it is short).
 */
static int64_t replacement_time(const struct account *account, uint32_t random)
{
	int64_t life = account->token_until - account->clock;
	int64_t window = life - account->min_validity_ms;
	int64_t delay = smaller(life / 2, window - smaller(ACCOUNT_MARGIN_MS, window / 4));

	delay = a_little_less(delay, random);
	return account->clock + (delay < ACCOUNT_PACE_MS ? ACCOUNT_PACE_MS : delay);
}

static unsigned got_token(struct account *account, const struct account_input *in)
{
	int64_t life = smaller(in->expires_in_ms, ACCOUNT_LIFE_MAX_MS);

	forget_token(account);
	if (life < (int64_t)account->min_validity_ms + ACCOUNT_WINDOW_MIN_MS)
		return ACCOUNT_DROP_TOKEN | failed_for_repair(account, in);
	account->token_until = smaller(in->sent_at, account->clock) + life;
	if (!account_can_serve(account, account->clock + ACCOUNT_WINDOW_MIN_MS / 2)) {
		forget_token(account);
		return ACCOUNT_DROP_TOKEN | failed_for_now(account, in);
	}
	forget_failures(account);
	account->state = ACCOUNT_FRESH;
	account->refresh_at = replacement_time(account, in->random);
	account->next_try = account->clock + a_little_less(ACCOUNT_IDLE_MS, in->random);
	return ACCOUNT_ANSWER;
}

static unsigned got_token_with_grant(struct account *account, const struct account_input *in)
{
	return account->has_grant ? got_token(account, in) : ACCOUNT_DROP_TOKEN;
}

/* --- the machine --- */

static transition *const transitions[ACCOUNT_STATES][ACCOUNT_EVENTS] = {
    [ACCOUNT_NEEDS_LOGIN] =
	{
	    [ACCOUNT_ASKED] = answer,
	    [ACCOUNT_TICK] = start_when_due,
	    [ACCOUNT_FORCED] = start_with_grant,
	    [ACCOUNT_REFUSED] = nothing,
	    [ACCOUNT_GRANT_ADDED] = grant_added,
	    [ACCOUNT_GRANT_REMOVED] = grant_removed,
	    [ACCOUNT_GOT_TOKEN] = got_token_with_grant,
	    [ACCOUNT_GOT_RETRY] = nothing,
	    [ACCOUNT_GOT_LOST] = nothing,
	    [ACCOUNT_GOT_MISCONFIGURED] = nothing,
	},
    [ACCOUNT_EMPTY] =
	{
	    [ACCOUNT_ASKED] = start,
	    [ACCOUNT_TICK] = start_when_due,
	    [ACCOUNT_FORCED] = start,
	    [ACCOUNT_REFUSED] = nothing,
	    [ACCOUNT_GRANT_ADDED] = grant_added,
	    [ACCOUNT_GRANT_REMOVED] = grant_removed,
	    [ACCOUNT_GOT_TOKEN] = got_token,
	    [ACCOUNT_GOT_RETRY] = nothing,
	    [ACCOUNT_GOT_LOST] = nothing,
	    [ACCOUNT_GOT_MISCONFIGURED] = nothing,
	},
    [ACCOUNT_REFRESHING] =
	{
	    [ACCOUNT_ASKED] = serve_or_wait,
	    [ACCOUNT_TICK] = nothing,
	    [ACCOUNT_FORCED] = nothing,
	    [ACCOUNT_REFUSED] = doubt,
	    [ACCOUNT_GRANT_ADDED] = grant_replaced,
	    [ACCOUNT_GRANT_REMOVED] = grant_removed,
	    [ACCOUNT_GOT_TOKEN] = got_token,
	    [ACCOUNT_GOT_RETRY] = failed_for_now,
	    [ACCOUNT_GOT_LOST] = failed_for_good,
	    [ACCOUNT_GOT_MISCONFIGURED] = failed_for_repair,
	},
    [ACCOUNT_FRESH] =
	{
	    [ACCOUNT_ASKED] = serve_or_start,
	    [ACCOUNT_TICK] = grow_old,
	    [ACCOUNT_FORCED] = start,
	    [ACCOUNT_REFUSED] = replace_refused,
	    [ACCOUNT_GRANT_ADDED] = grant_added,
	    [ACCOUNT_GRANT_REMOVED] = grant_removed,
	    [ACCOUNT_GOT_TOKEN] = got_token,
	    [ACCOUNT_GOT_RETRY] = nothing,
	    [ACCOUNT_GOT_LOST] = nothing,
	    [ACCOUNT_GOT_MISCONFIGURED] = nothing,
	},
    [ACCOUNT_AGEING] =
	{
	    [ACCOUNT_ASKED] = serve_and_start,
	    [ACCOUNT_TICK] = start_when_due,
	    [ACCOUNT_FORCED] = start,
	    [ACCOUNT_REFUSED] = replace_refused,
	    [ACCOUNT_GRANT_ADDED] = grant_added,
	    [ACCOUNT_GRANT_REMOVED] = grant_removed,
	    [ACCOUNT_GOT_TOKEN] = got_token,
	    [ACCOUNT_GOT_RETRY] = nothing,
	    [ACCOUNT_GOT_LOST] = nothing,
	    [ACCOUNT_GOT_MISCONFIGURED] = nothing,
	},
    [ACCOUNT_BACKOFF] =
	{
	    [ACCOUNT_ASKED] = serve_or_explain,
	    [ACCOUNT_TICK] = start_when_due,
	    [ACCOUNT_FORCED] = start,
	    [ACCOUNT_REFUSED] = nothing,
	    [ACCOUNT_GRANT_ADDED] = grant_added,
	    [ACCOUNT_GRANT_REMOVED] = grant_removed,
	    [ACCOUNT_GOT_TOKEN] = got_token,
	    [ACCOUNT_GOT_RETRY] = nothing,
	    [ACCOUNT_GOT_LOST] = nothing,
	    [ACCOUNT_GOT_MISCONFIGURED] = nothing,
	},
    [ACCOUNT_MISCONFIGURED] =
	{
	    [ACCOUNT_ASKED] = serve_or_explain,
	    [ACCOUNT_TICK] = start_when_due,
	    [ACCOUNT_FORCED] = start,
	    [ACCOUNT_REFUSED] = nothing,
	    [ACCOUNT_GRANT_ADDED] = grant_added,
	    [ACCOUNT_GRANT_REMOVED] = grant_removed,
	    [ACCOUNT_GOT_TOKEN] = got_token,
	    [ACCOUNT_GOT_RETRY] = nothing,
	    [ACCOUNT_GOT_LOST] = nothing,
	    [ACCOUNT_GOT_MISCONFIGURED] = nothing,
	},
};

/* An access token that has run out is of no use to anybody in any state. */
static unsigned expire(struct account *account)
{
	if (account->token_until == 0 || account->clock < account->token_until)
		return ACCOUNT_DO_NOTHING;
	forget_token(account);
	if (account->state == ACCOUNT_FRESH || account->state == ACCOUNT_AGEING)
		account->state = ACCOUNT_EMPTY;
	return ACCOUNT_DROP_TOKEN;
}

static void set_alarm(struct account *account)
{
	int64_t at = account->state == ACCOUNT_REFRESHING ? 0 : account->next_try;

	if (account->state == ACCOUNT_FRESH)
		at = smaller(at, account->refresh_at);
	if (account->token_until != 0 && (at == 0 || account->token_until < at))
		at = account->token_until;
	account->wake_at = at;
}

void account_init(struct account *account, int min_validity_ms, bool has_grant, const struct account_input *in)
{
	memset(account, 0, sizeof(*account));
	account->min_validity_ms = min_validity_ms;
	account->clock = in->now > 0 ? in->now : 1;
	account->state = ACCOUNT_NEEDS_LOGIN;
	if (has_grant)
		grant_added(account, in);
	set_alarm(account);
}

unsigned account_event(struct account *account, enum account_event event, const struct account_input *in)
{
	unsigned actions = ACCOUNT_DO_NOTHING;

	if (in->now > account->clock)
		account->clock = in->now;
	if (event == ACCOUNT_ASKED)
		account->last_asked = account->clock;
	/* GOT_TOKEN puts a new token in the old one's place: saying "drop" would hit the new one. */
	if (event != ACCOUNT_GOT_TOKEN)
		actions = expire(account);
	actions |= transitions[account->state][event](account, in);
	set_alarm(account);
	return actions;
}

bool account_can_serve(const struct account *account, int64_t now)
{
	if (account->token_until == 0 || (account->doubted && account->state == ACCOUNT_REFRESHING))
		return false;
	now = now > account->clock ? now : account->clock;
	return now < account->token_until && account->token_until - now >= account->min_validity_ms;
}

bool account_worth_waiting(const struct account *account)
{
	return account->state == ACCOUNT_REFRESHING;
}

const char *account_state_name(enum account_state state)
{
	static const char *const names[ACCOUNT_STATES] = {
	    [ACCOUNT_NEEDS_LOGIN] = "needs_login",
	    [ACCOUNT_EMPTY] = "empty",
	    [ACCOUNT_REFRESHING] = "refreshing",
	    [ACCOUNT_FRESH] = "fresh",
	    [ACCOUNT_AGEING] = "ageing",
	    [ACCOUNT_BACKOFF] = "backoff",
	    [ACCOUNT_MISCONFIGURED] = "misconfigured",
	};

	return names[state];
}
