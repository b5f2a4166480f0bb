/*
 * What one token request says, and to whom: the endpoint, the form or the query, the headers, and who is asking. Sends
 * nothing. Called by broker_request.c.
 */
#include <string.h>

#include "tokend/broker_private.h"

#define SCOPE_MAX 8192
#define URL_MAX 8192
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

void broker_message_init(struct broker_message *message)
{
	*message = (struct broker_message){
	    .url = BUF_INIT(URL_MAX),
	    .body = BUF_INIT(BODY_MAX),
	    .header = BUF_INIT(BODY_MAX),
	    .headers = {{"Accept", "application/json"}},
	};
}

void broker_message_free(struct broker_message *message)
{
	buf_free(&message->url);
	buf_free(&message->body);
	buf_free(&message->header);
	secret_free(message->credential);
}

/* Adds one whose value is in message->header, and so not copied. */
static void add_header(struct broker_message *message, const char *name, const char *value)
{
	size_t i = 0;

	while (message->headers[i].name != NULL)
		i++;
	message->headers[i] = (struct http_header){name, value};
}

static int no_memory(struct err *err)
{
	return err_set(err, ERR_MEMORY, "out of memory for the request");
}

/* --- to a token endpoint --- */

/* Where it goes, or NULL. What stands in the settings wins over the document. */
static const char *endpoint_of(const struct broker_client *client, const struct oauth_grant *grant,
			       const struct oauth_metadata *metadata)
{
	bool device = grant->type == OAUTH_DEVICE_AUTHORIZATION;
	const char *own = device ? client->conf->device_authorization_endpoint : client_token_endpoint(client);

	if (own != NULL || metadata == NULL)
		return own;
	return device ? metadata->device_authorization_endpoint : metadata->token_endpoint;
}

/* A code stands for the scope that it was asked for with: RFC 6749 section 4.1.3, RFC 8628 section 3.4. The assertion
 * of a service account names it itself. */
static const char *scope_of(const struct settings_client *conf, enum oauth_grant_type type, struct buf *signin)
{
	switch (type) {
	case OAUTH_AUTHORIZATION_CODE:
	case OAUTH_DEVICE_CODE:
	case OAUTH_JWT_BEARER:
		return NULL;
	case OAUTH_DEVICE_AUTHORIZATION:
		return broker_signin_scope(conf, signin) == 0 ? signin->data : NULL;
	case OAUTH_CLIENT_CREDENTIALS:
		return broker_scope(conf, SETTINGS_CLIENT_CREDENTIALS);
	case OAUTH_REFRESH_TOKEN:
		break;
	}
	return broker_scope(conf, SETTINGS_REFRESH_TOKEN);
}

static int compose(struct broker_message *message, const struct oauth_client *who, const struct oauth_grant *grant)
{
	if (oauth_token_body(who, grant, &message->body) != 0)
		return -1;
	if (who->auth != OAUTH_AUTH_BASIC)
		return 0;
	if (oauth_basic_header(who, &message->header) != 0)
		return -1;
	add_header(message, "Authorization", message->header.data);
	return 0;
}

int broker_message_for_token(struct broker_message *message, const struct broker_client *client, struct loop *loop,
			     const struct oauth_grant *grant, const struct oauth_metadata *metadata, struct err *err)
{
	const struct settings_client *conf = client->conf;
	struct buf signin = BUF_INIT(SCOPE_MAX);
	struct oauth_client who = {.client_id = conf->client_id, .scope = scope_of(conf, grant->type, &signin)};
	const char *endpoint = endpoint_of(client, grant, metadata);
	/* An assertion is for the token endpoint, whichever it is sent to: Entra ID's device endpoint asks for none. */
	const char *audience = metadata != NULL && client_token_endpoint(client) == NULL
				   ? metadata->token_endpoint
				   : client_token_endpoint(client);
	int status = -1;

	if (endpoint == NULL)
		err_set(err, ERR_CONFIG, "the provider of client %s has no device flow", conf->name);
	else if (client_prove(client, loop, metadata, audience, &who.auth, &message->credential, err) == 0) {
		who.credential = message->credential;
		if (signin.failed || compose(message, &who, grant) != 0 || buf_puts(&message->url, endpoint) != 0)
			no_memory(err);
		else
			status = 0;
	}
	buf_free(&signin);
	message->http = (struct http_request){.url = message->url.data,
					      .body = &message->body,
					      .headers = message->headers,
					      .ca_file = conf->ca_file,
					      .proxy = conf->proxy,
					      .timeout = conf->timeout};
	return status;
}

/* --- to this machine's own identity service --- */

/* The header that proves where we are; for the second message to Arc's agent also that we may read its file. */
static int add_identity_headers(struct broker_message *message, enum identity_kind kind,
				const struct broker_client *client, const struct secret *challenge)
{
	const char *name = identity_header_name(kind);

	if (client->identity_header != NULL && secret_append(client->identity_header, &message->header) != 0)
		return -1;
	if (challenge != NULL &&
	    (buf_puts(&message->header, "Basic ") != 0 || secret_append(challenge, &message->header) != 0))
		return -1;
	add_header(message, name, client->identity_header != NULL ? message->header.data : "true");
	if (challenge != NULL)
		add_header(message, "Authorization", message->header.data);
	return 0;
}

int broker_message_for_identity(struct broker_message *message, const struct broker_client *client,
				const struct secret *challenge, struct err *err)
{
	const struct settings_client *conf = client->conf;
	enum identity_kind kind = identity_kind_of(conf->managed_identity);
	const char *endpoint = client->identity_endpoint != NULL ? client->identity_endpoint : conf->token_endpoint;
	const char *resource = conf->scope != NULL ? conf->scope : conf->provider->resource;

	if (identity_url(kind, endpoint, resource, conf->client_id, &message->url) != 0 ||
	    add_identity_headers(message, kind, client, challenge) != 0)
		return no_memory(err);
	message->http = (struct http_request){.url = message->url.data,
					      .headers = message->headers,
					      .ca_file = conf->ca_file,
					      .timeout = conf->timeout,
					      .plain_local = true};
	return 0;
}
