/* Between a provider's answer with a new refresh token and the disk's: what is served, who waits, and whatever else may
 * happen meanwhile. */
#include "tests/unit/broker_world.h"

#define MINUTE_MS 60000
#define OTHER_SCOPE                                                                                                    \
	CONF_CLIENT_OPEN "client_id = \"" CLIENT_ID "\" client_secret_file = \"%s\" token_endpoint = \"" ENDPOINT      \
			 "\" scope = \"https://outlook.office.com/SMTP.Send offline_access openid\" }\n" CONF_RELAY
#define TWO "account \"two@contoso.com\" { client = \"contoso\" }\n"

static const char *stored(const struct world *world)
{
	return fake_store_token(world->store, RELAY);
}

static bool status_says(struct world *world, const char *part)
{
	struct asked asked;

	ask(world, broker_status, RELAY, &asked);
	return strstr(asked.text, part) != NULL;
}

/* RT-2 and AT-2 have come, and the disk does not answer. */
static void rotate_and_hold(struct world *world, struct asked *asked)
{
	fake_store_hold(world->store, true);
	ask(world, broker_refresh, RELAY, asked);
	fake_http_answer(world->http, 200, token_answer("AT-2", "RT-2", 3600));
	fake_loop_turn(world->loop);
	assert_int_equal(0, asked->answers);
	assert_string_equal("RT-1", stored(world));
}

static void rotate(struct world *world, const char *access_token, const char *refresh_token)
{
	struct asked asked;

	ask(world, broker_refresh, RELAY, &asked);
	fake_http_answer(world->http, 200, token_answer(access_token, refresh_token, 3600));
	expect_answer(world, &asked, "OK token good for 3600 s");
}

static void release(struct world *world)
{
	fake_store_hold(world->store, false);
	fake_loop_turn(world->loop);
}

/* --- who waits --- */

static void test_nothing_leaves_before_it_is_on_disk(void **state)
{
	struct world *world = *state;
	struct asked first, second;

	configure_with_grant(world);
	ask(world, broker_token, RELAY, &first);
	rotate_and_hold(world, &second);
	assert_int_equal(0, first.answers);
	assert_true(broker_busy(world->broker));
	release(world);
	expect_answer(world, &first, "OK AT-2");
	expect_answer(world, &second, "OK token good for 3600 s");
	assert_string_equal("RT-2", stored(world));
	assert_false(broker_busy(world->broker));
	assert_int_equal(1, fake_log_count(EVENT_TOKEN_REFRESHED));
	assert_true(fake_log_says(EVENT_TOKEN_REFRESHED, "refresh_token=new"));
}

static void test_old_token_is_served_meanwhile(void **state)
{
	struct world *world = *state;
	struct asked refresh, again;

	configure_with_grant(world);
	get_token(world, "AT-1", 3600);
	rotate_and_hold(world, &refresh);
	expect(world, broker_token, RELAY, "OK AT-1");
	assert_true(status_says(world, "\"state\":\"refreshing\""));
	assert_true(status_says(world, "\"unsaved\":false"));
	ask(world, broker_refresh, RELAY, &again); /* one is under way */
	assert_int_equal(0, fake_http_in_flight(world->http));
	release(world);
	expect_answer(world, &refresh, "OK token good for 3600 s");
	expect_answer(world, &again, "OK token good for 3600 s");
	expect(world, broker_token, RELAY, "OK AT-2");
}

static void test_those_who_wait_too_long_are_told_of_the_disk(void **state)
{
	struct world *world = *state;
	struct asked refresh, token;

	configure_with_grant(world);
	rotate_and_hold(world, &refresh);
	ask(world, broker_token, RELAY, &token);
	fake_loop_advance(world->loop, MINUTE_MS);
	expect_answer(world, &token, "TEMP the disk has not taken the new refresh token yet");
	expect_answer(world, &refresh, "TEMP the disk has not taken the new refresh token yet");
	assert_int_equal(0, fake_http_in_flight(world->http));
	release(world);
	expect(world, broker_token, RELAY, "OK AT-2");
	assert_true(status_says(world, "\"token_valid_for\":3540"));
}

