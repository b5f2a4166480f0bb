# libc only: this is also linked into somebody else's process.
noinst_LTLIBRARIES += lib/libbase.la
lib_libbase_la_SOURCES = \
	lib/base64url.c lib/base64url.h \
	lib/buf.c lib/buf.h \
	lib/deadline.c lib/deadline.h \
	lib/err.c lib/err.h \
	lib/fnv.c lib/fnv.h \
	lib/netstring.c lib/netstring.h \
	lib/secret.c lib/secret.h \
	lib/sock.c lib/sock.h lib/sock_listen.c lib/sock_private.h \
	lib/utf8.c lib/utf8.h \
	lib/urlencode.c lib/urlencode.h \
	lib/wire.c lib/wire.h

check_PROGRAMS += tests/unit/test_err
tests_unit_test_err_SOURCES = tests/unit/test_err.c
tests_unit_test_err_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_err_LDADD = lib/libbase.la $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_err

check_PROGRAMS += tests/unit/test_buf
tests_unit_test_buf_SOURCES = tests/unit/test_buf.c
tests_unit_test_buf_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_buf_LDADD = lib/libbase.la $(CMOCKA_LIBS)
tests_unit_test_buf_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=calloc -Wl,--wrap=free
UNIT_TESTS += tests/unit/test_buf

check_PROGRAMS += tests/unit/test_secret
tests_unit_test_secret_SOURCES = tests/unit/test_secret.c
tests_unit_test_secret_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_secret_LDADD = lib/libbase.la $(CMOCKA_LIBS)
tests_unit_test_secret_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=madvise -Wl,--wrap=mlock -Wl,--wrap=mmap -Wl,--wrap=munmap
UNIT_TESTS += tests/unit/test_secret

check_PROGRAMS += tests/unit/test_deadline
tests_unit_test_deadline_SOURCES = tests/unit/test_deadline.c
tests_unit_test_deadline_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_deadline_LDADD = lib/libbase.la $(CMOCKA_LIBS)
tests_unit_test_deadline_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=clock_gettime
UNIT_TESTS += tests/unit/test_deadline

check_PROGRAMS += tests/unit/test_sock
tests_unit_test_sock_SOURCES = tests/unit/test_sock.c tests/unit/socket_folder.h
tests_unit_test_sock_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_sock_LDADD = lib/libbase.la $(CMOCKA_LIBS)
tests_unit_test_sock_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=clock_gettime -Wl,--wrap=close -Wl,--wrap=connect -Wl,--wrap=poll -Wl,--wrap=recv \
	-Wl,--wrap=send
UNIT_TESTS += tests/unit/test_sock

check_PROGRAMS += tests/unit/test_sock_listen
tests_unit_test_sock_listen_SOURCES = tests/unit/test_sock_listen.c tests/unit/socket_folder.h
tests_unit_test_sock_listen_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_sock_listen_LDADD = lib/libbase.la $(CMOCKA_LIBS)
tests_unit_test_sock_listen_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=flock -Wl,--wrap=rename
UNIT_TESTS += tests/unit/test_sock_listen

check_PROGRAMS += tests/unit/test_netstring
tests_unit_test_netstring_SOURCES = tests/unit/test_netstring.c
tests_unit_test_netstring_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_netstring_LDADD = lib/libbase.la $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_netstring

check_PROGRAMS += tests/unit/test_wire
tests_unit_test_wire_SOURCES = tests/unit/test_wire.c
tests_unit_test_wire_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_wire_LDADD = lib/libbase.la $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_wire

check_PROGRAMS += tests/unit/test_fnv
tests_unit_test_fnv_SOURCES = tests/unit/test_fnv.c
tests_unit_test_fnv_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_fnv_LDADD = lib/libbase.la $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_fnv

check_PROGRAMS += tests/unit/test_utf8
tests_unit_test_utf8_SOURCES = tests/unit/test_utf8.c
tests_unit_test_utf8_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_utf8_LDADD = lib/libbase.la $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_utf8

FUZZ_NAMES += netstring wire frames base64url

check_PROGRAMS += tests/fuzz/replay_frames
tests_fuzz_replay_frames_SOURCES = tests/fuzz/fuzz_frames.c tests/fuzz/replay.c
tests_fuzz_replay_frames_LDADD = lib/libbase.la

check_PROGRAMS += tests/fuzz/replay_base64url
tests_fuzz_replay_base64url_SOURCES = tests/fuzz/fuzz_base64url.c tests/fuzz/replay.c
tests_fuzz_replay_base64url_LDADD = lib/libbase.la

check_PROGRAMS += tests/fuzz/replay_netstring
tests_fuzz_replay_netstring_SOURCES = tests/fuzz/fuzz_netstring.c tests/fuzz/replay.c
tests_fuzz_replay_netstring_LDADD = lib/libbase.la

check_PROGRAMS += tests/fuzz/replay_wire
tests_fuzz_replay_wire_SOURCES = tests/fuzz/fuzz_wire.c tests/fuzz/replay.c
tests_fuzz_replay_wire_LDADD = lib/libbase.la
