/*
 * The `status` map: what is known of an account, as one line of JSON. The CLI makes tables of it, monitoring reads it
 * as it is; so its keys are a contract, and null says that there is nothing to tell. Holds no secret.
 */
#include <jansson.h>
#include <string.h>

#include "daemon/jsondoc.h"
#include "tokend/broker_private.h"

static json_t *positive_or_null(int64_t number)
{
	return number > 0 ? json_integer(number) : json_null();
}

static json_t *next_try_in(const struct keeper *keeper)
{
	const struct account *machine = &keeper->machine;
	bool failing = machine->failures > 0 && machine->state != ACCOUNT_REFRESHING;

	return failing && machine->next_try != 0 ? json_integer(keeper_seconds_until(keeper, machine->next_try))
						 : json_null();
}

/* 0 or -1. Steals the value, also when it fails. */
static int set(json_t *object, const char *key, json_t *value)
{
	return json_object_set_new(object, key, value);
}

/* Of what ends soon. */
static json_t *warnings_of(const struct keeper *keeper)
{
	struct expiry list[EXPIRY_MAX];
	size_t count = broker_expiries(keeper, list);
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, json_pack("{s:s, s:I, s:s}", "what", list[i].what, "ends_at",
						       (json_int_t)list[i].ends, "remedy", list[i].remedy));
	return array;
}

static int describe(json_t *object, const struct keeper *keeper)
{
	const struct account *machine = &keeper->machine;
	int bad = 0;

	bad |= set(object, "account", json_string(keeper->conf->name));
	bad |= set(object, "state", json_string(account_state_name(machine->state)));
	bad |= set(object, "client", json_string(keeper->client->conf->name));
	bad |= set(object, "grant", json_string(settings_grant_name(keeper->conf->grant)));
	bad |= set(object, "token_valid_for", positive_or_null(keeper_seconds_until(keeper, machine->token_until)));
	bad |= set(object, "granted_at", positive_or_null(keeper->record.granted_at));
	bad |= set(object, "refreshed_at", positive_or_null(keeper->record.refreshed_at));
	bad |= set(object, "last_refresh_at", positive_or_null(keeper->last_success));
	bad |= set(object, "next_try_in", next_try_in(keeper));
	bad |= set(object, "failures", json_integer(machine->failures));
	bad |= set(object, "last_error", json_string(keeper->error));
	bad |= set(object, "remedy", json_string(keeper->remedy));
	bad |= set(object, "signed_in_as", keeper->user[0] != '\0' ? json_string(keeper->user) : json_null());
	bad |= set(object, "other_mailbox", json_boolean(keeper->other_mailbox));
	bad |= set(object, "unsaved", json_boolean(keeper->unsaved));
	bad |= set(object, "warnings", warnings_of(keeper));
	bad |= set(object, "relayhost", json_string(keeper->client->conf->relayhost));
	bad |= set(object, "transport", json_string(keeper->conf->transport));
	bad |= set(object, "min_validity", json_integer(keeper->conf->min_validity));
	return bad;
}

static int append_status(const struct keeper *keeper, struct buf *text)
{
	json_t *object = json_object();
	int status = object != NULL && describe(object, keeper) == 0 ? jsondoc_append(object, text) : -1;

	json_decref(object);
	return status;
}

static int append_all(const struct broker *broker, struct buf *text)
{
	buf_puts(text, "[");
	for (size_t i = 0; i < broker->settings->account_count; i++) {
		if (i > 0)
			buf_puts(text, ",");
		if (append_status(broker->keepers[i], text) != 0)
			return -1;
	}
	return buf_puts(text, "]");
}

struct broker_wait *broker_status(struct broker *broker, const struct broker_question *question,
				  struct broker_answer *now)
{
	bool all = question->key_len == 1 && question->key[0] == '*';
	struct keeper *keeper = all ? NULL : broker_find(broker, question->key, question->key_len);
	int status;

	if (!all && keeper == NULL)
		return broker_say_no_account(broker, question->key, question->key_len, now);
	now->result = WIRE_OK;
	status = all ? append_all(broker, &now->text) : append_status(keeper, &now->text);
	if (status == 0)
		return NULL;
	buf_clear(&now->text);
	return broker_say(now, WIRE_TEMP, "the status does not fit into an answer, or there is no memory for it");
}
