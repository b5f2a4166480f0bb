#ifndef MAILBEARER_CLI_CLI_H
#define MAILBEARER_CLI_CLI_H

#include <stdbool.h>

#include "lib/err.h"
#include "setup/question.h"

/* What the commands of mailbearer(8) have in common: how they are called, and how they end. */

#define CLI_WORDS_MAX 64
#define CLI_CONFIG_DEFAULT SYSCONFDIR "/mailbearer/mailbearer.conf"

enum cli_exit {
	CLI_DONE = 0,
	CLI_FAILED = 1,   /* it did not work */
	CLI_USAGE = 2,    /* not a command line of ours */
	CLI_NO_TOKEND = 3 /* tokend gave no answer */
};

/* How to sign in. */
enum cli_way { CLI_WAY_ANY, CLI_WAY_BROWSER, CLI_WAY_PASTE, CLI_WAY_DEVICE };

/* A command line, proved. All borrowed from argv. */
struct cli_call {
	const char *config;               /* of -c; NULL: CLI_CONFIG_DEFAULT, which need not be there */
	const char *account;              /* NULL: none was named; holds no blank and no control character */
	const char *token_file;           /* of --refresh-token-file; "-" is standard input; or NULL */
	const char *words[CLI_WORDS_MAX]; /* of a command that takes words instead of an account */
	unsigned word_count;
	const char *foreign_config; /* of --config; or NULL */
	const char *cache_store;    /* of --cache-store; or NULL */
	const char *secrets_folder; /* of --write-secrets; or NULL */
	enum cli_way way;
	const char *text_file;                /* of --textfile, or NULL */
	const char *config_dir;               /* of --config-dir, or NULL */
	const char *postconf;                 /* of --postconf, or NULL */
	const char *answers[SETUP_QUESTIONS]; /* of setup's options; each may be NULL */
	bool apply;
	bool undo;
	const char *recipient; /* of --to, or NULL */
	bool no_network;
	bool json;
	bool check; /* answer a monitoring system: the exit status is the handler's own, and *err stays empty */
	bool yes;
};

/* Runs a command. Whatever is not CLI_DONE comes with *err set, which main prints, or empty if all has been said. */
typedef enum cli_exit cli_handler(const struct cli_call *call, struct err *err);

cli_handler cli_login, cli_check, cli_consent_url, cli_explain, cli_metrics, cli_status, cli_token, cli_refresh,
    cli_reload, cli_import, cli_import_sasl_xoauth2, cli_import_email_proxy, cli_forget, cli_check_config,
    cli_postfix_config, cli_setup;

#endif
