/*
 * The client of tokend's socket, against a stand-in that lies in this process: it accepts and answers while the client
 * polls (poll() is watched), as the test wants it. The clock is the test's own. Every block of memory that is
 * freed is searched for the token. test_tokenclient_real.c runs against other processes.
 */
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/tokenclient.h"
#include "lib/sock.h"
#include "tests/unit/socket_folder.h"

#define MARKER "MARKER-eyJ0eXAiOiJKV1Qi"
#define DEADLINE_MS 5000

static struct {
	int64_t now_ms;
	int polls;
	int recvs, sends, connects, sockets, closes;
	size_t leaked; /* freed blocks that still held the token */
} world;

/* The stand-in. */
static struct {
	int listener, fd;
	const char *answer; /* NULL: none */
	size_t len, step;   /* so many bytes at each poll; 0: as many as go */
	bool hang_up;       /* once all is said */
	bool deaf;          /* hangs up before it has read the question, so that the client's next send fails */
	char question[256];
	size_t question_len;
	bool ended; /* the client has said that it asks no more */
} tokend;

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout);
int __real_poll(struct pollfd *fds, nfds_t count, int timeout);
int __wrap_clock_gettime(clockid_t clock, struct timespec *out);
int __wrap_socket(int domain, int type, int protocol);
int __real_socket(int domain, int type, int protocol);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t len);
int __real_connect(int fd, const struct sockaddr *address, socklen_t len);
ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags);
ssize_t __real_send(int fd, const void *bytes, size_t len, int flags);
ssize_t __wrap_recv(int fd, void *bytes, size_t len, int flags);
ssize_t __real_recv(int fd, void *bytes, size_t len, int flags);
int __wrap_close(int fd);
int __real_close(int fd);
void __wrap_free(void *memory);
void __real_free(void *memory);

static void tokend_acts(void)
{
	size_t len = tokend.len;
	ssize_t got;
	char end;

	if (tokend.fd < 0) {
		tokend.fd = accept(tokend.listener, NULL, NULL);
		assert_true(tokend.fd >= 0);
		got = __real_recv(tokend.fd, tokend.question, sizeof tokend.question, 0);
		tokend.question_len = got > 0 ? (size_t)got : 0;
		tokend.ended = __real_recv(tokend.fd, &end, 1, MSG_DONTWAIT) == 0;
	}
	if (tokend.step > 0 && len > tokend.step)
		len = tokend.step;
	got = len > 0 ? __real_send(tokend.fd, tokend.answer, len, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;
	if (got > 0) {
		tokend.answer += got;
		tokend.len -= (size_t)got;
	}
	if (tokend.len == 0 && tokend.hang_up)
		shutdown(tokend.fd, SHUT_RDWR);
}

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout)
{
	int ready;

	assert_true(timeout > 0);
	world.polls++;
	world.now_ms++;
	if (!tokend.deaf)
		tokend_acts();
	ready = __real_poll(fds, count, 0);
	if (ready == 0)
		world.now_ms += timeout - 1;
	return ready;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *out)
{
	(void)clock;
	*out = (struct timespec){.tv_sec = world.now_ms / 1000, .tv_nsec = world.now_ms % 1000 * 1000000};
	return 0;
}

int __wrap_socket(int domain, int type, int protocol)
{
	world.sockets++;
	return __real_socket(domain, type, protocol);
}

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t len)
{
	world.connects++;
	return __real_connect(fd, address, len);
}

/* A deaf tokend has answered and gone by the time the question is sent. */
ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags)
{
	world.sends++;
	if (tokend.deaf) {
		int peer = accept(tokend.listener, NULL, NULL);

		if (tokend.len > 0)
			assert_int_equal(__real_send(peer, tokend.answer, tokend.len, 0), tokend.len);
		__real_close(peer);
	}
	return __real_send(fd, bytes, len, flags);
}

ssize_t __wrap_recv(int fd, void *bytes, size_t len, int flags)
{
	world.recvs++;
	return __real_recv(fd, bytes, len, flags);
}

int __wrap_close(int fd)
{
	world.closes++;
	return __real_close(fd);
}

void __wrap_free(void *memory)
{
	if (memory != NULL && memmem(memory, malloc_usable_size(memory), MARKER, strlen(MARKER)) != NULL)
		world.leaked++;
	__real_free(memory);
}

