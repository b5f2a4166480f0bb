/*
 * The commands about grants: import and forget. Called by main.c through the table. A refresh token comes in by a file
 * or standard input, never by argv, and leaves by tokend's socket only.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/read_secret.h"
#include "lib/wire.h"

#define ANSWER_MAX 512 /* bytes that a person types */

/* The question is "ACCOUNT TOKEN". */
enum cli_exit cli_import(const struct cli_call *call, struct err *err)
{
	struct buf token = BUF_INIT(READ_SECRET_SPACE), key = BUF_INIT(WIRE_REQUEST_MAX);
	enum cli_exit result = CLI_FAILED;

	if (read_secret(&read_secret_refresh_token, call->token_file, &token, err) != 0)
		goto out;
	buf_printf(&key, "%s ", call->account);
	buf_append(&key, token.data, token.len);
	if (key.failed)
		err_set(err, ERR_MEMORY, "out of memory");
	else
		result = ask_and_tell(call, "import", &key, call->account, err);
out:
	buf_free(&key);
	buf_free(&token);
	return result;
}

/* Has the account's name typed again. 0 or -1. */
static int confirm(const char *account, struct err *err)
{
	char typed[ANSWER_MAX];

	fprintf(stderr,
		"Mail of %s will wait in the queue until the account has a new refresh token.\n"
		"Type the account's name again to forget the one it has: ",
		account);
	if (!fgets(typed, sizeof typed, stdin))
		typed[0] = '\0';
	typed[strcspn(typed, "\n")] = '\0';
	if (strcmp(typed, account) != 0)
		return err_set(err, ERR_DENIED, "that is not its name; nothing was changed");
	return 0;
}

enum cli_exit cli_forget(const struct cli_call *call, struct err *err)
{
	if (!call->yes && !isatty(STDIN_FILENO)) {
		err_set(err, ERR_SYNTAX, "nobody can be asked here, since standard input is no terminal; add --yes");
		return CLI_USAGE;
	}
	if (!call->yes && confirm(call->account, err) != 0)
		return CLI_FAILED;
	return ask_and_tell(call, "forget", NULL, call->account, err);
}
