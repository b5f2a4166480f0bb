/* The listener for a browser: redirect URIs and requests as bytes, then real sockets under a loop of the test's own. */
#include <arpa/inet.h>
#include <netinet/in.h>
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

#include "tests/unit/fake_loop.h"
#include "tokend/loopback_private.h"

/* --- bytes --- */

static void redirect_uris(void **state)
{
	static const char *const bad[] = {
	    "https://localhost",
	    "http://localhost.evil.test",
	    "http://127.0.0.1.evil.test",
	    "http://127.0.0.2",
	    "http://0.0.0.0",
	    "http://localhost:0",
	    "http://localhost:65536",
	    "http://localhost:8x",
	    "http://localhost:",
	    "http://[::1",
	    "http://user@localhost",
	    "http://localhost?x=1",
	    "http://localhost/a#b",
	    "http://",
	    "",
	};
	struct loopback_target target;
	struct err err;

	(void)state;
	assert_int_equal(0, loopback_parse_uri("http://localhost", &target, &err));
	assert_int_equal(LOOPBACK_LOCALHOST, target.host);
	assert_int_equal(0, target.port);
	assert_string_equal("", target.path);
	assert_int_equal(0, loopback_parse_uri("http://127.0.0.1:8025/auth/x", &target, &err));
	assert_int_equal(LOOPBACK_IPV4, target.host);
	assert_int_equal(8025, target.port);
	assert_string_equal("/auth/x", target.path);
	assert_int_equal(0, loopback_parse_uri("http://[::1]/", &target, &err));
	assert_int_equal(LOOPBACK_IPV6, target.host);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(-1, loopback_parse_uri(bad[i], &target, &err));
	assert_int_equal(ERR_CONFIG, err.code);
}

#define END " HTTP/1.1\r\nHost: x\r\n\r\n"

static enum loopback_request parse(const char *bytes, const char *path, char *query)
{
	const char *at = "";
	size_t len = 0;
	enum loopback_request result = loopback_parse_request(bytes, strlen(bytes), path, &at, &len);

	snprintf(query, 64, "%.*s", (int)len, at);
	return result;
}

static void requests(void **state)
{
	static const struct {
		const char *bytes, *path;
		enum loopback_request result;
		const char *query;
	} rows[] = {
	    {"GET /?code=1&state=2" END, "", LOOPBACK_VISIT, "code=1&state=2"},
	    {"GET / HTTP/1.0\n\n", "/", LOOPBACK_VISIT, ""},
	    {"GET /auth?a=?b" END, "/auth", LOOPBACK_VISIT, "a=?b"},
	    {"GET /?code=1" END, "/auth", LOOPBACK_OTHER, ""},
	    {"GET /auth/?code=1" END, "/auth", LOOPBACK_OTHER, ""},
	    {"GET /favicon.ico" END, "", LOOPBACK_OTHER, ""},
	    {"POST /?code=1" END, "", LOOPBACK_NOT_GET, ""},
	    {"get /" END, "", LOOPBACK_NOT_GET, ""},
	    {"GET /?code=1 HTTP/1.1\r\nHost: x\r\n", "", LOOPBACK_MORE, ""},
	    {"", "", LOOPBACK_MORE, ""},
	    {"GET http://localhost/?code=1" END, "", LOOPBACK_BAD, ""},
	    {"GET /?code=1\r\n\r\n", "", LOOPBACK_BAD, ""},
	    {"GET /?code=1 FTP/1.1\r\n\r\n", "", LOOPBACK_BAD, ""},
	    {"\r\n\r\n", "", LOOPBACK_BAD, ""},
	    {"\x16\x03\x01\n\n", "", LOOPBACK_BAD, ""}, /* TLS */
	};
	char query[64];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_int_equal(rows[i].result, parse(rows[i].bytes, rows[i].path, query));
		assert_string_equal(rows[i].query, query);
	}
}

static void a_page_forges_nothing(void **state)
{
	struct loopback_page page = {400, "<b>", "a & \"b\" 'c' \x1b[2J"};
	struct buf out = BUF_INIT(16384);
	const char *body;
	unsigned length;

	(void)state;
	assert_int_equal(0, loopback_append_page(&out, &page));
	body = strstr(out.data, "\r\n\r\n") + 4;
	assert_int_equal(1, sscanf(strstr(out.data, "Content-Length: "), "Content-Length: %u", &length));
	assert_int_equal(length, strlen(body));
	assert_non_null(strstr(out.data, "HTTP/1.1 400 Bad Request\r\n"));
	assert_non_null(strstr(body, "<h1>&#60;b&#62;</h1>"));
	assert_non_null(strstr(body, "a &#38; &#34;b&#34; &#39;c&#39; &#27;[2J"));
	buf_free(&out);
}

/* --- sockets --- */

static struct loop *loop;
static struct loopback *loopback;
static struct loopback_listener *listener;
static unsigned visits;
static char reported[256];

