/*
 * One token request: finds the endpoint, composes the message, sends it, has the answer parsed, and blots out of its
 * texts whatever was sent. Decides nothing and logs nothing: what an outcome means for an account is broker_keeper.c's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tokend/broker_private.h"

struct broker_request {
	struct broker *broker;
	const struct broker_client *client;
	enum oauth_grant_type type;
	struct secret *secret, *verifier; /* of the grant, or NULL */
	char *redirect_uri;               /* of the grant, or NULL */
	struct secret *credential;        /* what the client secret was when it was sent; or NULL */
	struct discovery_wait *discovery; /* one of these two, or none while the callback runs */
	struct http_transfer *transfer;
	int64_t sent_at;
	broker_request_cb *cb;
	void *arg;
};

#define SCOPE_MAX 8192
#define BODY_MAX (4 * SECRET_MAX) /* form encoding makes three bytes of one */

const char *broker_scope(const struct settings_client *conf, enum settings_grant grant)
{
	if (conf->scope != NULL)
		return conf->scope;
	return grant == SETTINGS_CLIENT_CREDENTIALS ? conf->provider->scope_application : conf->provider->scope_user;
}

int broker_signin_scope(const struct settings_client *conf, struct buf *scope)
{
	const char *own = broker_scope(conf, SETTINGS_REFRESH_TOKEN);

	if (own == NULL)
		return 0;
	buf_puts(scope, own);
	if (conf->provider->scope_identity != NULL && strstr(own, "openid") == NULL)
		buf_printf(scope, " %s", conf->provider->scope_identity);
	return scope->failed ? -1 : 0;
}

/* Takes half-built ones, too. */
static void request_free(struct broker_request *request)
{
	secret_free(request->secret);
	secret_free(request->verifier);
	secret_free(request->credential);
	free(request->redirect_uri);
	free(request);
}

static void finish(struct broker_request *request, struct broker_result *result)
{
	const struct secret *sent[] = {request->secret, request->verifier, request->credential};
	struct oauth_answer *answer = &result->answer;

	for (size_t i = 0; i < sizeof(sent) / sizeof(sent[0]); i++) {
		secret_redact(sent[i], answer->error);
		secret_redact(sent[i], answer->detail);
	}
	request->cb(request->arg, result);
	oauth_answer_free(answer);
	oauth_device_free(&result->device);
	request_free(request);
}

/* For what went wrong before there was anything to parse. */
static void finish_with(struct broker_request *request, enum outcome outcome, const char *error, const struct err *err)
{
	struct broker_result result = {.answer.outcome = outcome};

	result.undiscovered = strcmp(error, "discovery") == 0;
	snprintf(result.answer.error, sizeof(result.answer.error), "%s", error);
	snprintf(result.answer.detail, sizeof(result.answer.detail), "%.*s", (int)sizeof(result.answer.detail) - 1,
		 err->text);
	finish(request, &result);
}

static void read_device(const struct http_response *response, struct broker_result *result)
{
	struct oauth_answer *answer = &result->answer;
	struct err err = {.code = ERR_NONE};

	answer->outcome = OUTCOME_RETRY;
	result->has_device = oauth_parse_device(response->body.data, response->body.len, &result->device, &err) == 0;
	if (result->has_device)
		return;
	snprintf(answer->error, sizeof(answer->error), "bad_answer");
	snprintf(answer->detail, sizeof(answer->detail), "%.*s", (int)sizeof(answer->detail) - 1, err.text);
}

static void on_response(void *arg, const struct http_response *response)
{
	struct broker_request *request = arg;
	struct broker_result result = {
	    .sent_at = request->sent_at,
	    .took_ms = response->took_ms,
	    .retry_after_ms = response->retry_after > 0 ? response->retry_after * 1000 : 0,
	};

	request->transfer = NULL;
	if (request->type == OAUTH_DEVICE_AUTHORIZATION && response->status == 200)
		read_device(response, &result);
	else
		oauth_parse_answer(response->status, response->error, response->body.data, response->body.len,
				   &result.answer);
	finish(request, &result);
}

/* --- sending --- */

/* Without a metadata document: in the form, which is what Entra ID and Google document. */
static enum oauth_auth auth_of(const struct broker_request *request, const struct oauth_metadata *metadata)
{
	if (request->credential == NULL)
		return OAUTH_AUTH_NONE;
	if (metadata != NULL && metadata->auth_basic && !metadata->auth_post)
		return OAUTH_AUTH_BASIC;
	return OAUTH_AUTH_POST;
}

/* The body and, for OAUTH_AUTH_BASIC, the header's value. 0 or -1. */
static int compose(const struct broker_request *request, const struct oauth_client *client, struct buf *body,
		   struct buf *basic)
{
	const struct oauth_grant grant = {
	    .type = request->type,
	    .secret = request->secret,
	    .verifier = request->verifier,
	    .redirect_uri = request->redirect_uri,
	};
	int status = oauth_token_body(client, &grant, body);

	if (status == 0 && client->auth == OAUTH_AUTH_BASIC)
		status = oauth_basic_header(client, basic);
	return status;
}

/* Where it goes, or NULL. What stands in the settings wins over the document. */
static const char *endpoint_of(const struct broker_request *request, const struct oauth_metadata *metadata)
{
	const struct settings_client *conf = request->client->conf;
	bool device = request->type == OAUTH_DEVICE_AUTHORIZATION;
	const char *own = device ? conf->device_authorization_endpoint : conf->token_endpoint;

	if (own != NULL || metadata == NULL)
		return own;
	return device ? metadata->device_authorization_endpoint : metadata->token_endpoint;
}

