# What reads JSON stands apart, so that a program which reads none links no JSON library.
noinst_LTLIBRARIES += daemon/libplain.la daemon/libdaemon.la
daemon_libplain_la_CFLAGS = $(AM_CFLAGS) $(CONFUSE_CFLAGS)
daemon_libplain_la_LIBADD = $(CONFUSE_LIBS)
daemon_libplain_la_SOURCES = \
	daemon/child.c daemon/child.h \
	daemon/dial.c daemon/dial.h \
	daemon/event.c daemon/event.h \
	daemon/file.c daemon/file.h \
	daemon/log.c daemon/log.h \
	daemon/milter_knock.c daemon/milter_knock.h \
	daemon/network.c daemon/network.h \
	daemon/notify.c daemon/notify.h \
	daemon/options.c daemon/options.h \
	daemon/privs.c daemon/privs.h \
	daemon/provider.c daemon/provider.h \
	daemon/senders.c daemon/senders.h \
	daemon/settings_load.c daemon/settings.h daemon/settings_private.h \
	daemon/settings_addresses.c \
	daemon/settings_build.c \
	daemon/settings_check.c \
	daemon/settings_files.c \
	daemon/settings_keys.c \
	daemon/settings_raw.c \
	daemon/settings_state.c daemon/settings_state.h \
	daemon/settings_text.c \
	daemon/settings_transports.c \
	daemon/settings_value.c
daemon_libdaemon_la_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
daemon_libdaemon_la_LIBADD = daemon/libplain.la $(JANSSON_LIBS)
daemon_libdaemon_la_SOURCES = \
	daemon/explain_find.c daemon/explain.h daemon/explain_private.h daemon/explain_text.c \
	daemon/explain_aadsts_table.c daemon/explain_advice_table.c daemon/explain_reply_table.c daemon/explain_word_table.c \
	daemon/jsondoc.c daemon/jsondoc.h \
	daemon/jwt_payload.c daemon/jwt_payload.h

daemon_test_libs = daemon/libdaemon.la lib/libbase.la $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test_child
tests_unit_test_child_SOURCES = tests/unit/test_child.c
tests_unit_test_child_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_child_LDADD = $(daemon_test_libs)
UNIT_TESTS += tests/unit/test_child

check_PROGRAMS += tests/unit/test_dial
tests_unit_test_dial_SOURCES = tests/unit/test_dial.c
tests_unit_test_dial_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_dial_LDADD = $(daemon_test_libs)
tests_unit_test_dial_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=clock_gettime -Wl,--wrap=connect -Wl,--wrap=freeaddrinfo -Wl,--wrap=getaddrinfo -Wl,--wrap=poll
UNIT_TESTS += tests/unit/test_dial

check_PROGRAMS += tests/unit/test_explain
tests_unit_test_explain_SOURCES = tests/unit/test_explain.c
tests_unit_test_explain_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_explain_LDADD = $(daemon_test_libs)
UNIT_TESTS += tests/unit/test_explain

check_PROGRAMS += tests/unit/test_file
tests_unit_test_file_SOURCES = tests/unit/test_file.c
tests_unit_test_file_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_file_LDADD = $(daemon_test_libs)
tests_unit_test_file_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=fsync -Wl,--wrap=link -Wl,--wrap=rename -Wl,--wrap=write
UNIT_TESTS += tests/unit/test_file

check_PROGRAMS += tests/unit/test_jsondoc
tests_unit_test_jsondoc_SOURCES = tests/unit/test_jsondoc.c
tests_unit_test_jsondoc_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_jsondoc_LDADD = $(daemon_test_libs)
UNIT_TESTS += tests/unit/test_jsondoc

check_PROGRAMS += tests/unit/test_log
tests_unit_test_log_SOURCES = tests/unit/test_log.c
tests_unit_test_log_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_log_LDADD = $(daemon_test_libs)
UNIT_TESTS += tests/unit/test_log

check_PROGRAMS += tests/unit/test_milter_knock
tests_unit_test_milter_knock_SOURCES = tests/unit/test_milter_knock.c
tests_unit_test_milter_knock_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_milter_knock_LDADD = $(daemon_test_libs)
UNIT_TESTS += tests/unit/test_milter_knock

