/* discovery.c on fakes: one fetch for all, a day's cache, stale while nothing better is to be had, pauses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/fake_http.h"
#include "tests/unit/fake_log.h"
#include "tests/unit/fake_loop.h"
#include "tokend/discovery.h"

#define HOUR_MS (60 * 60 * 1000)
#define URL "https://login.example/t/.well-known/openid-configuration"
#define DOCUMENT(n)                                                                                                    \
	"{\"issuer\":\"https://login.example/t\",\"token_endpoint\":\"https://login.example/t/token" n "\","           \
	"\"authorization_endpoint\":\"https://login.example/t/auth\"}"

struct world {
	struct loop *loop;
	struct http *http;
	struct discovery *discovery;
	struct settings_client client;
	struct discovery_source *source;
};

/* What a callback brought. */
struct told {
	unsigned times;
	char endpoint[128];
	struct err err;
};

static void on_told(void *arg, const struct oauth_metadata *metadata, const struct err *err)
{
	struct told *told = arg;

	told->times++;
	if (metadata != NULL)
		snprintf(told->endpoint, sizeof(told->endpoint), "%s", metadata->token_endpoint);
	else
		told->err = *err;
}

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	fake_log_reset();
	world->loop = loop_new(NULL);
	world->http = http_new(world->loop, NULL);
	world->discovery = discovery_new(world->loop, world->http);
	world->client = (struct settings_client){
	    .name = "contoso", .metadata_url = URL, .ca_file = "/ca.pem", .proxy = "http://proxy:3128", .timeout = 20};
	world->source = discovery_take(world->discovery, &world->client);
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	discovery_release(world->source);
	discovery_free(world->discovery);
	http_free(world->http);
	loop_free(world->loop);
	free(world);
	return 0;
}

static void learn(struct world *world)
{
	struct told told = {0};

	assert_non_null(discovery_ask(world->source, on_told, &told));
	fake_http_answer(world->http, 200, DOCUMENT(""));
	assert_int_equal(told.times, 1);
}

static void test_one_fetch_for_all_who_wait(void **state)
{
	struct world *world = *state;
	struct told a = {0}, b = {0};

	assert_null(discovery_known(world->source));
	discovery_ask(world->source, on_told, &a);
	discovery_ask(world->source, on_told, &b);
	assert_int_equal(fake_http_started(world->http), 1);
	assert_string_equal(fake_http_url(world->http), URL);
	assert_string_equal(fake_http_body(world->http), "");
	assert_string_equal(fake_http_proxy(world->http), "http://proxy:3128");
	assert_int_equal(a.times, 0);
	fake_http_answer(world->http, 200, DOCUMENT(""));
	assert_int_equal(a.times, 1);
	assert_int_equal(b.times, 1);
	assert_string_equal(b.endpoint, "https://login.example/t/token");
	assert_int_equal(fake_log_count(EVENT_DISCOVERED), 1);
}

static void test_known_is_told_later_when_asked(void **state)
{
	struct world *world = *state;
	struct told told = {0};

	learn(world);
	discovery_ask(world->source, on_told, &told);
	assert_int_equal(told.times, 0);
	fake_loop_turn(world->loop);
	assert_int_equal(told.times, 1);
	assert_int_equal(fake_http_started(world->http), 1);
}

static void test_same_document_is_shared(void **state)
{
	struct world *world = *state;
	struct settings_client other = world->client, elsewhere = world->client;
	struct discovery_source *same, *different;

	other.name = "other";
	elsewhere.ca_file = "/other.pem";
	learn(world);
	same = discovery_take(world->discovery, &other);
	different = discovery_take(world->discovery, &elsewhere);
	assert_ptr_equal(same, world->source);
	assert_non_null(discovery_known(same));
	assert_ptr_not_equal(different, world->source);
	assert_null(discovery_known(different));
	discovery_release(same);
	discovery_release(different);
	assert_non_null(discovery_known(world->source));
}

static void test_after_a_day_stale_is_served_and_replaced(void **state)
{
	struct world *world = *state;
	const struct oauth_metadata *known;

	learn(world);
	fake_loop_advance(world->loop, 23 * HOUR_MS);
	assert_non_null(discovery_known(world->source));
	assert_int_equal(fake_http_started(world->http), 1);
	fake_loop_advance(world->loop, HOUR_MS);
	known = discovery_known(world->source);
	assert_non_null(known);
	assert_string_equal(known->token_endpoint, "https://login.example/t/token");
	assert_non_null(discovery_known(world->source));
	assert_int_equal(fake_http_started(world->http), 2);
	fake_http_answer(world->http, 200, DOCUMENT("2"));
	known = discovery_known(world->source);
	assert_string_equal(known->token_endpoint, "https://login.example/t/token2");
	assert_int_equal(fake_http_in_flight(world->http), 0);
}