/* A code stands for the scope that it was asked for with: RFC 6749 section 4.1.3, RFC 8628 section 3.4. */
static const char *scope_of(const struct broker_request *request, struct buf *signin)
{
	const struct settings_client *conf = request->client->conf;

	switch (request->type) {
	case OAUTH_AUTHORIZATION_CODE:
	case OAUTH_DEVICE_CODE:
		return NULL;
	case OAUTH_DEVICE_AUTHORIZATION:
		return broker_signin_scope(conf, signin) == 0 ? signin->data : NULL;
	case OAUTH_CLIENT_CREDENTIALS:
		return broker_scope(conf, SETTINGS_CLIENT_CREDENTIALS);
	case OAUTH_REFRESH_TOKEN:
	case OAUTH_JWT_BEARER:
		break;
	}
	return broker_scope(conf, SETTINGS_REFRESH_TOKEN);
}

static int send_request(struct broker_request *request, const struct oauth_metadata *metadata, struct err *err)
{
	const struct settings_client *conf = request->client->conf;
	struct buf body = BUF_INIT(BODY_MAX), basic = BUF_INIT(BODY_MAX), scope = BUF_INIT(SCOPE_MAX);
	struct http_header headers[] = {{"Accept", "application/json"}, {NULL, NULL}, {NULL, NULL}};
	struct http_request message = {
	    .url = endpoint_of(request, metadata),
	    .body = &body,
	    .headers = headers,
	    .ca_file = conf->ca_file,
	    .proxy = conf->proxy,
	    .timeout = conf->timeout,
	};
	struct oauth_client client = {.client_id = conf->client_id, .scope = scope_of(request, &scope)};

	secret_free(request->credential);
	request->credential = secret_dup(request->client->secret);
	client.credential = request->credential;
	client.auth = auth_of(request, metadata);
	if (message.url == NULL) {
		err_set(err, ERR_CONFIG, "the provider of client %s has no device flow", conf->name);
	} else if (scope.failed || (request->credential == NULL && request->client->secret != NULL) ||
		   compose(request, &client, &body, &basic) != 0) {
		err_set(err, ERR_MEMORY, "out of memory for the request");
	} else {
		if (basic.len > 0)
			headers[1] = (struct http_header){"Authorization", basic.data};
		request->sent_at = loop_now(request->broker->loop);
		request->transfer = http_start(request->broker->http, &message, on_response, request, err);
	}
	buf_free(&body);
	buf_free(&basic);
	buf_free(&scope);
	return request->transfer != NULL ? 0 : -1;
}

static void on_discovery(void *arg, const struct oauth_metadata *metadata, const struct err *err)
{
	struct broker_request *request = arg;
	struct err why = {.code = ERR_NONE};

	request->discovery = NULL;
	if (metadata == NULL)
		finish_with(request, err->code == ERR_CONFIG ? OUTCOME_MISCONFIGURED : OUTCOME_RETRY, "discovery", err);
	else if (send_request(request, metadata, &why) != 0)
		finish_with(request, OUTCOME_RETRY, "not_sent", &why);
}

/* Sends, or asks for the metadata document first. 0 or -1. */
static int begin(struct broker_request *request, struct err *err)
{
	const struct oauth_metadata *metadata = NULL;

	if (request->client->source != NULL) {
		metadata = discovery_known(request->client->source);
		if (metadata == NULL) {
			request->discovery = discovery_ask(request->client->source, on_discovery, request);
			return request->discovery != NULL ? 0 : err_set(err, ERR_MEMORY, "out of memory");
		}
	}
	return send_request(request, metadata, err);
}

static int copy_grant(struct broker_request *request, const struct oauth_grant *grant, struct err *err)
{
	request->type = grant->type;
	request->secret = secret_dup(grant->secret);
	request->verifier = secret_dup(grant->verifier);
	request->redirect_uri = grant->redirect_uri != NULL ? strdup(grant->redirect_uri) : NULL;
	if ((request->secret == NULL) != (grant->secret == NULL) ||
	    (request->verifier == NULL) != (grant->verifier == NULL) ||
	    (request->redirect_uri == NULL) != (grant->redirect_uri == NULL))
		return err_set(err, ERR_MEMORY, "out of memory");
	return 0;
}

struct broker_request *broker_request_start(struct broker *broker, const struct broker_client *client,
					    const struct oauth_grant *grant, broker_request_cb *cb, void *arg,
					    struct err *err)
{
	struct broker_request *request = calloc(1, sizeof(*request));

	if (request == NULL) {
		err_set(err, ERR_MEMORY, "out of memory");
		return NULL;
	}
	*request = (struct broker_request){.broker = broker, .client = client, .cb = cb, .arg = arg};
	if (copy_grant(request, grant, err) == 0 && begin(request, err) == 0)
		return request;
	request_free(request);
	return NULL;
}

void broker_request_abort(struct broker_request *request)
{
	if (request == NULL)
		return;
	discovery_cancel(request->discovery);
	http_abort(request->transfer);
	request_free(request);
}

bool broker_request_change_client(struct broker_request *request, const struct broker_client *client)
{
	if (request->discovery != NULL && request->client->source != client->source)
		return false;
	request->client = client;
	return true;
}