check_PROGRAMS += tests/unit/test_notify
tests_unit_test_notify_SOURCES = tests/unit/test_notify.c
tests_unit_test_notify_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_notify_LDADD = $(daemon_test_libs)
UNIT_TESTS += tests/unit/test_notify

check_PROGRAMS += tests/unit/test_privs
tests_unit_test_privs_SOURCES = tests/unit/test_privs.c
tests_unit_test_privs_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_privs_LDADD = $(daemon_test_libs)
UNIT_TESTS += tests/unit/test_privs

check_PROGRAMS += tests/unit/test_provider
tests_unit_test_provider_SOURCES = tests/unit/test_provider.c
tests_unit_test_provider_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_provider_LDADD = $(daemon_test_libs)
UNIT_TESTS += tests/unit/test_provider

check_PROGRAMS += tests/unit/test_senders
tests_unit_test_senders_SOURCES = tests/unit/test_senders.c tests/unit/conf_file.h
tests_unit_test_senders_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_senders_LDADD = $(daemon_test_libs)
UNIT_TESTS += tests/unit/test_senders

check_PROGRAMS += tests/unit/test_settings
tests_unit_test_settings_SOURCES = tests/unit/test_settings.c tests/unit/conf_file.h
tests_unit_test_settings_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_settings_LDADD = $(daemon_test_libs)
UNIT_TESTS += tests/unit/test_settings

check_PROGRAMS += tests/unit/test_settings_errors
tests_unit_test_settings_errors_SOURCES = tests/unit/test_settings_errors.c tests/unit/conf_file.h
tests_unit_test_settings_errors_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_settings_errors_LDADD = $(daemon_test_libs)
UNIT_TESTS += tests/unit/test_settings_errors

check_PROGRAMS += tests/unit/test_settings_files
tests_unit_test_settings_files_SOURCES = tests/unit/test_settings_files.c tests/unit/conf_file.h
tests_unit_test_settings_files_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_settings_files_LDADD = $(daemon_test_libs)
UNIT_TESTS += tests/unit/test_settings_files

FUZZ_NAMES += settings network

check_PROGRAMS += tests/fuzz/replay_network
tests_fuzz_replay_network_SOURCES = tests/fuzz/fuzz_network.c tests/fuzz/replay.c
tests_fuzz_replay_network_LDADD = daemon/libdaemon.la lib/libbase.la
check_PROGRAMS += tests/fuzz/replay_settings
tests_fuzz_replay_settings_SOURCES = tests/fuzz/fuzz_settings.c tests/fuzz/replay.c
tests_fuzz_replay_settings_LDADD = daemon/libdaemon.la lib/libbase.la

FUZZ_NAMES += explain
check_PROGRAMS += tests/fuzz/replay_explain
tests_fuzz_replay_explain_SOURCES = tests/fuzz/fuzz_explain.c tests/fuzz/replay.c
tests_fuzz_replay_explain_LDADD = daemon/libdaemon.la lib/libbase.la

# Shows the tables of the code to the test of the documents.
check_PROGRAMS += tests/lint/dump_tables
tests_lint_dump_tables_SOURCES = tests/lint/dump_tables.c
tests_lint_dump_tables_LDADD = setup/libsetup.la check/libcheck.la postfix/libpostfix.la smtp/libsmtp.la client/libclient.la \
	daemon/libdaemon.la lib/libbase.la $(CURL_LIBS) $(JANSSON_LIBS) $(DL_LIBS)

# The build option as a distributor would use it, whatever this build has.
check_PROGRAMS += tests/unit/test_default_client
tests_unit_test_default_client_SOURCES = tests/unit/test_default_client.c tests/unit/conf_file.h daemon/settings_build.c
tests_unit_test_default_client_CPPFLAGS = $(AM_CPPFLAGS) -UDEFAULT_CLIENT_ID -DDEFAULT_CLIENT_ID='"shared-0001"'
tests_unit_test_default_client_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_default_client_LDADD = $(daemon_test_libs)
UNIT_TESTS += tests/unit/test_default_client
