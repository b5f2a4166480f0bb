/* The broker on fakes: tokens, refreshes and their outcomes. Grants, settings and maps have tests of their own. */
#include "tests/unit/broker_world.h"

#define INVALID_GRANT                                                                                                  \
	"{\"error\":\"invalid_grant\",\"error_description\":\"AADSTS70008: The refresh token has expired.\"}"
#define INVALID_CLIENT "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000215: Invalid client secret.\"}"
#define MINUTE_MS (60 * 1000)

/* --- asking --- */

static void test_request_is_what_the_settings_say(void **state)
{
	struct world *world = *state;
	struct asked asked;

	configure_with_grant(world);
	ask(world, broker_token, RELAY, &asked);
	assert_string_equal(fake_http_url(world->http), ENDPOINT);
	assert_non_null(strstr(fake_http_body(world->http), "grant_type=refresh_token"));
	assert_non_null(strstr(fake_http_body(world->http), "refresh_token=RT-1"));
	assert_non_null(strstr(fake_http_body(world->http), "client_id=" CLIENT_ID));
	assert_non_null(strstr(fake_http_body(world->http), "client_secret=the%2Bclient%2Fsecret%3D%26%25~"));
	assert_non_null(strstr(fake_http_body(world->http), "scope=https%3A%2F%2Foutlook.office.com%2FSMTP.Send"));
	assert_null(fake_http_header(world->http, "Authorization"));
	assert_null(fake_http_proxy(world->http));
	broker_cancel(asked.wait);
}

static void test_all_who_wait_share_one_request(void **state)
{
	struct world *world = *state;
	struct asked asked[20];

	configure_with_grant(world);
	for (int i = 0; i < 20; i++)
		ask(world, broker_token, i % 2 ? RELAY : "Relay@Contoso.COM", &asked[i]);
	assert_int_equal(fake_http_started(world->http), 1);
	fake_http_answer(world->http, 200, token_answer("AT-1", NULL, 3600));
	for (int i = 0; i < 20; i++)
		expect_answer(world, &asked[i], "OK AT-1");
	expect(world, broker_token, RELAY, "OK AT-1");
	assert_int_equal(fake_http_started(world->http), 1);
	assert_int_equal(fake_log_count(EVENT_TOKEN_REFRESHED), 1);
}

static void test_nobody_is_told_within_the_answers_call(void **state)
{
	struct world *world = *state;
	struct asked asked;

	configure_with_grant(world);
	ask(world, broker_token, RELAY, &asked);
	fake_http_answer(world->http, 200, token_answer("AT-1", NULL, 3600));
	assert_int_equal(asked.answers, 0);
	expect_answer(world, &asked, "OK AT-1");
}

static void test_unknown_account(void **state)
{
	struct world *world = *state;

	configure_with_grant(world);
	expect(world, broker_token, "nobody@contoso.com",
	       "PERM no account nobody@contoso.com in /tmp/mailbearer-conf.*");
	expect(world, broker_refresh, "nobody@contoso.com", "PERM no account nobody@contoso.com*");
	expect(world, broker_refused, "", "PERM no account  in*");
}

static void test_nobody_waits_longer_than_25_seconds(void **state)
{
	struct world *world = *state;
	struct asked asked;

	configure_with_grant(world);
	ask(world, broker_token, RELAY, &asked);
	fake_loop_advance(world->loop, 24999);
	assert_int_equal(asked.answers, 0);
	fake_loop_advance(world->loop, 1);
	expect_answer(world, &asked, "TEMP the token endpoint has not answered yet");
	assert_int_equal(fake_http_in_flight(world->http), 1);
	fake_http_answer(world->http, 200, token_answer("AT-1", NULL, 3600));
	expect_answer(world, &asked, "TEMP the token endpoint has not answered yet");
	expect(world, broker_token, RELAY, "OK AT-1");
}

static void test_who_hangs_up_is_not_told(void **state)
{
	struct world *world = *state;
	struct asked gone, late, there;

	configure_with_grant(world);
	ask(world, broker_token, RELAY, &gone);
	ask(world, broker_token, RELAY, &late);
	ask(world, broker_token, RELAY, &there);
	broker_cancel(gone.wait);
	fake_http_answer(world->http, 200, token_answer("AT-1", NULL, 3600));
	broker_cancel(late.wait); /* its answer is due already */
	expect_answer(world, &there, "OK AT-1");
	assert_int_equal(gone.answers, 0);
	assert_int_equal(late.answers, 0);
}

