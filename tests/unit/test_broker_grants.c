/* The broker on fakes: refresh tokens are loaded, rotated, saved, imported and forgotten, and no error loses one. */
#include <syslog.h>

#include "tests/unit/broker_world.h"

#define MINUTE_MS (60 * 1000)

static const char *stored(const struct world *world)
{
	return fake_store_token(world->store, RELAY);
}

static void expect_status(struct world *world, const char *part)
{
	struct asked asked;

	ask(world, broker_status, RELAY, &asked);
	assert_int_equal(asked.answers, 1);
	if (strstr(asked.text, part) == NULL)
		fail_msg("\"%s\" is not in %s", part, asked.text);
}

/* --- saving --- */

/* RELAY asks, and the answer brings a new refresh token. */
static void rotate(struct world *world, const char *access_token, const char *refresh_token)
{
	struct asked asked;

	ask(world, broker_refresh, RELAY, &asked);
	fake_http_answer(world->http, 200, token_answer(access_token, refresh_token, 3600));
	expect_answer(world, &asked, "OK token good for 3600 s");
}

static void test_each_rotation_is_saved_and_sent_next(void **state)
{
	struct world *world = *state;
	struct asked asked;

	configure_with_grant(world);
	rotate(world, "AT-1", "RT-2");
	assert_string_equal(stored(world), "RT-2");
	rotate(world, "AT-2", NULL); /* no new one: the old one stays, and nothing is written */
	assert_string_equal(stored(world), "RT-2");
	assert_int_equal(fake_store_saves(world->store), 1);
	expect_status(world, "\"refreshed_at\":18"); /* now, and not when the stored one came */
	assert_int_equal(fake_log_count(EVENT_STORE_REPAIRED), 0);
	rotate(world, "AT-3", "RT-3");
	restart(world);
	configure_well(world, CONF_CLIENT CONF_RELAY);
	ask(world, broker_token, RELAY, &asked);
	assert_non_null(strstr(fake_http_body(world->http), "refresh_token=RT-3"));
	broker_cancel(asked.wait);
}

/* What came with it was of no use; but the provider may take the old one no longer. */
static void test_rotation_counts_without_a_token(void **state)
{
	struct world *world = *state;
	struct asked asked;

	configure_with_grant(world);
	ask(world, broker_refresh, RELAY, &asked);
	fake_http_answer(world->http, 200, token_answer("AT-1", "RT-2", 0));
	fake_loop_turn(world->loop);
	assert_non_null(strstr(asked.text, "bad_answer"));
	assert_string_equal(stored(world), "RT-2");
	assert_int_equal(fake_log_count(EVENT_REFRESH_FAILED), 1);
	ask(world, broker_refresh, RELAY, &asked);
	assert_non_null(strstr(fake_http_body(world->http), "refresh_token=RT-2"));
	fake_http_answer(world->http, 200, token_answer("AT-2", NULL, 3600));
	expect_answer(world, &asked, "OK token good for 3600 s");
}

static void test_disk_that_fails_stops_no_mail_and_is_tried_again(void **state)
{
	struct world *world = *state;
	struct asked asked;

	configure_with_grant(world);
	fake_store_fail(world->store, true);
	ask(world, broker_token, RELAY, &asked);
	fake_http_answer(world->http, 200, token_answer("AT-1", "RT-2", 3600));
	expect_answer(world, &asked, "OK AT-1");
	assert_string_equal(stored(world), "RT-1");
	assert_int_equal(fake_log_count(EVENT_STORE_FAILED), 1);
	assert_true(fake_log_says(EVENT_STORE_FAILED, "No space left"));
	assert_int_equal(event_priority(EVENT_STORE_FAILED), LOG_CRIT);
	expect_status(world, "\"unsaved\":true");
	rotate(world, "AT-2", "RT-3"); /* the newer one in memory is what is sent, and what is kept */
	fake_store_fail(world->store, false);
	fake_loop_advance(world->loop, 5 * MINUTE_MS);
	assert_string_equal(stored(world), "RT-3");
	assert_int_equal(fake_log_count(EVENT_STORE_REPAIRED), 1);
	expect_status(world, "\"unsaved\":false");
}

static void test_newer_token_in_memory_is_the_one_that_is_sent(void **state)
{
	struct world *world = *state;
	struct asked asked;

	configure_with_grant(world);
	fake_store_fail(world->store, true);
	rotate(world, "AT-1", "RT-2");
	ask(world, broker_refresh, RELAY, &asked);
	assert_non_null(strstr(fake_http_body(world->http), "refresh_token=RT-2"));
	broker_cancel(asked.wait);
}

