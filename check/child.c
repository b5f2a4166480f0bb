/* A child process with a deadline, and what it has to say. Called by the steps that need one. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check/child.h"
#include "lib/deadline.h"

static void write_all(int fd, const struct buf *out)
{
	size_t done = 0;
	ssize_t put;

	while (done < out->len) {
		put = write(fd, out->data + done, out->len - done);
		if (put < 0 && errno != EINTR)
			return;
		if (put > 0)
			done += (size_t)put;
	}
}

static void be_child(child_work *work, void *arg, int fd, size_t max)
{
	struct buf out = BUF_INIT(max);

	work(arg, &out);
	write_all(fd, &out);
	_exit(0);
}

/* Up to the end of the pipe. 0 or -1. */
static int read_all(int fd, struct buf *out, struct deadline deadline, struct err *err)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	char piece[4096];
	ssize_t got;

	for (;;) {
		if (poll(&ready, 1, deadline_left(deadline)) == 0)
			return err_set(err, ERR_TIMEOUT, "no answer in time");
		got = read(fd, piece, sizeof piece);
		if (got == 0)
			return 0;
		if (got < 0 && errno != EINTR)
			return err_sys(err, errno, "cannot read from a child process");
		if (got > 0 && buf_append(out, piece, (size_t)got) != 0)
			return err_set(err, ERR_LIMIT, "the answer is too long");
	}
}

static int wait_for(pid_t pid, int result, struct err *err)
{
	int status = 0;

	if (result != 0)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (result == 0 && WIFSIGNALED(status))
		return err_set(err, ERR_SYSTEM, "crashed: %s", strsignal(WTERMSIG(status)));
	return result;
}

int child_run(child_work *work, void *arg, int patience_ms, struct buf *out, struct err *err)
{
	struct deadline deadline = deadline_after(patience_ms);
	int ends[2], result;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return err_sys(err, errno, "cannot make a pipe");
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		be_child(work, arg, ends[1], out->max);
	}
	close(ends[1]);
	result = pid < 0 ? err_sys(err, errno, "cannot fork") : read_all(ends[0], out, deadline, err);
	close(ends[0]);
	return pid < 0 ? result : wait_for(pid, result, err);
}