/* Asks again from within the callback, as a client does that has sent two questions at once. */
struct persistent {
	struct world *world;
	struct asked second;
};

static void ask_again(void *arg, const struct broker_answer *answer)
{
	struct persistent *persistent = arg;

	(void)answer;
	ask(persistent->world, broker_forget, RELAY, &persistent->second);
}

static void test_callback_may_ask_at_once(void **state)
{
	struct world *world = *state;
	struct persistent persistent = {.world = world};
	struct broker_question question = {.key = RELAY, .key_len = strlen(RELAY), .cb = ask_again, .arg = &persistent};
	struct broker_answer now = {.text = BUF_INIT(100)};
	struct asked after;

	configure_with_grant(world);
	assert_non_null(broker_token(world->broker, &question, &now));
	ask(world, broker_token, RELAY, &after);
	fake_http_answer(world->http, 200, token_answer("AT-1", NULL, 3600));
	fake_loop_turn(world->loop);
	expect_answer(world, &persistent.second, "OK forgotten");
	expect_answer(world, &after, "TEMP " RELAY " must sign in again*");
}

static void test_longest_tokens_pass(void **state)
{
	struct world *world = *state;
	static char token[64 * 1024 + 1], body[70 * 1024];
	struct broker_question question = {.key = RELAY, .key_len = strlen(RELAY)};
	struct broker_answer now = {.text = BUF_INIT(WIRE_REPLY_MAX)};

	configure_with_grant(world);
	expect(world, broker_refused, RELAY, "OK ");
	fake_loop_advance(world->loop, 10000); /* a grant from the store is tried by itself */
	memset(token, 'x', sizeof(token) - 1);
	snprintf(body, sizeof(body), "{\"token_type\":\"Bearer\",\"expires_in\":3600,\"access_token\":\"%s\"}", token);
	fake_http_answer(world->http, 200, body);
	assert_null(broker_token(world->broker, &question, &now));
	assert_int_equal(now.result, WIRE_OK);
	assert_int_equal(now.text.len, sizeof(token) - 1);
	buf_free(&now.text);
}

/* --- outcomes --- */

static void test_back_off_explains_and_heals(void **state)
{
	struct world *world = *state;
	struct asked asked;

	configure_with_grant(world);
	ask(world, broker_token, RELAY, &asked);
	fake_http_no_answer(world->http, "could not resolve host login.example");
	expect_answer(world, &asked, "TEMP no_answer: could not resolve host login.example; *");
	assert_non_null(strstr(asked.text, "; next try in 1 s"));
	expect(world, broker_token, RELAY, "TEMP no_answer: could not resolve host login.example; *");
	assert_int_equal(fake_http_in_flight(world->http), 0);
	assert_int_equal(fake_log_count(EVENT_REFRESH_FAILED), 1);
	assert_true(fake_log_says(EVENT_REFRESH_FAILED, "next_try_in=1"));
	fake_loop_advance(world->loop, 1300);
	assert_int_equal(fake_http_in_flight(world->http), 1);
	ask(world, broker_status, RELAY, &asked);
	assert_null(strstr(asked.text, "\"remedy\":\"\""));
	fake_http_answer(world->http, 200, token_answer("AT-1", NULL, 3600));
	expect(world, broker_token, RELAY, "OK AT-1");
	assert_int_equal(fake_log_lines(), 2);
	ask(world, broker_status, RELAY, &asked);
	assert_non_null(strstr(asked.text, "\"remedy\":\"\""));
}

static void test_retry_after_is_honoured(void **state)
{
	struct world *world = *state;
	struct asked asked;

	configure_with_grant(world);
	ask(world, broker_token, RELAY, &asked);
	fake_http_answer_later(world->http, 429, "Too Many Requests", 120);
	expect_answer(world, &asked, "TEMP http_429: *");
	fake_loop_advance(world->loop, 119 * 1000);
	assert_int_equal(fake_http_in_flight(world->http), 0);
	fake_loop_advance(world->loop, 1000);
	assert_int_equal(fake_http_in_flight(world->http), 1);
}