/* --- when it fails --- */

static void test_failure_is_told_later_and_served(void **state)
{
	struct world *world = *state;
	struct asked refresh;

	configure_with_grant(world);
	rotate_and_hold(world, &refresh);
	fake_store_fail(world->store, true);
	assert_int_equal(0, fake_log_count(EVENT_STORE_FAILED));
	release(world);
	expect_answer(world, &refresh, "OK token good for 3600 s");
	assert_int_equal(1, fake_log_count(EVENT_STORE_FAILED));
	assert_true(status_says(world, "\"unsaved\":true"));
	fake_store_fail(world->store, false);
	fake_loop_advance(world->loop, 2000);
	assert_string_equal("RT-2", stored(world));
	assert_int_equal(1, fake_log_count(EVENT_STORE_REPAIRED));
	assert_true(status_says(world, "\"unsaved\":false"));
}

static void test_what_cannot_begin_is_unsaved_and_tried_again(void **state)
{
	struct world *world = *state;

	configure_with_grant(world);
	fake_store_refuse(world->store, true);
	rotate(world, "AT-2", "RT-2");
	assert_true(status_says(world, "\"unsaved\":true"));
	assert_int_equal(1, fake_log_count(EVENT_STORE_FAILED));
	fake_store_refuse(world->store, false);
	fake_loop_advance(world->loop, 2000);
	assert_string_equal("RT-2", stored(world));
}

/* The second try is under way when the next rotation comes. */
static void try_again_and_rotate(struct world *world, struct asked *asked)
{
	configure_with_grant(world);
	fake_store_fail(world->store, true);
	rotate(world, "AT-2", "RT-2");
	fake_store_fail(world->store, false);
	fake_store_hold(world->store, true);
	fake_loop_advance(world->loop, 2000);
	ask(world, broker_refresh, RELAY, asked);
	fake_http_answer(world->http, 200, token_answer("AT-3", "RT-3", 3600));
	fake_loop_turn(world->loop);
	assert_int_equal(0, asked->answers);
	expect(world, broker_token, RELAY, "OK AT-2");
}

static void test_the_newest_is_what_stays_on_disk(void **state)
{
	struct world *world = *state;
	struct asked asked;

	try_again_and_rotate(world, &asked);
	release(world);
	expect_answer(world, &asked, "OK token good for 3600 s");
	assert_string_equal("RT-3", stored(world));
	assert_int_equal(2, fake_store_saves(world->store));
	assert_int_equal(1, fake_log_count(EVENT_STORE_REPAIRED));
}

static void test_of_two_that_fail_the_newest_is_tried_again(void **state)
{
	struct world *world = *state;
	struct asked asked;

	try_again_and_rotate(world, &asked);
	fake_store_fail(world->store, true);
	release(world);
	expect_answer(world, &asked, "OK token good for 3600 s");
	assert_int_equal(2, fake_log_count(EVENT_STORE_FAILED)); /* the first, and the newest */
	fake_store_fail(world->store, false);
	fake_loop_advance(world->loop, MINUTE_MS);
	assert_string_equal("RT-3", stored(world));
}

/* --- whatever else happens --- */

static void test_forget_comes_after_it(void **state)
{
	struct world *world = *state;
	struct asked refresh;

	configure_with_grant(world);
	rotate_and_hold(world, &refresh);
	expect(world, broker_forget, RELAY, "OK forgotten");
	release(world);
	assert_string_equal("", stored(world));
	expect_answer(world, &refresh, "TEMP " RELAY " must sign in again*");
	expect(world, broker_token, RELAY, "TEMP " RELAY " must sign in again*");
}