static void test_disk_that_stays_full_is_tried_at_growing_pauses(void **state)
{
	struct world *world = *state;

	configure_with_grant(world);
	fake_store_fail(world->store, true);
	rotate(world, "AT-1", "RT-2");
	fake_loop_advance(world->loop, 10 * MINUTE_MS);
	/* 1, 2, 4, ... 256 s, then 300 s: nine of them in 511 s */
	assert_in_range(fake_log_count(EVENT_STORE_FAILED), 9, 12);
}

static void test_end_tries_once_more_to_save(void **state)
{
	struct world *world = *state;

	configure_with_grant(world);
	fake_store_fail(world->store, true);
	rotate(world, "AT-1", "RT-2");
	fake_store_fail(world->store, false);
	restart(world);
	assert_string_equal(stored(world), "RT-2");
}

/* --- loading --- */

static void test_record_that_cannot_be_read_is_named_and_left_alone(void **state)
{
	struct world *world = *state;

	fake_store_put(world->store, RELAY, CLIENT_ID, "RT-1");
	fake_store_spoil(world->store, RELAY);
	configure_well(world, CONF_CLIENT CONF_RELAY);
	expect(world, broker_token, RELAY, "TEMP " RELAY " must sign in again*");
	assert_int_equal(fake_log_count(EVENT_STORE_UNREADABLE), 1);
	assert_true(fake_log_says(EVENT_STORE_UNREADABLE, "does not open"));
	fake_loop_advance(world->loop, 48 * 60 * MINUTE_MS);
	assert_int_equal(fake_http_started(world->http), 0);
	assert_int_equal(fake_store_saves(world->store), 0);
}

static void test_grant_of_another_client_is_not_sent(void **state)
{
	struct world *world = *state;

	fake_store_put(world->store, RELAY, "another-client", "RT-1");
	configure_well(world, CONF_CLIENT CONF_RELAY);
	expect(world, broker_token, RELAY, "TEMP " RELAY " must sign in again*");
	expect_status(world, "the stored grant is for client_id another-client");
	assert_int_equal(fake_http_started(world->http), 0);
	assert_string_equal(stored(world), "RT-1");
}

/* --- import --- */

static void test_first_import_is_saved_then_tried(void **state)
{
	struct world *world = *state;
	struct asked asked;

	configure_well(world, CONF_CLIENT CONF_RELAY);
	expect_status(world, "nobody has signed in yet");
	expect_status(world, "mailbearer login " RELAY);
	ask(world, broker_import, RELAY " RT-new", &asked);
	assert_string_equal(stored(world), "RT-new");
	assert_non_null(strstr(fake_http_body(world->http), "refresh_token=RT-new"));
	fake_http_answer(world->http, 200, token_answer("AT-1", NULL, 3600));
	expect_answer(world, &asked, "OK *");
	expect(world, broker_token, RELAY, "OK AT-1");
	assert_int_equal(fake_log_count(EVENT_GRANT_SAVED), 1);
}

static void test_first_import_on_a_full_disk_changes_nothing(void **state)
{
	struct world *world = *state;

	configure_well(world, CONF_CLIENT CONF_RELAY);
	fake_store_fail(world->store, true);
	expect(world, broker_import, RELAY " RT-new", "TEMP the refresh token could not be saved: *");
	assert_int_equal(fake_http_started(world->http), 0);
	expect(world, broker_token, RELAY, "TEMP " RELAY " must sign in again*");
}

static void test_better_token_replaces_one_that_works(void **state)
{
	struct world *world = *state;
	struct asked asked;

	configure_with_grant(world);
	get_token(world, "AT-1", 3600);
	ask(world, broker_import, RELAY " RT-new", &asked);
	assert_string_equal(stored(world), "RT-1"); /* not before it has proved itself */
	expect(world, broker_import, RELAY " RT-3", "TEMP another import for this account is under way");
	fake_http_answer(world->http, 200, token_answer("AT-2", "RT-newer", 3600));
	expect_answer(world, &asked, "OK *");
	assert_int_equal(fake_log_count(EVENT_GRANT_SAVED), 1);
	assert_string_equal(stored(world), "RT-newer");
	expect(world, broker_token, RELAY, "OK AT-2");
}