static void test_grant_lost_says_who_must_do_what(void **state)
{
	struct world *world = *state;
	struct asked asked;

	configure_with_grant(world);
	ask(world, broker_token, RELAY, &asked);
	fake_http_answer(world->http, 400, INVALID_GRANT);
	expect_answer(world, &asked, "TEMP " RELAY " must sign in again: mailbearer *");
	assert_non_null(strstr(asked.text, " (invalid_grant: AADSTS70008: The refresh token has expired.)"));
	assert_int_equal(fake_log_count(EVENT_GRANT_LOST), 1);
	assert_true(fake_log_says(EVENT_GRANT_LOST, "remedy=mailbearer "));
	assert_int_equal(fake_log_lines(), 1);
	/* An error destroys nothing: the provider may have meant it for the moment. */
	assert_string_equal(fake_store_token(world->store, RELAY), "RT-1");
	expect(world, broker_token, RELAY, "TEMP " RELAY " must sign in again*");
	assert_int_equal(fake_http_in_flight(world->http), 0);
}

/* Entra's numbers tell more than `error` does; they change what is said, and never what is done. */
static void test_numbers_refine_the_remedy(void **state)
{
	struct world *world = *state;
	struct asked asked;

	configure_with_grant(world);
	ask(world, broker_token, RELAY, &asked);
	fake_http_answer(
	    world->http, 401,
	    "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000222: x\",\"error_codes\":[7000222]}");
	expect_answer(world, &asked, "TEMP invalid_client: AADSTS7000222: x; make a new client secret*");
	ask(world, broker_refresh, RELAY, &asked);
	fake_http_answer(
	    world->http, 400,
	    "{\"error\":\"invalid_grant\",\"error_description\":\"AADSTS53003: y\",\"error_codes\":[53003]}");
	expect_answer(world, &asked, "TEMP " RELAY " must sign in again: mailbearer *");
	assert_true(fake_log_says(EVENT_GRANT_LOST, "; but first: find the policy"));
}

static void test_misconfigured_names_the_remedy(void **state)
{
	struct world *world = *state;
	struct asked asked;

	configure_with_grant(world);
	ask(world, broker_token, RELAY, &asked);
	fake_http_answer(world->http, 401, INVALID_CLIENT);
	expect_answer(world, &asked,
		      "TEMP invalid_client: AADSTS7000215: Invalid client secret.; put the secret's value, not its ID, "
		      "into client_secret_file*");
	assert_int_equal(fake_log_count(EVENT_MISCONFIGURED), 1);
	assert_int_equal(fake_log_lines(), 1);
	fake_loop_advance(world->loop, MINUTE_MS * 5 / 4);
	assert_int_equal(fake_http_in_flight(world->http), 1);
}

static void test_application_cannot_be_sent_to_sign_in(void **state)
{
	struct world *world = *state;
	struct asked asked;

	configure_well(world,
		       CONF_CLIENT "account \"*@f.example\" { client = \"contoso\" grant = \"client_credentials\" }");
	ask(world, broker_token, "printer@f.example", &asked);
	assert_non_null(strstr(fake_http_body(world->http), "grant_type=client_credentials"));
	assert_non_null(strstr(fake_http_body(world->http), "scope=https%3A%2F%2Foutlook.office365.com%2F.default"));
	fake_http_answer(world->http, 400, INVALID_GRANT);
	expect_answer(world, &asked, "TEMP invalid_grant: *");
	assert_int_equal(fake_log_count(EVENT_MISCONFIGURED), 1);
	assert_int_equal(fake_log_count(EVENT_GRANT_LOST), 0);
}

static void test_mailboxes_of_a_wildcard_share_a_token(void **state)
{
	struct world *world = *state;
	struct asked asked;

	configure_well(world,
		       CONF_CLIENT "account \"*@f.example\" { client = \"contoso\" grant = \"client_credentials\" }");
	ask(world, broker_token, "one@f.example", &asked);
	fake_http_answer(world->http, 200, token_answer("AT-app", NULL, 3600));
	expect_answer(world, &asked, "OK AT-app");
	expect(world, broker_token, "two@F.example", "OK AT-app");
	expect(world, broker_status, "*@f.example", "OK {\"account\":\"*@f.example\",\"state\":\"fresh\"*");
	assert_int_equal(fake_store_saves(world->store), 0);
}

