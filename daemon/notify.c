/*
 * Tells the service manager how we are, in sd_notify(3)'s datagrams. May not block and has no errors to report: a
 * process runs the same without a manager. Called by the main programs.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "daemon/notify.h"

#define STATUS_MAX 256 /* bytes of a status line */

/* 0 when there is nobody to tell. */
static socklen_t manager_address(struct sockaddr_un *address)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len = path ? strlen(path) : 0;

	if (len < 2 || len >= sizeof(address->sun_path) || (path[0] != '/' && path[0] != '@'))
		return 0;
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	memcpy(address->sun_path, path, len);
	if (path[0] == '@')
		address->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

static void notify(const char *message)
{
	struct sockaddr_un address;
	socklen_t len = manager_address(&address);
	int fd;

	if (len == 0)
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	(void)!sendto(fd, message, strlen(message), MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&address, len);
	close(fd);
}

void notify_ready(const char *status)
{
	char message[STATUS_MAX + 32];
	char *p;

	snprintf(message, sizeof(message), "READY=1\nSTATUS=%.*s", STATUS_MAX, status ? status : "");
	for (p = strchr(message, '\n') + 1; *p; p++)
		if ((unsigned char)*p < ' ')
			*p = ' '; /* a line end would begin an assignment of its own */
	notify(message);
}

void notify_reloading(void)
{
	struct timespec now;
	char message[64];

	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(message, sizeof(message), "RELOADING=1\nMONOTONIC_USEC=%lld",
		 (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	notify(message);
}

void notify_stopping(void)
{
	notify("STOPPING=1");
}

void notify_watchdog(void)
{
	notify("WATCHDOG=1");
}

static int64_t number_of_variable(const char *name)
{
	const char *text = getenv(name);
	char *end;
	long long number;

	if (!text || *text < '0' || *text > '9')
		return -1;
	number = strtoll(text, &end, 10);
	return *end == '\0' ? number : -1;
}

int64_t notify_watchdog_interval(void)
{
	int64_t usec = number_of_variable("WATCHDOG_USEC");

	if (usec <= 0)
		return 0;
	if (getenv("WATCHDOG_PID") && number_of_variable("WATCHDOG_PID") != getpid())
		return 0;
	return usec < 2000 ? 1 : usec / 2000;
}
