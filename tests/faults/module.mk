# Preloaded by tests; see shim.c. Without sanitizers, since it comes before theirs.
check_LTLIBRARIES += tests/faults/shim.la
tests_faults_shim_la_SOURCES = tests/faults/shim.c tests/faults/shim.h
tests_faults_shim_la_CPPFLAGS = -D_GNU_SOURCE -I$(top_srcdir)
tests_faults_shim_la_CFLAGS = $(WARN_CFLAGS) -fno-builtin
tests_faults_shim_la_LDFLAGS = -module -avoid-version -shared -rpath /nonexistent
tests_faults_shim_la_LIBADD = -ldl
