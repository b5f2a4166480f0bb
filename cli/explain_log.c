/*
 * Groups a mail log by causes. Pure, bounded. Called by explain.c with each line. Bytes of the log are shown by
 * output_safe() only.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/advice.h"
#include "cli/explain_log.h"
#include "cli/output.h"
#include "daemon/explain.h"

#define ADDRESS_SIZE 128
#define ID_SIZE 24
#define TIME_SIZE 41
#define SHOWN_SIZE 200
#define INDENT 4

struct account {
	char name[ADDRESS_SIZE];
	unsigned long count;
};

struct group {
	struct explain_cause cause;
	unsigned long count;
	struct account accounts[EXPLAIN_LOG_ACCOUNTS];
	unsigned long others; /* lines of accounts beyond these */
	char first[TIME_SIZE], last[TIME_SIZE];
};

/* A message in the queue, and who sent it. */
struct message {
	char id[ID_SIZE], sender[ADDRESS_SIZE];
};

struct explain_log {
	unsigned long lines, other_causes, unknown;
	size_t group_count;
	struct group groups[EXPLAIN_LOG_CAUSES];
	struct message messages[EXPLAIN_LOG_MESSAGES]; /* by the hash of the id; a newer one displaces an older one */
	char unknown_lines[EXPLAIN_LOG_UNKNOWN][SHOWN_SIZE];
};

struct explain_log *explain_log_new(void)
{
	return calloc(1, sizeof(struct explain_log));
}

void explain_log_free(struct explain_log *log)
{
	free(log);
}

/* The span as a string, cut where it does not fit. */
static void copy_span(char *out, size_t size, struct explain_span span)
{
	size_t len = span.len < size ? span.len : size - 1;

	memcpy(out, span.len > 0 ? span.at : "", len);
	out[len] = '\0';
}

static struct message *message_of(struct explain_log *log, const char *id)
{
	uint32_t hash = 2166136261U; /* FNV-1a */

	for (; *id; id++)
		hash = (hash ^ (unsigned char)*id) * 16777619U;
	return &log->messages[hash % EXPLAIN_LOG_MESSAGES];
}

/* Whom the line is about, "" if nothing says so. */
static void find_account(struct explain_log *log, const struct explain_found *found, char out[ADDRESS_SIZE])
{
	char id[ID_SIZE];
	const struct message *message;

	copy_span(out, ADDRESS_SIZE, found->account.len > 0 ? found->account : found->sender);
	if (out[0] != '\0' || found->queue_id.len == 0)
		return;
	copy_span(id, sizeof id, found->queue_id);
	message = message_of(log, id);
	if (strcmp(message->id, id) == 0)
		memcpy(out, message->sender, ADDRESS_SIZE);
}

static void remember_sender(struct explain_log *log, const struct explain_found *found)
{
	struct message *message;
	char id[ID_SIZE];

	if (found->queue_id.len == 0 || found->sender.len == 0)
		return;
	copy_span(id, sizeof id, found->queue_id);
	message = message_of(log, id);
	memcpy(message->id, id, sizeof id);
	copy_span(message->sender, sizeof message->sender, found->sender);
}

static struct group *group_of(struct explain_log *log, const struct explain_cause *cause)
{
	struct group *group;

	for (size_t i = 0; i < log->group_count; i++) {
		group = &log->groups[i];
		if (strcmp(group->cause.name, cause->name) == 0 && strcmp(group->cause.meaning, cause->meaning) == 0)
			return group;
	}
	if (log->group_count == EXPLAIN_LOG_CAUSES)
		return NULL;
	group = &log->groups[log->group_count++];
	group->cause = *cause;
	return group;
}

static void count_account(struct group *group, const char *name)
{
	struct account *account;

	for (size_t i = 0; i < EXPLAIN_LOG_ACCOUNTS; i++) {
		account = &group->accounts[i];
		if (account->count == 0)
			memcpy(account->name, name, strlen(name) + 1);
		if (strcmp(account->name, name) == 0) {
			account->count++;
			return;
		}
	}
	group->others++;
}

static void count_known(struct explain_log *log, const struct explain_found *found)
{
	struct group *group = group_of(log, &found->cause);
	char account[ADDRESS_SIZE];

	if (!group) {
		log->other_causes++;
		return;
	}
	copy_span(group->last, TIME_SIZE, found->time);
	if (group->count++ == 0)
		copy_span(group->first, TIME_SIZE, found->time);
	find_account(log, found, account);
	count_account(group, account);
}

