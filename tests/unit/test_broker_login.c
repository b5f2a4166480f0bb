/* Signing in on fakes of the doors: what is sent, what is kept, and that whatever goes wrong leaves the account alone.
 */
#include "tests/unit/broker_world.h"

#include "daemon/jsondoc.h"
#include "tokend/consent.h"

#define AUTHORIZE "https://login.example/authorize"
#define ID "AAAAAAAAAAAAAAAA"                               /* the fake's randomness is all zeros */
#define STATE "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" /* 43 of them */
#define BACK "http://localhost/?code=THE-CODE&state=" STATE
#define PENDING "{\"error\":\"authorization_pending\",\"error_description\":\"AADSTS70016: pending\"}"
#define DEVICE                                                                                                         \
	"{\"device_code\":\"THE-DEVICE-CODE\",\"user_code\":\"ABCD\",\"verification_uri\":\"https://m.test/d\","       \
	"\"expires_in\":600,\"interval\":5}"
#define CONF                                                                                                           \
	CONF_CLIENT_OPEN "client_id = \"" CLIENT_ID "\" client_secret_file = \"%s\" token_endpoint = \"" ENDPOINT      \
			 "\" authorization_endpoint = \"" AUTHORIZE                                                    \
			 "\" device_authorization_endpoint = \"https://login.example/device\" }\n" CONF_RELAY

/* A provider that names itself in its answers: RFC 9207. */
#define CONF_NAMED                                                                                                     \
	"client \"contoso\" { provider = \"generic\" relayhost = \"[smtp.test]:587\" client_id = \"" CLIENT_ID         \
	"\" client_secret_file = \"%s\" metadata_url = \"https://i.test/.well-known/openid-configuration\" "           \
	"}\n" CONF_RELAY
#define NAMED                                                                                                          \
	"{\"issuer\":\"https://i.test\",\"token_endpoint\":\"https://i.test/t\",\"authorization_endpoint\":"           \
	"\"https://i.test/a\",\"authorization_response_iss_parameter_supported\":true}"

static int copies_left = -1; /* strdup() works so often; -1: always */

char *__wrap_strdup(const char *text);
char *__real_strdup(const char *text);

char *__wrap_strdup(const char *text)
{
	if (copies_left == 0)
		return NULL;
	copies_left -= copies_left > 0;
	return __real_strdup(text);
}

/* The account works, with "RT-1" on disk and "AT-1" served. */
static struct world *working_world(void **state)
{
	struct world *world = *state;

	fake_store_put(world->store, RELAY, CLIENT_ID, "RT-1");
	configure_well(world, CONF);
	get_token(world, "AT-1", 3600);
	fake_log_reset();
	return world;
}

static void expect_unchanged(struct world *world)
{
	expect(world, broker_token, RELAY, "OK AT-1");
	assert_string_equal("RT-1", fake_store_token(world->store, RELAY));
	assert_int_equal(0, fake_http_in_flight(world->http));
	assert_false(fake_log_shows("THE-CODE"));
}

static void start_paste(struct world *world)
{
	expect(world, broker_login, RELAY " start paste",
	       "OK {\"id\":\"" ID "\",\"by\":\"paste\",\"state\":\"pending\"*");
}

static void bring(struct world *world, struct asked *asked)
{
	start_paste(world);
	ask(world, broker_login, RELAY " answer " ID " " BACK, asked);
	assert_non_null(asked->wait);
	assert_int_equal(1, fake_http_in_flight(world->http));
}

static void what_is_sent_and_what_is_kept(void **state)
{
	struct world *world = working_world(state);
	struct asked asked;

	bring(world, &asked);
	assert_string_equal(ENDPOINT, fake_http_url(world->http));
	assert_string_equal("grant_type=authorization_code&code=THE-CODE&redirect_uri=http%3A%2F%2Flocalhost"
			    "&code_verifier=" STATE "&client_id=" CLIENT_ID
			    "&client_secret=the%2Bclient%2Fsecret%3D%26%25~",
			    fake_http_body(world->http));
	fake_http_answer(world->http, 200, token_answer("AT-2", "RT-2", 3600));
	expect_answer(world, &asked, "OK {\"id\":\"" ID "\",\"by\":\"paste\",\"state\":\"done\"*");
	assert_string_equal("RT-2", fake_store_token(world->store, RELAY));
	expect(world, broker_token, RELAY, "OK AT-2");
	assert_true(fake_log_says(EVENT_GRANT_SAVED, RELAY));
	assert_false(fake_log_shows("THE-CODE") || fake_log_shows("RT-2") || fake_log_shows("AT-2"));
	expect(world, broker_login, RELAY " wait " ID, "OK {*"); /* for who has missed it */
}

