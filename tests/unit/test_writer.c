/* The thread that waits for the disk: what is done in which order, who is told, and that nobody waits who need not. */
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tokend/writer.h"

#define JOBS_MAX 64

struct job {
	struct writer_job job; /* first */
	int number;
	bool bad;  /* put fails */
	bool slow; /* put says `begun`, and waits for `go_on` */
	unsigned told;
	struct err err;
};

struct world {
	struct loop *loop;
	struct writer *writer;
	struct job jobs[JOBS_MAX];
	int count;
	sem_t begun, go_on;
	char trace[1024]; /* the thread's; the test looks when it has waited for a job that came later */
	bool sync_fails;
	bool saw_signals; /* open to the thread */
	int to_tell;      /* the loop runs until so many were told */
};

/* --- the work --- */

static void note(struct world *world, const char *word, int number)
{
	size_t len = strlen(world->trace);

	snprintf(world->trace + len, sizeof(world->trace) - len, "%s%d ", word, number);
}

static int put(void *arg, struct writer_job *writer_job, struct err *err)
{
	struct world *world = arg;
	struct job *job = (struct job *)writer_job;
	sigset_t blocked;

	pthread_sigmask(SIG_BLOCK, NULL, &blocked);
	world->saw_signals |= sigismember(&blocked, SIGTERM) == 0 || sigismember(&blocked, SIGHUP) == 0;
	note(world, "put", job->number);
	if (job->slow) {
		sem_post(&world->begun);
		sem_wait(&world->go_on);
	}
	return job->bad ? err_set(err, ERR_SYSTEM, "bad %d", job->number) : 0;
}

static int sync_all(void *arg, struct err *err)
{
	struct world *world = arg;

	note(world, "sync", 0);
	return world->sync_fails ? err_set(err, ERR_SYSTEM, "no sync") : 0;
}

static void done(void *arg, struct writer_job *writer_job)
{
	struct world *world = arg;
	struct job *job = (struct job *)writer_job;

	job->told++;
	job->err = job->job.err;
	if (--world->to_tell == 0)
		loop_stop(world->loop);
}

static struct job *add(struct world *world, bool bad, bool slow)
{
	struct job *job = &world->jobs[world->count];

	job->number = ++world->count;
	job->bad = bad;
	job->slow = slow;
	writer_add(world->writer, &job->job);
	return job;
}

/* Turns the loop until so many more were told. */
static void hear(struct world *world, int count)
{
	world->to_tell = count;
	assert_int_equal(0, loop_run(world->loop, NULL));
}

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	const struct writer_work work = {.put = put, .sync = sync_all, .done = done, .arg = world};

	sem_init(&world->begun, 0, 0);
	sem_init(&world->go_on, 0, 0);
	world->loop = loop_new(NULL);
	world->writer = writer_new(world->loop, &work, NULL);
	assert_non_null(world->writer);
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	assert_true(writer_free(world->writer));
	loop_free(world->loop);
	sem_destroy(&world->begun);
	sem_destroy(&world->go_on);
	free(world);
	return 0;
}

/* --- tests --- */

static void one_job_is_done_and_told_once(void **state)
{
	struct world *world = *state;
	struct job *job = add(world, false, false);

	hear(world, 1);
	assert_int_equal(1, job->told);
	assert_int_equal(ERR_NONE, job->err.code);
	assert_string_equal("put1 sync0 ", world->trace);
	assert_false(world->saw_signals);
	writer_add(world->writer, &job->job); /* it is ours again */
	hear(world, 1);
	assert_int_equal(2, job->told);
}

/* While one takes its time, the loop is free, and what is added then is done after it, in order, with one sync. */
static void what_comes_meanwhile_is_one_batch(void **state)
{
	struct world *world = *state;
	struct job *slow = add(world, false, true);

	sem_wait(&world->begun);
	for (int i = 0; i < 4; i++)
		add(world, i == 1, false);
	assert_int_equal(0, slow->told);
	sem_post(&world->go_on);
	hear(world, 5);
	assert_string_equal("put1 sync0 put2 put3 put4 put5 sync0 ", world->trace);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(1, world->jobs[i].told);
		assert_int_equal(i == 2 ? ERR_SYSTEM : ERR_NONE, world->jobs[i].err.code);
	}
	assert_string_equal("bad 3", world->jobs[2].err.text);
}

