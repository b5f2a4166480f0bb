/*
 * Runs a program to its end, with a deadline and bounds. May not know what the program is for. Called by what reads and
 * changes an installation, and by the commands that have to start something.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "postfix/run.h"

#define PIECE 4096
#define DESCRIPTORS_MAX 1024 /* of ours, that the program must not have; all we open is close-on-exec anyway */
#define COMPLAINT_MAX 16384  /* bytes of standard error that are kept where nobody asked for them */
#define CANNOT_RUN 127

enum { INPUT, OUTPUT, COMPLAINTS, STREAMS };

/* Our ends of the pipes; -1: closed. */
struct streams {
	int ours[STREAMS];
	int theirs[STREAMS];
	size_t written;
};

static void close_all(int fds[STREAMS])
{
	for (int i = 0; i < STREAMS; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
}

static int open_streams(struct streams *streams, struct err *err)
{
	streams->written = 0;
	for (int i = 0; i < STREAMS; i++)
		streams->ours[i] = streams->theirs[i] = -1;
	for (int i = 0; i < STREAMS; i++) {
		int ends[2];

		if (pipe2(ends, O_CLOEXEC) != 0)
			return err_sys(err, errno, "pipe");
		streams->ours[i] = ends[i == INPUT];
		streams->theirs[i] = ends[i != INPUT];
		fcntl(streams->ours[i], F_SETFL, O_NONBLOCK);
	}
	return 0;
}

/* In the child. */
static void become_program(const struct run *run, const struct streams *streams)
{
	static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin", locale[] = "LC_ALL=C";
	char zone[128], *environment[] = {path, locale, NULL, NULL};
	const char *ours = getenv("TZ");

	if (ours != NULL && snprintf(zone, sizeof zone, "TZ=%s", ours) < (int)sizeof zone)
		environment[2] = zone;
	setpgid(0, 0);
	umask(022);
	signal(SIGPIPE, SIG_DFL);
	for (int i = 0; i < STREAMS; i++)
		if (dup2(streams->theirs[i], i) < 0)
			_exit(CANNOT_RUN);
	for (int fd = STREAMS; fd < DESCRIPTORS_MAX; fd++)
		close(fd);
	execve(run->argv[0], (char *const *)run->argv, environment);
	_exit(CANNOT_RUN);
}

static void feed(struct streams *streams, const struct run *run)
{
	ssize_t n = write(streams->ours[INPUT], run->input + streams->written, run->input_len - streams->written);

	if (n > 0)
		streams->written += (size_t)n;
	if (streams->written == run->input_len || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		close(streams->ours[INPUT]);
		streams->ours[INPUT] = -1;
	}
}

static int take(struct streams *streams, int which, struct buf *out, struct err *err)
{
	char piece[PIECE];
	ssize_t n = read(streams->ours[which], piece, sizeof piece);

	if (n > 0 && out != NULL && buf_append(out, piece, (size_t)n) != 0)
		return err_set(err, ERR_LIMIT, "it prints more than %zu bytes", out->max);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		close(streams->ours[which]);
		streams->ours[which] = -1;
	}
	return 0;
}

/* Until it has closed both its outputs. */
static int talk(struct streams *streams, const struct run *run, struct err *err)
{
	struct buf *outs[] = {NULL, run->out, run->complaints};
	int left;

	while (streams->ours[OUTPUT] >= 0 || streams->ours[COMPLAINTS] >= 0) {
		struct pollfd fds[STREAMS];

		for (int i = 0; i < STREAMS; i++)
			fds[i] = (struct pollfd){.fd = streams->ours[i], .events = i == INPUT ? POLLOUT : POLLIN};
		left = deadline_left(run->deadline);
		if (left == 0)
			return err_set(err, ERR_TIMEOUT, "it has not ended in time");
		if (poll(fds, STREAMS, left) < 0 && errno != EINTR)
			return err_sys(err, errno, "poll");
		if (fds[INPUT].fd >= 0 && fds[INPUT].revents != 0)
			feed(streams, run);
		for (int i = OUTPUT; i < STREAMS; i++)
			if (fds[i].fd >= 0 && fds[i].revents != 0 && take(streams, i, outs[i], err) != 0)
				return -1;
	}
	return 0;
}

/* Waits for one that has closed its outputs, and may not have ended for all that. */
static int wait_for_end(pid_t child, struct deadline deadline, int *status, struct err *err)
{
	struct timespec pause = {.tv_nsec = 2000000};
	pid_t ended;

	while ((ended = waitpid(child, status, WNOHANG)) == 0) {
		if (deadline_left(deadline) == 0)
			return err_set(err, ERR_TIMEOUT, "it has not ended in time");
		nanosleep(&pause, NULL);
	}
	return ended == child ? 0 : err_sys(err, errno, "waitpid");
}

static int attend(pid_t child, struct streams *streams, struct run *run, struct err *err)
{
	int status = 0;

	if (talk(streams, run, err) != 0 || wait_for_end(child, run->deadline, &status, err) != 0) {
		kill(-child, SIGKILL);
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
		return -1;
	}
	run->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return 0;
}

int run_program(struct run *run, struct err *err)
{
	const char *program = run->argv[0];
	struct streams streams;
	void (*before)(int);
	pid_t child;
	int result;

	if (access(program, X_OK) != 0)
		return err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_SYSTEM, "cannot run %.200s: %s", program,
			       strerror(errno));
	result = open_streams(&streams, err);
	child = result == 0 ? fork() : -1;
	if (child == 0)
		become_program(run, &streams);
	close_all(streams.theirs);
	if (run->input == NULL && streams.ours[INPUT] >= 0) {
		close(streams.ours[INPUT]);
		streams.ours[INPUT] = -1;
	}
	if (child > 0) {
		before = signal(SIGPIPE, SIG_IGN); /* one that does not read its input */
		result = attend(child, &streams, run, err);
		signal(SIGPIPE, before);
	} else if (result == 0) {
		result = err_sys(err, errno, "fork");
	}
	close_all(streams.ours);
	return result == 0 ? 0 : err_prefix(err, "%.200s", program);
}

/* The last line of what it complained, without what cannot be printed. */
static void last_line(const struct buf *complaints, char *line, size_t size)
{
	size_t end = complaints->len, start, n = 0;

	while (end > 0 && complaints->data[end - 1] == '\n')
		end--;
	for (start = end; start > 0 && complaints->data[start - 1] != '\n';)
		start--;
	for (; start < end && n + 1 < size; start++)
		line[n++] = (unsigned char)complaints->data[start] >= ' ' ? complaints->data[start] : '?';
	line[n] = '\0';
}

int run_successfully(struct run *run, struct err *err)
{
	struct buf own = BUF_INIT(COMPLAINT_MAX);
	char line[ERR_TEXT_MAX / 2];
	int result;

	if (run->complaints == NULL)
		run->complaints = &own;
	result = run_program(run, err);
	if (result == 0 && run->status != 0) {
		last_line(run->complaints, line, sizeof line);
		result = err_set(err, ERR_SYSTEM, "%.200s ended with status %d: %s", run->argv[0], run->status,
				 line[0] != '\0' ? line : "it does not say why");
	}
	if (run->complaints == &own)
		run->complaints = NULL;
	buf_free(&own);
	return result;
}