static void test_stale_outlives_a_failed_fetch(void **state)
{
	struct world *world = *state;

	learn(world);
	fake_loop_advance(world->loop, 24 * HOUR_MS);
	discovery_known(world->source);
	fake_http_answer(world->http, 503, "busy");
	assert_non_null(discovery_known(world->source));
	assert_int_equal(fake_http_in_flight(world->http), 0);       /* the pause */
	assert_int_equal(fake_log_count(EVENT_DISCOVERY_FAILED), 1); /* nobody waited, so it is logged here */
	assert_true(fake_log_says(EVENT_DISCOVERY_FAILED, "HTTP 503"));
	fake_loop_advance(world->loop, 2000);
	assert_non_null(discovery_known(world->source));
	assert_int_equal(fake_http_in_flight(world->http), 1);
}

static void test_failure_is_told_not_logged(void **state)
{
	struct world *world = *state;
	struct told told = {0};

	discovery_ask(world->source, on_told, &told);
	fake_http_no_answer(world->http, "could not resolve host login.example");
	assert_int_equal(told.times, 1);
	assert_int_equal(told.err.code, ERR_UNREACHABLE);
	assert_non_null(strstr(told.err.text, "could not resolve host"));
	assert_int_equal(fake_log_lines(), 0);
}

static void test_pause_answers_from_memory(void **state)
{
	struct world *world = *state;
	struct told first = {0}, second = {0}, third = {0};

	discovery_ask(world->source, on_told, &first);
	fake_http_answer(world->http, 500, "");
	discovery_ask(world->source, on_told, &second);
	assert_int_equal(fake_http_in_flight(world->http), 0);
	assert_int_equal(second.times, 0);
	fake_loop_turn(world->loop);
	assert_int_equal(second.times, 1);
	assert_string_equal(second.err.text, first.err.text);
	discovery_end_pause(world->source);
	discovery_ask(world->source, on_told, &third);
	assert_int_equal(fake_http_in_flight(world->http), 1);
	fake_http_answer(world->http, 200, DOCUMENT(""));
	assert_string_equal(third.endpoint, "https://login.example/t/token");
}

/* Asks, fails, and returns how long no fetch is begun. */
static int64_t pause_after_failure(struct world *world, int64_t retry_after)
{
	struct told told = {0};
	int64_t ms;

	discovery_end_pause(world->source);
	discovery_ask(world->source, on_told, &told);
	fake_http_answer_later(world->http, 503, "", retry_after);
	for (ms = 0; ms < 2 * HOUR_MS; ms += 250) {
		discovery_ask(world->source, on_told, &told);
		if (fake_http_in_flight(world->http) > 0)
			break;
		fake_loop_advance(world->loop, 250);
	}
	fake_http_answer(world->http, 503, "");
	return ms;
}

static void test_pauses_grow_to_five_minutes(void **state)
{
	struct world *world = *state;
	int64_t pause = pause_after_failure(world, -1);

	assert_in_range(pause, 750, 1250);
	assert_in_range(pause_after_failure(world, 100), 100000, 100250);
	for (int i = 0; i < 12; i++)
		pause = pause_after_failure(world, -1);
	assert_in_range(pause, 225000, 300000);
	assert_in_range(pause_after_failure(world, 100000), 225000, 300250);
}

static void test_unknown_tenant_is_named(void **state)
{
	struct world *world = *state;
	struct told told = {0};

	discovery_ask(world->source, on_told, &told);
	fake_http_answer(world->http, 400,
			 "{\"error\":\"invalid_tenant\",\"error_description\":\"AADSTS90002: Tenant not\"}");
	assert_int_equal(told.err.code, ERR_CONFIG);
	assert_non_null(strstr(told.err.text, "tenant not found"));
	assert_non_null(strstr(told.err.text, "contoso"));
}

static void test_document_must_prove_itself(void **state)
{
	struct world *world = *state;
	struct told told = {0};

	discovery_ask(world->source, on_told, &told);
	fake_http_answer(world->http, 200,
			 "{\"issuer\":\"https://evil.example/t\",\"token_endpoint\":\"https://evil.example/\"}");
	assert_int_equal(told.times, 1);
	assert_string_equal(told.endpoint, "");
	assert_null(discovery_known(world->source));
}

static void test_request_that_cannot_start_is_told_later(void **state)
{
	struct world *world = *state;
	struct told told = {0};

	fake_http_refuse(world->http, 1);
	assert_non_null(discovery_ask(world->source, on_told, &told));
	assert_int_equal(told.times, 0);
	fake_loop_turn(world->loop);
	assert_int_equal(told.times, 1);
	assert_non_null(strstr(told.err.text, "refuses"));
}

static void test_cancelled_is_not_told(void **state)
{
	struct world *world = *state;
	struct told gone = {0}, there = {0};
	struct discovery_wait *wait = discovery_ask(world->source, on_told, &gone);

	discovery_ask(world->source, on_told, &there);
	discovery_cancel(wait);
	fake_http_answer(world->http, 200, DOCUMENT(""));
	assert_int_equal(gone.times, 0);
	assert_int_equal(there.times, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_one_fetch_for_all_who_wait, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_known_is_told_later_when_asked, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_same_document_is_shared, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_after_a_day_stale_is_served_and_replaced, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_stale_outlives_a_failed_fetch, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_failure_is_told_not_logged, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_pause_answers_from_memory, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_pauses_grow_to_five_minutes, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_unknown_tenant_is_named, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_document_must_prove_itself, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_request_that_cannot_start_is_told_later, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_cancelled_is_not_told, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
