/*
 * The thread that waits for the disk: two lists under one lock, and a pipe that wakes the loop. Knows no files and no
 * records. Called by store_file_write.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "tokend/writer.h"

TAILQ_HEAD(job_list, writer_job);

struct writer {
	struct writer_work work;
	struct loop_watch *watch;
	int pipe[2]; /* a byte in it: look at `ended`; -1: not made */

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t more;  /* something was queued, or the end has come */
	pthread_cond_t less;  /* something has ended */
	struct job_list queued;
	struct job_list ended;
	bool busy; /* the thread has a batch */
	bool ending;

	pthread_t thread;
	bool started;
};

/* --- on the thread --- */

/* Waits for work. False: there will be none. */
static bool take_batch(struct writer *writer, struct job_list *batch)
{
	struct writer_job *job;

	TAILQ_INIT(batch);
	while (TAILQ_EMPTY(&writer->queued) && !writer->ending)
		pthread_cond_wait(&writer->more, &writer->lock);
	for (int i = 0; i < WRITER_BATCH_MAX && (job = TAILQ_FIRST(&writer->queued)) != NULL; i++) {
		TAILQ_REMOVE(&writer->queued, job, entry);
		TAILQ_INSERT_TAIL(batch, job, entry);
	}
	return !TAILQ_EMPTY(batch);
}

static void do_batch(const struct writer_work *work, struct job_list *batch)
{
	struct err err = {.code = ERR_NONE};
	struct writer_job *job;
	bool any = false;

	TAILQ_FOREACH (job, batch, entry)
		if (work->put(work->arg, job, &job->err) == 0)
			any = true;
	if (!any || work->sync(work->arg, &err) == 0)
		return;
	TAILQ_FOREACH (job, batch, entry)
		if (job->err.code == ERR_NONE)
			job->err = err;
}

static void end_batch(struct writer *writer, struct job_list *batch)
{
	struct writer_job *job;
	ssize_t told;

	TAILQ_FOREACH (job, batch, entry)
		job->done = true;
	TAILQ_CONCAT(&writer->ended, batch, entry);
	pthread_cond_broadcast(&writer->less);
	told = write(writer->pipe[1], "", 1); /* a full one wakes the loop as well */
	(void)told;
}

static void *run(void *arg)
{
	struct writer *writer = arg;
	struct job_list batch;

	pthread_mutex_lock(&writer->lock);
	while (take_batch(writer, &batch)) {
		writer->busy = true;
		pthread_mutex_unlock(&writer->lock);
		do_batch(&writer->work, &batch);
		pthread_mutex_lock(&writer->lock);
		writer->busy = false;
		end_batch(writer, &batch);
	}
	pthread_mutex_unlock(&writer->lock);
	return NULL;
}

/* --- on the loop --- */

static struct writer_job *take_ended(struct writer *writer)
{
	struct writer_job *job;

	pthread_mutex_lock(&writer->lock);
	job = TAILQ_FIRST(&writer->ended);
	if (job != NULL)
		TAILQ_REMOVE(&writer->ended, job, entry);
	pthread_mutex_unlock(&writer->lock);
	return job;
}

static void on_ended(void *arg, bool readable, bool writable)
{
	struct writer *writer = arg;
	struct writer_job *job;
	char bytes[64];

	(void)readable;
	(void)writable;
	/* Emptied first: what ends from here on writes again. */
	while (read(writer->pipe[0], bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes))
		continue;
	while ((job = take_ended(writer)) != NULL)
		writer->work.done(writer->work.arg, job);
}

void writer_add(struct writer *writer, struct writer_job *job)
{
	job->done = false;
	job->err = (struct err){.code = ERR_NONE};
	pthread_mutex_lock(&writer->lock);
	TAILQ_INSERT_TAIL(&writer->queued, job, entry);
	pthread_cond_signal(&writer->more);
	pthread_mutex_unlock(&writer->lock);
}

bool writer_wait(struct writer *writer, struct writer_job *job, struct deadline deadline)
{
	const struct timespec at = {.tv_sec = (time_t)(deadline.at_ms / 1000),
				    .tv_nsec = (long)(deadline.at_ms % 1000) * 1000000};
	bool done;

	pthread_mutex_lock(&writer->lock);
	while (!job->done && pthread_cond_timedwait(&writer->less, &writer->lock, &at) == 0)
		continue;
	done = job->done;
	if (done)
		TAILQ_REMOVE(&writer->ended, job, entry);
	pthread_mutex_unlock(&writer->lock);
	return done;
}

/* --- its life --- */

/* Signals are for the loop: a thread inherits what is blocked. */
static int start_thread(struct writer *writer)
{
	sigset_t all, before;
	int status;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	status = pthread_create(&writer->thread, NULL, run, writer);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	writer->started = status == 0;
	return status;
}

static int start(struct writer *writer, struct loop *loop, struct err *err)
{
	int status;

	if (pipe2(writer->pipe, O_CLOEXEC | O_NONBLOCK) != 0)
		return err_sys(err, errno, "cannot make a pipe");
	writer->watch = loop_watch_new(loop, writer->pipe[0], on_ended, writer);
	if (writer->watch == NULL)
		return err_set(err, ERR_MEMORY, "out of memory");
	loop_watch_set(writer->watch, true, false);
	status = start_thread(writer);
	return status == 0 ? 0 : err_sys(err, status, "cannot start the thread that writes grants to the disk");
}

/* A deadline's clock. */
static void init_less(pthread_cond_t *less)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(less, &attributes);
	pthread_condattr_destroy(&attributes);
}

struct writer *writer_new(struct loop *loop, const struct writer_work *work, struct err *err)
{
	struct writer *writer = calloc(1, sizeof(*writer));

	if (writer == NULL) {
		err_set(err, ERR_MEMORY, "out of memory");
		return NULL;
	}
	*writer = (struct writer){.work = *work, .pipe = {-1, -1}};
	TAILQ_INIT(&writer->queued);
	TAILQ_INIT(&writer->ended);
	pthread_mutex_init(&writer->lock, NULL);
	pthread_cond_init(&writer->more, NULL);
	init_less(&writer->less);
	if (start(writer, loop, err) == 0)
		return writer;
	(void)writer_free(writer);
	return NULL;
}

/* False: it is busy. */
static bool end_thread(struct writer *writer)
{
	bool idle;

	pthread_mutex_lock(&writer->lock);
	idle = !writer->busy && TAILQ_EMPTY(&writer->queued);
	writer->ending = idle;
	pthread_cond_signal(&writer->more);
	pthread_mutex_unlock(&writer->lock);
	if (idle)
		pthread_join(writer->thread, NULL);
	return idle;
}

bool writer_free(struct writer *writer)
{
	if (writer == NULL)
		return true;
	if (writer->started && !end_thread(writer))
		return false;
	loop_watch_free(writer->watch);
	for (int i = 0; i < 2; i++)
		if (writer->pipe[i] >= 0)
			close(writer->pipe[i]);
	pthread_cond_destroy(&writer->less);
	pthread_cond_destroy(&writer->more);
	pthread_mutex_destroy(&writer->lock);
	free(writer);
	return true;
}
