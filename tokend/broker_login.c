/*
 * The `login` map: an administrator's words in, one line of JSON out. The sign-in itself is broker_consent.c's. The
 * JSON is a contract with the CLI: `state` is pending, again or done; what fails is TEMP or PERM with a text.
 */
#include <jansson.h>
#include <string.h>

#include "daemon/jsondoc.h"
#include "tokend/broker_private.h"

#define USAGE "login ACCOUNT start browser|paste|device, or wait ID, answer ID ADDRESS, cancel ID"

/* --- saying how it goes ------------------------------------------------------------------------------------------- */

/* 0 or -1. Steals the value, also when it fails. */
static int set(json_t *object, const char *key, json_t *value)
{
	return json_object_set_new(object, key, value);
}

static json_t *text_or_null(const char *text)
{
	return text != NULL && text[0] != '\0' ? json_string(text) : json_null();
}

static int describe_pending(json_t *object, const struct login *login)
{
	const struct provider *provider = login->keeper->client->conf->provider;
	bool device = login->machine.kind == CONSENT_DEVICE;
	int bad = 0;

	bad |= set(object, "state", json_string("pending"));
	bad |= set(object, "expires_in", json_integer(login_seconds_left(login)));
	if (device) {
		bad |= set(object, "user_code", text_or_null(login->device.user_code));
		bad |= set(object, "verification_uri", text_or_null(login->device.verification_uri));
		bad |= set(object, "warning", text_or_null(provider->device_warning));
	} else {
		bad |= set(object, "address", text_or_null(login->address.data));
	}
	return bad;
}

static int describe_done(json_t *object, const struct login *login)
{
	const struct keeper *keeper = login->keeper;
	int bad = 0;

	bad |= set(object, "state", json_string("done"));
	bad |= set(object, "message", json_string(login->text));
	bad |= set(object, "signed_in_as", text_or_null(keeper->user));
	bad |= set(object, "other_mailbox", json_boolean(keeper->other_mailbox));
	return bad;
}

/* Takes the object over; NULL: no memory. */
static void say_json(json_t *object, int bad, struct broker_answer *now)
{
	now->result = WIRE_OK;
	if (object == NULL || bad != 0 || jsondoc_append(object, &now->text) != 0) {
		buf_clear(&now->text);
		broker_say(now, WIRE_TEMP, "tokend is out of memory");
	}
	json_decref(object);
}

void login_describe(const struct login *login, struct broker_answer *now)
{
	json_t *object;
	int bad;

	if (login->machine.state == CONSENT_PREPARING) {
		broker_say(now, WIRE_TEMP, "the provider has not answered yet");
		return;
	}
	if (login->machine.state == CONSENT_OVER && login->result != WIRE_OK) {
		broker_say(now, login->result, "%s", login->text);
		return;
	}
	object = json_object();
	bad = set(object, "id", json_string(login->id));
	bad |= set(object, "by", json_string(consent_kind_name(login->machine.kind)));
	bad |= login->machine.state == CONSENT_OVER ? describe_done(object, login) : describe_pending(object, login);
	say_json(object, bad, now);
}

/* --- the words ---------------------------------------------------------------------------------------------------- */

struct words {
	const char *rest;
	size_t len;
};

/* The next word; what follows its space stays. */
static struct words take_word(struct words *words)
{
	const char *space = words->len > 0 ? memchr(words->rest, ' ', words->len) : NULL;
	struct words word = {words->rest, space != NULL ? (size_t)(space - words->rest) : words->len};

	words->rest += word.len + (space != NULL);
	words->len -= word.len + (space != NULL);
	return word;
}

static bool is(const struct words *word, const char *text)
{
	return word->len == strlen(text) && memcmp(word->rest, text, word->len) == 0;
}

/* A question about an account, after its verb. */
struct request {
	struct keeper *keeper;
	struct words words;
	const struct broker_question *question;
};

