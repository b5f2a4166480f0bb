#ifndef MAILBEARER_MILTER_ROUTE_H
#define MAILBEARER_MILTER_ROUTE_H

#include <stdbool.h>

#include "daemon/settings.h"

/*
 * Does a recipient's mail go elsewhere than to a submission server, by the section milter's other_mailers and
 * other_hosts? mailer and host: the MTA's {rcpt_mailer} and {rcpt_host}, or NULL. What is not known does not. Pure.
 */
bool route_is_elsewhere(const struct settings_milter *settings, const char *mailer, const char *host);

#endif
