#ifndef MAILBEARER_TOKEND_ACCOUNT_H
#define MAILBEARER_TOKEND_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The state machine of one account. Pure: time and randomness are parameters, secrets are elsewhere; it says what to
 * do and the broker does it.
 *
 *                GRANT_ADDED             ASKED, TICK                GOT_TOKEN
 *   needs_login ────────────▶   empty   ────────────▶  refreshing  ──────────▶   fresh
 *      ▲  │                       ▲                    │ ▲ ▲    ▲                │   │
 *      │  │                       │ the token runs out │ │ │    └─TICK, REFUSED──┘   │ TICK, and nobody asks
 *      │  │                       └────────────────────┼─┼─┼──────────── ageing ◀────┘
 *      │  │ TICK (seldom)                              │ │ │ ASKED, TICK,   │
 *      │  └────────────────────────────────────────────┼─┘ └─REFUSED────────┘
 *      │              GOT_LOST                         │
 *      ├───────────────────────────────────────────────┤ GOT_RETRY              TICK
 *      │                                               ├──────────▶  backoff  ───────▶ refreshing
 *      │                                               │ GOT_MISCONFIGURED
 *      │ GRANT_REMOVED, from any state                 └──────────▶  misconfigured  ──TICK──▶ refreshing
 *
 * From any state that has a grant, FORCED leads to refreshing; GRANT_ADDED leads to empty from any state (it ends
 * back-off), but while refreshing it starts anew with the newer grant. A GOT_TOKEN that no request of ours brought (it
 * came with a sign-in) leads to fresh. Other outcomes that nobody waits for are ignored.
 *
 * refreshing, backoff, misconfigured and ageing may still hold an access token that is good: it is served as long
 * as min_validity allows. needs_login serves one, too, until it runs out.
 *
 * When is a token replaced? In use (asked for since it was requested, or within the last hour): at refresh_at. Idle: it
 * ages and runs out, and a refresh once a day keeps the grant alive. Asked for while ageing: it is served and replaced.
 *
 * An account whose grant needs no person (client_credentials, managed_identity) cannot be sent to sign in: for it, the
 * broker reports OUTCOME_GRANT_LOST as ACCOUNT_GOT_MISCONFIGURED.
 */
enum account_state {
	ACCOUNT_NEEDS_LOGIN,   /* no grant, or the provider has ended it: a person must sign in */
	ACCOUNT_EMPTY,         /* a grant, no access token */
	ACCOUNT_REFRESHING,    /* one request in flight */
	ACCOUNT_FRESH,         /* an access token before its refresh_at */
	ACCOUNT_AGEING,        /* after it; replaced when somebody asks or the daily refresh is due */
	ACCOUNT_BACKOFF,       /* the last try failed and will be repeated by itself */
	ACCOUNT_MISCONFIGURED, /* the last try was refused for a reason that somebody must repair: slow tries */
	ACCOUNT_STATES
};

enum account_event {
	ACCOUNT_ASKED,         /* somebody wants a token now */
	ACCOUNT_TICK,          /* the timer that `wake_at` asked for; one that comes early does no harm */
	ACCOUNT_FORCED,        /* an administrator wants a refresh now, whatever the state */
	ACCOUNT_REFUSED,       /* a server refused the token that we served */
	ACCOUNT_GRANT_ADDED,   /* signed in, imported, or found in the store at start */
	ACCOUNT_GRANT_REMOVED, /* forgotten by an administrator */
	ACCOUNT_GOT_TOKEN,     /* the four outcomes of a request */
	ACCOUNT_GOT_RETRY,
	ACCOUNT_GOT_LOST,
	ACCOUNT_GOT_MISCONFIGURED,
	ACCOUNT_EVENTS
};

/* Pauses after failures in a row: FIRST, doubled each time up to MAX, then a quarter more or less at random. */
#define ACCOUNT_BACKOFF_FIRST_MS 1000
#define ACCOUNT_BACKOFF_MAX_MS (5 * 60 * 1000)
#define ACCOUNT_MISCONFIGURED_FIRST_MS (60 * 1000) /* permissions take minutes to spread */
#define ACCOUNT_MISCONFIGURED_MAX_MS (60 * 60 * 1000)
#define ACCOUNT_LOST_FIRST_MS (60 * 60 * 1000) /* providers call a grant invalid for passing reasons, too */
#define ACCOUNT_LOST_MAX_MS (12 * 60 * 60 * 1000)
#define ACCOUNT_RETRY_AFTER_MAX_MS (60 * 60 * 1000) /* a longer Retry-After is taken as this */

