/*
 * Refresh tokens of the accounts that have one: read from the store, written to it before anybody profits from what
 * came with them, imported, forgotten. The one rule: an error never destroys one; it is only ever replaced by a newer
 * one that is on disk or, while the disk fails, in memory and tried again.
 */
#include <stdio.h>
#include <string.h>

#include "daemon/log.h"
#include "tokend/broker_private.h"

#define SAVE_AGAIN_FIRST_MS 1000 /* then doubled after each failure */
#define SAVE_AGAIN_MAX_MS (5 * 60 * 1000)
#define SAVE_SLOW_MS 5000     /* then it is said that the disk takes long */
#define SETTLE_MS 3000        /* for what an administrator asks for; the loop stands still meanwhile */
#define SETTLE_AT_END_MS 8000 /* at the end; with REQUEST_MS of process.c, less than the unit's TimeoutStopSec */
#define NO_GENERATION (-1)    /* what is on its way is a removal */

/* --- loading --- */

static void has_none(struct keeper *keeper, const char *error, const char *detail)
{
	char remedy[KEEPER_REMEDY_MAX];

	snprintf(remedy, sizeof(remedy), "mailbearer login %.150s", keeper->conf->name);
	keeper_blame(keeper, error, detail, remedy);
}

/* The record keeps that much of a client_id, which is more than providers give. */
static bool is_for_client(const struct store_record *record, const struct settings_client *client)
{
	return strncmp(record->client_id, client->client_id, sizeof(record->client_id) - 1) == 0;
}

bool grant_load(struct keeper *keeper)
{
	const struct settings_client *client = keeper->client->conf;
	struct err err = {.code = ERR_NONE};
	char detail[ERR_TEXT_MAX];
	int found;

	if (keeper->conf->grant != SETTINGS_REFRESH_TOKEN)
		return true;
	found = store_load(keeper->broker->store, keeper->conf->name, &keeper->record, &err);
	if (found > 0 && is_for_client(&keeper->record, client))
		return true;
	if (found > 0) {
		snprintf(detail, sizeof(detail), "the stored grant is for client_id %s, and %.100s has %.100s",
			 keeper->record.client_id, client->name, client->client_id);
		has_none(keeper, "other_client", detail);
		store_record_free(&keeper->record);
	} else if (found < 0) {
		has_none(keeper, "store_unreadable", err.text);
		log_event(EVENT_STORE_UNREADABLE, keeper->conf->name, log_text("reason", err.text),
			  log_text("remedy",
				   "put the right seal key or the file's backup back and restart, or sign in again"));
	} else {
		has_none(keeper, "no_grant", "nobody has signed in yet");
	}
	return false;
}

/* --- saving --- */

static void save_later(struct keeper *keeper, const struct err *err)
{
	struct loop *loop = keeper->broker->loop;
	int64_t pause = SAVE_AGAIN_FIRST_MS;

	for (unsigned i = 0; i < keeper->save_failures && pause < SAVE_AGAIN_MAX_MS; i++)
		pause *= 2;
	if (pause > SAVE_AGAIN_MAX_MS)
		pause = SAVE_AGAIN_MAX_MS;
	pause -= loop_random(loop, (uint32_t)(pause / 4 + 1));
	keeper->unsaved = true;
	keeper->save_failures++;
	loop_timer_set(keeper->save_timer, pause);
	log_event(EVENT_STORE_FAILED, keeper->conf->name, log_text("reason", err->text),
		  log_text("remedy",
			   "repair it; until then do not stop tokend: the newest refresh token is in its memory only"),
		  log_number("next_try_in", (pause + 999) / 1000));
}

static void is_saved(struct keeper *keeper)
{
	keeper->unsaved = false;
	keeper->save_failures = 0;
	loop_timer_cancel(keeper->save_timer);
}

static void log_saved(const struct keeper *keeper)
{
	log_event(EVENT_GRANT_SAVED, keeper->conf->name, log_text("client", keeper->client->conf->name));
}

/* A try to save the record as it is now has ended. */
static void note_try(struct keeper *keeper, const struct err *err)
{
	if (err->code != ERR_NONE) {
		save_later(keeper, err);
		return;
	}
	if (keeper->save_failures > 0)
		log_event(EVENT_STORE_REPAIRED, keeper->conf->name, log_number("failures", keeper->save_failures));
	else if (keeper->unsaved) /* who brought it was told that it is not: this is the rest of the answer */
		log_saved(keeper);
	is_saved(keeper);
}

static void on_saved(void *arg, const struct err *err);

