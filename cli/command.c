/*
 * The table of commands, the reading of a command line by it, and the help that is made of it. May not print or ask
 * anything: main.c does. A command line is proved here once, so that no handler needs to.
 */
#include <stddef.h>
#include <string.h>

#include "cli/command.h"

#define ACCOUNT_MAX 320 /* bytes: 64 before the @ and 255 behind it */

/* The commands of two words. */
#define IMPORT "import "
#define IMPORT_SASL_XOAUTH2 IMPORT "sasl-xoauth2"
#define IMPORT_EMAIL_PROXY IMPORT "email-oauth2-proxy"

static const struct command commands[] = {
    {"setup", "[ADDRESS] [OPTION...]", "set everything up, from nothing to the first mail",
     "Asks what it has to know, checks each answer, and does the rest. Given again,\n"
     "it goes on where it was interrupted, and changes only what changed. Each\n"
     "question is an option as well:\n\n",
     cli_setup, COMMAND_MAY_ACCOUNT, COMMAND_YES | COMMAND_UNDO | COMMAND_POSTFIX | COMMAND_ANSWERS, 0},
    {"login", "ACCOUNT [--browser|--paste|--device]", "sign a mailbox in",
     "tokend signs in and keeps the refresh token; a working account is left as it is\n"
     "until the new sign-in has succeeded.\n\n"
     "  --browser     with a browser on this machine; the default where there is a\n"
     "                display\n"
     "  --paste       with a browser anywhere: it ends at an address that it cannot\n"
     "                open, which you bring back here; the default at a terminal\n"
     "                without a display\n"
     "  --device      with a short code that is typed in elsewhere; many\n"
     "                organisations forbid it\n",
     cli_login, COMMAND_MUST_ACCOUNT, COMMAND_WAY, 0},
    {"consent-url", "[ACCOUNT|CLIENT]", "print where an administrator consents for all users",
     "The address of Microsoft's page on which an administrator allows the client's\n"
     "application what it needs, once for the whole organisation. tokend is not\n"
     "asked.\n",
     cli_consent_url, COMMAND_MAY_ACCOUNT, 0, 0},
    {"metrics", "[ACCOUNT] [--textfile PATH]", "print the accounts' figures for Prometheus",
     "OpenMetrics text. If tokend gives no answer, that is what it says.\n\n"
     "  --textfile PATH\n"
     "                write it to this file instead, replaced as a whole: for the\n"
     "                textfile collector of node_exporter\n",
     cli_metrics, COMMAND_MAY_ACCOUNT, COMMAND_TEXT_FILE, 0},
    {"status", "[ACCOUNT] [--json|--check]", "show the accounts, their tokens and what is wrong",
     "A table of all accounts, or of one. Below an account in trouble stand the error\n"
     "and what to do about it.\n\n"
     "  --json        print tokend's own answer: one line of JSON\n"
     "  --check       one line and an exit status (0 in order, 1 warning, 2 critical,\n"
     "                3 unknown) for Nagios, Icinga and their like\n",
     cli_status, COMMAND_MAY_ACCOUNT, COMMAND_JSON | COMMAND_CHECK, 0},
    {"check", "[ACCOUNT] [--to ADDRESS] [--json]", "go the whole way, step by step, and say what is wrong",
     "One line for each step, from the configuration to the submission server's reply\n"
     "to RCPT; below one that failed stands what to do. Run it as root. It changes\n"
     "nothing, and asks tokend for a token as the plugin does. ACCOUNT may also be a\n"
     "mailbox that a whole domain's account covers.\n\n"
     "  --to ADDRESS  send a message there at the end\n"
     "  --no-network  ask no name server and no mail server\n"
     "  --json        a line of JSON for each step\n"
     "  --config-dir DIR\n"
     "                the folder of main.cf and master.cf, if not Postfix's own\n"
     "  --postconf PATH\n"
     "                Postfix's postconf, beside which its other commands are\n",
     cli_check, COMMAND_MAY_ACCOUNT, COMMAND_TO | COMMAND_NO_NETWORK | COMMAND_JSON | COMMAND_POSTFIX, 0},
    {"explain", "[TEXT...]", "say what a code, a reply or a log line means, and what to do",
     "TEXT is a code (AADSTS700082, 535 5.7.139, invalid_grant) or a line of a log.\n"
     "With none, a log is read from standard input, and what went wrong in it is\n"
     "grouped by its cause:\n\n"
     "  journalctl --facility=mail --since today | mailbearer explain\n\n"
     "Neither tokend nor the configuration is needed.\n",
     cli_explain, COMMAND_WORDS, 0, 0},
    {"token", "ACCOUNT", "print an access token, for msmtp, mutt and scripts",
     "Prints a token that is good for at least the account's min_validity, and\n"
     "nothing else, on standard output.\n",
     cli_token, COMMAND_MUST_ACCOUNT, 0, 0},
    {"refresh", "ACCOUNT", "get a new access token now",
     "Asks the provider for a new access token at once, also while waiting after a\n"
     "failure. To be used when the reason for a failure has been repaired.\n",
     cli_refresh, COMMAND_MUST_ACCOUNT, 0, 0},
    {"import", "ACCOUNT --refresh-token-file FILE|-", "give an account a refresh token that you already have",
     "Stores the refresh token, sealed, and tries it. It must have been given to the\n"
     "client that the account names.\n\n"
     "  --refresh-token-file FILE\n"
     "                the file that holds it, on one line; - is standard input, and\n"
     "                on a terminal it is asked for without being shown\n",
     cli_import, COMMAND_MUST_ACCOUNT, COMMAND_TOKEN_FILE, COMMAND_TOKEN_FILE},
    {IMPORT_EMAIL_PROXY, "FILE [ACCOUNT...]", "take email-oauth2-proxy over",
     "FILE is its emailproxy.config; without ACCOUNT, all that have a token in it are\n"
     "meant. Prints sections for mailbearer.conf, and gives tokend the refresh tokens\n"
     "of the accounts that it knows. To be used twice: put the sections in, then\n"
     "again. The password with which an account's mail client logs in at the proxy,\n"
     "and which its token is encrypted with, is asked for on the terminal without\n"
     "being shown; elsewhere it is standard input, one for all.\n\n"
     "  --cache-store FILE\n"
     "                where the proxy keeps its tokens, if it was given that option\n"
     "  --write-secrets DIR\n"
     "                write each client secret into a new file there, mode 0600\n",
     cli_import_email_proxy, COMMAND_WORDS, COMMAND_CACHE_STORE | COMMAND_SECRETS, 0},
    {IMPORT_SASL_XOAUTH2, "[OPTION...] TOKENFILE...", "take an installation of sasl-xoauth2 over",
     "Prints sections for mailbearer.conf, and gives tokend the refresh tokens of the\n"
     "accounts that it knows. To be used twice: put the sections in, then again.\n\n"
     "  --config FILE its configuration, in the place of /etc/sasl-xoauth2.conf\n"
     "  --write-secrets DIR\n"
     "                write each client secret into a new file there, mode 0600\n",
     cli_import_sasl_xoauth2, COMMAND_WORDS, COMMAND_CONFIG | COMMAND_SECRETS, 0},
    {"forget", "ACCOUNT [--yes]", "delete an account's refresh token",
     "Mail of the account then waits in the queue until there is a new one. The\n"
     "provider is not told: revoke the token there as well if it was stolen.\n\n"
     "  --yes         do not ask\n",
     cli_forget, COMMAND_MUST_ACCOUNT, COMMAND_YES, 0},
    {"reload", "", "make tokend read its configuration again",
     "If the new configuration is wrong, tokend goes on with the old one, and the\n"
     "error is shown here.\n",
     cli_reload, COMMAND_NO_ACCOUNT, 0, 0},
    {"check-config", "", "prove the configuration and the files that it names",
     "As root, the files are opened as the user that tokend runs as. tokend itself\n"
     "is not asked and need not run.\n",
     cli_check_config, COMMAND_NO_ACCOUNT, 0, 0},
    {"postfix-config", "[--apply|--undo] [OPTION...]", "print or apply what Postfix's main.cf and master.cf need",
     "Made of the configuration alone: the parameters of main.cf, and for master.cf\n"
     "one transport for each account. Nothing is changed without --apply.\n\n"
     "  --apply       show what has to change in this installation, and change it:\n"
     "                what is there is kept, and the files as they were stay beside\n"
     "  --undo        show what the last --apply has changed, and change it back\n"
     "  --yes         do not ask\n"
     "  --config-dir DIR\n"
     "                the folder of main.cf and master.cf, if not Postfix's own\n"
     "  --postconf PATH\n"
     "                Postfix's postconf, beside which its other commands are\n",
     cli_postfix_config, COMMAND_NO_ACCOUNT, COMMAND_APPLY | COMMAND_UNDO | COMMAND_YES | COMMAND_POSTFIX, 0},
};

