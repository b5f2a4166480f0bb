#ifndef MAILBEARER_SETUP_DOORS_H
#define MAILBEARER_SETUP_DOORS_H

#include <stdbool.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "setup/question.h"

/*
 * What the guided first run needs of the command that runs it: the person at the terminal, and the other commands.
 * `arg` is the command's own. Each that returns int: 0, or -1 with *err set.
 */
struct setup_doors {
	void *arg;

	/* One line from the person, "" if only Enter came. Ended or interrupted is an error. */
	int (*ask)(void *arg, const char *prompt, const char *preset, struct buf *out, struct err *err);

	/* The same without being shown, or from `file` ("-": standard input) if that is not NULL. May be "". */
	int (*ask_secret)(void *arg, const char *prompt, const char *file, struct buf *out, struct err *err);

	/* Text for the person, made safe where it comes from outside; and a warning, one line. */
	int (*say)(void *arg, const struct buf *text, struct err *err);
	void (*warn)(void *arg, const char *text);

	/* mailbearer check-config */
	int (*check_config)(void *arg, struct err *err);

	/* Does tokend run? With `again`, if so, has it read its configuration again. */
	int (*tokend)(void *arg, bool again, bool *running, struct err *err);

	/* Does it run with another state of the configuration than the file's? */
	bool (*is_behind)(void *arg);

	/* The account's state as tokend names it ("needs_login"). */
	int (*state)(void *arg, const char *account, struct buf *out, struct err *err);

	/* mailbearer login; `way` as SETUP_LOGIN is answered. And whether there is a token now. */
	int (*sign_in)(void *arg, const char *account, const char *way, struct err *err);
	int (*has_token)(void *arg, const char *account, struct err *err);

	/* Says what a mail server's reply or a line of a log means and what to do. */
	void (*explain)(void *arg, const char *text, const char *mailbox, struct buf *out);
};

#endif
