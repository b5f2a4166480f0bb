/* The disk of the unit tests: see fake_store.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/fake_store.h"

#define RECORDS_MAX 1024

struct entry {
	char name[128]; /* "": free */
	struct store_record record;
	bool spoilt;
};

struct store {
	struct entry entries[RECORDS_MAX];
	bool fail;
	unsigned saves;
};

struct store *store_open(const char *directory, struct seal_key *key, struct err *err)
{
	(void)directory;
	(void)key;
	(void)err;
	return calloc(1, sizeof(struct store));
}

void store_close(struct store *store)
{
	for (int i = 0; store != NULL && i < RECORDS_MAX; i++)
		store_record_free(&store->entries[i].record);
	free(store);
}

static struct entry *find(const struct store *store, const char *account)
{
	for (int i = 0; i < RECORDS_MAX; i++)
		if (strcmp(store->entries[i].name, account) == 0)
			return (struct entry *)&store->entries[i];
	return NULL;
}

static void copy_record(const struct store_record *from, struct store_record *to)
{
	*to = *from;
	to->refresh_token = secret_dup(from->refresh_token);
}

int store_load(struct store *store, const char *account, struct store_record *out, struct err *err)
{
	struct entry *entry = find(store, account);

	if (entry == NULL)
		return 0;
	if (entry->spoilt)
		return err_set(err, ERR_DENIED, "%s.grant does not open", account);
	copy_record(&entry->record, out);
	return 1;
}

int store_save(struct store *store, const char *account, const struct store_record *record, struct err *err)
{
	struct entry *entry = find(store, account);

	if (store->fail)
		return err_set(err, ERR_SYSTEM, "cannot write %s.grant: No space left on device", account);
	if (entry == NULL)
		entry = find(store, "");
	if (entry == NULL)
		abort(); /* RECORDS_MAX is too small for the test */
	store_record_free(&entry->record);
	snprintf(entry->name, sizeof(entry->name), "%s", account);
	entry->spoilt = false;
	copy_record(record, &entry->record);
	store->saves++;
	return 0;
}

int store_remove(struct store *store, const char *account, struct err *err)
{
	struct entry *entry = find(store, account);

	if (store->fail)
		return err_set(err, ERR_SYSTEM, "cannot remove %s.grant: Read-only file system", account);
	if (entry == NULL)
		return 0;
	store_record_free(&entry->record);
	*entry = (struct entry){.name = ""};
	return 0;
}

int store_name_check(const char *account, struct err *err)
{
	return strlen(account) < 100 ? 0 : err_set(err, ERR_LIMIT, "the name is too long");
}

void fake_store_fail(struct store *store, bool fail)
{
	store->fail = fail;
}

void fake_store_spoil(struct store *store, const char *account)
{
	find(store, account)->spoilt = true;
}

unsigned fake_store_saves(const struct store *store)
{
	return store->saves;
}

const char *fake_store_token(const struct store *store, const char *account)
{
	static char token[256];
	struct entry *entry = find(store, account);
	struct buf text = BUF_INIT(sizeof(token) - 1);

	token[0] = '\0';
	if (entry != NULL && secret_append(entry->record.refresh_token, &text) == 0)
		snprintf(token, sizeof(token), "%s", text.data);
	buf_free(&text);
	return token;
}

void fake_store_put(struct store *store, const char *account, const char *client_id, const char *token)
{
	struct store_record record = {.refresh_token = secret_new(token, strlen(token)),
				      .granted_at = 1700000000,
				      .refreshed_at = 1700000000,
				      .generation = 1};

	snprintf(record.client_id, sizeof(record.client_id), "%s", client_id);
	store_save(store, account, &record, NULL);
	store->saves = 0;
	store_record_free(&record);
}
