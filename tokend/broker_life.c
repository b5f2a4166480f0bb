/*
 * The broker's life, those who wait for an answer, and the maps that ask for a token. The other maps, and what happens
 * to an account, are in broker_*.c. Called by the process and, through the operations table, by the server.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/log.h"
#include "tokend/broker_private.h"

#define SHOWN_KEY_MAX 200 /* bytes of a key that are repeated in an answer */
#define STOPPING "tokend is stopping; ask again when it is back"

static void tell_due(void *arg);

/* --- its life --- */

struct broker *broker_new(struct loop *loop, struct http *http, struct store *store, struct err *err)
{
	struct broker *broker = calloc(1, sizeof(*broker));

	if (broker != NULL) {
		*broker = (struct broker){.loop = loop, .http = http, .store = store};
		TAILQ_INIT(&broker->due);
		turns_init(&broker->turns);
		broker->discovery = discovery_new(loop, http);
		broker->loopback = loopback_new(loop);
		broker->soon = loop_timer_new(loop, tell_due, broker);
		broker->next_turn = loop_timer_new(loop, broker_next_turn, broker);
	}
	if (broker == NULL || broker->discovery == NULL || broker->loopback == NULL || broker->soon == NULL ||
	    broker->next_turn == NULL || broker_expiry_begin(broker) != 0) {
		err_set(err, ERR_MEMORY, "out of memory");
		broker_free(broker);
		return NULL;
	}
	return broker;
}

static size_t count_keepers(const struct broker *broker)
{
	return broker->settings != NULL ? broker->settings->account_count : 0;
}

/* Its answer may be a grant. */
static bool is_trading(const struct login *login)
{
	return login != NULL && login->machine.state == CONSENT_TRADING;
}

void broker_stop(struct broker *broker)
{
	broker->stopping = true;
	broker->disk_hangs = false; /* at the end it is given its time once more */
	for (size_t i = 0; i < count_keepers(broker); i++) {
		if (!is_trading(broker->keepers[i]->login))
			login_stop(broker->keepers[i]->login, STOPPING);
		broker_dismiss(broker->keepers[i], STOPPING);
	}
	tell_due(broker);
}

bool broker_busy(const struct broker *broker)
{
	for (size_t i = 0; i < count_keepers(broker); i++) {
		const struct keeper *keeper = broker->keepers[i];

		if (keeper->refresh != NULL || keeper->trial != NULL || keeper->saving != NULL ||
		    is_trading(keeper->login))
			return true;
	}
	return false;
}

void broker_clients_free(struct broker_client *clients, size_t count)
{
	for (size_t i = 0; clients != NULL && i < count; i++) {
		client_unload(&clients[i]);
		discovery_release(clients[i].source);
	}
	free(clients);
}

void broker_free(struct broker *broker)
{
	if (broker == NULL)
		return;
	broker_stop(broker);
	for (size_t i = 0; i < count_keepers(broker); i++)
		keeper_free(broker->keepers[i]);
	free(broker->keepers);
	if (broker->settings != NULL)
		broker_clients_free(broker->clients, broker->settings->client_count);
	senders_free(broker->senders);
	settings_free(broker->settings);
	loop_timer_free(broker->soon);
	loop_timer_free(broker->next_turn);
	loop_timer_free(broker->daily);
	discovery_free(broker->discovery);
	loopback_free(broker->loopback);
	free(broker);
}

const struct settings *broker_settings(const struct broker *broker)
{
	return broker->settings;
}

/* --- finding an account --- */

struct keeper *broker_keeper_of(const struct broker *broker, const struct settings_account *conf)
{
	return broker->keepers[conf - broker->settings->accounts];
}

struct keeper *broker_find(const struct broker *broker, const char *name, size_t len)
{
	const struct settings_account *conf = senders_account(broker->senders, name, len);

	if (conf != NULL)
		return broker_keeper_of(broker, conf);
	if (len < 2 || memcmp(name, "*@", 2) != 0) /* only a wildcard's own name is not found by its address */
		return NULL;
	for (size_t i = 0; i < count_keepers(broker); i++) {
		const char *own = broker->keepers[i]->conf->name;

		if (strlen(own) == len && strncasecmp(own, name, len) == 0)
			return broker->keepers[i];
	}
	return NULL;
}

/* --- answers --- */

struct broker_wait *broker_say(struct broker_answer *now, enum wire_result result, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	now->result = result;
	buf_puts(&now->text, text);
	return NULL;
}

struct broker_wait *broker_say_no_account(const struct broker *broker, const char *name, size_t len,
					  struct broker_answer *now)
{
	int shown = len < SHOWN_KEY_MAX ? (int)len : SHOWN_KEY_MAX;

