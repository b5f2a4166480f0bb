#ifndef MAILBEARER_CLI_POSTFIX_H
#define MAILBEARER_CLI_POSTFIX_H

#include <stdbool.h>

#include "daemon/settings.h"
#include "lib/buf.h"

/*
 * What Postfix has to be told so that it sends as the settings say. Pure. Appends one parameter a line, as main.cf(5)
 * has them ("name = value"), and one service a line, as master.cf(5) has them with their options behind. All that is
 * about an account's way out stands with its own transport, so that Postfix's other mail goes as before. Failure is
 * in the buffers, to be checked at the end.
 */
void postfix_parameters(const struct settings *settings, struct buf *out);
void postfix_services(const struct settings *settings, struct buf *out);

/* Is there a milter section whose socket is out of reach of a Postfix in its queue's folder? Its parameters are left
 * out. */
bool postfix_milter_unreachable(const struct settings *settings);

#endif
