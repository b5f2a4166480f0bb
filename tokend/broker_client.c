/*
 * What a client proves itself with: read when settings come into force, used at each request. Secrets, keys and tokens
 * are here and in the request that carries them, and nowhere else. Called by broker_configure.c, broker_message.c and
 * broker_keeper.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tokend/broker_private.h"

#define ASSERTION_LIFETIME 600 /* seconds; Entra ID takes 5 to 10 minutes */
#define JTI_MAX 40

/* --- loading --- */

static int load_key(struct broker_client *client, const struct settings_client *conf, struct err *err)
{
	struct buf path = BUF_INIT(ERR_TEXT_MAX * 8);
	struct secret *passphrase = NULL;
	int status = -1;

	if (settings_secret_path(conf->client_key, &path, err) != 0)
		goto out;
	if (conf->client_key_passphrase_file != NULL) {
		passphrase = settings_read_secret(conf->client_key_passphrase_file, err);
		if (passphrase == NULL)
			goto out;
	}
	client->key = jwt_key_load(path.data, conf->client_certificate, passphrase, err);
	if (client->key == NULL)
		goto out;
	status = 0;
	/* Entra ID knows a key by its certificate's thumbprint only. */
	if (conf->provider->tenant && !jwt_key_has_certificate(client->key))
		status = err_set(err, ERR_CONFIG,
				 "%s: no certificate in it; name the one that is registered with client_certificate",
				 conf->client_key);
out:
	secret_free(passphrase);
	buf_free(&path);
	return status;
}

static int load_service_account(struct broker_client *client, const struct settings_client *conf, struct err *err)
{
	struct secret *text = settings_read_secret_file(conf->service_account_file, err);

	if (text == NULL)
		return -1;
	client->account = service_account_parse(text, err);
	secret_free(text);
	return client->account != NULL ? 0 : err_prefix(err, "%s", conf->service_account_file);
}

/* What App Service tells its programs. A header's value may hold no line end, so only visible characters pass. */
static int load_app_service(struct broker_client *client, const struct settings_client *conf, struct err *err)
{
	const char *endpoint = conf->token_endpoint != NULL ? conf->token_endpoint : getenv("IDENTITY_ENDPOINT");
	const char *header = getenv("IDENTITY_HEADER");

	if (endpoint == NULL || header == NULL || *header == '\0')
		return err_set(err, ERR_CONFIG,
			       "IDENTITY_ENDPOINT and IDENTITY_HEADER are not both in the environment: has this App "
			       "Service or Container App a managed identity, and does it start tokend?");
	if (!settings_url_is_local(endpoint))
		return err_set(err, ERR_CONFIG, "IDENTITY_ENDPOINT leads away from this machine: not used");
	for (const char *c = header; *c != '\0'; c++)
		if (*c <= ' ' || *c > '~')
			return err_set(err, ERR_CONFIG, "IDENTITY_HEADER holds characters that no header may hold");
	client->identity_endpoint = strdup(endpoint);
	client->identity_header = secret_new(header, strlen(header));
	if (client->identity_endpoint == NULL || client->identity_header == NULL)
		return err_set(err, ERR_MEMORY, "out of memory");
	return 0;
}

static int load(struct broker_client *client, const struct settings_client *conf, struct err *err)
{
	if (conf->client_secret_file != NULL) {
		client->secret = settings_read_secret(conf->client_secret_file, err);
		return client->secret != NULL ? 0 : -1;
	}
	if (conf->client_key != NULL)
		return load_key(client, conf, err);
	if (conf->service_account_file != NULL)
		return load_service_account(client, conf, err);
	if (conf->managed_identity != NULL && identity_kind_of(conf->managed_identity) == IDENTITY_APP_SERVICE)
		return load_app_service(client, conf, err);
	return 0;
}

int client_load(struct broker_client *client, const struct settings_client *conf, struct err *err)
{
	client->conf = conf;
	return load(client, conf, err) == 0 ? 0 : err_prefix(err, "client \"%.100s\"", conf->name);
}

void client_unload(struct broker_client *client)
{
	secret_free(client->secret);
	jwt_key_free(client->key);
	service_account_free(client->account);
	free(client->identity_endpoint);
	secret_free(client->identity_header);
}

/* --- proving --- */

/* As a GUID of version 4, which is what Microsoft's own clients send. */
static void make_jti(struct loop *loop, char jti[JTI_MAX])
{
	uint32_t random[4];

	for (size_t i = 0; i < 4; i++)
		random[i] = loop_random(loop, UINT32_MAX);
	snprintf(jti, JTI_MAX, "%08x-%04x-4%03x-%04x-%04x%08x", random[0], random[1] >> 16, random[1] & 0xfff,
		 (random[2] >> 16 & 0x3fff) | 0x8000, random[2] & 0xffff, random[3]);
}

static struct secret *sign(const struct broker_client *client, struct loop *loop, const char *audience, struct err *err)
{
	const struct settings_client *conf = client->conf;
	char jti[JTI_MAX];
	const struct jwt_claims claims = {
	    .issuer = conf->client_id,
	    .subject = conf->client_id,
	    .audience = audience,
	    .id = jti,
	    .now = loop_wall(loop),
	    .lifetime = ASSERTION_LIFETIME,
	};

	make_jti(loop, jti);
	return jwt_sign(client->key, strcmp(conf->assertion_algorithm, "RS256") == 0 ? JWT_RS256 : JWT_PS256, &claims,
			err);
}

int client_prove(const struct broker_client *client, struct loop *loop, const struct oauth_metadata *metadata,
		 const char *audience, enum oauth_auth *auth, struct secret **credential, struct err *err)
{
	const char *token_file = client->conf->federated_token_file;

	*credential = NULL;
	if (oauth_choose_auth(metadata, client->key != NULL || token_file != NULL, client->secret != NULL, auth, err) !=
	    0)
		return -1;
	if (*auth == OAUTH_AUTH_NONE)
		return 0;
	if (client->key != NULL)
		*credential = sign(client, loop, audience, err);
	else if (token_file != NULL) /* the platform replaces it every hour or so */
		*credential = settings_read_platform_token(token_file, err);
	else if ((*credential = secret_dup(client->secret)) == NULL)
		err_set(err, ERR_MEMORY, "out of memory");
	if (*credential != NULL)
		return 0;
	if (err->code == ERR_CONFIG) /* a token that is busy, a file that is being replaced: not for long */
		err->code = ERR_SYSTEM;
	return -1;
}

const char *client_token_endpoint(const struct broker_client *client)
{
	if (client->conf->token_endpoint != NULL || client->account == NULL)
		return client->conf->token_endpoint;
	return service_account_token_uri(client->account);
}

struct secret *client_speak_for(const struct broker_client *client, struct loop *loop, const char *mailbox,
				struct err *err)
{
	return service_account_sign(client->account, mailbox, broker_scope(client->conf, SETTINGS_JWT_BEARER),
				    client_token_endpoint(client), loop_wall(loop), err);
}
