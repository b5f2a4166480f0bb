/* mailbearer-tokend: keeps access tokens fresh and hands them out over a Unix socket. Options, start, run, stop. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/log.h"
#include "daemon/privs.h"
#include "tokend/process.h"

#define EXIT_USAGE 2

static void print_help(FILE *out)
{
	fprintf(out, "usage: mailbearer-tokend [-c FILE] [-F] [-v]\n"
		     "\n"
		     "  -c, --config FILE  configuration, instead of " SYSCONFDIR "/mailbearer/mailbearer.conf\n"
		     "  -F, --foreground   stay in the foreground and log to standard error\n"
		     "  -v, --verbose      log more\n"
		     "  -V, --version      print the version\n"
		     "  -h, --help         print this\n");
}

/* 0: go on; else exit with *status. */
static int read_options(int argc, char **argv, struct process_options *options, int *status)
{
	static const struct option names[] = {
	    {"config", required_argument, NULL, 'c'}, {"foreground", no_argument, NULL, 'F'},
	    {"verbose", no_argument, NULL, 'v'},      {"version", no_argument, NULL, 'V'},
	    {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0},
	};
	int option;

	*status = EXIT_SUCCESS;
	while ((option = getopt_long(argc, argv, "c:FvVh", names, NULL)) != -1) {
		switch (option) {
		case 'c':
			options->conf = optarg;
			break;
		case 'F':
			options->foreground = true;
			break;
		case 'v':
			options->verbose = true;
			break;
		case 'V':
			puts("mailbearer-tokend " PACKAGE_VERSION);
			return -1;
		case 'h':
			print_help(stdout);
			return -1;
		default:
			*status = EXIT_USAGE;
			print_help(stderr);
			return -1;
		}
	}
	if (optind == argc)
		return 0;
	*status = EXIT_USAGE;
	print_help(stderr);
	return -1;
}

/* On the terminal as well as in the log, unless the log is the terminal. */
static int fail(const struct process_options *options, const struct err *err)
{
	if (!options->foreground)
		fprintf(stderr, "mailbearer-tokend: %s\n", err->text);
	log_open("mailbearer-tokend", options->foreground ? LOG_TO_STDERR : LOG_TO_SYSLOG, options->verbose);
	log_event(EVENT_START_FAILED, NULL, log_text("reason", err->text));
	log_close();
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	struct process_options options = {.conf = SYSCONFDIR "/mailbearer/mailbearer.conf"};
	struct err err = {.code = ERR_NONE};
	struct process *process;
	int status;

	privs_harden();
	if (read_options(argc, argv, &options, &status) != 0)
		return status;
	process = process_start(&options, &err);
	if (process == NULL)
		return fail(&options, &err);
	status = process_run(process, &err) == 0 ? EXIT_SUCCESS : fail(&options, &err);
	process_stop(process);
	return status;
}