static void test_what_was_sent_is_blotted_out(void **state)
{
	struct world *world = *state;
	struct asked asked;

	fake_store_put(world->store, RELAY, CLIENT_ID, "RT-very-secret");
	configure_well(world, CONF_CLIENT CONF_RELAY);
	ask(world, broker_token, RELAY, &asked);
	fake_http_answer(world->http, 400,
			 "{\"error\":\"invalid_grant\",\"error_description\":\"token RT-very-secret of " CLIENT_SECRET
			 "\"}");
	fake_loop_turn(world->loop);
	assert_null(strstr(asked.text, "very"));
	assert_null(strstr(asked.text, CLIENT_SECRET));
	assert_non_null(strstr(asked.text, "token **************"));
}

static void test_token_that_cannot_be_served_is_explained(void **state)
{
	struct world *world = *state;
	struct asked asked;

	configure_with_grant(world);
	ask(world, broker_token, RELAY, &asked);
	fake_http_answer(world->http, 200, token_answer("AT-short", NULL, 60));
	expect_answer(world, &asked,
		      "TEMP token_too_short: the provider's tokens are good for 60 s, and min_validity is 60 s; "
		      "set min_validity lower*");
	assert_int_equal(fake_log_count(EVENT_MISCONFIGURED), 1);
	assert_int_equal(fake_log_count(EVENT_TOKEN_REFRESHED), 0);
}

static void test_request_that_cannot_start_is_a_failure(void **state)
{
	struct world *world = *state;

	configure_with_grant(world);
	fake_http_refuse(world->http, 1);
	expect(world, broker_token, RELAY, "TEMP not_sent: the test refuses requests; *");
	assert_int_equal(fake_log_count(EVENT_REFRESH_FAILED), 1);
	fake_loop_advance(world->loop, 2000);
	assert_int_equal(fake_http_in_flight(world->http), 1);
}

/* --- keeping it fresh --- */

static void test_in_use_is_replaced_before_it_runs_out(void **state)
{
	struct world *world = *state;

	configure_with_grant(world);
	get_token(world, "AT-1", 3600);
	fake_loop_advance(world->loop, 29 * MINUTE_MS);
	expect(world, broker_token, RELAY, "OK AT-1");
	assert_int_equal(fake_http_in_flight(world->http), 0);
	fake_loop_advance(world->loop, 2 * MINUTE_MS);
	assert_int_equal(fake_http_in_flight(world->http), 1);
	expect(world, broker_token, RELAY, "OK AT-1"); /* nobody waits for it */
	fake_http_answer(world->http, 200, token_answer("AT-2", NULL, 3600));
	expect(world, broker_token, RELAY, "OK AT-2");
}

static void test_dead_endpoint_is_not_hammered(void **state)
{
	struct world *world = *state;
	struct asked asked;
	unsigned started;

	configure_with_grant(world);
	for (int second = 0; second < 600; second++) {
		ask(world, broker_token, RELAY, &asked);
		while (fake_http_in_flight(world->http) > 0)
			fake_http_answer(world->http, 503, "");
		expect_answer(world, &asked, "TEMP http_503: *");
		fake_loop_advance(world->loop, 1000);
	}
	started = fake_http_started(world->http);
	assert_in_range(started, 5, 14);
}

static void test_expired_token_is_never_served(void **state)
{
	struct world *world = *state;
	struct asked asked;

	configure_with_grant(world);
	get_token(world, "AT-1", 3600);
	fake_loop_advance(world->loop, 31 * MINUTE_MS);
	fake_http_answer(world->http, 503, "");
	expect(world, broker_token, RELAY, "OK AT-1"); /* the old one is still good */
	for (int i = 0; i < 60; i++) {
		fake_loop_advance(world->loop, MINUTE_MS);
		while (fake_http_in_flight(world->http) > 0)
			fake_http_answer(world->http, 503, "");
	}
	ask(world, broker_token, RELAY, &asked);
	expect_answer(world, &asked, "TEMP http_503: *");
}

/* --- clocks --- */

