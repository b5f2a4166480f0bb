/*
 * The steps about an account at tokend: its grant, its provider, its token and what that says of itself. tokend is
 * asked for a token exactly as the plugin asks; nothing is signed in, refused or refreshed by hand. Called by check.c's
 * table.
 */
#include <string.h>
#include <time.h>

#include "check/claims.h"
#include "check/steps.h"
#include "daemon/jsondoc.h"
#include "daemon/jwt_payload.h"

static const char *text_at(const json_t *object, const char *key)
{
	const char *text = jsondoc_string(object, key);

	return text != NULL ? text : "";
}

/* Who is meant: the mailbox, or for a whole domain the account. */
static const char *name_of(const struct world *world)
{
	return world->mailbox != NULL ? world->mailbox : world->account->name;
}

/* --- grant --- */

static void judge_warning(const json_t *warning, struct finding *finding)
{
	int64_t ends = 0;
	char date[16] = "?";
	struct tm tm;

	if (jsondoc_integer(warning, "ends_at", &ends) && gmtime_r(&(time_t){ends}, &tm) != NULL)
		strftime(date, sizeof date, "%Y-%m-%d", &tm);
	finding_set(finding, FINDING_WARNING, "%s: the end is on %s", text_at(warning, "what"), date);
	finding_advise(finding, "%s", text_at(warning, "remedy"));
}

/* What is the matter with the grant itself; a refresh that fails is the provider's step. */
static void judge_status(const struct world *world, struct finding *finding)
{
	const char *state = text_at(world->status, "state"), *account = world->account->name;
	const json_t *warnings = json_object_get(world->status, "warnings");

	finding_set(finding, FINDING_OK, "%s, %s", settings_grant_name(world->account->grant), state);
	if (strcmp(state, "needs_login") == 0) {
		finding_set(finding, FINDING_FAILED, "%s", text_at(world->status, "last_error"));
		if (finding->text[0] == '\0')
			finding_set(finding, FINDING_FAILED, "nobody has signed in yet");
		finding_advise(finding, "sign the mailbox in");
		finding_line(finding, "%s login %s", world->options->program, account);
	} else if (json_is_true(json_object_get(world->status, "unsaved"))) {
		finding_set(finding, FINDING_FAILED, "the newest refresh token could not be saved");
		finding_advise(finding, "make room and rights in %s, and do not stop tokend before",
			       world->settings->tokend.state_directory);
		finding_line(finding, "ls -ld %s; df -h %s", world->settings->tokend.state_directory,
			     world->settings->tokend.state_directory);
	} else if (json_is_true(json_object_get(world->status, "other_mailbox"))) {
		finding_set(finding, FINDING_WARNING,
			    "it was %s who signed in: the server takes such a token for that mailbox only",
			    text_at(world->status, "signed_in_as"));
		finding_advise(finding, "sign in as the mailbox itself");
		finding_line(finding, "%s login %s", world->options->program, account);
	} else if (json_array_size(warnings) > 0) {
		judge_warning(json_array_get(warnings, 0), finding);
	}
}

static void say_no_such_account(const struct world *world, struct finding *finding)
{
	finding_set(finding, FINDING_FAILED, "tokend does not know the account: it runs with an older configuration");
	finding_advise(finding, "let it read the configuration again");
	finding_line(finding, "%s reload", world->options->program);
}

void step_grant(struct world *world, struct finding *finding)
{
	struct buf answer = BUF_INIT(WIRE_REPLY_MAX);
	enum wire_result result;
	struct err err = {.code = ERR_NONE};

	if (world_ask(world, NULL, "status", world->account->name, &result, &answer, &err) != 0)
		finding_set(finding, FINDING_FAILED, "%s", err.text);
	else if (result == WIRE_NOTFOUND || (result == WIRE_PERM && strstr(answer.data, "no account") != NULL))
		say_no_such_account(world, finding);
	else if (result != WIRE_OK) {
		finding_set(finding, FINDING_FAILED, "%s", answer.len > 0 ? answer.data : "no answer");
		finding_advise(finding, "run this as root");
		finding_line(finding, "sudo %s check", world->options->program);
	} else if ((world->status = jsondoc_parse_object(answer.data, answer.len, &err)) == NULL)
		finding_set(finding, FINDING_FAILED, "tokend's answer: %s", err.text);
	else
		judge_status(world, finding);
	buf_free(&answer);
}

