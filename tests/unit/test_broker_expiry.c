/* The broker's warnings: in the log once a day, in the status always; and what is kept of a refresh token's end. */
#include "daemon/jsondoc.h"
#include "tests/unit/broker_world.h"

#define MINUTE_MS (60 * 1000LL)
#define DAY_MS (24 * 60 * MINUTE_MS)

/* The fake's time begins on 2027-01-15. */
#define CONF_ENDING                                                                                                    \
	CONF_CLIENT_OPEN "client_id = \"" CLIENT_ID "\" client_secret_file = \"%s\" token_endpoint = \"" ENDPOINT      \
			 "\" client_secret_expires = \"2027-02-20\" }\n" CONF_RELAY

#define GOOGLE                                                                                                         \
	"client \"g\" { provider = \"google\" client_id = \"" CLIENT_ID "\" client_secret_file = \"%s\" }\n"           \
	"account \"" RELAY "\" { client = \"g\" grant = \"refresh_token\" }\n"

static void pass_days(struct world *world, int days)
{
	for (int hour = 0; hour < days * 24; hour++) {
		fake_loop_advance(world->loop, 60 * MINUTE_MS);
		while (fake_http_in_flight(world->http) > 0)
			fake_http_answer(world->http, 200, token_answer("AT-x", NULL, 3600));
	}
}

static bool status_says(struct world *world, const char *text)
{
	struct asked asked;

	ask(world, broker_status, RELAY, &asked);
	return strstr(asked.text, text) != NULL;
}

static void test_a_secret_is_warned_of_once_a_day(void **state)
{
	struct world *world = *state;

	fake_store_put(world->store, RELAY, CLIENT_ID, "RT-1");
	configure_well(world, CONF_ENDING);
	get_token(world, "AT-1", 3600);
	pass_days(world, 5);
	assert_int_equal(0, fake_log_count(EVENT_EXPIRES_SOON));
	assert_true(status_says(world, "\"warnings\":[]"));
	pass_days(world, 3);
	assert_in_range(fake_log_count(EVENT_EXPIRES_SOON), 2, 3);
	assert_true(fake_log_says(EVENT_EXPIRES_SOON, "2027-02-20"));
	assert_true(fake_log_says(EVENT_EXPIRES_SOON, "client_secret_file"));
	assert_true(status_says(world, "\"what\":\"client_secret\",\"ends_at\":1803081600"));
}

static void test_the_end_that_the_provider_tells_is_kept(void **state)
{
	struct world *world = *state;
	struct asked asked;
	unsigned saves;

	fake_store_put(world->store, RELAY, CLIENT_ID, "RT-1");
	configure_well(world, GOOGLE);
	ask(world, broker_refresh, RELAY, &asked);
	saves = fake_store_saves(world->store);
	fake_http_answer(world->http, 200,
			 "{\"access_token\":\"AT-1\",\"token_type\":\"Bearer\",\"expires_in\":3599,"
			 "\"refresh_token_expires_in\":86400}");
	fake_loop_turn(world->loop);
	assert_int_equal(saves + 1, fake_store_saves(world->store));
	assert_true(status_says(world, "\"what\":\"refresh_token\",\"ends_at\":18000864"));
	ask(world, broker_refresh, RELAY, &asked);
	fake_loop_advance(world->loop, 2000);
	fake_http_answer(world->http, 200,
			 "{\"access_token\":\"AT-2\",\"token_type\":\"Bearer\",\"expires_in\":3599,"
			 "\"refresh_token_expires_in\":86400}");
	fake_loop_turn(world->loop); /* whoever asked is told, while there is somebody */
	assert_int_equal(saves + 1, fake_store_saves(world->store)); /* the same end */
}

/* Is that told of a grant that is lost these days after the sign-in? */
static bool is_explained(struct world *world, int days)
{
	struct asked asked;

	configure_well(world, GOOGLE);
	ask(world, broker_import, RELAY " RT-1", &asked);
	fake_http_answer(world->http, 200, token_answer("AT-1", NULL, 3600));
	pass_days(world, days);
	ask(world, broker_refresh, RELAY, &asked);
	fake_http_answer(world->http, 400,
			 "{\"error\":\"invalid_grant\",\"error_description\":\"Token has been expired or revoked.\"}");
	fake_loop_turn(world->loop);
	assert_int_equal(1, fake_log_count(EVENT_GRANT_LOST));
	assert_int_equal(fake_log_says(EVENT_GRANT_LOST, "Testing"), status_says(world, "publish it first"));
	return fake_log_says(EVENT_GRANT_LOST, "Testing");
}

static void test_a_grant_lost_within_days_is_explained(void **state)
{
	assert_true(is_explained(*state, 8)); /* the seven of the trial, and one in which nobody asked */
}

static void test_a_grant_lost_later_is_not(void **state)
{
	assert_false(is_explained(*state, 9));
}

static void test_disuse_is_warned_of_while_nothing_works(void **state)
{
	struct world *world = *state;
	struct asked asked;

	configure_well(world, CONF_CLIENT CONF_RELAY);
	ask(world, broker_import, RELAY " RT-1", &asked);
	fake_http_answer(world->http, 200, token_answer("AT-1", NULL, 3600));
	pass_days(world, 80); /* the same refresh token, used daily */
	assert_int_equal(0, fake_log_count(EVENT_EXPIRES_SOON));
	for (int day = 0; day < 62; day++) {
		fake_loop_advance(world->loop, DAY_MS);
		while (fake_http_in_flight(world->http) > 0)
			fake_http_answer(world->http, 503, "");
	}
	assert_in_range(fake_log_count(EVENT_EXPIRES_SOON), 1, 3);
	assert_true(fake_log_says(EVENT_EXPIRES_SOON, "disuse"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(test_a_secret_is_warned_of_once_a_day),
	    WORLD_TEST(test_the_end_that_the_provider_tells_is_kept),
	    WORLD_TEST(test_a_grant_lost_within_days_is_explained),
	    WORLD_TEST(test_a_grant_lost_later_is_not),
	    WORLD_TEST(test_disuse_is_warned_of_while_nothing_works),
	};

	jsondoc_init();
	return cmocka_run_group_tests_name("broker_expiry", tests, NULL, NULL);
}
