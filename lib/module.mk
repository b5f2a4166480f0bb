# libc only: this is also linked into somebody else's process.
noinst_LTLIBRARIES += lib/libbase.la
lib_libbase_la_SOURCES = \
	lib/buf.c lib/buf.h \
	lib/deadline.c lib/deadline.h \
	lib/err.c lib/err.h \
	lib/netstring.c lib/netstring.h \
	lib/secret.c lib/secret.h \
	lib/sock.c lib/sock.h lib/sock_listen.c lib/sock_private.h \
	lib/wire.c lib/wire.h