/* --- provider --- */

static void say_unreachable(const struct world *world, struct finding *finding)
{
	const struct settings_client *client = world->account->client;
	const char *url = client->metadata_url != NULL ? client->metadata_url : client->token_endpoint;

	finding_advise(finding, "let this host reach %.300s (port 443%s); tokend tries again by itself",
		       url != NULL ? url : "the provider's pages",
		       client->proxy != NULL ? ", by the proxy" : ", or name a proxy in the client's section");
}

void step_provider(struct world *world, struct finding *finding)
{
	const char *error = text_at(world->status, "last_error");
	int64_t failures = 0, last = 0;

	jsondoc_integer(world->status, "failures", &failures);
	if (failures == 0 && strcmp(text_at(world->status, "state"), "misconfigured") != 0) {
		if (jsondoc_integer(world->status, "last_refresh_at", &last) && last > 0)
			finding_set(finding, FINDING_OK, "answered %lld min ago",
				    (long long)((time(NULL) - last) / 60));
		else
			finding_set(finding, FINDING_OK, "not asked since tokend was started");
		return;
	}
	finding_set(finding, FINDING_FAILED, "%s", error);
	finding_explain(finding, error);
	if (finding->leads_back)
		say_unreachable(world, finding);
	else if (!finding->known)
		finding_advise(finding, "%s", text_at(world->status, "remedy"));
	finding_line(finding, "%s refresh %s", world->options->program, world->account->name);
}

/* --- token --- */

static void judge_token(struct world *world, struct finding *finding)
{
	int64_t left = 0;

	if (jsondoc_integer(world->status, "token_valid_for", &left) && left > 0)
		finding_set(finding, FINDING_OK, "%zu bytes, good for %lld min", world->token.len,
			    (long long)(left / 60));
	else
		finding_set(finding, FINDING_OK, "%zu bytes, new", world->token.len);
}

void step_token(struct world *world, struct finding *finding)
{
	struct buf answer = BUF_INIT(WIRE_REPLY_MAX);
	enum wire_result result;
	struct err err = {.code = ERR_NONE};

	if (world->mailbox == NULL) {
		finding_set(finding, FINDING_SKIPPED, "which mailbox? name one: %s check someone%s",
			    world->options->program, world->account->name + 1);
		return;
	}
	if (world_ask(world, NULL, "token", world->mailbox, &result, &answer, &err) != 0)
		finding_set(finding, FINDING_FAILED, "%s", err.text);
	else if (result == WIRE_OK && answer.len > 0) {
		buf_clear(&world->token);
		buf_append(&world->token, answer.data, answer.len);
		judge_token(world, finding);
	} else {
		finding_set(finding, FINDING_FAILED, "%s", answer.len > 0 ? answer.data : "no token in the answer");
		finding_explain(finding, finding->text);
		if (finding->leads_back)
			say_unreachable(world, finding);
		else if (!finding->known)
			finding_advise(finding, "see what tokend says of the account");
		finding_line(finding, "%s status %s", world->options->program, world->account->name);
	}
	buf_free(&answer);
}

/* --- claims --- */

void step_claims(struct world *world, struct finding *finding)
{
	const struct claims_wish wish = {.mailbox = name_of(world),
					 .account = world->account,
					 .program = world->options->program,
					 .now = time(NULL)};
	struct secret *token = secret_new(world->token.data, world->token.len);

	world->claims = token != NULL ? jwt_payload(token) : NULL;
	claims_judge(world->claims, &wish, finding);
	world->claims_fit = finding->mark == FINDING_OK;
	secret_free(token);
}
