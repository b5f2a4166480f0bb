/*
 * Deadlines on the monotonic clock. Called by whoever waits; reads the clock and nothing else.
 */
#include <limits.h>
#include <time.h>

#include "lib/deadline.h"

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct deadline deadline_after(int64_t ms)
{
	int64_t now = now_ms();

	return (struct deadline){.at_ms = ms < INT64_MAX - now ? now + ms : INT64_MAX};
}

int deadline_left(struct deadline deadline)
{
	int64_t now = now_ms();

	if (deadline.at_ms <= now)
		return 0;
	return deadline.at_ms - now < INT_MAX ? (int)(deadline.at_ms - now) : INT_MAX;
}
