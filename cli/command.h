#ifndef MAILBEARER_CLI_COMMAND_H
#define MAILBEARER_CLI_COMMAND_H

#include "cli/cli.h"
#include "lib/buf.h"
#include "lib/err.h"

/* The table of commands, the command line that is checked against it, and the help that is made of it. Pure. */

enum command_account { COMMAND_NO_ACCOUNT, COMMAND_MAY_ACCOUNT, COMMAND_MUST_ACCOUNT, COMMAND_WORDS };

enum command_option {
	COMMAND_JSON = 1,
	COMMAND_YES = 2,
	COMMAND_TOKEN_FILE = 4,
	COMMAND_WAY = 8,
	COMMAND_CHECK = 16,
	COMMAND_TEXT_FILE = 32,
	COMMAND_CONFIG = 64,
	COMMAND_SECRETS = 128,
	COMMAND_APPLY = 256,
	COMMAND_UNDO = 512,
	COMMAND_POSTFIX = 1024, /* which installation is meant */
	COMMAND_TO = 2048,
	COMMAND_NO_NETWORK = 4096,
	COMMAND_ANSWERS = 8192, /* those of setup's table of questions */
	COMMAND_CACHE_STORE = 32768
};

struct command {
	const char *name;
	const char *arguments; /* as help shows them */
	const char *summary;   /* one line */
	const char *detail;    /* lines */
	cli_handler *run;
	enum command_account account;
	unsigned options; /* command_option bits that it knows */
	unsigned needed;  /* and those that must be there */
};

enum command_want { COMMAND_RUN, COMMAND_HELP, COMMAND_VERSION };

struct command_line {
	enum command_want want;
	const struct command *command; /* NULL: none was named, with COMMAND_HELP and COMMAND_VERSION only */
	struct cli_call call;
};

/* The i-th command from 0, or NULL after the last. */
const struct command *command_at(unsigned i);

/* Reads the command line. 0, or -1 with a text that says what is wrong with it. */
int command_parse(int argc, char **argv, struct command_line *out, struct err *err);

/* Appends the help for a command, or with NULL for all of them: each on a line of two blanks, its name, its summary. */
void command_help(const struct command *command, struct buf *out);

#endif