static void the_address_is_whole(void **state)
{
	struct world *world = working_world(state);
	struct asked asked;

	ask(world, broker_login, RELAY " start browser", &asked);
	fake_loop_advance(world->loop, 1000);
	assert_int_equal(1, asked.answers);
	assert_non_null(strstr(asked.text, "\"address\":\"" AUTHORIZE "?client_id=" CLIENT_ID
					   "&response_type=code&redirect_uri=http%3A%2F%2Flocalhost%3A"));
	assert_non_null(strstr(asked.text, "SMTP.Send%20offline_access%20openid%20profile&state=" STATE));
	assert_non_null(strstr(asked.text, "&login_hint=relay%40contoso.com&response_mode=query"));
	expect(world, broker_login, RELAY " cancel " ID, "OK cancelled");
	expect_unchanged(world);
}

/* The provider's document has come, after `copies` copies of texts. */
static void start_named(struct world *world, int copies)
{
	struct asked asked;

	ask(world, broker_login, RELAY " start paste", &asked);
	copies_left = copies;
	fake_http_answer(world->http, 200, NAMED);
	copies_left = -1;
	fake_loop_turn(world->loop);
	assert_int_equal(1, asked.answers);
}

static void an_answer_is_of_the_provider_that_was_asked(void **state)
{
	static const char *const wrong[] = {"", "&iss=https%3A%2F%2Fother.test", "&iss=https%3A%2F%2Fi.test%2F"};
	struct world *world = *state;
	struct asked asked;
	char question[512];

	configure_well(world, CONF_NAMED);
	start_named(world, -1);
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		snprintf(question, sizeof question, "%s answer %s %s%s", RELAY, ID, BACK, wrong[i]);
		expect(world, broker_login, question, "PERM not signed in, and nothing was changed: other_issuer*");
		ask(world, broker_login, RELAY " start paste", &asked);
		fake_loop_turn(world->loop);
	}
	ask(world, broker_login, RELAY " answer " ID " " BACK "&iss=https%3A%2F%2Fi.test", &asked);
	assert_string_equal("https://i.test/t", fake_http_url(world->http));
	broker_cancel(asked.wait);
}

/* The document itself takes three copies. */
static void who_was_asked_is_not_forgotten(void **state)
{
	struct world *world = *state;

	configure_well(world, CONF_NAMED);
	start_named(world, 3);
	expect(world, broker_login, RELAY " answer " ID " " BACK, "OK {\"state\":\"again\"*");
	assert_int_equal(0, fake_http_in_flight(world->http));
}

static void a_disk_that_fails_costs_nothing(void **state)
{
	struct world *world = working_world(state);
	struct asked asked;

	bring(world, &asked);
	fake_store_fail(world->store, true);
	fake_http_answer(world->http, 200, token_answer("AT-2", "RT-2", 3600));
	expect_answer(world, &asked, "TEMP not signed in, and nothing was changed: not_saved*");
	fake_store_fail(world->store, false);
	expect_unchanged(world);
}

/* It works, and it is the person's last word: taken over, and said not to be on disk. */
static void a_disk_that_hangs_has_it_later(void **state)
{
	struct world *world = working_world(state);
	struct asked asked;

	bring(world, &asked);
	fake_store_hold(world->store, true);
	fake_store_hang(world->store, true);
	fake_http_answer(world->http, 200, token_answer("AT-2", "RT-2", 3600));
	expect_answer(world, &asked, "TEMP the new refresh token works, but could not be saved*");
	expect(world, broker_token, RELAY, "OK AT-2");
	fake_store_hang(world->store, false);
	fake_store_hold(world->store, false);
	fake_loop_turn(world->loop);
	assert_string_equal("RT-2", fake_store_token(world->store, RELAY));
}