static void count_unknown(struct explain_log *log, const char *line, size_t len)
{
	if (log->unknown < EXPLAIN_LOG_UNKNOWN)
		copy_span(log->unknown_lines[log->unknown], SHOWN_SIZE, (struct explain_span){line, len});
	log->unknown++;
}

void explain_log_line(struct explain_log *log, const char *line, size_t len)
{
	struct explain_found found;

	log->lines++;
	explain_text(line, len, &found);
	remember_sender(log, &found);
	if (found.known)
		count_known(log, &found);
	else if (found.trouble)
		count_unknown(log, line, len);
}

/* --- the report --- */

static int more_mail_first(const void *a, const void *b)
{
	unsigned long x = ((const struct account *)a)->count, y = ((const struct account *)b)->count;

	return x < y ? 1 : -(x > y);
}

static int most_first(const void *a, const void *b)
{
	unsigned long x = ((const struct group *)a)->count, y = ((const struct group *)b)->count;

	return x < y ? 1 : -(x > y);
}

static void append_accounts(struct buf *out, const struct group *group, size_t width)
{
	struct buf line = BUF_INIT(EXPLAIN_LOG_ACCOUNTS * (ADDRESS_SIZE + 32) + 64);

	for (size_t i = 0; i < EXPLAIN_LOG_ACCOUNTS && group->accounts[i].count > 0; i++)
		if (group->accounts[i].name[0] != '\0')
			buf_printf(&line, "%s%s (%lu)", line.len > 0 ? ", " : "Accounts: ", group->accounts[i].name,
				   group->accounts[i].count);
	if (group->others > 0)
		buf_printf(&line, " and others (%lu)", group->others);
	output_paragraph(out, line.data ? line.data : "", INDENT, width);
	buf_free(&line);
}

static void append_group(struct buf *out, const struct group *group, size_t width)
{
	/* Of several accounts none may stand in the steps, or the others would be left out. */
	bool one = group->accounts[1].count == 0 && group->accounts[0].name[0] != '\0';
	struct explain_values values = {.mailbox = one ? group->accounts[0].name : NULL};

	buf_printf(out, "%lu time%s: %s\n", group->count, group->count == 1 ? "" : "s", group->cause.name);
	advice_append(out, &group->cause, &values, INDENT, width);
	append_accounts(out, group, width);
	if (group->first[0] != '\0') {
		buf_printf(out, "%*sFrom ", INDENT, "");
		output_safe(out, group->first, strlen(group->first));
		buf_puts(out, " to ");
		output_safe(out, group->last, strlen(group->last));
		buf_puts(out, ".\n");
	}
	buf_puts(out, "\n");
}

static void append_unknown(struct explain_log *log, struct buf *out)
{
	size_t shown = log->unknown < EXPLAIN_LOG_UNKNOWN ? log->unknown : EXPLAIN_LOG_UNKNOWN;

	if (log->unknown == 0)
		return;
	buf_printf(out, "%lu line%s of trouble that the tables do not know%s:\n", log->unknown,
		   log->unknown == 1 ? "" : "s", log->unknown > shown ? "; the first of them" : "");
	for (size_t i = 0; i < shown; i++) {
		buf_printf(out, "%*s", INDENT, "");
		output_safe(out, log->unknown_lines[i], strlen(log->unknown_lines[i]));
		buf_puts(out, "\n");
	}
	buf_puts(out, "\n");
}

void explain_log_report(struct explain_log *log, struct buf *out, size_t width)
{
	qsort(log->groups, log->group_count, sizeof log->groups[0], most_first);
	for (size_t i = 0; i < log->group_count; i++) {
		qsort(log->groups[i].accounts, EXPLAIN_LOG_ACCOUNTS, sizeof log->groups[i].accounts[0],
		      more_mail_first);
		append_group(out, &log->groups[i], width);
	}
	append_unknown(log, out);
	if (log->other_causes > 0)
		buf_printf(out, "%lu lines more, of other causes.\n", log->other_causes);
	buf_printf(out, "%lu line%s read, %zu cause%s found.\n", log->lines, log->lines == 1 ? "" : "s",
		   log->group_count, log->group_count == 1 ? "" : "s");
}
