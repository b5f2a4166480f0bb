# The client's side of SMTP, for whoever speaks it. Only what calls smtp/relay.c needs libcurl.
noinst_LTLIBRARIES += smtp/libsmtp.la
smtp_libsmtp_la_SOURCES = \
	smtp/offers.c smtp/offers.h \
	smtp/relay.c smtp/relay.h \
	smtp/reply.c smtp/reply.h

check_PROGRAMS += tests/unit/test_reply
tests_unit_test_reply_SOURCES = tests/unit/test_reply.c
tests_unit_test_reply_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_reply_LDADD = smtp/libsmtp.la lib/libbase.la $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_reply

FUZZ_NAMES += reply
check_PROGRAMS += tests/fuzz/replay_reply
tests_fuzz_replay_reply_SOURCES = tests/fuzz/fuzz_reply.c tests/fuzz/replay.c
tests_fuzz_replay_reply_LDADD = smtp/libsmtp.la lib/libbase.la
