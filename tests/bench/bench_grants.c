/*
 * Fills tokend's state with grants, sealed, as an import would, but without asking anybody: accounts u0@contoso.com to
 * uN-1@contoso.com with the refresh tokens BENCH-0 to BENCH-N-1. Run as tokend's user while tokend is away.
 *
 *    bench_grants STATE_DIRECTORY SEAL_KEY_FILE CLIENT_ID COUNT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/settings.h"
#include "tokend/store_file.h"

static int save(struct store *store, const char *client_id, long number, struct err *err)
{
	struct store_record record = {.granted_at = 1790000000, .refreshed_at = 1790000000, .generation = 1};
	char account[64], token[64];
	struct store_save *save;
	int status;

	snprintf(account, sizeof account, "u%ld@contoso.com", number);
	snprintf(token, sizeof token, "BENCH-%ld", number);
	snprintf(record.client_id, sizeof record.client_id, "%s", client_id);
	record.refresh_token = secret_new(token, strlen(token));
	save = store_save_start(store, account, &record, NULL, NULL, err);
	status = save != NULL ? store_save_wait(save, deadline_after(60 * 1000), err) : -1;
	store_record_free(&record);
	return status;
}

int main(int argc, char **argv)
{
	struct err err = {.text = "usage: bench_grants STATE_DIRECTORY SEAL_KEY_FILE CLIENT_ID COUNT"};
	struct secret *text = argc == 5 ? settings_read_secret(argv[2], &err) : NULL;
	struct seal_key *key = text != NULL ? seal_key_new(text, &err) : NULL;
	struct store *store = key != NULL ? store_open(argv[1], key, &err) : NULL;
	struct loop *loop = loop_new(&err);
	int status = store != NULL && loop != NULL ? store_start_writer(store, loop, &err) : -1;

	for (long i = 0; status == 0 && i < strtol(argv[4], NULL, 10); i++)
		status = save(store, argv[3], i, &err);
	if (status != 0)
		fprintf(stderr, "%s\n", err.text);
	store_close(store);
	loop_free(loop);
	secret_free(text);
	return status == 0 ? 0 : 1;
}
