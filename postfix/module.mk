# An installation of Postfix: read, changed, changed back.
noinst_LTLIBRARIES += postfix/libpostfix.la
postfix_libpostfix_la_SOURCES = \
	postfix/apply_plan.c postfix/apply.h postfix/apply_private.h postfix/apply_undo.c \
	postfix/diff.c postfix/diff.h \
	postfix/files.c postfix/files.h postfix/files_backup.c \
	postfix/installation_tables.c postfix/installation.h postfix/installation_private.h postfix/installation_read.c \
	postfix/main_cf.c postfix/main_cf.h \
	postfix/master_cf.c postfix/master_cf.h \
	postfix/merge_values.c postfix/merge.h postfix/merge_notes.c postfix/merge_private.h postfix/merge_retired.c \
	postfix/milters.c postfix/milters.h \
	postfix/run.c postfix/run.h \
	postfix/text.c postfix/text.h \
	postfix/wished.c postfix/wished.h

dist_man_MANS += man/mailbearer-postfix.7

# Whole installations: each has a folder, installed as it stands.
EXTRA_DIST += postfix-examples
install-data-local: install-postfix-examples
uninstall-local: uninstall-postfix-examples
.PHONY: install-postfix-examples uninstall-postfix-examples
install-postfix-examples:
	cd '$(top_srcdir)/postfix-examples' && find . -type f | while read -r file; do \
		$(MKDIR_P) "$(DESTDIR)$(exampledir)/postfix/$${file%/*}" && \
		$(INSTALL_DATA) "$$file" "$(DESTDIR)$(exampledir)/postfix/$$file" || exit 1; done
uninstall-postfix-examples:
	rm -rf '$(DESTDIR)$(exampledir)/postfix'

postfix_test_libs = postfix/libpostfix.la daemon/libplain.la lib/libbase.la $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test_merge
tests_unit_test_merge_SOURCES = tests/unit/test_merge.c tests/unit/conf_file.h
tests_unit_test_merge_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_merge_LDADD = $(postfix_test_libs)
UNIT_TESTS += tests/unit/test_merge

check_PROGRAMS += tests/unit/test_postfix_texts
tests_unit_test_postfix_texts_SOURCES = tests/unit/test_postfix_texts.c
tests_unit_test_postfix_texts_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_postfix_texts_LDADD = $(postfix_test_libs)
UNIT_TESTS += tests/unit/test_postfix_texts

check_PROGRAMS += tests/unit/test_wished
tests_unit_test_wished_SOURCES = tests/unit/test_wished.c tests/unit/conf_file.h
tests_unit_test_wished_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_wished_LDADD = $(postfix_test_libs)
UNIT_TESTS += tests/unit/test_wished

check_PROGRAMS += tests/unit/test_installation
tests_unit_test_installation_SOURCES = tests/unit/test_installation.c
tests_unit_test_installation_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_installation_LDADD = $(postfix_test_libs)
UNIT_TESTS += tests/unit/test_installation

check_PROGRAMS += tests/unit/test_postfix_files
tests_unit_test_postfix_files_SOURCES = tests/unit/test_postfix_files.c
tests_unit_test_postfix_files_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_postfix_files_LDADD = $(postfix_test_libs)
UNIT_TESTS += tests/unit/test_postfix_files

check_PROGRAMS += tests/unit/test_run
tests_unit_test_run_SOURCES = tests/unit/test_run.c
tests_unit_test_run_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_run_LDADD = $(postfix_test_libs)
UNIT_TESTS += tests/unit/test_run

FUZZ_NAMES += postfix
check_PROGRAMS += tests/fuzz/replay_postfix
tests_fuzz_replay_postfix_SOURCES = tests/fuzz/fuzz_postfix.c tests/fuzz/replay.c
tests_fuzz_replay_postfix_LDADD = postfix/libpostfix.la lib/libbase.la
