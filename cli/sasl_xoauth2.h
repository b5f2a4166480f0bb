#ifndef MAILBEARER_CLI_SASL_XOAUTH2_H
#define MAILBEARER_CLI_SASL_XOAUTH2_H

#include <jansson.h>

#include "cli/foreign.h"

/*
 * Reads an installation of sasl-xoauth2 (https://github.com/tarickb/sasl-xoauth2): its one configuration file and its
 * token files, both JSON; a token file overrides the configuration. Pure.
 */

#define SASL_XOAUTH2_WINDOW_MAX 3000 /* seconds, as min_validity may be */

/*
 * path: of the token file, whose name is the user where it does not say. The window is 0 for the "0" that its version
 * 0.27 writes by mistake. 0, or -1 with *err set, which quotes no value of either document; *out is to be freed after
 * both.
 */
int sasl_xoauth2_read(const json_t *config, const json_t *tokens, const char *path, struct foreign *out,
		      struct err *err);

#endif
