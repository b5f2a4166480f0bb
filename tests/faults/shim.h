#ifndef MAILBEARER_TESTS_FAULTS_SHIM_H
#define MAILBEARER_TESTS_FAULTS_SHIM_H

#include <stdint.h>

/*
 * What a test tells the shim, and what it learns from it: one page that both have mapped, the file that the environment
 * variable MB_FAULTS names. tests/blackbox/shim.py has the same layout. MB_FAULTS_UNDER names the folder whose files
 * are SHIM_STORE's; without it there are none.
 */
enum shim_kind {
	SHIM_STORE = 1,      /* calls on the folder and on what was opened in it */
	SHIM_REST = 2,       /* reads, writes, sockets, waits: all other system calls that are wrapped */
	SHIM_OURS = 4,       /* memory that is asked for by Mailbearer's own code */
	SHIM_ALLOCATIONS = 8 /* memory that anybody asks for */
};

/* SHIM_HOLD: the call does not begin until `kinds` is 0. */
enum shim_action { SHIM_COUNT, SHIM_FAIL, SHIM_KILL_BEFORE, SHIM_KILL_AFTER, SHIM_HOLD };

struct shim_control {
	uint32_t kinds;     /* which calls count; 0: none */
	uint32_t action;    /* what happens at the n-th of them */
	uint32_t nth;       /* from 1 */
	uint32_t and_after; /* also at all that follow */
	int32_t errnum;     /* of SHIM_FAIL */
	uint32_t calls;     /* how many there were */
	uint32_t hits;      /* how often something happened */
	int32_t
	    lookup; /* what getaddrinfo(3) says of NAME.fault.test: 0: 127.0.0.1; 1: nothing, it hangs; or an EAI_ */
	int64_t wall_shift; /* seconds by which CLOCK_REALTIME is wrong */
	int64_t boot_shift; /* seconds that CLOCK_BOOTTIME has had and CLOCK_MONOTONIC has not: sleep of the machine */
	char last[24];      /* the last call that something happened to */
};

#endif
