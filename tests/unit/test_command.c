/* The command line: what is taken, what is refused and with which words, and the help that is made of the same table.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cli/command.h"

#define ARGS_MAX 8

static struct command_line line;
static struct err err;

/* argv of "mailbearer" and these words; the last is NULL. */
#define parse(...) parse_words((const char *const[ARGS_MAX]){__VA_ARGS__})

static int parse_words(const char *const words[ARGS_MAX])
{
	char *argv[ARGS_MAX + 2] = {(char *)"mailbearer"};
	int argc = 1;

	for (; words[argc - 1]; argc++)
		argv[argc] = (char *)words[argc - 1];
	err.text[0] = '\0';
	return command_parse(argc, argv, &line, &err);
}

static void assert_refused(const char *const words[ARGS_MAX], const char *text)
{
	assert_int_equal(parse_words(words), -1);
	assert_string_equal(err.text, text);
}

#define refused(text, ...) assert_refused((const char *const[ARGS_MAX]){__VA_ARGS__}, text)

static void commands_are_found(void **state)
{
	(void)state;
	assert_int_equal(parse("status"), 0);
	assert_int_equal(line.want, COMMAND_RUN);
	assert_string_equal(line.command->name, "status");
	assert_null(line.call.account);
	assert_null(line.call.config);
	assert_false(line.call.json);
	assert_int_equal(parse("token", "relay@contoso.com"), 0);
	assert_string_equal(line.command->name, "token");
	assert_string_equal(line.call.account, "relay@contoso.com");
}

static void options_stand_anywhere(void **state)
{
	(void)state;
	assert_int_equal(parse("-c", "/x.conf", "status", "--json", "a@b"), 0);
	assert_string_equal(line.call.config, "/x.conf");
	assert_string_equal(line.call.account, "a@b");
	assert_true(line.call.json);
	assert_int_equal(parse("forget", "a@b", "--yes", "-c/y.conf"), 0);
	assert_true(line.call.yes);
	assert_string_equal(line.call.config, "/y.conf");
	assert_int_equal(parse("import", "--refresh-token-file", "-", "a@b"), 0);
	assert_string_equal(line.call.token_file, "-");
	assert_int_equal(parse("import", "a@b", "--refresh-token-file=/t"), 0);
	assert_string_equal(line.call.token_file, "/t");
	assert_int_equal(parse("status", "--", "-odd@b"), 0);
	assert_string_equal(line.call.account, "-odd@b");
}

static void help_and_version_ask_for_nothing_else(void **state)
{
	(void)state;
	assert_int_equal(parse("--help"), 0);
	assert_int_equal(line.want, COMMAND_HELP);
	assert_null(line.command);
	assert_int_equal(parse("token", "--help"), 0);
	assert_int_equal(line.want, COMMAND_HELP);
	assert_string_equal(line.command->name, "token");
	assert_int_equal(parse("-V"), 0);
	assert_int_equal(line.want, COMMAND_VERSION);
}

static void wrong_words_are_named(void **state)
{
	(void)state;
	refused("a command is missing; mailbearer --help lists them", NULL);
	refused("there is no command \"stats\"; mailbearer --help lists them", "stats");
	refused("there is no command \"-\"; mailbearer --help lists them", "-");
	refused("there is no option \"--jason\"; mailbearer --help lists the commands", "status", "--jason");
	refused("there is no option \"--json=1\"; mailbearer --help lists the commands", "status", "--json=1");
	refused("there is no option \"-x\"; mailbearer --help lists the commands", "-x", "status");
	refused("-c needs a value: -c FILE", "status", "-c");
	refused("-c needs a value: -c FILE", "-c", "", "status");
	refused("--refresh-token-file needs a value: --refresh-token-file FILE", "import", "a@b",
		"--refresh-token-file=");
}

static void what_does_not_fit_shows_the_usage(void **state)
{
	(void)state;
	refused("the account is missing; usage: mailbearer token ACCOUNT", "token");
	refused("\"c@d\" is one argument too many", "token", "a@b", "c@d");
	refused("it takes no account; usage: mailbearer reload", "reload", "a@b");
	refused("an option that it does not know; usage: mailbearer token ACCOUNT", "token", "a@b", "--json");
	refused("an option is missing; usage: mailbearer import ACCOUNT --refresh-token-file FILE|-", "import", "a@b");
}

static void names_that_cannot_be_asked_are_refused(void **state)
{
	char longest[322];

	(void)state;
	refused("\"a b\" cannot be the name of an account", "token", "a b");
	refused("\"\" cannot be the name of an account", "token", "");
	refused("\"a\nb\" cannot be the name of an account", "token", "a\nb");
	refused("\"a\x7f\" cannot be the name of an account", "token", "a\x7f");
	memset(longest, 'a', 321);
	longest[321] = '\0';
	assert_int_equal(parse("token", longest), -1);
	assert_int_equal(parse("token", longest + 1), 0);
	assert_int_equal(parse("token", "m\xc3\xbcller@b"), 0);
}

/* Each command has a line in the help for all, fits a terminal, and has a help of its own that names its options. */
static void help_is_complete_and_fits(void **state)
{
	struct buf all = BUF_INIT(65536), one = BUF_INIT(65536);
	const struct command *command;
	char begin[64];
	unsigned i;

	(void)state;
	command_help(NULL, &all);
	for (i = 0; (command = command_at(i)) != NULL; i++) {
		snprintf(begin, sizeof begin, "\n  %s ", command->name);
		assert_non_null(strstr(all.data, begin));
		buf_puts(&one, "\n");
		command_help(command, &one);
		assert_int_equal((command->options & COMMAND_JSON) != 0, strstr(one.data, "\n  --json") != NULL);
		assert_int_equal((command->options & COMMAND_YES) != 0, strstr(one.data, "\n  --yes") != NULL);
		assert_int_equal((command->options & COMMAND_TOKEN_FILE) != 0,
				 strstr(one.data, "\n  --refresh-token-file") != NULL);
		assert_int_equal(command->needed & ~command->options, 0);
		buf_puts(&all, one.data);
		buf_clear(&one);
	}
	for (char *text = strtok(all.data, "\n"); text; text = strtok(NULL, "\n"))
		if (strstr(text, CLI_CONFIG_DEFAULT) == NULL) /* as long as the folder that it was configured with */
			assert_in_range(strlen(text), 0, 79);
	buf_free(&one);
	buf_free(&all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(commands_are_found),
	    cmocka_unit_test(options_stand_anywhere),
	    cmocka_unit_test(help_and_version_ask_for_nothing_else),
	    cmocka_unit_test(wrong_words_are_named),
	    cmocka_unit_test(what_does_not_fit_shows_the_usage),
	    cmocka_unit_test(names_that_cannot_be_asked_are_refused),
	    cmocka_unit_test(help_is_complete_and_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
