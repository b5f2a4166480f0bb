/* The broker with fakes in place of loop, network and disk: what it does when, and in which order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/jsondoc.h"
#include "daemon/log.h"
#include "fake_doors.h"
#include "tokend/broker.h"

#define NAME "relay@contoso.com"
#define GOOD "{\"token_type\":\"Bearer\",\"expires_in\":3600,\"access_token\":\"AT-1\",\"refresh_token\":\"RT-2\"}"

static struct broker *broker;

struct asker {
	struct broker_wait *wait;
	int answers;
	enum wire_result result;
	char text[512];
};

static int set_up(void **state)
{
	char path[] = "/tmp/test_broker.XXXXXX";
	int fd = mkstemp(path);
	struct settings *settings;
	struct err err = {0};
	FILE *file = fdopen(fd, "w");

	(void)state;
	fprintf(
	    file,
	    "client \"c\" { provider = \"generic\" token_endpoint = \"https://login.test/token\" client_id = \"c-77\"\n"
	    " relayhost = \"[smtp.test]:587\" scope = \"send\" }\n"
	    "account \"" NAME "\" { client = \"c\" grant = \"refresh_token\" min_validity = 60 }\n");
	fclose(file);
	fake_reset();
	fake_store("RT-1", "c-77");
	broker = broker_new(loop_new(NULL), NULL, NULL, &err);
	if (settings_load(path, &settings, &err) != 0 || broker_configure(broker, settings, &err) != 0) {
		fprintf(stderr, "%s\n", err.text);
		return -1;
	}
	return unlink(path);
}

static int tear_down(void **state)
{
	(void)state;
	broker_free(broker);
	return 0;
}

static void on_answer(void *arg, const struct broker_answer *answer)
{
	struct asker *asker = arg;

	asker->wait = NULL;
	asker->answers++;
	asker->result = answer->result;
	snprintf(asker->text, sizeof asker->text, "%s", answer->text.data != NULL ? answer->text.data : "");
}

static void ask(broker_map *map, const char *key, struct asker *asker)
{
	struct broker_question question = {.key = key, .key_len = strlen(key), .cb = on_answer, .arg = asker};
	struct broker_answer now = {.text = BUF_INIT(WIRE_REPLY_MAX)};

	memset(asker, 0, sizeof *asker);
	asker->wait = map(broker, &question, &now);
	if (asker->wait == NULL)
		on_answer(asker, &now);
	buf_free(&now.text);
}

static void twenty_share_one_request(void **state)
{
	struct asker askers[20];

	(void)state;
	for (int i = 0; i < 20; i++)
		ask(broker_token, NAME, &askers[i]);
	assert_int_equal(1, fake_requests());
	assert_non_null(strstr(fake_body(), "refresh_token=RT-1"));
	fake_answer(200, GOOD);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(1, askers[i].answers);
		assert_int_equal(WIRE_OK, askers[i].result);
		assert_string_equal("AT-1", askers[i].text);
	}
	assert_string_equal("RT-2", fake_stored());
}

/* What the disk holds when the access token is served must be the newer refresh token already. */
static void on_served(void *arg, const struct broker_answer *answer)
{
	on_answer(arg, answer);
	assert_string_equal("RT-2", fake_stored());
}

static void refresh_token_is_on_disk_before_the_access_token_is_served(void **state)
{
	struct asker asker = {0};
	struct broker_question question = {.key = NAME, .key_len = strlen(NAME), .cb = on_served, .arg = &asker};
	struct broker_answer now = {.text = BUF_INIT(WIRE_REPLY_MAX)};

	(void)state;
	assert_non_null(broker_token(broker, &question, &now));
	fake_answer(200, GOOD);
	assert_int_equal(1, asker.answers);
}

static void disk_that_fails_stops_no_mail_and_is_tried_again(void **state)
{
	struct asker asker;

	(void)state;
	fake_disk_fails(true);
	ask(broker_token, NAME, &asker);
	fake_answer(200, GOOD);
	assert_int_equal(WIRE_OK, asker.result);
	assert_string_equal("RT-1", fake_stored());
	ask(broker_status, NAME, &asker);
	assert_non_null(strstr(asker.text, "\"unsaved\":true"));
	fake_disk_fails(false);
	fake_pass(6 * 60 * 1000);
	assert_string_equal("RT-2", fake_stored());
	ask(broker_status, NAME, &asker);
	assert_non_null(strstr(asker.text, "\"unsaved\":false"));
}

