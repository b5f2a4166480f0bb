/*
 * The HTTP door with the real loop and real sockets: what goes out, what comes in, and the bounds. The server is the
 * test's own, in the same loop; it speaks plain HTTP, as managed identity's endpoints do. TLS, certificates and the
 * network's failures are for tests/blackbox/test_faults.py.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tokend/http_private.h"

static struct loop *loop;
static struct http *http;

/* --- the server: one connection at a time, one request each --- */

static struct {
	int listener, fd;
	char url[64];
	struct loop_watch *accepting, *serving;
	char request[4096];
	size_t request_len;
	unsigned requests;
	char answer[2048]; /* "": none, for ever */
	size_t body_len;   /* so many letters behind the answer's head */
} server;

static void send_letters(int fd, size_t len)
{
	static char letters[65536];

	memset(letters, 'x', sizeof letters);
	while (len > 0) {
		ssize_t sent = send(fd, letters, len < sizeof letters ? len : sizeof letters, MSG_NOSIGNAL);

		if (sent <= 0)
			return;
		len -= (size_t)sent;
	}
}

static void hang_up(void)
{
	loop_watch_free(server.serving);
	server.serving = NULL;
	close(server.fd);
}

/* The whole request, head and body, is there. */
static bool is_whole(void)
{
	const char *body = strstr(server.request, "\r\n\r\n");
	const char *length = strcasestr(server.request, "\r\ncontent-length: ");

	return body != NULL && strlen(body + 4) >= (length != NULL ? strtoul(length + 18, NULL, 10) : 0);
}

static void on_request(void *arg, bool readable, bool writable)
{
	ssize_t got = recv(server.fd, server.request + server.request_len,
			   sizeof server.request - 1 - server.request_len, MSG_DONTWAIT);

	(void)arg;
	(void)readable;
	(void)writable;
	if (got <= 0) {
		hang_up();
		return;
	}
	server.request_len += (size_t)got;
	server.request[server.request_len] = '\0';
	if (!is_whole())
		return;
	server.requests++;
	server.request_len = 0;
	if (server.answer[0] == '\0')
		return;
	/* The socket blocks, and curl reads in the same thread: what is long goes from a child. */
	if (fork() == 0) {
		send(server.fd, server.answer, strlen(server.answer), MSG_NOSIGNAL);
		send_letters(server.fd, server.body_len);
		_exit(0);
	}
	hang_up();
}

static void on_connection(void *arg, bool readable, bool writable)
{
	(void)arg;
	(void)readable;
	(void)writable;
	server.fd = accept(server.listener, NULL, NULL);
	server.request_len = 0;
	server.serving = loop_watch_new(loop, server.fd, on_request, NULL);
	loop_watch_set(server.serving, true, false);
}

static void start_server(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof address;

	server.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(server.listener, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(server.listener, 8), 0);
	assert_int_equal(getsockname(server.listener, (struct sockaddr *)&address, &len), 0);
	snprintf(server.url, sizeof server.url, "http://127.0.0.1:%u/token", ntohs(address.sin_port));
	server.accepting = loop_watch_new(loop, server.listener, on_connection, NULL);
	loop_watch_set(server.accepting, true, false);
}

static void will_answer(const char *head, size_t body_len)
{
	snprintf(server.answer, sizeof server.answer, "%s", head);
	server.body_len = body_len;
}

#define OK_HEAD "HTTP/1.1 200 OK\r\nConnection: close\r\n"

/* --- the one who asks --- */

static struct {
	unsigned answers;
	int status;
	char error[512], content_type[64], authenticate[64], body[64];
	size_t body_len;
	int64_t retry_after;
} told;

static void copy(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from != NULL ? from : "");
}

static void on_answer(void *arg, const struct http_response *response)
{
	(void)arg;
	told.answers++;
	told.status = response->status;
	told.retry_after = response->retry_after;
	told.body_len = response->body.len;
	copy(told.error, sizeof told.error, response->error);
	copy(told.content_type, sizeof told.content_type, response->content_type);
	copy(told.authenticate, sizeof told.authenticate, response->authenticate);
	copy(told.body, sizeof told.body, response->body.data);
	loop_stop(loop);
}

static struct http_request plain(void)
{
	return (struct http_request){.url = server.url, .timeout = 10, .plain_local = true};
}

static struct http_transfer *start(const struct http_request *request)
{
	struct err err;
	struct http_transfer *transfer = http_start(http, request, on_answer, NULL, &err);

