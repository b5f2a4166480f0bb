# The guided first run. What is pure, and what writes files, is linked by the tests without the rest.
noinst_LTLIBRARIES += setup/libsetup.la
setup_libsetup_la_CPPFLAGS = $(AM_CPPFLAGS) -DSBINDIR='"$(sbindir)"'
setup_libsetup_la_SOURCES = \
	setup/ask.c setup/ask.h \
	setup/conf_edit.c setup/conf_edit.h \
	setup/debt.c setup/debt.h \
	setup/doors.h \
	setup/fate.c setup/fate.h \
	setup/fetch.c setup/fetch.h \
	setup/files.c setup/files.h \
	setup/flow.c setup/flow.h \
	setup/homework.c setup/homework.h \
	setup/mta.c setup/mta.h setup/mta_test.c \
	setup/plan.c setup/plan.h \
	setup/question.c setup/question.h \
	setup/service.c setup/service.h \
	setup/tenant.c setup/tenant.h \
	setup/write.c setup/write.h

setup_test_libs = setup/libsetup.la postfix/libpostfix.la daemon/libdaemon.la lib/libbase.la \
	$(JANSSON_LIBS) $(CURL_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_conf_edit
tests_unit_test_conf_edit_SOURCES = tests/unit/test_conf_edit.c
tests_unit_test_conf_edit_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_conf_edit_LDADD = $(setup_test_libs)
check_PROGRAMS += tests/unit/test_setup_plan
tests_unit_test_setup_plan_SOURCES = tests/unit/test_setup_plan.c
tests_unit_test_setup_plan_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_setup_plan_LDADD = $(setup_test_libs)
UNIT_TESTS += tests/unit/test_conf_edit tests/unit/test_setup_plan
# fetch() is the test's own.
check_PROGRAMS += tests/unit/test_setup_ask
tests_unit_test_setup_ask_SOURCES = tests/unit/test_setup_ask.c
tests_unit_test_setup_ask_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_setup_ask_LDADD = $(setup_test_libs)
UNIT_TESTS += tests/unit/test_setup_ask
check_PROGRAMS += tests/unit/test_setup_machine
tests_unit_test_setup_machine_SOURCES = tests/unit/test_setup_machine.c
tests_unit_test_setup_machine_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_setup_machine_LDADD = $(setup_test_libs)
UNIT_TESTS += tests/unit/test_setup_machine
