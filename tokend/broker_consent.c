/*
 * A sign-in that is running: does what the machine of consent.h says, with a listener for the browser, requests to the
 * provider, and a timer. Until the new grant is on disk the account is not touched: whatever ends a sign-in before that
 * leaves it as it was. Called by broker_login.c for the administrator, and by the keeper at its end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/log.h"
#include "tokend/advice.h"
#include "tokend/broker_private.h"

static void trade(struct login *login);

/* --- its end ------------------------------------------------------------------------------------------------------ */

/* What is still under way is aborted, and every secret is gone. */
static void drop_all(struct login *login, const struct loopback_page *page)
{
	broker_request_abort(login->request);
	login->request = NULL;
	discovery_cancel(login->discovery);
	login->discovery = NULL;
	loopback_finish(login->listener, page);
	login->listener = NULL;
	secret_free(login->verifier);
	login->verifier = NULL;
	secret_free(login->code);
	login->code = NULL;
	oauth_device_free(&login->device);
}

static void end(struct login *login, enum wire_result result, const char *text, const struct loopback_page *page)
{
	struct consent_input in = {.now = 0};

	login->result = result;
	snprintf(login->text, sizeof(login->text), "%s", text);
	drop_all(login, page);
	login_feed(login, CONSENT_ENDED, &in);
	broker_tell_login(login->keeper);
}

void login_fail(struct login *login, const struct login_failure *failure)
{
	const struct keeper *keeper = login->keeper;
	const char *colon = failure->detail[0] != '\0' ? ": " : "";
	const char *remedy = failure->remedy[0] != '\0' ? "; " : "";
	char reason[ERR_TEXT_MAX], text[ERR_TEXT_MAX];
	struct loopback_page page = {400, "Not signed in", text};

	snprintf(reason, sizeof(reason), "%s%s%.*s", failure->error, colon, OAUTH_DETAIL_MAX, failure->detail);
	log_event(EVENT_LOGIN_FAILED, keeper->conf->name, log_text("client", keeper->client->conf->name),
		  log_text("by", consent_kind_name(login->machine.kind)), log_text("reason", reason),
		  log_text("remedy", remedy[0] != '\0' ? failure->remedy : NULL));
	snprintf(text, sizeof(text), "not signed in, and nothing was changed: %.360s%s%s", reason, remedy,
		 failure->remedy);
	end(login, failure->result, text, &page);
}

bool login_is_being_completed(const struct login *login)
{
	return login->machine.state == CONSENT_TRADING && login->machine.kind != CONSENT_DEVICE;
}

void login_stop(struct login *login, const char *reason)
{
	struct login_failure failure = {WIRE_TEMP, "ended", reason, ""};

	if (login != NULL && login->machine.state != CONSENT_OVER && !login_is_being_completed(login))
		login_fail(login, &failure);
}

/* --- tokens ------------------------------------------------------------------------------------------------------- */

/* Some providers are asked for it by a scope, others by a parameter, once for each consent. */
static const char *remedy_for_no_refresh_token(const struct keeper *keeper)
{
	const struct settings_client *conf = keeper->client->conf;
	const char *scope = broker_scope(conf, SETTINGS_REFRESH_TOKEN);

	if (conf->provider->scope_user != NULL && strstr(conf->provider->scope_user, "offline_access") == NULL)
		return "withdraw the application's access in the settings of the person's account, and sign in again";
	if (scope == NULL || strstr(scope, "offline_access") == NULL)
		return "add offline_access to scope";
	return "allow the application offline access at the provider";
}

static void say_signed_in(struct login *login)
{
	const struct keeper *keeper = login->keeper;
	struct broker_answer answer = {.text = BUF_INIT(ERR_TEXT_MAX)};
	char text[2 * ERR_TEXT_MAX];
	struct loopback_page page = {200, "Signed in", text};

	keeper_answer(keeper, WAIT_IMPORT, &answer);
	if (keeper->other_mailbox)
		snprintf(text, sizeof(text),
			 "Mailbearer has the account %s now, but it was %.200s who signed in. The mail server takes "
			 "this for the mailbox of %.200s only.",
			 keeper->conf->name, keeper->user, keeper->user);
	else
		snprintf(text, sizeof(text), "Mailbearer can send mail as %s now. You may close this page.",
			 keeper->conf->name);
	end(login, answer.result, answer.text.data != NULL ? answer.text.data : "", &page);
	buf_free(&answer.text);
}

