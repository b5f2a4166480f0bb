/* The loop of the unit tests: see fake_loop.h. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/fake_loop.h"

#define WATCHES_MAX 1024

struct loop_timer {
	struct loop *loop;
	struct loop_timer *next;
	loop_timer_cb *cb;
	void *arg;
	int64_t at;
	uint64_t order; /* of two that are due at the same time, the one that was armed first */
	bool armed;
};

struct loop_watch {
	struct loop *loop;
	struct loop_watch *next;
	int fd;
	bool read, write;
	loop_watch_cb *cb;
	void *arg;
};

struct loop {
	int64_t now;
	int64_t wall;
	uint32_t random;
	uint64_t orders;
	struct loop_timer *timers;
	struct loop_watch *watches;
};

struct loop *loop_new(struct err *err)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	(void)err;
	loop->now = 1000000;
	loop->wall = 1800000000;
	return loop;
}

void loop_free(struct loop *loop)
{
	if (loop == NULL)
		return;
	if (loop->timers != NULL || loop->watches != NULL) {
		fprintf(stderr, "fake_loop: a timer or a watch was not freed\n");
		abort();
	}
	free(loop);
}

int64_t loop_now(struct loop *loop)
{
	return loop->now;
}

int64_t loop_wall(struct loop *loop)
{
	return loop->wall;
}

uint32_t loop_random(struct loop *loop, uint32_t bound)
{
	return loop->random % bound;
}

void fake_loop_set_random(struct loop *loop, uint32_t word)
{
	loop->random = word;
}

/* --- timers --- */

struct loop_timer *loop_timer_new(struct loop *loop, loop_timer_cb *cb, void *arg)
{
	struct loop_timer *timer = calloc(1, sizeof(*timer));

	*timer = (struct loop_timer){.loop = loop, .next = loop->timers, .cb = cb, .arg = arg};
	loop->timers = timer;
	return timer;
}

void loop_timer_set(struct loop_timer *timer, int64_t delay_ms)
{
	timer->armed = true;
	timer->at = timer->loop->now + (delay_ms > 0 ? delay_ms : 0);
	timer->order = timer->loop->orders++;
}

void loop_timer_cancel(struct loop_timer *timer)
{
	timer->armed = false;
}

void loop_timer_free(struct loop_timer *timer)
{
	struct loop_timer **link;

	if (timer == NULL)
		return;
	for (link = &timer->loop->timers; *link != timer; link = &(*link)->next)
		continue;
	*link = timer->next;
	free(timer);
}

/* The armed timer that is due first and not after `until`, or NULL. */
static struct loop_timer *first_due(const struct loop *loop, int64_t until)
{
	struct loop_timer *first = NULL;

	for (struct loop_timer *timer = loop->timers; timer != NULL; timer = timer->next) {
		if (!timer->armed || timer->at > until)
			continue;
		if (first == NULL || timer->at < first->at || (timer->at == first->at && timer->order < first->order))
			first = timer;
	}
	return first;
}

/* --- descriptors --- */

struct loop_watch *loop_watch_new(struct loop *loop, int fd, loop_watch_cb *cb, void *arg)
{
	struct loop_watch *watch = calloc(1, sizeof(*watch));

	*watch = (struct loop_watch){.loop = loop, .next = loop->watches, .fd = fd, .cb = cb, .arg = arg};
	loop->watches = watch;
	return watch;
}

void loop_watch_set(struct loop_watch *watch, bool read, bool write)
{
	watch->read = read;
	watch->write = write;
}

void loop_watch_free(struct loop_watch *watch)
{
	struct loop_watch **link;

	if (watch == NULL)
		return;
	for (link = &watch->loop->watches; *link != watch; link = &(*link)->next)
		continue;
	*link = watch->next;
	free(watch);
}

static bool is_there(const struct loop *loop, const struct loop_watch *watch)
{
	for (const struct loop_watch *other = loop->watches; other != NULL; other = other->next)
		if (other == watch)
			return true;
	return false;
}

/* Was anybody called back? */
static bool call_the_ready(struct loop *loop)
{
	struct loop_watch *watches[WATCHES_MAX];
	struct pollfd fds[WATCHES_MAX];
	unsigned count = 0;
	bool called = false;

	for (struct loop_watch *watch = loop->watches; watch != NULL && count < WATCHES_MAX; watch = watch->next) {
		watches[count] = watch;
		fds[count++] = (struct pollfd){
		    .fd = watch->read || watch->write ? watch->fd : -1,
		    .events = (short)((watch->read ? POLLIN : 0) | (watch->write ? POLLOUT : 0)),
		};
	}
	if (poll(fds, count, 0) <= 0)
		return false;
	for (unsigned i = 0; i < count; i++) {
		bool readable = (fds[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0;
		bool writable = (fds[i].revents & POLLOUT) != 0;

		if ((readable || writable) && is_there(loop, watches[i])) {
			watches[i]->cb(watches[i]->arg, readable && watches[i]->read, writable && watches[i]->write);
			called = true;
		}
	}
	return called;
}

/* --- turning --- */

void fake_loop_advance(struct loop *loop, int64_t ms)
{
	int64_t until = loop->now + ms;
	struct loop_timer *timer;

	do {
		while ((timer = first_due(loop, until)) != NULL) {
			int64_t before = loop->now;

			if (timer->at > loop->now)
				loop->now = timer->at;
			loop->wall += loop->now / 1000 - before / 1000;
			timer->armed = false;
			timer->cb(timer->arg);
		}
	} while (call_the_ready(loop));
	loop->wall += until / 1000 - loop->now / 1000;
	loop->now = until;
}

void fake_loop_step_wall(struct loop *loop, int64_t seconds)
{
	loop->wall += seconds;
}

void fake_loop_sleep(struct loop *loop, int64_t ms)
{
	loop->now += ms;
	loop->wall += ms / 1000;
}

void fake_loop_turn(struct loop *loop)
{
	fake_loop_advance(loop, 0);
}

int loop_on_signal(struct loop *loop, int signo, loop_signal_cb *cb, void *arg)
{
	(void)loop;
	(void)signo;
	(void)cb;
	(void)arg;
	return 0;
}