static void test_import_comes_after_it(void **state)
{
	struct world *world = *state;
	struct asked import, refresh;

	configure_with_grant(world);
	get_token(world, "AT-1", 3600);
	ask(world, broker_import, RELAY " RT-new", &import);
	fake_store_hold(world->store, true);
	ask(world, broker_refresh, RELAY, &refresh);
	/* The trial of the new one was sent first, and is answered last. */
	fake_http_no_answer(world->http, "connection reset");
	fake_http_answer(world->http, 200, token_answer("AT-2", "RT-2", 3600));
	expect_answer(world, &import, "TEMP the new refresh token could not be tried*");
	ask(world, broker_import, RELAY " RT-new", &import);
	fake_http_answer(world->http, 200, token_answer("AT-new", NULL, 3600));
	release(world);
	expect_answer(world, &import, "OK saved*");
	assert_string_equal("RT-new", stored(world));
	expect(world, broker_token, RELAY, "OK AT-new");
}

static void test_import_for_a_lost_grant_comes_after_it(void **state)
{
	struct world *world = *state;
	struct asked asked;

	configure_with_grant(world);
	fake_store_fail(world->store, true);
	rotate(world, "AT-2", "RT-2");
	fake_store_fail(world->store, false);
	ask(world, broker_refresh, RELAY, &asked);
	fake_http_answer(world->http, 400, "{\"error\":\"invalid_grant\"}");
	fake_store_hold(world->store, true);
	fake_loop_advance(world->loop, 2000); /* the second try is under way */
	ask(world, broker_import, RELAY " RT-new", &asked);
	release(world);
	assert_string_equal("RT-new", stored(world));
	fake_http_answer(world->http, 200, token_answer("AT-new", NULL, 3600));
	expect_answer(world, &asked, "OK saved*");
}

static void test_reload_comes_after_it(void **state)
{
	struct world *world = *state;
	struct asked refresh;

	configure_with_grant(world);
	rotate_and_hold(world, &refresh);
	configure_well(world, CONF_CLIENT CONF_RELAY TWO);
	assert_string_equal("RT-2", stored(world));
	expect_answer(world, &refresh, "OK token good for 3600 s");
	expect(world, broker_token, RELAY, "OK AT-2");
	configure_well(world, CONF_CLIENT TWO); /* and what is read anew is what was written */
	configure_well(world, CONF_CLIENT CONF_RELAY TWO);
	ask(world, broker_token, RELAY, &refresh);
	assert_non_null(strstr(fake_http_body(world->http), "refresh_token=RT-2"));
	broker_cancel(refresh.wait);
	release(world);
}

/* The settings changed while the request was in flight: what it brought is of no use, but for its refresh token. */
static void test_other_settings_wait_for_the_disk_as_well(void **state)
{
	struct world *world = *state;
	struct asked token;

	configure_with_grant(world);
	ask(world, broker_token, RELAY, &token);
	configure_well(world, OTHER_SCOPE);
	fake_store_hold(world->store, true);
	fake_http_answer(world->http, 200, token_answer("AT-2", "RT-2", 3600));
	fake_loop_turn(world->loop);
	assert_int_equal(0, fake_http_in_flight(world->http));
	release(world);
	assert_string_equal("RT-2", stored(world));
	assert_int_equal(0, token.answers);
	assert_non_null(strstr(fake_http_body(world->http), "refresh_token=RT-2"));
	fake_http_answer(world->http, 200, token_answer("AT-3", NULL, 3600));
	expect_answer(world, &token, "OK AT-3");
}

/* Whatever else would change the grant is refused meanwhile, and the token that came is not lost. */
static void test_a_disk_that_hangs_is_not_waited_for(void **state)
{
	struct world *world = *state;
	struct asked refresh;
	struct err err = {.code = ERR_NONE};

	configure_with_grant(world);
	rotate_and_hold(world, &refresh);
	fake_store_hang(world->store, true);
	assert_int_equal(-1, configure(world, OTHER_SCOPE, &err));
	assert_non_null(strstr(err.text, "does not answer"));
	expect(world, broker_forget, RELAY,
	       "TEMP the grant could not be removed: the disk of state_directory does not answer");
	assert_int_equal(0, refresh.answers);
	assert_in_range(fake_store_patience(world->store), 1, 3000); /* the second one knows of the first */
	fake_store_hang(world->store, false);
	release(world);
	expect_answer(world, &refresh, "OK *");
	assert_string_equal("RT-2", stored(world));
	configure_well(world, OTHER_SCOPE);
}

