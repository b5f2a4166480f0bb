# Rings of whole systems: they want root, and a Postfix and a Sendmail that they download and never install; test_oidc wants
# npm, which downloads an OpenID Provider into build/cache, and Chromium.
SYSTEM_TESTS += tests/system/test_oidc.py tests/system/test_mail.py tests/system/test_sendmail.py \
	tests/system/test_postfix_config.py tests/system/test_examples.py tests/system/test_milter_mail.py \
	tests/system/test_setup.py tests/system/test_shown.py
EXTRA_DIST += tests/system/browser.py tests/system/oidc
EXTRA_DIST += $(SYSTEM_TESTS) tests/system/mta.py tests/system/packages.py tests/system/relay.py tests/system/demo.py \
	tests/system/sink.py tests/system/alignment.py tests/system/sendmail.py tests/system/soak.py

# A private Sendmail's log and host name: preloaded, never installed.
check_LTLIBRARIES += tests/system/libprivatehost.la
tests_system_libprivatehost_la_SOURCES = tests/system/private_host.c
tests_system_libprivatehost_la_CFLAGS = -std=gnu11 $(WARN_CFLAGS) $(HARDEN_CFLAGS) -U_FORTIFY_SOURCE
tests_system_libprivatehost_la_LDFLAGS = $(HARDEN_LDFLAGS) -module -avoid-version -shared -rpath /nonexistent
