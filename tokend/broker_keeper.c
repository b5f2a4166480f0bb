/*
 * One account: feeds the state machine of account.h, does what it says, and answers how things stand. What came of a
 * request is broker_outcome.c's, the refresh token broker_grant.c's, the request itself broker_request.c's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tokend/broker_private.h"

int64_t keeper_seconds_until(const struct keeper *keeper, int64_t at)
{
	int64_t left = at - loop_now(keeper->broker->loop);

	return left > 0 ? (left + 999) / 1000 : 0;
}

/* --- what is known of its troubles --- */

void keeper_blame(struct keeper *keeper, const char *error, const char *detail, const char *remedy)
{
	if (detail[0] != '\0')
		snprintf(keeper->error, sizeof(keeper->error), "%s: %s", error, detail);
	else
		snprintf(keeper->error, sizeof(keeper->error), "%s", error);
	snprintf(keeper->remedy, sizeof(keeper->remedy), "%s", remedy);
	if (keeper->failing_since == 0)
		keeper->failing_since = loop_now(keeper->broker->loop);
}

const char *keeper_reason(const struct keeper *keeper, char *text, size_t size)
{
	const struct account *machine = &keeper->machine;

	if (machine->state == ACCOUNT_NEEDS_LOGIN)
		snprintf(text, size, "%s must sign in again: %s (%s)", keeper->conf->name, keeper->remedy,
			 keeper->error);
	else
		snprintf(text, size, "%s%s%s", keeper->error[0] != '\0' ? keeper->error : "there is no token yet",
			 keeper->remedy[0] != '\0' ? "; " : "", keeper->remedy);
	return text;
}

int64_t keeper_unusable_for(const struct keeper *keeper)
{
	int64_t now = loop_now(keeper->broker->loop);
	int64_t since = keeper->failing_since;

	if (account_can_serve(&keeper->machine, now) || (keeper->machine.has_grant && since == 0))
		return -1;
	if (keeper->served_until > since)
		since = keeper->served_until;
	return since < now ? (now - since) / 1000 : 0;
}

/* --- what it says --- */

static void say_why_not(const struct keeper *keeper, const char *prefix, struct broker_answer *now)
{
	const struct account *machine = &keeper->machine;
	char reason[ERR_TEXT_MAX];

	keeper_reason(keeper, reason, sizeof(reason));
	if (machine->state == ACCOUNT_BACKOFF || machine->state == ACCOUNT_MISCONFIGURED)
		broker_say(now, WIRE_TEMP, "%s%.400s; next try in %lld s", prefix, reason,
			   (long long)keeper_seconds_until(keeper, machine->next_try));
	else
		broker_say(now, WIRE_TEMP, "%s%s", prefix, reason);
}

void keeper_answer(const struct keeper *keeper, enum wait_for what, struct broker_answer *now)
{
	const char *saved = keeper->unsaved ? "not saved yet, and " : "saved, but ";
	bool works = keeper->error[0] == '\0' && keeper->access_token != NULL;
	int64_t left = keeper_seconds_until(keeper, keeper->machine.token_until);

	if (what == WAIT_TOKEN && account_can_serve(&keeper->machine, loop_now(keeper->broker->loop))) {
		now->result = WIRE_OK;
		if (secret_append(keeper->access_token, &now->text) != 0) {
			buf_clear(&now->text);
			broker_say(now, WIRE_TEMP, "the token is too long to be handed out");
		}
	} else if (what == WAIT_IMPORT && works && keeper->unsaved) {
		broker_say(now, WIRE_TEMP,
			   "the new refresh token works, but could not be saved: see the log; it is tried again");
	} else if (what != WAIT_TOKEN && works) {
		broker_say(now, WIRE_OK, "%stoken good for %lld s", what == WAIT_IMPORT ? "saved; " : "",
			   (long long)left);
	} else {
		say_why_not(keeper, what == WAIT_IMPORT ? saved : "", now);
	}
}

/* --- the machine --- */

