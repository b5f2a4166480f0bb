#ifndef MAILBEARER_POSTFIX_INSTALLATION_H
#define MAILBEARER_POSTFIX_INSTALLATION_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/buf.h"
#include "lib/deadline.h"
#include "lib/err.h"

/*
 * What a Postfix installation is told by its main.cf and master.cf, as its own postconf(1) reads them: defaults,
 * `$name`, continued lines and all. Read once, then looked at. Nothing of it changes anything.
 */

#define INSTALLATION_READ_MS 20000    /* for all of postconf's runs together */
#define INSTALLATION_ENTRIES_MAX 8192 /* parameters, services or options */

/* Which one. Both are borrowed for as long as the place is used. */
struct installation_place {
	const char *postconf; /* postconf's whole path; NULL: where systems have it. Postfix's other commands are taken
				 from the same folder */
	const char *config_dir; /* -c; NULL: Postfix's own default */
};

/* One line of master.cf, taken apart. Strings belong to the installation. */
struct installation_service {
	const char *name, *type, *private_, *unprivileged, *chroot, *wakeup, *maxproc, *command;
	const char *arguments; /* what stands behind the command, options included; may be "" */
};

struct installation;

/*
 * Runs postconf(1) four times, and blocks for INSTALLATION_READ_MS at most. 0 with *out to be freed, or -1:
 * ERR_NOT_FOUND: there is no postconf; ERR_SYSTEM with postconf's words where Postfix does not understand its files.
 */
int installation_read(const struct installation_place *place, struct installation **out, struct err *err);

/* The same of what `postconf -x`, `postconf -n`, `postconf -M` and `postconf -P` print, for those who run nothing.
 * Copies. NULL: no memory, or more than INSTALLATION_ENTRIES_MAX of something. */
struct installation *installation_parse(const char *values, const char *given, const char *services,
					const char *options);

/* NULL is legal. */
void installation_free(struct installation *installation);

/* A parameter in force, `$name` expanded, be it given in main.cf or a default. NULL: Postfix has no such parameter. */
const char *installation_value(const struct installation *installation, const char *name);

/* A parameter as main.cf has it, not expanded. NULL: main.cf does not set it (or Postfix does not know it). */
const char *installation_given(const struct installation *installation, const char *name);

/* `-o name=value` of a service in master.cf, not expanded; NULL: it has none. The service is "NAME/TYPE", such as
 * "submission/inet" or "mailbearer-relay-contoso-com/unix". */
const char *installation_option(const struct installation *installation, const char *service, const char *name);

/* What is in force for a service: its option, or else the parameter. NULL: neither. */
const char *installation_in_force(const struct installation *installation, const char *service, const char *name);

/* The i-th service from 0, or NULL behind the last; and the one of this name and type, or NULL. */
const struct installation_service *installation_service_at(const struct installation *installation, size_t i);
const struct installation_service *installation_service(const struct installation *installation, const char *name,
							const char *type);

/* Does it run in a chroot? "-" means what the installation's compatibility_level makes of it. */
bool installation_is_chrooted(const struct installation *installation, const struct installation_service *service);

/* Is its version this one or later? ("3.7.11" is 3, 7, 11.) */
bool installation_is_from(const struct installation *installation, int major, int minor, int patch);

/* What postconf had to complain about the files, a line each; "" if nothing. */
const char *installation_warnings(const struct installation *installation);

/* Appends the path of one of Postfix's commands ("postfix", "postmap", "sendmail"). 0 or -1: see err. */
int installation_program(const struct installation_place *place, const char *name, struct buf *path, struct err *err);

/* Runs one of Postfix's commands on this installation: `name` and its arguments (at most 8, up to a NULL), -c for its
 * folder put before them. 0, or -1 with its last words in *err. Its output is dropped. */
int installation_command(const struct installation_place *place, const char *name, const char *const arguments[],
			 struct deadline deadline, struct err *err);

#endif
