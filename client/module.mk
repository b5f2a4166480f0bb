noinst_LTLIBRARIES += client/libclient.la
client_libclient_la_SOURCES = client/tokenclient.c client/tokenclient.h

check_PROGRAMS += tests/unit/test_tokenclient
tests_unit_test_tokenclient_SOURCES = tests/unit/test_tokenclient.c tests/unit/socket_folder.h
tests_unit_test_tokenclient_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_tokenclient_LDADD = client/libclient.la lib/libbase.la $(CMOCKA_LIBS)
tests_unit_test_tokenclient_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=clock_gettime -Wl,--wrap=close -Wl,--wrap=connect -Wl,--wrap=free -Wl,--wrap=poll \
	-Wl,--wrap=recv -Wl,--wrap=send -Wl,--wrap=socket
UNIT_TESTS += tests/unit/test_tokenclient

check_PROGRAMS += tests/unit/test_tokenclient_real
tests_unit_test_tokenclient_real_SOURCES = tests/unit/test_tokenclient_real.c tests/unit/socket_folder.h
tests_unit_test_tokenclient_real_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_tokenclient_real_LDADD = client/libclient.la lib/libbase.la $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_tokenclient_real