static struct broker_request *start_request(struct keeper *keeper, struct err *err)
{
	struct oauth_grant grant = {.type = OAUTH_CLIENT_CREDENTIALS};
	struct secret *assertion = NULL;
	struct broker_request *request = NULL;

	if (keeper->conf->grant == SETTINGS_JWT_BEARER) {
		assertion = client_speak_for(keeper->client, keeper->broker->loop, keeper->conf->name, err);
		grant = (struct oauth_grant){.type = OAUTH_JWT_BEARER, .secret = assertion};
	} else if (keeper->record.refresh_token != NULL) {
		grant = (struct oauth_grant){.type = OAUTH_REFRESH_TOKEN, .secret = keeper->record.refresh_token};
	}
	if (grant.type == OAUTH_CLIENT_CREDENTIALS || grant.secret != NULL)
		request = broker_request_start(keeper->broker, keeper->client, &grant, outcome_of_refresh, keeper, err);
	secret_free(assertion);
	return request;
}

/* That it cannot even be sent is an outcome, too. */
void keeper_send(struct keeper *keeper)
{
	struct broker_result result = {.answer.outcome = OUTCOME_RETRY, .answer.error = "not_sent"};
	struct err err = {.code = ERR_NONE};

	keeper->outdated = false;
	keeper->refresh = start_request(keeper, &err);
	if (keeper->refresh != NULL)
		return;
	snprintf(result.answer.detail, sizeof(result.answer.detail), "%.*s", OAUTH_DETAIL_MAX - 1, err.text);
	outcome_failed(keeper, &result, err.code == ERR_CONFIG ? OUTCOME_MISCONFIGURED : OUTCOME_RETRY);
}

static void set_tick(struct keeper *keeper)
{
	int64_t at = keeper->machine.wake_at;

	if (at == keeper->tick_at)
		return;
	keeper->tick_at = at;
	if (at == 0)
		loop_timer_cancel(keeper->tick);
	else
		loop_timer_set(keeper->tick, at - loop_now(keeper->broker->loop));
}

static void drop_token(struct keeper *keeper)
{
	int64_t now = loop_now(keeper->broker->loop);

	secret_free(keeper->access_token);
	keeper->access_token = NULL;
	if (keeper->served_until > now)
		keeper->served_until = now;
}

/* Nothing starts while stopping; what waits for its turn may be wanted more than it was. */
static void take_turn(struct keeper *keeper, bool starts, enum turn_kind kind)
{
	bool waits = keeper->turn.list != NULL && kind != TURN_IDLE;

	if (kind == TURN_ASKED && account_can_serve(&keeper->machine, loop_now(keeper->broker->loop)))
		kind = TURN_IDLE;
	if ((starts || waits) && !keeper->broker->stopping)
		broker_take_turn(keeper, kind);
}

void keeper_feed(struct keeper *keeper, enum account_event event, struct keeper_feed *with)
{
	struct broker *broker = keeper->broker;
	unsigned actions;

	with->in.now = loop_now(broker->loop);
	with->in.random = loop_random(broker->loop, UINT32_MAX);
	actions = account_event(&keeper->machine, event, &with->in) & with->mask;
	if ((actions & ACCOUNT_ABORT_REFRESH) != 0) {
		turns_leave(&keeper->turn);
		broker_request_abort(keeper->refresh);
		keeper->refresh = NULL;
		outcome_drop(keeper);
	}
	if ((actions & ACCOUNT_DROP_TOKEN) != 0)
		drop_token(keeper);
	take_turn(keeper, (actions & ACCOUNT_START_REFRESH) != 0, with->kind);
	if ((actions & ACCOUNT_ANSWER) != 0)
		broker_tell(keeper, account_worth_waiting(&keeper->machine));
	set_tick(keeper);
}

void keeper_event(struct keeper *keeper, enum account_event event)
{
	struct keeper_feed with = {.mask = ~0U, .kind = event == ACCOUNT_TICK ? TURN_IDLE : TURN_ASKED};

	keeper_feed(keeper, event, &with);
}

