noinst_LTLIBRARIES += client/libclient.la
client_libclient_la_SOURCES = client/tokenclient.c client/tokenclient.h
