/*
 * Opens an address in the administrator's browser. Called by the command login. The address holds no secret, but it is
 * on a command line for all users of this machine to see.
 */
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/browser.h"

#define RUNTIME_SIZE 64

static const char *const openers[] = {"/usr/bin/xdg-open", "/usr/local/bin/xdg-open"};

bool browser_has_display(void)
{
	const char *x11 = getenv("DISPLAY"), *wayland = getenv("WAYLAND_DISPLAY");

	return (x11 != NULL && *x11 != '\0') || (wayland != NULL && *wayland != '\0');
}

static const char *find_opener(void)
{
	for (size_t i = 0; i < sizeof openers / sizeof openers[0]; i++)
		if (access(openers[i], X_OK) == 0)
			return openers[i];
	return NULL;
}

/* Who called sudo; NULL: nobody, or root. */
static const struct passwd *caller(void)
{
	const char *uid = getenv("SUDO_UID");
	const struct passwd *user = uid != NULL && *uid != '\0' ? getpwuid((uid_t)strtoul(uid, NULL, 10)) : NULL;

	return user != NULL && user->pw_uid != 0 ? user : NULL;
}

/* 0 or -1. In the child. */
static int become(const struct passwd *user)
{
	char runtime[RUNTIME_SIZE];

	if (initgroups(user->pw_name, user->pw_gid) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0)
		return -1;
	snprintf(runtime, sizeof runtime, "/run/user/%lu", (unsigned long)user->pw_uid);
	setenv("HOME", user->pw_dir, 1);
	setenv("USER", user->pw_name, 1);
	setenv("LOGNAME", user->pw_name, 1);
	setenv("XDG_RUNTIME_DIR", runtime, 1);
	return chdir("/");
}

/* A grandchild, whom we need not wait for; it has nothing of ours open. */
static void run(const char *opener, const char *address, const struct passwd *user)
{
	int null = open("/dev/null", O_RDWR);

	if (fork() != 0)
		_exit(0);
	setsid();
	umask(022);
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	if (user == NULL || become(user) == 0)
		execl(opener, opener, address, (char *)NULL);
	_exit(1);
}

bool browser_open(const char *address)
{
	const char *opener = find_opener();
	const struct passwd *user = geteuid() == 0 ? caller() : NULL;
	pid_t child;

	if (opener == NULL || !browser_has_display() || (geteuid() == 0 && user == NULL))
		return false;
	child = fork();
	if (child == 0)
		run(opener, address, user);
	if (child > 0)
		waitpid(child, NULL, 0);
	return child > 0;
}
