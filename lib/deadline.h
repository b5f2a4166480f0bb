#ifndef MAILBEARER_LIB_DEADLINE_H
#define MAILBEARER_LIB_DEADLINE_H

#include <stdint.h>

/* A point in time on the monotonic clock that several waits in a row share. */
struct deadline {
	int64_t at_ms;
};

/* `ms` from now. */
struct deadline deadline_after(int64_t ms);

/* Milliseconds that are left, as poll(2) takes them: 0 when it has passed, never negative. */
int deadline_left(struct deadline deadline);

#endif
