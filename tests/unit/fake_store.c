/* The disk of the unit tests: see fake_store.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "tests/unit/fake_store.h"

#define RECORDS_MAX 1024

struct entry {
	char name[128]; /* "": free */
	struct store_record record;
	bool spoilt;
};

struct store_save {
	TAILQ_ENTRY(store_save) entry;
	struct store *store;
	char name[128];
	struct store_record record;
	store_save_cb *cb;
	void *arg;
};

struct store {
	struct entry entries[RECORDS_MAX];
	TAILQ_HEAD(, store_save) under_way;
	struct loop_timer *soon;
	bool fail, refuse, hold, hangs;
	unsigned saves;
	int patience;
};

struct store *store_open(const char *directory, struct seal_key *key, struct err *err)
{
	struct store *store = calloc(1, sizeof(*store));

	(void)directory;
	(void)key;
	(void)err;
	TAILQ_INIT(&store->under_way);
	return store;
}

void store_close(struct store *store)
{
	for (int i = 0; store != NULL && i < RECORDS_MAX; i++)
		store_record_free(&store->entries[i].record);
	if (store != NULL && !TAILQ_EMPTY(&store->under_way))
		abort(); /* a save was forgotten */
	if (store != NULL)
		loop_timer_free(store->soon);
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

static int put(struct store *store, const char *account, const struct store_record *record, struct err *err)
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

static int take_away(struct store *store, const char *account, struct err *err)
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

/* --- what is under way --- */

static int end(struct store_save *save, struct err *err)
{
	struct store *store = save->store;
	int status;

	TAILQ_REMOVE(&store->under_way, save, entry);
	status = save->record.refresh_token != NULL ? put(store, save->name, &save->record, err)
						    : take_away(store, save->name, err);
	store_record_free(&save->record);
	free(save);
	return status;
}

static void end_all(void *arg)
{
	struct store *store = arg;
	struct store_save *save;

	while (!store->hold && (save = TAILQ_FIRST(&store->under_way)) != NULL) {
		struct err err = {.code = ERR_NONE};
		store_save_cb *cb = save->cb;
		void *cb_arg = save->arg;

		(void)end(save, &err);
		if (cb != NULL)
			cb(cb_arg, &err);
	}
}

int store_start_writer(struct store *store, struct loop *loop, struct err *err)
{
	(void)err;
	store->soon = loop_timer_new(loop, end_all, store);
	return 0;
}

static struct store_save *begin(struct store *store, const char *account, store_save_cb *cb, void *arg, struct err *err)
{
	struct store_save *save;

	if (store->refuse) {
		err_set(err, ERR_MEMORY, "no memory to save the grant of %s", account);
		return NULL;
	}
	save = calloc(1, sizeof(*save));
	*save = (struct store_save){.store = store, .cb = cb, .arg = arg};
	snprintf(save->name, sizeof(save->name), "%s", account);
	TAILQ_INSERT_TAIL(&store->under_way, save, entry);
	loop_timer_set(store->soon, 0);
	return save;
}

struct store_save *store_save_start(struct store *store, const char *account, const struct store_record *record,
				    store_save_cb *cb, void *arg, struct err *err)
{
	struct store_save *save = begin(store, account, cb, arg, err);

	if (record->refresh_token == NULL)
		abort(); /* no record has none */
	if (save != NULL)
		copy_record(record, &save->record);
	return save;
}

struct store_save *store_remove_start(struct store *store, const char *account, store_save_cb *cb, void *arg,
				      struct err *err)
{
	return begin(store, account, cb, arg, err);
}

int store_save_wait(struct store_save *save, struct deadline deadline, struct err *err)
{
	if (!save->store->hangs)
		return end(save, err);
	save->store->patience += deadline_left(deadline);
	return 1;
}

void store_save_leave(struct store_save *save)
{
	save->cb = NULL;
}

void fake_store_refuse(struct store *store, bool refuse)
{
	store->refuse = refuse;
}

void fake_store_hang(struct store *store, bool hangs)
{
	store->hangs = hangs;
}

int fake_store_patience(const struct store *store)
{
	return store->patience;
}

void fake_store_hold(struct store *store, bool hold)
{
	store->hold = hold;
	if (!hold)
		loop_timer_set(store->soon, 0);
}

/* --- the rest --- */

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
	put(store, account, &record, NULL);
	store->saves = 0;
	store_record_free(&record);
}
