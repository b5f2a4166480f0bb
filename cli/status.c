/*
 * The command status: tokend's one line of JSON, as it is or as a table. Called by main.c through the table of
 * commands.
 */
#include <string.h>
#include <time.h>

#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "cli/status.h"
#include "cli/status_check.h"
#include "daemon/explain.h"
#include "daemon/jsondoc.h"
#include "lib/wire.h"

#define CELL_MAX 32 /* bytes, for what we write ourselves */
#define NOTE_INDENT 4

struct row {
	const char *cells[OUTPUT_TABLE_COLUMNS];
	char token[CELL_MAX], grant[CELL_MAX], refresh[CELL_MAX];
};

static const char *const heads[OUTPUT_TABLE_COLUMNS] = {"ACCOUNT", "STATE", "TOKEN", "GRANT", "LAST REFRESH"};

/* "59m left", or `absent` when there is no such number. */
static void write_cell(char cell[CELL_MAX], bool known, int64_t seconds, const char *suffix, const char *absent)
{
	struct buf text = BUF_INIT(CELL_MAX - 1);

	if (known) {
		output_duration(&text, seconds);
		buf_puts(&text, suffix);
	} else {
		buf_puts(&text, absent);
	}
	memcpy(cell, text.data ? text.data : "", text.len + 1);
	buf_free(&text);
}

/* Seconds from the moment at `key` to now. False if it is absent, null or nonsense. */
static bool age_of(const json_t *account, const char *key, int64_t now, int64_t *seconds)
{
	int64_t moment;

	if (!jsondoc_integer(account, key, &moment) || moment <= 0)
		return false;
	*seconds = now - moment;
	return true;
}

static const char *text_or(const json_t *account, const char *key, const char *absent)
{
	const char *text = json_string_value(json_object_get(account, key));

	return text ? text : absent;
}

static void make_row(struct row *row, const json_t *account, int64_t now)
{
	int64_t seconds = 0;
	bool known;

	known = jsondoc_integer(account, "token_valid_for", &seconds);
	write_cell(row->token, known, seconds, " left", "none");
	known = age_of(account, "granted_at", now, &seconds);
	write_cell(row->grant, known, seconds, " old", "-");
	known = age_of(account, "last_refresh_at", now, &seconds);
	write_cell(row->refresh, known, seconds, " ago", "never");
	row->cells[0] = text_or(account, "account", "?");
	row->cells[1] = text_or(account, "state", "?");
	row->cells[2] = row->token;
	row->cells[3] = row->grant;
	row->cells[4] = row->refresh;
}

static bool is_in_trouble(const json_t *account)
{
	static const char *const states[] = {"needs_login", "backoff", "misconfigured"};
	const char *state = text_or(account, "state", "");
	int64_t failures;
	size_t i;

	for (i = 0; i < sizeof states / sizeof states[0]; i++)
		if (strcmp(state, states[i]) == 0)
			return true;
	return (jsondoc_integer(account, "failures", &failures) && failures > 0) ||
	       json_is_true(json_object_get(account, "unsaved")) ||
	       json_is_true(json_object_get(account, "other_mailbox"));
}

/* "Failed 3 times in a row. Next try in 4m." */
static void describe_tries(struct buf *line, const json_t *account)
{
	int64_t failures = 0, next = 0;

	if (jsondoc_integer(account, "failures", &failures) && failures > 1)
		buf_printf(line, "Failed %lld times in a row. ", (long long)failures);
	if (jsondoc_integer(account, "next_try_in", &next)) {
		buf_puts(line, "Next try in ");
		output_duration(line, next);
		buf_puts(line, ".");
	}
}

static void append_other_mailbox(struct buf *out, const json_t *account, size_t width)
{
	struct buf line = BUF_INIT(1024);

	if (json_is_true(json_object_get(account, "other_mailbox")))
		buf_printf(&line, "It was %s who signed in: the mail server takes such a token for that mailbox only.",
			   text_or(account, "signed_in_as", "somebody else"));
	output_paragraph(out, line.len > 0 ? line.data : "", NOTE_INDENT, width);
	buf_free(&line);
}

/* Where the portal's steps and lines of PowerShell are: too wide to stand here. */
static void append_steps(struct buf *out, const json_t *account, size_t width)
{
	const char *error = text_or(account, "last_error", "");
	struct explain_found found;
	struct buf line = BUF_INIT(128);

	explain_text(error, strlen(error), &found);
	if (found.known && found.aadsts != 0 && found.cause.advice->steps &&
	    buf_printf(&line, "The steps: mailbearer explain %s", found.cause.name) == 0)
		output_paragraph(out, line.data, NOTE_INDENT, width);
	buf_free(&line);
}

static void append_notes(struct buf *out, const json_t *account, size_t width)
{
	struct buf tries = BUF_INIT(256);

	describe_tries(&tries, account);
	output_paragraph(out, text_or(account, "last_error", ""), NOTE_INDENT, width);
	output_paragraph(out, text_or(account, "remedy", ""), NOTE_INDENT, width);
	append_steps(out, account, width);
	output_paragraph(out, tries.len > 0 ? tries.data : "", NOTE_INDENT, width);
	if (json_is_true(json_object_get(account, "unsaved")))
		output_paragraph(out,
				 "The newest refresh token could not be saved: do not stop tokend before its log says "
				 "store-repaired.",
				 NOTE_INDENT, width);
	append_other_mailbox(out, account, width);
	buf_free(&tries);
}