static void test_token_that_does_not_work_replaces_nothing(void **state)
{
	struct world *world = *state;
	struct asked asked;

	configure_with_grant(world);
	get_token(world, "AT-1", 3600);
	ask(world, broker_import, RELAY " RT-bad-for-long", &asked);
	fake_http_answer(world->http, 400,
			 "{\"error\":\"invalid_grant\",\"error_description\":\"RT-bad-for-long is malformed\"}");
	expect_answer(world, &asked, "PERM the new refresh token does not work (invalid_grant: *");
	assert_null(strstr(asked.text, "RT-bad-for-long"));
	ask(world, broker_import, RELAY " RT-perhaps", &asked);
	fake_http_answer(world->http, 503, "");
	expect_answer(world, &asked, "TEMP the new refresh token could not be tried (http_503*");
	assert_string_equal(stored(world), "RT-1");
	expect(world, broker_token, RELAY, "OK AT-1");
}

static void test_new_grant_outlives_a_full_disk(void **state)
{
	struct world *world = *state;
	struct asked asked;

	configure_with_grant(world);
	get_token(world, "AT-1", 3600);
	ask(world, broker_import, RELAY " RT-new", &asked);
	fake_store_fail(world->store, true);
	fake_http_answer(world->http, 200, token_answer("AT-2", NULL, 3600));
	expect_answer(world, &asked, "TEMP the new refresh token works, but could not be saved*");
	assert_int_equal(fake_log_count(EVENT_GRANT_SAVED), 0);
	fake_store_fail(world->store, false);
	fake_loop_advance(world->loop, MINUTE_MS);
	assert_string_equal(stored(world), "RT-new");
}

/* A refresh with the old token may be on its way when the new one is taken over. */
static void test_late_answer_for_the_old_grant_does_not_replace_the_new_one(void **state)
{
	struct world *world = *state;
	struct asked refresh, import;

	configure_with_grant(world);
	get_token(world, "AT-1", 3600);
	ask(world, broker_import, RELAY " RT-new", &import);
	ask(world, broker_refresh, RELAY, &refresh);
	fake_http_answer(world->http, 200, token_answer("AT-new", "RT-newer", 3600));
	while (fake_http_in_flight(world->http) > 0)
		fake_http_answer(world->http, 200, token_answer("AT-old", "RT-old", 3600));
	expect_answer(world, &import, "OK *");
	assert_string_equal(stored(world), "RT-newer");
	expect(world, broker_token, RELAY, "OK AT-new");
}

static void test_what_is_no_token_is_not_repeated(void **state)
{
	static const char *const bad[] = {"RT-secret",
					  RELAY " ",
					  RELAY " RT-secret with spaces",
					  RELAY " RT-secret\x01",
					  RELAY " \x01RT-secret",
					  RELAY " RT-secret\xc3\xa4"};
	struct world *world = *state;

	configure_with_grant(world);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct asked asked;

		ask(world, broker_import, bad[i], &asked);
		assert_int_equal(asked.answers, 1);
		assert_int_equal(asked.result, WIRE_PERM);
		assert_null(strstr(asked.text, "secret"));
	}
	assert_string_equal(stored(world), "RT-1");
	assert_int_equal(fake_http_started(world->http), 0);
}

/* --- forgetting --- */

static void test_forget_removes_it_for_good(void **state)
{
	struct world *world = *state;

	configure_with_grant(world);
	get_token(world, "AT-1", 3600);
	expect(world, broker_forget, RELAY, "OK forgotten");
	assert_string_equal(stored(world), "");
	assert_int_equal(fake_log_count(EVENT_GRANT_FORGOTTEN), 1);
	expect(world, broker_token, RELAY, "TEMP " RELAY " must sign in again*");
	fake_loop_advance(world->loop, 48 * 60 * MINUTE_MS);
	assert_int_equal(fake_http_in_flight(world->http), 0);
}

static void test_forget_ends_an_import_that_is_under_way(void **state)
{
	struct world *world = *state;
	struct asked import;

	configure_with_grant(world);
	get_token(world, "AT-1", 3600);
	ask(world, broker_import, RELAY " RT-new", &import);
	expect(world, broker_forget, RELAY, "OK forgotten");
	expect_answer(world, &import, "TEMP the account's grant was removed meanwhile");
	assert_int_equal(fake_http_in_flight(world->http), 0);
	assert_string_equal(stored(world), "");
}

static void test_forget_that_cannot_be_written_forgets_nothing(void **state)
{
	struct world *world = *state;

	configure_with_grant(world);
	get_token(world, "AT-1", 3600);
	fake_store_fail(world->store, true);
	expect(world, broker_forget, RELAY, "TEMP the grant could not be removed: *");
	expect(world, broker_token, RELAY, "OK AT-1");
}

