/* What is run on which machine, and what has become of a message by Postfix's own words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/jsondoc.h"
#include "setup/fate.h"
#include "setup/service.h"

#define ID "mailbearer-setup.1.2@contoso.com"
#define FROM "Nov 24 21:20:22 relay postfix/"
#define TO "to=<a@example.net>, relay=smtp.office365.com[192.0.2.1]:587, delay=1, dsn=2.0.0, "

static struct fate fate;

static void of_log(const char *text)
{
	struct buf log = BUF_INIT(65536);

	buf_puts(&log, text);
	fate_of_log(&log, ID, &fate);
	buf_free(&log);
}

static void of_queue(const char *text, int64_t since)
{
	struct buf queue = BUF_INIT(65536);

	buf_puts(&queue, text);
	fate_of_queue(&queue, "relay@contoso.com", "a@example.net", since, &fate);
	buf_free(&queue);
}

static void a_log_tells_of_one_message_among_others(void **state)
{
	(void)state;
	of_log(FROM "cleanup[1]: 4X1: message-id=<other@contoso.com>\n" FROM "smtp[2]: 4X1: " TO
		    "status=sent (250 no)\n" FROM "cleanup[1]: 4X2: message-id=<" ID ">\n" FROM
		    "qmgr[3]: 4X2: from=<relay@contoso.com>, size=1\n");
	assert_int_equal(fate.state, FATE_UNKNOWN);
	of_log(FROM "cleanup[1]: 4X2: message-id=<" ID ">\n" FROM "smtp[2]: 4X2: " TO
		    "status=sent (250 2.0.0 OK (1) [x])\n");
	assert_int_equal(fate.state, FATE_SENT);
	assert_string_equal(fate.text, "250 2.0.0 OK (1) [x]");
	of_log(FROM "cleanup[1]: 4X2: message-id=<" ID ">\n" FROM "smtp[2]: 4X2: " TO
		    "status=bounced (host said: 554 5.2.252 SendAsDenied)\n");
	assert_int_equal(fate.state, FATE_BOUNCED);
	assert_string_equal(fate.text, "host said: 554 5.2.252 SendAsDenied");
}

static void the_sender_is_whom_the_queue_has(void **state)
{
	char longest[1024];

	(void)state;
	of_log(FROM "pickup[4]: 4X2: uid=0 from=<root@host>\n" FROM "cleanup[1]: 4X2: message-id=<" ID ">\n" FROM
		    "qmgr[3]: 4X1: from=<other@contoso.com>, size=1\n");
	assert_string_equal(fate.sender, "");
	of_log(FROM "cleanup[1]: 4X2: message-id=<" ID ">\n" FROM "qmgr[3]: 4X2: from=<root@host>, size=1\n" FROM
		    "cleanup[1]: 4X3: message-id=<" ID ">\n" FROM "qmgr[3]: 4X3: from=<relay@contoso.com>, size=1\n");
	assert_string_equal(fate.sender, "relay@contoso.com");
	of_log(FROM "cleanup[1]: 4X2: message-id=<" ID ">\n" FROM "qmgr[3]: 4X2: from=<relay@contoso.com");
	assert_string_equal(fate.sender, "");
	snprintf(longest, sizeof longest, "%s%0512d>\n",
		 FROM "cleanup[1]: 4X2: message-id=<" ID ">\n" FROM "qmgr[3]: 4X2: from=<", 1);
	of_log(longest);
	assert_int_equal(strlen(fate.sender), FATE_SENDER_MAX - 1);
}

static void the_last_word_counts_also_after_a_filter(void **state)
{
	(void)state;
	of_log(FROM "cleanup[1]: 4X2: message-id=<" ID ">\n" FROM "smtp[2]: 4X2: " TO "status=deferred (later)\n" FROM
		    "smtp[2]: 4X2: " TO "status=sent (250 to the filter)\n" FROM "cleanup[1]: 4X3: message-id=<" ID
		    ">\n" FROM "smtp[2]: 4X3: " TO "status=deferred (SASL authentication failed)");
	assert_int_equal(fate.state, FATE_WAITS);
	assert_string_equal(fate.text, "SASL authentication failed");
}

static void a_log_may_hold_anything(void **state)
{
	char many[4096] = "", line[128];

	(void)state;
	of_log("");
	assert_int_equal(fate.state, FATE_UNKNOWN);
	of_log("message-id=<" ID ">\n: message-id=<" ID ">\n 1: message-id=<" ID ">\n 1: to=<a@b.c> status=sent\n\n");
	assert_int_equal(fate.state, FATE_SENT);
	assert_string_equal(fate.text, "");
	for (int i = 0; i < 20; i++) {
		snprintf(line, sizeof line, "x 4X%d: message-id=<" ID ">\n", i);
		strcat(many, line);
	}
	of_log(many);
	assert_int_equal(fate.state, FATE_UNKNOWN);
}

#define ENTRY(sender, time, reason)                                                                                    \
	"{\"queue_name\": \"deferred\", \"queue_id\": \"4X2\", \"arrival_time\": " time ", \"sender\": \"" sender      \
	"\", \"recipients\": [{\"address\": \"b@example.net\"}, {\"address\": \"A@example.net\"" reason "}]}\n"

static void the_queue_tells_why_it_waits(void **state)
{
	(void)state;
	of_queue(ENTRY("relay@contoso.com", "99", ", \"delay_reason\": \"old\"")
		     ENTRY("scan@contoso.com", "101", ", \"delay_reason\": \"another's\"") "no JSON\n" ENTRY(
			 "relay@contoso.com", "101", ", \"delay_reason\": \"no token\""),
		 100);
	assert_int_equal(fate.state, FATE_WAITS);
	assert_string_equal(fate.text, "no token");
	of_queue(ENTRY("relay@contoso.com", "101", ""), 100);
	assert_int_equal(fate.state, FATE_UNKNOWN);
}

/* --- the machine --- */

