/* The broker on fakes, with more accounts than may ask at once: the pace at which their requests go out. */
#include "tests/unit/broker_world.h"

#define ACCOUNTS 700 /* in half an hour, a third faster: 31 a minute, and five seconds' worth of that at once */
#define MINUTE_MS 60000
#define AT_ONCE_MIN 2
#define AT_ONCE_MAX 4
#define WAITED_FOR 600 /* in 25 seconds */

static const char *name_of(int i)
{
	static char name[64];

	snprintf(name, sizeof(name), "u%d@contoso.com", i);
	return name;
}

static void configure_many(struct world *world, const char *more)
{
	static char text[ACCOUNTS * 80 + 4096];
	size_t len =
	    (size_t)snprintf(text, sizeof(text),
			     CONF_CLIENT_OPEN "client_id = \"" CLIENT_ID "\" "
					      "client_secret_file = \"%%s\" token_endpoint = \"" ENDPOINT "\" %s }\n",
			     more);

	for (int i = 0; i < ACCOUNTS; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "account \"%s\" { client = \"contoso\" }\n",
					name_of(i));
	configure_well(world, text);
}

/* All of them are due, and the first few are in flight. */
static void begin(struct world *world)
{
	char token[32];

	for (int i = 0; i < ACCOUNTS; i++) {
		snprintf(token, sizeof(token), "RT-%d.", i);
		fake_store_put(world->store, name_of(i), CLIENT_ID, token);
	}
	configure_many(world, "");
	fake_loop_turn(world->loop);
	assert_in_range(fake_http_started(world->http), AT_ONCE_MIN, AT_ONCE_MAX);
}

static bool in_flight(const struct world *world, const char *token)
{
	return strstr(fake_http_body(world->http), token) != NULL;
}

static void answer_all(struct world *world)
{
	while (fake_http_in_flight(world->http) > 0)
		fake_http_answer(world->http, 200, token_answer("AT-1", NULL, 3600));
}

/* Nor is it over sooner than it need be; with few accounts, it is at once. */
static void test_a_start_is_no_herd(void **state)
{
	struct world *world = *state;
	unsigned before;

	begin(world);
	for (int minute = 1; minute <= 10; minute++) {
		before = fake_http_started(world->http);
		fake_loop_advance(world->loop, MINUTE_MS);
		assert_in_range(fake_http_started(world->http) - before, 30, 32);
	}
	fake_loop_advance(world->loop, 14 * MINUTE_MS);
	assert_int_equal(fake_http_started(world->http), ACCOUNTS);
}

static void test_a_reload_counts_the_accounts_anew(void **state)
{
	struct world *world = *state;

	configure_well(world, CONF_CLIENT CONF_RELAY);
	begin(world);
}

static void test_who_is_waited_for_goes_at_once(void **state)
{
	struct world *world = *state;
	struct asked asked;

	begin(world);
	answer_all(world);
	ask(world, broker_token, name_of(699), &asked);
	assert_int_equal(fake_http_in_flight(world->http), 1);
	assert_true(in_flight(world, "RT-699."));
	fake_http_answer(world->http, 200, token_answer("AT-699", NULL, 3600));
	expect_answer(world, &asked, "OK AT-699");
}

/* While more are asked for than can go, the last are told to come back, and why; the others stand back. */
static void test_too_many_who_wait_are_told(void **state)
{
	struct world *world = *state;
	static struct asked asked[ACCOUNTS];

	begin(world);
	for (int i = 0; i < ACCOUNTS; i++)
		ask(world, broker_token, name_of(i), &asked[i]);
	for (int second = 0; second < 25; second++)
		fake_loop_advance(world->loop, 1000);
	assert_in_range(fake_http_started(world->http), WAITED_FOR - 1, WAITED_FOR + AT_ONCE_MAX);
	expect_answer(world, &asked[400], "TEMP the token endpoint has not answered yet");
	expect_answer(world, &asked[699], "TEMP many accounts want a token at once, and its turn has not come yet");
}

static void test_an_administrator_does_not_wait(void **state)
{
	struct world *world = *state;
	struct asked asked;

	begin(world);
	answer_all(world);
	ask(world, broker_refresh, name_of(698), &asked);
	assert_int_equal(fake_http_in_flight(world->http), 1);
	assert_true(in_flight(world, "RT-698."));
	fake_http_answer(world->http, 200, token_answer("AT-2", NULL, 3600));
	expect_answer(world, &asked, "OK token good for 3600 s");
}

static void test_what_is_forgotten_is_not_sent(void **state)
{
	struct world *world = *state;

	begin(world);
	for (int i = 0; i < ACCOUNTS; i++)
		expect(world, broker_forget, name_of(i), "OK*");
	assert_int_equal(fake_http_in_flight(world->http), 0);
	fake_loop_advance(world->loop, MINUTE_MS);
	assert_in_range(fake_http_started(world->http), AT_ONCE_MIN, AT_ONCE_MAX);
}

/* A reload keeps everybody's place, and what is sent then is what the new settings say. */
static void test_a_reload_is_no_herd(void **state)
{
	struct world *world = *state;
	struct asked asked;
	unsigned before;

	begin(world);
	before = fake_http_started(world->http);
	configure_many(world, "scope = \"https://outlook.office.com/IMAP.AccessAsUser.All\"");
	fake_loop_turn(world->loop);
	assert_int_equal(fake_http_started(world->http), before);
	answer_all(world);
	ask(world, broker_token, name_of(699), &asked);
	assert_int_equal(fake_http_in_flight(world->http), 1);
	assert_true(in_flight(world, "RT-699."));
	assert_non_null(strstr(fake_http_body(world->http), "IMAP.AccessAsUser.All"));
	fake_loop_advance(world->loop, MINUTE_MS);
	assert_in_range(fake_http_started(world->http) - before, 30, 33);
}

static void test_nothing_is_sent_while_stopping(void **state)
{
	struct world *world = *state;
	struct asked asked;

	begin(world);
	ask(world, broker_token, name_of(699), &asked);
	broker_stop(world->broker);
	assert_string_equal(asked.text, "tokend is stopping; ask again when it is back");
	fake_loop_advance(world->loop, MINUTE_MS);
	assert_in_range(fake_http_started(world->http), AT_ONCE_MIN + 1, AT_ONCE_MAX + 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_a_start_is_no_herd, set_up_world, tear_down_world),
	    cmocka_unit_test_setup_teardown(test_a_reload_counts_the_accounts_anew, set_up_world, tear_down_world),
	    cmocka_unit_test_setup_teardown(test_who_is_waited_for_goes_at_once, set_up_world, tear_down_world),
	    cmocka_unit_test_setup_teardown(test_too_many_who_wait_are_told, set_up_world, tear_down_world),
	    cmocka_unit_test_setup_teardown(test_an_administrator_does_not_wait, set_up_world, tear_down_world),
	    cmocka_unit_test_setup_teardown(test_what_is_forgotten_is_not_sent, set_up_world, tear_down_world),
	    cmocka_unit_test_setup_teardown(test_a_reload_is_no_herd, set_up_world, tear_down_world),
	    cmocka_unit_test_setup_teardown(test_nothing_is_sent_while_stopping, set_up_world, tear_down_world),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