/* What an option does: sets a bool of the call, takes a text that follows, or is one of the ways to sign in. */
enum flag_kind { SWITCH, VALUE, WAY };

#define AT(field) offsetof(struct cli_call, field)

static const struct flag {
	const char *name;
	enum command_option option;
	enum flag_kind kind;
	size_t where; /* in the call; or the way */
} flags[] = {
    {"--json", COMMAND_JSON, SWITCH, AT(json)},
    {"--check", COMMAND_CHECK, SWITCH, AT(check)},
    {"--yes", COMMAND_YES, SWITCH, AT(yes)},
    {"--apply", COMMAND_APPLY, SWITCH, AT(apply)},
    {"--undo", COMMAND_UNDO, SWITCH, AT(undo)},
    {"--textfile", COMMAND_TEXT_FILE, VALUE, AT(text_file)},
    {"--refresh-token-file", COMMAND_TOKEN_FILE, VALUE, AT(token_file)},
    {"--config", COMMAND_CONFIG, VALUE, AT(foreign_config)},
    {"--cache-store", COMMAND_CACHE_STORE, VALUE, AT(cache_store)},
    {"--write-secrets", COMMAND_SECRETS, VALUE, AT(secrets_folder)},
    {"--config-dir", COMMAND_POSTFIX, VALUE, AT(config_dir)},
    {"--postconf", COMMAND_POSTFIX, VALUE, AT(postconf)},
    {"--to", COMMAND_TO, VALUE, AT(recipient)},
    {"--no-network", COMMAND_NO_NETWORK, SWITCH, AT(no_network)},
    {"--browser", COMMAND_WAY, WAY, CLI_WAY_BROWSER},
    {"--paste", COMMAND_WAY, WAY, CLI_WAY_PASTE},
    {"--device", COMMAND_WAY, WAY, CLI_WAY_DEVICE},
};