	return broker_say(now, WIRE_PERM, "no account %.*s in %s", shown, name, broker->settings->path);
}

/* --- those who wait --- */

static void wait_free(struct broker_wait *wait)
{
	if (wait == NULL)
		return;
	if (wait->list != NULL)
		TAILQ_REMOVE(wait->list, wait, entry);
	if (wait->keeper != NULL && wait->keeper->importer == wait)
		wait->keeper->importer = NULL;
	loop_timer_free(wait->timer);
	free(wait);
}

static void wait_move(struct broker_wait *wait, struct wait_list *list)
{
	if (wait->list != NULL)
		TAILQ_REMOVE(wait->list, wait, entry);
	wait->list = list;
	TAILQ_INSERT_TAIL(list, wait, entry);
}

/* Frees the wait before the callback: whoever is told may do anything then. */
static void tell(struct broker_wait *wait)
{
	struct broker_answer answer = {.result = wait->result, .text = BUF_INIT(WIRE_REPLY_MAX)};
	broker_cb *cb = wait->cb;
	void *arg = wait->arg;

	if (wait->what == WAIT_TEXT)
		buf_puts(&answer.text, wait->text);
	else if (wait->what == WAIT_LOGIN)
		login_describe(wait->keeper->login, &answer);
	else
		keeper_answer(wait->keeper, wait->what, &answer);
	wait_free(wait);
	cb(arg, &answer);
	buf_free(&answer.text);
}

/* Is the token in work again, since the answer became due? */
static bool must_wait_on(const struct broker_wait *wait)
{
	return wait->what == WAIT_TOKEN && account_worth_waiting(&wait->keeper->machine) &&
	       !account_can_serve(&wait->keeper->machine, loop_now(wait->broker->loop));
}

static void tell_due(void *arg)
{
	struct broker *broker = arg;
	struct broker_wait *wait;

	while ((wait = TAILQ_FIRST(&broker->due)) != NULL) {
		if (must_wait_on(wait))
			wait_move(wait, &wait->keeper->waits);
		else
			tell(wait);
	}
}

static void make_due(struct broker_wait *wait)
{
	wait_move(wait, &wait->broker->due);
	loop_timer_set(wait->broker->soon, 0);
}

void broker_wait_settle(struct broker_wait *wait, enum wire_result result, const char *fmt, ...)
{
	va_list args;

	if (wait == NULL || wait->what == WAIT_TEXT)
		return;
	va_start(args, fmt);
	vsnprintf(wait->text, sizeof(wait->text), fmt, args);
	va_end(args);
	if (wait->keeper->importer == wait)
		wait->keeper->importer = NULL;
	wait->result = result;
	wait->what = WAIT_TEXT;
	wait->keeper = NULL;
	make_due(wait);
}

/* The answers of the keeper that are wanted by `what`, a set of bits: 1 << WAIT_TOKEN and so on. */
static void make_all_due(struct keeper *keeper, unsigned what)
{
	struct broker_wait *wait, *next;

	for (wait = TAILQ_FIRST(&keeper->waits); wait != NULL; wait = next) {
		next = TAILQ_NEXT(wait, entry);
		if ((what & 1U << wait->what) != 0)
			make_due(wait);
	}
}

void broker_tell(struct keeper *keeper, bool tokens_only)
{
	make_all_due(keeper,
		     tokens_only ? 1U << WAIT_TOKEN : 1U << WAIT_TOKEN | 1U << WAIT_REFRESH | 1U << WAIT_IMPORT);
}

void broker_tell_login(struct keeper *keeper)
{
	make_all_due(keeper, 1U << WAIT_LOGIN);
}

static void dismiss_from(struct wait_list *list, const struct keeper *keeper, unsigned what, const char *reason)
{
	struct broker_wait *wait, *next;

	for (wait = TAILQ_FIRST(list); wait != NULL; wait = next) {
		next = TAILQ_NEXT(wait, entry);
		if (wait->keeper == keeper && (what & 1U << wait->what) != 0)
			broker_wait_settle(wait, WIRE_TEMP, "%s", reason);
	}
}

void broker_dismiss(struct keeper *keeper, const char *reason)
{
	dismiss_from(&keeper->waits, keeper, ~0U, reason);
	dismiss_from(&keeper->broker->due, keeper, ~0U, reason);
}

void broker_dismiss_login(struct keeper *keeper, const char *reason)
{
	dismiss_from(&keeper->waits, keeper, 1U << WAIT_LOGIN, reason);
	dismiss_from(&keeper->broker->due, keeper, 1U << WAIT_LOGIN, reason);
}

