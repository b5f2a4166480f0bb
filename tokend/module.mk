# The pure modules and what is built on them: everything but main() and the doors, so that tests can put fakes in place
# of the doors.
noinst_LTLIBRARIES += tokend/libtokend.la
tokend_libtokend_la_SOURCES = \
	tokend/access.c tokend/access.h \
	tokend/account.c tokend/account.h \
	tokend/advice.c tokend/advice.h \
	tokend/broker_life.c tokend/broker.h tokend/broker_private.h \
	tokend/broker_begin.c tokend/broker_client.c tokend/broker_configure.c tokend/broker_consent.c \
	tokend/broker_expiry.c tokend/broker_grant.c tokend/broker_keeper.c tokend/broker_login.c \
	tokend/broker_maps.c tokend/broker_message.c tokend/broker_outcome.c tokend/broker_remedy.c tokend/broker_request.c \
	tokend/broker_status.c tokend/broker_turns.c \
	tokend/claims.c tokend/claims.h \
	tokend/consent.c tokend/consent.h \
	tokend/discovery.c tokend/discovery.h \
	tokend/expiry.c tokend/expiry.h \
	tokend/identity.c tokend/identity.h \
	tokend/loopback_listen.c tokend/loopback.h tokend/loopback_http.c tokend/loopback_private.h \
	tokend/jwt.c tokend/jwt.h tokend/jwt_private.h tokend/jwt_engine.c tokend/jwt_key.c \
	tokend/oauth_request.c tokend/oauth.h tokend/oauth_form.h \
	tokend/oauth_answer.c \
	tokend/service_account.c tokend/service_account.h \
	tokend/signin.c tokend/signin.h \
	tokend/oauth_metadata.c \
	tokend/outcome.c tokend/outcome.h \
	tokend/process.c tokend/process.h \
	tokend/seal.c tokend/seal.h \
	tokend/server_listener.c tokend/server.h tokend/server_private.h \
	tokend/server_client.c tokend/server_ops.c tokend/server_peers.c \
	tokend/store.c tokend/store.h \
	tokend/turns.c tokend/turns.h

# The doors: the disk, the event loop, the network.
noinst_LTLIBRARIES += tokend/libdoors.la
tokend_libdoors_la_SOURCES = \
	tokend/http_curl.c tokend/http.h tokend/http_error.c tokend/http_private.h \
	tokend/loop.c tokend/loop.h \
	tokend/sandbox.c tokend/sandbox.h \
	tokend/store_file_read.c tokend/store_file.h tokend/store_file_private.h tokend/store_file_write.c \
	tokend/writer.c tokend/writer.h

sbin_PROGRAMS += mailbearer-tokend
mailbearer_tokend_SOURCES = tokend/main.c
mailbearer_tokend_LDADD = tokend/libtokend.la tokend/libdoors.la daemon/libdaemon.la lib/libbase.la \
	$(CONFUSE_LIBS) $(EVENT_LIBS) $(CURL_LIBS) $(JANSSON_LIBS) $(OPENSSL_LIBS) \
	$(SECCOMP_LIBS) $(THREAD_LIBS)

tokend_test_libs = tokend/libtokend.la daemon/libdaemon.la lib/libbase.la $(JANSSON_LIBS) $(OPENSSL_LIBS)
tokend_door_libs = tokend/libdoors.la $(tokend_test_libs) $(EVENT_LIBS) $(CURL_LIBS) $(CMOCKA_LIBS) $(THREAD_LIBS)

check_PROGRAMS += tests/unit/test_access
tests_unit_test_access_SOURCES = tests/unit/test_access.c
tests_unit_test_access_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_access_LDADD = $(tokend_test_libs) $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_access

if SECCOMP
check_PROGRAMS += tests/unit/test_sandbox
tests_unit_test_sandbox_SOURCES = tests/unit/test_sandbox.c
tests_unit_test_sandbox_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_sandbox_LDADD = tokend/libdoors.la $(tokend_test_libs) $(SECCOMP_LIBS) $(CMOCKA_LIBS) $(THREAD_LIBS)
UNIT_TESTS += tests/unit/test_sandbox
endif

