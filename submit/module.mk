# Everything but main() is a library, so that the tests link what they test; what is pure in one of its own, for fuzzing.
noinst_LTLIBRARIES += submit/libsubmitpure.la submit/libsubmit.la
submit_libsubmitpure_la_SOURCES = \
	submit/content.c submit/content.h \
	submit/lmtp.c submit/lmtp.h
submit_sources = \
	submit/channel.c submit/channel.h \
	submit/hop.c submit/hop.h \
	submit/message.c submit/message.h \
	submit/patience.h \
	submit/route.c submit/route.h \
	submit/session.c submit/session.h \
	submit/slot.c submit/slot.h
submit_libsubmit_la_SOURCES = $(submit_sources)
submit_libs = submit/libsubmitpure.la smtp/libsmtp.la client/libclient.la daemon/libdaemon.la lib/libbase.la $(CURL_LIBS)

sbin_PROGRAMS += mailbearer-submit
dist_man_MANS += man/mailbearer-sendmail.7
mailbearer_submit_SOURCES = submit/main.c
mailbearer_submit_LDADD = submit/libsubmit.la $(submit_libs)

# The same with little patience, so that a test sees each deadline pass. Never installed.
BLACKBOX_TESTS += tests/blackbox/test_submit.py
check_PROGRAMS += tests/blackbox/impatient_submit
tests_blackbox_impatient_submit_SOURCES = submit/main.c $(submit_sources)
tests_blackbox_impatient_submit_CPPFLAGS = $(AM_CPPFLAGS) -DPATIENCE_OF_A_TEST
tests_blackbox_impatient_submit_LDADD = $(submit_libs)

check_PROGRAMS += tests/unit/test_content tests/unit/test_lmtp
tests_unit_test_content_SOURCES = tests/unit/test_content.c
tests_unit_test_content_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_content_LDADD = submit/libsubmitpure.la smtp/libsmtp.la lib/libbase.la $(CMOCKA_LIBS)
tests_unit_test_lmtp_SOURCES = tests/unit/test_lmtp.c
tests_unit_test_lmtp_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_lmtp_LDADD = submit/libsubmitpure.la smtp/libsmtp.la lib/libbase.la $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_content tests/unit/test_lmtp

check_PROGRAMS += tests/unit/test_slot tests/unit/test_channel
tests_unit_test_slot_SOURCES = tests/unit/test_slot.c
tests_unit_test_slot_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_slot_LDADD = submit/libsubmit.la $(submit_libs) $(CMOCKA_LIBS)
tests_unit_test_channel_SOURCES = tests/unit/test_channel.c
tests_unit_test_channel_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_channel_LDADD = submit/libsubmit.la $(submit_libs) $(CMOCKA_LIBS)
# tokenclient_ask() is the test's own.
check_PROGRAMS += tests/unit/test_submit_route
tests_unit_test_submit_route_SOURCES = tests/unit/test_submit_route.c tests/unit/conf_file.h
tests_unit_test_submit_route_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_submit_route_LDADD = submit/libsubmit.la $(submit_libs) $(CMOCKA_LIBS)
# And here the relay is, too.
check_PROGRAMS += tests/unit/test_submit_session
tests_unit_test_submit_session_SOURCES = tests/unit/test_submit_session.c tests/unit/conf_file.h \
	tests/unit/fake_log.c tests/unit/fake_log.h
tests_unit_test_submit_session_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_submit_session_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=calloc
tests_unit_test_submit_session_LDADD = submit/libsubmit.la $(submit_libs) $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_slot tests/unit/test_channel tests/unit/test_submit_route tests/unit/test_submit_session

FUZZ_NAMES += lmtp
check_PROGRAMS += tests/fuzz/replay_lmtp
tests_fuzz_replay_lmtp_SOURCES = tests/fuzz/fuzz_lmtp.c tests/fuzz/replay.c
tests_fuzz_replay_lmtp_LDADD = submit/libsubmitpure.la smtp/libsmtp.la lib/libbase.la

# Programs that log in themselves, with a token of `mailbearer token`: examples, and the ring that runs each.
EXTRA_DIST += mta-examples
SYSTEM_TESTS += tests/system/test_programs.py tests/system/test_exim.py tests/system/test_opensmtpd.py
EXTRA_DIST += tests/system/exim.py tests/system/opensmtpd.py
