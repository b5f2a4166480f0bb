/* Which configuration is in force: a new one from the next connection on, the old one for as long as the new one is
 * wrong or cannot be read; what is told of that, and how often. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "milter/conf.h"
#include "tests/unit/fake_log.h"

#define ACCOUNTS                                                                                                       \
	"client app { provider = microsoft tenant = t client_id = i client_secret_file = /f }\n"                       \
	"account relay@c.example { client = app }\naccount boss@c.example { client = app }\n"

static char folder[64], path[96];
static struct conf_keeper *keeper;
static int read_error; /* what each read gives; 0: what is there */

ssize_t __wrap_read(int fd, void *bytes, size_t len);
ssize_t __real_read(int fd, void *bytes, size_t len);

ssize_t __wrap_read(int fd, void *bytes, size_t len)
{
	errno = read_error;
	return read_error != 0 ? -1 : __real_read(fd, bytes, len);
}

/* In one step, as an editor does: another file each time. */
static void put(const char *text)
{
	char other[128];
	int fd;

	snprintf(other, sizeof other, "%s.new", path);
	fd = open(other, O_WRONLY | O_CREAT | O_EXCL, 0644);
	assert_int_equal(strlen(text), write(fd, text, strlen(text)));
	close(fd);
	assert_int_equal(0, rename(other, path));
}

/* *state, unless it is NULL: what somebody writes after the file was read. */
static int set_up(void **state)
{
	struct settings *settings;
	struct stat seen;
	struct err err;

	strcpy(folder, "/tmp/test_milter_conf.XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/mailbearer.conf", folder);
	put(ACCOUNTS "milter { max_recipients = 1 }\n");
	fake_log_reset();
	read_error = 0;
	if (stat(path, &seen) != 0 || settings_load(path, &settings, &err) != 0)
		return -1;
	if (*state != NULL)
		put(*state);
	keeper = conf_keeper_new(path, &seen, settings, &err);
	return keeper != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	conf_keeper_free(keeper);
	unlink(path);
	return rmdir(folder);
}

/* What a connection that begins now has for max_recipients. */
static unsigned recipients(void)
{
	const struct conf *conf = conf_take(keeper);
	unsigned most = conf->limits.recipients_per_message;

	conf_give_back(keeper, conf);
	return most;
}

static void everything_is_in_the_form_that_is_wanted(void **state)
{
	const struct conf *conf;

	(void)state;
	put(ACCOUNTS "milter { mode = monitor max_message_size = 2 max_recipients = 3 max_recipients_per_day = 4\n"
		     "max_messages_per_minute = 5 when_unusable = tempfail unusable_grace = 6 }\n"
		     "rule one { clients = 192.0.2.0/24 mode = reject }\n"
		     "rule two { logins = x account = boss@c.example address = boss@c.example }\n");
	conf = conf_take(keeper);
	assert_int_equal(POLICY_MONITOR, conf->policy.mode);
	assert_ptr_equal(conf->senders, conf->policy.senders);
	assert_true(conf->limits.message_size == 2 && conf->limits.recipients_per_message == 3);
	assert_true(conf->limits.recipients_per_day == 4 && conf->limits.messages_per_minute == 5);
	assert_true(conf->limits.tempfail_when_unusable && conf->limits.unusable_grace == 6);
	assert_int_equal(2, conf->rules.count);
	assert_string_equal("one", conf->rules.items[0].name);
	assert_true(conf->rules.items[0].has_mode && conf->rules.items[0].mode == POLICY_REJECT);
	assert_false(conf->rules.items[1].has_mode);
	assert_string_equal("boss@c.example", conf->rules.items[1].account->name);
	assert_string_equal("boss@c.example", conf->rules.items[1].address);
	conf_give_back(keeper, conf);
}

static void a_connection_keeps_what_it_began_with(void **state)
{
	const struct conf *first = conf_take(keeper), *second, *third;

	(void)state;
	put(ACCOUNTS "milter { max_recipients = 2 }\n");
	second = conf_take(keeper);
	put(ACCOUNTS "milter { max_recipients = 3 }\n");
	third = conf_take(keeper);
	assert_ptr_equal(third, conf_take(keeper));
	assert_int_equal(1, first->limits.recipients_per_message);
	assert_int_equal(2, second->limits.recipients_per_message);
	assert_int_equal(3, third->limits.recipients_per_message);
	assert_string_equal("relay@c.example", first->settings->accounts[0].name);
	conf_give_back(keeper, third);
	conf_give_back(keeper, first);
	conf_give_back(keeper, second);
	conf_give_back(keeper, third);
	assert_int_equal(2, fake_log_count(EVENT_RELOADED));
}

