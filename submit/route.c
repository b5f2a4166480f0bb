/*
 * Asks tokend over its socket: who logs in for a sender (map sasl), where to (relayhost), with what (token). Called by
 * hop.c. The token lies in the caller's buffer, which wipes itself, and never becomes part of an error's text.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/tokenclient.h"
#include "submit/patience.h"
#include "submit/route.h"

#define SUBMISSION_PORT 587

static int ask(const struct router *router, const char *map, struct lmtp_text key, enum wire_result *result,
	       struct buf *text, struct err *err)
{
	struct tokenclient_question question = {
	    .socket_path = router->settings->tokend.listen.items[0],
	    .map = map,
	    .key = key.at,
	    .key_len = key.len,
	    .reply_max = WIRE_REPLY_MAX,
	    .deadline = deadline_after(PATIENCE_TOKEND),
	};

	return tokenclient_ask(&question, result, text, err);
}

/* An answer that is neither a value nor "not found". */
static int refused(enum wire_result result, const struct buf *text, struct err *err)
{
	return err_set(err, result == WIRE_PERM ? ERR_DENIED : ERR_UNREACHABLE, "tokend: %s",
		       text->len > 0 ? text->data : "no reason given");
}

static int no_account(struct lmtp_text sender, struct err *err)
{
	return err_set(err, ERR_CONFIG,
		       "no account or connector sends for <%.*s>: add it to mailbearer.conf (send_as, senders, or "
		       "default_account), or name an account with -a",
		       (int)sender.len, sender.at);
}

/* "[host]:port", "host:port" or "[host]". */
static int set_server(struct route *route, const char *relayhost, struct err *err)
{
	const char *host = relayhost + (*relayhost == '[');
	size_t len = strcspn(host, *relayhost == '[' ? "]" : ":");
	const char *colon = strchr(host + len, ':');

	if (len == 0 || len >= sizeof route->host)
		return err_set(err, ERR_CONFIG, "\"%.300s\" is no server: must be [host]:port", relayhost);
	snprintf(route->host, sizeof route->host, "%.*s", (int)len, host);
	route->port = colon != NULL ? (unsigned)strtoul(colon + 1, NULL, 10) : SUBMISSION_PORT;
	return 0;
}

static int find_server(const struct router *router, struct lmtp_text key, struct route *route, struct err *err)
{
	struct buf text = BUF_INIT(WIRE_REPLY_MAX);
	enum wire_result result;
	int status = ask(router, "relayhost", key, &result, &text, err);

	if (status == 0 && result == WIRE_NOTFOUND)
		status = no_account(key, err);
	else if (status == 0 && result != WIRE_OK)
		status = refused(result, &text, err);
	else if (status == 0)
		status = set_server(route, text.data != NULL ? text.data : "", err);
	buf_free(&text);
	return status;
}

/* The login in "user:tokend" or "user:unix:/path". */
static int take_login(struct route *route, const struct buf *answer, struct err *err)
{
	const char *text = answer->data != NULL ? answer->data : "";
	const char *path = strstr(text, ":unix:/"), *end = path != NULL ? path : strrchr(text, ':');
	size_t len = end != NULL ? (size_t)(end - text) : 0;

	if (len == 0 || len >= sizeof route->account || memchr(text, '@', len) == NULL)
		return err_set(err, ERR_SYNTAX, "tokend's answer names no account");
	snprintf(route->account, sizeof route->account, "%.*s", (int)len, text);
	return 0;
}

static int find_login(const struct router *router, struct lmtp_text sender, struct route *route, struct err *err)
{
	struct buf text = BUF_INIT(WIRE_REPLY_MAX);
	enum wire_result result;
	int status = ask(router, "sasl", sender, &result, &text, err);

	if (status == 0 && result == WIRE_OK)
		status = take_login(route, &text, err);
	else if (status == 0 && result != WIRE_NOTFOUND)
		status = refused(result, &text, err);
	buf_free(&text);
	return status;
}

/* Bounces have no sender. Where there is one account only, it is meant. */
static const char *only_account(const struct settings *settings)
{
	const char *name = settings->account_count == 1 ? settings->accounts[0].name : NULL;

	return name != NULL && name[0] != '*' ? name : NULL;
}

static struct lmtp_text text_of(const char *text)
{
	return (struct lmtp_text){text, strlen(text)};
}

int route_find(const struct router *router, struct lmtp_text sender, struct route *out, struct err *err)
{
	const char *fixed = router->account;
	const struct settings_account *account;

	memset(out, 0, sizeof *out);
	if (fixed == NULL && sender.len == 0 && router->settings->milter.default_account == NULL)
		fixed = only_account(router->settings);
	if (fixed != NULL) {
		snprintf(out->account, sizeof out->account, "%s", fixed);
		sender = text_of(out->account);
	} else if (find_login(router, sender, out, err) != 0) {
		return -1;
	}
	account = senders_account(router->senders, out->account, strlen(out->account));
	if (account != NULL)
		out->ca_file = account->client->ca_file;
	return find_server(router, sender, out, err);
}

int route_token(const struct router *router, const struct route *route, struct buf *token, struct err *err)
{
	enum wire_result result;

	if (ask(router, "token", text_of(route->account), &result, token, err) != 0)
		return -1;
	if (result == WIRE_NOTFOUND)
		return no_account(text_of(route->account), err);
	if (result != WIRE_OK)
		return refused(result, token, err);
	return token->len > 0 ? 0 : err_set(err, ERR_SYNTAX, "tokend's answer holds no token");
}

void route_refused(const struct router *router, const struct route *route)
{
	struct buf ignored = BUF_INIT(WIRE_REPLY_MAX);
	enum wire_result result;

	ask(router, "refused", text_of(route->account), &result, &ignored, NULL);
	buf_free(&ignored);
}