static void begin_save(struct keeper *keeper)
{
	struct err err = {.code = ERR_NONE};

	loop_timer_cancel(keeper->save_timer);
	keeper->saving_generation = keeper->record.generation;
	keeper->saving =
	    store_save_start(keeper->broker->store, keeper->conf->name, &keeper->record, on_saved, keeper, &err);
	if (keeper->saving == NULL)
		note_try(keeper, &err);
	else
		loop_timer_set(keeper->save_timer, SAVE_SLOW_MS);
}

static void log_hanging(const struct keeper *keeper, int64_t ms, const char *remedy)
{
	log_event(EVENT_STORE_HANGS, keeper->conf->name, log_number("waited_s", ms / 1000), log_text("remedy", remedy));
}

void grant_on_save_timer(struct keeper *keeper)
{
	if (keeper->saving == NULL) {
		grant_save(keeper);
		return;
	}
	keeper->save_failures++;
	log_hanging(keeper, SAVE_SLOW_MS,
		    "see why the disk of state_directory does not answer; until then do not stop tokend: the newest "
		    "refresh token is in its memory only");
}

/* How an older record fared, or the removal of one that is still used, is nobody's business: the newest follows. */
static void on_saved(void *arg, const struct err *err)
{
	struct keeper *keeper = arg;

	keeper->saving = NULL;
	keeper->broker->disk_hangs = false;
	loop_timer_cancel(keeper->save_timer);
	if (keeper->saving_generation == keeper->record.generation)
		note_try(keeper, err);
	else if (keeper->record.refresh_token != NULL)
		begin_save(keeper);
	if (keeper->saving == NULL)
		outcome_go_on(keeper);
}

void grant_save(struct keeper *keeper)
{
	keeper->record.generation++;
	if (keeper->saving == NULL)
		begin_save(keeper);
}

static int64_t settle_ms(const struct broker *broker)
{
	return broker->stopping ? SETTLE_AT_END_MS : SETTLE_MS;
}

/* Returns store_save_wait's. Once for all accounts: what has hung for one of them hangs for the next. */
static int wait_for(struct keeper *keeper, struct store_save *save, struct err *err)
{
	struct broker *broker = keeper->broker;
	int status = store_save_wait(save, deadline_after(broker->disk_hangs ? 0 : settle_ms(broker)), err);

	if (status <= 0)
		return status;
	broker->disk_hangs = true;
	err_set(err, ERR_TIMEOUT, "the disk of state_directory does not answer");
	return status;
}

/* Waits for what has just begun, and is then as if grant_save had begun it: 1, and it is on its way still. 0: it is on
 * disk; -1 with *err set: nothing has changed. */
static int finish(struct keeper *keeper, struct store_save *save, int64_t generation, struct err *err)
{
	int status = save != NULL ? wait_for(keeper, save, err) : -1;

	if (status > 0) {
		keeper->saving = save;
		keeper->saving_generation = generation;
		loop_timer_set(keeper->save_timer, SAVE_SLOW_MS);
	}
	return status;
}

int grant_settle(struct keeper *keeper, struct err *err)
{
	while (keeper->saving != NULL) {
		struct err how = {.code = ERR_NONE};

		if (wait_for(keeper, keeper->saving, &how) > 0)
			return err_set(err, how.code, "%s", how.text);
		on_saved(keeper, &how);
	}
	return 0;
}

void grant_settle_at_end(struct keeper *keeper)
{
	if (grant_settle(keeper, NULL) != 0)
		log_hanging(keeper, settle_ms(keeper->broker),
			    "the newest refresh token was not saved: once the disk is repaired, see mailbearer status, "
			    "and sign in again if it says so");
}

void grant_rotate(struct keeper *keeper, struct secret *refresh_token)
{
	secret_free(keeper->record.refresh_token);
	keeper->record.refresh_token = refresh_token;
	keeper->record.refreshed_at = loop_wall(keeper->broker->loop);
	grant_save(keeper);
}

/* --- import --- */

/* Takes the token over. */
static struct store_record new_record(const struct keeper *keeper, struct secret *refresh_token)
{
	const struct settings_client *client = keeper->client->conf;
	const char *scope = broker_scope(client, SETTINGS_REFRESH_TOKEN);
	int64_t now = loop_wall(keeper->broker->loop);
	struct store_record record = {.refresh_token = refresh_token, .granted_at = now, .refreshed_at = now};

	snprintf(record.client_id, sizeof(record.client_id), "%s", client->client_id);
	snprintf(record.scope, sizeof(record.scope), "%s", scope != NULL ? scope : "");
	record.generation = keeper->record.generation;
	return record;
}

