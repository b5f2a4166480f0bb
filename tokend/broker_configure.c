/*
 * New settings: everything they need is built and proved beside the old, then swapped in one go that cannot fail. An
 * account whose grant stays the same keeps its tokens, its request in flight and those who wait.
 */
#include <stdlib.h>
#include <string.h>

#include "tokend/broker_private.h"

/* What will be in force. */
struct plan {
	struct settings *settings;
	struct senders *senders;
	struct broker_client *clients;
	struct keeper **keepers;
	size_t *kept; /* for each account: 1 + the index of the keeper that it takes over, or 0: a new one */
};

static bool same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Same name and kind of grant, given to the same client: then what is held now is of use under the new settings. */
static bool is_same_grant(const struct settings_account *a, const struct settings_account *b)
{
	return strcmp(a->name, b->name) == 0 && a->grant == b->grant &&
	       same_text(a->client->client_id, b->client->client_id);
}

/* Would the new settings ask for another token, or somebody else for it? */
static bool asks_otherwise(const struct settings_account *a, const struct settings_account *b)
{
	return !same_text(a->client->managed_identity, b->client->managed_identity) ||
	       !same_text(a->client->service_account_file, b->client->service_account_file) ||
	       !same_text(a->client->metadata_url, b->client->metadata_url) ||
	       !same_text(a->client->token_endpoint, b->client->token_endpoint) ||
	       !same_text(broker_scope(a->client, a->grant), broker_scope(b->client, b->grant));
}

/* --- building --- */

static int check_names(const struct settings *settings, struct err *err)
{
	for (size_t i = 0; i < settings->account_count; i++) {
		const struct settings_account *account = &settings->accounts[i];

		if (store_name_check(account->name, err) != 0)
			return err_prefix(err, "%s:%d", settings->path, account->line);
	}
	return 0;
}

static int build_client(struct broker *broker, const struct settings_client *conf, struct broker_client *client,
			struct err *err)
{
	if (client_load(client, conf, err) != 0)
		return -1;
	if (conf->token_endpoint == NULL && conf->metadata_url != NULL) {
		client->source = discovery_take(broker->discovery, conf);
		if (client->source == NULL)
			return err_set(err, ERR_MEMORY, "out of memory");
	}
	return 0;
}

/* 1 + its index, or 0 */
static size_t find_same_grant(const struct broker *broker, const struct settings_account *conf)
{
	const struct keeper *keeper =
	    broker->settings != NULL ? broker_find(broker, conf->name, strlen(conf->name)) : NULL;

	return keeper != NULL && is_same_grant(keeper->conf, conf)
		   ? 1 + (size_t)(keeper->conf - broker->settings->accounts)
		   : 0;
}

static int build_keepers(struct broker *broker, struct plan *plan, struct err *err)
{
	const struct settings *settings = plan->settings;

	for (size_t i = 0; i < settings->account_count; i++) {
		const struct settings_account *conf = &settings->accounts[i];
		const struct broker_client *client = &plan->clients[conf->client - settings->clients];

		plan->kept[i] = find_same_grant(broker, conf);
		if (plan->kept[i] != 0)
			continue;
		plan->keepers[i] = keeper_new(broker, conf, client, err);
		if (plan->keepers[i] == NULL)
			return -1;
	}
	return 0;
}

static int build(struct broker *broker, struct plan *plan, struct err *err)
{
	const struct settings *settings = plan->settings;

	if (check_names(settings, err) != 0)
		return -1;
	plan->senders = senders_new(settings, err);
	if (plan->senders == NULL)
		return -1;
	plan->clients = calloc(settings->client_count + 1, sizeof(*plan->clients));
	plan->keepers = calloc(settings->account_count + 1, sizeof(struct keeper *));
	plan->kept = calloc(settings->account_count + 1, sizeof(*plan->kept));
	if (plan->clients == NULL || plan->keepers == NULL || plan->kept == NULL)
		return err_set(err, ERR_MEMORY, "out of memory");
	for (size_t i = 0; i < settings->client_count; i++)
		if (build_client(broker, &settings->clients[i], &plan->clients[i], err) != 0)
			return -1;
	return build_keepers(broker, plan, err);
}

/* The settings stay the caller's. */
static void drop(struct plan *plan)
{
	for (size_t i = 0; plan->keepers != NULL && i < plan->settings->account_count; i++)
		keeper_free(plan->keepers[i]);
	broker_clients_free(plan->clients, plan->settings->client_count);
	free(plan->keepers);
	free(plan->kept);
	senders_free(plan->senders);
}

/* --- swapping --- */

static void keep(struct broker *broker, struct plan *plan, size_t i)
{
	const struct settings_account *conf = &plan->settings->accounts[i];
	struct keeper *keeper = broker->keepers[plan->kept[i] - 1];

	broker->keepers[plan->kept[i] - 1] = NULL;
	plan->keepers[i] = keeper;
	keeper_reconfigure(keeper, conf, &plan->clients[conf->client - plan->settings->clients],
			   asks_otherwise(keeper->conf, conf));
}

static void dismiss(struct keeper *keeper)
{
	if (keeper == NULL)
		return;
	broker_dismiss(keeper, "the account was changed or removed by a reload; ask again");
	keeper_free(keeper);
}

static void swap(struct broker *broker, struct plan *plan)
{
	size_t account_count = broker->settings != NULL ? broker->settings->account_count : 0;
	size_t client_count = broker->settings != NULL ? broker->settings->client_count : 0;

	for (size_t i = 0; i < plan->settings->account_count; i++)
		if (plan->kept[i] != 0)
			keep(broker, plan, i);
	for (size_t i = 0; i < account_count; i++)
		dismiss(broker->keepers[i]);
	free(broker->keepers);
	broker_clients_free(broker->clients, client_count);
	senders_free(broker->senders);
	settings_free(broker->settings);
	broker->settings = plan->settings;
	broker->senders = plan->senders;
	broker->clients = plan->clients;
	broker->keepers = plan->keepers;
	broker->turns.accounts = plan->settings->account_count;
	free(plan->kept);
}

/* An account that is read anew may have been another one's; and what a request has brought is taken over by the
 * settings that it was sent with. */
static int settle(struct broker *broker, struct err *err)
{
	size_t count = broker->settings != NULL ? broker->settings->account_count : 0;

	for (size_t i = 0; i < count; i++)
		if (grant_settle(broker->keepers[i], err) != 0)
			return -1;
	return 0;
}

int broker_configure(struct broker *broker, struct settings *settings, struct err *err)
{
	struct plan plan = {.settings = settings};

	if (settle(broker, err) != 0)
		return -1;
	if (build(broker, &plan, err) != 0) {
		drop(&plan);
		return -1;
	}
	swap(broker, &plan);
	return 0;
}
