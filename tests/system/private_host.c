/*
 * Preloaded into a mail program of the system tests, so that it neither writes into the machine's log nor depends on
 * the machine's name: what it says to syslog(3) goes to the file that $SYSLOG_FILE names, and gethostname(2) tells
 * $PRIVATE_HOSTNAME (Sendmail sleeps for a minute when that has no dot in it). The users and groups that $PRIVATE_USERS
 * names, with blanks between them, are there without having been made: they are the user and group "mail". Knows what
 * glibc programs call. Never installed.
 */
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#define LINE_MAX_BYTES 8192
#define PRIVATE_USERS_MAX 256
#define STAND_IN_USER "mail"

/* Sendmail empties its environment before it does anything. */
static char log_path[PATH_MAX], host[HOST_NAME_MAX], users[PRIVATE_USERS_MAX];

static const char *ident = "unnamed"; /* of openlog(3), which borrows it too */

static void __attribute__((constructor)) read_environment(void)
{
	const char *path = getenv("SYSLOG_FILE"), *name = getenv("PRIVATE_HOSTNAME");
	const char *names = getenv("PRIVATE_USERS");

	snprintf(log_path, sizeof log_path, "%s", path != NULL ? path : "/dev/null");
	snprintf(host, sizeof host, "%s", name != NULL ? name : "private.invalid");
	snprintf(users, sizeof users, " %s ", names != NULL ? names : "");
}

void __syslog_chk(int priority, int flag, const char *format, ...) __attribute__((format(printf, 3, 4)));
void __vsyslog_chk(int priority, int flag, const char *format, va_list args) __attribute__((format(printf, 3, 0)));

__attribute__((format(printf, 1, 0))) static void write_line(const char *format, va_list args)
{
	char line[LINE_MAX_BYTES];
	int used = snprintf(line, sizeof line, "%s[%d]: ", ident, (int)getpid());
	int more = vsnprintf(line + used, sizeof line - (size_t)used - 1, format, args);
	int fd = open(log_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
	size_t len;

	if (fd < 0)
		return;
	len = more < 0 ? (size_t)used : strlen(line);
	line[len++] = '\n';
	if (write(fd, line, len) < 0)
		abort();
	close(fd);
}

void vsyslog(int priority, const char *format, va_list args)
{
	(void)priority;
	write_line(format, args);
}

void syslog(int priority, const char *format, ...)
{
	va_list args;

	(void)priority;
	va_start(args, format);
	write_line(format, args);
	va_end(args);
}

void __vsyslog_chk(int priority, int flag, const char *format, va_list args)
{
	(void)priority;
	(void)flag;
	write_line(format, args);
}

void __syslog_chk(int priority, int flag, const char *format, ...)
{
	va_list args;

	(void)priority;
	(void)flag;
	va_start(args, format);
	write_line(format, args);
	va_end(args);
}

void openlog(const char *name, int option, int facility)
{
	ident = name != NULL ? name : "unnamed";
	(void)option;
	(void)facility;
}

void closelog(void)
{
}

int gethostname(char *name, size_t size)
{
	if (strlen(host) >= size)
		return -1;
	memcpy(name, host, strlen(host) + 1);
	return 0;
}

static bool is_private(const char *name)
{
	char word[PRIVATE_USERS_MAX];

	snprintf(word, sizeof word, " %s ", name);
	return strstr(users, word) != NULL;
}

struct passwd *getpwnam(const char *name)
{
	static struct passwd entry;
	static char strings[4096];
	struct passwd *found;

	if (getpwnam_r(is_private(name) ? STAND_IN_USER : name, &entry, strings, sizeof strings, &found) != 0)
		return NULL;
	return found;
}

struct group *getgrnam(const char *name)
{
	static struct group entry;
	static char strings[65536];
	struct group *found;

	if (getgrnam_r(is_private(name) ? STAND_IN_USER : name, &entry, strings, sizeof strings, &found) != 0)
		return NULL;
	return found;
}
