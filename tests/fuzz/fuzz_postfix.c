/* Fuzz target: main.cf and master.cf as somebody may have written them. What is set is found again, and a second time
 * changes nothing; what is taken out is gone; a diff of what changed can be made. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "postfix/diff.h"
#include "postfix/main_cf.h"
#include "postfix/master_cf.h"
#include "postfix/milters.h"
#include "postfix/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

static void take_main(const struct buf *text)
{
	struct buf once = BUF_INIT(TEXT_FILE_MAX), twice = once, value = once, shown = BUF_INIT(4 * TEXT_FILE_MAX);

	main_cf_set(text, "smtpd_milters", "unix:m.sock, $more", &once);
	main_cf_set(&once, "smtpd_milters", "unix:m.sock, $more", &twice);
	if (!main_cf_get(&once, "smtpd_milters", &value) || strcmp(value.data, "unix:m.sock, $more") != 0 ||
	    !same(&once, &twice))
		abort();
	diff_unified("main.cf", text, &once, &shown);
	buf_clear(&value);
	buf_clear(&twice);
	main_cf_drop(&once, "smtpd_milters", &twice);
	if (main_cf_get(&twice, "smtpd_milters", &value))
		abort();
	if (main_cf_get(text, "smtpd_milters", &value) && value.data != NULL)
		milters_put_first(value.data, "unix:m.sock", "{ unix:m.sock }", &shown);
	buf_free(&once);
	buf_free(&twice);
	buf_free(&value);
	buf_free(&shown);
}

static void take_master(const struct buf *text)
{
	static const struct master_cf_service service = {.name = "mb",
							 .chroot = "y",
							 .maxproc = 3,
							 .options = {{"smtp_sasl_password_maps", "static:a:b"}},
							 .option_count = 1};
	struct buf once = BUF_INIT(TEXT_FILE_MAX), twice = once;
	struct err err;

	if (master_cf_set(text, &service, &once, &err) == 0 &&
	    (master_cf_set(&once, &service, &twice, &err) != 0 || !same(&once, &twice)))
		abort();
	buf_clear(&twice);
	master_cf_drop(&once, "mb", &twice);
	if (once.len > 0 && twice.len >= once.len)
		abort();
	buf_free(&once);
	buf_free(&twice);
}

/* Files with a NUL, or larger, are refused before they come here. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf text = BUF_INIT(TEXT_FILE_MAX);

	if (size > TEXT_FILE_MAX / 4 || memchr(data, '\0', size) != NULL)
		return 0;
	buf_append(&text, data, size);
	take_main(&text);
	take_master(&text);
	buf_free(&text);
	return 0;
}
