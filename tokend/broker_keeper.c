/*
 * One account: feeds the state machine of account.h, does what it says, and speaks of what came of it, in the log once
 * and in answers as often as asked. The refresh token is broker_grant.c's, the request broker_request.c's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/explain.h"
#include "daemon/log.h"
#include "tokend/broker_private.h"

/* What an event brings along, and what is made of it. */
struct feed {
	struct account_input in;
	unsigned mask;       /* of account_action: those that are done */
	enum turn_kind kind; /* of the request, should it start one */
};

static void feed(struct keeper *keeper, enum account_event event, struct feed *with);

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

/* Where Entra says more than `error` does, so does the remedy. For people only: what happens next is decided. */
static void refine_remedy(struct keeper *keeper, long aadsts, bool lost)
{
	const struct explain_values values = {.mailbox = keeper->conf->name};
	char *remedy = keeper->remedy;
	struct buf advice = BUF_INIT(EXPLAIN_REMEDY_MAX + ERR_TEXT_MAX);
	struct explain_cause cause;

	if (!explain_aadsts(aadsts, &cause) || explain_fill(cause.advice->remedy, &values, &advice) != 0)
		goto out;
	if (!lost)
		snprintf(remedy, sizeof(keeper->remedy), "%s", advice.data);
	else if (cause.advice->who != EXPLAIN_OWNER) /* who signs in again is told so already */
		snprintf(remedy + strlen(remedy), sizeof(keeper->remedy) - strlen(remedy), "; but first: %s",
			 advice.data);
out:
	buf_free(&advice);
}

static void forgive(struct keeper *keeper)
{
	keeper->error[0] = '\0';
	keeper->remedy[0] = '\0';
	keeper->failing_since = 0;
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
	const char *saved = what == WAIT_IMPORT ? "saved, but " : "";
	int64_t left = keeper_seconds_until(keeper, keeper->machine.token_until);

	if (what == WAIT_TOKEN && account_can_serve(&keeper->machine, loop_now(keeper->broker->loop))) {
		now->result = WIRE_OK;
		if (secret_append(keeper->access_token, &now->text) != 0) {
			buf_clear(&now->text);
			broker_say(now, WIRE_TEMP, "the token is too long to be handed out");
		}
	} else if (what != WAIT_TOKEN && keeper->error[0] == '\0' && keeper->access_token != NULL) {
		broker_say(now, WIRE_OK, "%stoken good for %lld s", what == WAIT_IMPORT ? "saved; " : "",
			   (long long)left);
	} else {
		say_why_not(keeper, saved, now);
	}
}

/* --- outcomes --- */

static void log_failure(const struct keeper *keeper, enum event event)
{
	log_event(event, keeper->conf->name, log_text("client", keeper->client->conf->name),
		  log_text("reason", keeper->error),
		  log_text("remedy", keeper->remedy[0] != '\0' ? keeper->remedy : NULL),
		  log_number("failures", keeper->machine.failures),
		  log_number("next_try_in", keeper_seconds_until(keeper, keeper->machine.next_try)));
}

/* A grant that was lost a week after the sign-in will be lost so again. */
static void explain_trial(const struct keeper *keeper, char *remedy, size_t size)
{
	int days = keeper->client->conf->provider->trial_days;
	int64_t age = loop_wall(keeper->broker->loop) - keeper->record.granted_at;
	size_t len = strlen(remedy);

	if (days != 0 && keeper->record.granted_at != 0 && age <= (int64_t)(days + 1) * 24 * 60 * 60)
		snprintf(remedy + len, size - len,
			 "; while the app's status is \"Testing\", sign-ins end after %d days: publish it first", days);
}

static void failed(struct keeper *keeper, const struct broker_result *result, enum outcome outcome)
{
	const struct oauth_answer *answer = &result->answer;
	struct feed with = {.in.retry_after_ms = result->retry_after_ms, .mask = ~0U};
	char login[KEEPER_REMEDY_MAX];

	if (outcome == OUTCOME_GRANT_LOST) {
		snprintf(login, sizeof(login), "mailbearer login %.150s", keeper->conf->name);
		explain_trial(keeper, login, sizeof(login));
		keeper_blame(keeper, answer->error, answer->detail, login);
		refine_remedy(keeper, answer->aadsts, true);
		feed(keeper, ACCOUNT_GOT_LOST, &with);
		log_failure(keeper, EVENT_GRANT_LOST);
	} else if (outcome == OUTCOME_MISCONFIGURED) {
		keeper_blame(keeper, answer->error, answer->detail, broker_remedy(keeper->client->conf, answer->error));
		refine_remedy(keeper, answer->aadsts, false);
		feed(keeper, ACCOUNT_GOT_MISCONFIGURED, &with);
		log_failure(keeper, EVENT_MISCONFIGURED);
	} else {
		keeper_blame(keeper, answer->error, answer->detail, broker_remedy_if_it_lasts(answer->error));
		feed(keeper, ACCOUNT_GOT_RETRY, &with);
		log_failure(keeper, result->undiscovered ? EVENT_DISCOVERY_FAILED : EVENT_REFRESH_FAILED);
	}
}

/* The machine would not have the new token; its state says why. */
static void token_of_no_use(struct keeper *keeper, const struct broker_result *result)
{
	char detail[OAUTH_DETAIL_MAX];

	if (keeper->machine.state == ACCOUNT_MISCONFIGURED) {
		snprintf(detail, sizeof(detail), "the provider's tokens are good for %lld s, and min_validity is %d s",
			 (long long)result->answer.expires_in, keeper->conf->min_validity);
		keeper_blame(keeper, "token_too_short", detail, broker_remedy(keeper->client->conf, "token_too_short"));
		log_failure(keeper, EVENT_MISCONFIGURED);
	} else {
		keeper_blame(keeper, "late_answer", "the new token had all but run out when it came",
			     "it is tried again; if it lasts, see why answers take so long");
		log_failure(keeper, EVENT_REFRESH_FAILED);
	}
}

