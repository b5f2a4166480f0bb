#ifndef MAILBEARER_TOKEND_WRITER_H
#define MAILBEARER_TOKEND_WRITER_H

#include <stdbool.h>
#include <sys/queue.h>

#include "lib/deadline.h"
#include "lib/err.h"
#include "tokend/loop.h"

/*
 * A thread that waits for the disk in the loop's place: an fsync takes as long as it likes, and meanwhile thousands of
 * mail processes want their tokens. Jobs are done one after the other, in the order they came in; what they are is the
 * business of whoever makes them. All calls are the loop's thread's; what runs elsewhere is said to.
 *
 *    writer_add ──▶ queued ──▶ put, put, ... sync ──▶ done ──▶ the loop calls back, or writer_wait returns
 *                                (on the thread)
 */
struct writer;

#define WRITER_BATCH_MAX 16 /* jobs that share a sync: the first of them waits for the last */

/* One job, owned by whoever made it, and not touched by them between writer_add and its end. */
struct writer_job {
	TAILQ_ENTRY(writer_job) entry;
	bool done;      /* the writer's own */
	struct err err; /* how it went; ERR_NONE: well */
};

struct writer_work {
	/* On the thread: does one job. 0, or -1 with *err set. */
	int (*put)(void *arg, struct writer_job *job, struct err *err);
	/* On the thread: makes sure of those of a batch that went well. 0, or -1 with *err set: of none. */
	int (*sync)(void *arg, struct err *err);
	/* From the loop: the job has ended, as job->err says, and is its owner's again. May free it, add and wait. */
	void (*done)(void *arg, struct writer_job *job);
	void *arg;
};

/* Starts the thread, in which all signals are blocked. Borrows the loop, which outlives it. NULL with *err set. */
struct writer *writer_new(struct loop *loop, const struct writer_work *work, struct err *err);

/* Ends the thread. NULL is legal. False: the disk has it still; it and all that it uses are left alone, for the
 * process's end to take away. */
bool writer_free(struct writer *writer);

/* Never fails, never blocks. How many there are at a time is bounded by whoever makes them. */
void writer_add(struct writer *writer, struct writer_job *job);

/* Waits until the job has ended, which is as long as those before it and itself take; then `done` is not called for it,
 * and it is its owner's again. False: the deadline has passed before that, and all is as it was. For a job that was
 * added and whose `done` has not been called. */
bool writer_wait(struct writer *writer, struct writer_job *job, struct deadline deadline);

#endif
