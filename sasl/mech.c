/*
 * The steps of the exchange. Called by libsasl2 inside the MTA's process, where this code is a guest: no globals, no
 * signals, no stdio, nothing that waits without the deadline. It asks tokend for the token, and may put neither the
 * token nor the password field into a log line: somebody may have put a real password there.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "client/tokenclient.h"
#include "lib/buf.h"
#include "lib/deadline.h"
#include "lib/err.h"
#include "lib/wire.h"
#include "sasl/mech.h"
#include "sasl/response.h"

/* A test's build of the module may make it shorter; nothing can at run time. */
#ifndef PLUGIN_DEADLINE_MS
#define PLUGIN_DEADLINE_MS (30 * 1000)
#endif

#define SMTP_COMMAND_MAX 512      /* octets with CRLF, RFC 5321 section 4.5.3.1.4 */
#define SENDMAIL_COMMAND_MAX 2047 /* octets; it cuts longer ones without a word (usersmtp.c, SmtpMsgBuffer) */
#define MESSAGE_MAX (WIRE_REPLY_MAX + RESPONSE_EXTRA_MAX)
#define SOCKET_PATH_MAX sizeof(((struct sockaddr_un *)NULL)->sun_path)

_Static_assert(sizeof WIRE_SOCKET_DEFAULT <= SOCKET_PATH_MAX, "the default socket's path is too long for a socket");

enum mech_state { STATE_NEW, STATE_HELD, STATE_SENT, STATE_OVER };

struct mech {
	enum mech_state state;
	enum response_mech kind;
	struct deadline deadline;
	char account[RESPONSE_USER_MAX + 1]; /* "" until it is known to be valid */
	char socket_path[SOCKET_PATH_MAX];
	struct buf message; /* holds the token */
};

struct problem {
	struct err cause;
	const char *remedy;
};

/* The one log line of a failure: sanitised, since tokend and the server have had a say in it. SASL_LOG_ERR: libsasl2
 * leaves out the lesser levels where the MTA brings no log callback of its own. */
static void log_problem(const struct mech *mech, const sasl_client_params_t *params, struct problem *problem)
{
	const char *account = mech->account[0] != '\0' ? mech->account : "unknown";

	for (char *c = problem->cause.text; *c != '\0'; c++) {
		if (*c == '"')
			*c = '\'';
		else if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	}
	params->utils->log(params->utils->conn, SASL_LOG_ERR, "account=%s cause=\"%s\" remedy=\"%s\"", account,
			   problem->cause.text, problem->remedy);
}

/* A callback of the caller's, or NULL. Through the one function type that casts to any other without a doubt. */
static void (*find_callback(const sasl_client_params_t *params, unsigned long id, void **context))(void)
{
	sasl_callback_ft callback = NULL;

	if (params->utils->getcallback(params->utils->conn, id, &callback, context) != SASL_OK)
		return NULL;
	return (void (*)(void))callback;
}

/* The user's name, checked, and told to libsasl2, which wants it in both its roles. */
static int find_account(struct mech *mech, const sasl_client_params_t *params, sasl_out_params_t *oparams,
			struct problem *problem)
{
	void *context;
	sasl_getsimple_t *get = (sasl_getsimple_t *)find_callback(params, SASL_CB_AUTHNAME, &context);
	const char *user = NULL;
	unsigned len = 0;

	problem->remedy = "give the account as the user name, as in relay@contoso.com:tokend";
	if (get == NULL || get(context, SASL_CB_AUTHNAME, &user, &len) != SASL_OK || user == NULL) {
		err_set(&problem->cause, ERR_CONFIG, "the mail server gave no user name, and a plugin cannot prompt");
		return SASL_FAIL;
	}
	if (len == 0)
		len = (unsigned)strlen(user);
	if (!response_user_valid(user, len)) {
		err_set(&problem->cause, ERR_CONFIG,
			"the user name is empty, longer than %d bytes, or has spaces or control characters in it",
			RESPONSE_USER_MAX);
		return SASL_BADPARAM;
	}
	memcpy(mech->account, user, len);
	err_set(&problem->cause, ERR_CONFIG, "libsasl2 does not take the user name");
	return params->canon_user(params->utils->conn, user, len, SASL_CU_AUTHID | SASL_CU_AUTHZID, oparams);
}

