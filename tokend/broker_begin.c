/*
 * The beginning of a sign-in: makes its secrets, opens its listener, finds the address to open or asks for a device
 * code, until it is the person's turn. What comes then is broker_consent.c's. Called by broker_login.c.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/log.h"
#include "lib/base64url.h"
#include "tokend/advice.h"
#include "tokend/broker_private.h"

#define RANDOM_BYTES 32 /* 43 characters: RFC 7636 section 4.1 */
#define SCOPE_MAX 8192

static void be_ready(struct login *login, const char *endpoint)
{
	const struct settings_client *conf = login->keeper->client->conf;
	struct oauth_authorization wanted = {
	    .endpoint = endpoint,
	    .client_id = conf->client_id,
	    .redirect_uri = login->redirect_uri,
	    .state = login->state,
	    .verifier = login->verifier,
	    .login_hint = login->keeper->conf->name,
	    .extra = conf->provider->authorization_extra,
	};
	struct buf scope = BUF_INIT(SCOPE_MAX);
	struct consent_input in = {.now = 0};
	int status = broker_signin_scope(conf, &scope);

	wanted.scope = scope.data;
	if (status == 0)
		status = oauth_authorization_url(&wanted, &login->address);
	buf_free(&scope);
	if (status != 0) {
		login_fail(login,
			   &(struct login_failure){WIRE_PERM, "not_sent", "the address to open became too long", ""});
		return;
	}
	login_feed(login, CONSENT_READY, &in);
	broker_tell_login(login->keeper);
}

static void on_discovery(void *arg, const struct oauth_metadata *metadata, const struct err *err)
{
	struct login *login = arg;

	login->discovery = NULL;
	if (metadata == NULL) {
		login_fail(login, &(struct login_failure){WIRE_TEMP, "discovery", err->text,
							  advice_for_signin("discovery", 0)});
	} else if (metadata->authorization_endpoint == NULL) {
		login_fail(login, &(struct login_failure){WIRE_PERM, "discovery",
							  "the provider names no authorization endpoint",
							  "set authorization_endpoint, or use --device"});
	} else if (metadata->iss_in_response && (login->issuer = strdup(metadata->issuer)) == NULL) {
		login_fail(login, &(struct login_failure){WIRE_TEMP, "not_sent", "out of memory", ""});
	} else {
		be_ready(login, metadata->authorization_endpoint);
	}
}

static void on_device(void *arg, struct broker_result *result)
{
	struct login *login = arg;
	const struct oauth_answer *answer = &result->answer;
	struct consent_input in = {.now = 0};

	login->request = NULL;
	if (!result->has_device) {
		login_fail(login, &(struct login_failure){answer->outcome == OUTCOME_RETRY ? WIRE_TEMP : WIRE_PERM,
							  answer->error, answer->detail,
							  advice_for_signin(answer->error, answer->aadsts)});
		return;
	}
	login->device = result->device;
	memset(&result->device, 0, sizeof(result->device));
	in.life_ms = login->device.expires_in * 1000;
	in.interval_ms = login->device.interval * 1000;
	login_feed(login, CONSENT_READY, &in);
	broker_tell_login(login->keeper);
}

static int begin_device(struct login *login, struct err *err)
{
	const struct oauth_grant grant = {.type = OAUTH_DEVICE_AUTHORIZATION};

	login->request =
	    broker_request_start(login->keeper->broker, login->keeper->client, &grant, on_device, login, err);
	return login->request != NULL ? 0 : -1;
}

/* What is not our answer gets a page of its own, and the right one may still come. */
static void on_visit(void *arg, const char *query, size_t len)
{
	struct login *login = arg;
	struct err err = {.code = ERR_NONE};
	struct loopback_page page = {400, "Not the answer to this sign-in", err.text};

	if (login_answer(login, query, len, &err) != 0)
		loopback_reply(login->listener, &page);
}

/* Where the browser is to end: at us, or nowhere, for the person to bring the address. */
static int choose_redirect(struct login *login, struct err *err)
{
	const char *uri = login->keeper->client->conf->redirect_uri;

	if (login->machine.kind == CONSENT_BROWSER) {
		login->listener = loopback_listen(login->keeper->broker->loopback, uri, on_visit, login, err);
		if (login->listener == NULL)
			return err->code == ERR_CONFIG ? err_set(err, ERR_CONFIG, "%.400s; or use --paste", err->text)
						       : -1;
		uri = loopback_uri(login->listener);
	}
	login->redirect_uri = strdup(uri);
	return login->redirect_uri != NULL ? 0 : err_set(err, ERR_MEMORY, "out of memory");
}