	memset(&told, 0, sizeof told);
	if (transfer == NULL)
		fail_msg("%s", err.text);
	return transfer;
}

static void get(const struct http_request *request)
{
	start(request);
	assert_int_equal(told.answers, 0); /* never before it has returned */
	assert_int_equal(loop_run(loop, NULL), 0);
	assert_int_equal(told.answers, 1);
}

/* --- what goes out --- */

static void test_post_is_what_was_asked_for(void **state)
{
	const struct http_header headers[] = {{"Authorization", "Basic MARKER"}, {NULL, NULL}};
	struct http_request request = plain();
	struct buf body = BUF_INIT(1000);

	(void)state;
	buf_puts(&body, "grant_type=refresh_token&x=%2B");
	request.body = &body;
	request.headers = headers;
	will_answer(OK_HEAD "Content-Type: application/json\r\nWWW-Authenticate: Basic realm=\"x\"\r\n\r\n{\"a\":1}",
		    0);
	get(&request);
	buf_free(&body);
	assert_int_equal(told.status, 200);
	assert_string_equal(told.error, "");
	assert_string_equal(told.body, "{\"a\":1}");
	assert_string_equal(told.content_type, "application/json");
	assert_string_equal(told.authenticate, "Basic realm=\"x\"");
	assert_int_equal(strncmp(server.request, "POST /token HTTP/1.1\r\n", 22), 0);
	assert_non_null(strstr(server.request, "\r\nContent-Type: application/x-www-form-urlencoded\r\n"));
	assert_non_null(strstr(server.request, "\r\nAuthorization: Basic MARKER\r\n"));
	assert_non_null(strstr(server.request, "\r\nUser-Agent: mailbearer/"));
	assert_non_null(strstr(server.request, "\r\n\r\ngrant_type=refresh_token&x=%2B"));
}

static void test_get_without_a_body(void **state)
{
	const struct http_request request = plain();

	(void)state;
	will_answer("HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\nno", 0);
	get(&request);
	assert_int_equal(told.status, 404);
	assert_string_equal(told.body, "no");
	assert_int_equal(told.retry_after, -1);
	assert_int_equal(strncmp(server.request, "GET /token HTTP/1.1\r\n", 21), 0);
}

static void test_redirects_are_answers(void **state)
{
	const struct http_request request = plain();
	char head[256];

	(void)state;
	snprintf(head, sizeof head, "HTTP/1.1 302 Found\r\nConnection: close\r\nLocation: %s2\r\n\r\n", server.url);
	will_answer(head, 0);
	get(&request);
	assert_int_equal(told.status, 302);
	assert_int_equal(server.requests, 1);
}

static void test_plain_http_is_refused_unless_allowed(void **state)
{
	struct http_request request = plain();

	(void)state;
	request.plain_local = false;
	get(&request);
	assert_int_equal(told.status, 0);
	assert_string_not_equal(told.error, "");
	request.plain_local = true;
	request.url = "file:///etc/passwd";
	get(&request);
	assert_int_equal(told.status, 0);
	assert_int_equal(told.body_len, 0);
	assert_int_equal(server.requests, 0);
}

