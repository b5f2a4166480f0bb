#ifndef MAILBEARER_CHECK_MTA_H
#define MAILBEARER_CHECK_MTA_H

#include "check/world.h"
#include "postfix/installation.h"

/* What the steps about Postfix share: whose mail goes by which of its services, and the commands that change them. */

#define MTA_SERVICE_MAX 256

/* The i-th account that is to be checked, from 0; NULL behind the last. */
const struct settings_account *mta_account_at(const struct world *world, size_t i);

/* The service that carries the account's mail: "NAME/unix". */
const char *mta_carrier(const struct settings_account *account, char out[MTA_SERVICE_MAX]);

/* What is in force for a service, with a value that is nothing but "$name" looked up. NULL: no such parameter. */
const char *mta_value(const struct world *world, const char *service, const char *name);

/* Does the service run in the queue's folder? */
bool mta_is_chrooted(const struct world *world, const char *service);

/* Lines to be pasted: one of Postfix's commands on this installation with its arguments; this option of the account's
 * service; this parameter of main.cf; all that mailbearer.conf wants; and that Postfix takes it over. */
void mta_command(const struct world *world, const char *name, const char *rest, struct finding *finding);
void mta_set_option(const struct world *world, const struct settings_account *account, const char *name,
		    const char *value, struct finding *finding);
void mta_set_parameter(const struct world *world, const char *name, const char *value, struct finding *finding);
void mta_apply_all(const struct world *world, struct finding *finding);
void mta_reload(const struct world *world, struct finding *finding);

/* Asks a table as Postfix does (postmap -q). 1: found, 0: it is not in there, -1: the table cannot be asked. */
int mta_look_up(const struct world *world, const char *table, const char *key, struct buf *value);

/* The same for each table of a list, until one has it; *table gets its name. */
int mta_look_up_in(const struct world *world, const char *tables, const char *key, struct buf *table,
		   struct buf *value);

#endif
