# The pure core: no I/O, no clock, no log, no libmilter. What decides about a message can be tested without one.
noinst_LTLIBRARIES += milter/libmilterpolicy.la
milter_libmilterpolicy_la_SOURCES = \
	milter/address.c milter/address.h \
	milter/scan.c milter/scan.h \
	milter/compose.c milter/compose.h \
	milter/encoded_word.c milter/encoded_word.h \
	milter/gates.c milter/gates.h \
	milter/policy.c milter/policy.h milter/policy_private.h \
	milter/policy_changes.c \
	milter/reply.c milter/reply.h \
	milter/rules.c milter/rules.h
milter_policy_libs = milter/libmilterpolicy.la daemon/libdaemon.la lib/libbase.la
