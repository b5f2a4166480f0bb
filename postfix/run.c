/*
 * Runs a program to its end, with a deadline and bounds. May not know what the program is for. Called by what reads and
 * changes an installation, and by the commands that have to start something.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/child.h"
#include "postfix/run.h"

#define DESCRIPTORS_MAX 1024 /* of ours, that the program must not have; all we open is close-on-exec anyway */
#define COMPLAINT_MAX 16384  /* bytes of standard error that are kept where nobody asked for them */
#define CANNOT_RUN 127

/* In the child. */
static void become_program(void *arg, const int ends[CHILD_STREAMS])
{
	const struct run *run = arg;
	static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin", locale[] = "LC_ALL=C";
	char zone[128], *environment[] = {path, locale, NULL, NULL};
	const char *ours = getenv("TZ");

	if (ours != NULL && snprintf(zone, sizeof zone, "TZ=%s", ours) < (int)sizeof zone)
		environment[2] = zone;
	setpgid(0, 0);
	umask(022);
	signal(SIGPIPE, SIG_DFL);
	for (int i = 0; i < CHILD_STREAMS; i++)
		if (dup2(ends[i], i) < 0)
			_exit(CANNOT_RUN);
	for (int fd = CHILD_STREAMS; fd < DESCRIPTORS_MAX; fd++)
		close(fd);
	execve(run->argv[0], (char *const *)run->argv, environment);
	_exit(CANNOT_RUN);
}

int run_program(struct run *run, struct err *err)
{
	const char *program = run->argv[0];
	struct child child = {run->input, run->input_len, run->out, run->complaints, run->deadline, 0};

	if (access(program, X_OK) != 0)
		return err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_SYSTEM, "cannot run %.200s: %s", program,
			       strerror(errno));
	if (child_run(&child, become_program, run, err) != 0)
		return err_prefix(err, "%.200s", program);
	run->status = child.status;
	return 0;
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
