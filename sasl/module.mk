# Loaded into the MTA's process: libc only (-z defs proves it at link time), one exported symbol.
LDFLAGS_MODULE = $(LDFLAGS_PLUGIN) -module -avoid-version -shared -export-symbols-regex '^sasl_client_plug_init$$'
if !SANITIZERS
LDFLAGS_MODULE += -Wl,-z,defs
endif

noinst_LTLIBRARIES += sasl/libresponse.la
sasl_libresponse_la_SOURCES = sasl/response.c sasl/response.h
sasl_libresponse_la_CFLAGS = $(CFLAGS_PLUGIN)

saslplugin_LTLIBRARIES += sasl/libmailbearer.la
sasl_libmailbearer_la_SOURCES = sasl/plugin.c sasl/mech.c sasl/mech.h
sasl_libmailbearer_la_CFLAGS = $(CFLAGS_PLUGIN)
sasl_libmailbearer_la_LDFLAGS = $(LDFLAGS_MODULE)
sasl_libmailbearer_la_LIBADD = sasl/libresponse.la client/libclient.la lib/libbase.la

# The same with half a second of patience, so that a test sees the deadline pass. Never installed.
check_LTLIBRARIES += tests/blackbox/libimpatient.la
tests_blackbox_libimpatient_la_SOURCES = sasl/plugin.c sasl/mech.c
tests_blackbox_libimpatient_la_CPPFLAGS = $(AM_CPPFLAGS) -DPLUGIN_DEADLINE_MS=500
tests_blackbox_libimpatient_la_CFLAGS = $(CFLAGS_PLUGIN)
tests_blackbox_libimpatient_la_LDFLAGS = $(LDFLAGS_MODULE) -rpath /nonexistent
tests_blackbox_libimpatient_la_LIBADD = $(sasl_libmailbearer_la_LIBADD)

check_PROGRAMS += tests/blackbox/saslclient tests/bench/bench_plugin tests/bench/bench_socket
tests_blackbox_saslclient_SOURCES = tests/blackbox/saslclient.c
tests_blackbox_saslclient_LDADD = $(SASL_LIBS)
tests_bench_bench_plugin_SOURCES = tests/bench/bench_plugin.c
tests_bench_bench_plugin_LDADD = $(SASL_LIBS)
tests_bench_bench_socket_SOURCES = tests/bench/bench_socket.c
tests_bench_bench_socket_LDADD = client/libclient.la lib/libbase.la

# The benchmarks, against the real tokend: figures, no verdict but that no request was lost. BENCH_FLAGS='--help' tells more.
.PHONY: bench
bench: all tests/bench/bench_plugin tests/bench/bench_socket tests/bench/bench_grants tests/bench/bench_milter \
	tests/bench/null_milter tests/unit/test_day
	MB_SRCDIR='$(abs_top_srcdir)' MB_BUILDDIR='$(abs_top_builddir)' $(PYTHON3) -B $(top_srcdir)/tests/bench/run.py $(BENCH_FLAGS)
EXTRA_DIST += tests/bench/run.py tests/bench/scale.py tests/bench/mail.py

check_PROGRAMS += tests/unit/test_response tests/unit/test_mech
tests_unit_test_response_SOURCES = tests/unit/test_response.c
tests_unit_test_response_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_response_LDADD = sasl/libresponse.la lib/libbase.la $(CMOCKA_LIBS)
# tokenclient_ask() is the test's own.
tests_unit_test_mech_SOURCES = tests/unit/test_mech.c sasl/mech.c
tests_unit_test_mech_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_mech_LDADD = sasl/libresponse.la lib/libbase.la $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_response tests/unit/test_mech

FUZZ_NAMES += challenge
check_PROGRAMS += tests/fuzz/replay_challenge
tests_fuzz_replay_challenge_SOURCES = tests/fuzz/fuzz_challenge.c tests/fuzz/replay.c
tests_fuzz_replay_challenge_LDADD = sasl/libresponse.la lib/libbase.la