static void test_unsaved_token_does_not_come_back_after_forget(void **state)
{
	struct world *world = *state;

	configure_with_grant(world);
	fake_store_fail(world->store, true);
	rotate(world, "AT-1", "RT-2");
	fake_store_fail(world->store, false);
	expect(world, broker_forget, RELAY, "OK forgotten");
	fake_loop_advance(world->loop, 10 * MINUTE_MS);
	assert_string_equal(stored(world), "");
}

/* --- new settings --- */

static void test_reload_keeps_tokens_requests_and_waiters(void **state)
{
	struct world *world = *state;
	struct asked asked;

	configure_with_grant(world);
	ask(world, broker_token, RELAY, &asked);
	configure_well(world, CONF_CLIENT CONF_RELAY);
	assert_int_equal(asked.answers, 0);
	assert_int_equal(fake_http_started(world->http), 1);
	fake_http_answer(world->http, 200, token_answer("AT-1", "RT-2", 3600));
	expect_answer(world, &asked, "OK AT-1");
	configure_well(world, CONF_CLIENT CONF_RELAY "account \"two@contoso.com\" { client = \"contoso\" }\n");
	expect(world, broker_token, RELAY, "OK AT-1");
	assert_int_equal(fake_http_in_flight(world->http), 0);
	assert_string_equal(stored(world), "RT-2");
}

static void test_account_that_goes_answers_those_who_wait(void **state)
{
	struct world *world = *state;
	struct asked asked;

	configure_with_grant(world);
	ask(world, broker_token, RELAY, &asked);
	configure_well(world, CONF_CLIENT "account \"two@contoso.com\" { client = \"contoso\" }\n");
	expect_answer(world, &asked, "TEMP the account was changed or removed by a reload*");
	assert_string_equal(stored(world), "RT-1");
	assert_int_equal(fake_http_in_flight(world->http), 0);
}

static void test_settings_that_cannot_be_are_refused_whole(void **state)
{
	struct world *world = *state;
	struct err err = {.code = ERR_NONE};
	char name[200];
	char conf[1000];

	configure_with_grant(world);
	get_token(world, "AT-1", 3600);
	memset(name, 'b', 120);
	name[120] = '\0';
	snprintf(conf, sizeof(conf), CONF_CLIENT "account \"%s@contoso.com\" { client = \"contoso\" }\n", "%s", name);
	assert_int_equal(configure(world, conf, &err), -1);
	assert_non_null(strstr(err.text, "too long"));
	expect(world, broker_token, RELAY, "OK AT-1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(test_each_rotation_is_saved_and_sent_next),
	    WORLD_TEST(test_rotation_counts_without_a_token),
	    WORLD_TEST(test_disk_that_fails_stops_no_mail_and_is_tried_again),
	    WORLD_TEST(test_newer_token_in_memory_is_the_one_that_is_sent),
	    WORLD_TEST(test_disk_that_stays_full_is_tried_at_growing_pauses),
	    WORLD_TEST(test_end_tries_once_more_to_save),
	    WORLD_TEST(test_record_that_cannot_be_read_is_named_and_left_alone),
	    WORLD_TEST(test_grant_of_another_client_is_not_sent),
	    WORLD_TEST(test_first_import_is_saved_then_tried),
	    WORLD_TEST(test_first_import_on_a_full_disk_changes_nothing),
	    WORLD_TEST(test_better_token_replaces_one_that_works),
	    WORLD_TEST(test_token_that_does_not_work_replaces_nothing),
	    WORLD_TEST(test_new_grant_outlives_a_full_disk),
	    WORLD_TEST(test_late_answer_for_the_old_grant_does_not_replace_the_new_one),
	    WORLD_TEST(test_what_is_no_token_is_not_repeated),
	    WORLD_TEST(test_forget_removes_it_for_good),
	    WORLD_TEST(test_forget_ends_an_import_that_is_under_way),
	    WORLD_TEST(test_forget_that_cannot_be_written_forgets_nothing),
	    WORLD_TEST(test_unsaved_token_does_not_come_back_after_forget),
	    WORLD_TEST(test_reload_keeps_tokens_requests_and_waiters),
	    WORLD_TEST(test_account_that_goes_answers_those_who_wait),
	    WORLD_TEST(test_settings_that_cannot_be_are_refused_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