check_PROGRAMS += tests/unit/test_account
tests_unit_test_account_SOURCES = tests/unit/test_account.c
tests_unit_test_account_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_account_LDADD = $(tokend_test_libs) $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_account

check_PROGRAMS += tests/unit/test_account_random
tests_unit_test_account_random_SOURCES = tests/unit/test_account_random.c
tests_unit_test_account_random_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_account_random_LDADD = $(tokend_test_libs) $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_account_random

check_PROGRAMS += tests/unit/test_turns
tests_unit_test_turns_SOURCES = tests/unit/test_turns.c
tests_unit_test_turns_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_turns_LDADD = $(tokend_test_libs) $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_turns

check_PROGRAMS += tests/unit/test_day
tests_unit_test_day_SOURCES = tests/unit/test_day.c
tests_unit_test_day_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_day_LDADD = $(tokend_test_libs) $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_day

check_PROGRAMS += tests/unit/test_jwt
tests_unit_test_jwt_SOURCES = tests/unit/test_jwt.c
tests_unit_test_jwt_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(JANSSON_CFLAGS) $(OPENSSL_CFLAGS)
tests_unit_test_jwt_LDADD = $(tokend_test_libs) $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_jwt

check_PROGRAMS += tests/unit/test_oauth
tests_unit_test_oauth_SOURCES = tests/unit/test_oauth.c
tests_unit_test_oauth_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_oauth_LDADD = $(tokend_test_libs) $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_oauth

check_PROGRAMS += tests/unit/test_signin
tests_unit_test_signin_SOURCES = tests/unit/test_signin.c
tests_unit_test_signin_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_signin_LDADD = $(tokend_test_libs) $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_signin

check_PROGRAMS += tests/unit/test_outcome
tests_unit_test_outcome_SOURCES = tests/unit/test_outcome.c
tests_unit_test_outcome_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_outcome_LDADD = $(tokend_test_libs) $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_outcome

check_PROGRAMS += tests/unit/test_seal
tests_unit_test_seal_SOURCES = tests/unit/test_seal.c
tests_unit_test_seal_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_seal_LDADD = $(tokend_test_libs) $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_seal

check_PROGRAMS += tests/unit/test_store
tests_unit_test_store_SOURCES = tests/unit/test_store.c
tests_unit_test_store_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_store_LDADD = $(tokend_test_libs) $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_store

check_PROGRAMS += tests/unit/test_store_file
tests_unit_test_store_file_SOURCES = tests/unit/test_store_file.c
tests_unit_test_store_file_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_store_file_LDADD = $(tokend_door_libs)
UNIT_TESTS += tests/unit/test_store_file

check_PROGRAMS += tests/unit/test_writer
tests_unit_test_writer_SOURCES = tests/unit/test_writer.c
tests_unit_test_writer_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_writer_LDADD = $(tokend_door_libs)
UNIT_TESTS += tests/unit/test_writer

# Fills a state directory for tests/bench/scale.py.
check_PROGRAMS += tests/bench/bench_grants
tests_bench_bench_grants_SOURCES = tests/bench/bench_grants.c
tests_bench_bench_grants_LDADD = tokend/libdoors.la tokend/libtokend.la daemon/libdaemon.la lib/libbase.la $(JANSSON_LIBS) \
	$(OPENSSL_LIBS) $(EVENT_LIBS) $(THREAD_LIBS)

FUZZ_NAMES += token_answer discovery store_record seal

check_PROGRAMS += tests/fuzz/replay_token_answer
tests_fuzz_replay_token_answer_SOURCES = tests/fuzz/fuzz_token_answer.c tests/fuzz/replay.c
tests_fuzz_replay_token_answer_LDADD = $(tokend_test_libs)

check_PROGRAMS += tests/fuzz/replay_discovery
tests_fuzz_replay_discovery_SOURCES = tests/fuzz/fuzz_discovery.c tests/fuzz/replay.c
tests_fuzz_replay_discovery_LDADD = $(tokend_test_libs)

check_PROGRAMS += tests/fuzz/replay_store_record
tests_fuzz_replay_store_record_SOURCES = tests/fuzz/fuzz_store_record.c tests/fuzz/replay.c
tests_fuzz_replay_store_record_LDADD = $(tokend_test_libs)