/* Where the reading of argv stands. */
struct reader {
	char **next;    /* ends with NULL */
	bool no_more;   /* "--" was seen */
	unsigned given; /* command_option bits */
	struct command_line *line;
	struct err *err;
};

const struct command *command_at(unsigned i)
{
	return i < sizeof commands / sizeof commands[0] ? &commands[i] : NULL;
}

static const struct command *find_command(const char *name)
{
	const struct command *command;
	unsigned i;

	for (i = 0; (command = command_at(i)) != NULL; i++)
		if (strcmp(command->name, name) == 0)
			break;
	return command;
}

/* The value of an option: what stands behind the '=', or the next argument. NULL with *err set. */
static const char *take_value(struct reader *reader, const char *name, const char *form, const char *attached)
{
	const char *value = attached ? attached : *reader->next;

	if (!value || *value == '\0') {
		err_set(reader->err, ERR_SYNTAX, "%.*s needs a value: %.*s %s", (int)strcspn(name, "="), name,
			(int)strcspn(name, "="), name, form);
		return NULL;
	}
	if (!attached)
		reader->next++;
	return value;
}

static int unknown_option(const struct reader *reader, const char *arg)
{
	return err_set(reader->err, ERR_SYNTAX, "there is no option \"%.60s\"; mailbearer --help lists the commands",
		       arg);
}

static int read_way(struct reader *reader, enum cli_way way)
{
	struct cli_call *call = &reader->line->call;

	if (call->way != CLI_WAY_ANY && call->way != way)
		return err_set(reader->err, ERR_SYNTAX, "only one of --browser, --paste and --device can be meant");
	call->way = way;
	return 0;
}