/* Deadlines are not the wall clock's: nothing is refreshed sooner or later, and nothing is served longer. */
static void test_wall_clock_steps_move_nothing(void **state)
{
	static const int64_t hours[] = {3, -3, 30, -30, 24 * 365, -24 * 365};
	struct world *world = *state;

	configure_with_grant(world);
	get_token(world, "AT-1", 3600);
	for (size_t i = 0; i < sizeof(hours) / sizeof(hours[0]); i++) {
		fake_loop_step_wall(world->loop, hours[i] * 3600);
		fake_loop_advance(world->loop, MINUTE_MS);
		expect(world, broker_token, RELAY, "OK AT-1");
		assert_int_equal(fake_http_started(world->http), 1);
	}
	fake_loop_step_wall(world->loop, -10 * 3600);
	fake_loop_advance(world->loop, 25 * MINUTE_MS);
	assert_int_equal(fake_http_in_flight(world->http), 1); /* half an hour after it came */
	fake_http_answer(world->http, 503, "");
	fake_loop_step_wall(world->loop, 10 * 3600);
	fake_loop_advance(world->loop, 2000); /* nor is a pause longer or shorter */
	assert_int_equal(fake_http_in_flight(world->http), 1);
	expect(world, broker_token, RELAY, "OK AT-1");
}

static void test_what_ran_out_in_sleep_is_not_served(void **state)
{
	struct world *world = *state;
	struct asked asked;

	configure_with_grant(world);
	get_token(world, "AT-1", 3600);
	fake_loop_sleep(world->loop, 20 * MINUTE_MS);
	expect(world, broker_token, RELAY, "OK AT-1");
	fake_loop_sleep(world->loop, 120 * MINUTE_MS);
	ask(world, broker_token, RELAY, &asked); /* before any timer had its chance */
	assert_non_null(asked.wait);
	fake_loop_turn(world->loop);
	assert_int_equal(fake_http_in_flight(world->http), 1);
	fake_http_answer(world->http, 200, token_answer("AT-2", NULL, 3600));
	expect_answer(world, &asked, "OK AT-2");
}

/* The token's life is counted from the question, however long the answer slept. */
static void test_an_answer_that_slept_is_not_taken_for_new(void **state)
{
	struct world *world = *state;
	struct asked asked;

	configure_with_grant(world);
	ask(world, broker_token, RELAY, &asked);
	broker_cancel(asked.wait);
	fake_loop_sleep(world->loop, 180 * MINUTE_MS);
	fake_http_answer(world->http, 200, token_answer("AT-1", NULL, 3600));
	expect(world, broker_token, RELAY, "TEMP late_answer: *");
	fake_loop_advance(world->loop, 2000);
	fake_http_answer(world->http, 200, token_answer("AT-2", NULL, 3600));
	expect(world, broker_token, RELAY, "OK AT-2");
}

static void test_a_pause_ends_in_sleep(void **state)
{
	struct world *world = *state;
	struct asked asked;

	configure_with_grant(world);
	ask(world, broker_token, RELAY, &asked);
	fake_http_answer_later(world->http, 429, "", 3000);
	expect_answer(world, &asked, "TEMP http_429: *");
	fake_loop_sleep(world->loop, 60 * MINUTE_MS);
	fake_loop_turn(world->loop);
	assert_int_equal(fake_http_in_flight(world->http), 1);
}

static void test_daily_refresh_of_an_idle_account(void **state)
{
	struct world *world = *state;

	configure_with_grant(world);
	fake_loop_advance(world->loop, 10000);
	assert_int_equal(fake_http_started(world->http), 1);
	fake_http_answer(world->http, 200, token_answer("AT-1", NULL, 3600));
	fake_loop_advance(world->loop, 20 * 60 * MINUTE_MS);
	assert_int_equal(fake_http_started(world->http), 1);
	fake_loop_advance(world->loop, 5 * 60 * MINUTE_MS);
	assert_int_equal(fake_http_started(world->http), 2);
}

static void test_refused_token_is_replaced_once(void **state)
{
	struct world *world = *state;
	struct asked asked;

	configure_with_grant(world);
	get_token(world, "AT-1", 3600);
	expect(world, broker_refused, RELAY, "OK ");
	expect(world, broker_refused, RELAY, "OK ");
	assert_int_equal(fake_http_in_flight(world->http), 1);
	assert_int_equal(fake_log_count(EVENT_TOKEN_REFUSED), 1);
	ask(world, broker_token, RELAY, &asked); /* the one that was refused is not handed out again */
	assert_non_null(asked.wait);
	fake_http_answer(world->http, 200, token_answer("AT-2", NULL, 3600));
	expect_answer(world, &asked, "OK AT-2");
	expect(world, broker_refused, RELAY, "OK ");
	assert_int_equal(fake_http_in_flight(world->http), 0); /* once a minute is enough */
}

