# The steps of `mailbearer check`.
noinst_LTLIBRARIES += check/libcheck.la
check_libcheck_la_CPPFLAGS = $(AM_CPPFLAGS) -DSASLPLUGINDIR='"$(saslplugindir)"'
check_libcheck_la_SOURCES = \
	check/account.c \
	check/check.c check/check.h \
	check/chroot.c \
	check/claims.c check/claims.h \
	check/daemon.c \
	check/files.c check/files.h \
	check/finding.c check/finding.h \
	check/local.c \
	check/milter.c \
	check/mta.c check/mta.h \
	check/options.h \
	check/plugin.c \
	check/plugins.c check/plugins.h \
	check/postfix.c \
	check/refused.c check/refused.h \
	check/server.c \
	check/steps.h \
	check/transport.c \
	check/values.c check/values.h \
	check/world.c check/world.h

check_PROGRAMS += tests/unit/test_check
tests_unit_test_check_SOURCES = tests/unit/test_check.c tests/unit/conf_file.h
tests_unit_test_check_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_check_LDADD = $(cli_libs) $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_check
BLACKBOX_TESTS += tests/blackbox/test_check.py
SYSTEM_TESTS += tests/system/test_check.py
