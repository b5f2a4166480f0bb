#ifndef MAILBEARER_TESTS_UNIT_SERVER_WORLD_H
#define MAILBEARER_TESTS_UNIT_SERVER_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/fake_log.h"
#include "tests/unit/fake_loop.h"
#include "tokend/server_private.h"

/*
 * The server on a fake loop and real sockets, in one thread: whoever connects is who the test says, and the broker is
 * the test's own. The linker wraps getsockopt and accept4.
 */

#define SELF 4711
#define POSTFIX 4712
#define MILTER 4713
#define STRANGER 4714
#define CONF "/etc/mailbearer/mailbearer.conf"
#define MINUTE_MS (60 * 1000)
#define LONG_ANSWER (4 * 1024 * 1024) /* more than the system buffers */

struct server_world {
	struct loop *loop;
	struct server *server;
	char path[64];     /* of its socket */
	uid_t peer;        /* whoever connects from now on */
	bool no_more_fds;  /* accept4 fails */
	bool reload_fails; /* the reload map does */
	size_t answer_len; /* of the "status" map */
};

extern struct server_world world;

#define SERVER_TEST(test) cmocka_unit_test_setup_teardown(test, new_world, end_world)

/* For cmocka: the group's folder, and a server that listens. end_world fails when a question was left over, or when the
 * log shows what the broker answered. */
int make_folder(void **state);
int remove_folder(void **state);
int new_world(void **state);
int end_world(void **state);

/* --- the broker: "token" waits until it is told, "status" is long, all else is answered at once: MAP(KEY) --- */

/* Is somebody waiting? How many have cancelled? */
bool broker_is_asked(void);
unsigned broker_cancelled(void);

/* Answers the one who asked last. */
void answer(const char *text);

/* --- clients; descriptors do not block --- */

void turn(void);

/* Connected, but the server has not noticed yet; or it has, and takes the client for this uid. */
int dial(void);
int dial_as(uid_t uid);

/* Sends, and lets the server act on it. */
void send_bytes(int fd, const char *bytes, size_t len);
void say_to(int fd, const char *text);

/* What has come: this and nothing else; something with this in it; nothing yet; the end (closes it). */
void expect(int fd, const char *text);
void expect_part(int fd, const char *part);
void expect_silence(int fd);
void expect_end(int fd);

/* Reads all there is while the server sends more; how much it was. */
size_t drain(int fd);

#endif