#define SIGNED_IN_AS(payload)                                                                                          \
	"{\"token_type\":\"Bearer\",\"access_token\":\"opaque\",\"expires_in\":3600,\"refresh_token\":\"RT-2\","       \
	"\"id_token\":\"e30." payload ".\"}"
#define UPN_RELAY "eyJ1cG4iOiJyZWxheUBjb250b3NvLmNvbSJ9" /* {"upn":"relay@contoso.com"} */
#define UPN_BOSS "eyJ1cG4iOiJib3NzQGNvbnRvc28uY29tIn0"   /* {"upn":"boss@contoso.com"} */

static void who_signed_in_is_told_by_the_id_token_where_the_other_is_opaque(void **state)
{
	struct world *world = working_world(state);
	struct asked asked;

	bring(world, &asked);
	fake_http_answer(world->http, 200, SIGNED_IN_AS(UPN_RELAY));
	expect_answer(world, &asked, "OK *");
	assert_int_equal(fake_log_count(EVENT_OTHER_MAILBOX), 0);
	bring(world, &asked);
	fake_http_answer(world->http, 200, SIGNED_IN_AS(UPN_BOSS));
	expect_answer(world, &asked, "OK *");
	assert_int_equal(fake_log_count(EVENT_OTHER_MAILBOX), 1);
	assert_true(fake_log_says(EVENT_OTHER_MAILBOX, "signed_in_as=boss@contoso.com"));
}

static void answers_that_hold_no_grant(void **state)
{
	static const struct {
		int status;
		const char *body, *said;
	} rows[] = {
	    {400, "{\"error\":\"invalid_grant\",\"error_description\":\"AADSTS70008: too late\"}", "PERM *"},
	    {503, "", "TEMP *"},
	    {200, "{\"token_type\":\"Bearer\",\"access_token\":\"AT-2\",\"expires_in\":3600}",
	     "PERM not signed in, and nothing was changed: no_refresh_token*"},
	    {200, "{}", "TEMP *"},
	};
	struct world *world = working_world(state);
	struct asked asked;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		bring(world, &asked);
		fake_http_answer(world->http, rows[i].status, rows[i].body);
		expect_answer(world, &asked, rows[i].said);
		expect_unchanged(world);
	}
	assert_int_equal(sizeof rows / sizeof *rows, fake_log_count(EVENT_LOGIN_FAILED));
}

static void what_is_no_answer_is_asked_for_again(void **state)
{
	static const char *const rows[] = {"", "nonsense", "http://localhost/?code=x",
					   "http://localhost/?code=x&state=A",
					   ("http://localhost/?error=access_denied&state=B" STATE)};
	struct world *world = working_world(state);
	char question[256];

	start_paste(world);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		snprintf(question, sizeof question, RELAY " answer " ID " %s", rows[i]);
		expect(world, broker_login, question, "OK {\"state\":\"again\"*");
	}
	expect(world, broker_login, RELAY " answer " ID " http://localhost/?error=access_denied&state=" STATE "#",
	       "PERM not signed in, and nothing was changed: access_denied; sign in again*");
	expect_unchanged(world);
}

static void silence_ends_it(void **state)
{
	struct world *world = working_world(state);

	start_paste(world);
	fake_loop_advance(world->loop, CONSENT_SILENCE_MS - 1);
	assert_int_equal(0, fake_log_count(EVENT_LOGIN_FAILED));
	fake_loop_advance(world->loop, 1);
	assert_true(fake_log_says(EVENT_LOGIN_FAILED, "abandoned"));
	expect(world, broker_login, RELAY " answer " ID " " BACK, "OK {\"state\":\"again\"*");
	fake_loop_advance(world->loop, 2 * CONSENT_SILENCE_MS);
	expect(world, broker_login, RELAY " wait " ID, "PERM this sign-in is over*");
	expect_unchanged(world);
}

static void a_second_one_ends_the_first(void **state)
{
	struct world *world = working_world(state);
	struct asked first;

	ask(world, broker_login, RELAY " start device", &first);
	assert_int_equal(1, fake_http_in_flight(world->http));
	fake_loop_set_random(world->loop, 1);
	expect(world, broker_login, RELAY " start paste", "OK {\"id\":\"AQEB*");
	expect_answer(world, &first, "TEMP not signed in, and nothing was changed: another*");
	expect(world, broker_login, RELAY " wait " ID, "PERM this sign-in is over: another*");
	expect(world, broker_login, RELAY " cancel AQEBAQEBAQEBAQEB", "OK cancelled");
	expect_unchanged(world);
}

