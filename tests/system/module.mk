# Rings of whole systems: they want root, and a Postfix that they download and never install.
SYSTEM_TESTS += tests/system/test_mail.py
EXTRA_DIST += $(SYSTEM_TESTS) tests/system/mta.py tests/system/relay.py tests/system/demo.py
