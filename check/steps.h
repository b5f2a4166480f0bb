#ifndef MAILBEARER_CHECK_STEPS_H
#define MAILBEARER_CHECK_STEPS_H

#include "check/world.h"

/* The steps, in the order of the way: what each is about stands in mailbearer(8), what it needs in check.c. */

/* local.c */
step_run step_config, step_files, step_seal, step_state;
/* daemon.c */
step_run step_daemon, step_sockets;
/* postfix.c */
step_run step_postfix, step_running, step_version, step_mechanism, step_security, step_authcache, step_softbounce,
    step_tlslevel;
/* transport.c */
step_run step_transport, step_login, step_nullsender, step_concurrency, step_ca, step_resolver, step_rewriting;
/* milter.c */
step_run step_milter;
/* chroot.c */
step_run step_milter_up, step_chroot;
/* plugin.c */
step_run step_plugin;
/* account.c */
step_run step_grant, step_provider, step_token, step_claims;
/* server.c */
step_run step_dns, step_tcp, step_tls, step_auth, step_sender, step_recipient, step_message;

#endif