static struct broker_wait *wait_or_say(const struct request *request, struct broker_answer *now)
{
	const struct login *login = request->keeper->login;
	bool idle = login->machine.kind == CONSENT_PASTE && login->machine.state == CONSENT_WAITING;

	if (login->machine.state != CONSENT_OVER && !idle)
		return broker_wait_new(request->keeper, WAIT_LOGIN, request->question, now);
	login_describe(login, now);
	return NULL;
}

static struct broker_wait *say_start_failed(const struct err *err, struct broker_answer *now)
{
	bool final = err->code == ERR_CONFIG || err->code == ERR_DENIED;

	return broker_say(now, final ? WIRE_PERM : WIRE_TEMP, "%s", err->text);
}

static struct broker_wait *start(struct request *request, struct broker_answer *now)
{
	struct words word = take_word(&request->words);
	struct err err = {.code = ERR_NONE};
	int kind = 0;

	while (kind < CONSENT_KINDS && !is(&word, consent_kind_name((enum consent_kind)kind)))
		kind++;
	if (kind == CONSENT_KINDS || request->words.len > 0)
		return broker_say(now, WIRE_PERM, USAGE);
	if (login_start(request->keeper, (enum consent_kind)kind, &err) != 0)
		return say_start_failed(&err, now);
	return wait_or_say(request, now);
}

/* The sign-in of this ID, which its asker has asked again about; or NULL with the answer filled in. */
static struct login *find(struct request *request, struct broker_answer *now)
{
	struct login *login = request->keeper->login;
	struct words id = take_word(&request->words);

	if (login == NULL || !is(&id, login->id)) {
		broker_say(now, WIRE_PERM,
			   "this sign-in is over: another one was started, its time was up, or tokend was restarted");
		return NULL;
	}
	login_heard(login);
	return login;
}

static struct broker_wait *wait_for_it(struct request *request, struct broker_answer *now)
{
	return find(request, now) != NULL ? wait_or_say(request, now) : NULL;
}

static struct broker_wait *answer(struct request *request, struct broker_answer *now)
{
	struct login *login = find(request, now);
	struct err err = {.code = ERR_NONE};
	json_t *object;
	int bad;

	if (login == NULL)
		return NULL;
	if (login_answer(login, request->words.rest, request->words.len, &err) == 0)
		return wait_or_say(request, now);
	object = json_object();
	bad = set(object, "state", json_string("again"));
	bad |= set(object, "problem", json_string(err.text));
	say_json(object, bad, now);
	return NULL;
}

static struct broker_wait *cancel(struct request *request, struct broker_answer *now)
{
	struct login *login = find(request, now);

	if (login == NULL)
		return NULL;
	login_stop(login, "cancelled");
	return broker_say(now, WIRE_OK, login->machine.state == CONSENT_OVER ? "cancelled" : "too late");
}

struct broker_wait *broker_login(struct broker *broker, const struct broker_question *question,
				 struct broker_answer *now)
{
	static const struct {
		const char *verb;
		struct broker_wait *(*handler)(struct request *request, struct broker_answer *now);
	} verbs[] = {{"start", start}, {"wait", wait_for_it}, {"answer", answer}, {"cancel", cancel}};
	struct request request = {.words = {question->key, question->key_len}, .question = question};
	struct words account = take_word(&request.words), verb = take_word(&request.words);

	request.keeper = broker_find(broker, account.rest, account.len);
	if (request.keeper == NULL)
		return broker_say_no_account(broker, account.rest, account.len, now);
	if (request.keeper->conf->grant != SETTINGS_REFRESH_TOKEN)
		return broker_say(now, WIRE_PERM, "account %s uses %s: nobody signs in for it",
				  request.keeper->conf->name, settings_grant_name(request.keeper->conf->grant));
	if (broker->stopping)
		return broker_say(now, WIRE_TEMP, "tokend is stopping");
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (is(&verb, verbs[i].verb))
			return verbs[i].handler(&request, now);
	return broker_say(now, WIRE_PERM, USAGE);
}