static void token_in_use_is_replaced_at_half_its_life(void **state)
{
	struct asker asker;

	(void)state;
	ask(broker_token, NAME, &asker);
	fake_answer(200, GOOD);
	for (int minute = 0; minute < 26; minute++) {
		fake_pass(60 * 1000);
		ask(broker_token, NAME, &asker);
	}
	assert_int_equal(1, fake_requests());
	fake_pass(5 * 60 * 1000);
	assert_int_equal(2, fake_requests());
	ask(broker_token, NAME, &asker); /* the old one is good still */
	assert_int_equal(WIRE_OK, asker.result);
	assert_non_null(strstr(fake_body(), "refresh_token=RT-2"));
}

static void pass_answering(int64_t minutes)
{
	for (; minutes > 0; minutes--) {
		fake_pass(60 * 1000);
		while (fake_in_flight() > 0)
			fake_answer(200, GOOD);
	}
}

static void idle_account_is_refreshed_once_a_day(void **state)
{
	struct asker asker;
	int before;

	(void)state;
	ask(broker_token, NAME, &asker);
	fake_answer(200, GOOD);
	pass_answering(3 * 60); /* out of use by then */
	before = fake_requests();
	pass_answering(48 * 60);
	assert_in_range(fake_requests() - before, 2, 3);
}

static void dead_endpoint_is_not_hammered(void **state)
{
	struct asker asker;
	int answered = 0;

	(void)state;
	for (int second = 0; second < 600; second++) {
		ask(broker_token, NAME, &asker);
		while (fake_in_flight() > 0) {
			fake_answer(503, "");
			answered++;
		}
		assert_int_equal(WIRE_TEMP, asker.result);
		fake_pass(1000);
	}
	assert_in_range(answered, 5, 14);
	assert_string_equal("RT-1", fake_stored());
}

static void retry_after_is_kept(void **state)
{
	struct asker asker;

	(void)state;
	ask(broker_token, NAME, &asker);
	fake_answer_later(429, "Too Many Requests", 300);
	fake_pass(299 * 1000);
	assert_int_equal(1, fake_requests());
	fake_pass(2 * 1000);
	assert_int_equal(2, fake_requests());
}

static void lost_grant_keeps_the_stored_token(void **state)
{
	struct asker asker;

	(void)state;
	ask(broker_token, NAME, &asker);
	fake_answer(400, "{\"error\":\"invalid_grant\",\"error_description\":\"AADSTS700082: RT-1 is over\"}");
	assert_int_equal(WIRE_TEMP, asker.result);
	assert_non_null(strstr(asker.text, "mailbearer import " NAME));
	assert_string_equal("RT-1", fake_stored());
}

static void one_who_leaves_is_not_called(void **state)
{
	struct asker asker;

	(void)state;
	ask(broker_token, NAME, &asker);
	assert_non_null(asker.wait);
	broker_cancel(asker.wait);
	fake_answer(200, GOOD);
	assert_int_equal(0, asker.answers);
}

static void nobody_waits_longer_than_25_seconds(void **state)
{
	struct asker asker;

	(void)state;
	ask(broker_token, NAME, &asker);
	fake_pass(24 * 1000);
	assert_int_equal(0, asker.answers);
	fake_pass(2 * 1000);
	assert_int_equal(1, asker.answers);
	assert_int_equal(WIRE_TEMP, asker.result);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(twenty_share_one_request),
	    TEST(refresh_token_is_on_disk_before_the_access_token_is_served),
	    TEST(disk_that_fails_stops_no_mail_and_is_tried_again),
	    TEST(token_in_use_is_replaced_at_half_its_life),
	    TEST(idle_account_is_refreshed_once_a_day),
	    TEST(dead_endpoint_is_not_hammered),
	    TEST(retry_after_is_kept),
	    TEST(lost_grant_keeps_the_stored_token),
	    TEST(one_who_leaves_is_not_called),
	    TEST(nobody_waits_longer_than_25_seconds),
	};

	jsondoc_init();
	log_open("test_broker", LOG_TO_STDERR, false);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
