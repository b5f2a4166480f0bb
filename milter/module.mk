# The pure core: no I/O, no clock, no log, no libmilter. What decides about a message can be tested without one.
noinst_LTLIBRARIES += milter/libmilterpolicy.la
milter_libmilterpolicy_la_SOURCES = \
	milter/address.c milter/address.h \
	milter/scan.c milter/scan.h \
	milter/compose.c milter/compose.h \
	milter/encoded_word.c milter/encoded_word.h \
	milter/gates.c milter/gates.h \
	milter/policy_decide.c milter/policy.h milter/policy_private.h \
	milter/policy_changes.c \
	milter/reply.c milter/reply.h \
	milter/rules.c milter/rules.h
milter_policy_libs = milter/libmilterpolicy.la daemon/libdaemon.la lib/libbase.la

check_PROGRAMS += tests/unit/test_address
tests_unit_test_address_SOURCES = tests/unit/test_address.c
tests_unit_test_address_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_address_LDADD = $(milter_policy_libs) $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_address

check_PROGRAMS += tests/unit/test_compose
tests_unit_test_compose_SOURCES = tests/unit/test_compose.c
tests_unit_test_compose_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_compose_LDADD = $(milter_policy_libs) $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_compose

check_PROGRAMS += tests/unit/test_policy
tests_unit_test_policy_SOURCES = tests/unit/test_policy.c tests/unit/policy_world.h tests/unit/conf_file.h
tests_unit_test_policy_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_policy_LDADD = $(milter_policy_libs) $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_policy

check_PROGRAMS += tests/unit/test_policy_modes
tests_unit_test_policy_modes_SOURCES = tests/unit/test_policy_modes.c tests/unit/policy_world.h tests/unit/conf_file.h
tests_unit_test_policy_modes_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_policy_modes_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=calloc
tests_unit_test_policy_modes_LDADD = $(milter_policy_libs) $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_policy_modes

check_PROGRAMS += tests/unit/test_rules
tests_unit_test_rules_SOURCES = tests/unit/test_rules.c
tests_unit_test_rules_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_rules_LDADD = $(milter_policy_libs) $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_rules

check_PROGRAMS += tests/unit/test_gates
tests_unit_test_gates_SOURCES = tests/unit/test_gates.c
tests_unit_test_gates_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_gates_LDADD = $(milter_policy_libs) $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_gates

check_PROGRAMS += tests/unit/test_milter_reply
tests_unit_test_milter_reply_SOURCES = tests/unit/test_milter_reply.c
tests_unit_test_milter_reply_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_milter_reply_LDADD = $(milter_policy_libs) $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_milter_reply

FUZZ_NAMES += from
check_PROGRAMS += tests/fuzz/replay_from
tests_fuzz_replay_from_SOURCES = tests/fuzz/fuzz_from.c tests/fuzz/replay.c
tests_fuzz_replay_from_LDADD = $(milter_policy_libs)

# Our reader and writer beside GMime's, for the differential test.
if HAVE_GMIME
check_PROGRAMS += tests/differential/harness
endif
tests_differential_harness_SOURCES = tests/differential/harness.c
tests_differential_harness_CFLAGS = $(AM_CFLAGS) $(GMIME_CFLAGS)
tests_differential_harness_LDADD = $(milter_policy_libs) $(GMIME_LIBS)
# Everything but main().
noinst_LTLIBRARIES += milter/libshell.la
milter_libshell_la_SOURCES = \
	milter/callbacks.c milter/callbacks.h \
	milter/conf.c milter/conf.h \
	milter/health.c milter/health.h \
	milter/judge.c milter/judge.h \
	milter/process.c milter/process.h \
	milter/report.c milter/report.h \
	milter/route.c milter/route.h \
	milter/session.c milter/session.h

sbin_PROGRAMS += mailbearer-milter
mailbearer_milter_SOURCES = milter/main.c
mailbearer_milter_LDADD = milter/libshell.la milter/libmilterpolicy.la client/libclient.la daemon/libplain.la \
	lib/libbase.la $(MILTER_LIBS)

# Of the shell, what wants no libmilter.
check_PROGRAMS += tests/unit/test_milter_session tests/unit/test_milter_judge
tests_unit_test_milter_session_SOURCES = tests/unit/test_milter_session.c tests/unit/session_world.h tests/unit/conf_file.h
tests_unit_test_milter_session_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_milter_session_LDADD = milter/libshell.la $(milter_policy_libs) $(CMOCKA_LIBS)
tests_unit_test_milter_judge_SOURCES = tests/unit/test_milter_judge.c tests/unit/session_world.h tests/unit/conf_file.h \
	tests/unit/fake_log.c tests/unit/fake_log.h
tests_unit_test_milter_judge_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_milter_judge_LDADD = milter/libshell.la $(milter_policy_libs) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_milter_conf
tests_unit_test_milter_conf_SOURCES = tests/unit/test_milter_conf.c tests/unit/fake_log.c tests/unit/fake_log.h
tests_unit_test_milter_conf_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_milter_conf_LDADD = milter/libshell.la $(milter_policy_libs) $(CMOCKA_LIBS)
tests_unit_test_milter_conf_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=read
UNIT_TESTS += tests/unit/test_milter_session tests/unit/test_milter_judge tests/unit/test_milter_conf

BLACKBOX_TESTS += tests/blackbox/test_milter.py
EXTRA_DIST += tests/blackbox/milter_client.py tests/blackbox/milter_world.py

# What it costs, beside a milter that decides nothing: part of `make bench`.
check_PROGRAMS += tests/bench/bench_milter tests/bench/null_milter
tests_bench_bench_milter_SOURCES = tests/bench/bench_milter.c
tests_bench_bench_milter_LDADD = -lpthread
tests_bench_null_milter_SOURCES = tests/bench/null_milter.c
tests_bench_null_milter_LDADD = $(MILTER_LIBS)
EXTRA_DIST += tests/bench/milter.py
