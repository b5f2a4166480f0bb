# What the system needs around the programs. The services are made from templates, as they name installed paths.
EXTRA_DIST += etc/mailbearer.conf.example etc/mailbearer-tokend.service.in etc/mailbearer-milter.service.in \
	etc/mailbearer-submit@.service.in etc/mailbearer.sysusers etc/mailbearer.tmpfiles \
	etc/apparmor etc/selinux etc/openrc etc/freebsd packaging
units = etc/mailbearer-tokend.service etc/mailbearer-milter.service etc/mailbearer-submit@.service
CLEANFILES += $(units)

$(units): Makefile etc/mailbearer-tokend.service.in etc/mailbearer-milter.service.in etc/mailbearer-submit@.service.in
	$(AM_V_GEN)$(MKDIR_P) etc && $(SED) -e 's|@bindir[@]|$(bindir)|g' -e 's|@sbindir[@]|$(sbindir)|g' -e 's|@sysconfdir[@]|$(sysconfdir)|g' \
		$(top_srcdir)/$@.in >$@

exampledir = $(docdir)/examples
dist_example_DATA = etc/mailbearer.conf.example etc/sendmail/mailbearer.m4

bashcompletiondir = $(datadir)/bash-completion/completions
dist_bashcompletion_DATA = etc/bash-completion/mailbearer

if SYSTEMD
systemdunit_DATA = $(units)
dist_systemdunit_DATA = etc/mailbearer-submit.socket
install-data-hook: install-systemd-conf
uninstall-hook: uninstall-systemd-conf
endif
.PHONY: install-systemd-conf uninstall-systemd-conf
install-systemd-conf:
	$(MKDIR_P) '$(DESTDIR)$(sysusersdir)' '$(DESTDIR)$(tmpfilesdir)'
	$(INSTALL_DATA) $(top_srcdir)/etc/mailbearer.sysusers '$(DESTDIR)$(sysusersdir)/mailbearer.conf'
	$(INSTALL_DATA) $(top_srcdir)/etc/mailbearer.tmpfiles '$(DESTDIR)$(tmpfilesdir)/mailbearer.conf'
uninstall-systemd-conf:
	rm -f '$(DESTDIR)$(sysusersdir)/mailbearer.conf' '$(DESTDIR)$(tmpfilesdir)/mailbearer.conf'
