/* What postconf prints, looked up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/buf.h"
#include "postfix/installation.h"

static const char values[] = "relayhost =\nsmtpd_milters = unix:a.sock, inet:b:1\ncompatibility_level = 3.6\n"
			     "mail_version = 3.7.11\nsmtp_helo_name = a=b\nsmtp_sasl_auth_enable = no\n";
static const char given[] = "smtpd_milters = $mine, inet:b:1\nmine = unix:a.sock\n";
static const char services[] = "smtp       inet  n       -       y       -       -       smtpd\n"
			       "smtp       unix  -       -       -       -       -       smtp\n"
			       "mb         unix  -       -       n       -       3       smtp -o a=b -o {c=d e}\n"
			       "broken     unix\n";
static const char options[] = "mb/unix/smtp_sasl_auth_enable = yes\nmb/unix/smtp_fallback_relay =\n";

static struct installation *installation;

static int parse(void **state)
{
	(void)state;
	installation = installation_parse(values, given, services, options);
	return installation == NULL;
}

static int forget(void **state)
{
	(void)state;
	installation_free(installation);
	return 0;
}

static void parameters_are_found(void **state)
{
	(void)state;
	assert_string_equal(installation_value(installation, "smtpd_milters"), "unix:a.sock, inet:b:1");
	assert_string_equal(installation_given(installation, "smtpd_milters"), "$mine, inet:b:1");
	assert_string_equal(installation_value(installation, "relayhost"), "");
	assert_string_equal(installation_value(installation, "smtp_helo_name"), "a=b");
	assert_null(installation_given(installation, "relayhost"));
	assert_null(installation_value(installation, "relay"));
	assert_null(installation_value(installation, ""));
	assert_string_equal(installation_warnings(installation), "");
}

static void services_and_their_options_are_found(void **state)
{
	const struct installation_service *service = installation_service(installation, "mb", "unix");

	(void)state;
	assert_non_null(service);
	assert_string_equal(service->maxproc, "3");
	assert_string_equal(service->command, "smtp");
	assert_string_equal(service->arguments, "-o a=b -o {c=d e}");
	assert_string_equal(installation_service(installation, "smtp", "inet")->command, "smtpd");
	assert_null(installation_service(installation, "broken", "unix"));
	assert_non_null(installation_service_at(installation, 2));
	assert_null(installation_service_at(installation, 3));
	assert_string_equal(installation_option(installation, "mb/unix", "smtp_sasl_auth_enable"), "yes");
	assert_null(installation_option(installation, "mb/unix", "relayhost"));
	assert_string_equal(installation_in_force(installation, "mb/unix", "smtp_sasl_auth_enable"), "yes");
	assert_string_equal(installation_in_force(installation, "smtp/unix", "smtp_sasl_auth_enable"), "no");
	assert_string_equal(installation_in_force(installation, "mb/unix", "smtp_fallback_relay"), "");
}

static void a_chroot_is_what_the_level_makes_of_it(void **state)
{
	struct installation *old =
	    installation_parse("compatibility_level = 0\n", "", "smtp unix - - - - - smtp\n", "");

	(void)state;
	assert_true(installation_is_chrooted(installation, installation_service(installation, "smtp", "inet")));
	assert_false(installation_is_chrooted(installation, installation_service(installation, "smtp", "unix")));
	assert_false(installation_is_chrooted(installation, installation_service(installation, "mb", "unix")));
	assert_true(installation_is_chrooted(old, installation_service(old, "smtp", "unix")));
	installation_free(old);
}

static void versions_are_compared_by_number(void **state)
{
	(void)state;
	assert_true(installation_is_from(installation, 3, 7, 11));
	assert_true(installation_is_from(installation, 3, 7, 9));
	assert_true(installation_is_from(installation, 2, 11, 20));
	assert_false(installation_is_from(installation, 3, 7, 12));
	assert_false(installation_is_from(installation, 3, 10, 0));
}

static void too_many_entries_are_refused(void **state)
{
	struct buf many = BUF_INIT(1 << 20);
	struct installation *most;

	(void)state;
	for (int i = 1; i < INSTALLATION_ENTRIES_MAX; i++)
		buf_printf(&many, "p%d = %d\n", i, i);
	most = installation_parse(many.data, "", "", "");
	assert_non_null(most);
	assert_string_equal(installation_value(most, "p8191"), "8191");
	installation_free(most);
	buf_puts(&many, "q = 1\n");
	assert_null(installation_parse(many.data, "", "", ""));
	assert_null(installation_parse("", "", many.data, ""));
	buf_free(&many);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parameters_are_found),
	    cmocka_unit_test(services_and_their_options_are_found),
	    cmocka_unit_test(a_chroot_is_what_the_level_makes_of_it),
	    cmocka_unit_test(versions_are_compared_by_number),
	    cmocka_unit_test(too_many_entries_are_refused),
	};

	return cmocka_run_group_tests(tests, parse, forget);
}