static void test_environment_names_no_proxy(void **state)
{
	const struct http_request request = plain();

	(void)state;
	setenv("http_proxy", "http://127.0.0.1:9", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:9", 1);
	will_answer(OK_HEAD "\r\n", 0);
	get(&request);
	unsetenv("http_proxy");
	unsetenv("ALL_PROXY");
	assert_int_equal(told.status, 200);
}

static void test_metadata_service_is_never_asked_through_a_proxy(void **state)
{
	struct http_request request = plain();

	(void)state;
	request.proxy = "http://127.0.0.1:9";
	will_answer(OK_HEAD "\r\n", 0);
	get(&request);
	assert_int_equal(told.status, 200);
}

/* --- bounds --- */

static void test_largest_body_passes_and_one_byte_more_does_not(void **state)
{
	const struct http_request request = plain();

	(void)state;
	will_answer(OK_HEAD "\r\n", HTTP_BODY_MAX);
	get(&request);
	assert_int_equal(told.status, 200);
	assert_int_equal(told.body_len, HTTP_BODY_MAX);
	will_answer(OK_HEAD "\r\n", HTTP_BODY_MAX + 1);
	get(&request);
	assert_int_equal(told.status, 0);
	assert_int_equal(told.body_len, 0);
	assert_non_null(strstr(told.error, "more than 1048576 bytes"));
}

static void test_silence_has_an_end(void **state)
{
	struct http_request request = plain();

	(void)state;
	request.timeout = 1;
	get(&request);
	assert_int_equal(told.status, 0);
	assert_non_null(strstr(told.error, "timed out after 1 s while waiting for the answer of 127.0.0.1"));
}

static void test_no_request_may_take_longer_than_twenty_seconds(void **state)
{
	static const struct {
		int asked, got;
	} timeouts[] = {{5, 5}, {19, 19}, {20, 20}, {21, 20}, {600, 20}, {0, 20}, {-1, 20}};
	struct http_request request = plain();

	(void)state;
	for (size_t i = 0; i < sizeof timeouts / sizeof timeouts[0]; i++) {
		struct http_transfer *transfer;

		request.timeout = timeouts[i].asked;
		transfer = start(&request);
		assert_int_equal(transfer->timeout, timeouts[i].got);
		http_abort(transfer);
	}
}

static void expect_retry_after(const char *value, int64_t least, int64_t most)
{
	const struct http_request request = plain();
	char head[256];

	snprintf(head, sizeof head, "HTTP/1.1 503 Busy\r\nConnection: close\r\nRetry-After: %s\r\n\r\n", value);
	will_answer(head, 0);
	get(&request);
	assert_int_equal(told.status, 503);
	if (told.retry_after < least || told.retry_after > most)
		fail_msg("%s became %lld", value, (long long)told.retry_after);
}

static void test_retry_after_in_both_forms(void **state)
{
	char date[64];
	time_t soon = time(NULL) + 300;

	(void)state;
	expect_retry_after("120", 120, 120);
	strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime(&soon));
	expect_retry_after(date, 200, 300);
	expect_retry_after("Wed, 21 Oct 2015 07:28:00 GMT", -1, -1);
	expect_retry_after("0", -1, -1);
	expect_retry_after("-5", -1, -1);
	expect_retry_after("soon", -1, -1);
	expect_retry_after("99999999", 6 * 60 * 60, 6 * 60 * 60);
}

/* --- the end --- */

static void on_enough(void *arg)
{
	(void)arg;
	loop_stop(loop);
}

static void test_aborted_are_not_called_back(void **state)
{
	struct http_request request = plain();
	struct loop_timer *enough = loop_timer_new(loop, on_enough, NULL);
	struct http_transfer *first, *second;

	(void)state;
	first = start(&request);
	second = start(&request);
	http_abort(first); /* before it has begun */
	loop_timer_set(enough, 100);
	assert_int_equal(loop_run(loop, NULL), 0);
	http_abort(second); /* while it waits for an answer */
	http_abort(NULL);
	loop_timer_set(enough, 20);
	assert_int_equal(loop_run(loop, NULL), 0);
	assert_int_equal(told.answers, 0);
	loop_timer_free(enough);
}

static void test_free_aborts_what_is_in_flight(void **state)
{
	const struct http_request request = plain();

	(void)state;
	start(&request);
	start(&request);
	http_free(http);
	http = http_new(loop, NULL);
	assert_int_equal(told.answers, 0);
}

static int set_up(void **state)
{
	(void)state;
	memset(&server, 0, sizeof server);
	loop = loop_new(NULL);
	http = http_new(loop, NULL);
	start_server();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	http_free(http);
	if (server.serving != NULL)
		hang_up();
	loop_watch_free(server.accepting);
	close(server.listener);
	loop_free(loop);
	return 0;
}

#define HTTP_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    HTTP_TEST(test_post_is_what_was_asked_for),
	    HTTP_TEST(test_get_without_a_body),
	    HTTP_TEST(test_redirects_are_answers),
	    HTTP_TEST(test_plain_http_is_refused_unless_allowed),
	    HTTP_TEST(test_environment_names_no_proxy),
	    HTTP_TEST(test_metadata_service_is_never_asked_through_a_proxy),
	    HTTP_TEST(test_largest_body_passes_and_one_byte_more_does_not),
	    HTTP_TEST(test_silence_has_an_end),
	    HTTP_TEST(test_no_request_may_take_longer_than_twenty_seconds),
	    HTTP_TEST(test_retry_after_in_both_forms),
	    HTTP_TEST(test_aborted_are_not_called_back),
	    HTTP_TEST(test_free_aborts_what_is_in_flight),
	};

	signal(SIGCHLD, SIG_IGN); /* the children that answer are nobody's to wait for */
	return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
