/* What a process can do no more once it is in the sandbox, and what it still can. Each case in a child, since there is
 * no way back. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tokend/sandbox.h"

#define DIED 200 /* no errno */

/* The errno that `attempt` ends with in a child that is in the sandbox; 0: it went well. */
static int in_sandbox(int (*attempt)(void))
{
	pid_t child = fork();
	int status = 0;

	assert_true(child >= 0);
	if (child == 0) {
		struct err err;

		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || sandbox_enter(&err) != 0)
			_exit(DIED);
		errno = 0;
		_exit(attempt() < 0 ? errno : 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : DIED;
}

static int start_program(void)
{
	char name[] = "true";
	char *const argv[] = {name, NULL};

	return execve("/bin/true", argv, NULL);
}

static int start_process(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	return child;
}

static int trace_parent(void)
{
	return (int)ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
}

static int read_parent(void)
{
	return (int)syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0);
}

static int signal_parent(void)
{
	return (int)syscall(SYS_kill, getppid(), 0);
}

static int become_somebody(void)
{
	return (int)syscall(SYS_setuid, getuid());
}

static int mount_something(void)
{
	return mount("none", "/", NULL, MS_REMOUNT, NULL);
}

static int leave_namespace(void)
{
	return unshare(CLONE_NEWUSER);
}

static int change_root(void)
{
	return chroot("/");
}

static int any_socket(int family, int type)
{
	return socket(family, type, 0);
}

static int socket_netlink(void)
{
	return any_socket(AF_NETLINK, SOCK_RAW);
}
static int socket_packet(void)
{
	return any_socket(AF_PACKET, SOCK_RAW);
}
static int socket_vsock(void)
{
	return any_socket(AF_VSOCK, SOCK_STREAM);
}
static int socket_ax25(void)
{
	return any_socket(AF_AX25, SOCK_DGRAM);
}
static int socket_unspecified(void)
{
	return any_socket(AF_UNSPEC, SOCK_STREAM);
}
static int socket_unix(void)
{
	return any_socket(AF_UNIX, SOCK_STREAM);
}
static int socket_inet(void)
{
	return any_socket(AF_INET, SOCK_STREAM);
}
static int socket_inet6(void)
{
	int fd = any_socket(AF_INET6, SOCK_STREAM);

	/* A machine without IPv6 gives the same answer, sandbox or not. */
	return fd < 0 && errno == EAFNOSUPPORT ? 0 : fd;
}

static void *nothing(void *arg)
{
	return arg;
}

static int start_thread(void)
{
	pthread_t thread;
	void *result = NULL;
	int status = pthread_create(&thread, NULL, nothing, &result);

	if (status == 0)
		status = pthread_join(thread, &result);
	errno = status;
	return status == 0 && result == &result ? 0 : -1;
}

static int read_file(void)
{
	char byte;
	int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);

	return fd < 0 || read(fd, &byte, 1) != 1 ? -1 : close(fd);
}

static int look_up(void)
{
	struct addrinfo *found = NULL;
	int status = getaddrinfo("127.0.0.1", "25", NULL, &found);

	if (status == 0)
		freeaddrinfo(found);
	errno = EIO;
	return status == 0 ? 0 : -1;
}

#define REFUSED(attempt)                                                                                               \
	{                                                                                                              \
#attempt, attempt, ENOSYS                                                                              \
	}
#define UNSUPPORTED(attempt)                                                                                           \
	{                                                                                                              \
#attempt, attempt, EAFNOSUPPORT                                                                        \
	}
#define POSSIBLE(attempt)                                                                                              \
	{                                                                                                              \
#attempt, attempt, 0                                                                                   \
	}

static void test_what_is_refused_and_what_is_not(void **state)
{
	static const struct {
		const char *name;
		int (*attempt)(void);
		int expected;
	} cases[] = {
	    REFUSED(start_program),     REFUSED(start_process),
	    REFUSED(trace_parent),      REFUSED(read_parent),
	    REFUSED(signal_parent),     REFUSED(become_somebody),
	    REFUSED(mount_something),   REFUSED(leave_namespace),
	    REFUSED(change_root),       UNSUPPORTED(socket_netlink),
	    UNSUPPORTED(socket_packet), UNSUPPORTED(socket_vsock),
	    UNSUPPORTED(socket_ax25),   UNSUPPORTED(socket_unspecified),
	    POSSIBLE(socket_unix),      POSSIBLE(socket_inet),
	    POSSIBLE(socket_inet6),     POSSIBLE(start_thread),
	    POSSIBLE(read_file),        POSSIBLE(look_up),
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int got = in_sandbox(cases[i].attempt);

		if (got != cases[i].expected)
			print_error("%s: %d (%s)\n", cases[i].name, got, strerror(got));
		assert_int_equal(got, cases[i].expected);
	}
}

/* Where the build has no filter, this program is not built, so that its cases cannot pass for nothing. */
static void test_is_built(void **state)
{
	(void)state;
	assert_true(sandbox_is_built());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_is_built),
	    cmocka_unit_test(test_what_is_refused_and_what_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
