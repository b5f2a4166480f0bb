/* Work done in a child: its answer, its crash, its silence. What a program does as a child is in test_run. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/child.h"

#define PATIENCE_MS 20000

static struct buf out = {.max = 1 << 20};
static struct err err;

static int forget(void **state)
{
	(void)state;
	buf_free(&out);
	out.max = 1 << 20;
	return 0;
}

static void say(void *arg, struct buf *answer)
{
	buf_puts(answer, arg);
}

/* More than a pipe takes at a time. */
static void say_much(void *arg, struct buf *answer)
{
	for (size_t i = 0; i < *(size_t *)arg; i++)
		buf_append(answer, "x", 1);
}

static void crash(void *arg, struct buf *answer)
{
	(void)arg;
	buf_puts(answer, "half");
	raise(SIGKILL);
}

static void hang(void *arg, struct buf *answer)
{
	(void)arg;
	(void)answer;
	for (;;)
		pause();
}

static void an_answer_comes_whole(void **state)
{
	static char hello[] = "hello";
	size_t much = 300000;

	(void)state;
	assert_int_equal(0, child_do(say, hello, PATIENCE_MS, &out, &err));
	assert_string_equal("hello", out.data);
	assert_int_equal(0, child_do(say_much, &much, PATIENCE_MS, &out, &err));
	assert_int_equal(5 + much, out.len);
	assert_int_equal(-1, child_do(say_much, &out.max, PATIENCE_MS, &out, &err));
	assert_int_equal(ERR_LIMIT, err.code);
}

static void a_crash_is_told(void **state)
{
	(void)state;
	assert_int_equal(-1, child_do(crash, NULL, PATIENCE_MS, &out, &err));
	assert_int_equal(ERR_SYSTEM, err.code);
	assert_string_equal("crashed: Killed", err.text);
}

static void its_time_is_limited(void **state)
{
	(void)state;
	assert_int_equal(-1, child_do(hang, NULL, 100, &out, &err));
	assert_int_equal(ERR_TIMEOUT, err.code);
	assert_string_equal("no answer in time", err.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(an_answer_comes_whole, forget),
	    cmocka_unit_test_teardown(a_crash_is_told, forget),
	    cmocka_unit_test_teardown(its_time_is_limited, forget),
	};

	return cmocka_run_group_tests_name("child", tests, NULL, NULL);
}
