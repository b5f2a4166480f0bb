/*
 * mailbearer-submit(8): an LMTP server on standard input and output that an MTA runs as a mailer, and that relays over
 * SMTP with a token of tokend's. Options, settings, one session.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "daemon/log.h"
#include "daemon/privs.h"
#include "daemon/senders.h"
#include "daemon/settings.h"
#include "smtp/relay.h"
#include "submit/session.h"

#define NAME "mailbearer-submit"

struct options {
	const char *conf;
	const char *account;
	bool short_replies;
	bool verbose;
};

static void print_help(FILE *out)
{
	fprintf(out, "usage: " NAME " [-c FILE] [-a ACCOUNT] [-s] [-v]\n"
		     "\n"
		     "LMTP on standard input and output, for a mail server that runs it as a mailer.\n"
		     "\n"
		     "  -c, --config FILE      configuration, instead of " SYSCONFDIR "/mailbearer/mailbearer.conf\n"
		     "  -a, --account ACCOUNT  relay as this account, whoever the sender is\n"
		     "  -s, --short-replies    cut every reply at 240 bytes, for Exim\n"
		     "  -v, --verbose          log more\n"
		     "  -V, --version          print the version\n"
		     "  -h, --help             print this\n");
}

/* 0: go on; else exit with *status. */
static int read_options(int argc, char **argv, struct options *options, int *status)
{
	static const struct option names[] = {
	    {"config", required_argument, NULL, 'c'},
	    {"account", required_argument, NULL, 'a'},
	    {"short-replies", no_argument, NULL, 's'},
	    {"verbose", no_argument, NULL, 'v'},
	    {"version", no_argument, NULL, 'V'},
	    {"help", no_argument, NULL, 'h'},
	    {NULL, 0, NULL, 0},
	};
	int option;

	*status = EX_OK;
	while ((option = getopt_long(argc, argv, "c:a:svVh", names, NULL)) != -1) {
		switch (option) {
		case 'c':
			options->conf = optarg;
			break;
		case 'a':
			options->account = optarg;
			break;
		case 's':
			options->short_replies = true;
			break;
		case 'v':
			options->verbose = true;
			break;
		case 'V':
			puts(NAME " " PACKAGE_VERSION);
			return -1;
		case 'h':
			print_help(stdout);
			return -1;
		default:
			*status = EX_USAGE;
			print_help(stderr);
			return -1;
		}
	}
	if (optind == argc && (options->account == NULL || strlen(options->account) <= LMTP_PATH_MAX))
		return 0;
	*status = EX_USAGE;
	print_help(stderr);
	return -1;
}

/* Everything before the session. 0, or -1 with *err set. */
static int prepare(const struct options *options, struct settings **settings, struct senders **senders, struct err *err)
{
	if (settings_load(options->conf, settings, err) != 0)
		return -1;
	*senders = senders_new(*settings, err);
	if (*senders == NULL)
		return -1;
	return relay_init(err);
}

/* Exim has one pipe for both: it would read a line of the log as a reply, and send mail again that has arrived. */
static bool stderr_is_read_as_replies(void)
{
	struct stat replies, errors;

	return fstat(STDOUT_FILENO, &replies) == 0 && fstat(STDERR_FILENO, &errors) == 0 && !S_ISCHR(replies.st_mode) &&
	       replies.st_dev == errors.st_dev && replies.st_ino == errors.st_ino;
}

static enum log_target target_of(const struct settings *settings)
{
	bool wanted = settings != NULL && strcmp(settings->submit.log, "stderr") == 0;

	return wanted && !stderr_is_read_as_replies() ? LOG_TO_STDERR : LOG_TO_SYSLOG;
}

int main(int argc, char **argv)
{
	struct options options = {.conf = SYSCONFDIR "/mailbearer/mailbearer.conf"};
	struct settings *settings = NULL;
	struct senders *senders = NULL;
	struct err err = {.code = ERR_NONE};
	int status;

	privs_harden();
	if (read_options(argc, argv, &options, &status) != 0)
		return status;
	signal(SIGPIPE, SIG_IGN);
	status = prepare(&options, &settings, &senders, &err);
	log_open(NAME, target_of(settings), options.verbose);
	if (status != 0) {
		log_event(EVENT_START_FAILED, NULL, log_text("reason", err.text));
		session_refuse(STDOUT_FILENO, err.text);
	} else {
		struct router router = {settings, senders, options.account, options.short_replies};

		status = session_run(&router, STDIN_FILENO, STDOUT_FILENO, &err);
		if (status != 0)
			log_event(EVENT_MTA_LOST, NULL, log_text("reason", err.text));
	}
	log_close();
	senders_free(senders);
	settings_free(settings);
	return status == 0 ? EX_OK : EX_TEMPFAIL;
}
