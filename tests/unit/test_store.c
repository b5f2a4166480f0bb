/* The record's codec: what is kept comes back, and what cannot be read again is not written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/jsondoc.h"
#include "tokend/store.h"

#define TOKEN "0.AXkA-refresh/token+with=signs\"\\"

static struct store_record sample(void)
{
	struct store_record record = {.granted_at = 1790000000, .refreshed_at = 1790003600, .generation = 7};

	record.refresh_token = secret_new(TOKEN, strlen(TOKEN));
	strcpy(record.client_id, "11111111-2222-3333-4444-555555555555");
	strcpy(record.scope, "https://outlook.office.com/SMTP.Send offline_access");
	return record;
}

static void what_is_encoded_comes_back(void **state)
{
	struct store_record record = sample();
	struct store_record again;
	struct buf text = BUF_INIT(4096);

	(void)state;
	assert_int_equal(store_record_encode(&record, &text, NULL), 0);
	assert_int_equal(store_record_decode(text.data, text.len, &again, NULL), 0);
	assert_true(secret_equal(record.refresh_token, again.refresh_token));
	assert_string_equal(again.client_id, record.client_id);
	assert_string_equal(again.scope, record.scope);
	assert_int_equal(again.granted_at, 1790000000);
	assert_int_equal(again.refreshed_at, 1790003600);
	assert_int_equal(again.generation, 7);
	store_record_free(&again);
	store_record_free(&record);
	store_record_free(&record);
	buf_free(&text);
}

static void the_largest_token_fits(void **state)
{
	static char bytes[SECRET_MAX];
	struct store_record record = {0};
	struct store_record again;
	struct buf text = BUF_INIT(256 * 1024);

	(void)state;
	memset(bytes, '"', sizeof bytes);
	record.refresh_token = secret_new(bytes, sizeof bytes);
	assert_int_equal(store_record_encode(&record, &text, NULL), 0);
	assert_int_equal(store_record_decode(text.data, text.len, &again, NULL), 0);
	assert_int_equal(secret_len(again.refresh_token), SECRET_MAX);
	store_record_free(&again);
	store_record_free(&record);
	buf_free(&text);
}

/* Refused with a text, and nothing half-made in the buffer or the text. */
static void cannot_encode(struct store_record *record, size_t max)
{
	struct buf text = BUF_INIT(max);
	struct err err = {0};

	assert_int_equal(store_record_encode(record, &text, &err), -1);
	assert_true(err.text[0] != '\0');
	assert_null(strstr(err.text, "AXkA"));
	buf_free(&text);
	store_record_free(record);
}

static void what_could_not_be_read_again_is_not_encoded(void **state)
{
	struct store_record record = {0};

	(void)state;
	cannot_encode(&record, 4096);
	record.refresh_token = secret_new("", 0);
	cannot_encode(&record, 4096);
	record.refresh_token = secret_new("not\xffUTF-8", 9);
	cannot_encode(&record, 4096);
	record.refresh_token = secret_new("two\nlines", 9);
	cannot_encode(&record, 4096);
	record = sample();
	strcpy(record.scope, "\xff");
	cannot_encode(&record, 4096);
	record = sample();
	record.generation = -1;
	cannot_encode(&record, 4096);
	record = sample();
	cannot_encode(&record, 32);
}

static enum err_code decode(const char *text)
{
	struct store_record record;
	struct err err = {0};

	memset(&record, 'x', sizeof record);
	if (store_record_decode(text, strlen(text), &record, &err) == 0) {
		store_record_free(&record);
		return ERR_NONE;
	}
	assert_null(record.refresh_token);
	assert_true(err.text[0] != '\0');
	assert_null(strstr(err.text, "MARKER"));
	return err.code;
}

#define GOOD                                                                                                           \
	"\"version\":1,\"refresh_token\":\"MARKER\",\"client_id\":\"c\",\"scope\":\"\",\"granted_at\":1,"              \
	"\"refreshed_at\":0"

