# Everything but main() is a library, so that the tests link what they test.
noinst_LTLIBRARIES += cli/libcli.la
cli_libcli_la_SOURCES = \
	cli/admin.c \
	cli/ask.c cli/ask.h \
	cli/cli.h \
	cli/command.c cli/command.h \
	cli/grant.c \
	cli/output.c cli/output.h \
	cli/read_secret.c cli/read_secret.h \
	cli/status.c cli/status.h \
	cli/token.c
cli_libs = cli/libcli.la client/libclient.la daemon/libdaemon.la lib/libbase.la $(JANSSON_LIBS)

bin_PROGRAMS += mailbearer
mailbearer_SOURCES = cli/main.c
mailbearer_LDADD = $(cli_libs)