static void a_wrong_one_is_told_once_and_left(void **state)
{
	static const char *const wrong[] = {"milter {",
					    ACCOUNTS "milter { max_recipients = ",
					    ACCOUNTS "account relay@c.example { client = app }\n",
					    "\001",
					    "",
					    "milter { max_recipients = 9 }"};

	(void)state;
	for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		put(wrong[i]);
		assert_int_equal(1, recipients());
		assert_int_equal(1, recipients());
		assert_int_equal(i + 1, fake_log_count(EVENT_RELOAD_FAILED));
	}
	assert_true(fake_log_says(EVENT_RELOAD_FAILED, "correct the file"));
	assert_false(fake_log_shows("tried at each connection"));
	put(ACCOUNTS "milter { max_recipients = 7 }\n");
	assert_int_equal(7, recipients());
}

/* The disk may be well again without anybody's having touched the file. */
static void one_that_cannot_be_read_is_tried_again_and_told_once(void **state)
{
	(void)state;
	put(ACCOUNTS "milter { max_recipients = 2 }\n");
	read_error = EIO;
	for (int i = 0; i < 3; i++)
		assert_int_equal(1, recipients());
	assert_int_equal(1, fake_log_count(EVENT_RELOAD_FAILED));
	assert_true(fake_log_says(EVENT_RELOAD_FAILED, strerror(EIO)));
	assert_true(fake_log_says(EVENT_RELOAD_FAILED, "tried at each connection"));
	read_error = 0;
	assert_int_equal(2, recipients());
	assert_int_equal(2, recipients());
	assert_int_equal(1, fake_log_count(EVENT_RELOADED));
}

static void one_that_has_gone_is_told_once(void **state)
{
	(void)state;
	assert_int_equal(0, unlink(path));
	assert_int_equal(1, recipients());
	assert_int_equal(1, recipients());
	assert_int_equal(1, fake_log_count(EVENT_RELOAD_FAILED));
	put(ACCOUNTS "milter { max_recipients = 2 }\n");
	assert_int_equal(2, recipients());
}

static void what_was_written_while_the_milter_started_is_seen(void **state)
{
	(void)state;
	assert_int_equal(7, recipients());
	assert_int_equal(1, fake_log_count(EVENT_RELOADED));
}

static void what_wants_a_restart_is_told(void **state)
{
	static const struct {
		const char *milter, *told;
	} table[] = {{"listen = 'unix:/run/other.sock'", "needs_restart_for=listen"},
		     {"user = somebody", "needs_restart_for=user"},
		     {"log = stderr", "needs_restart_for=log"},
		     {"max_recipients = 5", NULL}};
	char text[1024];

	(void)state;
	for (unsigned i = 0; i < sizeof table / sizeof table[0]; i++) {
		put(ACCOUNTS);
		recipients();
		fake_log_reset();
		snprintf(text, sizeof text, ACCOUNTS "milter { %s }\n", table[i].milter);
		put(text);
		recipients();
		assert_int_equal(1, fake_log_count(EVENT_RELOADED));
		assert_true(table[i].told != NULL ? fake_log_shows(table[i].told)
						  : !fake_log_shows("needs_restart_for=l"));
	}
}

int main(void)
{
	static char newer[] = ACCOUNTS "milter { max_recipients = 7 }\n";
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(everything_is_in_the_form_that_is_wanted, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_connection_keeps_what_it_began_with, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_wrong_one_is_told_once_and_left, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(one_that_cannot_be_read_is_tried_again_and_told_once, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(one_that_has_gone_is_told_once, set_up, tear_down),
	    cmocka_unit_test_prestate_setup_teardown(what_was_written_while_the_milter_started_is_seen, set_up,
						     tear_down, newer),
	    cmocka_unit_test_setup_teardown(what_wants_a_restart_is_told, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("milter_conf", tests, NULL, NULL);
}
