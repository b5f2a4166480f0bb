# The real daemon, plugin and CLI against stand-ins.
BLACKBOX_TESTS += \
	tests/fakes/test_standin.py \
	tests/blackbox/test_plugin.py \
	tests/blackbox/test_cli.py \
	tests/blackbox/test_documents.py \
	tests/blackbox/test_apply.py \
	tests/blackbox/test_grants.py \
	tests/blackbox/test_setup.py \
	tests/blackbox/test_setup_start.py \
	tests/blackbox/test_takeover.py \
	tests/blackbox/test_login.py \
	tests/blackbox/test_login_ends.py \
	tests/blackbox/test_explain.py \
	tests/blackbox/test_monitoring.py \
	tests/blackbox/test_completion.py \
	tests/blackbox/test_tokend.py \
	tests/blackbox/test_faults.py \
	tests/blackbox/test_store_faults.py \
	tests/blackbox/test_hostile.py \
	tests/blackbox/test_confined.py
# Sanitizers have an allocator of their own.
if !SANITIZERS
BLACKBOX_TESTS += tests/blackbox/test_memory.py
endif
EXTRA_DIST += $(BLACKBOX_TESTS) tests/blackbox/fernet.py tests/blackbox/harness.py tests/blackbox/person.py \
	tests/blackbox/postfix_standin.py \
	tests/blackbox/powershell.py tests/blackbox/shim.py tests/blackbox/shown.py \
	tests/blackbox/terminal.py tests/blackbox/test_memory.py \
	tests/fakes/microsoft.py tests/fakes/provider.py \
	tests/fakes/standin tests/fakes/fake_tokend.py tests/fakes/names.py tests/fakes/tunnels.py
