/* The reader and the writer of From fields: any bytes in; what is written is one address to the reader, and stable. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "milter/address.h"
#include "milter/compose.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Lines under 998, each but the first beginning with a blank and none of them blank; ASCII, no controls. */
static void prove_field(const struct buf *field)
{
	const char *line = field->data, *end = field->data + field->len;

	for (const char *at = line; at < end; at++) {
		if (*at == '\n' && (at + 2 >= end || at[1] != ' ' || at[2] == ' ' || at[2] == '\n'))
			abort();
		if (*at == '\n')
			line = at + 1;
		else if (*at < ' ' || *at > '~' || at - line > 900)
			abort();
	}
}

static void write_and_read(struct span name, struct buf *field, struct address *address)
{
	size_t column = strlen("From: ");

	if (compose_mailbox(name, SPAN("relay@contoso.com"), &column, field) != 0)
		abort();
	prove_field(field);
	address_parse((struct span){field->data, field->len}, address);
	if (address->kind != ADDRESS_ONE || strcmp(address->mailbox, "relay@contoso.com") != 0)
		abort();
}

static void prove_writer(struct span name)
{
	struct buf first = BUF_INIT(COMPOSE_MAX), second = BUF_INIT(COMPOSE_MAX);
	struct address address;

	write_and_read(name, &first, &address);
	write_and_read(address.name, &second, &address);
	if (first.len != second.len || memcmp(first.data, second.data, first.len) != 0)
		abort();
	buf_free(&first);
	buf_free(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span value = {(const char *)data, size};
	struct buf original = BUF_INIT(COMPOSE_MAX);
	struct address address;

	address_parse(value, &address);
	if (address.kind == ADDRESS_ONE && (address.len < 3 || address.mailbox[address.local_len] != '@'))
		abort();
	prove_writer(value);
	prove_writer(address.name);
	prove_writer(compose_salvage(value));
	if (compose_original(value, 17, &original) != 0)
		abort();
	if (original.len > 0)
		prove_field(&original);
	buf_free(&original);
	return 0;
}
