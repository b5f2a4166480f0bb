#ifndef MAILBEARER_TOKEND_CONSENT_H
#define MAILBEARER_TOKEND_CONSENT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The state machine of one sign-in. Pure: time is a parameter, secrets and messages are elsewhere; it says what to do
 * and the broker does it.
 *
 *               READY                 CODE, or a poll is due
 *   preparing ─────────▶  waiting  ─────────────────────────▶  trading
 *       │                  │   ▲                                │  │
 *       │                  │   └────────────────────────────────┘  │
 *       │                  │    PENDING, SLOW_DOWN, NO_ANSWER      │
 *       │                  │    (device only)                      │
 *       └──────────────────┴───────────▶  over  ◀──────────────────┘
 *            ENDED; TICK: its time is up, or whoever asked for it is gone
 *
 * What is at the token endpoint is never given up for the time's sake: its answer may hold a grant. An event that its
 * state does not know changes nothing.
 */
enum consent_kind {
	CONSENT_BROWSER, /* the code comes to a listener on loopback */
	CONSENT_PASTE,   /* the person brings the address that the browser ended at */
	CONSENT_DEVICE,  /* the person types a code in elsewhere, and we poll */
	CONSENT_KINDS
};

enum consent_state {
	CONSENT_PREPARING, /* addresses, or a device code, are being fetched */
	CONSENT_WAITING,   /* for the person */
	CONSENT_TRADING,   /* the code, or the device code, is at the token endpoint */
	CONSENT_OVER       /* the outcome is there to be asked for */
};

enum consent_event {
	CONSENT_READY,
	CONSENT_HEARD,     /* whoever asked for it asks again */
	CONSENT_CODE,      /* the person has brought a code */
	CONSENT_TICK,      /* the timer that `wake_at` asked for; one that comes early does no harm */
	CONSENT_PENDING,   /* answers to a poll, RFC 8628 section 3.5 */
	CONSENT_SLOW_DOWN, /* all later polls have 5 seconds more between them */
	CONSENT_NO_ANSWER, /* nor can it be told what became of the poll: the pause is doubled */
	CONSENT_ENDED      /* there is an outcome */
};

#define CONSENT_LIFE_MS (15 * 60 * 1000) /* Entra's codes live 10 minutes, and its device codes 15 */
#define CONSENT_SILENCE_MS (60 * 1000)   /* without CONSENT_HEARD, whoever asked for it is gone */
#define CONSENT_SLOW_DOWN_MS 5000
#define CONSENT_INTERVAL_MAX_MS (60 * 1000)

struct consent {
	enum consent_kind kind;
	enum consent_state state;
	int64_t until;       /* loop_now() at which it ends by itself */
	int64_t heard_at;    /* when whoever asked for it was last heard of */
	int64_t interval_ms; /* between polls */
	int64_t poll_at;     /* device and waiting: when the next poll is due */
	int64_t wake_at;     /* when CONSENT_TICK is wanted; 0: never */
};

/* What an event brought with it. Zero where it does not apply. */
struct consent_input {
	int64_t now;
	int64_t life_ms;     /* CONSENT_READY: at most CONSENT_LIFE_MS counts; 0: that */
	int64_t interval_ms; /* CONSENT_READY, device */
};

enum consent_action {
	CONSENT_DO_NOTHING = 0,
	CONSENT_TRADE = 1,     /* send the code or the device code to the token endpoint */
	CONSENT_EXPIRED = 2,   /* it has become over: nobody signed in */
	CONSENT_ABANDONED = 4, /* it has become over: whoever asked for it is gone */
	CONSENT_FORGET = 8     /* nobody asks for the outcome any more */
};

void consent_init(struct consent *consent, enum consent_kind kind, int64_t now);

/* The one transition function. Returns consent_action bits; consent->wake_at says when the next TICK is due. */
unsigned consent_event(struct consent *consent, enum consent_event event, const struct consent_input *in);

/* "browser", "paste", "device". */
const char *consent_kind_name(enum consent_kind kind);

#endif