static struct service_command commands[4];

static const char *line(unsigned i)
{
	static char text[256];

	text[0] = '\0';
	for (unsigned word = 0; commands[i].words[word]; word++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", word > 0 ? " " : "",
			 commands[i].words[word]);
	return text;
}

static unsigned made(const struct service_machine *machine, enum service_wish wish)
{
	return service_commands(machine, wish, commands, 4);
}

static void systemd_enables_and_starts_the_unit(void **state)
{
	struct service_machine machine = {
	    .manager = SERVICE_SYSTEMD,
	    .sysusers = "/usr/bin/systemd-sysusers",
	    .tmpfiles = "/usr/bin/systemd-tmpfiles",
	    .systemctl = "/usr/bin/systemctl",
	    .tokend = "/usr/sbin/mailbearer-tokend",
	    .milter = "/usr/sbin/mailbearer-milter",
	};

	(void)state;
	assert_int_equal(made(&machine, SERVICE_MAKE_USERS), 1);
	assert_string_equal(line(0), "/usr/bin/systemd-sysusers mailbearer.conf");
	assert_int_equal(made(&machine, SERVICE_START_TOKEND), 3);
	assert_string_equal(line(0), "/usr/bin/systemd-tmpfiles --create mailbearer.conf");
	assert_false(commands[0].needed);
	assert_string_equal(line(1), "/usr/bin/systemctl enable mailbearer-tokend");
	assert_true(commands[1].needed);
	assert_string_equal(line(2), "/usr/bin/systemctl restart mailbearer-tokend");
	assert_true(commands[2].needed);
	assert_int_equal(made(&machine, SERVICE_START_MILTER), 3);
	assert_string_equal(line(1), "/usr/bin/systemctl enable mailbearer-milter");
	assert_string_equal(line(2), "/usr/bin/systemctl restart mailbearer-milter");
	machine.config = "/elsewhere.conf"; /* no unit has that one */
	assert_int_equal(made(&machine, SERVICE_START_TOKEND), 1);
	assert_string_equal(line(0), "/usr/sbin/mailbearer-tokend -c /elsewhere.conf");
	assert_int_equal(made(&machine, SERVICE_START_MILTER), 1);
	assert_string_equal(line(0), "/usr/sbin/mailbearer-milter -c /elsewhere.conf");
}

