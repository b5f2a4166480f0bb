#ifndef MAILBEARER_TESTS_UNIT_CONF_FILE_H
#define MAILBEARER_TESTS_UNIT_CONF_FILE_H

/* For the tests of settings and senders: a configuration file made of a text, loaded, and removed again. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/settings.h"

/* As settings_load; the file's name is replaced by "FILE" in the error's text, so that it can be compared. */
static inline int load_bytes(const char *bytes, size_t len, struct settings **out, struct err *err)
{
	char path[] = "/tmp/mailbearer-test.XXXXXX";
	int fd = mkstemp(path);
	char *found;
	int result;

	if (fd < 0 || write(fd, bytes, len) != (ssize_t)len)
		abort();
	close(fd);
	*err = (struct err){0};
	result = settings_load(path, out, err);
	unlink(path);
	while ((found = strstr(err->text, path)) != NULL) {
		memcpy(found, "FILE", 4);
		memmove(found + 4, found + strlen(path), strlen(found + strlen(path)) + 1);
	}
	return result;
}

/* NULL with *err set. */
static inline struct settings *load_text(const char *text, struct err *err)
{
	struct settings *settings;

	return load_bytes(text, strlen(text), &settings, err) == 0 ? settings : NULL;
}

#endif