static void a_batch_has_its_bound(void **state)
{
	struct world *world = *state;

	add(world, false, true);
	sem_wait(&world->begun);
	for (int i = 0; i < WRITER_BATCH_MAX + 1; i++)
		add(world, false, false);
	sem_post(&world->go_on);
	hear(world, WRITER_BATCH_MAX + 2);
	assert_non_null(strstr(world->trace, "put17 sync0 put18 sync0 "));
}

static void a_sync_that_fails_fails_all_that_went_well(void **state)
{
	struct world *world = *state;

	add(world, false, true);
	sem_wait(&world->begun);
	world->sync_fails = true;
	add(world, true, false);
	add(world, false, false);
	sem_post(&world->go_on);
	hear(world, 3);
	assert_string_equal("no sync", world->jobs[0].err.text);
	assert_string_equal("bad 2", world->jobs[1].err.text);
	assert_string_equal("no sync", world->jobs[2].err.text);
}

static void where_nothing_was_changed_nothing_is_made_sure_of(void **state)
{
	struct world *world = *state;

	add(world, true, false);
	hear(world, 1);
	assert_string_equal("put1 ", world->trace);
}

static void who_waits_is_not_told(void **state)
{
	struct world *world = *state;
	struct job *first = add(world, false, true);
	struct job *second = add(world, true, false);
	struct job *third = add(world, false, false);

	sem_wait(&world->begun);
	assert_false(writer_wait(world->writer, &second->job, deadline_after(1)));
	assert_false(writer_free(world->writer)); /* it is not over */
	sem_post(&world->go_on);
	assert_true(writer_wait(world->writer, &second->job, deadline_after(60000)));
	assert_string_equal("bad 2", second->job.err.text);
	assert_true(writer_wait(world->writer, &third->job, deadline_after(60000)));
	hear(world, 1);
	assert_int_equal(1, first->told);
	assert_int_equal(0, second->told + third->told);
	second->bad = false;
	writer_add(world->writer, &second->job);
	hear(world, 1);
	assert_int_equal(1, second->told);
	assert_int_equal(ERR_NONE, second->err.code);
}

/* The one that ended last is told first, and waits for the other, which the loop was about to tell. */
static void wait_and_be_told(void *arg, struct writer_job *job)
{
	struct world *world = arg;

	(void)job;
	assert_true(writer_wait(world->writer, &world->jobs[1].job, deadline_after(60000)));
	world->jobs[0].told++;
	loop_stop(world->loop);
}

static void who_is_told_may_wait_for_another(void **state)
{
	struct world *world = *state;
	const struct writer_work work = {.put = put, .sync = sync_all, .done = wait_and_be_told, .arg = world};

	assert_true(writer_free(world->writer));
	world->writer = writer_new(world->loop, &work, NULL);
	add(world, false, true);
	sem_wait(&world->begun);
	add(world, false, true);
	sem_post(&world->go_on);
	sem_wait(&world->begun);
	sem_post(&world->go_on);
	assert_int_equal(0, loop_run(world->loop, NULL));
	assert_int_equal(1, world->jobs[0].told);
	assert_int_equal(0, world->jobs[1].told);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(one_job_is_done_and_told_once, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(what_comes_meanwhile_is_one_batch, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_batch_has_its_bound, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_sync_that_fails_fails_all_that_went_well, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(where_nothing_was_changed_nothing_is_made_sure_of, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(who_waits_is_not_told, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(who_is_told_may_wait_for_another, set_up, tear_down),
	};

	alarm(60); /* of a thread that never answers, the ring is to hear */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
