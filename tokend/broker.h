#ifndef MAILBEARER_TOKEND_BROKER_H
#define MAILBEARER_TOKEND_BROKER_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon/settings.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/wire.h"
#include "tokend/http.h"
#include "tokend/loop.h"
#include "tokend/store_file.h"

/*
 * Where everything meets: accounts, grants, requests and the store. It answers questions, in the words of the wire; who
 * may ask them, and over what, is the server's business. Single-threaded. Blocks on the store when an administrator
 * changes something, never for a refresh: what that brings is written by the store's own thread, and served after.
 */
struct broker;
struct broker_wait;

/*
 * An answer in the making. Exactly one of two things happens: the call that asked fills in result and text before it
 * returns, and returns NULL; or it returns a wait, and the callback comes once, later, from the loop, unless
 * broker_cancel comes first. The text may be a token: a buf wipes itself.
 */
struct broker_answer {
	enum wire_result result;
	struct buf text; /* made by the caller, with its maximum */
};

/* The answer is borrowed for the time of the call; what it holds is wiped afterwards. */
typedef void broker_cb(void *arg, const struct broker_answer *answer);

/* Borrows loop, http and store, which outlive it. No accounts yet. NULL with *err set. */
struct broker *broker_new(struct loop *loop, struct http *http, struct store *store, struct err *err);

/* Answers everybody who waits (TEMP, "tokend is stopping"), now, and starts no more requests. Those in flight go on:
 * their answers may hold a refresh token in the place of one that is spent. */
void broker_stop(struct broker *broker);

/* Is a request in flight, or a grant on its way to the disk? */
bool broker_busy(const struct broker *broker);

/* Stops, aborts what is in flight, waits for what is on its way to the disk, tries once more to save what is unsaved,
 * frees. NULL is legal. */
void broker_free(struct broker *broker);

/*
 * Takes new settings over: everything is built and proved first, then swapped. On success the broker owns them, and
 * accounts that did not change keep tokens, requests and those who wait. On failure nothing has changed, the settings
 * are still the caller's, and *err says why. Used at start and at each reload.
 */
int broker_configure(struct broker *broker, struct settings *settings, struct err *err);

/* The settings in force; NULL before the first broker_configure. Valid until the next one. */
const struct settings *broker_settings(const struct broker *broker);

/* A question: the key as it came, and who wants to know. cb and arg are kept only if a wait is returned. */
struct broker_question {
	const char *key; /* not NUL-terminated */
	size_t key_len;
	broker_cb *cb;
	void *arg;
};

/* The maps, one function each: DESIGN's table and mailbearer-tokend(8) say what they answer. */
typedef struct broker_wait *broker_map(struct broker *broker, const struct broker_question *question,
				       struct broker_answer *now);

broker_map broker_token, broker_login, broker_sasl, broker_relayhost, broker_transport, broker_account, broker_status,
    broker_version, broker_refresh, broker_import, broker_forget, broker_refused, broker_configuration;

/* The one who asked is gone: no callback comes. NULL is legal; illegal once the callback has begun. */
void broker_cancel(struct broker_wait *wait);

#endif
