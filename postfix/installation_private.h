#ifndef MAILBEARER_POSTFIX_INSTALLATION_PRIVATE_H
#define MAILBEARER_POSTFIX_INSTALLATION_PRIVATE_H

#include "postfix/installation.h"

/* Lines of "NAME = VALUE", cut in their text, sorted by name. */
struct installation_pair {
	const char *name, *value;
};

struct installation_pairs {
	char *text;
	size_t count;
	struct installation_pair *items;
};

struct installation {
	struct installation_pairs values, given, options;
	char *services_text;
	size_t service_count;
	struct installation_service *services;
	char *warnings; /* or NULL */
};

#endif
