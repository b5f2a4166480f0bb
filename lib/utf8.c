/* Reads one character of UTF-8, strictly. Called by whoever judges text from outside. Pure. */
#include "lib/utf8.h"

struct form {
	unsigned char mask, lead;
	size_t len;
	uint32_t lowest; /* code that wants so many bytes */
};

static const struct form forms[] = {
    {0x80, 0x00, 1, 0},
    {0xe0, 0xc0, 2, 0x80},
    {0xf0, 0xe0, 3, 0x800},
    {0xf8, 0xf0, 4, 0x10000},
};

static const struct form *form_of(unsigned char lead)
{
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
		if ((lead & forms[i].mask) == forms[i].lead)
			return &forms[i];
	return NULL;
}

size_t utf8_read(const char *at, size_t len, uint32_t *code)
{
	const struct form *form = len > 0 ? form_of((unsigned char)at[0]) : NULL;
	uint32_t value;

	if (form == NULL || form->len > len)
		return 0;
	value = (unsigned char)at[0] & (unsigned char)~form->mask;
	for (size_t i = 1; i < form->len; i++) {
		if (((unsigned char)at[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | ((unsigned char)at[i] & 0x3f);
	}
	if (value < form->lowest || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
		return 0;
	*code = value;
	return form->len;
}