/* tokend's socket, as the password field names it. */
static int find_socket(struct mech *mech, const sasl_client_params_t *params, struct problem *problem)
{
	static const char by_default[] = "tokend", by_path[] = "unix:";
	size_t scheme_len = sizeof by_path - 1, path_len;
	void *context;
	sasl_getsecret_t *get = (sasl_getsecret_t *)find_callback(params, SASL_CB_PASS, &context);
	sasl_secret_t *field = NULL;

	problem->remedy = "set the password field to tokend, or to unix:/path/of/tokend.sock";
	if (get == NULL || get(params->utils->conn, context, SASL_CB_PASS, &field) != SASL_OK || field == NULL) {
		err_set(&problem->cause, ERR_CONFIG,
			"the mail server gave no password field, and a plugin cannot prompt");
		return SASL_FAIL;
	}
	if (field->len == sizeof by_default - 1 && memcmp(field->data, by_default, field->len) == 0) {
		memcpy(mech->socket_path, WIRE_SOCKET_DEFAULT, sizeof WIRE_SOCKET_DEFAULT);
		return SASL_OK;
	}
	path_len = field->len > scheme_len ? field->len - scheme_len : 0;
	if (path_len > 0 && path_len < SOCKET_PATH_MAX && memcmp(field->data, "unix:/", scheme_len + 1) == 0 &&
	    memchr(field->data, '\0', field->len) == NULL) {
		memcpy(mech->socket_path, field->data + scheme_len, path_len);
		return SASL_OK;
	}
	err_set(&problem->cause, ERR_CONFIG,
		"the password field is neither \"tokend\" nor \"unix:\" with a socket's path of at most %zu bytes "
		"(it is not logged here: it may be a password)",
		SOCKET_PATH_MAX - 1);
	return SASL_BADPARAM;
}

static int ask_tokend(const struct mech *mech, const char *map, enum wire_result *result, struct buf *text,
		      struct err *err)
{
	struct tokenclient_question question = {
	    .socket_path = mech->socket_path,
	    .map = map,
	    .key = mech->account,
	    .key_len = strlen(mech->account),
	    .reply_max = WIRE_REPLY_MAX,
	    .deadline = mech->deadline,
	};

	return tokenclient_ask(&question, result, text, err);
}

static const char wrong_socket[] =
    "see that the password field names the socket of mailbearer-tokend, and what its log says";

/* Why there was no answer is in problem->cause already. */
static int explain_silence(struct problem *problem)
{
	switch (problem->cause.code) {
	case ERR_UNREACHABLE:
		problem->remedy = "start mailbearer-tokend; for a chrooted smtp(8) its listen setting must also name "
				  "this path under the queue directory";
		break;
	case ERR_TIMEOUT:
		problem->remedy = "the mail waits; why tokend takes so long is in its log";
		break;
	default:
		problem->remedy = wrong_socket;
	}
	return SASL_UNAVAIL;
}

/* tokend has no token and says why. */
static int explain_refusal(enum wire_result result, const struct buf *reason, struct problem *problem)
{
	err_set(&problem->cause, ERR_DENIED, "%s",
		reason->len > 0 ? reason->data : "tokend has no token and gives no reason");
	switch (result) {
	case WIRE_NOTFOUND:
		err_set(&problem->cause, ERR_NOT_FOUND, "tokend has no such account");
		problem->remedy = "add the account to mailbearer.conf, or correct the user name in the mail server";
		return SASL_NOUSER;
	case WIRE_PERM:
		problem->remedy = "the mail waits for a repair; mailbearer status shows the account";
		return SASL_BADAUTH;
	default:
		problem->remedy = "the mail waits and is tried again; mailbearer status shows the account";
		return SASL_UNAVAIL;
	}
}

static int build_message(struct mech *mech, const sasl_client_params_t *params, const struct buf *token,
			 struct problem *problem)
{
	struct response_fields fields = {
	    .user = mech->account,
	    .user_len = strlen(mech->account),
	    .host = params->serverFQDN,
	    .port = response_port(params->ipremoteport),
	    .token = token->data,
	    .token_len = token->len,
	};

	if (!response_token_valid(token->data, token->len)) {
		err_set(&problem->cause, ERR_SYNTAX,
			"what tokend gave is no access token: it is empty, or has bytes in it that none can have");
		problem->remedy = wrong_socket;
		return SASL_FAIL;
	}
	/* Room for all of it at once: growing would copy and wipe a long token several times. */
	if (buf_reserve(&mech->message, token->len + RESPONSE_EXTRA_MAX) == NULL ||
	    response_append(mech->kind, &fields, &mech->message) != 0) {
		err_set(&problem->cause, ERR_MEMORY, "out of memory for the access token");
		problem->remedy = "the mail waits and is tried again";
		return SASL_NOMEM;
	}
	return SASL_OK;
}

static int fetch_token(struct mech *mech, const sasl_client_params_t *params, struct problem *problem)
{
	struct buf text = BUF_INIT(WIRE_REPLY_MAX);
	enum wire_result result;
	int status;

	if (ask_tokend(mech, "token", &result, &text, &problem->cause) != 0)
		status = explain_silence(problem);
	else if (result != WIRE_OK)
		status = explain_refusal(result, &text, problem);
	else
		status = build_message(mech, params, &text, problem);
	buf_free(&text);
	return status;
}

/* Sendmail tells libsasl2 about TLS and the addresses, Postfix's client about neither. */
static bool caller_is_sendmail(const sasl_client_params_t *params)
{
	return params->external_ssf > 0 || params->ipremoteport != NULL;
}

