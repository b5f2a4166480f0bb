#ifndef MAILBEARER_DAEMON_PRIVS_H
#define MAILBEARER_DAEMON_PRIVS_H

#include "lib/err.h"

/* Rights of a process we own. Linux first; what a system lacks is left out silently where it only hardens. */

/* umask 077, no core dumps (RLIMIT_CORE and PR_SET_DUMPABLE). Call first. For what starts programs of others, which may
 * need the rights that their files give. */
void privs_keep_secrets(void);

/* The same, and no new privileges. */
void privs_harden(void);

/* As many open files as this process may have: RLIMIT_NOFILE's soft limit goes up to the hard one. */
void privs_raise_descriptors(void);

/* As root: becomes `user` for good, with that user's groups; proves that the way back is shut. As anybody else: does
 * nothing if we are that user already, and is ERR_DENIED if not. 0 or -1. */
int privs_become(const char *user, struct err *err);

/* As root: makes the folder that is to hold `path` (one level, 0755, owned by `user`) when it is missing and its parent
 * belongs to root and nobody else may write there. Otherwise does nothing. 0 or -1. */
int privs_make_folder_for(const char *path, const char *user, struct err *err);

/* Detaches from the terminal: the parent returns from here only to exit 0 once the child has called
 * privs_daemonize_done(), or non-zero when the child died before. 0 in the child, -1 with *err set. */
int privs_daemonize(struct err *err);
void privs_daemonize_done(void);

#endif