/* "client_secret ends on 2027-05-01, in 12d: make a new one." */
static void append_warnings(struct buf *out, const json_t *account, int64_t now, size_t width)
{
	const json_t *warning;
	size_t i;

	json_array_foreach(json_object_get(account, "warnings"), i, warning)
	{
		struct buf line = BUF_INIT(1024);
		int64_t ends = 0;
		char date[16] = "?";
		struct tm tm;

		if (jsondoc_integer(warning, "ends_at", &ends) && gmtime_r(&(time_t){ends}, &tm))
			strftime(date, sizeof date, "%Y-%m-%d", &tm);
		buf_printf(&line, "%s %s on %s", text_or(warning, "what", "?"), ends > now ? "ends" : "ended", date);
		if (ends > now) {
			buf_puts(&line, ", in ");
			output_duration(&line, ends - now);
		}
		buf_printf(&line, ": %s.", text_or(warning, "remedy", ""));
		output_paragraph(out, line.failed ? "" : line.data, NOTE_INDENT, width);
		buf_free(&line);
	}
}

void status_table(struct buf *out, const json_t *accounts, int64_t now, size_t width)
{
	struct output_table table = {{0}};
	struct row row;
	const json_t *account;
	size_t i;

	output_measure(&table, heads);
	json_array_foreach(accounts, i, account)
	{
		make_row(&row, account, now);
		output_measure(&table, row.cells);
	}
	output_fit(&table, width);
	output_row(out, &table, heads);
	json_array_foreach(accounts, i, account)
	{
		make_row(&row, account, now);
		output_row(out, &table, row.cells);
		if (is_in_trouble(account))
			append_notes(out, account, width);
		append_warnings(out, account, now, width);
	}
}

/* An array, also of the one account that was asked for. NULL with *err set. */
static json_t *parse_answer(const struct buf *answer, struct err *err)
{
	json_t *root = jsondoc_parse(answer->data, answer->len, WIRE_STATUS_MAX, err), *array;

	if (!root)
		err_prefix(err, "tokend's answer cannot be read");
	if (!root || json_is_array(root))
		return root;
	array = json_array();
	if (!array || json_array_append_new(array, root) != 0) {
		err_set(err, ERR_MEMORY, "out of memory");
		json_decref(array);
		return NULL;
	}
	return array;
}

static enum cli_exit ask_status(const struct cli_call *call, struct buf *answer, struct err *err)
{
	char star[] = "*";
	const struct buf everything = {.data = star, .len = 1};

	return ask(call, "status", call->account ? NULL : &everything, answer, err);
}

enum cli_exit status_ask(const struct cli_call *call, json_t **accounts, struct err *err)
{
	struct buf answer = BUF_INIT(WIRE_STATUS_MAX);
	enum cli_exit result = ask_status(call, &answer, err);

	if (result == CLI_DONE && (*accounts = parse_answer(&answer, err)) == NULL)
		result = CLI_FAILED;
	buf_free(&answer);
	return result;
}

static enum cli_exit print_json(const struct cli_call *call, struct err *err)
{
	struct buf answer = BUF_INIT(WIRE_STATUS_MAX);
	enum cli_exit result = ask_status(call, &answer, err);

	if (result == CLI_DONE && output_line(&answer, err) != 0)
		result = CLI_FAILED;
	buf_free(&answer);
	return result;
}

static enum cli_exit print_table(const struct cli_call *call, struct err *err)
{
	struct buf text = BUF_INIT(OUTPUT_MAX);
	json_t *accounts = NULL;
	enum cli_exit result = status_ask(call, &accounts, err);

	if (result != CLI_DONE)
		return result;
	if (json_array_size(accounts) > 0)
		status_table(&text, accounts, time(NULL), output_width());
	else
		buf_puts(&text, "The configuration has no accounts.\n");
	if (output_print(&text, err) != 0)
		result = CLI_FAILED;
	json_decref(accounts);
	buf_free(&text);
	return result;
}

/* The exit status is what was found, and the line is on standard output whatever happens: that is all that a monitoring
 * system looks at. A tokend that does not answer is critical, since the mail waits. */
static enum cli_exit print_check(const struct cli_call *call, struct err *err)
{
	struct buf line = BUF_INIT(OUTPUT_MAX);
	json_t *accounts = NULL;
	enum cli_exit asked = status_ask(call, &accounts, err);
	enum status_level level;

	if (asked == CLI_DONE)
		level = status_check(&line, accounts, time(NULL));
	else
		level =
		    status_check_failed(&line, asked == CLI_NO_TOKEND ? STATUS_CRITICAL : STATUS_UNKNOWN, err->text);
	err->text[0] = '\0';
	buf_puts(&line, "\n");
	if (output_print(&line, err) != 0)
		level = STATUS_UNKNOWN;
	json_decref(accounts);
	buf_free(&line);
	return (enum cli_exit)level;
}

enum cli_exit cli_status(const struct cli_call *call, struct err *err)
{
	if (call->check)
		return print_check(call, err);
	return call->json ? print_json(call, err) : print_table(call, err);
}