/*
 * Puts the record on disk, and then only in the place of the old one. 0: it is there. 1: the disk does not answer, and
 * it is in memory and on its way. -1 with *err set: it is freed, and nothing has changed.
 */
static int replace_record(struct keeper *keeper, struct store_record *record, struct err *err)
{
	const struct broker *broker = keeper->broker;
	int status = -1;

	record->generation++;
	if (grant_settle(keeper, err) == 0)
		status =
		    finish(keeper, store_save_start(broker->store, keeper->conf->name, record, on_saved, keeper, err),
			   record->generation, err);
	if (status < 0) {
		store_record_free(record);
		return -1;
	}
	store_record_free(&keeper->record);
	keeper->record = *record;
	if (status > 0) {
		keeper->unsaved = true;
		return 1;
	}
	is_saved(keeper);
	log_saved(keeper);
	return 0;
}

/* There is nothing to lose: on disk first, then see whether it works. */
static struct broker_wait *save_and_prove(struct keeper *keeper, struct secret *token,
					  const struct broker_question *question, struct broker_answer *now)
{
	struct store_record record = new_record(keeper, token);
	struct err err = {.code = ERR_NONE};
	int status = replace_record(keeper, &record, &err);

	if (status < 0)
		return broker_say(now, WIRE_TEMP, "the refresh token could not be saved: %.400s; nothing was changed",
				  err.text);
	keeper_event(keeper, ACCOUNT_GRANT_ADDED);
	keeper_force(keeper, TURN_AT_ONCE);
	if (status > 0)
		return broker_say(now, WIRE_TEMP,
				  "the refresh token was taken, but is not saved yet: %.300s; see why, and until then "
				  "do not stop tokend",
				  err.text);
	if (account_worth_waiting(&keeper->machine))
		return broker_wait_new(keeper, WAIT_IMPORT, question, now);
	keeper_answer(keeper, WAIT_IMPORT, now);
	return NULL;
}

/* The candidate works, and the one before it is replaced. */
static void adopt(struct keeper *keeper, struct broker_result *result)
{
	struct secret *token = keeper->candidate;
	struct broker_answer answer = {.text = BUF_INIT(ERR_TEXT_MAX)};
	struct store_record record;

	keeper->candidate = NULL;
	if (result->answer.refresh_token != NULL) {
		secret_free(token);
		token = result->answer.refresh_token;
		result->answer.refresh_token = NULL;
	}
	record = new_record(keeper, token);
	store_record_free(&keeper->record);
	keeper->record = record;
	grant_save(keeper);
	if (grant_settle(keeper, NULL) != 0)
		keeper->unsaved = true;
	if (!keeper->unsaved)
		log_saved(keeper);
	keeper_grant_with_token(keeper, result);
	keeper_answer(keeper, WAIT_IMPORT, &answer);
	broker_wait_settle(keeper->importer, answer.result, "%s", answer.text.data != NULL ? answer.text.data : "");
	buf_free(&answer.text);
}

static void on_tried(void *arg, struct broker_result *result)
{
	struct keeper *keeper = arg;
	const struct oauth_answer *answer = &result->answer;
	const char *separator = answer->detail[0] != '\0' ? ": " : "";

	keeper->trial = NULL;
	secret_redact(keeper->candidate, result->answer.detail);
	if (answer->outcome == OUTCOME_TOKEN)
		adopt(keeper, result);
	else if (answer->outcome == OUTCOME_RETRY)
		broker_wait_settle(keeper->importer, WIRE_TEMP,
				   "the new refresh token could not be tried (%s%s%s); the old one is kept",
				   answer->error, separator, answer->detail);
	else
		broker_wait_settle(keeper->importer, WIRE_PERM,
				   "the new refresh token does not work (%s%s%s); the old one is kept", answer->error,
				   separator, answer->detail);
	secret_free(keeper->candidate);
	keeper->candidate = NULL;
}

/* There is a grant that works: it goes only when the new one is known to work, too. */
static struct broker_wait *prove_and_save(struct keeper *keeper, struct secret *token,
					  const struct broker_question *question, struct broker_answer *now)
{
	const struct oauth_grant grant = {.type = OAUTH_REFRESH_TOKEN, .secret = token};
	struct err err = {.code = ERR_NONE};

	if (keeper->client->source != NULL)
		discovery_end_pause(keeper->client->source);
	keeper->candidate = token;
	keeper->trial = broker_request_start(keeper->broker, keeper->client, &grant, on_tried, keeper, &err);
	if (keeper->trial == NULL) {
		secret_free(keeper->candidate);
		keeper->candidate = NULL;
		return broker_say(now, WIRE_TEMP,
				  "the new refresh token could not be tried (%.400s); the old one is kept", err.text);
	}
	keeper->importer = broker_wait_new(keeper, WAIT_TRIAL, question, now);
	if (keeper->importer == NULL)
		grant_end_trial(keeper, "");
	return keeper->importer;
}