static void test_forced_refresh_tells_how_it_went(void **state)
{
	struct world *world = *state;
	struct asked asked;

	configure_with_grant(world);
	get_token(world, "AT-1", 3600);
	ask(world, broker_refresh, RELAY, &asked);
	expect(world, broker_token, RELAY, "OK AT-1");
	fake_loop_turn(world->loop);
	assert_int_equal(asked.answers, 0);
	fake_http_answer(world->http, 200, token_answer("AT-2", NULL, 1800));
	expect_answer(world, &asked, "OK token good for 1800 s");
	ask(world, broker_refresh, RELAY, &asked);
	fake_http_answer(world->http, 400, INVALID_GRANT);
	expect_answer(world, &asked, "TEMP " RELAY " must sign in again: *");
	expect(world, broker_token, RELAY, "OK AT-2"); /* as long as it lasts */
}

/* --- the end --- */

static void test_stop_answers_and_lets_the_request_end(void **state)
{
	struct world *world = *state;
	struct asked asked;

	configure_with_grant(world);
	ask(world, broker_token, RELAY, &asked);
	broker_stop(world->broker);
	assert_int_equal(asked.answers, 1); /* at once: the loop may not turn again */
	expect_answer(world, &asked, "TEMP tokend is stopping*");
	expect(world, broker_token, RELAY, "TEMP tokend is stopping*");
	assert_true(broker_busy(world->broker));
	fake_http_answer(world->http, 200, token_answer("AT-1", "RT-2", 3600));
	assert_true(broker_busy(world->broker)); /* it is not on disk yet */
	fake_loop_turn(world->loop);
	assert_false(broker_busy(world->broker));
	assert_string_equal(fake_store_token(world->store, RELAY), "RT-2");
	fake_loop_advance(world->loop, 48 * 60 * MINUTE_MS);
	assert_int_equal(fake_http_in_flight(world->http), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(test_request_is_what_the_settings_say),
	    WORLD_TEST(test_all_who_wait_share_one_request),
	    WORLD_TEST(test_nobody_is_told_within_the_answers_call),
	    WORLD_TEST(test_unknown_account),
	    WORLD_TEST(test_nobody_waits_longer_than_25_seconds),
	    WORLD_TEST(test_who_hangs_up_is_not_told),
	    WORLD_TEST(test_callback_may_ask_at_once),
	    WORLD_TEST(test_longest_tokens_pass),
	    WORLD_TEST(test_back_off_explains_and_heals),
	    WORLD_TEST(test_retry_after_is_honoured),
	    WORLD_TEST(test_grant_lost_says_who_must_do_what),
	    WORLD_TEST(test_misconfigured_names_the_remedy),
	    WORLD_TEST(test_numbers_refine_the_remedy),
	    WORLD_TEST(test_application_cannot_be_sent_to_sign_in),
	    WORLD_TEST(test_mailboxes_of_a_wildcard_share_a_token),
	    WORLD_TEST(test_what_was_sent_is_blotted_out),
	    WORLD_TEST(test_token_that_cannot_be_served_is_explained),
	    WORLD_TEST(test_request_that_cannot_start_is_a_failure),
	    WORLD_TEST(test_in_use_is_replaced_before_it_runs_out),
	    WORLD_TEST(test_dead_endpoint_is_not_hammered),
	    WORLD_TEST(test_expired_token_is_never_served),
	    WORLD_TEST(test_wall_clock_steps_move_nothing),
	    WORLD_TEST(test_what_ran_out_in_sleep_is_not_served),
	    WORLD_TEST(test_an_answer_that_slept_is_not_taken_for_new),
	    WORLD_TEST(test_a_pause_ends_in_sleep),
	    WORLD_TEST(test_daily_refresh_of_an_idle_account),
	    WORLD_TEST(test_refused_token_is_replaced_once),
	    WORLD_TEST(test_forced_refresh_tells_how_it_went),
	    WORLD_TEST(test_stop_answers_and_lets_the_request_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