/* Exchange takes a token for its own user's mailbox only. Said once for each user, not for each token. */
static void note_user(struct keeper *keeper, const struct oauth_answer *answer)
{
	char user[CLAIMS_USER_MAX], other[CLAIMS_USER_MAX];
	enum claims_user whose = claims_compare(answer->access_token, keeper->conf->name, user);
	enum claims_user also = claims_compare(answer->id_token, keeper->conf->name, other);
	bool known = strcmp(user[0] != '\0' ? user : other, keeper->user) == 0;

	if (keeper->conf->grant != SETTINGS_REFRESH_TOKEN || (whose == CLAIMS_NOBODY && also == CLAIMS_NOBODY))
		return;
	snprintf(keeper->user, sizeof(keeper->user), "%s",
		 whose == CLAIMS_SAME || (whose == CLAIMS_OTHER && also != CLAIMS_SAME) ? user : other);
	keeper->other_mailbox = whose != CLAIMS_SAME && also != CLAIMS_SAME;
	if (keeper->other_mailbox && !known)
		log_event(EVENT_OTHER_MAILBOX, keeper->conf->name, log_text("signed_in_as", keeper->user),
			  log_text("remedy", "sign in as the account itself, or name the account after its mailbox"));
}

static void got_token(struct keeper *keeper, struct broker_result *result, bool rotated)
{
	struct feed with = {
	    .in = {.expires_in_ms = result->answer.expires_in * 1000, .sent_at = result->sent_at},
	    .mask = ~0U,
	};
	struct loop *loop = keeper->broker->loop;
	struct secret *before = keeper->access_token;

	note_user(keeper, &result->answer);
	keeper->access_token = result->answer.access_token;
	result->answer.access_token = NULL;
	secret_free(before);
	feed(keeper, ACCOUNT_GOT_TOKEN, &with);
	if (keeper->access_token == NULL) {
		token_of_no_use(keeper, result);
		return;
	}
	forgive(keeper);
	turns_note_interval(&keeper->broker->turns, keeper->machine.refresh_at - loop_now(loop));
	keeper->last_success = loop_wall(loop);
	keeper->served_until = keeper->machine.token_until - keeper->machine.min_validity_ms;
	log_event(EVENT_TOKEN_REFRESHED, keeper->conf->name,
		  log_number("valid_for", keeper_seconds_until(keeper, keeper->machine.token_until)),
		  log_number("took_ms", result->took_ms), log_text("refresh_token", rotated ? "new" : NULL));
}

static void on_refreshed(void *arg, struct broker_result *result)
{
	struct keeper *keeper = arg;
	enum outcome outcome = result->answer.outcome;
	bool rotated = outcome == OUTCOME_TOKEN && keeper->record.refresh_token != NULL &&
		       result->answer.refresh_token != NULL &&
		       !secret_equal(result->answer.refresh_token, keeper->record.refresh_token);
	bool moved;

	keeper->refresh = NULL;
	moved = outcome == OUTCOME_TOKEN && keeper_note_end(keeper, &result->answer);
	if (rotated) { /* first of all: it may be the only one that still works */
		grant_rotate(keeper, result->answer.refresh_token);
		result->answer.refresh_token = NULL;
	} else if (moved) {
		grant_save(keeper);
	}
	if (keeper->outdated) {
		keeper->outdated = false;
		keeper_event(keeper, ACCOUNT_GRANT_ADDED);
		return;
	}
	if (outcome == OUTCOME_GRANT_LOST && keeper->conf->grant != SETTINGS_REFRESH_TOKEN)
		outcome = OUTCOME_MISCONFIGURED; /* nobody can sign in for it */
	if (outcome == OUTCOME_TOKEN)
		got_token(keeper, result, rotated);
	else
		failed(keeper, result, outcome);
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
		request = broker_request_start(keeper->broker, keeper->client, &grant, on_refreshed, keeper, err);
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
	failed(keeper, &result, err.code == ERR_CONFIG ? OUTCOME_MISCONFIGURED : OUTCOME_RETRY);
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

/* One event, and those of the actions that it asks for which are in the mask. */
static void feed(struct keeper *keeper, enum account_event event, struct feed *with)
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
	struct feed with = {.mask = ~0U, .kind = event == ACCOUNT_TICK ? TURN_IDLE : TURN_ASKED};

	feed(keeper, event, &with);
}

void keeper_force(struct keeper *keeper, enum turn_kind kind)
{
	struct feed with = {.mask = ~0U, .kind = kind};

	if (keeper->client->source != NULL)
		discovery_end_pause(keeper->client->source);
	feed(keeper, ACCOUNT_FORCED, &with);
}

void keeper_grant_with_token(struct keeper *keeper, struct broker_result *result)
{
	struct feed with = {.mask = ~(unsigned)ACCOUNT_START_REFRESH};

	/* The machine would send a request at once if one is in flight; here is its answer. */
	feed(keeper, ACCOUNT_GRANT_ADDED, &with);
	if (keeper_note_end(keeper, &result->answer))
		grant_save(keeper);
	got_token(keeper, result, true);
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
	grant_save(arg);
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
	if (keeper->unsaved)
		grant_save(keeper);
	store_record_free(&keeper->record);
	secret_free(keeper->access_token);
	loop_timer_free(keeper->tick);
	loop_timer_free(keeper->save_timer);
	free(keeper);
}
