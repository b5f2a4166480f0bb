/*
 * What is kept of an account, as JSON and back. Knows no files, no sealing and not what the values mean. Called by
 * store_file_read.c and by its stand-ins in tests.
 */
#include <string.h>

#include "daemon/jsondoc.h"
#include "tokend/store.h"

#define RECORD_VERSION 1

void store_record_free(struct store_record *record)
{
	secret_free(record->refresh_token);
	memset(record, 0, sizeof *record);
}

static int missing(const char *key, struct err *err)
{
	return err_set(err, ERR_SYNTAX, "a record whose %s is missing, of the wrong type or too long", key);
}

static int copy_text(const json_t *object, const char *key, char *out, size_t size, struct err *err)
{
	const char *text = jsondoc_string(object, key);

	if (text == NULL || strlen(text) >= size)
		return missing(key, err);
	memcpy(out, text, strlen(text) + 1);
	return 0;
}

static int copy_count(const json_t *object, const char *key, int64_t *out, struct err *err)
{
	return json_is_integer(json_object_get(object, key)) && jsondoc_integer(object, key, out) && *out >= 0
		   ? 0
		   : missing(key, err);
}

static int read_record(const json_t *object, struct store_record *out, struct err *err)
{
	int64_t version;

	if (copy_count(object, "version", &version, err) != 0)
		return -1;
	if (version != RECORD_VERSION)
		return err_set(err, ERR_LIMIT,
			       "a record of version %lld, and this program knows %d: was it written by a newer one?",
			       (long long)version, RECORD_VERSION);
	if (copy_text(object, "client_id", out->client_id, sizeof out->client_id, err) != 0 ||
	    copy_text(object, "scope", out->scope, sizeof out->scope, err) != 0 ||
	    copy_count(object, "granted_at", &out->granted_at, err) != 0 ||
	    copy_count(object, "refreshed_at", &out->refreshed_at, err) != 0 ||
	    copy_count(object, "generation", &out->generation, err) != 0 ||
	    (json_object_get(object, "expires_at") != NULL &&
	     copy_count(object, "expires_at", &out->expires_at, err) != 0))
		return -1;
	out->refresh_token = jsondoc_secret(object, "refresh_token");
	if (out->refresh_token == NULL || secret_len(out->refresh_token) == 0)
		return missing("refresh_token", err);
	return 0;
}

static int set_refresh_token(json_t *object, const struct secret *token)
{
	struct buf text = BUF_INIT(SECRET_MAX);
	int result = -1;

	if (secret_append(token, &text) == 0)
		result = json_object_set_new(object, "refresh_token", json_stringn(text.data, text.len));
	buf_free(&text);
	return result;
}

int store_record_encode(const struct store_record *record, struct buf *out, struct err *err)
{
	struct store_record again = {0};
	json_t *object = json_object();
	int result = -1;

	if (record->refresh_token == NULL || secret_len(record->refresh_token) == 0)
		err_set(err, ERR_SYNTAX, "a record without a refresh token is not kept");
	else if (set_refresh_token(object, record->refresh_token) != 0)
		err_set(err, ERR_SYNTAX, "a refresh token that is not UTF-8 text cannot be kept");
	else if (json_object_set_new(object, "version", json_integer(RECORD_VERSION)) != 0 ||
		 json_object_set_new(object, "client_id", json_string(record->client_id)) != 0 ||
		 json_object_set_new(object, "scope", json_string(record->scope)) != 0 ||
		 json_object_set_new(object, "granted_at", json_integer(record->granted_at)) != 0 ||
		 json_object_set_new(object, "refreshed_at", json_integer(record->refreshed_at)) != 0 ||
		 json_object_set_new(object, "expires_at", json_integer(record->expires_at)) != 0 ||
		 json_object_set_new(object, "generation", json_integer(record->generation)) != 0)
		err_set(err, ERR_SYNTAX, "a record whose client_id or scope is not UTF-8 text cannot be kept");
	else if (read_record(object, &again, err) != 0)
		err_prefix(err, "a record that could not be read again is not kept");
	else if (jsondoc_append(object, out) != 0)
		err_set(err, ERR_LIMIT, "a record of more than %zu bytes cannot be kept", out->max);
	else
		result = 0;
	store_record_free(&again);
	json_decref(object);
	return result;
}

int store_record_decode(const char *bytes, size_t len, struct store_record *out, struct err *err)
{
	json_t *object;
	int result;

	memset(out, 0, sizeof *out);
	object = jsondoc_parse_object(bytes, len, err);
	if (object == NULL)
		return -1;
	result = read_record(object, out, err);
	json_decref(object);
	if (result != 0)
		store_record_free(out);
	return result;
}
