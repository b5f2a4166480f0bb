# How the rings are run. Every test speaks TAP, so that each case counts.
TEST_EXTENSIONS = .py
TAP_DRIVER = $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' CMOCKA_MESSAGE_OUTPUT=TAP $(TAP_DRIVER)
PY_LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(TAP_DRIVER)
PY_LOG_COMPILER = $(PYTHON3) -B
AM_TESTS_ENVIRONMENT = \
	MB_SRCDIR='$(abs_top_srcdir)'; export MB_SRCDIR; \
	MB_BUILDDIR='$(abs_top_builddir)'; export MB_BUILDDIR; \
	ASAN_OPTIONS='abort_on_error=0:detect_leaks=1:allocator_may_return_null=1'; export ASAN_OPTIONS; \
	UBSAN_OPTIONS='print_stacktrace=1:halt_on_error=1'; export UBSAN_OPTIONS;

LINT_TESTS += \
	tests/lint/check_includes.py \
	tests/lint/check_style.py \
	tests/lint/check_documents.py

# Name by name, since automake makes a rule for each that it can read here.
FUZZ_REPLAYS = \
	tests/fuzz/replay_netstring \
	tests/fuzz/replay_wire \
	tests/fuzz/replay_frames \
	tests/fuzz/replay_base64url \
	tests/fuzz/replay_network \
	tests/fuzz/replay_claims \
	tests/fuzz/replay_device \
	tests/fuzz/replay_identity \
	tests/fuzz/replay_service_account \
	tests/fuzz/replay_sasl_xoauth2 \
	tests/fuzz/replay_email_proxy \
	tests/fuzz/replay_settings \
	tests/fuzz/replay_explain \
	tests/fuzz/replay_challenge \
	tests/fuzz/replay_callback \
	tests/fuzz/replay_loopback \
	tests/fuzz/replay_token_answer \
	tests/fuzz/replay_discovery \
	tests/fuzz/replay_store_record \
	tests/fuzz/replay_seal \
	tests/fuzz/replay_lmtp \
	tests/fuzz/replay_postfix \
	tests/fuzz/replay_reply \
	tests/fuzz/replay_from

TESTS = $(UNIT_TESTS) $(FUZZ_REPLAYS) $(LINT_TESTS) $(BLACKBOX_TESTS)
# Ours beside other readers of mail: wants GMime. With more cases, or another seed: see HACKING.md.
DIFFERENTIAL_TESTS = tests/differential/test_from.py

EXTRA_DIST += tests/tap.py tests/fuzz/replay.c tests/fuzz/all.c tests/fuzz/run.sh tests/fuzz/prove.py tests/fuzz/corpus \
	tests/fuzz/dictionaries $(LINT_TESTS) tests/lint/troubleshooting.py $(DIFFERENTIAL_TESTS)

# A ring alone: make check-unit, check-lint, check-blackbox, check-fuzz, check-differential, check-system.
.PHONY: check-unit check-lint check-blackbox check-fuzz check-differential check-system
check-unit:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(UNIT_TESTS)'
check-lint:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(LINT_TESTS)'
check-blackbox:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(BLACKBOX_TESTS)'
check-fuzz:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(FUZZ_REPLAYS)'
check-differential:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(DIFFERENTIAL_TESTS)'
check-system: all
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(SYSTEM_TESTS)'

# With --enable-fuzzing: make fuzz-targets, then tests/fuzz/run.sh.
FUZZ_LIBS = cli/libcli.la postfix/libpostfix.la submit/libsubmitpure.la smtp/libsmtp.la tokend/libtokend.la \
	tokend/libdoors.la milter/libmilterpolicy.la sasl/libresponse.la \
	client/libclient.la daemon/libdaemon.la lib/libbase.la
FUZZ_OBJECTS = $(FUZZ_NAMES:%=tests/fuzz/fuzz_%.$(OBJEXT))
FUZZ_ALL_LIBS = $(FUZZ_LIBS) $(CONFUSE_LIBS) $(EVENT_LIBS) $(CURL_LIBS) $(OPENSSL_LIBS) $(JANSSON_LIBS)
FUZZ_LINK = $(LIBTOOL) $(AM_V_lt) --tag=CC --mode=link $(CC) $(AM_CFLAGS) $(CFLAGS) -fsanitize=fuzzer
if FUZZING
FUZZ_BUILT = tests/fuzz/fuzz_all
endif
.PHONY: fuzz-targets fuzz-smoke fuzz-prove fuzz-traps
fuzz-targets: $(FUZZ_BUILT)
tests/fuzz/fuzz_all: $(FUZZ_OBJECTS) $(FUZZ_LIBS) tests/fuzz/all.c
	@: >tests/fuzz/targets.inc
	@for name in $(FUZZ_NAMES); do \
		echo "TARGET($$name)" >>tests/fuzz/targets.inc && \
		objcopy --redefine-sym LLVMFuzzerTestOneInput=fuzz_$$name tests/fuzz/fuzz_$$name.$(OBJEXT) tests/fuzz/all_$$name.o || \
		exit 1; done
	$(AM_V_CC)$(COMPILE) $(AM_CFLAGS) -c -o tests/fuzz/all.o $(top_srcdir)/tests/fuzz/all.c
	$(AM_V_CCLD)$(FUZZ_LINK) -o $@ tests/fuzz/all.o $(FUZZ_NAMES:%=tests/fuzz/all_%.o) $(FUZZ_ALL_LIBS)

# Each target for a moment, a minute in all: whether what was changed today breaks at the first touch.
FUZZ_SMOKED = $(FUZZ_NAMES:%=smoke-%)
.PHONY: $(FUZZ_SMOKED)
fuzz-smoke: $(FUZZ_SMOKED)
$(FUZZ_SMOKED): fuzz-targets
	$(top_srcdir)/tests/fuzz/run.sh $(abs_top_builddir) 3 $(@:smoke-%=%)

# That each reaches what it is for. fuzz-traps is prove.py's: copies in TRAPS take the place of files of the libraries.
fuzz-prove: fuzz-targets
	$(PYTHON3) -B $(top_srcdir)/tests/fuzz/prove.py $(abs_top_builddir)
fuzz-traps:
	for copy in $(TRAPS)/*.c; do $(COMPILE) $(AM_CFLAGS) -c -o $$copy.o $$copy || exit 1; done
	$(FUZZ_LINK) -o $(TRAPS)/fuzz_all tests/fuzz/all.o $(FUZZ_NAMES:%=tests/fuzz/all_%.o) $(TRAPS)/*.o $(FUZZ_ALL_LIBS)
CLEANFILES += tests/fuzz/fuzz_all tests/fuzz/targets.inc tests/fuzz/all*.o
