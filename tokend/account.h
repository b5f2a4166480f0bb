#ifndef MAILBEARER_TOKEND_ACCOUNT_H
#define MAILBEARER_TOKEND_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The state machine of one account. Pure: time and randomness are parameters, secrets are elsewhere; it says what to
 * do and the broker does it.
 *
 *                 GRANT_ADDED
 *   needs_login ─────────────▶ empty ──ASKED, TICK──▶ refreshing ──TOKEN──▶ fresh ──TICK (nobody asks)──▶ ageing
 *    ▲    │                    ▲   ▲                   │  ▲  ▲ ▲             │ │                           │ │
 *    │    │                    │   │                   │  │  │ └─TICK, REFUSED┘ │                           │ │
 *    │    │                    │   │                   │  │  └──────────ASKED, TICK, REFUSED───────────────┘ │
 *    │    │                    │   └───────────────────┼──┼──────────────────┴───────(the token runs out)────┘
 *    │    └──TICK──────────────┼───────────────────────┼──┤
 *    │                         │                       │  │
 *    ├───────GRANT_LOST────────┼───────────────────────┤  │
 *    │                         │   RETRY               ├─▶│backoff ──TICK──▶│
 *    │                         │   MISCONFIGURED       └─▶│misconfigured ──TICK──▶│
 *    │                         │                          │ refreshing
 *    │                         └─ GRANT_ADDED, from any other state (a newer grant ends back-off)
 *    └─ GRANT_REMOVED, from any state
 *
 * FORCED starts a refresh from every state that has a grant. refreshing, backoff, misconfigured and ageing may still
 * hold an access token that is good: it is served as long as min_validity allows. needs_login serves one, too, until it
 * runs out.
 *
 * When is a token replaced? In use (asked for since it was requested, or within the last hour): at refresh_at. Idle: it
 * ages and runs out, and a refresh once a day keeps the grant alive. Asked for while ageing: served and replaced.
 *
 * What the outcomes mean is said in outcome.h. A grant that needs no person (client_credentials, managed_identity)
 * cannot be lost: for such an account the broker reports OUTCOME_GRANT_LOST as ACCOUNT_GOT_MISCONFIGURED.
 */
enum account_state {
	ACCOUNT_NEEDS_LOGIN,   /* no grant, or the provider has ended it: a person must sign in */
	ACCOUNT_EMPTY,         /* a grant, no access token yet */
	ACCOUNT_REFRESHING,    /* one request in flight */
	ACCOUNT_FRESH,         /* an access token in the first half of its life */
	ACCOUNT_AGEING,        /* in the second half; replaced when somebody asks or the daily refresh is due */
	ACCOUNT_BACKOFF,       /* the last try failed and will be repeated by itself */
	ACCOUNT_MISCONFIGURED  /* the last try was refused for a reason that somebody must repair: slow tries */
};

enum account_event {
	ACCOUNT_ASKED,         /* somebody wants a token now */
	ACCOUNT_TICK,          /* the timer that `wake_at` asked for */
	ACCOUNT_FORCED,        /* an administrator wants a refresh now, whatever the state */
	ACCOUNT_REFUSED,       /* a server refused the token that we served */
	ACCOUNT_GRANT_ADDED,   /* signed in, imported, or found in the store at start */
	ACCOUNT_GRANT_REMOVED, /* forgotten by an administrator */
	ACCOUNT_GOT_TOKEN,     /* the four outcomes of a request */
	ACCOUNT_GOT_RETRY,
	ACCOUNT_GOT_LOST,
	ACCOUNT_GOT_MISCONFIGURED
};

#define ACCOUNT_BACKOFF_FIRST_MS 1000
#define ACCOUNT_BACKOFF_MAX_MS (5 * 60 * 1000)
#define ACCOUNT_MISCONFIGURED_FIRST_MS (60 * 1000)      /* then doubling: permissions take minutes to spread */
#define ACCOUNT_MISCONFIGURED_MAX_MS (60 * 60 * 1000)
#define ACCOUNT_IDLE_MS (24 * 60 * 60 * 1000)           /* a grant is used at least this often */
#define ACCOUNT_RETRY_AFTER_MAX_MS (60 * 60 * 1000)     /* a longer Retry-After is taken as this */
#define ACCOUNT_REFUSED_PAUSE_MS (60 * 1000)            /* refused tokens cause at most one refresh in this time */

struct account {
	enum account_state state;
	int min_validity_ms;
	bool has_grant;
	int64_t token_until;   /* loop_now() at which the access token runs out; 0: there is none */
	int64_t refresh_at;    /* when the token becomes ageing: at most half its life, and before min_validity */
	int64_t last_asked;    /* 0: never */
	int64_t last_try;      /* 0: never */
	int64_t next_try;      /* in backoff and misconfigured */
	int64_t wake_at;       /* when ACCOUNT_TICK is wanted; 0: never */
	unsigned failures;     /* in a row */
	int64_t refused_at;    /* last refresh that a refusal caused; 0: never */
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
	ACCOUNT_DROP_TOKEN = 1,    /* forget the access token */
	ACCOUNT_START_REFRESH = 2, /* send the request */
	ACCOUNT_ANSWER = 4         /* answer those who wait: with the token if account_can_serve, else with the reason */
};

void account_init(struct account *account, int min_validity_ms, bool has_grant, const struct account_input *in);

/* The one transition function. Returns account_action bits; account->wake_at says when the next TICK is due. */
unsigned account_event(struct account *account, enum account_event event, const struct account_input *in);

/* Is the access token good for at least min_validity from now? */
bool account_can_serve(const struct account *account, int64_t now);

/* May somebody who asks now wait for an answer soon (a request is in flight), rather than be told at once to come back? */
bool account_worth_waiting(const struct account *account);

/* "needs_login", "empty", ... as in `status`. */
const char *account_state_name(enum account_state state);

#endif