void keeper_force(struct keeper *keeper, enum turn_kind kind)
{
	struct keeper_feed with = {.mask = ~0U, .kind = kind};

	if (keeper->client->source != NULL)
		discovery_end_pause(keeper->client->source);
	keeper_feed(keeper, ACCOUNT_FORCED, &with);
}

void keeper_grant_with_token(struct keeper *keeper, struct broker_result *result)
{
	struct keeper_feed with = {.mask = ~(unsigned)ACCOUNT_START_REFRESH};

	/* The machine would send a request at once if one is in flight; here is its answer. */
	keeper_feed(keeper, ACCOUNT_GRANT_ADDED, &with);
	if (keeper_note_end(keeper, &result->answer))
		grant_save(keeper);
	result->rotated = true;
	outcome_token(keeper, result);
}

static void on_tick(void *arg)
{
	struct keeper *keeper = arg;

	keeper->tick_at = 0;
	keeper_event(keeper, ACCOUNT_TICK);
}

/* --- its life --- */

static void on_save(void *arg)
{
	grant_on_save_timer(arg);
}

struct keeper *keeper_new(struct broker *broker, const struct settings_account *conf,
			  const struct broker_client *client, struct err *err)
{
	struct keeper *keeper = calloc(1, sizeof(*keeper));
	struct account_input in = {.now = loop_now(broker->loop), .random = loop_random(broker->loop, UINT32_MAX)};

	if (keeper != NULL) {
		*keeper = (struct keeper){.broker = broker, .conf = conf, .client = client};
		TAILQ_INIT(&keeper->waits);
		keeper->tick = loop_timer_new(broker->loop, on_tick, keeper);
		keeper->save_timer = loop_timer_new(broker->loop, on_save, keeper);
	}
	if (keeper == NULL || keeper->tick == NULL || keeper->save_timer == NULL) {
		err_set(err, ERR_MEMORY, "out of memory");
		keeper_free(keeper);
		return NULL;
	}
	account_init(&keeper->machine, conf->min_validity * 1000, grant_load(keeper), &in);
	set_tick(keeper);
	return keeper;
}

/* The request in flight goes on. What it brings is taken or not, as `outdated` says. */
void keeper_reconfigure(struct keeper *keeper, const struct settings_account *conf, const struct broker_client *client,
			bool changed)
{
	bool restart = keeper->refresh != NULL && !broker_request_change_client(keeper->refresh, client);

	keeper->conf = conf;
	keeper->client = client;
	keeper->machine.min_validity_ms = conf->min_validity * 1000;
	if (keeper->trial != NULL && (changed || !broker_request_change_client(keeper->trial, client)))
		grant_end_trial(keeper, "the settings of the account changed meanwhile: import it again");
	login_reconfigure(keeper, client, changed);
	if (restart) {
		broker_request_abort(keeper->refresh);
		keeper_send(keeper);
	} else if (changed && keeper->refresh != NULL) {
		keeper->outdated = true;
	} else if (keeper->turn.list != NULL) {
		return; /* when its turn comes, it asks what the new settings say */
	} else if (changed && keeper->machine.has_grant) {
		keeper_event(keeper, ACCOUNT_GRANT_ADDED);
	} else if (keeper->machine.state == ACCOUNT_BACKOFF || keeper->machine.state == ACCOUNT_MISCONFIGURED) {
		keeper_force(keeper, TURN_IDLE); /* what was reloaded may be the repair */
	}
}

void keeper_free(struct keeper *keeper)
{
	if (keeper == NULL)
		return;
	login_free(keeper);
	turns_leave(&keeper->turn);
	broker_request_abort(keeper->refresh);
	grant_end_trial(keeper, "");
	outcome_drop(keeper);
	grant_settle_at_end(keeper);
	if (keeper->unsaved && keeper->saving == NULL) {
		grant_save(keeper);
		grant_settle_at_end(keeper);
	}
	if (keeper->saving != NULL)
		store_save_leave(keeper->saving);
	store_record_free(&keeper->record);
	secret_free(keeper->access_token);
	loop_timer_free(keeper->tick);
	loop_timer_free(keeper->save_timer);
	free(keeper);
}
