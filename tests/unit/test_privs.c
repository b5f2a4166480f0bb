/*
 * Giving rights up. Each case runs in a child, since what it does cannot be undone; the child's exit status is the
 * line of the first expectation that failed, so 0 is success. As root and as anybody else the cases differ.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/privs.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

#define EXPECT(condition)                                                                                              \
	do {                                                                                                           \
		if (!(condition))                                                                                      \
			_exit(1 + __LINE__ % 250);                                                                     \
	} while (0)

static int status_of(pid_t child)
{
	int status = -1;

	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void in_child(void (*body)(void))
{
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		body();
		_exit(0);
	}
	assert_int_equal(status_of(child), 0);
}

static void harden(void)
{
	struct rlimit limit;

	umask(022);
	privs_harden();
	EXPECT(umask(0) == 077);
	EXPECT(getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_cur == 0 && limit.rlim_max == 0);
	EXPECT(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
#ifndef __SANITIZE_ADDRESS__
	EXPECT(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0);
#endif
}

static void hardening_holds(void **state)
{
	(void)state;
	in_child(harden);
}

static void unknown_user(void)
{
	struct err err = {0};

	EXPECT(privs_become("no-such-user-here", &err) == -1);
	EXPECT(err.code == ERR_CONFIG && strstr(err.text, "no-such-user-here"));
}

static void an_unknown_user_is_an_error(void **state)
{
	(void)state;
	in_child(unknown_user);
}

static void stay_who_we_are(void)
{
	const struct passwd *pw = getpwuid(geteuid());
	struct err err = {0};
	char self[64];

	EXPECT(pw && pw->pw_uid != 0);
	snprintf(self, sizeof(self), "%s", pw->pw_name);
	EXPECT(privs_become(self, &err) == 0);
	EXPECT(privs_become("root", &err) == -1 && err.code == ERR_DENIED);
}

static void root_becomes_nobody(void)
{
	const struct passwd *pw = getpwnam("nobody");
	gid_t groups[64], extra = 0;
	struct err err = {0};
	uid_t uid;
	gid_t gid;
	int n;

	EXPECT(pw && pw->pw_uid != 0);
	uid = pw->pw_uid;
	gid = pw->pw_gid;
	EXPECT(setgroups(1, &extra) == 0);
	EXPECT(privs_become("root", &err) == -1 && err.code == ERR_CONFIG && geteuid() == 0);
	EXPECT(privs_become("nobody", &err) == 0);
	EXPECT(getuid() == uid && geteuid() == uid && getgid() == gid && getegid() == gid);
	EXPECT(setuid(0) == -1 && seteuid(0) == -1 && setgid(0) == -1);
	n = getgroups(64, groups);
	EXPECT(n >= 0);
	while (n-- > 0)
		EXPECT(groups[n] != 0);
#ifndef __SANITIZE_ADDRESS__
	EXPECT(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0);
#endif
	stay_who_we_are();
}

static void becoming_the_user_is_for_good(void **state)
{
	(void)state;
	in_child(geteuid() == 0 ? root_becomes_nobody : stay_who_we_are);
}

static bool is_folder_of(const char *path, uid_t uid, mode_t mode)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == uid && (st.st_mode & 07777) == mode;
}

/* Root makes one level below a folder that only root can write to, and nothing else. */
static void the_sockets_folder_is_made_by_root_only(void **state)
{
	char parent[] = "/tmp/test_privs.XXXXXX";
	uid_t nobody = getpwnam("nobody")->pw_uid;
	char socket[64], folder[64], deep[64];
	bool root = geteuid() == 0;

	(void)state;
	umask(077);
	assert_non_null(mkdtemp(parent));
	snprintf(folder, sizeof(folder), "%s/mb", parent);
	snprintf(socket, sizeof(socket), "%s/mb/tokend.sock", parent);
	snprintf(deep, sizeof(deep), "%s/a/b/tokend.sock", parent);
	assert_int_equal(chmod(parent, 0777), 0);
	assert_int_equal(privs_make_folder_for(socket, "nobody", NULL), 0);
	assert_int_equal(access(folder, F_OK), -1);
	assert_int_equal(chmod(parent, 0755), 0);
	assert_int_equal(privs_make_folder_for(socket, "nobody", NULL), 0);
	assert_int_equal(is_folder_of(folder, nobody, 0755), root);
	assert_int_equal(privs_make_folder_for(deep, "nobody", NULL), 0);
	assert_int_equal(rmdir(folder), root ? 0 : -1);
	assert_int_equal(mkdir(folder, 0700), 0);
	assert_int_equal(privs_make_folder_for(socket, "nobody", NULL), 0);
	assert_true(is_folder_of(folder, geteuid(), 0700)); /* what is there is left alone */
	assert_int_equal(rmdir(folder), 0);
	assert_int_equal(rmdir(parent), 0);
}

