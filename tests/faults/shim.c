/*
 * Preloaded into tokend, the CLI and the plugin's host: the n-th call of a kind fails, or hangs, or the process is
 * killed at it; names are looked up, and clocks go, as a test says. Without MB_FAULTS in the environment it does
 * nothing. Never installed. (What kinds there are, and the page that a test steers it by, are in shim.h.)
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "tests/faults/shim.h"

#define FILES_MAX 4096
#define LOOKUP_SUFFIX ".fault.test"

static struct shim_control idle;
static struct shim_control *control = &idle;
static const char *folder; /* of SHIM_STORE, or NULL */
static bool in_folder[FILES_MAX];

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void map_control(void)
{
	const char *path = getenv("MB_FAULTS");
	int fd = path != NULL ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC) : -1;
	void *page;

	if (fd < 0)
		return;
	page = (void *)syscall(SYS_mmap, NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0L);
	syscall(SYS_close, fd);
	if (page == MAP_FAILED)
		return;
	folder = getenv("MB_FAULTS_UNDER");
	control = page;
}

/* --- what happens at a call --- */

static void die(void)
{
	kill(getpid(), SIGKILL);
	__builtin_trap(); /* where a filter of system calls forbids that */
}

/* Counts over all threads. True if this call is to fail, with errno set. Dies at once, or sets *die_after. */
static bool strikes(uint32_t kind, const char *name, bool *die_after)
{
	uint32_t number;

	*die_after = false;
	if ((control->kinds & kind) == 0)
		return false;
	number = __atomic_add_fetch(&control->calls, 1, __ATOMIC_RELAXED);
	if (control->action == SHIM_COUNT || number < control->nth || (number > control->nth && !control->and_after))
		return false;
	control->hits++;
	strncpy(control->last, name, sizeof control->last - 1);
	if (control->action == SHIM_KILL_BEFORE)
		die();
	*die_after = control->action == SHIM_KILL_AFTER;
	if (*die_after)
		return false;
	if (control->action == SHIM_HOLD) {
		while (__atomic_load_n(&control->kinds, __ATOMIC_RELAXED) != 0)
			poll(NULL, 0, 1);
		return false;
	}
	errno = control->errnum;
	return true;
}

static uint32_t kind_of(int fd)
{
	return fd >= 0 && fd < FILES_MAX && in_folder[fd] ? SHIM_STORE : SHIM_REST;
}

static uint32_t kind_of_path(int dir, const char *path)
{
	if (path[0] != '/')
		return kind_of(dir);
	return folder != NULL && strncmp(path, folder, strlen(folder)) == 0 ? SHIM_STORE : SHIM_REST;
}

static int opened(int fd, uint32_t kind)
{
	if (fd >= 0 && fd < FILES_MAX)
		in_folder[fd] = kind == SHIM_STORE;
	return fd;
}