static void openrc_adds_and_starts_the_service(void **state)
{
	const struct service_machine machine = {
	    .manager = SERVICE_OPENRC,
	    .rc_service = "/sbin/rc-service",
	    .rc_update = "/sbin/rc-update",
	    .tokend = "/usr/sbin/mailbearer-tokend",
	};

	(void)state;
	assert_int_equal(made(&machine, SERVICE_MAKE_USERS), 0);
	assert_int_equal(made(&machine, SERVICE_START_TOKEND), 2);
	assert_string_equal(line(0), "/sbin/rc-update add mailbearer-tokend default");
	assert_string_equal(line(1), "/sbin/rc-service mailbearer-tokend restart");
}

static void without_either_the_daemon_starts_itself(void **state)
{
	struct service_machine machine = {.tokend = "/usr/sbin/mailbearer-tokend", .systemctl = "/usr/bin/systemctl"};

	(void)state;
	assert_int_equal(made(&machine, SERVICE_START_TOKEND), 1);
	assert_string_equal(line(0), "/usr/sbin/mailbearer-tokend");
	machine.tokend = NULL;
	assert_int_equal(made(&machine, SERVICE_START_TOKEND), 0);
}

/* --- why it has not started --- */

static bool found;

static const char *reason(const char *words)
{
	static char text[256];
	struct buf in = BUF_INIT(4096), out = BUF_INIT(4096);

	buf_puts(&in, words);
	found = service_reason(&in, "mailbearer-tokend", &out);
	snprintf(text, sizeof text, "%.*s", (int)out.len, out.len > 0 ? out.data : "");
	buf_free(&in);
	buf_free(&out);
	return text;
}

static void a_daemon_s_own_reason_is_found(void **state)
{
	(void)state;
	assert_string_equal(reason("event=start-failed reason=old\n"
				   "event=start-failed reason=\"no \\\"key\\\"; a\\\\b \\x07\"\n"
				   "mailbearer-tokend.service: Failed with result 'exit-code'.\n"),
			    "no \"key\"; a\\b \\x07");
	assert_true(found);
	assert_string_equal(reason("mailbearer-tokend: cannot listen: no folder\n * ERROR: failed to start\n"),
			    "cannot listen: no folder");
	assert_true(found);
	assert_string_equal(reason("event=start-failed reason=short"), "short");
	assert_true(found);
}

static void without_one_its_last_line_has_to_do(void **state)
{
	(void)state;
	assert_string_equal(reason(""), "");
	assert_false(found);
	assert_string_equal(reason("\n\n"), "");
	assert_string_equal(reason("event=start-failed reason=\n"), "event=start-failed reason=");
	assert_string_equal(reason("event=start-failed reason=\"\\"), "\\");
	assert_string_equal(reason("first\nerror while loading shared libraries: libx.so\n"),
			    "error while loading shared libraries: libx.so");
	assert_false(found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_log_tells_of_one_message_among_others),
	    cmocka_unit_test(the_sender_is_whom_the_queue_has),
	    cmocka_unit_test(the_last_word_counts_also_after_a_filter),
	    cmocka_unit_test(a_log_may_hold_anything),
	    cmocka_unit_test(the_queue_tells_why_it_waits),
	    cmocka_unit_test(systemd_enables_and_starts_the_unit),
	    cmocka_unit_test(openrc_adds_and_starts_the_service),
	    cmocka_unit_test(without_either_the_daemon_starts_itself),
	    cmocka_unit_test(a_daemon_s_own_reason_is_found),
	    cmocka_unit_test(without_one_its_last_line_has_to_do),
	};

	jsondoc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