/* What the background process of a case below does between its two steps. */
struct background {
	int told[2]; /* it says that it is there */
	int go[2];   /* it is allowed to go on */
};

static pid_t start_background(struct background *pipes, void (*rest)(struct background *pipes))
{
	struct err err = {0};
	pid_t child;

	assert_int_equal(pipe(pipes->told), 0);
	assert_int_equal(pipe(pipes->go), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		char byte = 'x';

		EXPECT(privs_daemonize(&err) == 0);
		EXPECT(write(pipes->told[1], &byte, 1) == 1);
		EXPECT(read(pipes->go[0], &byte, 1) == 1);
		rest(pipes);
		_exit(0);
	}
	return child;
}

static void assert_parent_waits_for(struct background *pipes, pid_t parent)
{
	char byte = 'x';

	assert_int_equal(read(pipes->told[0], &byte, 1), 1);
	assert_int_equal(waitpid(parent, NULL, WNOHANG), 0);
	assert_int_equal(write(pipes->go[1], &byte, 1), 1);
}

static void close_background(struct background *pipes)
{
	close(pipes->told[0]);
	close(pipes->told[1]);
	close(pipes->go[0]);
	close(pipes->go[1]);
}

static bool is_null_device(int fd)
{
	struct stat null, st;

	return stat("/dev/null", &null) == 0 && fstat(fd, &st) == 0 && st.st_rdev == null.st_rdev &&
	       S_ISCHR(st.st_mode);
}

static void get_ready(struct background *pipes)
{
	char verdict;

	privs_daemonize_done();
	verdict = is_null_device(0) && is_null_device(1) && is_null_device(2) && getsid(0) == getpid() ? 'y' : 'n';
	EXPECT(write(pipes->told[1], &verdict, 1) == 1);
}

static void the_parent_exits_when_the_daemon_is_ready(void **state)
{
	struct background pipes;
	pid_t parent = start_background(&pipes, get_ready);
	char verdict = 0;

	(void)state;
	assert_parent_waits_for(&pipes, parent);
	assert_int_equal(status_of(parent), 0);
	assert_int_equal(read(pipes.told[0], &verdict, 1), 1);
	assert_int_equal(verdict, 'y');
	close_background(&pipes);
}

static void fail_to_start(struct background *pipes)
{
	(void)pipes;
	_exit(3);
}

static void the_parent_fails_when_the_daemon_does(void **state)
{
	struct background pipes;
	pid_t parent = start_background(&pipes, fail_to_start);

	(void)state;
	assert_parent_waits_for(&pipes, parent);
	assert_int_equal(status_of(parent), 3);
	close_background(&pipes);
}

static void end_too_early(struct background *pipes)
{
	(void)pipes;
	_exit(0);
}

static void a_daemon_that_ends_before_it_is_ready_is_a_failure(void **state)
{
	struct background pipes;
	pid_t parent = start_background(&pipes, end_too_early);

	(void)state;
	assert_parent_waits_for(&pipes, parent);
	assert_int_equal(status_of(parent), 1);
	close_background(&pipes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(hardening_holds),
	    cmocka_unit_test(an_unknown_user_is_an_error),
	    cmocka_unit_test(becoming_the_user_is_for_good),
	    cmocka_unit_test(the_sockets_folder_is_made_by_root_only),
	    cmocka_unit_test(the_parent_exits_when_the_daemon_is_ready),
	    cmocka_unit_test(the_parent_fails_when_the_daemon_does),
	    cmocka_unit_test(a_daemon_that_ends_before_it_is_ready_is_a_failure),
	};

	return cmocka_run_group_tests_name("privs", tests, NULL, NULL);
}
