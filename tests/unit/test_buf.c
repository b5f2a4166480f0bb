/* Buffers: bounded, always NUL-terminated, and wiped before their memory goes back (free() is watched). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/buf.h"

static const char *watched; /* must be all zero when it is freed */
static size_t watched_len;
static int watched_freed;
static int callocs_left = -1; /* -1: as many as wanted */

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void __real_free(void *memory);
void __wrap_free(void *memory);

void *__wrap_calloc(size_t count, size_t size)
{
	if (callocs_left == 0)
		return NULL;
	if (callocs_left > 0)
		callocs_left--;
	return __real_calloc(count, size);
}

void __wrap_free(void *memory)
{
	if (memory != NULL && memory == watched) {
		for (size_t i = 0; i < watched_len; i++)
			assert_int_equal(watched[i], 0);
		watched_freed++;
		watched = NULL;
	}
	__real_free(memory);
}

static void watch(const struct buf *buf)
{
	watched = buf->data;
	watched_len = buf->cap;
	watched_freed = 0;
}

static void appends_add_up(void **state)
{
	struct buf buf = BUF_INIT(1000);

	(void)state;
	assert_null(buf.data);
	assert_int_equal(buf_append(&buf, "ab\0c", 4), 0);
	assert_int_equal(buf_puts(&buf, "de"), 0);
	assert_int_equal(buf_printf(&buf, "%s-%d", "fg", 42), 0);
	assert_int_equal(buf_printf(&buf, "%s", ""), 0);
	assert_int_equal(buf.len, 11);
	assert_memory_equal(buf.data, "ab\0cdefg-42", 12);
	assert_int_equal(buf_append(&buf, NULL, 0), 0);
	assert_int_equal(buf.len, 11);
	buf_free(&buf);
	assert_null(buf.data);
	assert_int_equal(buf.len, 0);
}

static void it_grows_up_to_its_maximum_and_no_further(void **state)
{
	struct buf buf = BUF_INIT(1000);

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(buf_append(&buf, "x", 1), 0);
	assert_int_equal(buf.len, 1000);
	assert_int_equal(buf.data[1000], '\0');
	assert_false(buf.failed);
	assert_int_equal(buf_append(&buf, "y", 1), -1);
	assert_true(buf.failed);
	assert_int_equal(buf.len, 1000);
	assert_int_equal(buf.data[999], 'x');
	buf_free(&buf);
}

static void a_failure_stays_until_clear(void **state)
{
	struct buf buf = BUF_INIT(4);

	(void)state;
	assert_int_equal(buf_puts(&buf, "abc"), 0);
	assert_int_equal(buf_puts(&buf, "de"), -1);
	assert_int_equal(buf_puts(&buf, "f"), -1); /* it would fit, but the text would have a hole */
	assert_int_equal(buf_printf(&buf, "g"), -1);
	assert_null(buf_reserve(&buf, 1));
	assert_string_equal(buf.data, "abc");
	buf_clear(&buf);
	assert_false(buf.failed);
	assert_int_equal(buf.max, 4);
	assert_int_equal(buf_puts(&buf, "wxyz"), 0);
	assert_string_equal(buf.data, "wxyz");
	buf_free(&buf);
}

static void printf_past_the_maximum_writes_nothing(void **state)
{
	struct buf buf = BUF_INIT(8);

	(void)state;
	assert_int_equal(buf_printf(&buf, "%08d", 7), 0);
	assert_string_equal(buf.data, "00000007");
	buf_clear(&buf);
	assert_int_equal(buf_printf(&buf, "%09d", 7), -1);
	assert_int_equal(buf.len, 0);
	assert_string_equal(buf.data, "");
	buf_free(&buf);
}

static void senseless_lengths_fail(void **state)
{
	struct buf buf = BUF_INIT(100), endless = BUF_INIT(SIZE_MAX);

	(void)state;
	assert_int_equal(buf_puts(&buf, "abc"), 0);
	assert_null(buf_reserve(&buf, SIZE_MAX));
	assert_int_equal(buf.len, 3);
	assert_null(buf_reserve(&endless, SIZE_MAX));
	assert_true(endless.failed);
	buf_free(&buf);
	buf_free(&endless);
}