/* An answer to one of setup's questions. False: it is none. *result as of read_flag. */
static bool read_answer(struct reader *reader, const char *arg, size_t len, const char *attached, int *result)
{
	const struct command *command = reader->line->command;
	const struct setup_question *question;
	const char *value;

	if (!command || !(command->options & COMMAND_ANSWERS) || len < 2)
		return false;
	question = setup_question_find(arg + 2, len - 2);
	if (!question)
		return false;
	value = take_value(reader, arg, question->value, attached);
	reader->line->call.answers[setup_question_id(question)] = value;
	*result = value ? 0 : -1;
	return true;
}

/* --json, --yes, --refresh-token-file FILE, --refresh-token-file=FILE, and the like */
static int read_flag(struct reader *reader, const char *arg)
{
	size_t len = strcspn(arg, "="), i;
	const char *attached = arg[len] == '=' ? arg + len + 1 : NULL, *value;
	char *call = (char *)&reader->line->call;
	int result;

	if (read_answer(reader, arg, len, attached, &result))
		return result;
	for (i = 0; i < sizeof flags / sizeof flags[0]; i++)
		if (strlen(flags[i].name) == len && strncmp(flags[i].name, arg, len) == 0)
			break;
	if (i == sizeof flags / sizeof flags[0] || (attached && flags[i].kind != VALUE))
		return unknown_option(reader, arg);
	reader->given |= flags[i].option;
	switch (flags[i].kind) {
	case SWITCH:
		*(bool *)(call + flags[i].where) = true;
		return 0;
	case VALUE:
		value = take_value(reader, flags[i].name, "FILE", attached);
		*(const char **)(call + flags[i].where) = value;
		return value ? 0 : -1;
	case WAY:
		break;
	}
	return read_way(reader, (enum cli_way)flags[i].where);
}

static int read_option(struct reader *reader, const char *arg)
{
	struct command_line *line = reader->line;

	if (strcmp(arg, "--") == 0) {
		reader->no_more = true;
	} else if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) {
		line->want = COMMAND_HELP;
	} else if (strcmp(arg, "--version") == 0 || strcmp(arg, "-V") == 0) {
		line->want = COMMAND_VERSION;
	} else if (strncmp(arg, "-c", 2) == 0) {
		line->call.config = take_value(reader, "-c", "FILE", arg[2] ? arg + 2 : NULL);
		return line->call.config ? 0 : -1;
	} else {
		return read_flag(reader, arg);
	}
	return 0;
}

/* A name that can be one word of a question to tokend. Which accounts there are, tokend knows. */
static int read_account(struct reader *reader, const char *name)
{
	const unsigned char *byte;

	if (reader->line->call.account)
		return err_set(reader->err, ERR_SYNTAX, "\"%.100s\" is one argument too many", name);
	for (byte = (const unsigned char *)name; *byte; byte++)
		if (*byte <= ' ' || *byte == 0x7f)
			break;
	if (*name == '\0' || *byte || strlen(name) > ACCOUNT_MAX)
		return err_set(reader->err, ERR_SYNTAX, "\"%.100s\" cannot be the name of an account", name);
	reader->line->call.account = name;
	return 0;
}

static int read_word(struct reader *reader, const char *word)
{
	struct cli_call *call = &reader->line->call;

	if (call->word_count == CLI_WORDS_MAX)
		return err_set(reader->err, ERR_SYNTAX,
			       "more than %d words; give fewer at a time, or the words of one line in quotes",
			       CLI_WORDS_MAX);
	call->words[call->word_count++] = word;
	return 0;
}

static bool is_import(const struct reader *reader)
{
	return reader->line->command && !reader->line->call.account &&
	       strcmp(reader->line->command->name, "import") == 0;
}

/* The command that takes over what that program knows; NULL: it is the name of an account. */
static const struct command *find_import(const char *program)
{
	const struct command *command;

	for (unsigned i = 0; (command = command_at(i)) != NULL; i++)
		if (strncmp(command->name, IMPORT, strlen(IMPORT)) == 0 &&
		    strcmp(command->name + strlen(IMPORT), program) == 0)
			break;
	return command;
}

