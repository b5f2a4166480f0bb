/*
 * The question to tokend: over which socket, with which key, and what the answers mean. tokenclient_ask() is the test's
 * own; configurations are real files.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/ask.h"
#include "client/tokenclient.h"

static char conf[] = "/tmp/test_ask.XXXXXX";

/* What the fake says next, and what it was asked last. */
static struct {
	int status;
	enum err_code code;
	enum wire_result result;
	const char *text;
	char socket_path[256], map[64], key[256];
	size_t reply_max;
	int left;
} fake;

int tokenclient_ask(const struct tokenclient_question *question, enum wire_result *result, struct buf *text,
		    struct err *err)
{
	snprintf(fake.socket_path, sizeof fake.socket_path, "%s", question->socket_path);
	snprintf(fake.map, sizeof fake.map, "%s", question->map);
	snprintf(fake.key, sizeof fake.key, "%.*s", (int)question->key_len, question->key);
	fake.reply_max = question->reply_max;
	fake.left = deadline_left(question->deadline);
	if (fake.status != 0)
		return err_set(err, fake.code, "no answer");
	*result = fake.result;
	return buf_puts(text, fake.text);
}

static void write_conf(const char *text)
{
	FILE *file = fopen(conf, "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static int make_conf(void **state)
{
	int fd = mkstemp(conf);

	(void)state;
	return fd < 0 || close(fd) != 0 ? -1 : 0;
}

static int remove_conf(void **state)
{
	(void)state;
	return unlink(conf);
}

static struct buf answer = BUF_INIT(5000);
static struct err err;

static enum cli_exit ask_with(const char *config, const char *account, const struct buf *key)
{
	const struct cli_call call = {.config = config, .account = account};

	buf_clear(&answer);
	err = (struct err){.code = ERR_NONE};
	return ask(&call, "token", key, &answer, &err);
}

static void says(enum wire_result result, const char *text)
{
	fake.status = 0;
	fake.result = result;
	fake.text = text;
}

static void the_first_socket_of_the_configuration_is_asked(void **state)
{
	(void)state;
	says(WIRE_OK, "x");
	write_conf("tokend { listen = { \"/one.sock\", \"/two.sock\" } }\n");
	assert_int_equal(ask_with(conf, "a@b", NULL), CLI_DONE);
	assert_string_equal(fake.socket_path, "/one.sock");
	write_conf("");
	assert_int_equal(ask_with(conf, "a@b", NULL), CLI_DONE);
	assert_string_equal(fake.socket_path, WIRE_SOCKET_DEFAULT);
}

/* The default configuration is not there (the test is built with a SYSCONFDIR of its own). */
static void without_a_configuration_the_default_socket_is_asked(void **state)
{
	(void)state;
	says(WIRE_OK, "x");
	assert_int_equal(ask_with(NULL, "a@b", NULL), CLI_DONE);
	assert_string_equal(fake.socket_path, WIRE_SOCKET_DEFAULT);
}

static void a_named_configuration_must_be_good(void **state)
{
	(void)state;
	fake.map[0] = '\0';
	write_conf("tokend { nonsense = 1 }\n");
	assert_int_equal(ask_with(conf, "a@b", NULL), CLI_FAILED);
	assert_non_null(strstr(err.text, conf));
	assert_int_equal(ask_with("/nonexistent/conf", "a@b", NULL), CLI_FAILED);
	assert_non_null(strstr(err.text, "/nonexistent/conf"));
	assert_string_equal(fake.map, "");
}

static void the_question_is_as_it_should_be(void **state)
{
	char other[] = "a@b secret";
	const struct buf key = {.data = other, .len = strlen(other)};

	(void)state;
	says(WIRE_OK, "the answer");
	write_conf("");
	ask_with(conf, "a@b", NULL);
	assert_string_equal(fake.map, "token");
	assert_string_equal(fake.key, "a@b");
	assert_int_equal(fake.reply_max, 5000);
	assert_in_range(fake.left, ASK_DEADLINE_MS - 10000, ASK_DEADLINE_MS);
	assert_string_equal(answer.data, "the answer");
	ask_with(conf, "a@b", &key);
	assert_string_equal(fake.key, "a@b secret");
	ask_with(conf, NULL, NULL);
	assert_string_equal(fake.key, "");
}

static void no_answer_is_a_status_of_its_own(void **state)
{
	static const enum err_code codes[] = {ERR_UNREACHABLE, ERR_TIMEOUT, ERR_SYNTAX, ERR_SYSTEM};
	size_t i;

	(void)state;
	fake.status = -1;
	for (i = 0; i < sizeof codes / sizeof codes[0]; i++) {
		fake.code = codes[i];
		assert_int_equal(ask_with(conf, "a@b", NULL), CLI_NO_TOKEND);
		assert_string_equal(err.text, "no answer");
	}
	fake.code = ERR_MEMORY;
	assert_int_equal(ask_with(conf, "a@b", NULL), CLI_FAILED);
}

static void assert_refusal(enum wire_result result, const char *text, const char *expected)
{
	says(result, text);
	assert_int_equal(ask_with(conf, "a@b", NULL), CLI_FAILED);
	assert_string_equal(err.text, expected);
}

static void refusals_are_passed_on(void **state)
{
	(void)state;
	write_conf("");
	assert_refusal(WIRE_TEMP, "invalid_grant; sign in again", "a@b: invalid_grant; sign in again");
	assert_refusal(WIRE_PERM, "no account a@b", "no account a@b");
	assert_refusal(WIRE_TIMEOUT, "busy", "a@b: busy");
	assert_refusal(WIRE_NOTFOUND, "", "a@b: tokend has no such account; \"mailbearer status\" lists those it has");
	assert_refusal(WIRE_PERM, "", "a@b: tokend refused without a reason; its log may have one");
}

static void who_may_not_ask_is_told_of_sudo(void **state)
{
	(void)state;
	assert_refusal(WIRE_PERM, "uid 1000 may not ask 'status': only root may: use sudo",
		       "uid 1000 may not ask 'status': only root may: use sudo");
	assert_refusal(WIRE_PERM, "uid 1000 may not ask 'token': add its user to token_users in /x",
		       "uid 1000 may not ask 'token': add its user to token_users in /x; or run it with sudo");
}

static int free_answer(void **state)
{
	(void)state;
	buf_free(&answer);
	return remove_conf(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_first_socket_of_the_configuration_is_asked),
	    cmocka_unit_test(without_a_configuration_the_default_socket_is_asked),
	    cmocka_unit_test(a_named_configuration_must_be_good),
	    cmocka_unit_test(the_question_is_as_it_should_be),
	    cmocka_unit_test(no_answer_is_a_status_of_its_own),
	    cmocka_unit_test(refusals_are_passed_on),
	    cmocka_unit_test(who_may_not_ask_is_told_of_sudo),
	};

	return cmocka_run_group_tests(tests, make_conf, free_answer);
}