/* A sign-in goes on, and its asker is told so. */
static void on_wait_too_long(void *arg)
{
	struct broker_wait *wait = arg;

	if (wait->what == WAIT_LOGIN)
		make_due(wait);
	else if (wait->what != WAIT_TRIAL && wait->keeper != NULL && wait->keeper->turn.list != NULL)
		broker_wait_settle(wait, WIRE_TEMP,
				   "many accounts want a token at once, and its turn has not come yet");
	else if (wait->what != WAIT_TRIAL && wait->keeper != NULL && wait->keeper->held != NULL)
		broker_wait_settle(wait, WIRE_TEMP, "the disk has not taken the new refresh token yet");
	else
		broker_wait_settle(wait, WIRE_TEMP, "the token endpoint has not answered yet");
}

/* How long a question is held: an address that a sign-in needs is fetched, and that done, it is told each second. */
static int64_t longest_wait(const struct keeper *keeper, enum wait_for what)
{
	if (what == WAIT_LOGIN && keeper->login->machine.state != CONSENT_PREPARING)
		return LOGIN_HOLD_MS;
	return what == WAIT_TOKEN ? BROKER_TOKEN_WAIT_MS : BROKER_ADMIN_WAIT_MS;
}

struct broker_wait *broker_wait_new(struct keeper *keeper, enum wait_for what, const struct broker_question *question,
				    struct broker_answer *now)
{
	struct broker_wait *wait = calloc(1, sizeof(*wait));

	if (wait != NULL) {
		*wait = (struct broker_wait){
		    .broker = keeper->broker, .keeper = keeper, .what = what, .cb = question->cb, .arg = question->arg};
		wait->timer = loop_timer_new(keeper->broker->loop, on_wait_too_long, wait);
	}
	if (wait == NULL || wait->timer == NULL) {
		wait_free(wait);
		return broker_say(now, WIRE_TEMP, "tokend is out of memory");
	}
	wait_move(wait, &keeper->waits);
	loop_timer_set(wait->timer, longest_wait(keeper, what));
	return wait;
}

void broker_cancel(struct broker_wait *wait)
{
	wait_free(wait);
}

/* --- the maps that ask for a token --- */

/* Who is asked; NULL: nobody, which is the answer. */
static struct keeper *find_asked(struct broker *broker, const struct broker_question *question,
				 struct broker_answer *now)
{
	struct keeper *keeper = broker_find(broker, question->key, question->key_len);

	if (keeper == NULL)
		broker_say_no_account(broker, question->key, question->key_len, now);
	else if (broker->stopping)
		broker_say(now, WIRE_TEMP, STOPPING);
	return broker->stopping ? NULL : keeper;
}

struct broker_wait *broker_token(struct broker *broker, const struct broker_question *question,
				 struct broker_answer *now)
{
	struct keeper *keeper = find_asked(broker, question, now);

	if (keeper == NULL)
		return NULL;
	keeper_event(keeper, ACCOUNT_ASKED);
	if (account_worth_waiting(&keeper->machine) && !account_can_serve(&keeper->machine, loop_now(broker->loop)))
		return broker_wait_new(keeper, WAIT_TOKEN, question, now);
	keeper_answer(keeper, WAIT_TOKEN, now);
	return NULL;
}

struct broker_wait *broker_refresh(struct broker *broker, const struct broker_question *question,
				   struct broker_answer *now)
{
	struct keeper *keeper = find_asked(broker, question, now);

	if (keeper == NULL)
		return NULL;
	keeper_force(keeper, TURN_AT_ONCE);
	if (account_worth_waiting(&keeper->machine))
		return broker_wait_new(keeper, WAIT_REFRESH, question, now);
	keeper_answer(keeper, WAIT_REFRESH, now);
	return NULL;
}

struct broker_wait *broker_refused(struct broker *broker, const struct broker_question *question,
				   struct broker_answer *now)
{
	struct keeper *keeper = broker_find(broker, question->key, question->key_len);
	bool replacing;

	if (keeper == NULL)
		return broker_say_no_account(broker, question->key, question->key_len, now);
	replacing = account_worth_waiting(&keeper->machine);
	if (!broker->stopping)
		keeper_event(keeper, ACCOUNT_REFUSED);
	/* One line for each token that is given up, however many connections it fails on. */
	if (!replacing && account_worth_waiting(&keeper->machine))
		log_event(EVENT_TOKEN_REFUSED, keeper->conf->name, log_text("client", keeper->client->conf->name),
			  log_text("remedy", "none if it does not repeat: the token is being replaced"));
	return broker_say(now, WIRE_OK, "%s", "");
}
