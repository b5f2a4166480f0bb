/*
 * The names and priorities of all events, from the one table in event.h. Pure. For log.c, and for the program that
 * shows the table to the documents' test.
 */
#include <stddef.h>
#include <syslog.h>

#include "daemon/event.h"

static const struct {
	const char *name;
	int priority;
} events[] = {
#define EVENT_AS_ROW(id, name, priority) [id] = {name, priority},
    EVENTS(EVENT_AS_ROW)
#undef EVENT_AS_ROW
};

const char *event_name(enum event event)
{
	return events[event].name;
}

int event_priority(enum event event)
{
	return events[event].priority;
}

const char *event_at(unsigned i)
{
	return i < sizeof(events) / sizeof(events[0]) ? events[i].name : NULL;
}
