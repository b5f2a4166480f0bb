/*
 * The commands about access tokens: token and refresh. Called by main.c through the table. The token itself goes to
 * standard output and nowhere else.
 */
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "lib/wire.h"

/* An empty line would be taken for a token by whoever reads it. */
static int print_token(const struct buf *token, struct err *err)
{
	if (token->len == 0)
		return err_set(err, ERR_SYNTAX, "tokend's answer holds no token");
	return output_line(token, err);
}

enum cli_exit cli_token(const struct cli_call *call, struct err *err)
{
	struct buf token = BUF_INIT(WIRE_REPLY_MAX);
	enum cli_exit result = ask(call, "token", NULL, &token, err);

	if (result == CLI_DONE && print_token(&token, err) != 0)
		result = CLI_FAILED;
	buf_free(&token);
	return result;
}

enum cli_exit cli_refresh(const struct cli_call *call, struct err *err)
{
	return ask_and_tell(call, "refresh", NULL, call->account, err);
}