check_PROGRAMS += tests/fuzz/replay_seal
tests_fuzz_replay_seal_SOURCES = tests/fuzz/fuzz_seal.c tests/fuzz/replay.c
tests_fuzz_replay_seal_LDADD = $(tokend_test_libs)

check_PROGRAMS += tests/unit/test_oauth_metadata
tests_unit_test_oauth_metadata_SOURCES = tests/unit/test_oauth_metadata.c
tests_unit_test_oauth_metadata_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_oauth_metadata_LDADD = $(tokend_test_libs) $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_oauth_metadata

# The broker and the server on fakes of the doors: time, randomness, the network, the disk and the log are the test's own.
fake_doors = \
	tests/unit/fake_http.c tests/unit/fake_http.h \
	tests/unit/fake_log.c tests/unit/fake_log.h \
	tests/unit/fake_loop.c tests/unit/fake_loop.h \
	tests/unit/fake_store.c tests/unit/fake_store.h
broker_world = $(fake_doors) tests/unit/broker_world.c tests/unit/broker_world.h

check_PROGRAMS += tests/unit/test_broker_tokens
tests_unit_test_broker_tokens_SOURCES = tests/unit/test_broker_tokens.c $(broker_world)
tests_unit_test_broker_tokens_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_broker_tokens_LDADD = $(tokend_test_libs) $(CONFUSE_LIBS) $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_broker_tokens

check_PROGRAMS += tests/unit/test_broker_grants
tests_unit_test_broker_grants_SOURCES = tests/unit/test_broker_grants.c $(broker_world)
tests_unit_test_broker_grants_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_broker_grants_LDADD = $(tokend_test_libs) $(CONFUSE_LIBS) $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_broker_grants

check_PROGRAMS += tests/unit/test_broker_saving
tests_unit_test_broker_saving_SOURCES = tests/unit/test_broker_saving.c $(broker_world)
tests_unit_test_broker_saving_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_broker_saving_LDADD = $(tokend_test_libs) $(CONFUSE_LIBS) $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_broker_saving

check_PROGRAMS += tests/unit/test_broker_turns
tests_unit_test_broker_turns_SOURCES = tests/unit/test_broker_turns.c $(broker_world)
tests_unit_test_broker_turns_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_broker_turns_LDADD = $(tokend_test_libs) $(CONFUSE_LIBS) $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_broker_turns

check_PROGRAMS += tests/unit/test_discovery
tests_unit_test_discovery_SOURCES = tests/unit/test_discovery.c $(fake_doors)
tests_unit_test_discovery_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_discovery_LDADD = $(tokend_test_libs) $(CONFUSE_LIBS) $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_discovery

# The broker is the tests' own.
server_world = tests/unit/server_world.c tests/unit/server_world.h \
	tests/unit/fake_log.c tests/unit/fake_log.h tests/unit/fake_loop.c tests/unit/fake_loop.h

check_PROGRAMS += tests/unit/test_server
tests_unit_test_server_SOURCES = tests/unit/test_server.c $(server_world)
tests_unit_test_server_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_server_LDADD = $(tokend_test_libs) $(CMOCKA_LIBS)
tests_unit_test_server_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=getsockopt -Wl,--wrap=accept4
UNIT_TESTS += tests/unit/test_server

check_PROGRAMS += tests/unit/test_server_bounds
tests_unit_test_server_bounds_SOURCES = tests/unit/test_server_bounds.c $(server_world)
tests_unit_test_server_bounds_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_server_bounds_LDADD = $(tokend_test_libs) $(CMOCKA_LIBS)
tests_unit_test_server_bounds_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=getsockopt -Wl,--wrap=accept4
UNIT_TESTS += tests/unit/test_server_bounds

check_PROGRAMS += tests/unit/test_loop
tests_unit_test_loop_SOURCES = tests/unit/test_loop.c
tests_unit_test_loop_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_loop_LDADD = $(tokend_door_libs)
tests_unit_test_loop_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=clock_gettime
UNIT_TESTS += tests/unit/test_loop