static const struct loopback_page good = {200, "Good", "It worked"}, bad = {400, "Bad", "Try again"};

static void on_visit(void *arg, const char *query, size_t len)
{
	(void)arg;
	visits++;
	snprintf(reported, sizeof reported, "%.*s", (int)len, query);
}

static int set_up(void **state)
{
	struct err err;

	(void)state;
	visits = 0;
	loop = loop_new(NULL);
	loopback = loopback_new(loop);
	listener = loopback_listen(loopback, "http://127.0.0.1/cb", on_visit, NULL, &err);
	return listener != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	loopback_free(loopback);
	loop_free(loop); /* aborts if a watch or a timer was forgotten */
	return 0;
}

static int port(void)
{
	return atoi(strrchr(loopback_uri(listener), ':') + 1);
}

static int visit(const char *request)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((in_port_t)port())};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(0, connect(fd, (struct sockaddr *)&address, sizeof address));
	assert_int_equal(strlen(request), send(fd, request, strlen(request), MSG_NOSIGNAL));
	fake_loop_turn(loop);
	return fd;
}

/* What has come, and the connection's end: then fd is closed. */
static const char *answer(int fd)
{
	static char text[16384];
	ssize_t got, len = 0;

	shutdown(fd, SHUT_WR);
	fake_loop_turn(loop);
	while ((got = recv(fd, text + len, sizeof text - 1 - (size_t)len, MSG_DONTWAIT)) > 0)
		len += got;
	assert_int_equal(0, got);
	text[len] = '\0';
	close(fd);
	return text;
}

static void the_answer_may_come_later(void **state)
{
	int fd = visit("GET /cb?code=x" END), second;

	(void)state;
	assert_int_equal(1, visits);
	assert_string_equal("code=x", reported);
	second = visit("GET /cb?code=y" END);
	assert_int_equal(1, visits);
	assert_non_null(strstr(answer(second), " 409 "));
	loopback_finish(listener, &good);
	assert_non_null(strstr(answer(fd), "It worked"));
}

static void a_wrong_one_does_not_end_it(void **state)
{
	int fd = visit("GET /cb?code=x" END);

	(void)state;
	loopback_reply(listener, &bad);
	assert_non_null(strstr(answer(fd), "Try again"));
	fd = visit("GET /cb?code=y" END);
	assert_int_equal(2, visits);
	loopback_finish(listener, &good);
	assert_non_null(strstr(answer(fd), "It worked"));
}

static void who_leaves_or_dawdles_is_dropped(void **state)
{
	int fd = visit("GET /cb?code=x" END), slow;

	(void)state;
	fake_loop_advance(loop, LOOPBACK_HOLD_MS); /* nobody has answered it */
	assert_string_equal("", answer(fd));
	loopback_reply(listener, &bad); /* it is gone */
	slow = visit("GET /cb?co");
	fake_loop_advance(loop, LOOPBACK_REQUEST_MS);
	assert_string_equal("", answer(slow));
	assert_int_equal(1, visits);
}

static void there_are_only_so_many(void **state)
{
	int fds[LOOPBACK_VISITS_MAX], one_more;

	(void)state;
	for (int i = 0; i < LOOPBACK_VISITS_MAX; i++)
		fds[i] = visit("GET ");
	one_more = visit("");
	assert_string_equal("", answer(one_more));
	for (int i = 0; i < LOOPBACK_VISITS_MAX; i++)
		close(fds[i]);
	fake_loop_turn(loop);
	one_more = visit("GET /cb" END);
	assert_int_equal(1, visits);
	close(one_more);
}

static void localhost_is_both_addresses_or_the_one_there_is(void **state)
{
	struct err err;
	struct loopback_listener *both = loopback_listen(loopback, "http://localhost", on_visit, NULL, &err);
	struct loopback_listener *same;
	char uri[64];

	(void)state;
	assert_non_null(both);
	assert_int_equal(0, strncmp(loopback_uri(both), "http://localhost:", 17));
	snprintf(uri, sizeof uri, "http://127.0.0.1:%s", strrchr(loopback_uri(both), ':') + 1);
	same = loopback_listen(loopback, uri, on_visit, NULL, &err);
	assert_null(same);
	assert_non_null(strstr(err.text, "Address already in use"));
	loopback_finish(both, &good);
	same = loopback_listen(loopback, uri, on_visit, NULL, &err);
	assert_non_null(same);
	assert_string_equal(uri, loopback_uri(same));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(redirect_uris),
	    cmocka_unit_test(requests),
	    cmocka_unit_test(a_page_forges_nothing),
	    TEST(the_answer_may_come_later),
	    TEST(a_wrong_one_does_not_end_it),
	    TEST(who_leaves_or_dawdles_is_dropped),
	    TEST(there_are_only_so_many),
	    TEST(localhost_is_both_addresses_or_the_one_there_is),
	};

	return cmocka_run_group_tests_name("loopback", tests, NULL, NULL);
}
