/*
 * Google's service accounts: their file and their assertions. Pure, through OpenSSL. Called by broker_client.c.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "daemon/jsondoc.h"
#include "tokend/jwt.h"
#include "tokend/service_account.h"

#define LIFETIME 600 /* seconds; Google allows an hour */
#define URI_MAX 2048

struct service_account {
	char *email, *key_id, *token_uri; /* key_id may be NULL */
	struct jwt_key *key;
};

void service_account_free(struct service_account *account)
{
	if (account == NULL)
		return;
	free(account->email);
	free(account->key_id);
	free(account->token_uri);
	jwt_key_free(account->key);
	free(account);
}

/* A copy of the text at the key, or NULL with *err set. */
static char *copy_text(const json_t *document, const char *key, struct err *err)
{
	const char *text = jsondoc_string(document, key);
	char *copy = text != NULL ? strdup(text) : NULL;

	if (copy == NULL)
		err_set(
		    err, ERR_CONFIG,
		    "is no key file of a service account: %s is missing; make one in Google's console (IAM, Service "
		    "accounts, Keys, JSON)",
		    key);
	return copy;
}

static struct jwt_key *read_key(const json_t *document, struct err *err)
{
	/* not jsondoc_secret: a PEM text has line ends */
	const json_t *value = json_object_get(document, "private_key");
	struct secret *pem =
	    json_is_string(value) ? secret_new(json_string_value(value), json_string_length(value)) : NULL;
	struct jwt_key *key = NULL;

	if (pem == NULL)
		err_set(err, ERR_CONFIG, "is no key file of a service account: private_key is missing");
	else
		key = jwt_key_from_pem(pem, err);
	secret_free(pem);
	return key;
}

static int read_account(struct service_account *account, const json_t *document, struct err *err)
{
	const char *key_id = jsondoc_string(document, "private_key_id");

	account->email = copy_text(document, "client_email", err);
	account->token_uri = account->email != NULL ? copy_text(document, "token_uri", err) : NULL;
	if (account->token_uri == NULL)
		return -1;
	if (strncmp(account->token_uri, "https://", 8) != 0 || strlen(account->token_uri) > URI_MAX)
		return err_set(err, ERR_CONFIG, "its token_uri must be an https:// address");
	if (key_id != NULL && (account->key_id = strdup(key_id)) == NULL)
		return err_set(err, ERR_MEMORY, "out of memory");
	account->key = read_key(document, err);
	return account->key != NULL ? 0 : -1;
}

struct service_account *service_account_parse(const struct secret *text, struct err *err)
{
	struct service_account *account = calloc(1, sizeof(*account));
	struct buf bytes = BUF_INIT(SECRET_MAX);
	json_t *document = NULL;
	int status = -1;

	if (account == NULL || secret_append(text, &bytes) != 0)
		err_set(err, ERR_MEMORY, "out of memory");
	else if ((document = jsondoc_parse_object(bytes.data, bytes.len, err)) != NULL)
		status = read_account(account, document, err);
	json_decref(document);
	buf_free(&bytes);
	if (status == 0)
		return account;
	service_account_free(account);
	return NULL;
}

const char *service_account_token_uri(const struct service_account *account)
{
	return account->token_uri;
}

struct secret *service_account_sign(const struct service_account *account, const char *mailbox, const char *scope,
				    const char *audience, int64_t now, struct err *err)
{
	const struct jwt_claims claims = {
	    .issuer = account->email,
	    .subject = mailbox,
	    .audience = audience,
	    .scope = scope,
	    .key_id = account->key_id,
	    .now = now,
	    .lifetime = LIFETIME,
	};

	return jwt_sign(account->key, JWT_RS256, &claims, err);
}