/* Asks what the tests mostly ask. */
static int ask(size_t reply_max, enum wire_result *result, struct buf *text, struct err *err)
{
	struct tokenclient_question question = {
	    .socket_path = path,
	    .map = "token",
	    .key = "relay@contoso.com and more",
	    .key_len = strlen("relay@contoso.com"),
	    .reply_max = reply_max,
	    .deadline = deadline_after(DEADLINE_MS),
	};

	*text = BUF_INIT(reply_max);
	return tokenclient_ask(&question, result, text, err);
}

/* To the next client that comes. */
static void will_say(const char *answer, size_t len, bool hang_up)
{
	if (tokend.fd >= 0)
		__real_close(tokend.fd);
	tokend.fd = -1;
	tokend.answer = answer;
	tokend.len = len;
	tokend.hang_up = hang_up;
}

static void assert_answer(enum wire_result wanted, const char *bytes, size_t len)
{
	enum wire_result result = (enum wire_result)99;
	struct err err = {0};
	struct buf text;

	if (ask(WIRE_REPLY_MAX, &result, &text, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(result, wanted);
	assert_int_equal(text.len, len);
	if (len > 0)
		assert_memory_equal(text.data, bytes, len);
	buf_free(&text);
	assert_int_equal(world.leaked, 0);
	assert_int_equal(world.sockets, world.closes);
}

static void assert_no_answer(enum err_code code, const char *why)
{
	enum wire_result result;
	struct err err = {0};
	struct buf text;

	assert_int_equal(ask(WIRE_REPLY_MAX, &result, &text, &err), -1);
	if (strstr(err.text, why) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", why, err.text);
	assert_int_equal(err.code, code);
	assert_non_null(strstr(err.text, path));
	assert_null(strstr(err.text, "MARKER"));
	assert_int_equal(text.len, 0);
	buf_free(&text);
	assert_int_equal(world.leaked, 0);
	assert_int_equal(world.sockets, world.closes);
}

static void a_token_comes_with_few_system_calls(void **state)
{
	(void)state;
	will_say("26:OK " MARKER ",", 30, false);
	assert_answer(WIRE_OK, MARKER, strlen(MARKER));
	assert_int_equal(tokend.question_len, 27);
	assert_memory_equal(tokend.question, "23:token relay@contoso.com,", 27);
	assert_int_equal(world.sockets, 1);
	assert_int_equal(world.connects, 1);
	assert_int_equal(world.sends, 1);
	assert_int_equal(world.polls, 1);
	assert_int_equal(world.recvs, 1);
	assert_true(tokend.ended); /* so tokend need not wait for more */
	assert_int_equal(world.closes, 1);
}

static void every_result_is_passed_on(void **state)
{
	static const struct {
		const char *frame, *text;
		enum wire_result result;
	} answers[] = {
	    {"3:OK ,", "", WIRE_OK},
	    {"9:NOTFOUND ,", "", WIRE_NOTFOUND},
	    {"12:TEMP sign in,", "sign in", WIRE_TEMP},
	    {"9:TIMEOUT t,", "t", WIRE_TIMEOUT},
	    {"16:PERM you may not,", "you may not", WIRE_PERM},
	};

	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
		will_say(answers[i].frame, strlen(answers[i].frame), false);
		assert_answer(answers[i].result, answers[i].text, strlen(answers[i].text));
	}
	(void)state;
}

/* The frame of an OK with `len` bytes that begin with the marker. */
static void make_answer(struct buf *frame, char *bytes, size_t len)
{
	memset(bytes, 't', len);
	memcpy(bytes, MARKER, strlen(MARKER));
	*frame = BUF_INIT(len + 100);
	assert_int_equal(wire_append_reply(frame, WIRE_OK, bytes, len), 0);
}

static void long_tokens_come_in_few_pieces(void **state)
{
	static const struct {
		size_t len;
		int recvs;
	} sizes[] = {{16 * 1024, 2}, {64 * 1024, 4}, {WIRE_REPLY_MAX - 3, 5}};
	char *bytes = malloc(WIRE_REPLY_MAX);
	struct buf frame;

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		make_answer(&frame, bytes, sizes[i].len);
		world.recvs = 0;
		will_say(frame.data, frame.len, false);
		assert_answer(WIRE_OK, bytes, sizes[i].len);
		assert_true(world.recvs <= sizes[i].recvs);
		buf_free(&frame);
	}
	memset(bytes, 0, WIRE_REPLY_MAX);
	free(bytes);
}

/* What is left of the maximum is less than what would be read at once. */
static void the_longest_answer_may_come_in_any_pieces(void **state)
{
	char *bytes = malloc(WIRE_REPLY_MAX);
	struct buf frame;

	(void)state;
	make_answer(&frame, bytes, WIRE_REPLY_MAX - 3);
	will_say(frame.data, frame.len, false);
	tokend.step = 7001;
	assert_answer(WIRE_OK, bytes, WIRE_REPLY_MAX - 3);
	buf_free(&frame);
	memset(bytes, 0, WIRE_REPLY_MAX);
	free(bytes);
}

static void a_byte_at_a_time_is_an_answer_too(void **state)
{
	(void)state;
	will_say("26:OK " MARKER ",", 30, false);
	tokend.step = 1;
	assert_answer(WIRE_OK, MARKER, strlen(MARKER));
	assert_int_equal(world.polls, 30);
}

static void dribbling_does_not_move_the_deadline(void **state)
{
	static char frame[DEADLINE_MS + 100];

	(void)state;
	memset(frame, 't', sizeof frame);
	memcpy(frame, "50000:OK ", 9);
	will_say(frame, sizeof frame, false);
	tokend.step = 1; /* each takes a millisecond */
	assert_no_answer(ERR_TIMEOUT, "did not answer: timed out");
	assert_int_equal(world.now_ms, DEADLINE_MS);
}

static void silence_is_a_timeout(void **state)
{
	enum wire_result result;
	struct buf text;

	(void)state;
	assert_no_answer(ERR_TIMEOUT, "did not answer: timed out");
	assert_int_equal(world.now_ms, DEADLINE_MS);
	assert_int_equal(ask(WIRE_REPLY_MAX, &result, &text, NULL), -1); /* also when nobody wants to know why */
}

static void half_an_answer_is_none(void **state)
{
	(void)state;
	will_say("26:OK MARKER-eyJ0", 17, false);
	assert_no_answer(ERR_TIMEOUT, "timed out");
	will_say("26:OK MARKER-eyJ0", 17, true);
	assert_no_answer(ERR_SYNTAX, "in the middle of its answer");
	will_say("26:OK " MARKER, 29, true); /* all but the comma */
	assert_no_answer(ERR_SYNTAX, "in the middle of its answer");
	will_say("", 0, true);
	assert_no_answer(ERR_UNREACHABLE, "closed the connection without an answer; its log says why");
}

static void what_is_no_socketmap_is_said_so(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *why;
	} bad[] = {
	    {"26:OK " MARKER "x", 30, "does not send netstrings"}, /* no comma */
	    {"220 mail.example.com ESMTP\r\n", 28, "does not send netstrings"},
	    {"\0\xff\x01\x02", 4, "does not send netstrings"},
	    {"026:OK " MARKER ",", 31, "does not send netstrings"},
	    {"28:OKAY " MARKER ",", 32, "does not speak socketmap"},
	    {"0:,", 3, "does not speak socketmap"},
	    {"3:\0\xff\n,", 6, "does not speak socketmap"},
	    {"100001:OK ", 10, "says more than we take"},
	    {"99999999999999999999:", 21, "says more than we take"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		will_say(bad[i].bytes, bad[i].len, false);
		assert_no_answer(ERR_SYNTAX, bad[i].why);
	}
}

static void a_binary_value_is_a_value(void **state)
{
	(void)state;
	will_say("9:OK \0\xff,\n1:,x", 13, false); /* and what follows the answer is not read */
	assert_answer(WIRE_OK, "\0\xff,\n1:", 6);
}

static void a_status_may_be_megabytes(void **state)
{
	size_t len = 3 * 1024 * 1024;
	char *bytes = malloc(len);
	enum wire_result result;
	struct err err = {0};
	struct buf frame, text;

	(void)state;
	make_answer(&frame, bytes, len);
	will_say(frame.data, frame.len, false);
	if (ask(WIRE_STATUS_MAX, &result, &text, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(text.len, len);
	assert_memory_equal(text.data, bytes, len);
	assert_true(world.recvs < 200);
	buf_free(&frame);
	buf_free(&text);
	memset(bytes, 0, len);
	free(bytes);
}

static void nobody_there_is_said_so(void **state)
{
	char wanted[256];

	(void)state;
	close(tokend.listener);
	tokend.listener = -1;
	world.closes = 0;
	assert_no_answer(ERR_UNREACHABLE, "Connection refused; is mailbearer-tokend running?");
	unlink(path);
	snprintf(wanted, sizeof wanted,
		 "tokend does not answer at %s: No such file or directory; is mailbearer-tokend running?", path);
	assert_no_answer(ERR_UNREACHABLE, wanted);
	assert_int_equal(symlink(path, path), 0);
	assert_no_answer(ERR_SYSTEM, "tokend does not answer at ");
	assert_int_equal(world.polls, 0);
}

static void a_full_queue_is_a_timeout(void **state)
{
	int fds[16], count = 0;

	(void)state;
	assert_int_equal(listen(tokend.listener, 1), 0);
	while ((fds[count] = sock_connect_unix(path, deadline_after(0), NULL)) >= 0)
		assert_true(++count < 16);
	memset(&world, 0, sizeof world);
	tokend.fd = dup(0); /* it is busy with somebody else, and stays so */
	assert_no_answer(ERR_TIMEOUT, "no connection in time");
	assert_int_equal(world.now_ms, DEADLINE_MS);
	while (count > 0)
		close(fds[--count]);
}

static void a_refusal_before_the_question_is_an_answer(void **state)
{
	(void)state;
	tokend.deaf = true;
	will_say("16:PERM you may not,", 20, false);
	assert_answer(WIRE_PERM, "you may not", 11);
	will_say("", 0, false);
	assert_no_answer(ERR_SYSTEM, "did not take the question");
}

static void what_cannot_be_asked_is_not_sent(void **state)
{
	static char huge[WIRE_REQUEST_MAX];
	struct tokenclient_question question = {.socket_path = path, .map = "token", .reply_max = WIRE_REPLY_MAX};
	struct buf text = BUF_INIT(WIRE_REPLY_MAX);
	enum wire_result result;
	struct err err = {0};

	(void)state;
	memset(huge, 'x', sizeof huge);
	question.key = huge;
	question.key_len = sizeof huge;
	assert_int_equal(tokenclient_ask(&question, &result, &text, &err), -1);
	assert_int_equal(err.code, ERR_SYNTAX);
	question.key = "a\nb";
	question.key_len = 3;
	assert_int_equal(tokenclient_ask(&question, &result, &text, &err), -1);
	assert_int_equal(err.code, ERR_SYNTAX);
	assert_int_equal(world.sockets, 0);
	assert_int_equal(tokenclient_ask(&question, &result, &text, NULL), -1); /* nobody has to care */
}

static int new_world(void **state)
{
	(void)state;
	memset(&tokend, 0, sizeof tokend);
	tokend.fd = -1;
	unlink(path);
	tokend.listener = sock_listen_unix(path, 0600, NULL);
	if (tokend.listener < 0)
		return -1;
	memset(&world, 0, sizeof world);
	return 0;
}

static int end_of_world(void **state)
{
	(void)state;
	if (tokend.fd >= 0)
		close(tokend.fd);
	close(tokend.listener);
	unlink(path);
	return 0;
}

#define CLIENT_TEST(test) cmocka_unit_test_setup_teardown(test, new_world, end_of_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CLIENT_TEST(a_token_comes_with_few_system_calls),
	    CLIENT_TEST(every_result_is_passed_on),
	    CLIENT_TEST(long_tokens_come_in_few_pieces),
	    CLIENT_TEST(the_longest_answer_may_come_in_any_pieces),
	    CLIENT_TEST(a_byte_at_a_time_is_an_answer_too),
	    CLIENT_TEST(dribbling_does_not_move_the_deadline),
	    CLIENT_TEST(silence_is_a_timeout),
	    CLIENT_TEST(half_an_answer_is_none),
	    CLIENT_TEST(what_is_no_socketmap_is_said_so),
	    CLIENT_TEST(a_binary_value_is_a_value),
	    CLIENT_TEST(a_status_may_be_megabytes),
	    CLIENT_TEST(nobody_there_is_said_so),
	    CLIENT_TEST(a_full_queue_is_a_timeout),
	    CLIENT_TEST(a_refusal_before_the_question_is_an_answer),
	    CLIENT_TEST(what_cannot_be_asked_is_not_sent),
	};

	return cmocka_run_group_tests_name("tokenclient", tests, make_folder, remove_folder);
}