static void got_tokens(struct login *login, struct broker_result *result)
{
	struct login_failure failure = {WIRE_TEMP, "not_saved", "", "repair that, and sign in again"};
	struct err err = {.code = ERR_NONE};

	if (result->answer.refresh_token == NULL) {
		login_fail(login, &(struct login_failure){
				      WIRE_PERM, "no_refresh_token",
				      "the provider gave an access token only, which would end within hours",
				      remedy_for_no_refresh_token(login->keeper)});
		return;
	}
	if (grant_adopt(login->keeper, result, &err) == 0) {
		say_signed_in(login);
		return;
	}
	failure.detail = err.text;
	login_fail(login, &failure);
}

/* The words of RFC 8628 section 3.5. True: the polling goes on. */
static bool poll_again(struct login *login, const struct oauth_answer *answer)
{
	struct consent_input in = {.now = 0};

	if (login->machine.kind != CONSENT_DEVICE || answer->outcome != OUTCOME_RETRY)
		return false;
	if (strcmp(answer->error, "authorization_pending") == 0)
		login_feed(login, CONSENT_PENDING, &in);
	else if (strcmp(answer->error, "slow_down") == 0)
		login_feed(login, CONSENT_SLOW_DOWN, &in);
	else
		login_feed(login, CONSENT_NO_ANSWER, &in);
	return true;
}

static void on_traded(void *arg, struct broker_result *result)
{
	struct login *login = arg;
	const struct oauth_answer *answer = &result->answer;

	login->request = NULL;
	if (answer->outcome == OUTCOME_TOKEN)
		got_tokens(login, result);
	else if (!poll_again(login, answer))
		login_fail(login, &(struct login_failure){answer->outcome == OUTCOME_RETRY ? WIRE_TEMP : WIRE_PERM,
							  answer->error, answer->detail,
							  advice_for_signin(answer->error, answer->aadsts)});
}

static void trade(struct login *login)
{
	bool device = login->machine.kind == CONSENT_DEVICE;
	struct oauth_grant grant = {
	    .type = device ? OAUTH_DEVICE_CODE : OAUTH_AUTHORIZATION_CODE,
	    .secret = device ? login->device.device_code : login->code,
	    .verifier = login->verifier,
	    .redirect_uri = login->redirect_uri,
	};
	struct err err = {.code = ERR_NONE};

	login->request =
	    broker_request_start(login->keeper->broker, login->keeper->client, &grant, on_traded, login, &err);
	if (login->request == NULL)
		login_fail(login, &(struct login_failure){WIRE_TEMP, "not_sent", err.text, ""});
}

/* --- the machine -------------------------------------------------------------------------------------------------- */

static void set_tick(struct login *login)
{
	if (login->machine.wake_at == 0)
		loop_timer_cancel(login->tick);
	else
		loop_timer_set(login->tick, login->machine.wake_at - loop_now(login->keeper->broker->loop));
}

void login_feed(struct login *login, enum consent_event event, struct consent_input *in)
{
	unsigned actions;

	in->now = loop_now(login->keeper->broker->loop);
	actions = consent_event(&login->machine, event, in);
	set_tick(login);
	if ((actions & CONSENT_TRADE) != 0)
		trade(login);
	if ((actions & CONSENT_EXPIRED) != 0)
		login_fail(login, &(struct login_failure){WIRE_TEMP, "expired",
							  "nobody signed in before the time was up", "start again"});
	if ((actions & CONSENT_ABANDONED) != 0)
		login_fail(login, &(struct login_failure){WIRE_TEMP, "abandoned", "the command that started it is gone",
							  "start again"});
	if ((actions & CONSENT_FORGET) != 0)
		login_free(login->keeper);
}

