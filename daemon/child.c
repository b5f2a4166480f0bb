/*
 * Forks, talks with the child by pipes, and sees to its end. May not know what the child is for. Called by what runs
 * programs, and by the steps of check that may not come back.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon/child.h"

#define PIECE 4096

/* Our ends of the pipes; -1: closed. */
struct streams {
	int ours[CHILD_STREAMS];
	int theirs[CHILD_STREAMS];
	size_t written;
};

static void close_all(int fds[CHILD_STREAMS])
{
	for (int i = 0; i < CHILD_STREAMS; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
}

static int open_streams(struct streams *streams, struct err *err)
{
	streams->written = 0;
	for (int i = 0; i < CHILD_STREAMS; i++)
		streams->ours[i] = streams->theirs[i] = -1;
	for (int i = 0; i < CHILD_STREAMS; i++) {
		int ends[2];

		if (pipe2(ends, O_CLOEXEC) != 0)
			return err_sys(err, errno, "pipe");
		streams->ours[i] = ends[i == CHILD_INPUT];
		streams->theirs[i] = ends[i != CHILD_INPUT];
		fcntl(streams->ours[i], F_SETFL, O_NONBLOCK);
	}
	return 0;
}

static void feed(struct streams *streams, const struct child *child)
{
	ssize_t n =
	    write(streams->ours[CHILD_INPUT], child->input + streams->written, child->input_len - streams->written);

	if (n > 0)
		streams->written += (size_t)n;
	if (streams->written == child->input_len || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		close(streams->ours[CHILD_INPUT]);
		streams->ours[CHILD_INPUT] = -1;
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
static int talk(struct streams *streams, const struct child *child, struct err *err)
{
	struct buf *outs[] = {NULL, child->out, child->complaints};
	int left;

	while (streams->ours[CHILD_OUTPUT] >= 0 || streams->ours[CHILD_COMPLAINTS] >= 0) {
		struct pollfd fds[CHILD_STREAMS];

		for (int i = 0; i < CHILD_STREAMS; i++)
			fds[i] = (struct pollfd){.fd = streams->ours[i], .events = i == CHILD_INPUT ? POLLOUT : POLLIN};
		left = deadline_left(child->deadline);
		if (left == 0)
			return err_set(err, ERR_TIMEOUT, "it has not ended in time");
		if (poll(fds, CHILD_STREAMS, left) < 0 && errno != EINTR)
			return err_sys(err, errno, "poll");
		if (fds[CHILD_INPUT].fd >= 0 && fds[CHILD_INPUT].revents != 0)
			feed(streams, child);
		for (int i = CHILD_OUTPUT; i < CHILD_STREAMS; i++)
			if (fds[i].fd >= 0 && fds[i].revents != 0 && take(streams, i, outs[i], err) != 0)
				return -1;
	}
	return 0;
}

/* Waits for one that has closed its outputs, and may not have ended for all that. */
static int wait_for_end(pid_t pid, struct deadline deadline, int *status, struct err *err)
{
	struct timespec pause = {.tv_nsec = 2000000};
	pid_t ended;

	while ((ended = waitpid(pid, status, WNOHANG)) == 0) {
		if (deadline_left(deadline) == 0)
			return err_set(err, ERR_TIMEOUT, "it has not ended in time");
		nanosleep(&pause, NULL);
	}
	return ended == pid ? 0 : err_sys(err, errno, "waitpid");
}

static int attend(struct child *child, pid_t pid, struct streams *streams, struct err *err)
{
	int status = 0;

	if (talk(streams, child, err) != 0 || wait_for_end(pid, child->deadline, &status, err) != 0) {
		kill(-pid, SIGKILL);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		return -1;
	}
	child->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return 0;
}

int child_run(struct child *child, child_body *body, void *arg, struct err *err)
{
	struct streams streams;
	void (*before)(int);
	pid_t pid;
	int result = open_streams(&streams, err);

	pid = result == 0 ? fork() : -1;
	if (pid == 0) {
		body(arg, streams.theirs);
		_exit(0);
	}
	close_all(streams.theirs);
	if (child->input == NULL && streams.ours[CHILD_INPUT] >= 0) {
		close(streams.ours[CHILD_INPUT]);
		streams.ours[CHILD_INPUT] = -1;
	}
	if (pid > 0) {
		before = signal(SIGPIPE, SIG_IGN); /* one that does not read its input */
		result = attend(child, pid, &streams, err);
		signal(SIGPIPE, before);
	} else if (result == 0) {
		result = err_sys(err, errno, "fork");
	}
	close_all(streams.ours);
	return result;
}

/* --- work --- */

struct job {
	child_work *work;
	void *arg;
	size_t max;
};

static void do_job(void *arg, const int ends[CHILD_STREAMS])
{
	struct job *job = arg;
	struct buf out = BUF_INIT(job->max);
	size_t done = 0;
	ssize_t put;

	job->work(job->arg, &out);
	while (done < out.len) {
		put = write(ends[CHILD_OUTPUT], out.data + done, out.len - done);
		if (put < 0 && errno != EINTR)
			return;
		done += put > 0 ? (size_t)put : 0;
	}
}

int child_do(child_work *work, void *arg, int patience_ms, struct buf *out, struct err *err)
{
	struct child child = {.out = out, .deadline = deadline_after(patience_ms)};
	struct job job = {work, arg, out->max};
	struct err problem;

	if (child_run(&child, do_job, &job, &problem) != 0) {
		if (problem.code == ERR_TIMEOUT)
			return err_set(err, ERR_TIMEOUT, "no answer in time");
		return err_set(err, problem.code, "%s", problem.text);
	}
	if (child.status > 128)
		return err_set(err, ERR_SYSTEM, "crashed: %s", strsignal(child.status - 128));
	return 0;
}