static void hang(struct world *world, bool hangs)
{
	fake_store_hang(world->store, hangs);
	if (hangs)
		fake_store_hold(world->store, true);
	else
		release(world);
}

/* The removal that was given up comes to pass when the disk wakes up; but the grant has been used ever since. */
static void test_what_was_not_forgotten_in_time_is_kept(void **state)
{
	struct world *world = *state;
	struct err err;

	configure_with_grant(world);
	get_token(world, "AT-1", 3600);
	hang(world, true);
	expect(world, broker_forget, RELAY,
	       "TEMP the grant could not be removed: the disk of state_directory does not answer");
	expect(world, broker_token, RELAY, "OK AT-1");
	assert_in_range(fake_store_patience(world->store), 1, 3000);
	assert_int_equal(-1, configure(world, OTHER_SCOPE, &err)); /* nothing else is changed meanwhile */
	hang(world, false);
	fake_loop_turn(world->loop);
	assert_string_equal("RT-1", stored(world));
	expect(world, broker_forget, RELAY, "OK forgotten");
	assert_string_equal("", stored(world));
	fake_loop_turn(world->loop);
	assert_string_equal("", stored(world));
}

static void test_what_was_not_there_to_forget_is_not_put_back(void **state)
{
	struct world *world = *state;

	configure_well(world, CONF_CLIENT CONF_RELAY);
	hang(world, true);
	expect(world, broker_forget, RELAY, "TEMP the grant could not be removed: *");
	hang(world, false);
	fake_loop_turn(world->loop);
	assert_int_equal(0, fake_store_saves(world->store));
	expect(world, broker_forget, RELAY, "OK forgotten");
}

/* Nobody else has it: it is taken, whatever the disk does. */
static void test_import_is_taken_while_the_disk_hangs(void **state)
{
	struct world *world = *state;
	struct asked token;

	configure_well(world, CONF_CLIENT CONF_RELAY);
	hang(world, true);
	expect(world, broker_import, RELAY " RT-new",
	       "TEMP the refresh token was taken, but is not saved yet: the disk of state_directory does not answer*");
	assert_true(status_says(world, "\"unsaved\":true"));
	assert_int_equal(0, fake_log_count(EVENT_GRANT_SAVED));
	ask(world, broker_token, RELAY, &token);
	assert_non_null(strstr(fake_http_body(world->http), "refresh_token=RT-new"));
	fake_http_answer(world->http, 200, token_answer("AT-new", NULL, 3600));
	expect_answer(world, &token, "OK AT-new");
	assert_false(fake_log_says(EVENT_STORE_HANGS, "waited_s=5"));
	fake_loop_advance(world->loop, 5000);
	assert_true(fake_log_says(EVENT_STORE_HANGS, "waited_s=5"));
	fake_store_fail(world->store, true);
	hang(world, false);
	assert_string_equal("", stored(world));
	assert_int_equal(1, fake_log_count(EVENT_STORE_FAILED));
	fake_store_fail(world->store, false);
	fake_loop_advance(world->loop, 2000);
	assert_string_equal("RT-new", stored(world));
	assert_true(status_says(world, "\"unsaved\":false"));
}