static int check_length(const struct mech *mech, const sasl_client_params_t *params, struct problem *problem)
{
	if (!caller_is_sendmail(params) || response_command_len(mech->kind, mech->message.len) <= SENDMAIL_COMMAND_MAX)
		return SASL_OK;
	err_set(&problem->cause, ERR_LIMIT,
		"the access token makes a message of %zu bytes, and Sendmail would cut it: commands end at %d octets",
		mech->message.len, SENDMAIL_COMMAND_MAX);
	problem->remedy = "relay through mailbearer-submit as Sendmail's mailer, see mailbearer-submit(8)";
	return SASL_BUFOVER;
}

static int send_message(struct mech *mech, const char **out, unsigned *out_len)
{
	mech->state = STATE_SENT;
	*out = mech->message.data;
	*out_len = (unsigned)mech->message.len;
	return SASL_CONTINUE;
}

/* The first step: all that can fail. `asked`: the server has already said that it wants the message. */
static int begin(struct mech *mech, const sasl_client_params_t *params, bool asked, const char **out, unsigned *out_len,
		 sasl_out_params_t *oparams)
{
	struct problem problem = {.remedy = ""};
	int status;

	mech->state = STATE_OVER;
	mech->deadline = deadline_after(PLUGIN_DEADLINE_MS);
	status = find_account(mech, params, oparams, &problem);
	if (status == SASL_OK)
		status = find_socket(mech, params, &problem);
	if (status == SASL_OK)
		status = fetch_token(mech, params, &problem);
	if (status == SASL_OK)
		status = check_length(mech, params, &problem);
	if (status != SASL_OK) {
		log_problem(mech, params, &problem);
		return status;
	}
	if (asked || response_command_len(mech->kind, mech->message.len) <= SMTP_COMMAND_MAX)
		return send_message(mech, out, out_len);
	mech->state = STATE_HELD;
	return SASL_CONTINUE;
}

/* What to do about an error challenge, by its status: HTTP's of Google's, or a word of RFC 6750. */
static const char *remedy_for_status(const char *status)
{
	if (strcmp(status, "400") == 0 || strcmp(status, "invalid_request") == 0)
		return "the user name must be the mailbox that the token was given to";
	if (strcmp(status, "403") == 0 || strcmp(status, "insufficient_scope") == 0)
		return "give the app registration the scope for SMTP and sign in again";
	return "the next try gets a new token; if that is refused too, see mailbearer status";
}

/* The server has refused the token. Its own 535 follows when it gets its answer; tokend is told, if there is time. */
static int answer_error(struct mech *mech, const sasl_client_params_t *params, const char *challenge, size_t len,
			const char **out, unsigned *out_len)
{
	struct problem problem;
	struct buf ignored = BUF_INIT(WIRE_REPLY_MAX);
	enum wire_result result;
	char status[RESPONSE_STATUS_MAX];

	mech->state = STATE_OVER;
	buf_free(&mech->message);
	response_error_status(challenge, len, status);
	problem.remedy = remedy_for_status(status);
	err_set(&problem.cause, ERR_DENIED, "%s refused the access token (status %s)",
		params->serverFQDN != NULL ? params->serverFQDN : "the server",
		status[0] != '\0' ? status : "not given");
	log_problem(mech, params, &problem);
	ask_tokend(mech, "refused", &result, &ignored, NULL);
	buf_free(&ignored);
	*out = response_to_error(mech->kind, out_len);
	return SASL_CONTINUE;
}

int mech_new(void *glob_context, sasl_client_params_t *params, void **context)
{
	struct mech *mech = calloc(1, sizeof *mech);

	(void)params;
	if (mech == NULL)
		return SASL_NOMEM;
	mech->kind = *(const enum response_mech *)glob_context;
	mech->message.max = MESSAGE_MAX;
	*context = mech;
	return SASL_OK;
}

int mech_step(void *context, sasl_client_params_t *params, const char *challenge, unsigned challenge_len,
	      sasl_interact_t **prompt_need, const char **out, unsigned *out_len, sasl_out_params_t *oparams)
{
	struct mech *mech = context;

	(void)prompt_need;
	*out = NULL;
	*out_len = 0;
	switch (mech->state) {
	case STATE_NEW:
		return begin(mech, params, challenge != NULL, out, out_len, oparams);
	case STATE_HELD:
		return send_message(mech, out, out_len);
	case STATE_SENT:
		return answer_error(mech, params, challenge, challenge_len, out, out_len);
	case STATE_OVER:
		break;
	}
	return SASL_BADPROT;
}

void mech_dispose(void *context, const sasl_utils_t *utils)
{
	struct mech *mech = context;

	(void)utils;
	if (mech == NULL)
		return;
	buf_free(&mech->message);
	explicit_bzero(mech, sizeof *mech);
	free(mech);
}
