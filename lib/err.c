/*
 * Filling in of struct err. Called by everybody; allocates nothing and keeps no state, because it also runs inside
 * smtp(8).
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/err.h"

/* strerror() may share one buffer between threads, and strerror_r() comes in two kinds. */
static const char *describe(int errnum, char *space, size_t size)
{
#ifdef __GLIBC__
	return strerror_r(errnum, space, size);
#else
	if (strerror_r(errnum, space, size) != 0)
		snprintf(space, size, "error %d", errnum);
	return space;
#endif
}

int err_set(struct err *err, enum err_code code, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX]; /* aside, so that err->text may itself be among the arguments */
	va_list args;

	if (err == NULL)
		return -1;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	memcpy(err->text, text, sizeof err->text);
	err->code = code;
	return -1;
}

int err_sys(struct err *err, int errnum, const char *fmt, ...)
{
	char space[128], cause[132], text[ERR_TEXT_MAX];
	va_list args;

	if (err == NULL)
		return -1;
	snprintf(cause, sizeof cause, ": %s", describe(errnum, space, sizeof space));
	va_start(args, fmt);
	vsnprintf(text, sizeof text - strlen(cause), fmt, args); /* the cause is the last thing to be cut */
	va_end(args);
	return err_set(err, errnum == ENOMEM ? ERR_MEMORY : ERR_SYSTEM, "%s%s", text, cause);
}

int err_prefix(struct err *err, const char *fmt, ...)
{
	char prefix[ERR_TEXT_MAX];
	va_list args;

	if (err == NULL)
		return -1;
	va_start(args, fmt);
	vsnprintf(prefix, sizeof prefix, fmt, args);
	va_end(args);
	return err_set(err, err->code, "%s: %s", prefix, err->text);
}
