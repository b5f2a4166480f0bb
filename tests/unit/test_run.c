/* A program run to its end: what goes in, what comes out, what it may not have, and when its time is over. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "postfix/run.h"

static struct buf out = {.max = 1 << 20}, complaints = {.max = 1 << 20};
static struct err err;

static int forget(void **state)
{
	(void)state;
	buf_free(&out);
	buf_free(&complaints);
	out.max = complaints.max = 1 << 20;
	return 0;
}

/* By the shell, with 20 seconds. */
static struct run shell(const char *const argv[4])
{
	return (struct run){.argv = argv, .out = &out, .complaints = &complaints, .deadline = deadline_after(20000)};
}
#define SHELL(script)                                                                                                  \
	(const char *const[])                                                                                          \
	{                                                                                                              \
		"/bin/sh", "-c", script, NULL                                                                          \
	}

static void both_outputs_and_the_status_are_told(void **state)
{
	struct run run = shell(SHELL("echo good; echo bad >&2; exit 7"));

	(void)state;
	assert_int_equal(0, run_program(&run, &err));
	assert_int_equal(7, run.status);
	assert_string_equal(out.data, "good\n");
	assert_string_equal(complaints.data, "bad\n");
	run = shell(SHELL("kill -TERM $$"));
	assert_int_equal(0, run_program(&run, &err));
	assert_int_equal(128 + SIGTERM, run.status);
}

static void it_reads_what_it_is_given(void **state)
{
	struct buf text = BUF_INIT(1 << 20);
	struct run run = shell(SHELL("cat"));

	(void)state;
	while (text.len < 300000) /* more than a pipe takes at a time */
		buf_puts(&text, "a line of the message\n");
	run.input = text.data;
	run.input_len = text.len;
	assert_int_equal(0, run_program(&run, &err));
	assert_int_equal(text.len, out.len);
	assert_memory_equal(text.data, out.data, text.len);
	/* One that does not read it ends all the same. */
	run = shell(SHELL("exit 3"));
	run.input = text.data;
	run.input_len = text.len;
	assert_int_equal(0, run_program(&run, &err));
	assert_int_equal(3, run.status);
	buf_free(&text);
}

static void nothing_of_ours_is_in_it(void **state)
{
	int fd = dup(1); /* without close-on-exec */
	struct run run = shell(SHELL("env; ls /proc/self/fd | wc -l; umask"));

	(void)state;
	setenv("MARKER", "secret", 1);
	setenv("TZ", "Antarctica/Troll", 1);
	assert_int_equal(0, run_program(&run, &err));
	assert_null(strstr(out.data, "MARKER"));
	assert_non_null(strstr(out.data, "LC_ALL=C\n"));
	assert_non_null(strstr(out.data, "TZ=Antarctica/Troll\n"));
	/* The three, and the one by which ls reads the folder. */
	assert_non_null(strstr(out.data, "\n4\n0022\n"));
	unsetenv("MARKER");
	close(fd);
}

/* Nobody may be there to take it away. */
static bool has_ended(pid_t pid)
{
	char path[64], state = 'Z';
	FILE *file;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	file = fopen(path, "r");
	if (file != NULL && fscanf(file, "%*d %*s %c", &state) != 1)
		state = 'Z';
	if (file != NULL)
		fclose(file);
	return state == 'Z' || state == 'X';
}

/* And what it has started ends with it. */
static void its_time_is_limited(void **state)
{
	struct run run = shell(SHELL("sleep 600 & echo $!; wait"));
	char *end;

	(void)state;
	run.deadline = deadline_after(300);
	assert_int_equal(-1, run_program(&run, &err));
	assert_int_equal(ERR_TIMEOUT, err.code);
	assert_non_null(strstr(err.text, "/bin/sh"));
	if (out.len > 0) {
		pid_t child = (pid_t)strtol(out.data, &end, 10);

		for (int i = 0; i < 2000 && !has_ended(child); i++)
			usleep(1000);
		assert_true(has_ended(child));
	}
	run = shell(SHELL("exec >&- 2>&-; sleep 600"));
	run.deadline = deadline_after(300);
	assert_int_equal(-1, run_program(&run, &err));
	assert_int_equal(ERR_TIMEOUT, err.code);
}

static void its_output_is_limited(void **state)
{
	struct run run = shell(SHELL("yes"));

	(void)state;
	out.max = 10000;
	assert_int_equal(-1, run_program(&run, &err));
	assert_int_equal(ERR_LIMIT, err.code);
}

static void what_is_not_there_is_told(void **state)
{
	static const char *const argv[] = {"/nonexistent/postconf", NULL};
	struct run run = {.argv = argv, .deadline = deadline_after(1000)};

	(void)state;
	assert_int_equal(-1, run_program(&run, &err));
	assert_int_equal(ERR_NOT_FOUND, err.code);
}

static void one_that_has_to_succeed_gives_its_last_words(void **state)
{
	struct run run = shell(SHELL("echo first >&2; printf 'fatal:\\033[2J last\\n\\n' >&2; exit 1"));

	(void)state;
	run.complaints = NULL;
	assert_int_equal(-1, run_successfully(&run, &err));
	assert_string_equal(err.text, "/bin/sh ended with status 1: fatal:?[2J last");
	run = shell(SHELL("exit 1"));
	assert_int_equal(-1, run_successfully(&run, &err));
	assert_non_null(strstr(err.text, "does not say why"));
	run = shell(SHELL("echo noise >&2"));
	assert_int_equal(0, run_successfully(&run, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(both_outputs_and_the_status_are_told, forget),
	    cmocka_unit_test_teardown(it_reads_what_it_is_given, forget),
	    cmocka_unit_test_teardown(nothing_of_ours_is_in_it, forget),
	    cmocka_unit_test_teardown(its_time_is_limited, forget),
	    cmocka_unit_test_teardown(its_output_is_limited, forget),
	    cmocka_unit_test_teardown(what_is_not_there_is_told, forget),
	    cmocka_unit_test_teardown(one_that_has_to_succeed_gives_its_last_words, forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
