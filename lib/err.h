#ifndef MAILBEARER_LIB_ERR_H
#define MAILBEARER_LIB_ERR_H

/*
 * An error on its way up: a code that the program may branch on, and a text for the postmaster.
 *
 * The text is written where the failure is understood, whole, without a trailing newline, and says what to do
 * where that is known. It never holds a secret. The process's shell logs it, once.
 * Nothing here allocates, blocks or logs. A NULL `struct err *` is allowed everywhere: the caller does not care.
 */

#define ERR_TEXT_MAX 512 /* bytes with the NUL; longer texts are cut */

enum err_code {
	ERR_NONE = 0,
	ERR_SYSTEM,      /* the operating system said no; the text ends in strerror() */
	ERR_MEMORY,      /* out of memory */
	ERR_TIMEOUT,     /* a deadline passed */
	ERR_LIMIT,       /* larger or more than we take */
	ERR_SYNTAX,      /* bytes that do not follow their grammar */
	ERR_CONFIG,      /* the configuration or a file it names is wrong */
	ERR_DENIED,      /* the peer may not */
	ERR_NOT_FOUND,   /* no such thing */
	ERR_UNREACHABLE, /* nobody answers at that address */
	ERR_BUSY         /* somebody else holds it */
};

struct err {
	enum err_code code;
	char text[ERR_TEXT_MAX];
};

/* Sets code and text. Always returns -1, so that `return err_set(...)` reads well. */
int err_set(struct err *err, enum err_code code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* As err_set with ERR_SYSTEM (ERR_MEMORY for ENOMEM); appends ": " and strerror(errnum). Always returns -1. */
int err_sys(struct err *err, int errnum, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Puts a formatted prefix and ": " before the text that is there; keeps the code. Always returns -1. */
int err_prefix(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
