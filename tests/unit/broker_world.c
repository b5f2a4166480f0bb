/* What the tests of the broker share: see broker_world.h. */
#include <unistd.h>

#include "tests/unit/broker_world.h"

static void new_broker(struct world *world)
{
	struct err err = {.code = ERR_NONE};

	world->broker = broker_new(world->loop, world->http, world->store, &err);
	assert_non_null(world->broker);
}

static void write_secret(const struct world *world, const char *secret)
{
	FILE *file = fopen(world->secret_file, "w");

	assert_non_null(file);
	fputs(secret, file);
	fclose(file);
}

int set_up_world(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	snprintf(world->secret_file, sizeof(world->secret_file), "/tmp/mailbearer-secret.XXXXXX");
	close(mkstemp(world->secret_file));
	write_secret(world, CLIENT_SECRET);
	fake_log_reset();
	world->loop = loop_new(NULL);
	world->http = http_new(world->loop, NULL);
	world->store = store_open(NULL, NULL, NULL);
	assert_int_equal(0, store_start_writer(world->store, world->loop, NULL));
	new_broker(world);
	*state = world;
	return 0;
}

int tear_down_world(void **state)
{
	struct world *world = *state;

	broker_free(world->broker);
	http_free(world->http);
	store_close(world->store);
	loop_free(world->loop);
	unlink(world->secret_file);
	/* Whatever a test did: nothing secret may have been logged. */
	assert_false(fake_log_shows("RT-"));
	assert_false(fake_log_shows("AT-"));
	assert_false(fake_log_shows(CLIENT_SECRET));
	free(world);
	return 0;
}

void restart(struct world *world)
{
	broker_free(world->broker);
	assert_int_equal(fake_http_in_flight(world->http), 0);
	new_broker(world);
}

static struct settings *load(const struct world *world, const char *text, struct err *err)
{
	char path[] = "/tmp/mailbearer-conf.XXXXXX";
	struct settings *settings = NULL;
	int fd = mkstemp(path);
	FILE *file = fdopen(fd, "w");

	for (; *text != '\0'; text++) {
		if (text[0] == '%' && text[1] == 's') {
			fputs(world->secret_file, file);
			text++;
		} else {
			fputc(*text, file);
		}
	}
	fclose(file);
	if (settings_load(path, &settings, err) != 0)
		settings = NULL;
	unlink(path);
	return settings;
}

int configure(struct world *world, const char *text, struct err *err)
{
	struct settings *settings = load(world, text, err);

	if (settings == NULL)
		fail_msg("the test's configuration is wrong: %s", err->text);
	if (broker_configure(world->broker, settings, err) == 0)
		return 0;
	settings_free(settings);
	return -1;
}

void configure_well(struct world *world, const char *text)
{
	struct err err = {.code = ERR_NONE};

	if (configure(world, text, &err) != 0)
		fail_msg("broker_configure: %s", err.text);
}

void configure_with_grant(struct world *world)
{
	fake_store_put(world->store, RELAY, CLIENT_ID, "RT-1");
	configure_well(world, CONF_CLIENT CONF_RELAY);
}

static void keep_answer(void *arg, const struct broker_answer *answer)
{
	struct asked *asked = arg;

	asked->answers++;
	asked->wait = NULL;
	asked->result = answer->result;
	snprintf(asked->text, sizeof(asked->text), "%s", answer->text.data != NULL ? answer->text.data : "");
}

void ask(struct world *world, broker_map *map, const char *key, struct asked *asked)
{
	struct broker_question question = {.key = key, .key_len = strlen(key), .cb = keep_answer, .arg = asked};
	struct broker_answer now = {.result = WIRE_TIMEOUT, .text = BUF_INIT(WIRE_STATUS_MAX)};

	*asked = (struct asked){.answers = 0};
	asked->wait = map(world->broker, &question, &now);
	if (asked->wait == NULL)
		keep_answer(asked, &now);
	else
		assert_int_equal(now.text.len, 0);
	buf_free(&now.text);
}

static void compare(const struct asked *asked, const char *answer)
{
	static const char *const words[] = {"OK", "NOTFOUND", "TEMP", "TIMEOUT", "PERM"};
	size_t len = strlen(answer);
	char got[8300];

	if (asked->answers != 1)
		fail_msg("%u answers instead of one (%s)", asked->answers, answer);
	snprintf(got, sizeof(got), "%s %s", words[asked->result], asked->text);
	if (len > 0 && answer[len - 1] == '*') {
		if (strncmp(got, answer, len - 1) != 0)
			fail_msg("\"%s\" does not begin as \"%s\"", got, answer);
	} else {
		assert_string_equal(got, answer);
	}
}

void expect(struct world *world, broker_map *map, const char *key, const char *answer)
{
	struct asked asked;

	ask(world, map, key, &asked);
	if (asked.wait != NULL)
		fail_msg("no answer at once (%s)", answer);
	compare(&asked, answer);
}

void expect_answer(struct world *world, const struct asked *asked, const char *answer)
{
	fake_loop_turn(world->loop);
	compare(asked, answer);
}

const char *token_answer(const char *access_token, const char *refresh_token, int expires_in)
{
	static char body[1024];
	int len = snprintf(body, sizeof(body), "{\"token_type\":\"Bearer\",\"expires_in\":%d,\"access_token\":\"%s\"",
			   expires_in, access_token);

	if (refresh_token != NULL)
		len += snprintf(body + len, sizeof(body) - (size_t)len, ",\"refresh_token\":\"%s\"", refresh_token);
	snprintf(body + len, sizeof(body) - (size_t)len, "}");
	return body;
}

void get_token(struct world *world, const char *access_token, int expires_in)
{
	struct asked asked;
	char answer[256];

	ask(world, broker_token, RELAY, &asked);
	assert_non_null(asked.wait);
	fake_http_answer(world->http, 200, token_answer(access_token, NULL, expires_in));
	snprintf(answer, sizeof(answer), "OK %s", access_token);
	expect_answer(world, &asked, answer);
}
