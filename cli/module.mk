# Everything but main() is a library, so that the tests link what they test.
noinst_LTLIBRARIES += cli/libcli.la
cli_libcli_la_SOURCES = \
	cli/admin.c \
	cli/advice.c cli/advice.h \
	cli/ask.c cli/ask.h \
	cli/browser.c cli/browser.h \
	cli/check.c \
	cli/cli.h \
	cli/command.c cli/command.h \
	cli/consent_url.c cli/consent_url.h \
	cli/explain.c \
	cli/email_proxy.c cli/email_proxy.h \
	cli/explain_log.c cli/explain_log.h \
	cli/fernet.c cli/fernet.h \
	cli/foreign.c cli/foreign.h \
	cli/grant.c \
	cli/ini.c cli/ini.h \
	cli/keyboard.c cli/keyboard.h \
	cli/login.c \
	cli/metrics.c cli/metrics.h \
	cli/output.c cli/output.h \
	cli/postfix_config.c \
	cli/read_line.c cli/read_line.h \
	cli/read_secret.c cli/read_secret.h \
	cli/sasl_xoauth2.c cli/sasl_xoauth2.h \
	cli/setup.c \
	cli/status.c cli/status.h \
	cli/status_check.c cli/status_check.h \
	cli/takeover.c cli/takeover.h \
	cli/takeover_proxy.c \
	cli/takeover_sasl_xoauth2.c \
	cli/token.c
cli_libs = cli/libcli.la setup/libsetup.la check/libcheck.la postfix/libpostfix.la smtp/libsmtp.la client/libclient.la \
	daemon/libdaemon.la lib/libbase.la $(CURL_LIBS) $(JANSSON_LIBS) $(OPENSSL_LIBS) $(DL_LIBS)

bin_PROGRAMS += mailbearer
mailbearer_SOURCES = cli/main.c
mailbearer_LDADD = $(cli_libs)

# Unit tests. Of test_ask the client of the socket is its own, and the default configuration is one that cannot be there.
check_PROGRAMS += tests/unit/test_output tests/unit/test_command tests/unit/test_status tests/unit/test_ask \
	tests/unit/test_read_secret tests/unit/test_explain_log
check_PROGRAMS += tests/unit/test_monitoring
tests_unit_test_monitoring_SOURCES = tests/unit/test_monitoring.c
tests_unit_test_monitoring_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_monitoring_LDADD = $(cli_libs) $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_monitoring
check_PROGRAMS += tests/unit/test_sasl_xoauth2
tests_unit_test_sasl_xoauth2_SOURCES = tests/unit/test_sasl_xoauth2.c
tests_unit_test_sasl_xoauth2_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_sasl_xoauth2_LDADD = $(cli_libs) $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_sasl_xoauth2
tests_unit_test_explain_log_SOURCES = tests/unit/test_explain_log.c
tests_unit_test_explain_log_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_explain_log_LDADD = $(cli_libs) $(CMOCKA_LIBS)
tests_unit_test_output_SOURCES = tests/unit/test_output.c
tests_unit_test_output_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_output_LDADD = $(cli_libs) $(CMOCKA_LIBS)
tests_unit_test_command_SOURCES = tests/unit/test_command.c
tests_unit_test_command_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_command_LDADD = $(cli_libs) $(CMOCKA_LIBS)
tests_unit_test_status_SOURCES = tests/unit/test_status.c
tests_unit_test_status_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_status_LDADD = $(cli_libs) $(CMOCKA_LIBS)
tests_unit_test_ask_SOURCES = tests/unit/test_ask.c cli/ask.c cli/output.c
tests_unit_test_ask_CPPFLAGS = $(AM_CPPFLAGS) -USYSCONFDIR -DSYSCONFDIR='"/nonexistent"'
tests_unit_test_ask_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_ask_LDADD = daemon/libdaemon.la lib/libbase.la $(JANSSON_LIBS) $(CMOCKA_LIBS)
tests_unit_test_read_secret_SOURCES = tests/unit/test_read_secret.c
tests_unit_test_read_secret_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_read_secret_LDADD = $(cli_libs) $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_output tests/unit/test_command tests/unit/test_status tests/unit/test_ask \
	tests/unit/test_read_secret tests/unit/test_explain_log

check_PROGRAMS += tests/unit/test_email_proxy
tests_unit_test_email_proxy_SOURCES = tests/unit/test_email_proxy.c
tests_unit_test_email_proxy_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_email_proxy_LDADD = $(cli_libs) $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_email_proxy

FUZZ_NAMES += sasl_xoauth2 email_proxy

check_PROGRAMS += tests/fuzz/replay_email_proxy
tests_fuzz_replay_email_proxy_SOURCES = tests/fuzz/fuzz_email_proxy.c tests/fuzz/foreign_sections.h tests/fuzz/replay.c
tests_fuzz_replay_email_proxy_LDADD = $(cli_libs)

check_PROGRAMS += tests/fuzz/replay_sasl_xoauth2
tests_fuzz_replay_sasl_xoauth2_SOURCES = tests/fuzz/fuzz_sasl_xoauth2.c tests/fuzz/foreign_sections.h tests/fuzz/replay.c
tests_fuzz_replay_sasl_xoauth2_LDADD = $(cli_libs)