#define ACCOUNT_START_SPREAD_MS 5000                /* a new grant is tried within this time, asked for or not */
#define ACCOUNT_IDLE_MS (24 * 60 * 60 * 1000)       /* a grant is used at least this often */
#define ACCOUNT_IN_USE_MS (60 * 60 * 1000)          /* asked for within this time: in use */
#define ACCOUNT_REFUSED_PAUSE_MS (60 * 1000)        /* refused tokens cause at most one refresh in this time */
#define ACCOUNT_MARGIN_MS (30 * 1000)               /* replaced this long before min_validity stops its service */
#define ACCOUNT_PACE_MS 5000                        /* and never sooner than this after it came */
#define ACCOUNT_WINDOW_MIN_MS 1000                  /* a token that can be served for less is of no use */
#define ACCOUNT_LIFE_MAX_MS (48LL * 60 * 60 * 1000) /* a longer life is taken as this */

struct account {
	enum account_state state;
	int min_validity_ms;
	bool has_grant;
	bool doubted;        /* the access token was refused: not served while its replacement is in flight */
	int64_t clock;       /* the latest time seen: time does not run backwards in here */
	int64_t token_until; /* loop_now() at which the access token runs out; 0: there is none */
	int64_t refresh_at;  /* when the token is to be replaced: by half its life, and before min_validity ends it */
	int64_t last_asked;  /* 0: never */
	int64_t last_try;    /* when the last request was sent; 0: never */
	int64_t next_try;    /* when a refresh is due even if nobody asks: end of a pause, daily refresh; 0: never */
	int64_t wake_at;     /* when ACCOUNT_TICK is wanted; 0: never (without a grant, or refreshing, and no token) */
	unsigned failures;   /* in a row */
	unsigned step;       /* those of them that led to failed_as, in a row: how often the pause was doubled */
	enum account_state failed_as; /* backoff, misconfigured or needs_login; while failures > 0 */
	int64_t refused_at;           /* last refresh that a refusal caused; 0: never */
};

/* What an event brought with it. Zero where it does not apply. */
struct account_input {
	int64_t now;            /* loop_now() */
	uint32_t random;        /* any 32 random bits, for jitter */
	int64_t expires_in_ms;  /* ACCOUNT_GOT_TOKEN: counted from when the request was sent */
	int64_t sent_at;        /* ACCOUNT_GOT_TOKEN: loop_now() of that moment */
	int64_t retry_after_ms; /* ACCOUNT_GOT_RETRY: -1 or 0: none was given */
};

/* What the broker is to do, in this order. */
enum account_action {
	ACCOUNT_DO_NOTHING = 0,
	ACCOUNT_ABORT_REFRESH = 1, /* abort the request in flight: it used a grant that is no longer the account's */
	ACCOUNT_DROP_TOKEN = 2,    /* forget the access token; with GOT_TOKEN: the new one as well, it is of no use */
	ACCOUNT_START_REFRESH =
	    4, /* send the request, now or when its turn comes; if that fails: GOT_RETRY, after this event */
	ACCOUNT_ANSWER = 8 /* answer those who wait: with the token if account_can_serve, else with the reason */
};

/* A zeroed account becomes needs_login or, with a grant, empty; account->wake_at is set. */
void account_init(struct account *account, int min_validity_ms, bool has_grant, const struct account_input *in);

/*
 * The one transition function. Returns account_action bits; account->wake_at says when the next TICK is due.
 *
 * ASKED without ACCOUNT_ANSWER: the asker is to wait for an outcome. GOT_TOKEN: unless ACCOUNT_DROP_TOKEN comes back,
 * the new access token takes the old one's place. It does come back when the token cannot be served: its life is no
 * longer than min_validity (state misconfigured), or what was left of it on arrival was not (backoff).
 */
unsigned account_event(struct account *account, enum account_event event, const struct account_input *in);

/* Is the access token good for at least min_validity from now (and not refused, with a better one under way)? */
bool account_can_serve(const struct account *account, int64_t now);

/* May somebody who asks now wait for an answer soon (a request is in flight), rather than be told at once to come back?
 */
bool account_worth_waiting(const struct account *account);

/* "needs_login", "empty", ... as in `status`. */
const char *account_state_name(enum account_state state);

#endif
