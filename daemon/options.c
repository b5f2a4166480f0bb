/* The command line of the daemons, and where they say why they did not start. Called by their main programs only. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/log.h"
#include "daemon/options.h"

#define EXIT_USAGE 2

static void print_help(FILE *out, const char *program)
{
	fprintf(out,
		"usage: %s [-c FILE] [-F] [-v]\n"
		"\n"
		"  -c, --config FILE  configuration, instead of " SYSCONFDIR "/mailbearer/mailbearer.conf\n"
		"  -F, --foreground   stay in the foreground and log to standard error\n"
		"  -v, --verbose      log more\n"
		"  -V, --version      print the version\n"
		"  -h, --help         print this\n",
		program);
}

static int usage(const char *program, int *status)
{
	*status = EXIT_USAGE;
	print_help(stderr, program);
	return -1;
}

int options_read(int argc, char **argv, const char *program, struct options *options, int *status)
{
	static const struct option names[] = {
	    {"config", required_argument, NULL, 'c'}, {"foreground", no_argument, NULL, 'F'},
	    {"verbose", no_argument, NULL, 'v'},      {"version", no_argument, NULL, 'V'},
	    {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0},
	};
	int option;

	*status = EXIT_SUCCESS;
	*options = (struct options){.program = program, .conf = SYSCONFDIR "/mailbearer/mailbearer.conf"};
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
			printf("%s %s\n", program, PACKAGE_VERSION);
			return -1;
		case 'h':
			print_help(stdout, program);
			return -1;
		default:
			return usage(program, status);
		}
	}
	return optind == argc ? 0 : usage(program, status);
}

void options_open_log(const struct options *options, const char *log)
{
	bool to_stderr = options->foreground || strcmp(log, "stderr") == 0;

	log_open(options->program, to_stderr ? LOG_TO_STDERR : LOG_TO_SYSLOG, options->verbose);
}

int options_fail(const struct options *options, const struct err *err)
{
	if (!options->foreground)
		fprintf(stderr, "%s: %s\n", options->program, err->text);
	log_open(options->program, options->foreground ? LOG_TO_STDERR : LOG_TO_SYSLOG, options->verbose);
	log_event(EVENT_START_FAILED, NULL, log_text("reason", err->text));
	log_close();
	return EXIT_FAILURE;
}