static int read_operand(struct reader *reader, const char *arg)
{
	const struct command *foreign;

	if (reader->line->command && reader->line->command->account == COMMAND_WORDS)
		return read_word(reader, arg);
	if (is_import(reader) && (foreign = find_import(arg)) != NULL) {
		reader->line->command = foreign;
		return 0;
	}
	if (reader->line->command)
		return read_account(reader, arg);
	reader->line->command = find_command(arg);
	if (!reader->line->command)
		return err_set(reader->err, ERR_SYNTAX, "there is no command \"%.60s\"; mailbearer --help lists them",
			       arg);
	return 0;
}

static int wrong_usage(const struct reader *reader, const char *what)
{
	const struct command *command = reader->line->command;

	return err_set(reader->err, ERR_SYNTAX, "%s; usage: mailbearer %s%s%s", what, command->name,
		       *command->arguments ? " " : "", command->arguments);
}

/* Does what was given fit the command? */
static int prove(const struct reader *reader)
{
	const struct command *command = reader->line->command;

	if (!command)
		return err_set(reader->err, ERR_SYNTAX, "a command is missing; mailbearer --help lists them");
	if (command->account == COMMAND_NO_ACCOUNT && reader->line->call.account)
		return wrong_usage(reader, "it takes no account");
	if (command->run == cli_import_sasl_xoauth2 && reader->line->call.word_count == 0)
		return wrong_usage(reader, "the token files are missing");
	if (command->run == cli_import_email_proxy && reader->line->call.word_count == 0)
		return wrong_usage(reader, "its configuration is missing");
	if (command->account == COMMAND_MUST_ACCOUNT && !reader->line->call.account)
		return wrong_usage(reader, "the account is missing");
	if (reader->given & ~command->options)
		return wrong_usage(reader, "an option that it does not know");
	if (command->needed & ~reader->given)
		return wrong_usage(reader, "an option is missing");
	return 0;
}

int command_parse(int argc, char **argv, struct command_line *out, struct err *err)
{
	struct reader reader = {.next = argc > 0 ? argv + 1 : argv, .line = out, .err = err};
	const char *arg;
	int result = 0;

	memset(out, 0, sizeof *out);
	while (result == 0 && (arg = *reader.next) != NULL) {
		reader.next++;
		if (!reader.no_more && arg[0] == '-' && arg[1] != '\0')
			result = read_option(&reader, arg);
		else
			result = read_operand(&reader, arg);
	}
	if (result == 0 && out->want == COMMAND_RUN)
		result = prove(&reader);
	return result;
}

static void help_for_all(struct buf *out)
{
	const struct command *command;
	unsigned i;

	buf_puts(out, "usage: mailbearer [-c FILE] COMMAND [ARGUMENT ...]\n"
		      "       mailbearer COMMAND --help\n"
		      "       mailbearer --version\n\n"
		      "Commands:\n");
	for (i = 0; (command = command_at(i)) != NULL; i++)
		buf_printf(out, "  %-15s %s\n", command->name, command->summary);
	buf_puts(out, "\n-c FILE is the configuration, if not " CLI_CONFIG_DEFAULT ".\n"
		      "Exit status: 0 done, 1 it did not work, 2 usage, 3 tokend is not reachable.\n"
		      "See mailbearer(8).\n");
}

static void help_for_answers(struct buf *out)
{
	const struct setup_question *question;

	for (unsigned i = 0; (question = setup_question(i)) != NULL; i++)
		buf_printf(out, "  --%s %s\n                %s\n", question->option, question->value, question->about);
	buf_puts(out, "  --yes         ask nothing: what is neither given nor in the configuration\n"
		      "                already has to be an option\n"
		      "  --undo        bring back what setup changed last in main.cf and master.cf\n"
		      "  --config-dir DIR\n"
		      "  --postconf PATH\n"
		      "                which Postfix is meant, as for postfix-config\n");
}

void command_help(const struct command *command, struct buf *out)
{
	if (!command) {
		help_for_all(out);
		return;
	}
	buf_printf(out, "usage: mailbearer [-c FILE] %s%s%s\n\n", command->name, *command->arguments ? " " : "",
		   command->arguments);
	buf_puts(out, command->detail);
	if (command->options & COMMAND_ANSWERS)
		help_for_answers(out);
}
