#ifndef MAILBEARER_TESTS_UNIT_SOCKET_FOLDER_H
#define MAILBEARER_TESTS_UNIT_SOCKET_FOLDER_H

/* For the tests of sockets: a folder of the test program's own, and the path of a socket in it. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[] = "/tmp/mb-unit-XXXXXX";
static char path[sizeof folder + sizeof "/s"];

static inline int make_folder(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/s", folder);
	return 0;
}

/* Fails when a test left anything behind. */
static inline int remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

#endif