/* Sooner than it is worth a word of its own. */
static void test_import_is_said_to_be_saved_when_it_is(void **state)
{
	struct world *world = *state;

	configure_well(world, CONF_CLIENT CONF_RELAY);
	hang(world, true);
	expect(world, broker_import, RELAY " RT-new", "TEMP the refresh token was taken, but is not saved yet*");
	assert_int_equal(0, fake_log_count(EVENT_GRANT_SAVED));
	hang(world, false);
	assert_string_equal("RT-new", stored(world));
	assert_int_equal(1, fake_log_count(EVENT_GRANT_SAVED));
	assert_int_equal(0, fake_log_count(EVENT_STORE_REPAIRED));
}

/* What is saved last for an account that is none any more ends when its keeper is long gone. */
static void test_account_goes_while_the_disk_hangs(void **state)
{
	struct world *world = *state;
	struct asked refresh;

	configure_with_grant(world);
	rotate_and_hold(world, &refresh);
	fake_store_fail(world->store, true);
	release(world);
	assert_true(status_says(world, "\"unsaved\":true"));
	fake_store_fail(world->store, false);
	fake_store_hold(world->store, true);
	fake_store_hang(world->store, true);
	configure_well(world, CONF_CLIENT TWO);
	assert_int_equal(1, fake_log_count(EVENT_STORE_HANGS));
	fake_store_hang(world->store, false);
	release(world);
	assert_string_equal("RT-2", stored(world));
}

static void test_end_waits_for_it(void **state)
{
	struct world *world = *state;
	struct asked refresh;

	configure_with_grant(world);
	rotate_and_hold(world, &refresh);
	broker_stop(world->broker);
	expect_answer(world, &refresh, "TEMP tokend is stopping*");
	assert_true(broker_busy(world->broker));
	restart(world);
	assert_string_equal("RT-2", stored(world));
	assert_int_equal(0, fake_log_count(EVENT_STORE_HANGS));
}

static void test_end_says_what_it_could_not_wait_for(void **state)
{
	struct world *world = *state;
	struct asked refresh;

	configure_with_grant(world);
	rotate_and_hold(world, &refresh);
	broker_cancel(refresh.wait);
	fake_store_hang(world->store, true);
	restart(world);
	assert_true(fake_log_says(EVENT_STORE_HANGS, "the newest refresh token was not saved"));
	fake_store_hang(world->store, false);
	release(world);
}

static void test_end_tries_once_more_after_it(void **state)
{
	struct world *world = *state;
	struct asked asked;

	try_again_and_rotate(world, &asked);
	broker_cancel(asked.wait);
	restart(world);
	assert_string_equal("RT-3", stored(world));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(test_nothing_leaves_before_it_is_on_disk),
	    WORLD_TEST(test_old_token_is_served_meanwhile),
	    WORLD_TEST(test_those_who_wait_too_long_are_told_of_the_disk),
	    WORLD_TEST(test_failure_is_told_later_and_served),
	    WORLD_TEST(test_what_cannot_begin_is_unsaved_and_tried_again),
	    WORLD_TEST(test_the_newest_is_what_stays_on_disk),
	    WORLD_TEST(test_of_two_that_fail_the_newest_is_tried_again),
	    WORLD_TEST(test_forget_comes_after_it),
	    WORLD_TEST(test_import_comes_after_it),
	    WORLD_TEST(test_import_for_a_lost_grant_comes_after_it),
	    WORLD_TEST(test_reload_comes_after_it),
	    WORLD_TEST(test_other_settings_wait_for_the_disk_as_well),
	    WORLD_TEST(test_a_disk_that_hangs_is_not_waited_for),
	    WORLD_TEST(test_what_was_not_forgotten_in_time_is_kept),
	    WORLD_TEST(test_what_was_not_there_to_forget_is_not_put_back),
	    WORLD_TEST(test_import_is_said_to_be_saved_when_it_is),
	    WORLD_TEST(test_import_is_taken_while_the_disk_hangs),
	    WORLD_TEST(test_account_goes_while_the_disk_hangs),
	    WORLD_TEST(test_end_waits_for_it),
	    WORLD_TEST(test_end_says_what_it_could_not_wait_for),
	    WORLD_TEST(test_end_tries_once_more_after_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
