#ifndef MAILBEARER_TOKEND_TURNS_H
#define MAILBEARER_TOKEND_TURNS_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * When may the next token request go out? Many accounts want one at the same moment after a start, after an outage of
 * the provider, and when all of them send at the hour; the provider would answer such a herd with 429. So requests go
 * at an even pace, a third faster than the accounts need in the long run, and what TURNS_BURST_MS would have let
 * through may go in one go. Whoever is waited for goes first, and never slower than TURNS_PER_SECOND_MIN: mail is
 * waiting. So do the others where there are TURNS_FEW accounts or less, since then all is over soon. The more there
 * are, the more time is taken for those that nobody waits for, with the square of their number, until that is all the
 * time there is.
 *
 * Pure: time is a parameter, in milliseconds of loop_now(). Called by the broker.
 */
#define TURNS_PER_SECOND_MIN 20
#define TURNS_FEW 100
#define TURNS_BURST_MS 5000
#define TURNS_INTERVAL_MS (30 * 60 * 1000) /* how long a token is kept, until we know better */

enum turn_kind {
	TURN_IDLE,   /* nobody waits for it */
	TURN_ASKED,  /* somebody does */
	TURN_AT_ONCE /* an administrator does: it goes now, and counts */
};

TAILQ_HEAD(turn_list, turn);

/* One account's place. Belongs to whoever embeds it; zeroed: it waits for nothing. */
struct turn {
	TAILQ_ENTRY(turn) entry;
	struct turn_list *list; /* the one it waits in, or NULL */
};

struct turns {
	struct turn_list asked, idle;
	size_t accounts;     /* that want tokens: kept up to date by the caller */
	int64_t interval_ms; /* how long a token is kept, on average */
	int64_t spent_us;    /* until when the requests so far would have taken, one after the other at the pace */
	int64_t idle_us;     /* the same at the pace of those that nobody waits for */
};

void turns_init(struct turns *turns);

/* True: the request goes out now. False: it waits, and turns_next will give it back. Asked again while it waits, it
 * moves to those that are waited for, if `kind` says so, and never back. */
bool turns_take(struct turns *turns, struct turn *turn, enum turn_kind kind, int64_t now);

/* Whose turn it is now, no longer waiting; NULL: nobody's yet. */
struct turn *turns_next(struct turns *turns, int64_t now);

/* When turns_next is worth asking again; 0: nobody waits. */
int64_t turns_wake_at(const struct turns *turns);

/* It waits no longer. Legal on one that does not. */
void turns_leave(struct turn *turn);

/* A token came that will be replaced after so long. */
void turns_note_interval(struct turns *turns, int64_t interval_ms);

#endif
