/*
 * mailbearer(8), the administrator's command: reads the command line, runs the one command, prints what went wrong.
 * Holds no logic of its own; commands are in files of their own, their table in command.c.
 */
#include <locale.h>

#include "cli/command.h"
#include "cli/output.h"
#include "daemon/jsondoc.h"
#include "daemon/privs.h"

static enum cli_exit run(const struct command_line *line, struct err *err)
{
	struct buf text = BUF_INIT(OUTPUT_MAX);
	enum cli_exit result = CLI_DONE;

	switch (line->want) {
	case COMMAND_RUN:
		return line->command->run(&line->call, err);
	case COMMAND_HELP:
		command_help(line->command, &text);
		break;
	case COMMAND_VERSION:
		buf_puts(&text, "mailbearer " PACKAGE_VERSION "\n");
		break;
	}
	if (output_print(&text, err) != 0)
		result = CLI_FAILED;
	buf_free(&text);
	return result;
}

int main(int argc, char **argv)
{
	struct command_line line;
	struct err err = {.code = ERR_NONE};
	enum cli_exit result = CLI_USAGE;

	privs_keep_secrets();
	setlocale(LC_CTYPE, "");
	jsondoc_init();
	if (command_parse(argc, argv, &line, &err) == 0)
		result = run(&line, &err);
	if (result != CLI_DONE && err.text[0] != '\0')
		output_complain(err.text);
	return (int)result;
}