/* One wrapper: counts as `kind`, then makes the real call, whose arguments follow. */
#define CALL(type, failed, kind, name, ...)                                                                            \
	bool die_after;                                                                                                \
	type result;                                                                                                   \
                                                                                                                       \
	if (strikes(kind, #name, &die_after))                                                                          \
		return failed;                                                                                         \
	result = REAL(name)(__VA_ARGS__);                                                                              \
	if (die_after)                                                                                                 \
		die();                                                                                                 \
	return result

/* --- files --- */

static int open_as(int dir, const char *path, int flags, mode_t mode)
{
	uint32_t kind = kind_of_path(dir, path);
	bool die_after;
	int fd;

	if (strikes(kind, "open", &die_after))
		return -1;
	fd = (int)syscall(SYS_openat, dir, path, flags, mode);
	if (die_after)
		die();
	return opened(fd, kind);
}

#define OPENS(name, ...)                                                                                               \
	int name(__VA_ARGS__, int flags, ...)                                                                          \
	{                                                                                                              \
		mode_t mode = 0;                                                                                       \
		va_list args;                                                                                          \
                                                                                                                       \
		va_start(args, flags);                                                                                 \
		if ((flags & (O_CREAT | O_TMPFILE)) != 0)                                                              \
			mode = va_arg(args, mode_t);                                                                   \
		va_end(args);                                                                                          \
		return open_as(DIR_OF, path, flags, mode);                                                             \
	}

#define DIR_OF AT_FDCWD
OPENS(open, const char *path)
OPENS(open64, const char *path)
#undef DIR_OF
#define DIR_OF dir
OPENS(openat, int dir, const char *path)
OPENS(openat64, int dir, const char *path)
#undef DIR_OF

ssize_t write(int fd, const void *bytes, size_t len)
{
	CALL(ssize_t, -1, kind_of(fd), write, fd, bytes, len);
}

ssize_t read(int fd, void *bytes, size_t len)
{
	CALL(ssize_t, -1, kind_of(fd), read, fd, bytes, len);
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
	CALL(ssize_t, -1, kind_of(fd), pwrite, fd, bytes, len, at);
}

int fsync(int fd)
{
	CALL(int, -1, kind_of(fd), fsync, fd);
}

int ftruncate(int fd, off_t len)
{
	CALL(int, -1, kind_of(fd), ftruncate, fd, len);
}

int fstat(int fd, struct stat *st)
{
	CALL(int, -1, kind_of(fd), fstat, fd, st);
}

int flock(int fd, int how)
{
	CALL(int, -1, kind_of(fd), flock, fd, how);
}

int mkdir(const char *path, mode_t mode)
{
	CALL(int, -1, kind_of_path(AT_FDCWD, path), mkdir, path, mode);
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	CALL(int, -1, kind_of_path(to_dir, to), renameat, from_dir, from, to_dir, to);
}

int unlinkat(int dir, const char *path, int flags)
{
	CALL(int, -1, kind_of_path(dir, path), unlinkat, dir, path, flags);
}

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
	CALL(int, -1, kind_of_path(to_dir, to), linkat, from_dir, from, to_dir, to, flags);
}

/* A close that fails has closed all the same. */
int close(int fd)
{
	uint32_t kind = kind_of(fd);
	bool die_after, strike = strikes(kind, "close", &die_after);
	int result = (int)syscall(SYS_close, fd);

	opened(fd, SHIM_REST);
	if (die_after)
		die();
	if (!strike)
		return result;
	errno = control->errnum;
	return -1;
}

/* --- the network --- */

int connect(int fd, const struct sockaddr *address, socklen_t len)
{
	CALL(int, -1, SHIM_REST, connect, fd, address, len);
}

int accept4(int fd, struct sockaddr *address, socklen_t *len, int flags)
{
	CALL(int, -1, SHIM_REST, accept4, fd, address, len, flags);
}

ssize_t send(int fd, const void *bytes, size_t len, int flags)
{
	CALL(ssize_t, -1, SHIM_REST, send, fd, bytes, len, flags);
}

ssize_t recv(int fd, void *bytes, size_t len, int flags)
{
	CALL(ssize_t, -1, SHIM_REST, recv, fd, bytes, len, flags);
}

int epoll_wait(int fd, struct epoll_event *events, int max, int timeout)
{
	CALL(int, -1, SHIM_REST, epoll_wait, fd, events, max, timeout);
}

static int look_up(const char *service, const struct addrinfo *hints, struct addrinfo **found)
{
	while (control->lookup == 1)
		poll(NULL, 0, 10);
	if (control->lookup != 0)
		return control->lookup;
	return REAL(getaddrinfo)("127.0.0.1", service, hints, found);
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found)
{
	size_t len = name != NULL ? strlen(name) : 0;
	size_t suffix = strlen(LOOKUP_SUFFIX);

	if (control != &idle && len > suffix && strcmp(name + len - suffix, LOOKUP_SUFFIX) == 0)
		return look_up(service, hints, found);
	return REAL(getaddrinfo)(name, service, hints, found);
}

/* --- clocks --- */

int clock_gettime(clockid_t clock, struct timespec *now)
{
	int result = (int)syscall(SYS_clock_gettime, clock, now);

	if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)
		now->tv_sec += control->wall_shift;
	if (clock == CLOCK_BOOTTIME)
		now->tv_sec += control->boot_shift;
	return result;
}

time_t time(time_t *out)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (out != NULL)
		*out = now.tv_sec;
	return now.tv_sec;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
	struct timespec now;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &now);
	*out = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
	return 0;
}

/* --- memory: glibc's own names, since dlsym(3) itself wants memory. Not in place where a sanitizer has its own. --- */

#ifdef __GLIBC__
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);

static bool is_ours(const void *caller)
{
	const char *name;
	Dl_info info;

	if (dladdr(caller, &info) == 0 || info.dli_fname == NULL)
		return false;
	name = strrchr(info.dli_fname, '/');
	name = name != NULL ? name + 1 : info.dli_fname;
	return strncmp(name, "mailbearer", 10) == 0 || strncmp(name, "libmailbearer", 13) == 0;
}

static bool runs_out(const char *name, const void *caller)
{
	uint32_t kind = SHIM_ALLOCATIONS;
	bool die_after;

	if ((control->kinds & (SHIM_OURS | SHIM_ALLOCATIONS)) == 0)
		return false;
	if ((control->kinds & SHIM_OURS) != 0) {
		if (!is_ours(caller))
			return false;
		kind = SHIM_OURS;
	}
	return strikes(kind, name, &die_after);
}

#define CALLER __builtin_extract_return_addr(__builtin_return_address(0))

void *malloc(size_t size)
{
	return runs_out("malloc", CALLER) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return runs_out("calloc", CALLER) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *block, size_t size)
{
	return size != 0 && runs_out("realloc", CALLER) ? NULL : __libc_realloc(block, size);
}

static char *copy(const char *text, size_t len)
{
	char *out = __libc_malloc(len + 1);

	if (out != NULL) {
		memcpy(out, text, len);
		out[len] = '\0';
	}
	return out;
}

#undef strdup
#undef strndup
char *strdup(const char *text)
{
	return runs_out("strdup", CALLER) ? NULL : copy(text, strlen(text));
}

char *strndup(const char *text, size_t max)
{
	return runs_out("strndup", CALLER) ? NULL : copy(text, strnlen(text, max));
}

/* Secrets have pages of their own. */
void *mmap(void *at, size_t len, int protection, int flags, int fd, off_t offset)
{
	if ((flags & MAP_ANONYMOUS) != 0 && runs_out("mmap", CALLER))
		return MAP_FAILED;
	return (void *)syscall(SYS_mmap, at, len, protection, flags, fd, offset);
}
#endif
