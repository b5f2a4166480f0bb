noinst_LTLIBRARIES += client/libclient.la
client_libclient_la_SOURCES = client/tokenclient.c client/tokenclient.h

check_PROGRAMS += tests/unit/test_tokenclient
tests_unit_test_tokenclient_SOURCES = tests/unit/test_tokenclient.c
tests_unit_test_tokenclient_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_tokenclient_LDADD = client/libclient.la lib/libbase.la $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_tokenclient
