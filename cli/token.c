/*
 * The commands about access tokens: token and refresh. Called by main.c through the table. The token itself goes to
 * standard output and nowhere else.
 */
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "lib/wire.h"

enum cli_exit cli_token(const struct cli_call *call, struct err *err)
{
	struct buf token = BUF_INIT(WIRE_REPLY_MAX);
	enum cli_exit result = ask(call, "token", NULL, &token, err);

	if (result == CLI_DONE && output_line(&token, err) != 0)
		result = CLI_FAILED;
	buf_free(&token);
	return result;
}

enum cli_exit cli_refresh(const struct cli_call *call, struct err *err)
{
	return ask_and_tell(call, "refresh", NULL, call->account, err);
}