void grant_end_trial(struct keeper *keeper, const char *reason)
{
	broker_request_abort(keeper->trial);
	keeper->trial = NULL;
	secret_free(keeper->candidate);
	keeper->candidate = NULL;
	broker_wait_settle(keeper->importer, WIRE_TEMP, "%s", reason);
}

/* --- signing in --- */

int grant_adopt(struct keeper *keeper, struct broker_result *result, struct err *err)
{
	struct store_record record = new_record(keeper, result->answer.refresh_token);

	result->answer.refresh_token = NULL;
	if (replace_record(keeper, &record, err) < 0)
		return -1;
	grant_end_trial(keeper, "somebody signed in for the account meanwhile");
	keeper_grant_with_token(keeper, result);
	return 0;
}

/* --- the maps --- */

/* Visible ASCII only: what else comes is a file of another kind. */
static struct secret *read_token(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return NULL;
	return len > 0 ? secret_new(text, len) : NULL;
}

struct broker_wait *broker_import(struct broker *broker, const struct broker_question *question,
				  struct broker_answer *now)
{
	const char *space = question->key_len > 0 ? memchr(question->key, ' ', question->key_len) : NULL;
	size_t name_len = space != NULL ? (size_t)(space - question->key) : 0;
	struct keeper *keeper;
	struct secret *token;

	if (space == NULL) /* and what came is not repeated: it may be the token */
		return broker_say(now, WIRE_PERM,
				  "an account and a refresh token are expected, with a space in between");
	keeper = broker_find(broker, question->key, name_len);
	if (keeper == NULL)
		return broker_say_no_account(broker, question->key, name_len, now);
	if (keeper->conf->grant != SETTINGS_REFRESH_TOKEN)
		return broker_say(now, WIRE_PERM, "account %s uses %s: there is nothing to import", keeper->conf->name,
				  settings_grant_name(keeper->conf->grant));
	if (broker->stopping || keeper->trial != NULL)
		return broker_say(now, WIRE_TEMP,
				  broker->stopping ? "tokend is stopping"
						   : "another import for this account is under way");
	token = read_token(space + 1, question->key_len - name_len - 1);
	if (token == NULL)
		return broker_say(now, WIRE_PERM,
				  "this is no refresh token: 1 to %d visible ASCII characters are expected",
				  SECRET_MAX);
	if (keeper->machine.has_grant && keeper->machine.state != ACCOUNT_NEEDS_LOGIN)
		return prove_and_save(keeper, token, question, now);
	return save_and_prove(keeper, token, question, now);
}

/* -1 with *err set: the grant is kept, and put back if the disk loses it later. */
static int remove_record(struct keeper *keeper, struct err *err)
{
	struct store_save *removal =
	    store_remove_start(keeper->broker->store, keeper->conf->name, on_saved, keeper, err);

	return finish(keeper, removal, NO_GENERATION, err) == 0 ? 0 : -1;
}

struct broker_wait *broker_forget(struct broker *broker, const struct broker_question *question,
				  struct broker_answer *now)
{
	struct keeper *keeper = broker_find(broker, question->key, question->key_len);
	struct err err = {.code = ERR_NONE};

	if (keeper == NULL)
		return broker_say_no_account(broker, question->key, question->key_len, now);
	if (keeper->conf->grant != SETTINGS_REFRESH_TOKEN)
		return broker_say(now, WIRE_PERM, "account %s uses %s: there is nothing to forget", keeper->conf->name,
				  settings_grant_name(keeper->conf->grant));
	if (grant_settle(keeper, &err) != 0 || remove_record(keeper, &err) != 0)
		return broker_say(now, WIRE_TEMP, "the grant could not be removed: %s", err.text);
	grant_end_trial(keeper, "the account's grant was removed meanwhile");
	store_record_free(&keeper->record);
	is_saved(keeper);
	has_none(keeper, "forgotten", "an administrator removed the grant");
	keeper_event(keeper, ACCOUNT_GRANT_REMOVED);
	log_event(EVENT_GRANT_FORGOTTEN, keeper->conf->name, log_text("client", keeper->client->conf->name));
	return broker_say(now, WIRE_OK, "forgotten");
}
