#ifndef MAILBEARER_SETUP_FLOW_H
#define MAILBEARER_SETUP_FLOW_H

#include <stdbool.h>

#include "lib/err.h"
#include "postfix/installation.h"
#include "setup/doors.h"
#include "setup/question.h"

/*
 * The guided first run, from the first question to the last step. Each step finds out by itself whether there is
 * anything to do, so that a second run goes on where one was interrupted, and a third changes nothing.
 */
struct setup_request {
	const char *config;              /* the configuration's path */
	bool is_usual;                   /* it is the one that the machine's services use */
	struct installation_place place; /* of the Postfix that is meant */
	const struct setup_doors *doors;
	struct setup_answers *answers; /* what was said on the command line; completed */
};

/* 0; or -1 with *err set: ERR_SYNTAX when an option is missing or wrong, and nothing was done. */
int setup_run(const struct setup_request *request, struct err *err);

/* Shows what was changed last in Postfix's files, and brings it back, if a person who is there says yes. 0 or -1. */
int setup_undo(const struct setup_request *request, struct err *err);

#endif