static int begin_browser(struct login *login, struct err *err)
{
	const struct broker_client *client = login->keeper->client;

	if (choose_redirect(login, err) != 0)
		return -1;
	if (client->conf->authorization_endpoint != NULL) {
		be_ready(login, client->conf->authorization_endpoint);
		return 0;
	}
	if (client->source == NULL)
		return err_set(err, ERR_CONFIG, "client %s: authorization_endpoint is missing", client->conf->name);
	discovery_end_pause(client->source);
	login->discovery = discovery_ask(client->source, on_discovery, login);
	return login->discovery != NULL ? 0 : err_set(err, ERR_MEMORY, "out of memory");
}

/* Random characters of base64url. 0 or -1. */
static int append_random(struct loop *loop, size_t bytes, struct buf *out)
{
	unsigned char random[RANDOM_BYTES];
	int status;

	for (size_t i = 0; i < bytes; i++)
		random[i] = (unsigned char)loop_random(loop, 256);
	status = base64url_append(out, random, bytes);
	explicit_bzero(random, sizeof(random));
	return status;
}

static int make_secrets(struct login *login)
{
	struct loop *loop = login->keeper->broker->loop;
	struct buf id = BUF_INIT(LOGIN_ID_LEN), state = BUF_INIT(LOGIN_STATE_LEN), verifier = BUF_INIT(LOGIN_STATE_LEN);
	int status = -1;

	if (append_random(loop, LOGIN_ID_LEN * 3 / 4, &id) == 0 && append_random(loop, RANDOM_BYTES, &state) == 0 &&
	    append_random(loop, RANDOM_BYTES, &verifier) == 0) {
		memcpy(login->id, id.data, LOGIN_ID_LEN);
		memcpy(login->state, state.data, LOGIN_STATE_LEN);
		login->verifier =
		    login->machine.kind != CONSENT_DEVICE ? secret_new(verifier.data, verifier.len) : NULL;
		status = login->machine.kind != CONSENT_DEVICE && login->verifier == NULL ? -1 : 0;
	}
	buf_free(&id);
	buf_free(&state);
	buf_free(&verifier);
	return status;
}

static struct login *login_new(struct keeper *keeper, enum consent_kind kind)
{
	struct login *login = calloc(1, sizeof(*login));

	if (login == NULL)
		return NULL;
	login->keeper = keeper;
	login->address = BUF_INIT(OAUTH_URL_MAX);
	consent_init(&login->machine, kind, loop_now(keeper->broker->loop));
	login->tick = loop_timer_new(keeper->broker->loop, login_on_tick, login);
	keeper->login = login;
	if (login->tick == NULL || make_secrets(login) != 0) {
		login_free(keeper);
		return NULL;
	}
	return login;
}

static size_t count_running(const struct broker *broker)
{
	size_t count = 0;

	for (size_t i = 0; i < broker->settings->account_count; i++) {
		const struct login *login = broker->keepers[i]->login;

		count += login != NULL && login->machine.state != CONSENT_OVER;
	}
	return count;
}

int login_start(struct keeper *keeper, enum consent_kind kind, struct err *err)
{
	struct login *login;

	if (keeper->login != NULL && login_is_being_completed(keeper->login))
		return err_set(err, ERR_BUSY, "another sign-in for this account is just being completed; try again");
	login_stop(keeper->login, "another sign-in for this account was started");
	broker_dismiss_login(keeper,
			     "not signed in, and nothing was changed: another sign-in for this account was started");
	login_free(keeper);
	if (count_running(keeper->broker) >= LOGINS_MAX)
		return err_set(err, ERR_LIMIT, "%d sign-ins are running already; wait for one to end", LOGINS_MAX);
	login = login_new(keeper, kind);
	if (login == NULL)
		return err_set(err, ERR_MEMORY, "out of memory");
	log_event(EVENT_LOGIN_STARTED, keeper->conf->name, log_text("client", keeper->client->conf->name),
		  log_text("by", consent_kind_name(kind)));
	if ((kind == CONSENT_DEVICE ? begin_device(login, err) : begin_browser(login, err)) == 0)
		return 0;
	login_free(keeper);
	return -1;
}
