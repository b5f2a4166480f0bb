/*
 * What came of an account's request: taken over or blamed, said in the log once. A refresh token that came along is on
 * its way to the disk first, and what came with it is held until that has ended. Called by broker_request.c and, when
 * the disk has answered, by broker_grant.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/explain.h"
#include "daemon/log.h"
#include "tokend/broker_private.h"

/* --- what is known of its troubles --- */

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

/* --- the four outcomes --- */

void outcome_failed(struct keeper *keeper, const struct broker_result *result, enum outcome outcome)
{
	const struct oauth_answer *answer = &result->answer;
	struct keeper_feed with = {.in.retry_after_ms = result->retry_after_ms, .mask = ~0U};
	char login[KEEPER_REMEDY_MAX];

	if (outcome == OUTCOME_GRANT_LOST) {
		snprintf(login, sizeof(login), "mailbearer login %.150s", keeper->conf->name);
		explain_trial(keeper, login, sizeof(login));
		keeper_blame(keeper, answer->error, answer->detail, login);
		refine_remedy(keeper, answer->aadsts, true);
		keeper_feed(keeper, ACCOUNT_GOT_LOST, &with);
		log_failure(keeper, EVENT_GRANT_LOST);
	} else if (outcome == OUTCOME_MISCONFIGURED) {
		keeper_blame(keeper, answer->error, answer->detail, broker_remedy(keeper->client->conf, answer->error));
		refine_remedy(keeper, answer->aadsts, false);
		keeper_feed(keeper, ACCOUNT_GOT_MISCONFIGURED, &with);
		log_failure(keeper, EVENT_MISCONFIGURED);
	} else {
		keeper_blame(keeper, answer->error, answer->detail, broker_remedy_if_it_lasts(answer->error));
		keeper_feed(keeper, ACCOUNT_GOT_RETRY, &with);
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

void outcome_token(struct keeper *keeper, struct broker_result *result)
{
	struct keeper_feed with = {
	    .in = {.expires_in_ms = result->answer.expires_in * 1000, .sent_at = result->sent_at},
	    .mask = ~0U,
	};
	struct loop *loop = keeper->broker->loop;
	struct secret *before = keeper->access_token;

	note_user(keeper, &result->answer);
	keeper->access_token = result->answer.access_token;
	result->answer.access_token = NULL;
	secret_free(before);
	keeper_feed(keeper, ACCOUNT_GOT_TOKEN, &with);
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
		  log_number("took_ms", result->took_ms), log_text("refresh_token", result->rotated ? "new" : NULL));
}

static void take(struct keeper *keeper, struct broker_result *result)
{
	enum outcome outcome = result->answer.outcome;

	if (keeper->outdated) {
		keeper->outdated = false;
		keeper_event(keeper, ACCOUNT_GRANT_ADDED);
		return;
	}
	if (outcome == OUTCOME_GRANT_LOST && keeper->conf->grant != SETTINGS_REFRESH_TOKEN)
		outcome = OUTCOME_MISCONFIGURED; /* nobody can sign in for it */
	if (outcome == OUTCOME_TOKEN)
		outcome_token(keeper, result);
	else
		outcome_failed(keeper, result, outcome);
}

/* --- waiting for the disk --- */

/* Nobody profits from what came with a refresh token before that is safe. Takes the result's contents over. */
static int hold(struct keeper *keeper, struct broker_result *result)
{
	keeper->held = malloc(sizeof(*keeper->held));
	if (keeper->held == NULL)
		return -1;
	*keeper->held = *result;
	memset(result, 0, sizeof(*result));
	return 0;
}

/* To be freed by the caller; the keeper has none any more. */
static struct broker_result *let_go(struct keeper *keeper)
{
	struct broker_result *result = keeper->held;

	keeper->held = NULL;
	return result;
}

static void result_free(struct broker_result *result)
{
	oauth_answer_free(&result->answer);
	free(result);
}

void outcome_go_on(struct keeper *keeper)
{
	struct broker_result *result = let_go(keeper);

	if (result == NULL)
		return;
	take(keeper, result);
	result_free(result);
}

void outcome_drop(struct keeper *keeper)
{
	struct broker_result *result = let_go(keeper);

	if (result != NULL)
		result_free(result);
}

/* Has begun to save what is new in it, and that is not over. */
static bool saves(struct keeper *keeper, struct broker_result *result)
{
	struct oauth_answer *answer = &result->answer;
	bool moved = keeper_note_end(keeper, answer);

	result->rotated = keeper->record.refresh_token != NULL && answer->refresh_token != NULL &&
			  !secret_equal(answer->refresh_token, keeper->record.refresh_token);
	if (result->rotated) { /* first of all: it may be the only one that still works */
		grant_rotate(keeper, answer->refresh_token);
		answer->refresh_token = NULL;
	} else if (moved) {
		grant_save(keeper);
	}
	return (result->rotated || moved) && keeper->saving != NULL;
}

void outcome_of_refresh(void *arg, struct broker_result *result)
{
	struct keeper *keeper = arg;

	keeper->refresh = NULL;
	if (saves(keeper, result)) {
		if (hold(keeper, result) == 0)
			return;
		(void)grant_settle(keeper, NULL);
	}
	take(keeper, result);
}
