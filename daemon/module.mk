noinst_LTLIBRARIES += daemon/libdaemon.la
daemon_libdaemon_la_CFLAGS = $(AM_CFLAGS) $(CONFUSE_CFLAGS) $(JANSSON_CFLAGS)
daemon_libdaemon_la_LIBADD = $(CONFUSE_LIBS) $(JANSSON_LIBS)
daemon_libdaemon_la_SOURCES = \
	daemon/event.c daemon/event.h \
	daemon/jsondoc.c daemon/jsondoc.h \
	daemon/log.c daemon/log.h \
	daemon/notify.c daemon/notify.h \
	daemon/privs.c daemon/privs.h \
	daemon/provider.c daemon/provider.h \
	daemon/senders.c daemon/senders.h \
	daemon/settings.c daemon/settings.h daemon/settings_private.h \
	daemon/settings_addresses.c \
	daemon/settings_build.c \
	daemon/settings_check.c \
	daemon/settings_files.c \
	daemon/settings_keys.c \
	daemon/settings_raw.c \
	daemon/settings_text.c \
	daemon/settings_value.c
