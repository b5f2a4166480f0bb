/*
 * Gives rights up: no core dumps, no way back to root, a folder for the socket made while that is still possible,
 * and the detaching from the terminal. Called by the main programs, in the order of privs.h, before there are threads.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "daemon/privs.h"

/* The child's end of the pipe to the parent that waits in privs_daemonize; -1: nobody waits. */
static int parent_fd = -1;

/* The leak sanitizer traces its own process at exit, which this would forbid. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

/* Changing the uid resets this on Linux, so it is called again after that. */
static void forbid_dumps(void)
{
#if defined(PR_SET_DUMPABLE) && !defined(__SANITIZE_ADDRESS__)
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

void privs_keep_secrets(void)
{
	struct rlimit none = {0, 0};

	umask(077);
	setrlimit(RLIMIT_CORE, &none);
	forbid_dumps();
}

void privs_harden(void)
{
	privs_keep_secrets();
#ifdef PR_SET_NO_NEW_PRIVS
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
#endif
}

void privs_raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* NULL with *err set. The entry lives until the next getpwnam(3). */
static const struct passwd *look_up(const char *user, struct err *err)
{
	const struct passwd *pw;

	errno = 0;
	pw = getpwnam(user);
	if (pw)
		return pw;
	if (errno == 0 || errno == ENOENT || errno == ESRCH)
		err_set(err, ERR_CONFIG, "there is no user '%s'; make it (useradd --system) or set `user` to another",
			user);
	else
		err_sys(err, errno, "user '%s' cannot be looked up", user);
	return NULL;
}

static int prove_no_way_back(const struct passwd *pw, struct err *err)
{
	if (getuid() != pw->pw_uid || geteuid() != pw->pw_uid || getgid() != pw->pw_gid || getegid() != pw->pw_gid)
		return err_set(err, ERR_DENIED, "could not become user '%s'", pw->pw_name);
	if (setuid(0) == 0 || seteuid(0) == 0)
		return err_set(err, ERR_DENIED, "gave root up for '%s' and could have it back; refusing to run so",
			       pw->pw_name);
	return 0;
}

static int give_up_root(const struct passwd *pw, struct err *err)
{
	if (pw->pw_uid == 0)
		return err_set(err, ERR_CONFIG,
			       "user '%s' is root, which this program does not run as; "
			       "set `user` to an ordinary system user",
			       pw->pw_name);
	if (initgroups(pw->pw_name, pw->pw_gid) != 0)
		return err_sys(err, errno, "groups of user '%s' cannot be set", pw->pw_name);
	if (setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) != 0)
		return err_sys(err, errno, "group of user '%s' cannot be set", pw->pw_name);
	if (setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) != 0)
		return err_sys(err, errno, "cannot become user '%s'", pw->pw_name);
	forbid_dumps();
	return prove_no_way_back(pw, err);
}

int privs_become(const char *user, struct err *err)
{
	const struct passwd *pw = look_up(user, err);

	if (!pw)
		return -1;
	if (geteuid() == 0)
		return give_up_root(pw, err);
	if (geteuid() != pw->pw_uid || getuid() != pw->pw_uid)
		return err_set(err, ERR_DENIED,
			       "runs as uid %ld and is to run as '%s'; start it as root or as that user, "
			       "or set `user`",
			       (long)geteuid(), user);
	return 0;
}

/* Splits "/run/mailbearer/x.sock" into "/run" and "mailbearer". false when there is no such folder in it. */
static bool split_folder(char *path, const char **parent, const char **folder)
{
	char *last = strrchr(path, '/');
	char *slash;

	if (path[0] != '/' || last == path)
		return false;
	*last = '\0';
	slash = strrchr(path, '/');
	*folder = slash + 1;
	*parent = slash == path ? "/" : path;
	*slash = '\0';
	return **folder != '\0';
}

static bool only_root_may_write(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_uid == 0 && (st.st_mode & 022) == 0;
}

static int make_owned_folder(int parent, const char *folder, const char *path, const char *user, struct err *err)
{
	const struct passwd *pw = look_up(user, err);
	int result = -1;
	int fd;

	if (!pw)
		return -1;
	if (mkdirat(parent, folder, 0755) != 0)
		return errno == EEXIST ? 0 : err_sys(err, errno, "the folder for %s cannot be made", path);
	fd = openat(parent, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fchown(fd, pw->pw_uid, pw->pw_gid) != 0 || fchmod(fd, 0755) != 0)
		err_sys(err, errno, "the folder for %s cannot be given to user '%s'", path, user);
	else
		result = 0;
	if (fd >= 0)
		close(fd);
	return result;
}

int privs_make_folder_for(const char *path, const char *user, struct err *err)
{
	const char *parent, *folder;
	struct stat st;
	int result = 0;
	char *copy;
	int fd;

	if (geteuid() != 0)
		return 0;
	copy = strdup(path);
	if (!copy)
		return err_sys(err, ENOMEM, "the folder for %s", path);
	if (split_folder(copy, &parent, &folder)) {
		fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0 && only_root_may_write(fd) && fstatat(fd, folder, &st, AT_SYMLINK_NOFOLLOW) != 0 &&
		    errno == ENOENT)
			result = make_owned_folder(fd, folder, path, user, err);
		if (fd >= 0)
			close(fd);
	}
	free(copy);
	return result;
}

/* The parent's part: waits for the child's word and takes its fate for its own exit status. */
static void wait_and_exit(int fd, pid_t child)
{
	int status = 0;
	char word;
	ssize_t n;

	do
		n = read(fd, &word, 1);
	while (n < 0 && errno == EINTR);
	if (n == 1)
		_exit(0);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		continue;
	_exit(WIFEXITED(status) && WEXITSTATUS(status) != 0 ? WEXITSTATUS(status) : 1);
}

int privs_daemonize(struct err *err)
{
	int ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return err_sys(err, errno, "cannot go to the background");
	child = fork();
	if (child < 0) {
		err_sys(err, errno, "cannot go to the background");
		close(ends[0]);
		close(ends[1]);
		return -1;
	}
	if (child > 0) {
		close(ends[1]);
		wait_and_exit(ends[0], child);
	}
	close(ends[0]);
	parent_fd = ends[1];
	if (setsid() < 0 || chdir("/") != 0)
		return err_sys(err, errno, "cannot go to the background");
	return 0;
}

void privs_daemonize_done(void)
{
	int null;

	if (parent_fd < 0)
		return;
	/* Not before now: what went wrong at start was to be read on the terminal. */
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		if (null > STDERR_FILENO)
			close(null);
	}
	(void)!write(parent_fd, "k", 1);
	close(parent_fd);
	parent_fd = -1;
}