static void a_device_is_polled_for(void **state)
{
	struct world *world = working_world(state);
	struct asked asked;

	ask(world, broker_login, RELAY " start device", &asked);
	assert_string_equal("https://login.example/device", fake_http_url(world->http));
	fake_http_answer(world->http, 200, DEVICE);
	expect_answer(world, &asked,
		      "OK {\"id\":\"" ID "\",\"by\":\"device\",\"state\":\"pending\",\"expires_in\":600,"
		      "\"user_code\":\"ABCD\",\"verification_uri\":\"https://m.test/d\"*");
	assert_null(strstr(asked.text, "THE-DEVICE-CODE"));
	fake_loop_advance(world->loop, 4999);
	assert_int_equal(0, fake_http_in_flight(world->http));
	fake_loop_advance(world->loop, 1);
	assert_non_null(strstr(fake_http_body(world->http), "device_code=THE-DEVICE-CODE&client_id="));
	fake_http_answer(world->http, 400, PENDING);
	ask(world, broker_login, RELAY " wait " ID, &asked);
	fake_loop_advance(world->loop, 5000);
	assert_int_equal(1, asked.answers);
	fake_http_answer(world->http, 200, token_answer("AT-2", "RT-2", 3600));
	expect(world, broker_login, RELAY " wait " ID, "OK {\"id\":\"" ID "\",\"by\":\"device\",\"state\":\"done\"*");
	assert_string_equal("RT-2", fake_store_token(world->store, RELAY));
	expect(world, broker_token, RELAY, "OK AT-2");
}

static void a_stop_waits_for_the_grant(void **state)
{
	struct world *world = working_world(state);
	struct asked asked;

	bring(world, &asked);
	broker_stop(world->broker);
	assert_true(broker_busy(world->broker));
	assert_int_equal(WIRE_TEMP, asked.result);
	fake_http_answer(world->http, 200, token_answer("AT-2", "RT-2", 3600));
	assert_false(broker_busy(world->broker));
	assert_string_equal("RT-2", fake_store_token(world->store, RELAY));
}

static void only_so_many_run_at_a_time(void **state)
{
	struct world *world = *state;
	struct buf conf = BUF_INIT(65536);
	char question[64];

	buf_puts(&conf, CONF);
	for (int i = 0; i < 33; i++)
		buf_printf(&conf, "account \"u%d@contoso.com\" { client = \"contoso\" }\n", i);
	configure_well(world, conf.data);
	buf_free(&conf);
	for (int i = 0; i < 33; i++) {
		snprintf(question, sizeof question, "u%d@contoso.com start paste", i);
		expect(world, broker_login, question, i < 32 ? "OK *" : "TEMP 32 sign-ins are running already*");
	}
	expect(world, broker_login, "u0@contoso.com cancel " ID, "OK cancelled");
	expect(world, broker_login, "u32@contoso.com start paste", "OK *");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(what_is_sent_and_what_is_kept),
	    WORLD_TEST(the_address_is_whole),
	    WORLD_TEST(a_disk_that_fails_costs_nothing),
	    WORLD_TEST(a_disk_that_hangs_has_it_later),
	    WORLD_TEST(who_signed_in_is_told_by_the_id_token_where_the_other_is_opaque),
	    WORLD_TEST(answers_that_hold_no_grant),
	    WORLD_TEST(what_is_no_answer_is_asked_for_again),
	    WORLD_TEST(silence_ends_it),
	    WORLD_TEST(a_second_one_ends_the_first),
	    WORLD_TEST(a_device_is_polled_for),
	    WORLD_TEST(a_stop_waits_for_the_grant),
	    WORLD_TEST(only_so_many_run_at_a_time),
	    WORLD_TEST(an_answer_is_of_the_provider_that_was_asked),
	    WORLD_TEST(who_was_asked_is_not_forgotten),
	};

	jsondoc_init();
	return cmocka_run_group_tests_name("broker_login", tests, NULL, NULL);
}