void login_on_tick(void *arg)
{
	struct consent_input in = {.now = 0};

	login_feed(arg, CONSENT_TICK, &in);
}

void login_heard(struct login *login)
{
	struct consent_input in = {.now = 0};

	login_feed(login, CONSENT_HEARD, &in);
}

int64_t login_seconds_left(const struct login *login)
{
	return keeper_seconds_until(login->keeper, login->machine.until);
}

/* --- the person's answer ------------------------------------------------------------------------------------------ */

static bool is_expected(const struct login *login, const struct oauth_callback *callback)
{
	unsigned char differ = strlen(callback->state) != LOGIN_STATE_LEN;

	for (size_t i = 0; !differ && i < LOGIN_STATE_LEN; i++)
		differ |= (unsigned char)(callback->state[i] ^ login->state[i]);
	return !differ;
}

/* "AADSTS65004: ...", or 0. */
static int aadsts_in(const char *text)
{
	return strncmp(text, "AADSTS", 6) == 0 ? atoi(text + 6) : 0;
}

/* Of the right sign-in, but is it a code of the right provider? */
static void take(struct login *login, struct oauth_callback *callback)
{
	struct consent_input in = {.now = 0};

	if (login->issuer != NULL && strcmp(login->issuer, callback->issuer) != 0) {
		login_fail(login, &(struct login_failure){
				      WIRE_PERM, "other_issuer",
				      "the answer comes from another provider than the one that was asked", ""});
	} else if (callback->code == NULL) {
		login_fail(login,
			   &(struct login_failure){WIRE_PERM, callback->error, callback->detail,
						   advice_for_signin(callback->error, aadsts_in(callback->detail))});
	} else {
		login->code = callback->code;
		callback->code = NULL;
		login_feed(login, CONSENT_CODE, &in);
	}
}

int login_answer(struct login *login, const char *address, size_t len, struct err *err)
{
	const char *mark = memchr(address, '?', len), *hash;
	const char *query = mark != NULL ? mark + 1 : address;
	size_t query_len = len - (size_t)(query - address);
	struct oauth_callback callback;

	if (login->machine.state != CONSENT_WAITING || login->machine.kind == CONSENT_DEVICE)
		return err_set(err, ERR_BUSY, "no answer is waited for");
	hash = query_len > 0 ? memchr(query, '#', query_len) : NULL;
	if (hash != NULL)
		query_len = (size_t)(hash - query);
	if (oauth_parse_callback(query, query_len, &callback, err) != 0)
		return -1;
	if (is_expected(login, &callback))
		take(login, &callback);
	else
		err_set(err, ERR_DENIED, "this is the answer to another sign-in");
	oauth_callback_free(&callback);
	return err->code == ERR_NONE ? 0 : -1;
}

/* --- its life ----------------------------------------------------------------------------------------------------- */

/* What it waits for may be the old settings' own. */
void login_reconfigure(struct keeper *keeper, const struct broker_client *client, bool changed)
{
	struct login *login = keeper->login;
	bool stale;

	if (login == NULL || login->machine.state == CONSENT_OVER)
		return;
	stale = changed || (login->request != NULL && !broker_request_change_client(login->request, client));
	if (stale || login->discovery != NULL)
		login_fail(login, &(struct login_failure){WIRE_TEMP, "reloaded", "the settings changed meanwhile",
							  "start again"});
}

void login_free(struct keeper *keeper)
{
	static const struct loopback_page page = {400, "Not signed in", "Mailbearer has ended this sign-in."};
	struct login *login = keeper->login;

	if (login == NULL)
		return;
	broker_dismiss_login(keeper, "the sign-in was ended");
	keeper->login = NULL;
	drop_all(login, &page);
	loop_timer_free(login->tick);
	buf_free(&login->address);
	free(login->redirect_uri);
	free(login->issuer);
	free(login);
}
