/*
 * One token request: finds the endpoint, composes the message, sends it, has the answer parsed, and blots out of its
 * texts whatever was sent. Decides nothing and logs nothing: what an outcome means for an account is broker_keeper.c's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tokend/broker_private.h"

struct broker_request {
	struct broker *broker;
	const struct broker_client *client;
	enum oauth_grant_type type;
	struct secret *secret, *verifier; /* of the grant, or NULL */
	char *redirect_uri;               /* of the grant, or NULL */
	struct secret *credential;        /* what proved who we are when it was sent; or NULL */
	struct secret *challenge;         /* what answers the challenge of Arc's agent; or NULL */
	struct discovery_wait *discovery; /* one of these two, or none while the callback runs */
	struct http_transfer *transfer;
	int64_t sent_at;
	broker_request_cb *cb;
	void *arg;
};

/* Takes half-built ones, too. */
static void request_free(struct broker_request *request)
{
	secret_free(request->secret);
	secret_free(request->verifier);
	secret_free(request->credential);
	secret_free(request->challenge);
	free(request->redirect_uri);
	free(request);
}

static void finish(struct broker_request *request, struct broker_result *result)
{
	const struct secret *sent[] = {request->secret, request->verifier, request->credential, request->challenge};
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

/* 0 or -1: see broker_request_start. */
static int send_request(struct broker_request *request, const struct oauth_metadata *metadata, struct err *err);

static void not_sent(struct broker_request *request, const struct err *err)
{
	finish_with(request, err->code == ERR_CONFIG ? OUTCOME_MISCONFIGURED : OUTCOME_RETRY, "not_sent", err);
}

static bool is_identity(const struct broker_request *request)
{
	return request->client->conf->managed_identity != NULL;
}

/* --- the challenge of Azure Arc's agent --- */

static bool is_challenge(const struct broker_request *request, const struct http_response *response)
{
	return response->status == 401 && is_identity(request) && request->challenge == NULL &&
	       identity_kind_of(request->client->conf->managed_identity) == IDENTITY_ARC;
}

/* What the file holds, as it goes into a header, or NULL with *err set. */
static struct secret *read_challenge(const char *path, struct err *err)
{
	char bytes[IDENTITY_ARC_KEY_MAX + 1];
	struct secret *secret = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
	ssize_t len = fd >= 0 ? read(fd, bytes, sizeof(bytes)) : -1;

	if (len < 0)
		err_sys(err, errno, "%s cannot be read%s", path,
			errno == EACCES ? " (is tokend's user in the group himds?)" : "");
	else if (len > IDENTITY_ARC_KEY_MAX)
		err_set(err, ERR_LIMIT, "%s is larger than %d bytes", path, IDENTITY_ARC_KEY_MAX);
	else if (len == 0 || memchr(bytes, '\n', (size_t)len) != NULL || memchr(bytes, '\r', (size_t)len) != NULL)
		err_set(err, ERR_SYNTAX, "%s does not hold one line that is to be sent back", path);
	else if ((secret = secret_new(bytes, (size_t)len)) == NULL)
		err_set(err, ERR_MEMORY, "out of memory");
	explicit_bzero(bytes, sizeof(bytes));
	if (fd >= 0)
		close(fd);
	return secret;
}

/* Asks again, with the proof that we may read what the agent says. */
static void answer_challenge(struct broker_request *request, const struct http_response *response)
{
	struct buf path = BUF_INIT(512);
	struct err err = {.code = ERR_NONE};

	if (identity_challenge(response->authenticate, IDENTITY_ARC_FOLDER, &path, &err) == 0)
		request->challenge = read_challenge(path.data, &err);
	if (request->challenge == NULL)
		finish_with(request, OUTCOME_MISCONFIGURED, "challenge", &err);
	else if (send_request(request, NULL, &err) != 0)
		not_sent(request, &err);
	buf_free(&path);
}

/* --- answers --- */

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
	if (is_challenge(request, response)) {
		answer_challenge(request, response);
		return;
	}
	if (is_identity(request))
		identity_parse_answer(response->status, response->error, response->body.data, response->body.len,
				      loop_wall(request->broker->loop), &result.answer);
	else if (request->type == OAUTH_DEVICE_AUTHORIZATION && response->status == 200)
		read_device(response, &result);
	else
		oauth_parse_answer(response->status, response->error, response->body.data, response->body.len,
				   &result.answer);
	finish(request, &result);
}

/* --- sending --- */

static int send_request(struct broker_request *request, const struct oauth_metadata *metadata, struct err *err)
{
	const struct oauth_grant grant = {
	    .type = request->type,
	    .secret = request->secret,
	    .verifier = request->verifier,
	    .redirect_uri = request->redirect_uri,
	};
	struct broker *broker = request->broker;
	struct broker_message message;
	int status;

	broker_message_init(&message);
	if (is_identity(request))
		status = broker_message_for_identity(&message, request->client, request->challenge, err);
	else
		status = broker_message_for_token(&message, request->client, broker->loop, &grant, metadata, err);
	if (status == 0) {
		secret_free(request->credential);
		request->credential = message.credential;
		message.credential = NULL;
		request->sent_at = loop_now(broker->loop);
		request->transfer = http_start(broker->http, &message.http, on_response, request, err);
	}
	broker_message_free(&message);
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
		not_sent(request, &why);
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
