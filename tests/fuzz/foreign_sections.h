#ifndef MAILBEARER_TESTS_FUZZ_FOREIGN_SECTIONS_H
#define MAILBEARER_TESTS_FUZZ_FOREIGN_SECTIONS_H

#include <stdlib.h>
#include <string.h>

#include "cli/foreign.h"

/* What was taken from another program makes sections of ours, whole, whatever stood there. */
static inline void prove_sections(const struct foreign *one)
{
	struct buf text = BUF_INIT(1 << 20);
	size_t quotes = 0;

	foreign_client(one, "imported", "/etc/mailbearer/imported.secret", &text);
	foreign_account(one, "imported", &text);
	for (size_t i = 0; i < text.len; i++)
		quotes += text.data[i] == '"';
	if (text.failed || quotes % 2 != 0 || strlen(text.data) != text.len || strchr(text.data, '\\') != NULL)
		abort();
	buf_free(&text);
}

#endif
