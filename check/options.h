#ifndef MAILBEARER_CHECK_OPTIONS_H
#define MAILBEARER_CHECK_OPTIONS_H

#include <stdbool.h>

/* What is to be checked. All borrowed. */
struct check_options {
	const char *config;     /* the configuration's path */
	const char *program;    /* how this program is called, for commands to be pasted: "mailbearer -c FILE" */
	const char *account;    /* or NULL: all; also a mailbox that a wildcard account covers */
	const char *recipient;  /* a message is sent there; or NULL */
	const char *config_dir; /* of Postfix; or NULL: its own default */
	const char *postconf;   /* or NULL: where systems have it */
	bool no_network;        /* asks no name server and no mail server */
};

#endif