static void documents_that_are_no_records(void **state)
{
	(void)state;
	assert_int_equal(decode("{" GOOD ",\"generation\":1}"), ERR_NONE);
	assert_int_equal(decode("{" GOOD ",\"generation\":1,\"later\":[1]}"), ERR_NONE);
	assert_int_equal(decode("{" GOOD "}"), ERR_SYNTAX);
	assert_int_equal(decode("{" GOOD ",\"generation\":\"1\"}"), ERR_SYNTAX);
	assert_int_equal(decode("{" GOOD ",\"generation\":-1}"), ERR_SYNTAX);
	assert_int_equal(decode("{" GOOD ",\"generation\":1.5}"), ERR_SYNTAX);
	assert_int_equal(decode("{" GOOD ",\"generation\":1,\"version\":2}"), ERR_SYNTAX); /* a key twice */
	assert_int_equal(decode(""), ERR_SYNTAX);
	assert_int_equal(decode("[]"), ERR_SYNTAX);
	assert_int_equal(decode("{}"), ERR_SYNTAX);
}

static void another_version_is_named(void **state)
{
	(void)state;
	assert_int_equal(decode("{\"version\":2}"), ERR_LIMIT);
	assert_int_equal(decode("{\"version\":0}"), ERR_LIMIT);
	assert_int_equal(decode("{\"version\":\"1\"}"), ERR_SYNTAX);
}

/* Takes each key out in turn, then gives each a wrong type, then strings that do not fit. */
static void every_key_is_needed_and_proved(void **state)
{
	static const char *const keys[] = {"version",    "refresh_token", "client_id", "scope",
					   "granted_at", "refreshed_at",  "generation"};
	struct store_record record = sample();
	struct buf text = BUF_INIT(4096);
	size_t i;

	(void)state;
	assert_int_equal(store_record_encode(&record, &text, NULL), 0);
	for (i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		json_t *object = jsondoc_parse_object(text.data, text.len, NULL);
		struct buf changed = BUF_INIT(8192);

		assert_int_equal(json_object_del(object, keys[i]), 0);
		assert_int_equal(jsondoc_append(object, &changed), 0);
		assert_int_equal(decode(changed.data), ERR_SYNTAX);
		buf_clear(&changed);
		json_object_set_new(object, keys[i], json_null());
		assert_int_equal(jsondoc_append(object, &changed), 0);
		assert_int_equal(decode(changed.data), ERR_SYNTAX);
		buf_free(&changed);
		json_decref(object);
	}
	store_record_free(&record);
	buf_free(&text);
}

static void strings_that_do_not_fit_are_refused_not_cut(void **state)
{
	char text[1024];

	(void)state;
	snprintf(text, sizeof text,
		 "{\"version\":1,\"refresh_token\":\"MARKER\",\"client_id\":\"%0127d\",\"scope\":\"%0511d\","
		 "\"granted_at\":1,\"refreshed_at\":0,\"generation\":1}",
		 0, 0);
	assert_int_equal(decode(text), ERR_NONE);
	snprintf(text, sizeof text,
		 "{\"version\":1,\"refresh_token\":\"MARKER\",\"client_id\":\"%0128d\",\"scope\":\"\","
		 "\"granted_at\":1,\"refreshed_at\":0,\"generation\":1}",
		 0);
	assert_int_equal(decode(text), ERR_SYNTAX);
	snprintf(text, sizeof text,
		 "{\"version\":1,\"refresh_token\":\"\",\"client_id\":\"c\",\"scope\":\"\","
		 "\"granted_at\":1,\"refreshed_at\":0,\"generation\":1}");
	assert_int_equal(decode(text), ERR_SYNTAX);
}

static void every_truncation_is_an_error(void **state)
{
	struct store_record record = sample();
	struct buf text = BUF_INIT(4096);
	size_t len;

	(void)state;
	assert_int_equal(store_record_encode(&record, &text, NULL), 0);
	for (len = 0; len < text.len; len++) {
		struct store_record out;
		char *copy = malloc(len + 1);

		memcpy(copy, text.data, len);
		copy[len] = '\0';
		assert_int_equal(store_record_decode(copy, len, &out, NULL), -1);
		free(copy);
	}
	store_record_free(&record);
	buf_free(&text);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_encoded_comes_back),
	    cmocka_unit_test(the_largest_token_fits),
	    cmocka_unit_test(what_could_not_be_read_again_is_not_encoded),
	    cmocka_unit_test(documents_that_are_no_records),
	    cmocka_unit_test(another_version_is_named),
	    cmocka_unit_test(every_key_is_needed_and_proved),
	    cmocka_unit_test(strings_that_do_not_fit_are_refused_not_cut),
	    cmocka_unit_test(every_truncation_is_an_error),
	};

	jsondoc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
