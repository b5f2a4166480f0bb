/* The client of tokend's socket under real load: more processes at once than the listener's queue holds. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/tokenclient.h"
#include "lib/netstring.h"
#include "lib/sock.h"
#include "tests/unit/socket_folder.h"

/* A real tokend, of a sort: answers every question with its key, one client after the other. */
static void serve(int listener)
{
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		char bytes[1024];
		ssize_t got = fd >= 0 ? read(fd, bytes, sizeof bytes) : -1;
		struct buf out = BUF_INIT(2000);
		struct wire_request request;
		struct netstring frame;

		if (got > 0 && netstring_decode(bytes, (size_t)got, 1000, &frame) == NETSTRING_OK &&
		    wire_parse_request(frame.data, frame.len, &request) == 0 &&
		    wire_append_reply(&out, WIRE_OK, request.key, request.key_len) == 0 &&
		    write(fd, out.data, out.len) < 0)
			_exit(1);
		buf_free(&out);
		if (fd >= 0)
			close(fd);
	}
}

/* 0 when each of many questions got its own answer. */
static int ask_many(int who)
{
	for (int i = 0; i < 100; i++) {
		struct buf text = BUF_INIT(WIRE_REPLY_MAX);
		enum wire_result result;
		char key[64];
		struct tokenclient_question question = {
		    .socket_path = path,
		    .map = "token",
		    .key = key,
		    .reply_max = WIRE_REPLY_MAX,
		    .deadline = deadline_after(30000),
		};

		question.key_len = (size_t)snprintf(key, sizeof key, "%d-%d@contoso.com", who, i);
		if (tokenclient_ask(&question, &result, &text, NULL) != 0 || result != WIRE_OK ||
		    text.len != question.key_len || memcmp(text.data, key, text.len) != 0)
			return 1;
		buf_free(&text);
	}
	return 0;
}

static void twenty_processes_and_a_queue_of_one(void **state)
{
	enum { CLIENTS = 20 };
	pid_t server, clients[CLIENTS];
	int listener, status;

	(void)state;
	listener = sock_listen_unix(path, 0600, NULL);
	assert_true(listener >= 0);
	assert_int_equal(listen(listener, 0), 0);
	assert_int_equal(fcntl(listener, F_SETFL, 0), 0); /* a plain server, which blocks */
	server = fork();
	if (server == 0)
		serve(listener);
	for (int i = 0; i < CLIENTS; i++) {
		clients[i] = fork();
		if (clients[i] == 0)
			_exit(ask_many(i));
	}
	for (int i = 0; i < CLIENTS; i++) {
		assert_int_equal(waitpid(clients[i], &status, 0), clients[i]);
		assert_int_equal(status, 0);
	}
	kill(server, SIGKILL);
	assert_int_equal(waitpid(server, &status, 0), server);
	sock_unlisten_unix(path, listener);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(twenty_processes_and_a_queue_of_one),
	};

	return cmocka_run_group_tests_name("tokenclient_real", tests, make_folder, remove_folder);
}
