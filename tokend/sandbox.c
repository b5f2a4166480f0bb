/*
 * The system calls of a running tokend, named one by one, and a filter that leaves it no others. What a list like this
 * protects is what a hole in a parser would be used for: to start a program, to trace smtp(8), to become somebody.
 * Called by the process once all is open; knows nothing of tokens. Without libseccomp it does nothing.
 */
#ifdef HAVE_SECCOMP
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#endif

#include "tokend/sandbox.h"

#ifdef HAVE_SECCOMP

#define NAME_MAX_LEN 31 /* bytes of a call's name */

/* Several names for one thing: which of them libc calls differs from machine to machine, and those that a machine does
 * not have are left out. */
static const char allowed[] =
    /* the loop: events, clocks, signals, the pipe of its own */
    "epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 poll ppoll select pselect6 eventfd "
    "eventfd2 timerfd_create timerfd_settime pipe pipe2 clock_gettime clock_gettime64 clock_getres clock_nanosleep "
    "nanosleep gettimeofday time rt_sigaction rt_sigprocmask rt_sigreturn sigreturn rt_sigtimedwait restart_syscall "
    "sigaltstack "
    /* clients, the token endpoint, the resolver, syslog, systemd */
    "accept accept4 bind connect listen getsockname getpeername getsockopt setsockopt shutdown socketpair sendto "
    "sendmsg sendmmsg recvfrom recvmsg recvmmsg send recv "
    /* descriptors */
    "read readv pread64 write writev pwrite64 close close_range dup dup2 dup3 fcntl fcntl64 ioctl lseek _llseek "
    /* the store, the configuration, certificates, the user database */
    "open openat openat2 stat stat64 fstat fstat64 lstat lstat64 newfstatat fstatat64 statx statfs statfs64 fstatfs "
    "fstatfs64 access faccessat faccessat2 readlink readlinkat getdents getdents64 getcwd rename renameat renameat2 "
    "unlink unlinkat mkdir mkdirat fchmod chmod fchmodat fsync fdatasync ftruncate ftruncate64 fallocate flock "
    "umask "
    /* memory and threads: the resolver has one for each name that it looks up */
    "brk mmap mmap2 munmap mremap mprotect madvise mlock mlock2 munlock futex futex_time64 set_robust_list "
    "get_robust_list rseq set_tid_address arch_prctl set_thread_area membarrier sched_yield sched_getaffinity exit "
    "exit_group "
    /* itself */
    "getpid gettid getppid getuid getuid32 geteuid geteuid32 getgid getgid32 getegid getegid32 getrandom getrlimit "
    "ugetrlimit prlimit64 getrusage times uname sysinfo tgkill ";

static const int families[] = {AF_UNIX, AF_INET, AF_INET6};

static int allow(scmp_filter_ctx filter, const char *word, size_t len)
{
	char name[NAME_MAX_LEN + 1] = "";
	int number;

	if (len > NAME_MAX_LEN)
		return -ENAMETOOLONG;
	memcpy(name, word, len);
	number = seccomp_syscall_resolve_name(name);
	return number == __NR_SCMP_ERROR ? 0 : seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
}

/* A thread, and never a process. libc tries clone3 first, whose flags no filter can see, and then this. */
static int allow_threads(scmp_filter_ctx filter)
{
#ifdef __s390__
	const unsigned flags_at = 1;
#else
	const unsigned flags_at = 0;
#endif

	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				SCMP_CMP(flags_at, SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
}

/* Judged by their argument, and refused as a kernel without IPv6 refuses: everybody is prepared for that. */
static int allow_sockets(scmp_filter_ctx filter)
{
	int status = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
				      SCMP_A0(SCMP_CMP_GT, AF_INET6, 0));

	for (int family = AF_INET6 - 1; family >= 0 && status == 0; family--)
		if (family != AF_UNIX && family != AF_INET)
			status = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
						  SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)family, 0));
	for (size_t i = 0; i < sizeof families / sizeof families[0] && status == 0; i++)
		status = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
					  SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i], 0));
	return status;
}

static int fill(scmp_filter_ctx filter)
{
	int status = allow_threads(filter);

	if (status == 0)
		status = allow_sockets(filter);
	for (const char *at = allowed; *at != '\0' && status == 0; at += strcspn(at, " ") + 1)
		status = allow(filter, at, strcspn(at, " "));
	return status;
}

bool sandbox_is_built(void)
{
	return true;
}

int sandbox_enter(struct err *err)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int status;

	if (filter == NULL)
		return err_set(err, ERR_MEMORY, "out of memory");
	status = fill(filter);
	if (status == 0)
		status = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1); /* a key's engine may have threads */
	if (status == 0)
		status = seccomp_load(filter);
	seccomp_release(filter);
	/* EINVAL: a kernel without it. */
	if (status == 0 || status == -EINVAL || status == -ENOSYS)
		return 0;
	return err_sys(err, -status,
		       "the filter of system calls cannot be set; tokend runs without it where the "
		       "configuration says seccomp = \"off\"");
}

#else

bool sandbox_is_built(void)
{
	return false;
}

int sandbox_enter(struct err *err)
{
	(void)err;
	return 0;
}

#endif
