/*
 * What has to be changed in a message so that its senders are one account's. Called by policy_decide.c, which has found
 * out what does not fit. Pure but for the memory of what it writes.
 */
#include <stdio.h>
#include <string.h>

#include "milter/compose.h"
#include "milter/policy_private.h"

/* The caller's list has room for all that can come together; see POLICY_CHANGES_MAX. */
static struct buf *add(struct policy_verdict *verdict, enum policy_change_kind kind, const char *header, size_t first,
		       size_t last)
{
	struct policy_change *change = &verdict->changes[verdict->change_count++];

	*change = (struct policy_change){.kind = kind,
					 .header = header,
					 .first = (unsigned)first,
					 .last = (unsigned)last,
					 .value = BUF_INIT(COMPOSE_MAX)};
	return &change->value;
}

static struct span span_of(const char *text)
{
	return (struct span){text, strlen(text)};
}

static size_t column_of(const char *header)
{
	return strlen(header) + 2;
}

static int keep_original(struct policy_verdict *verdict, const char *header, struct span value)
{
	return compose_original(value, column_of(header), add(verdict, POLICY_INSERT, header, 0, 0));
}

static bool is_blank_field(struct span value)
{
	for (size_t i = 0; i < value.len; i++)
		if (strchr(" \t\r\n", value.at[i]) == NULL || value.at[i] == '\0')
			return false;
	return true;
}

/* --- envelope --- */

static int change_envelope(const struct plan *plan, struct policy_verdict *verdict)
{
	if (buf_puts(add(verdict, POLICY_SET_ENVELOPE, NULL, 0, 0), plan->address) != 0)
		return -1;
	if (plan->message->original_envelope > 0)
		return 0;
	return keep_original(verdict, "X-Original-Envelope-From", plan->message->envelope);
}

/* --- From --- */

/* A list of mailboxes, or something that only nearly is one, has no name that could stand for the account. */
static struct span name_of(const struct plan *plan)
{
	const struct address *from = &plan->from.address;

	if (from->kind == ADDRESS_ONE)
		return from->name;
	if (plan->message->from.count == 1 && from->kind == ADDRESS_UNPARSABLE &&
	    (from->problem == SCAN_BAD_SYNTAX || from->problem == SCAN_HIDDEN))
		return compose_salvage(plan->message->from.values[0]);
	return (struct span){0};
}

/* Replaced even if there is none: Sendmail has one of its own in reserve then, which filters are not shown and which an
 * inserted one would stand beside. */
static int write_from(const struct plan *plan, struct policy_verdict *verdict)
{
	size_t count = plan->message->from.count, column = column_of("From");

	if (count > 1)
		add(verdict, POLICY_DELETE, "From", 2, count);
	return compose_mailbox(name_of(plan), span_of(plan->address), &column,
			       add(verdict, POLICY_REPLACE, "From", 1, 1));
}

/* Inserted at the top one after the other, so from the last one back. */
static int keep_from(const struct plan *plan, struct policy_verdict *verdict)
{
	const struct policy_fields *from = &plan->message->from;
	size_t i = from->count < POLICY_FIELDS_MAX ? from->count : POLICY_FIELDS_MAX;

	if (plan->message->original_from > 0)
		return 0;
	while (i-- > 0)
		if (!is_blank_field(from->values[i]) && keep_original(verdict, "X-Original-From", from->values[i]) != 0)
			return -1;
	return 0;
}

/* --- Reply-To --- */

static bool has_mailbox(const struct address *list, size_t count, const struct address *address)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(list[i].mailbox, address->mailbox) == 0)
			return true;
	return false;
}

/* Several Reply-To fields become one, if each is one mailbox; what else they may be, they stay. */
static int merge_reply_to(const struct policy_fields *fields, struct policy_verdict *verdict)
{
	struct address list[POLICY_FIELDS_MAX];
	size_t column = column_of("Reply-To"), count = 0;
	struct buf *value;

	for (size_t i = 0; i < fields->count; i++) {
		struct address *address = &list[count];

		address_parse(fields->values[i], address);
		if (address->kind != ADDRESS_ONE)
			return 0;
		if (!has_mailbox(list, count, address))
			count++;
	}
	add(verdict, POLICY_DELETE, "Reply-To", 2, fields->count);
	value = add(verdict, POLICY_REPLACE, "Reply-To", 1, 1);
	for (size_t i = 0; i < count; i++) {
		if (i > 0) {
			buf_puts(value, ",\n ");
			column = 1;
		}
		compose_mailbox(list[i].name, list[i].written, &column, value);
	}
	return value->failed ? -1 : 0;
}

/* Answers go where they would have gone before: to the original From, unless somebody has said where else. */
static int change_reply_to(const struct plan *plan, struct policy_verdict *verdict)
{
	const struct policy_fields *fields = &plan->message->reply_to;
	const struct address *from = &plan->from.address;
	size_t column = column_of("Reply-To");
	struct buf *value;

	if (fields->count > 1)
		return fields->count <= POLICY_FIELDS_MAX ? merge_reply_to(fields, verdict) : 0;
	if (fields->count == 1 && !is_blank_field(fields->values[0]))
		return 0;
	if (from->kind != ADDRESS_ONE)
		return 0;
	if (!plan->message->smtputf8 && address_is_international(from->mailbox, from->len))
		return 0;
	value =
	    add(verdict, fields->count > 0 ? POLICY_REPLACE : POLICY_INSERT, "Reply-To", fields->count, fields->count);
	return compose_mailbox(from->name, from->written, &column, value);
}

/* --- Sender --- */

static int remove_sender(const struct plan *plan, struct policy_verdict *verdict)
{
	const struct policy_fields *fields = &plan->message->sender;

	add(verdict, POLICY_DELETE, "Sender", 1, fields->count);
	if (plan->message->original_sender > 0 || is_blank_field(fields->values[0]))
		return 0;
	return keep_original(verdict, "X-Original-Sender", fields->values[0]);
}

/* The order is that of insertion at the top: what is inserted last stands first. */
int policy_list_changes(const struct plan *plan, struct policy_verdict *verdict)
{
	if (plan->fix_sender && remove_sender(plan, verdict) != 0)
		return -1;
	if (plan->fix_from &&
	    (keep_from(plan, verdict) != 0 || change_reply_to(plan, verdict) != 0 || write_from(plan, verdict) != 0))
		return -1;
	return plan->fix_envelope ? change_envelope(plan, verdict) : 0;
}

/* --- for the log --- */

void policy_touched(const struct policy_verdict *verdict, char text[POLICY_TOUCHED_MAX])
{
	static const struct {
		const char *header, *word;
	} words[] = {{NULL, "envelope"}, {"From", "from"}, {"Reply-To", "reply-to"}, {"Sender", "sender"}};
	size_t used = 0;

	text[0] = '\0';
	for (size_t row = 0; row < sizeof words / sizeof words[0]; row++) {
		for (size_t i = 0; i < verdict->change_count; i++) {
			const char *header = verdict->changes[i].header;

			if (words[row].header == NULL ? header != NULL
						      : header == NULL || strcmp(header, words[row].header) != 0)
				continue;
			used += (size_t)snprintf(text + used, POLICY_TOUCHED_MAX - used, "%s%s", used > 0 ? "," : "",
						 words[row].word);
			break;
		}
	}
}
