/*
 * Warns ahead, in the log once a day and in the status: gathers the facts for expiry.c and speaks of what it finds.
 */
#include <time.h>

#include "daemon/log.h"
#include "tokend/broker_private.h"

#define FIRST_MS (60 * 1000) /* after the start: by then each grant has been tried */
#define DAY_MS (24 * 60 * 60 * 1000)
#define SAME_END (60 * 60) /* seconds */
#define DAY (24 * 60 * 60)

static struct expiry_facts client_facts(const struct broker *broker, const struct broker_client *client)
{
	return (struct expiry_facts){
	    .now = loop_wall(broker->loop),
	    .secret_expires = client->conf->client_secret_expires,
	    .certificate_not_after = client->key != NULL ? jwt_key_not_after(client->key) : 0,
	    .works = true,
	};
}

static struct expiry_facts grant_facts(const struct keeper *keeper)
{
	const struct store_record *record = &keeper->record;

	return (struct expiry_facts){
	    .now = loop_wall(keeper->broker->loop),
	    .token_came = record->refreshed_at,
	    .token_expires = record->refresh_token != NULL ? record->expires_at : 0,
	    .token_used = record->refresh_token == NULL                 ? 0
			  : keeper->last_success > record->refreshed_at ? keeper->last_success
									: record->refreshed_at,
	    .unused_days = keeper->client->conf->provider->unused_days,
	    .works = keeper->last_success != 0 && keeper->machine.failures == 0,
	};
}

size_t broker_expiries(const struct keeper *keeper, struct expiry out[EXPIRY_MAX])
{
	struct expiry_facts facts = client_facts(keeper->broker, keeper->client), grant = grant_facts(keeper);

	grant.secret_expires = facts.secret_expires;
	grant.certificate_not_after = facts.certificate_not_after;
	return expiry_list(&grant, out);
}

bool keeper_note_end(struct keeper *keeper, const struct oauth_answer *answer)
{
	int64_t told = answer->refresh_expires_in, before = keeper->record.expires_at, moved;

	if (keeper->record.refresh_token == NULL || (told == 0 && answer->refresh_token == NULL))
		return false;
	keeper->record.expires_at = told != 0 ? loop_wall(keeper->broker->loop) + told : 0;
	/* The same end told again is off by the time that an answer takes. */
	moved = keeper->record.expires_at - before;
	if (moved <= SAME_END && moved >= -SAME_END)
		keeper->record.expires_at = before;
	return keeper->record.expires_at != before;
}

static void warn(const struct expiry_facts *facts, const char *account, const char *client)
{
	struct expiry list[EXPIRY_MAX];
	size_t count = expiry_list(facts, list);

	for (size_t i = 0; i < count; i++) {
		time_t ends = (time_t)list[i].ends;
		char date[16] = "";
		struct tm tm;

		if (gmtime_r(&ends, &tm) != NULL)
			strftime(date, sizeof(date), "%Y-%m-%d", &tm);
		log_event(EVENT_EXPIRES_SOON, account, log_text("client", client), log_text("what", list[i].what),
			  log_text("ends", date), log_number("days_left", (list[i].ends - facts->now) / DAY),
			  log_text("remedy", list[i].remedy));
	}
}

static void on_day(void *arg)
{
	struct broker *broker = arg;

	loop_timer_set(broker->daily, DAY_MS);
	if (broker->settings == NULL)
		return;
	for (size_t i = 0; i < broker->settings->client_count; i++) {
		const struct expiry_facts facts = client_facts(broker, &broker->clients[i]);

		warn(&facts, NULL, broker->clients[i].conf->name);
	}
	for (size_t i = 0; i < broker->settings->account_count; i++) {
		const struct keeper *keeper = broker->keepers[i];
		const struct expiry_facts facts = grant_facts(keeper);

		warn(&facts, keeper->conf->name, keeper->client->conf->name);
	}
}

int broker_expiry_begin(struct broker *broker)
{
	broker->daily = loop_timer_new(broker->loop, on_day, broker);
	if (broker->daily == NULL)
		return -1;
	loop_timer_set(broker->daily, FIRST_MS);
	return 0;
}