static void reserved_room_is_terminated_however_much_is_used(void **state)
{
	struct buf buf = BUF_INIT(1000);
	char *room;

	(void)state;
	assert_int_equal(buf_puts(&buf, "0123456789"), 0);
	buf_clear(&buf);
	room = buf_reserve(&buf, 10);
	assert_non_null(room);
	memcpy(room, "abc", 3);
	buf.len += 3;
	assert_string_equal(buf.data, "abc");
	buf_consume(&buf, 1);
	assert_string_equal(buf.data, "bc");
	buf_free(&buf);
}

static void consume_drops_from_the_front(void **state)
{
	struct buf buf = BUF_INIT(100);

	(void)state;
	buf_consume(&buf, 5);
	assert_int_equal(buf_puts(&buf, "hello world"), 0);
	buf_consume(&buf, 6);
	assert_int_equal(buf.len, 5);
	assert_string_equal(buf.data, "world");
	/* What moved down has left nothing behind. */
	assert_memory_equal(buf.data + 5, "\0\0\0\0\0\0", 6);
	buf_consume(&buf, 1000);
	assert_int_equal(buf.len, 0);
	assert_string_equal(buf.data, "");
	buf_free(&buf);
}

static void memory_is_wiped_on_growth(void **state)
{
	struct buf buf = BUF_INIT(100000);

	(void)state;
	assert_int_equal(buf_puts(&buf, "a refresh token"), 0);
	watch(&buf);
	assert_non_null(buf_reserve(&buf, 50000));
	assert_int_equal(watched_freed, 1);
	assert_string_equal(buf.data, "a refresh token");
	buf_free(&buf);
}

static void memory_is_wiped_on_free(void **state)
{
	struct buf buf = BUF_INIT(1000);
	char *room;

	(void)state;
	assert_int_equal(buf_puts(&buf, "a refresh token"), 0);
	room = buf_reserve(&buf, 20);
	assert_non_null(room);
	memset(room, 'x', 20); /* received, but never counted */
	watch(&buf);
	buf_free(&buf);
	assert_int_equal(watched_freed, 1);
	assert_int_equal(buf_puts(&buf, "usable again"), 0);
	buf_free(&buf);
}

static void clear_wipes_and_keeps_the_memory(void **state)
{
	struct buf buf = BUF_INIT(1000);
	const char *data;

	(void)state;
	assert_int_equal(buf_puts(&buf, "a refresh token"), 0);
	data = buf.data;
	buf_clear(&buf);
	assert_ptr_equal(buf.data, data);
	assert_int_equal(buf.len, 0);
	for (size_t i = 0; i < buf.cap; i++)
		assert_int_equal(data[i], 0);
	buf_free(&buf);
}

static void no_memory_leaves_the_contents(void **state)
{
	struct buf buf = BUF_INIT(100000);

	(void)state;
	assert_int_equal(buf_puts(&buf, "abc"), 0);
	callocs_left = 0;
	assert_null(buf_reserve(&buf, 50000));
	callocs_left = -1;
	assert_true(buf.failed);
	assert_string_equal(buf.data, "abc");
	buf_free(&buf);
}

static void a_zeroed_buffer_may_be_cleared_and_freed(void **state)
{
	struct buf buf = {0};

	(void)state;
	buf_clear(&buf);
	buf_free(&buf);
	assert_int_equal(buf_puts(&buf, "x"), -1); /* its maximum is 0 */
	buf_free(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(appends_add_up),
	    cmocka_unit_test(it_grows_up_to_its_maximum_and_no_further),
	    cmocka_unit_test(a_failure_stays_until_clear),
	    cmocka_unit_test(printf_past_the_maximum_writes_nothing),
	    cmocka_unit_test(senseless_lengths_fail),
	    cmocka_unit_test(reserved_room_is_terminated_however_much_is_used),
	    cmocka_unit_test(consume_drops_from_the_front),
	    cmocka_unit_test(memory_is_wiped_on_growth),
	    cmocka_unit_test(memory_is_wiped_on_free),
	    cmocka_unit_test(clear_wipes_and_keeps_the_memory),
	    cmocka_unit_test(no_memory_leaves_the_contents),
	    cmocka_unit_test(a_zeroed_buffer_may_be_cleared_and_freed),
	};

	return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
