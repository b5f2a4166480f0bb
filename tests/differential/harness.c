/*
 * The C side of the differential test: our reader and writer of addresses beside GMime's reader. Reads questions on
 * standard input, each four bytes of length, big-endian, and then so many bytes:
 *
 *    R VALUE              read a field: "KIND\tMAILBOX\tGMIME"
 *    W MAILBOX \0 NAME    write a field and read that: "KIND\tMAILBOX\tGMIME\tFIELD"
 *
 * and answers each with a line. MAILBOX is what we read, GMIME the addresses that GMime reads in strict mode, separated
 * by blanks; every byte that is not a letter, a digit or "@" is written as %XX. Driven by test_from.py.
 */
#include <gmime/gmime.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "milter/address.h"
#include "milter/compose.h"

#define QUESTION_MAX (1024 * 1024)

static void show(const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)bytes[i];

		if (g_ascii_isalnum(c) || c == '@')
			putchar(c);
		else
			printf("%%%02X", c);
	}
}

static void show_list(InternetAddressList *list)
{
	for (int i = 0; list != NULL && i < internet_address_list_length(list); i++) {
		InternetAddress *entry = internet_address_list_get_address(list, i);
		const char *address = "GROUP";

		if (INTERNET_ADDRESS_IS_MAILBOX(entry))
			address = internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(entry));
		if (i > 0)
			putchar(' ');
		show(address != NULL ? address : "", address != NULL ? strlen(address) : 0);
	}
}

static void read_field(GMimeParserOptions *options, const char *value, size_t len)
{
	static const char *const kinds[] = {"none", "one", "many", "group", "unparsable"};
	InternetAddressList *list;
	struct address address;

	address_parse((struct span){value, len}, &address);
	printf("%s\t", kinds[address.kind]);
	show(address.mailbox, address.len);
	putchar('\t');
	if (memchr(value, '\0', len) == NULL) {
		list = internet_address_list_parse(options, value);
		show_list(list);
		if (list != NULL)
			g_object_unref(list);
	}
}

static void write_field(GMimeParserOptions *options, const char *question, size_t len)
{
	struct span mailbox = {question, strnlen(question, len)};
	struct span name = {question + mailbox.len + 1, len - mailbox.len - 1};
	struct buf field = BUF_INIT(COMPOSE_MAX);
	size_t column = strlen("From: ");

	if (mailbox.len == len || compose_mailbox(name, mailbox, &column, &field) != 0)
		abort();
	read_field(options, field.data, field.len);
	putchar('\t');
	show(field.data, field.len);
	buf_free(&field);
}

/* The length, or -1 at the end of the input. A NUL is put behind the bytes. */
static long read_question(char *question)
{
	uint8_t head[4];
	uint32_t len;

	if (fread(head, 1, sizeof head, stdin) != sizeof head)
		return -1;
	len = (uint32_t)head[0] << 24 | (uint32_t)head[1] << 16 | (uint32_t)head[2] << 8 | head[3];
	if (len > QUESTION_MAX || fread(question, 1, len, stdin) != len)
		return -1;
	question[len] = '\0';
	return (long)len;
}

int main(void)
{
	char *question = malloc(QUESTION_MAX + 1);
	GMimeParserOptions *options;
	long len;

	if (question == NULL)
		return 1;
	g_mime_init();
	options = g_mime_parser_options_new();
	g_mime_parser_options_set_address_compliance_mode(options, GMIME_RFC_COMPLIANCE_STRICT);
	g_mime_parser_options_set_rfc2047_compliance_mode(options, GMIME_RFC_COMPLIANCE_STRICT);
	g_mime_parser_options_set_allow_addresses_without_domain(options, FALSE);
	while ((len = read_question(question)) > 0) {
		if (question[0] == 'W')
			write_field(options, question + 1, (size_t)len - 1);
		else
			read_field(options, question + 1, (size_t)len - 1);
		putchar('\n');
		fflush(stdout);
	}
	free(question);
	return 0;
}