check_PROGRAMS += tests/unit/test_http
tests_unit_test_http_SOURCES = tests/unit/test_http.c
tests_unit_test_http_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_http_LDADD = $(tokend_door_libs)
UNIT_TESTS += tests/unit/test_http

check_PROGRAMS += tests/unit/test_identity
tests_unit_test_identity_SOURCES = tests/unit/test_identity.c
tests_unit_test_identity_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_identity_LDADD = $(tokend_test_libs) $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_identity

check_PROGRAMS += tests/unit/test_service_account
tests_unit_test_service_account_SOURCES = tests/unit/test_service_account.c
tests_unit_test_service_account_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(JANSSON_CFLAGS) $(OPENSSL_CFLAGS)
tests_unit_test_service_account_LDADD = $(tokend_test_libs) $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_service_account

check_PROGRAMS += tests/unit/test_consent
tests_unit_test_consent_SOURCES = tests/unit/test_consent.c
tests_unit_test_consent_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_consent_LDADD = $(tokend_test_libs) $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_consent

check_PROGRAMS += tests/unit/test_claims
tests_unit_test_claims_SOURCES = tests/unit/test_claims.c
tests_unit_test_claims_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_claims_LDADD = $(tokend_test_libs) $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_claims

check_PROGRAMS += tests/unit/test_loopback
tests_unit_test_loopback_SOURCES = tests/unit/test_loopback.c tests/unit/fake_loop.c tests/unit/fake_loop.h
tests_unit_test_loopback_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_loopback_LDADD = $(tokend_test_libs) $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_loopback

check_PROGRAMS += tests/unit/test_broker_login
tests_unit_test_broker_login_SOURCES = tests/unit/test_broker_login.c $(broker_world)
tests_unit_test_broker_login_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_broker_login_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=strdup
tests_unit_test_broker_login_LDADD = $(tokend_test_libs) $(CONFUSE_LIBS) $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_broker_login

FUZZ_NAMES += callback loopback claims device identity service_account

check_PROGRAMS += tests/fuzz/replay_claims
tests_fuzz_replay_claims_SOURCES = tests/fuzz/fuzz_claims.c tests/fuzz/replay.c
tests_fuzz_replay_claims_LDADD = $(tokend_test_libs)

check_PROGRAMS += tests/fuzz/replay_device
tests_fuzz_replay_device_SOURCES = tests/fuzz/fuzz_device.c tests/fuzz/replay.c
tests_fuzz_replay_device_LDADD = $(tokend_test_libs)

check_PROGRAMS += tests/fuzz/replay_identity
tests_fuzz_replay_identity_SOURCES = tests/fuzz/fuzz_identity.c tests/fuzz/replay.c
tests_fuzz_replay_identity_LDADD = $(tokend_test_libs)

check_PROGRAMS += tests/fuzz/replay_service_account
tests_fuzz_replay_service_account_SOURCES = tests/fuzz/fuzz_service_account.c tests/fuzz/replay.c
tests_fuzz_replay_service_account_LDADD = $(tokend_test_libs)

check_PROGRAMS += tests/fuzz/replay_callback
tests_fuzz_replay_callback_SOURCES = tests/fuzz/fuzz_callback.c tests/fuzz/replay.c
tests_fuzz_replay_callback_LDADD = $(tokend_test_libs)

check_PROGRAMS += tests/fuzz/replay_loopback
tests_fuzz_replay_loopback_SOURCES = tests/fuzz/fuzz_loopback.c tests/fuzz/replay.c
tests_fuzz_replay_loopback_LDADD = $(tokend_test_libs)

check_PROGRAMS += tests/unit/test_expiry
tests_unit_test_expiry_SOURCES = tests/unit/test_expiry.c
tests_unit_test_expiry_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_expiry_LDADD = $(tokend_test_libs) $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_expiry

check_PROGRAMS += tests/unit/test_broker_expiry
tests_unit_test_broker_expiry_SOURCES = tests/unit/test_broker_expiry.c $(broker_world)
tests_unit_test_broker_expiry_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_broker_expiry_LDADD = $(tokend_test_libs) $(CONFUSE_LIBS) $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_broker_expiry
