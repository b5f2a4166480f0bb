/*
 * The strict reader of From fields: makes one mailbox of the tokens of a field, or says why not. Called by the policy
 * for fields and envelope senders. May not guess, and may not accept what some reader takes for another address.
 */
#include <string.h>

#include "milter/address.h"
#include "milter/scan.h"

/* Words and dots that stand together: a local part, a domain, or a display name. */
struct run {
	struct span text;
	size_t count;
	bool words_only; /* words and dots with nothing between them */
	bool odd;        /* a dot that ends no word */
};

struct reader {
	struct scan scan;
	struct scan_token token; /* the one not yet used */
};

static void advance(struct reader *reader)
{
	reader->token = scan_next(&reader->scan);
}

static bool at_mark(const struct reader *reader, char mark)
{
	return reader->token.kind == SCAN_MARK && *reader->token.text.at == mark;
}

static bool in_phrase(const struct reader *reader)
{
	return reader->token.kind == SCAN_WORD || reader->token.kind == SCAN_ENCODED ||
	       reader->token.kind == SCAN_QUOTED || at_mark(reader, '.');
}

static struct run read_run(struct reader *reader)
{
	struct run run = {.text = {reader->token.text.at, 0}, .words_only = true};
	enum scan_kind before = SCAN_END;

	for (; in_phrase(reader); advance(reader)) {
		if (at_mark(reader, '.') && (reader->token.loose || before != SCAN_WORD))
			run.odd = true;
		before = reader->token.kind;
		if (run.count > 0 && reader->token.loose)
			run.words_only = false;
		if (reader->token.kind == SCAN_ENCODED || reader->token.kind == SCAN_QUOTED)
			run.words_only = false;
		run.text.len = (size_t)(reader->token.text.at + reader->token.text.len - run.text.at);
		run.count++;
	}
	return run;
}

/* No dot at either end, no two in a row (RFC 5322 section 3.2.3), no character that deceives. */
static bool is_dot_atom(struct span text)
{
	if (text.len == 0 || text.at[0] == '.' || text.at[text.len - 1] == '.')
		return false;
	for (size_t i = 1; i < text.len; i++)
		if (text.at[i] == '.' && text.at[i - 1] == '.')
			return false;
	return scan_in_address(text);
}

/* Of the marks of an atom, a domain has only these. */
static bool is_domain(struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.at[i];

		if (c < 0x80 && strchr("!#$%&'*+/=?^`{|}~", c) != NULL)
			return false;
	}
	return is_dot_atom(text);
}

static bool read_domain(struct reader *reader, struct span *domain)
{
	struct run run;

	if (reader->token.loose)
		return false;
	run = read_run(reader);
	*domain = run.text;
	return run.words_only && is_domain(run.text);
}

static void put_lower(struct address *out, struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.at[i];

		out->mailbox[out->len++] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
	}
}

/* At "@", after the local part. */
static bool read_rest(struct reader *reader, const struct run *local, struct address *out)
{
	struct span domain;

	if (!at_mark(reader, '@') || reader->token.loose || !local->words_only || !is_dot_atom(local->text))
		return false;
	advance(reader);
	if (!read_domain(reader, &domain))
		return false;
	if (local->text.len > ADDRESS_LOCAL_MAX || local->text.len + 1 + domain.len > ADDRESS_MAX)
		return false;
	out->written = (struct span){local->text.at, local->text.len + 1 + domain.len};
	out->local_len = local->text.len;
	put_lower(out, out->written);
	out->mailbox[out->len] = '\0';
	return true;
}

/* At "<", after the display name. */
static bool read_brackets(struct reader *reader, struct address *out)
{
	struct run local;

	advance(reader);
	if (reader->token.loose)
		return false;
	local = read_run(reader);
	if (!read_rest(reader, &local, out) || !at_mark(reader, '>') || reader->token.loose)
		return false;
	advance(reader);
	return true;
}

static bool read_mailbox(struct reader *reader, const struct run *head, struct address *out)
{
	if (!at_mark(reader, '<'))
		return read_rest(reader, head, out);
	if (head->odd)
		return false;
	out->name = head->text;
	return read_brackets(reader, out);
}

static enum address_kind read_field(struct reader *reader, struct address *out)
{
	struct run head;

	advance(reader);
	if (reader->token.kind == SCAN_END)
		return ADDRESS_NONE;
	head = read_run(reader);
	if (head.count > 0 && at_mark(reader, ':'))
		return ADDRESS_GROUP;
	if (!read_mailbox(reader, &head, out))
		return ADDRESS_UNPARSABLE;
	if (at_mark(reader, ','))
		return ADDRESS_MANY;
	return reader->token.kind == SCAN_END ? ADDRESS_ONE : ADDRESS_UNPARSABLE;
}

void address_parse(struct span value, struct address *out)
{
	struct reader reader;

	*out = (struct address){.kind = ADDRESS_UNPARSABLE};
	scan_begin(&reader.scan, value);
	out->kind = read_field(&reader, out);
	if (out->kind == ADDRESS_ONE && out->name.len == 0) {
		out->name = reader.scan.comment;
		out->name_is_comment = out->name.len > 0;
	}
	if (out->kind != ADDRESS_ONE) {
		enum scan_problem problem = reader.scan.problem;

		if (out->kind == ADDRESS_UNPARSABLE && problem == SCAN_FINE)
			problem = SCAN_BAD_SYNTAX;
		*out = (struct address){.kind = out->kind, .problem = problem};
	}
}

bool address_plain(struct span value, struct address *out)
{
	address_parse(value, out);
	return out->kind == ADDRESS_ONE && out->written.len == value.len;
}

bool address_is_international(const char *mailbox, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)mailbox[i] >= 0x80)
			return true;
	return false;
}

const char *address_kind_name(enum address_kind kind)
{
	static const char *const names[] = {"none", "one", "many", "group", "unparsable"};

	return names[kind];
}
